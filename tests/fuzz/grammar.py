"""The grammar of our own streams: what every stream that is written keeps, whatever happens in it."""

from typing import Any, Final

Json = dict[str, Any]


def check(front: str, bodies: list[Json]) -> None:
    """Holds the events of a translated stream, its end mark left out, to the grammar of its dialect."""
    _GRAMMARS[front](bodies)


def _chat(bodies: list[Json]) -> None:
    """One head, one role, calls that count up and never go back to an earlier one, one finish reason at the end."""
    chunks = [body for body in bodies if "error" not in body]
    if not chunks:
        return  # it failed while the model was calling what it may not call
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    assert all(choice["index"] == 0 for choice in choices)
    assert [chunk["choices"] for chunk in chunks].count([]) <= 1
    deltas = [choice["delta"] for choice in choices]
    assert ["role" in delta for delta in deltas] == [True] + [False] * (len(deltas) - 1)
    assert all(choice["finish_reason"] is None for choice in choices[:-1])
    last = -1
    for call in (call for delta in deltas for call in delta.get("tool_calls", [])):
        assert call["index"] - last in ((1,) if "id" in call else (0,))
        assert ("type" in call) is ("id" in call)
        last = call["index"]


class _Item:
    """An item of a Responses stream between `added` and `done`."""

    def __init__(self, index: int, item: Json) -> None:
        self.index = index
        self.id = item["id"]
        self.type = item["type"]
        self.text = ""
        self.part: tuple[str, int] | None = None
        self.parts = {"content_index": 0, "summary_index": 0}

    def take(self, event: Json) -> None:
        assert (event["output_index"], event["item_id"]) == (self.index, self.id)
        place = "summary_index" if "summary_index" in event else "content_index"
        if place in event:
            assert event[place] == self.parts[place]
        what, _, step = event["type"].removeprefix("response.").rpartition(".")
        match step:
            case "added" if what.endswith("_part"):
                assert self.part is None
                self.part, self.text = (place, event[place]), ""
            case "delta":
                assert event["delta"]
                assert (self.part is None) is (self.type in ("function_call", "custom_tool_call"))
                self.text += event["delta"]
            case "done" if what.endswith("_part"):
                assert self.part == (place, event[place])
                self.part = None
                self.parts[place] += 1
            case "done":
                told = next(event[name] for name in ("text", "refusal", "arguments", "input") if name in event)
                assert told == self.text


def _responses(bodies: list[Json]) -> None:
    """Numbers without gaps, items that never overlap, the same ids everywhere, and all of it in the last event."""
    assert [body["sequence_number"] for body in bodies] == list(range(len(bodies)))
    assert [body["type"] for body in bodies[:2]] == ["response.created", "response.in_progress"]
    assert bodies[0]["response"] == bodies[1]["response"]
    assert (bodies[0]["response"]["output"], bodies[0]["response"]["usage"]) == ([], None)
    done: list[Json] = []
    item: _Item | None = None
    for body in bodies[2:-1]:
        match body["type"]:
            case "response.output_item.added":
                assert item is None
                assert body["output_index"] == len(done)
                item = _Item(len(done), body["item"])
            case "response.output_item.done":
                assert item is not None
                assert item.part is None
                assert (body["output_index"], body["item"]["id"]) == (item.index, item.id)
                done.append(body["item"])
                item = None
            case "error":
                assert body is bodies[-2]
            case _:
                assert item is not None
                item.take(body)
    last = bodies[-1]["response"]
    assert last["output"] == done
    assert len({one["id"] for one in done}) == len(done)
    assert last["id"] == bodies[0]["response"]["id"]
    assert (item is not None) <= (last["status"] == "failed")
    assert bodies[-1]["type"] == f"response.{last['status']}"


def _messages(bodies: list[Json]) -> None:
    """Blocks that never overlap and count up, each delta of the kind of its block, one end."""
    kinds = {"text_delta": "text", "citations_delta": "text", "thinking_delta": "thinking"}
    kinds |= {"signature_delta": "thinking", "input_json_delta": "tool_use"}
    assert bodies[0]["type"] == "message_start"
    assert bodies[0]["message"]["content"] == []
    index, block = -1, ""
    for body in bodies[1:]:
        match body["type"]:
            case "content_block_start":
                assert block == ""
                index += 1
                assert body["index"] == index
                block = body["content_block"]["type"]
            case "content_block_delta":
                assert body["index"] == index
                assert kinds[body["delta"]["type"]] == block
            case "content_block_stop":
                assert block != ""
                assert body["index"] == index
                block = ""
            case "message_delta" | "message_stop":
                assert block == ""
            case kind:
                assert kind == "error"
                assert body is bodies[-1]


_GRAMMARS: Final = {"chat": _chat, "responses": _responses, "messages": _messages}
