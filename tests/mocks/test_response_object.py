import msgspec
import openai.types.responses as types

from dragoman.mocks.brain import Decision, ToolCall
from dragoman.mocks.response_object import Ids, ended, failed, output_items, render_response
from dragoman.mocks.responses_request import SEAL, JsonObject, ResponsesRequest
from dragoman.mocks.seal import opened
from dragoman.mocks.stamps import Stamps

FULL = Decision(
    "said", (ToolCall("f", '{"a": 1}'), ToolCall("g", "raw", custom=True)), "tool_calls", None, "", "thought"
)


def asked(**members: object) -> ResponsesRequest:
    return msgspec.convert({"model": "gpt-4o-mini", **members}, ResponsesRequest)


def items(decision: Decision, **members: object) -> list[JsonObject]:
    return output_items(decision, asked(**members), Ids(decision, Stamps()))


def test_items_come_in_the_order_of_a_model() -> None:
    made = items(FULL)
    assert [item["type"] for item in made] == ["reasoning", "message", "function_call", "custom_tool_call"]
    assert [str(item["id"]).split("_")[0] for item in made] == ["rs", "msg", "fc", "ctc"]
    assert [str(item["call_id"]).startswith("call_") for item in made[2:]] == [True, True]
    assert (made[2]["arguments"], made[3]["input"]) == ('{"a": 1}', "raw")


def test_reasoning_shows_a_summary_and_a_sealed_text_only_on_demand() -> None:
    (bare,) = items(Decision(reasoning="thought"))
    assert bare == {"id": bare["id"], "type": "reasoning", "summary": []}
    members = {"reasoning": {"summary": "auto"}, "include": ["reasoning.encrypted_content"]}
    (shown,) = items(Decision(reasoning="thought"), **members)
    assert isinstance(shown["summary"], list) and shown["summary"][0]["type"] == "summary_text"
    assert opened(str(shown["encrypted_content"]), SEAL) == "thought"


def test_a_refusal_is_a_part_of_its_own() -> None:
    (message,) = items(Decision(refusal="no"))
    assert message["content"] == [{"type": "refusal", "refusal": "no"}]


def test_nothing_said_is_no_item() -> None:
    assert items(Decision(finish="length")) == []


def test_the_object_echoes_what_is_in_effect() -> None:
    tool = {"type": "function", "name": "f"}
    body: JsonObject = {
        "tools": [tool, {"type": "web_search"}],
        "text": {"verbosity": "low"},
        "reasoning": {"effort": "low"},
        "temperature": 0,
        "metadata": {"a": "b"},
    }
    made = render_response(body, asked(store=False, instructions="be brief"), 5, "resp_1")
    assert made["tools"] == [
        {"type": "function", "name": "f", "description": None, "parameters": None, "strict": True},
        {"type": "web_search"},
    ]
    assert made["text"] == {"format": {"type": "text"}, "verbosity": "low"}
    assert made["reasoning"] == {"effort": "low", "summary": None}
    assert (made["temperature"], made["store"], made["instructions"]) == (0, False, "be brief")
    assert (made["output"], made["usage"], made["status"], made["created_at"]) == ([], None, "in_progress", 5)


def test_its_ends_are_what_the_sdk_s_types_say() -> None:
    begun = render_response({}, asked(), 5, "resp_1")
    whole = ended(begun, items(FULL), FULL, 7)
    parsed = types.Response.model_validate(whole, strict=True)
    assert (parsed.status, parsed.completed_at) == ("completed", 5)
    assert parsed.usage is not None
    assert (parsed.usage.input_tokens, parsed.usage.output_tokens, parsed.usage.total_tokens) == (7, 7, 14)
    assert parsed.usage.output_tokens_details.reasoning_tokens == 1
    short = Decision("a", finish="length")
    cut = types.Response.model_validate(ended(begun, items(short), short, 1))
    assert cut.status == "incomplete" and cut.incomplete_details is not None
    assert cut.incomplete_details.reason == "max_output_tokens"
    assert isinstance(cut.output[0], types.ResponseOutputMessage) and cut.output[0].status == "incomplete"
    broken = types.Response.model_validate(failed(begun, "no"))
    assert broken.status == "failed" and broken.error is not None and broken.error.code == "server_error"
