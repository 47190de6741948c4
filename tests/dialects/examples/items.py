"""Examples of what has been said: messages, calls, results and reasoning."""

from typing import Final

from dragoman.dialects import fields as f
from tests.dialects.examples.example import Example, Json, example

HI: Final = {"role": "user", "content": "Hi"}
HO: Final = {"role": "assistant", "content": "Ho"}
BRIEF: Final = {"role": "system", "content": "Be brief."}
DEVELOPER: Final = {"role": "developer", "content": "Be brief."}
EPHEMERAL: Final = {"type": "ephemeral"}
PIXEL: Final = "data:image/png;base64,AA=="
IMAGE: Final = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}


def told(role: str, text: str) -> Json:
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}


def spoken(text: str, **more: object) -> Json:
    part = {"type": "output_text", "text": text, "annotations": [], **more}
    return {"type": "message", "role": "assistant", "content": [part], "id": "msg_1", "status": "completed"}


def said(*messages: object) -> Json:
    """Of Chat and of Messages, which call it the same."""
    return {"messages": list(messages)}


def given(*items: object) -> Json:
    return {"input": list(items)}


def calls(*calls: Json, **more: object) -> Json:
    return {"role": "assistant", "content": None, "tool_calls": list(calls), **more}


def call(identity: str = "a", name: str = "n") -> Json:
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": "{}"}}


def item(identity: str = "a", name: str = "n", **more: object) -> Json:
    return {"type": "function_call", "call_id": identity, "name": name, "arguments": "{}", **more}


def use(identity: str = "a", name: str = "n", **more: object) -> Json:
    return {"type": "tool_use", "id": identity, "name": name, "input": {}, **more}


def assistant(*blocks: object) -> Json:
    return {"role": "assistant", "content": list(blocks)}


def user(*blocks: object) -> Json:
    return {"role": "user", "content": list(blocks)}


def tool(content: object = "x", identity: str = "a", **more: object) -> Json:
    return {"role": "tool", "tool_call_id": identity, "content": content, **more}


def output(content: object = "x", identity: str = "a", **more: object) -> Json:
    return {"type": "function_call_output", "call_id": identity, "output": content, **more}


def result(content: object = "x", identity: str = "a", **more: object) -> Json:
    return {"type": "tool_result", "tool_use_id": identity, "content": content, **more}


CUSTOM: Final[Json] = {"id": "a", "type": "custom", "custom": {"name": "p", "input": "x"}}
CUSTOM_ITEM: Final[Json] = {"type": "custom_tool_call", "call_id": "a", "name": "p", "input": "x"}
CUSTOM_OUTPUT: Final[Json] = {"type": "custom_tool_call_output", "call_id": "a", "output": "x"}
WRAPPED: Final[Json] = {"id": "a", "type": "function", "function": {"name": "p", "arguments": '{"input":"x"}'}}
CALLED: Final = said(HI, calls(call()), tool())
CALLED_ITEMS: Final = given(HI, item(), output())
CALLED_SENT: Final = given(told("user", "Hi"), item(), output())
CALLED_BLOCKS: Final = said(HI, assistant(use()), user(result()))
THOUGHT: Final = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}
THINKING: Final = {"type": "thinking", "thinking": "hm", "signature": "s"}
UNSIGNED: Final = {"type": "thinking", "thinking": "hm", "signature": ""}
SEARCHED: Final = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
SERVER_USE: Final = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}

EXAMPLES: Final[list[Example]] = [
    *example(f.SYSTEM, "mapped", "c>r", said(BRIEF, HI), given(told("system", "Be brief."), told("user", "Hi"))),
    *example(f.SYSTEM, "mapped", "c>m", said(BRIEF, HI), {"system": "Be brief."}),
    *example(f.SYSTEM, "mapped", "r>c", given(BRIEF, HI), said(BRIEF, HI)),
    *example(f.SYSTEM, "mapped", "r>m", given(BRIEF, HI), {"system": "Be brief."}),
    *example(f.SYSTEM, "mapped", "m>c", said(BRIEF, HI), said(BRIEF, HI)),
    *example(f.SYSTEM, "mapped", "m>r", said(BRIEF, HI), given(told("system", "Be brief."), told("user", "Hi"))),
    *example(
        f.SYSTEM, "refused", "r>c", given({"role": "system", "content": [{"type": "input_image", "image_url": PIXEL}]}, BRIEF),
        param="input", quirks={"merge_system": True},
    ),
    *example(f.DEVELOPER, "mapped", "c>r", said(DEVELOPER, HI), given(told("developer", "Be brief."), told("user", "Hi"))),
    *example(f.DEVELOPER, "mapped", "r>c", given(DEVELOPER, HI), said(BRIEF, HI), quirks={"developer": "system"}),
    *example(f.DEVELOPER, "mapped", "c>m", said(DEVELOPER, HI), {"system": "Be brief."}),
    *example(f.DEVELOPER, "mapped", "r>m", given(DEVELOPER, HI), {"system": "Be brief."}),
    *example(f.LATE_SYSTEM, "mapped", "c>r", said(HI, BRIEF), given(told("user", "Hi"), told("system", "Be brief."))),
    *example(f.LATE_SYSTEM, "mapped", "m>r", said(HI, BRIEF), given(told("user", "Hi"), told("system", "Be brief."))),
    *example(f.LATE_SYSTEM, "mapped", "r>c", given(HI, BRIEF), said(HI, BRIEF)),
    *example(f.LATE_SYSTEM, "mapped", "m>c", said(HI, BRIEF), said(HI, BRIEF)),
    *example(f.LATE_SYSTEM, "mapped", "c>m", said(HI, BRIEF), {"system": "Be brief."}, param="messages[1]", row="moves"),
    *example(f.LATE_SYSTEM, "mapped", "r>m", given(HI, BRIEF), {"system": "Be brief."}, param="input[1]", row="moves"),
    *example(f.LATE_SYSTEM, "mapped", "c>m", said(HI, BRIEF), said(HI, BRIEF), row="=", quirks={"late_system": "keep"}),
    *example(f.LATE_SYSTEM, "mapped", "r>m", given(HI, BRIEF), said(HI, BRIEF), row="=", quirks={"late_system": "keep"}),
    *example(f.USER_SAID, "mapped", "c>r m>r", said(HI), given(told("user", "Hi"))),
    *example(f.USER_SAID, "mapped", "c>m m>c", said(HI), said(HI)),
    *example(f.USER_SAID, "mapped", "r>c r>m", given(HI), said(HI)),
    *example(f.SAID, "mapped", "c>r m>r", said(HI, HO), given(told("user", "Hi"), spoken("Ho"))),
    *example(f.SAID, "mapped", "c>m m>c", said(HI, HO), said(HI, HO)),
    *example(f.SAID, "mapped", "r>c r>m", given(HI, HO), said(HI, HO)),
    *example(
        f.SAID, "refused", "r>c", given(HI, {"role": "assistant", "content": [{"type": "input_image", "image_url": PIXEL}]}),
        param="input[1]",
    ),
    *example(f.SAID_AFTER, "mapped", "r>c", given(HI, item(), HO, output()), said(HI, calls(call(), content="Ho"), tool()), param="input[2]"),
    *example(
        f.SAID_AFTER, "mapped", "m>c", said(HI, assistant(use(), {"type": "text", "text": "Ho"}), user(result())),
        said(HI, calls(call(), content="Ho"), tool()), param="messages[1]",
    ),
    *example(
        f.SAID_AFTER, "mapped", "r>m", given(HI, item(), HO, output()),
        said(HI, assistant(use(), {"type": "text", "text": "Ho"}), user(result())),
    ),
    *example(
        f.SAID_AFTER, "mapped", "m>r", said(HI, assistant(use(), {"type": "text", "text": "Ho"}), user(result())),
        given(told("user", "Hi"), item(), spoken("Ho"), output()),
    ),
    *example(f.NAME, "mapped", "c>r", said({**HI, "name": "ann"}), given(told("user", "ann: Hi")), param="messages[0].name"),
    *example(f.NAME, "mapped", "c>m", said({**HI, "name": "ann"}), said({**HI, "content": "ann: Hi"}), param="messages[0].name"),
    *example(
        f.NAME, "dropped", "c>r", said({"role": "user", "name": "ann", "content": [{"type": "image_url", "image_url": {"url": PIXEL}}]}),
        given({"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": PIXEL, "detail": "auto"}]}),
        param="messages[0].name",
    ),
    *example(f.NAME, "refused", "c>r c>m", said({**HI, "name": "ann"}), param="messages[0].name", quirks={"names": "reject"}),
    *example(f.RESULT_NAME, "vacuous", "c>r c>m", said(HI, calls(call()), tool(name="n")), beside=CALLED),
    *example(f.RESULT_NAME, "vacuous", "r>c r>m", given(HI, item(), output(name="n")), beside=CALLED_ITEMS),
    *example(f.PHASE, "dropped", "r>c r>m", given(HI, {**HO, "phase": "commentary"}), said(HI, HO), param="input[1].phase"),
    *example(f.ITEM_ID, "vacuous", "r>c r>m", given(HI, item(id="fc_1"), output()), beside=CALLED_ITEMS),
    *example(f.STATUS, "vacuous", "r>c r>m", given(HI, item(status="completed"), output()), beside=CALLED_ITEMS),
    *example(
        f.REFUSAL, "mapped", "c>r", said(HI, {"role": "assistant", "content": None, "refusal": "No."}),
        given(told("user", "Hi"), {**spoken(""), "content": [{"type": "refusal", "refusal": "No."}]}),
    ),
    *example(
        f.REFUSAL, "mapped", "r>c", given(HI, {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}),
        said(HI, {"role": "assistant", "content": None, "refusal": "No."}), row="=",
    ),
    *example(
        f.REFUSAL, "mapped", "c>m", said(HI, {"role": "assistant", "content": None, "refusal": "No."}),
        said(HI, {"role": "assistant", "content": "No."}), param="messages[1].refusal",
    ),
    *example(
        f.REFUSAL, "mapped", "r>m", given(HI, {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}),
        said(HI, {"role": "assistant", "content": "No."}), param="input[1].refusal",
    ),
    *example(
        f.REFUSAL, "mapped", "r>c", given(HI, {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}),
        said(HI, {"role": "assistant", "content": "No."}), param="input[1].refusal", row="as text", quirks={"refusals": False},
    ),
    *example(f.PARSED, "vacuous", "c>r c>m", said(HI, {**HO, "parsed": {"a": 1}}), beside=said(HI, HO)),
    *example(f.AUDIO_SAID, "refused", "c>r c>m", said(HI, {"role": "assistant", "audio": {"id": "a"}}), param="messages[1].audio"),
    *example(
        f.REASONING, "mapped", "c>r", said(HI, {**HO, "reasoning_content": "hm"}),
        given(told("user", "Hi"), {"id": "rs_1", **THOUGHT}, spoken("Ho")), quirks={"reasoning_field": "reasoning_content"},
    ),
    *example(
        f.REASONING, "mapped", "m>r", said(HI, assistant(UNSIGNED, {"type": "text", "text": "Ho"})),
        given(told("user", "Hi"), {"id": "rs_1", **THOUGHT}, spoken("Ho")), quirks={"reasoning_field": "reasoning_content"},
    ),
    *example(
        f.REASONING, "mapped", "r>c", given(HI, THOUGHT, HO), said(HI, {**HO, "reasoning": "hm"}),
        quirks={"reasoning_field": "reasoning"},
    ),
    *example(
        f.REASONING, "mapped", "m>c", said(HI, assistant(UNSIGNED, {"type": "text", "text": "Ho"})),
        said(HI, {**HO, "reasoning": "hm"}), quirks={"reasoning_field": "reasoning"},
    ),
    *example(f.REASONING, "dropped", "r>c", given(HI, THOUGHT, HO), said(HI, HO), param="input[1]"),
    *example(f.REASONING, "dropped", "m>c", said(HI, assistant(UNSIGNED, {"type": "text", "text": "Ho"})), said(HI, HO), param="messages[1].content[0]"),
    *example(f.REASONING, "dropped", "c>r", said(HI, {**HO, "reasoning_content": "hm"}), given(told("user", "Hi"), spoken("Ho")), param="messages[1].reasoning_content"),
    *example(
        f.REASONING, "dropped", "m>r", said(HI, assistant(UNSIGNED, {"type": "text", "text": "Ho"})),
        given(told("user", "Hi"), spoken("Ho")), param="messages[1].content[0]",
    ),
    *example(f.REASONING, "dropped", "c>m", said(HI, {**HO, "reasoning_content": "hm"}), said(HI, HO), param="messages[1].reasoning_content"),
    *example(f.REASONING, "dropped", "r>m", given(HI, THOUGHT, HO), said(HI, HO), param="input[1]"),
    *example(
        f.SEAL, "dropped", "r>c", given(HI, {**THOUGHT, "encrypted_content": "s"}, HO), said(HI, {**HO, "reasoning": "hm"}),
        param="input[1].encrypted_content", quirks={"reasoning_field": "reasoning"},
    ),
    *example(f.SEAL, "dropped", "r>m", given(HI, {**THOUGHT, "encrypted_content": "s"}, HO), said(HI, HO), param="input[1].encrypted_content"),
    *example(
        f.SEAL, "dropped", "m>c", said(HI, assistant(THINKING, {"type": "text", "text": "Ho"})), said(HI, {**HO, "reasoning": "hm"}),
        param="messages[1].content[0].signature", quirks={"reasoning_field": "reasoning"},
    ),
    *example(
        f.SEAL, "dropped", "m>r", said(HI, assistant(THINKING, {"type": "text", "text": "Ho"})),
        given(told("user", "Hi"), {"id": "rs_1", **THOUGHT}, spoken("Ho")),
        param="messages[1].content[0].signature", quirks={"reasoning_field": "reasoning"},
    ),
    *example(f.SEAL_ALONE, "refused", "r>c r>m", given(HI, {"type": "reasoning", "summary": [], "encrypted_content": "s"}), param="input[1].encrypted_content"),
    *example(f.SEAL_ALONE, "refused", "m>c m>r", said(HI, assistant({"type": "redacted_thinking", "data": "s"})), param="messages[1].content[0].data"),
    *example(f.CALL, "mapped", "c>r", CALLED, CALLED_SENT),
    *example(f.CALL, "mapped", "c>m", CALLED, CALLED_BLOCKS),
    *example(f.CALL, "mapped", "r>c", CALLED_ITEMS, CALLED),
    *example(f.CALL, "mapped", "r>m", CALLED_ITEMS, CALLED_BLOCKS),
    *example(f.CALL, "mapped", "m>c", CALLED_BLOCKS, CALLED),
    *example(f.CALL, "mapped", "m>r", CALLED_BLOCKS, CALLED_SENT),
    *example(f.CALL_ID, "mapped", "c>r", said(HI, calls(call("a.b")), tool(identity="a.b")), given(told("user", "Hi"), item("a.b"), output(identity="a.b"))),
    *example(f.CALL_ID, "mapped", "r>c", given(HI, item("a.b"), output(identity="a.b")), said(HI, calls(call("a.b")), tool(identity="a.b"))),
    *example(f.CALL_ID, "mapped", "m>c", said(HI, assistant(use("a.b")), user(result(identity="a.b"))), said(HI, calls(call("a.b")), tool(identity="a.b"))),
    *example(
        f.CALL_ID, "mapped", "m>r", said(HI, assistant(use("a.b")), user(result(identity="a.b"))),
        given(told("user", "Hi"), item("a.b"), output(identity="a.b")),
    ),
    *example(
        f.CALL_ID, "mapped", "c>m", said(HI, calls(call("a.b")), tool(identity="a.b")),
        said(HI, assistant(use("a_b")), user(result(identity="a_b"))), param="messages[1].tool_calls[0].id",
    ),
    *example(
        f.CALL_ID, "mapped", "r>m", given(HI, item("a.b"), output(identity="a.b")),
        said(HI, assistant(use("a_b")), user(result(identity="a_b"))), param="input[1].call_id",
    ),
    *example(f.CUSTOM_CALL, "mapped", "c>r", said(HI, calls(CUSTOM), tool()), given(told("user", "Hi"), CUSTOM_ITEM, CUSTOM_OUTPUT)),
    *example(
        f.CUSTOM_CALL, "mapped", "r>c", given(HI, CUSTOM_ITEM, CUSTOM_OUTPUT), said(HI, calls(WRAPPED), tool()),
        quirks={"custom_tools": "wrap"},
    ),
    *example(
        f.CUSTOM_CALL, "mapped", "c>m", said(HI, calls(CUSTOM), tool()),
        said(HI, assistant({**use(name="p"), "input": {"input": "x"}}), user(result())), quirks={"custom_tools": "wrap"},
    ),
    *example(
        f.CUSTOM_CALL, "mapped", "r>m", given(HI, CUSTOM_ITEM, CUSTOM_OUTPUT),
        said(HI, assistant({**use(name="p"), "input": {"input": "x"}}), user(result())), quirks={"custom_tools": "wrap"},
    ),
    *example(
        f.CUSTOM_CALL, "refused", "c>r c>m", said(HI, calls(CUSTOM), tool()), param="messages[1].tool_calls[0].type",
        quirks={"custom_tools": "reject"},
    ),
    *example(f.CUSTOM_CALL, "refused", "r>c r>m", given(HI, CUSTOM_ITEM, CUSTOM_OUTPUT), param="input[1].type", quirks={"custom_tools": "reject"}),
    *example(
        f.OLD_CALL, "mapped", "c>r", said(HI, {"role": "assistant", "content": None, "function_call": {"name": "n", "arguments": "{}"}}),
        given(told("user", "Hi"), item("call_function_1")),
    ),
    *example(
        f.OLD_CALL, "mapped", "c>m", said(HI, {"role": "assistant", "content": None, "function_call": {"name": "n", "arguments": "{}"}}),
        said(HI, assistant(use("call_function_1"))),
    ),
    *example(
        f.OLD_RESULT, "mapped", "c>r",
        said(HI, {"role": "assistant", "content": None, "function_call": {"name": "n", "arguments": "{}"}}, {"role": "function", "name": "n", "content": "x"}),
        given(told("user", "Hi"), item("call_function_1"), output(identity="call_function_1")),
    ),
    *example(
        f.OLD_RESULT, "mapped", "c>m",
        said(HI, {"role": "assistant", "content": None, "function_call": {"name": "n", "arguments": "{}"}}, {"role": "function", "name": "n", "content": "x"}),
        said(HI, assistant(use("call_function_1")), user(result(identity="call_function_1"))),
    ),
    *example(f.RESULT_ID, "mapped", "c>r", CALLED, CALLED_SENT),
    *example(f.RESULT_ID, "mapped", "c>m", CALLED, CALLED_BLOCKS),
    *example(f.RESULT_ID, "mapped", "r>c", CALLED_ITEMS, CALLED),
    *example(f.RESULT_ID, "mapped", "r>m", CALLED_ITEMS, CALLED_BLOCKS),
    *example(f.RESULT_ID, "mapped", "m>c", CALLED_BLOCKS, CALLED),
    *example(f.RESULT_ID, "mapped", "m>r", CALLED_BLOCKS, CALLED_SENT),
    *example(
        f.RESULT, "mapped", "c>r", said(HI, calls(call()), tool([{"type": "text", "text": "y"}])),
        given(told("user", "Hi"), item(), output("y")),
    ),
    *example(f.RESULT, "mapped", "c>m", said(HI, calls(call()), tool("y")), said(HI, assistant(use()), user(result("y")))),
    *example(f.RESULT, "mapped", "r>c", given(HI, item(), output([{"type": "input_text", "text": "y"}])), said(HI, calls(call()), tool("y"))),
    *example(f.RESULT, "mapped", "r>m", given(HI, item(), output("y")), said(HI, assistant(use()), user(result("y")))),
    *example(f.RESULT, "mapped", "m>c", said(HI, assistant(use()), user(result([{"type": "text", "text": "y"}]))), said(HI, calls(call()), tool("y"))),
    *example(f.RESULT, "mapped", "m>r", said(HI, assistant(use()), user(result("y"))), given(told("user", "Hi"), item(), output("y"))),
    *example(f.LATE_RESULT, "mapped", "c>r", said(HI, calls(call()), HI, tool()), given(told("user", "Hi"), item(), told("user", "Hi"), output())),
    *example(
        f.LATE_RESULT, "mapped", "c>m", said(HI, calls(call()), HI, tool()),
        said(HI, assistant(use()), user(result(), {"type": "text", "text": "Hi"})), param="messages[3]",
    ),
    *example(f.LATE_RESULT, "mapped", "r>c", given(HI, item(), HI, output()), said(HI, calls(call()), tool(), HI), param="input[3]"),
    *example(
        f.LATE_RESULT, "mapped", "r>m", given(HI, item(), HI, output()),
        said(HI, assistant(use()), user(result(), {"type": "text", "text": "Hi"})), param="input[3]",
    ),
    *example(
        f.LATE_RESULT, "mapped", "m>c", said(HI, assistant(use()), HI, user(result())), said(HI, calls(call()), tool(), HI),
        param="messages[3].content[0]",
    ),
    *example(
        f.LATE_RESULT, "mapped", "m>r", said(HI, assistant(use()), HI, user(result())),
        given(told("user", "Hi"), item(), told("user", "Hi"), output()),
    ),
    *example(
        f.RESULT_IMAGES, "mapped", "r>c", given(HI, item(), output([{"type": "input_image", "image_url": PIXEL}])),
        said(
            HI, calls(call()), tool("The output follows in a message of the user."),
            user({"type": "text", "text": "Output of the tool call a:"}, {"type": "image_url", "image_url": {"url": PIXEL, "detail": "auto"}}),
        ),
        param="input[2].output",
    ),
    *example(
        f.RESULT_IMAGES, "mapped", "m>c", said(HI, assistant(use()), user(result([IMAGE]))),
        said(
            HI, calls(call()), tool("The output follows in a message of the user."),
            user({"type": "text", "text": "Output of the tool call a:"}, {"type": "image_url", "image_url": {"url": PIXEL, "detail": "auto"}}),
        ),
        param="messages[2].content[0].content",
    ),
    *example(
        f.RESULT_IMAGES, "refused", "r>c", given(HI, item(), output([{"type": "input_image", "image_url": PIXEL}])),
        param="input[2].output", quirks={"tool_images": "reject"},
    ),
    *example(
        f.RESULT_IMAGES, "refused", "m>c", said(HI, assistant(use()), user(result([IMAGE]))),
        param="messages[2].content[0].content", quirks={"tool_images": "reject"},
    ),
    *example(
        f.RESULT_IMAGES, "mapped", "r>m", given(HI, item(), output([{"type": "input_image", "image_url": PIXEL}])),
        said(HI, assistant(use()), user(result([IMAGE]))),
    ),
    *example(
        f.RESULT_IMAGES, "mapped", "m>r", said(HI, assistant(use()), user(result([IMAGE]))),
        given(told("user", "Hi"), item(), output([{"type": "input_image", "image_url": PIXEL, "detail": "auto"}])),
    ),
    *example(
        f.IS_ERROR, "mapped", "m>c", said(HI, assistant(use()), user(result(is_error=True))),
        said(HI, calls(call()), tool("Error: x")), param="messages[2].content[0].is_error",
    ),
    *example(
        f.IS_ERROR, "mapped", "m>r", said(HI, assistant(use()), user(result(is_error=True))),
        given(told("user", "Hi"), item(), output("Error: x")), param="messages[2].content[0].is_error",
    ),
    *example(f.CALLER, "vacuous", "r>c r>m", given(HI, item(caller={"type": "direct"}), output()), beside=CALLED_ITEMS),
    *example(f.CALLER, "vacuous", "m>c m>r", said(HI, assistant(use(caller={"type": "direct"})), user(result())), beside=CALLED_BLOCKS),
    *example(f.REFERENCE, "refused", "r>c r>m", given(HI, {"type": "item_reference", "id": "msg_1"}), param="input[1].id"),
    *example(f.HOSTED_ITEM, "refused", "r>c r>m", given(HI, SEARCHED), param="input[1]"),
    *example(f.HOSTED_ITEM, "refused", "m>c m>r", said(HI, assistant(SERVER_USE)), param="messages[1].content[0]"),
    *example(
        f.TEXTS, "mapped", "c>r", said(user({"type": "text", "text": "a"}, {"type": "text", "text": "b"})),
        given({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]}),
    ),
    *example(
        f.TEXTS, "mapped", "c>m m>c", said(user({"type": "text", "text": "a"}, {"type": "text", "text": "b"})),
        said(user({"type": "text", "text": "a"}, {"type": "text", "text": "b"})), row="=",
    ),
    *example(
        f.TEXTS, "mapped", "r>c r>m", given(user({"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"})),
        said(user({"type": "text", "text": "a"}, {"type": "text", "text": "b"})), row="=",
    ),
    *example(
        f.TEXTS, "mapped", "m>r", said(user({"type": "text", "text": "a"}, {"type": "text", "text": "b"})),
        given({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]}),
    ),
    *example(
        f.TEXTS, "mapped", "r>c", given(user({"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"})),
        said({"role": "user", "content": "a\n\nb"}), param="input[0].content", row="joined", quirks={"text_parts": False},
    ),
    *example(
        f.TEXTS, "mapped", "m>c", said(user({"type": "text", "text": "a"}, {"type": "text", "text": "b"})),
        said({"role": "user", "content": "a\n\nb"}), param="messages[0].content", row="joined", quirks={"text_parts": False},
    ),
    *example(
        f.ITEM_CACHE, "dropped", "m>c m>r", said(HI, assistant(use()), user(result(cache_control=EPHEMERAL))), beside=CALLED_BLOCKS,
        param="messages[2].content[0].cache_control",
    ),
]  # fmt: skip
