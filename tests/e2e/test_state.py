"""Responses and conversations that the gateway keeps, with the official SDK, over upstreams of each dialect."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from tests.support.live import Live, running

MODELS = pytest.mark.parametrize(
    "model", ["mock-chat/gpt-4", "mock-responses/gpt-4", "mock-messages/claude-sonnet-4-5"]
)
MODEL = "mock-chat/gpt-4"
TOOL: Any = {
    "type": "function", "name": "look", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}},
}  # fmt: skip


def broken(values: dict[str, Any], mock_url: str) -> None:
    values["upstreams"]["cut"] = {"base_url": f"{mock_url}/scenario/cut-after:3/v1", "direct": True}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("state"), broken, timing="instant") as live:
        yield live


@pytest.fixture
def sdk(live: Live) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{live.url}/v1", api_key=live.key, max_retries=0) as client:
        yield client


@pytest.fixture
def stranger(live: Live) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{live.url}/v1", api_key=live.issue(), max_retries=0) as client:
        yield client


def sent(live: Live) -> str:
    """The body of the newest request that reached an upstream."""
    return live.entries(live.received - 1)[0].body


@MODELS
def test_a_response_can_be_read_again_as_it_was_answered(sdk: openai.OpenAI, model: str) -> None:
    made = sdk.responses.create(model=model, input="hello", metadata={"a": "b"})
    assert made.to_dict()["store"] is True
    assert sdk.responses.retrieve(made.id).to_dict() == made.to_dict()


@MODELS
def test_a_streamed_response_is_kept_before_its_last_event(sdk: openai.OpenAI, model: str) -> None:
    with sdk.responses.create(model=model, input="hello", stream=True) as stream:
        for event in stream:
            if event.type == "response.completed":
                assert sdk.responses.retrieve(event.response.id).to_dict() == event.response.to_dict()
                break
        else:
            pytest.fail("no response.completed")


@MODELS
def test_a_chain_reaches_the_upstream_whole(live: Live, sdk: openai.OpenAI, model: str) -> None:
    first = sdk.responses.create(model=model, input="my name is Ada", instructions="Be terse.")
    second = sdk.responses.create(model=model, input="hello", previous_response_id=first.id)
    third = sdk.responses.create(model=model, input="and now?", previous_response_id=second.id)
    assert third.previous_response_id == second.id
    body = sent(live)
    told = ["my name is Ada", first.output_text, "hello", second.output_text, "and now?"]
    places = [body.index(json.dumps(text)[1:-1]) for text in told]
    assert places == sorted(places)
    assert "Be terse." not in body  # instructions are not inherited
    assert "previous_response_id" not in body


@MODELS
def test_a_tool_loop_goes_on_by_the_previous_response(sdk: openai.OpenAI, model: str) -> None:
    first = sdk.responses.create(model=model, input="look at the sky", tools=[TOOL], tool_choice="required")
    call = next(item for item in first.output if item.type == "function_call")
    output: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": "blue"}]
    second = sdk.responses.create(model=model, input=output, tools=[TOOL], previous_response_id=first.id)
    assert "blue" in second.output_text


def test_a_chain_goes_on_over_another_upstream(sdk: openai.OpenAI) -> None:
    first = sdk.responses.create(model="mock-messages/claude-sonnet-4-5", input="hello")
    second = sdk.responses.create(model=MODEL, input="hello", previous_response_id=first.id)
    third = sdk.responses.create(model="mock-responses/gpt-4", input="hello", previous_response_id=second.id)
    assert third.status == "completed"


def test_what_is_not_to_be_stored_is_gone(sdk: openai.OpenAI) -> None:
    made = sdk.responses.create(model=MODEL, input="hello", store=False)
    with pytest.raises(openai.NotFoundError) as caught:
        sdk.responses.retrieve(made.id)
    assert caught.value.code == "response_not_found"
    with pytest.raises(openai.NotFoundError) as caught:
        sdk.responses.create(model=MODEL, input="more", previous_response_id=made.id)
    assert (caught.value.code, caught.value.param) == ("previous_response_not_found", "previous_response_id")


def test_another_keys_response_is_a_404_everywhere(sdk: openai.OpenAI, stranger: openai.OpenAI) -> None:
    made = sdk.responses.create(model=MODEL, input="hello")
    item = sdk.responses.input_items.list(made.id).data[0]
    attempts: list[Any] = [
        lambda: stranger.responses.retrieve(made.id),
        lambda: stranger.responses.delete(made.id),
        lambda: stranger.responses.cancel(made.id),
        lambda: stranger.responses.input_items.list(made.id),
        lambda: stranger.responses.create(model=MODEL, input="x", previous_response_id=made.id),
        lambda: stranger.responses.create(model=MODEL, input=[{"type": "item_reference", "id": item.id}]),
    ]
    for attempt in attempts:
        with pytest.raises(openai.NotFoundError):
            attempt()
    assert sdk.responses.retrieve(made.id).id == made.id


def test_a_deleted_response_is_gone_but_its_chain_goes_on(live: Live, sdk: openai.OpenAI) -> None:
    first = sdk.responses.create(model=MODEL, input="remember the word heron")
    second = sdk.responses.create(model=MODEL, input="yes", previous_response_id=first.id)
    sdk.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        sdk.responses.retrieve(first.id)
    with pytest.raises(openai.NotFoundError):
        sdk.responses.create(model=MODEL, input="x", previous_response_id=first.id)
    sdk.responses.create(model=MODEL, input="x", previous_response_id=second.id)
    assert "heron" in sent(live)


def test_input_items_are_the_history_and_the_input(sdk: openai.OpenAI) -> None:
    first = sdk.responses.create(model=MODEL, input="one")
    given: Any = [{"role": "user", "content": "two"}, {"role": "user", "content": "three", "id": "msg_mine"}]
    second = sdk.responses.create(model=MODEL, input=given, previous_response_id=first.id)
    newest = sdk.responses.input_items.list(second.id)
    data: Any = newest.data
    texts = [item.content[0].text for item in data]
    assert texts == ["three", "two", first.output_text, "one"]
    assert newest.data[0].id == "msg_mine"
    oldest: Any = sdk.responses.input_items.list(second.id, order="asc", limit=1)
    assert (oldest.data[0].content[0].text, oldest.has_more) == ("one", True)
    walked = [item.id for item in sdk.responses.input_items.list(second.id, order="asc", limit=1)]
    assert walked == [item.id for item in newest.data][::-1]


def test_a_reference_stands_for_the_item_itself(live: Live, sdk: openai.OpenAI) -> None:
    first = sdk.responses.create(model=MODEL, input="remember the word ibis")
    said = sdk.responses.input_items.list(first.id).data[0]
    refer: Any = [{"type": "item_reference", "id": said.id}, {"role": "user", "content": "which word?"}]
    sdk.responses.create(model=MODEL, input=refer)
    assert "ibis" in sent(live)
    unknown: Any = [{"role": "user", "content": "x"}, {"id": "msg_unknown"}]
    with pytest.raises(openai.NotFoundError) as caught:
        sdk.responses.create(model=MODEL, input=unknown)
    assert caught.value.param == "input[1].id"


def test_a_response_that_failed_in_the_middle_is_kept_as_failed(sdk: openai.OpenAI) -> None:
    identity = ""
    with pytest.raises(openai.APIError):
        for event in sdk.responses.create(model="cut/gpt-4", input="hello", stream=True):
            if event.type == "response.created":
                identity = event.response.id
    kept = sdk.responses.retrieve(identity)
    assert kept.status == "failed"
    assert kept.error is not None


def test_only_a_background_response_can_be_cancelled_or_streamed_again(live: Live, sdk: openai.OpenAI) -> None:
    made = sdk.responses.create(model=MODEL, input="hello")
    with pytest.raises(openai.BadRequestError):
        sdk.responses.cancel(made.id)
    with pytest.raises(openai.BadRequestError):
        list(sdk.responses.retrieve(made.id, stream=True))


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"previous_response_id": "a", "conversation": "b"}, "previous_response_id"),
        ({"previous_response_id": 7}, "previous_response_id"),
        ({"previous_response_id": ""}, "previous_response_id"),
        ({"conversation": {"name": "b"}}, "conversation"),
        ({"conversation": "conv_b", "store": False}, "conversation"),
        ({"store": "yes"}, "store"),
        ({"background": 1}, "background"),
        ({"background": True, "store": False}, "background"),
        ({"input": [7]}, "input[0]"),
        ({"input": [{"type": "item_reference"}]}, "input[0]"),
        ({"input": {"role": "user"}}, "input"),
    ],
)
def test_what_is_wrong_about_state_is_named(live: Live, fields: dict[str, Any], param: str) -> None:
    body = {"model": MODEL, "input": "x", **fields}
    answer = httpx2.post(f"{live.url}/v1/responses", json=body, headers=live.headers())
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == param


@MODELS
def test_a_conversation_grows_with_each_response(live: Live, sdk: openai.OpenAI, model: str) -> None:
    talk = sdk.conversations.create(
        items=[{"type": "message", "role": "user", "content": "remember the word crane"}], metadata={"topic": "birds"}
    )
    first = sdk.responses.create(model=model, input="yes?", conversation=talk.id)
    assert first.conversation is not None
    assert first.conversation.id == talk.id
    assert "crane" in sent(live)
    with sdk.responses.stream(model=model, input="go on", conversation=talk.id) as stream:
        second = stream.get_final_response()
    body = sent(live)
    assert [text in body for text in ("crane", "yes?", "go on")] == [True, True, True]
    listed: Any = sdk.conversations.items.list(talk.id, order="asc")
    texts = [item.content[0].text for item in listed.data]
    assert texts == ["remember the word crane", "yes?", first.output_text, "go on", second.output_text]


def test_a_conversation_lives_and_dies(sdk: openai.OpenAI, stranger: openai.OpenAI) -> None:
    talk = sdk.conversations.create(metadata={"topic": "birds"})
    assert sdk.conversations.retrieve(talk.id).metadata == {"topic": "birds"}
    assert sdk.conversations.update(talk.id, metadata={"topic": "fish"}).metadata == {"topic": "fish"}
    assert sdk.conversations.update(talk.id, metadata=None).metadata == {}
    added = sdk.conversations.items.create(
        talk.id, items=[{"type": "message", "role": "user", "content": "a"}, {"role": "user", "content": "b"}]
    )
    assert [item.type for item in added.data] == ["message", "message"]
    first = added.data[0].id
    assert first is not None
    assert sdk.conversations.items.retrieve(first, conversation_id=talk.id).id == first
    sdk.conversations.items.delete(first, conversation_id=talk.id)
    with pytest.raises(openai.NotFoundError):
        sdk.conversations.items.retrieve(first, conversation_id=talk.id)
    for attempt in (
        lambda: stranger.conversations.retrieve(talk.id),
        lambda: stranger.conversations.items.list(talk.id),
        lambda: stranger.responses.create(model=MODEL, input="x", conversation=talk.id),
    ):
        with pytest.raises(openai.NotFoundError):
            attempt()
    assert sdk.conversations.delete(talk.id).deleted
    with pytest.raises(openai.NotFoundError) as caught:
        sdk.responses.create(model=MODEL, input="x", conversation=talk.id)
    assert (caught.value.code, caught.value.param) == ("conversation_not_found", "conversation")


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("", {"items": [{"role": "user", "content": "x"}] * 21}, "items"),
        ("", {"items": [{"role": "nobody", "content": "x"}]}, "items[0].role"),
        ("", {"items": [{"id": "msg_1"}]}, "items[0]"),
        ("", {"metadata": {"a": 1}}, "metadata[...]"),
        ("", {"name": "x"}, None),
    ],
)
def test_what_is_wrong_about_a_conversation_is_named(live: Live, path: str, body: Any, param: str | None) -> None:
    answer = httpx2.post(f"{live.url}/v1/conversations{path}", json=body, headers=live.headers())
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == param


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/responses/resp_unknown", 404),
        ("DELETE", "/v1/responses/resp_unknown", 404),
        ("POST", "/v1/responses/resp_unknown/cancel", 404),
        ("GET", "/v1/responses/resp_unknown/input_items", 404),
        ("PUT", "/v1/responses/resp_unknown", 405),
        ("GET", "/v1/responses/resp_unknown/cancel", 405),
        ("GET", "/v1/responses/a/b/c", 404),
        ("GET", "/v1/responses/%2e%2e/keys", 404),
        ("GET", "/v1/conversations/conv_unknown", 404),
        ("GET", "/v1/conversations/conv_unknown/items", 404),
        ("PATCH", "/v1/conversations", 405),
        ("GET", "/v1/conversations/a/b", 404),
    ],
)
def test_paths_below_that_lead_nowhere(live: Live, method: str, path: str, status: int) -> None:
    answer = httpx2.request(method, f"{live.url}{path}", headers=live.headers())
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
    assert httpx2.request(method, f"{live.url}{path}").status_code == 401


@pytest.mark.parametrize(
    ("query", "param"), [("limit=0", "limit"), ("order=up", "order"), ("after=x", "after"), ("q=1", "q")]
)
def test_a_page_that_cannot_be_is_refused(live: Live, sdk: openai.OpenAI, query: str, param: str) -> None:
    made = sdk.responses.create(model=MODEL, input="hello")
    answer = httpx2.get(f"{live.url}/v1/responses/{made.id}/input_items?{query}", headers=live.headers())
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


THINKER = "mock-messages/claude-sonnet-4-5"
EFFORT: Any = {"effort": "high"}


def signatures(body: str) -> list[str]:
    """The signatures of the thoughts that an Anthropic upstream was given back."""
    messages = json.loads(body)["messages"]
    return [
        block["signature"]
        for message in messages
        if isinstance(message["content"], list)
        for block in message["content"]
        if block["type"] == "thinking"
    ]


def test_reasoning_of_another_provider_travels_sealed(live: Live, sdk: openai.OpenAI) -> None:
    asked: Any = {"model": THINKER, "reasoning": EFFORT, "include": ["reasoning.encrypted_content"], "store": False}
    first = sdk.responses.create(input="think", **asked)
    thought: Any = next(item for item in first.output if item.type == "reasoning")
    assert thought.encrypted_content.startswith("drg1.")
    with sdk.responses.stream(input="think", **asked) as stream:
        streamed: Any = next(item for item in stream.get_final_response().output if item.type == "reasoning")
    assert streamed.encrypted_content.startswith("drg1.")
    for item in (thought, streamed):
        bare = {"type": "reasoning", "id": item.id, "summary": [], "encrypted_content": item.encrypted_content}
        told: Any = [{"role": "user", "content": "think"}, bare, {"role": "assistant", "content": "well"}]
        sdk.responses.create(input=[*told, {"role": "user", "content": "more"}], **asked)
        assert len(signatures(sent(live))) == 1


def test_a_seal_opens_for_its_key_and_model_only(live: Live, sdk: openai.OpenAI, stranger: openai.OpenAI) -> None:
    asked: Any = {"reasoning": EFFORT, "include": ["reasoning.encrypted_content"], "store": False}
    first = sdk.responses.create(model=THINKER, input="think", **asked)
    thought: Any = next(item for item in first.output if item.type == "reasoning")
    bare = {"type": "reasoning", "id": thought.id, "summary": [], "encrypted_content": thought.encrypted_content}
    told: Any = [{"role": "user", "content": "think"}, bare, {"role": "user", "content": "more"}]
    for client, model in ((stranger, THINKER), (sdk, "mock-chat/gpt-4"), (sdk, "mock-responses/gpt-4")):
        answer = client.responses.with_raw_response.create(model=model, input=told, store=False)
        assert "encrypted_content;dropped" in answer.headers["x-dragoman-loss"]
        assert "drg1." not in sent(live)


def test_a_chain_gives_a_provider_its_reasoning_back_though_nobody_saw_it(live: Live, sdk: openai.OpenAI) -> None:
    first = sdk.responses.create(model=THINKER, input="think", reasoning=EFFORT)
    assert "encrypted_content" not in first.model_dump_json(exclude_unset=True)
    assert "encrypted_content" not in sdk.responses.retrieve(first.id).model_dump_json(exclude_unset=True)
    included = sdk.responses.retrieve(first.id, include=["reasoning.encrypted_content"])
    assert "drg1." in included.model_dump_json()
    sdk.responses.create(model=THINKER, input="more", reasoning=EFFORT, previous_response_id=first.id)
    assert len(signatures(sent(live))) == 1


def test_messages_callers_carry_the_reasoning_of_a_responses_upstream(live: Live) -> None:
    with anthropic.Anthropic(base_url=live.url, api_key=live.key, max_retries=0) as claude:
        told: Any = [{"role": "user", "content": "think"}]
        thinking: Any = {"type": "enabled", "budget_tokens": 2000}
        model = "mock-responses/deepseek-reasoner"
        first = claude.messages.create(model=model, max_tokens=4000, messages=told, thinking=thinking)
        assert [block.signature for block in first.content if block.type == "thinking"][0].startswith("drg1.")
        told += [{"role": "assistant", "content": first.content}, {"role": "user", "content": "more"}]
        claude.messages.create(model=model, max_tokens=4000, messages=told, thinking=thinking)
    items = json.loads(sent(live))["input"]
    assert [item["encrypted_content"][:5] != "drg1." for item in items if item.get("type") == "reasoning"] == [True]


@MODELS
def test_a_history_is_compacted_and_goes_on_over_any_upstream(live: Live, sdk: openai.OpenAI, model: str) -> None:
    first = sdk.responses.create(model=model, input="remember the word plover")
    rule: Any = [{"role": "developer", "content": "Be brief."}]
    compacted = sdk.responses.compact(model=model, input=rule, previous_response_id=first.id)
    assert "plover" in sent(live)
    assert compacted.object == "response.compaction"
    assert [item.type for item in compacted.output] == ["compaction"]
    again: Any = [*(item.to_dict() for item in compacted.output), {"role": "user", "content": "go on"}]
    for other in ("mock-chat/gpt-4", "mock-responses/gpt-4", "mock-messages/claude-sonnet-4-5"):
        for store in (True, False):
            sdk.responses.create(model=other, input=again, store=store)
            body = sent(live)
            assert [text in body for text in ("summary of the conversation", "Be brief.", "drg1.")] == [
                True,
                True,
                False,
            ]


def test_a_compaction_is_for_its_own_key(sdk: openai.OpenAI, stranger: openai.OpenAI) -> None:
    compacted = sdk.responses.compact(model=MODEL, input="a long story")
    item: Any = [*(item.to_dict() for item in compacted.output), {"role": "user", "content": "go on"}]
    with pytest.raises(openai.BadRequestError) as caught:
        stranger.responses.create(model=MODEL, input=item)
    assert caught.value.param == "input[0].encrypted_content"


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"input": "x"}, 400, "model"),
        ({"model": MODEL}, 400, "input"),
        ({"model": MODEL, "input": "x", "tools": []}, 400, "tools"),
        ({"model": MODEL, "input": "x", "instructions": 7}, 400, "instructions"),
        ({"model": MODEL, "previous_response_id": "resp_unknown"}, 404, "previous_response_id"),
        ({"model": "nobody/knows", "input": "x"}, 404, "model"),
    ],
)
def test_what_cannot_be_compacted_is_named(live: Live, fields: dict[str, Any], status: int, param: str) -> None:
    answer = httpx2.post(f"{live.url}/v1/responses/compact", json=fields, headers=live.headers())
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param), answer.text


def test_a_chain_gives_its_own_reasoning_back_to_a_responses_upstream(live: Live, sdk: openai.OpenAI) -> None:
    model = "mock-responses/gpt-4"
    first = sdk.responses.create(model=model, input="think", reasoning=EFFORT)
    assert [item.encrypted_content for item in first.output if item.type == "reasoning"] == [None]
    sdk.responses.create(model=model, input="go on", reasoning=EFFORT, previous_response_id=first.id)
    thoughts = [item for item in json.loads(sent(live))["input"] if item.get("type") == "reasoning"]
    assert [bool(item["encrypted_content"]) for item in thoughts] == [True]


@MODELS
def test_a_chat_call_goes_on_from_what_the_query_names(live: Live, sdk: openai.OpenAI, model: str) -> None:
    first = sdk.responses.create(model=model, input="remember the word godwit", instructions="Be terse.")
    messages: Any = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "which word?"}]
    query = {"previous_response_id": first.id}
    raw = sdk.chat.completions.with_raw_response.create(model=model, messages=messages, extra_query=query)
    body = sent(live)
    places = [body.index(text) for text in ("Be kind.", "godwit", "which word?")]
    assert places == sorted(places)
    assert "Be terse." not in body
    kept = sdk.responses.retrieve(raw.headers["x-dragoman-response-id"])
    completion = raw.parse()
    assert (kept.output_text, kept.previous_response_id) == (completion.choices[0].message.content, first.id)
    sdk.responses.create(model=model, input="more", previous_response_id=kept.id)
    assert all(text in sent(live) for text in ("godwit", "which word?", "more"))


@MODELS
def test_a_streamed_chat_call_grows_a_conversation(live: Live, sdk: openai.OpenAI, model: str) -> None:
    talk = sdk.conversations.create()
    query = {"conversation_id": talk.id}
    for text in ("one", "two"):
        messages: Any = [{"role": "user", "content": text}]
        chunks = list(sdk.chat.completions.create(model=model, messages=messages, stream=True, extra_query=query))
        said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    listed: Any = sdk.conversations.items.list(talk.id, order="asc")
    texts = [item.content[0].text for item in listed.data]
    assert (texts[0], texts[2:], len(texts)) == ("one", ["two", said], 4)
    assert "one" in sent(live)


def test_a_chat_call_with_tools_is_kept_whole(sdk: openai.OpenAI) -> None:
    tool: Any = {"type": "function", "function": {"name": "look", "parameters": TOOL["parameters"]}}
    messages: Any = [{"role": "user", "content": "look at the sky"}]
    talk = sdk.conversations.create()
    query = {"conversation_id": talk.id}
    first = sdk.chat.completions.create(
        model=MODEL, messages=messages, tools=[tool], tool_choice="required", extra_query=query
    )
    calls = first.choices[0].message.tool_calls
    assert calls is not None
    answered: Any = [{"role": "tool", "tool_call_id": calls[0].id, "content": "blue"}]
    second = sdk.chat.completions.create(model=MODEL, messages=answered, tools=[tool], extra_query=query)
    assert "blue" in (second.choices[0].message.content or "")


@pytest.mark.parametrize(
    ("query", "fields", "status", "param"),
    [
        ("previous_response_id=resp_unknown", {}, 404, "previous_response_id"),
        ("conversation_id=conv_unknown", {}, 404, "conversation"),
        ("conversation_id=a&previous_response_id=b", {}, 400, "previous_response_id"),
        ("previous_response_id=", {}, 400, "previous_response_id"),
        ("previous_response_id=a", {"n": 2}, 400, "n"),
        ("api-version=1&other_id=7", {}, 200, None),
    ],
)
def test_what_is_wrong_about_a_chat_calls_state_is_named(
    live: Live, query: str, fields: dict[str, Any], status: int, param: str | None
) -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "x"}], **fields}
    answer = httpx2.post(f"{live.url}/v1/chat/completions?{query}", json=body, headers=live.headers())
    assert answer.status_code == status, answer.text
    assert answer.json().get("error", {}).get("param") == param


def test_fifty_callers_of_one_conversation_lose_nothing(sdk: openai.OpenAI) -> None:
    talk = sdk.conversations.create()
    with ThreadPoolExecutor(50) as pool:
        made = list(
            pool.map(
                lambda number: sdk.responses.create(model=MODEL, input=f"word {number}", conversation=talk.id),
                range(50),
            )
        )
    listed: Any = list(sdk.conversations.items.list(talk.id, order="asc", limit=100))
    texts = [item.content[0].text for item in listed]
    pairs = set(zip(texts[::2], texts[1::2], strict=True))
    assert pairs == {(f"word {number}", response.output_text) for number, response in enumerate(made)}


@pytest.mark.parametrize("stream", ["", "&stream=true"])
def test_what_a_kept_response_cannot_include_is_refused(live: Live, sdk: openai.OpenAI, stream: str) -> None:
    talk = sdk.conversations.create(items=[{"role": "user", "content": "hello"}])
    made = sdk.responses.create(model=MODEL, input="hello", background=True)
    item = sdk.conversations.items.list(talk.id).data[0]
    for path in (
        f"responses/{made.id}",
        f"responses/{made.id}/input_items",
        f"conversations/{talk.id}/items",
        f"conversations/{talk.id}/items/{item.id}",
    ):
        more = stream if path.endswith(made.id) else ""
        for query, status in (
            ("include[]=reasoning.encrypted_content&include[]=message.output_text.logprobs", 200),
            ("include[]=reasoning.encrypted_content&include[]=reasoning", 400),
            ("include=", 400),
        ):
            answer = httpx2.get(f"{live.url}/v1/{path}?{query}{more}", headers=live.headers())
            assert answer.status_code == status, (path, query, answer.text)
            assert status == 200 or answer.json()["error"]["param"] == "include"
    answer = httpx2.get(f"{live.url}/v1/conversations/{talk.id}/items/{item.id}?q=1", headers=live.headers())
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "q")
