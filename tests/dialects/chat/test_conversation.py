import msgspec
import pytest

from dragoman import errors
from dragoman.dialects.calls import alias
from dragoman.dialects.profile import PROFILES, Profile
from dragoman.errors import GatewayError
from dragoman.turn import (
    Audio,
    Image,
    Item,
    Message,
    Native,
    Place,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from tests.dialects.chat import sdk
from tests.dialects.chat.asking import UNSUPPORTED, Json, losses, messages, raw, refused, rendered

OPEN = Profile(merge_system=True, developer="system", text_parts=False, refusals=False, reasoning_field="reasoning")
PNG = "data:image/png;base64,AA=="
USER = Message("user", (Text("Hi"),))


def said(role: Role, *texts: str, **more: str) -> Message:
    return Message(role, tuple(Text(text) for text in texts), **more)


def function(identity: str, name: str = "f", arguments: str = "{}") -> Json:
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


def lost(*items: Item, profile: Profile | None = None) -> list[tuple[str, str]]:
    return losses(Turn("fast", items=items), profile)


def test_system_messages_keep_their_order_and_number() -> None:
    given = (said("system", "a"), said("developer", "b"), USER, said("system", "c"))
    assert messages(*given) == [
        {"role": "system", "content": "a"},
        {"role": "developer", "content": "b"},
        {"role": "user", "content": "Hi"},
        {"role": "system", "content": "c"},
    ]
    assert lost(*given) == []


def test_a_developer_is_the_system_where_nobody_knows_developers() -> None:
    sent = messages(said("developer", "b"), USER, profile=Profile(developer="system"))
    assert sent[0] == {"role": "system", "content": "b"}


def test_strict_templates_get_one_leading_system_message() -> None:
    given = (said("system", "a"), said("developer", "b", "c"), USER, said("system", "d"))
    assert messages(*given, profile=OPEN) == [
        {"role": "system", "content": "a\n\nb\n\nc\n\nd"},
        {"role": "user", "content": "Hi"},
    ]
    assert ("input", "mapped") in lost(*given, profile=OPEN)


@pytest.mark.parametrize("given", [(USER,), (said("system", "a"), USER)])
def test_what_is_strict_already_is_not_merged(given: tuple[Message, ...]) -> None:
    assert lost(*given, profile=OPEN) == []
    assert [message["role"] for message in messages(*given, profile=OPEN)] == [item.role for item in given]


def test_a_late_system_message_moves_to_the_front() -> None:
    sent = messages(USER, said("system", "a"), profile=OPEN)
    assert [message["role"] for message in sent] == ["system", "user"]


def test_a_merged_system_message_is_text_without_breakpoints() -> None:
    marked = Message("system", (Text("a", cache=raw({"mode": "explicit"})),))
    assert messages(marked, said("system", "b"), profile=OPEN)[0]["content"] == "a\n\nb"
    assert ("input", "dropped") in lost(marked, said("system", "b"), profile=OPEN)
    shown = Message("system", (Image(PNG),))
    refused(lambda: messages(shown, said("system", "b"), profile=OPEN), "input", UNSUPPORTED)


def test_what_an_assistant_said_is_accepted_in_the_history() -> None:
    annotated = Text("a", (raw({"type": "url_citation"}),), (raw({"token": "a"}),))
    given = (USER, Message("assistant", (annotated,), id="msg_1", phase="commentary"), USER)
    assert messages(*given)[1] == {"role": "assistant", "content": "a"}
    assert lost(*given) == [("input[1].phase", "dropped"), ("input[1].content[0].annotations", "dropped")]


def test_the_texts_of_one_turn_are_joined_in_order() -> None:
    given = (said("assistant", "a", "b", phase="commentary"), said("assistant", "c", phase="final_answer"))
    assert messages(USER, *given)[1:] == [{"role": "assistant", "content": "abc"}]


def test_calls_and_outputs_stand_side_by_side() -> None:
    given = (
        ToolCall("a", "f", '{"x":1}', id="fc_1"),
        ToolCall("b", "g", "", id="fc_2"),
        ToolResult("a", (Text("1"),)),
        ToolResult("b", (Text("2"),)),
    )
    assert messages(USER, *given)[1:] == [
        {"role": "assistant", "content": None, "tool_calls": [function("a", "f", '{"x":1}'), function("b", "g")]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
    ]


@pytest.mark.parametrize(
    "given",
    [
        (said("assistant", "t"), Reasoning(("hm",)), ToolCall("a", "f", "{}")),
        (Reasoning(("hm",)), said("assistant", "t"), ToolCall("a", "f", "{}")),
        (ToolCall("a", "f", "{}"), Reasoning(("hm",)), said("assistant", "t")),
    ],
)
def test_what_one_turn_said_thought_and_called_is_one_message(given: tuple[Item, ...]) -> None:
    sent = messages(USER, *given, ToolResult("a", (Text("1"),)), profile=OPEN)
    assert sent[1] == {
        "role": "assistant", "content": "t", "reasoning": "hm", "tool_calls": [function("a")],
    }  # fmt: skip
    assert [message["role"] for message in sent] == ["user", "assistant", "tool"]


def test_what_was_said_after_a_call_is_told_as_moved() -> None:
    assert lost(USER, ToolCall("a", "f", "{}"), said("assistant", "t")) == [("input[2]", "mapped")]


def test_every_round_of_calls_is_a_turn_of_its_own() -> None:
    given = (ToolCall("a", "f", "{}"), ToolResult("a", ()), ToolCall("b", "f", "{}"), ToolResult("b", ()))
    assert [message["role"] for message in messages(*given)] == ["assistant", "tool", "assistant", "tool"]


def test_an_output_stands_behind_its_call_even_if_somebody_spoke_between() -> None:
    given = (
        ToolCall("a", "f", "{}"),
        ToolCall("b", "f", "{}"),
        ToolResult("b", (Text("2"),)),
        USER,
        ToolResult("a", (Text("1"),)),
    )
    sent = messages(*given)
    assert [message["role"] for message in sent] == ["assistant", "tool", "tool", "user"]
    assert [message["content"] for message in sent[1:3]] == ["2", "1"]
    assert lost(*given) == [("input[4]", "mapped")]


def test_an_output_without_its_call_is_refused_by_name() -> None:
    with pytest.raises(GatewayError, match="No call with the id 'x'") as raised:
        messages(USER, ToolResult("x", (Text("1"),)))
    assert (raised.value.kind, raised.value.param) == (errors.INVALID_REQUEST, "input[1].call_id")


def test_reasoning_is_kept_for_the_provider_and_never_becomes_text() -> None:
    given = (Reasoning(("b", "c"), ("a",)), said("assistant", "t"), Reasoning(("d",)))
    assert messages(USER, *given, profile=OPEN)[1] == {
        "role": "assistant", "content": "t", "reasoning": "a\n\nb\n\nc\n\nd",
    }  # fmt: skip
    assert messages(USER, *given)[1] == {"role": "assistant", "content": "t"}
    assert lost(USER, *given) == [("input[1]", "dropped"), ("input[3]", "dropped")]
    assert lost(USER, Reasoning()) == []


def test_reasoning_alone_makes_a_message_that_upstreams_take() -> None:
    assert messages(Reasoning(("a",)), USER, profile=OPEN)[0] == {
        "role": "assistant", "content": "", "reasoning": "a",
    }  # fmt: skip


def test_reasoning_that_only_its_maker_can_read_is_refused() -> None:
    sealed = Reasoning(summary=("a",), seal="gAAA", sealed_by="responses")
    refused(lambda: messages(USER, sealed), "input[1].encrypted_content", UNSUPPORTED)
    lenient = Profile(allow_unknown=True, reasoning_field="reasoning")
    assert messages(USER, sealed, profile=lenient)[1]["reasoning"] == "a"
    assert lost(USER, sealed, profile=lenient) == [("input[1].encrypted_content", "dropped")]


def test_a_signature_is_left_behind_and_the_text_that_it_signs_is_kept() -> None:
    signed = Reasoning(("a",), seal="sig", sealed_by="messages")
    assert messages(USER, signed, profile=OPEN)[1]["reasoning"] == "a"
    assert lost(USER, signed, profile=OPEN) == [("input[1].encrypted_content", "dropped")]


def test_a_refusal_has_a_place_of_its_own_or_is_text() -> None:
    given = Message("assistant", (Text("a"), Refusal("No."), Refusal(" Never.")))
    assert messages(USER, given)[1] == {"role": "assistant", "content": "a", "refusal": "No. Never."}
    assert messages(USER, given, profile=OPEN)[1] == {"role": "assistant", "content": "aNo. Never."}
    assert lost(USER, given, profile=OPEN) == [("input[1].refusal", "mapped")] * 2
    assert messages(USER, Message("assistant", (Refusal("No."),)))[1]["content"] is None


def test_an_assistant_shows_nothing() -> None:
    for part, kind in ((Image(PNG), "image"), (Audio("", "wav"), "audio")):
        shown = Message("assistant", (part,))
        assert kind in refused(lambda shown=shown: messages(USER, shown), "input[1]", UNSUPPORTED)  # type: ignore[misc]


def test_several_texts_are_a_list_or_one_string() -> None:
    given = said("user", "a", "b")
    assert messages(given)[0]["content"] == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert messages(given, profile=OPEN)[0]["content"] == "a\n\nb"
    assert lost(given, profile=OPEN) == [("input[0].content", "mapped")]
    assert messages(Message("user", ()))[0]["content"] == ""
    shown = Message("user", (Text("a"), Image(PNG)))
    assert [part["type"] for part in messages(shown, profile=OPEN)[0]["content"]] == ["text", "image_url"]


def test_a_hint_of_another_dialect_does_not_make_a_list() -> None:
    hinted = Message("user", (Text("a", cache=raw({"type": "ephemeral"})),))
    assert messages(hinted)[0]["content"] == "a"
    assert lost(hinted) == [("input[0].content[0].prompt_cache_breakpoint", "dropped")]
    marked = Message("user", (Text("a", cache=raw({"mode": "explicit"})),))
    assert messages(marked)[0]["content"] == [
        {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}
    ]
    spoken = msgspec.structs.replace(marked, role="assistant")
    assert lost(USER, spoken) == [("input[1].content[0].prompt_cache_breakpoint", "dropped")]


@pytest.mark.parametrize("role", ["user", "system", "assistant"])
def test_the_name_of_a_participant_goes_by_the_profile(role: Role) -> None:
    given = said(role, "a", name="ann")
    assert messages(given)[0] == {"role": role, "content": "a", "name": "ann"}
    prefix = Profile(names="prefix")
    assert messages(given, profile=prefix)[0] == {"role": role, "content": "ann: a"}
    assert lost(given, profile=prefix) == [("input[0].name", "mapped")]
    refused(lambda: messages(given, profile=Profile(names="reject")), "input[0].name", UNSUPPORTED)


def test_a_name_stands_before_the_first_text_if_there_is_one() -> None:
    shown = Message("user", (Image(PNG), Text("a")), name="ann")
    assert [part.get("text") for part in messages(shown, profile=Profile(names="prefix"))[0]["content"]] == [
        None, "ann: a",
    ]  # fmt: skip
    dumb = Message("user", (Image(PNG),), name="ann")
    assert [part.get("text") for part in messages(dumb, profile=Profile(names="prefix"))[0]["content"]] == [
        "ann:", None,
    ]  # fmt: skip


def test_what_two_assistants_said_is_two_messages() -> None:
    given = (said("assistant", "a", name="ann"), Reasoning(("hm",)), said("assistant", "b", name="bob"))
    assert [message.get("name") for message in messages(*given)] == ["ann", "bob"]
    thought = (Reasoning(("hm",)), said("assistant", "a", name="ann"))
    assert len(messages(*thought, profile=OPEN)) == 1


def test_an_image_that_a_tool_gave_reaches_the_model_after_all_outputs() -> None:
    given = (
        ToolCall("a", "f", "{}"),
        ToolCall("b", "f", "{}"),
        ToolResult("a", (Text("seen"), Image(PNG))),
        ToolResult("b", (Image(PNG, detail="low"),)),
        said("assistant", "t"),
    )
    sent = messages(*given)
    assert [message["role"] for message in sent] == ["assistant", "tool", "tool", "user", "assistant"]
    assert sent[1]["content"] == "seen"
    assert PNG not in sent[2]["content"]
    assert sent[3]["content"] == [
        {"type": "text", "text": "Output of the tool call a:"},
        {"type": "image_url", "image_url": {"url": PNG, "detail": "auto"}},
        {"type": "text", "text": "Output of the tool call b:"},
        {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
    ]
    assert lost(*given) == [("input[2].output", "mapped"), ("input[3].output", "mapped")]
    assert messages(*given[:-1])[-1]["role"] == "user"
    refused(lambda: messages(*given, profile=Profile(tool_images="reject")), "input[2].output", UNSUPPORTED)


CALL = ToolCall("a", "f", "{}")


def test_a_tool_that_failed_says_so() -> None:
    for parts, text in (((Text("x"),), "Error: x"), ((), "Error: "), ((Text("x"), Text("y")), "Error: x")):
        content = messages(CALL, ToolResult("a", parts, is_error=True))[1]["content"]
        assert (content if isinstance(content, str) else content[0]["text"]) == text
    assert lost(CALL, ToolResult("a", (Text("x"),), is_error=True)) == [("input[1].is_error", "mapped")]


def test_the_texts_of_a_tool_are_a_list_or_one_string() -> None:
    given = ToolResult("a", (Text("x"), Refusal("y"), Text("z", cache=raw({"mode": "explicit"}))))
    assert [part["text"] for part in messages(CALL, given)[1]["content"]] == ["x", "y", "z"]
    assert "prompt_cache_breakpoint" in messages(CALL, given)[1]["content"][2]
    plain = ToolResult("a", (Text("x"), Text(""), Text("y")))
    assert messages(CALL, plain, profile=OPEN)[1]["content"] == "x\n\ny"
    assert messages(CALL, ToolResult("a", ()))[1]["content"] == ""


def test_a_custom_call_in_the_history_is_what_its_tool_is() -> None:
    given = (ToolCall("a", "patch", "*** Begin\n", "custom"), ToolResult("a", (Text("ok"),), "custom"))
    native = {"id": "a", "type": "custom", "custom": {"name": "patch", "input": "*** Begin\n"}}
    assert messages(*given)[0]["tool_calls"] == [native]
    wrapped = function("a", "patch", '{"input":"*** Begin\\n"}')
    assert messages(*given, profile=Profile(custom_tools="wrap"))[0]["tool_calls"] == [wrapped]
    refused(lambda: messages(*given, profile=Profile(custom_tools="reject")), "input[0].type", UNSUPPORTED)


def test_a_call_goes_under_the_name_that_its_tool_has_there() -> None:
    long = "mcp__" + "x" * 80
    call = ToolCall("a", long, "{}")
    assert messages(call)[0]["tool_calls"] == [function("a", alias(long))]
    assert messages(call, profile=Profile(tool_names="keep"))[0]["tool_calls"] == [function("a", long)]


def test_what_only_one_dialect_has_is_refused_where_it_stood() -> None:
    native = Native("responses", "web_search_call", "input[3]", raw({}))
    assert "web_search_call" in refused(lambda: messages(native), "input[3]", UNSUPPORTED)


def test_things_are_named_as_the_caller_named_them() -> None:
    instructions = Message("system", (Text("a"),), id="instructions")
    image = Message("user", (Image(file_id="f"),))
    places = (Place("instructions", ("instructions",)), Place("input[0]"))
    turn = Turn("m", items=(instructions, image), places=places)
    refused(lambda: rendered(turn), "input[0].content[0].file_id", UNSUPPORTED)
    stored = msgspec.structs.replace(turn, items=(image, *turn.items))
    refused(lambda: rendered(stored), "previous_response_id.content[0].file_id", UNSUPPORTED)


@pytest.mark.parametrize("name", PROFILES)
def test_every_upstream_gets_messages_that_the_sdk_would_send(name: str) -> None:
    given: tuple[Item, ...] = (
        said("system", "a"),
        said("developer", "b", "c"),
        Message("user", (Text("d"), Image(PNG)), name="ann"),
        Reasoning(("hm",)),
        said("assistant", "e"),
        ToolCall("x", "f", '{"y":1}'),
        ToolResult("x", (Text("1"), Text("2"), Image(PNG))),
        Message("assistant", (Refusal("No."),)),
        USER,
    )
    sdk.check_request({"model": "m", "messages": messages(*given, profile=PROFILES[name])})
