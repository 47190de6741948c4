"""A key that takes the place of another has all that was its own: what was stored, sealed, or is still being made."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest

from tests.support.live import Live, running

MODEL = "mock-chat/gpt-4"
THINKER = "mock-messages/claude-sonnet-4-5"


def change(values: dict[str, Any], mock_url: str) -> None:
    values["upstreams"]["slow"] = {"base_url": f"{mock_url}/scenario/delay:100/v1", "direct": True}
    values["jobs"] = {"max_concurrency": 1}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("rotation"), change, timing="instant") as live:
        yield live


def client(live: Live, token: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{live.url}/v1", api_key=token, max_retries=0)


def rotated(live: Live, token: str) -> str:
    """The token that takes the place of `token`, over the management API."""
    admin = live.headers(live.admin_key)
    keys = httpx2.get(f"{live.url}/admin/keys", headers=admin).json()["keys"]
    identity = next(key["id"] for key in keys if key["hint"] == token[-4:] and key["revoked_at"] is None)
    return str(httpx2.post(f"{live.url}/admin/keys/{identity}/rotate", headers=admin).json()["token"])


def test_what_is_sealed_for_a_key_opens_for_the_one_that_takes_its_place(live: Live) -> None:
    token = live.issue()
    asked: Any = {"reasoning": {"effort": "high"}, "include": ["reasoning.encrypted_content"], "store": False}
    with client(live, token) as old:
        thought = next(
            item
            for item in old.responses.create(model=THINKER, input="think", **asked).output
            if item.type == "reasoning"
        )
        compacted = old.responses.compact(model=MODEL, input="a long story")
    token = rotated(live, rotated(live, token))
    with client(live, token) as new:
        items: Any = [{"role": "user", "content": "think"}, thought.to_dict(), {"role": "user", "content": "more"}]
        answer = new.responses.with_raw_response.create(model=THINKER, input=items, **asked)
        assert "encrypted_content;dropped" not in answer.headers.get("x-dragoman-loss", "")
        told = json.loads(live.entries(live.received - 1)[0].body)["messages"]
        assert "thinking" in [
            block["type"] for one in told if isinstance(one["content"], list) for block in one["content"]
        ]
        items = [*(item.to_dict() for item in compacted.output), {"role": "user", "content": "go on"}]
        assert new.responses.create(model=MODEL, input=items).status == "completed"


def test_what_a_key_stored_is_there_for_the_one_that_takes_its_place_and_for_no_other(live: Live) -> None:
    token = live.issue()
    with client(live, token) as old:
        conversation = old.conversations.create(items=[{"role": "user", "content": "hello"}])
        made = old.responses.create(model=MODEL, input="hello", conversation=conversation.id)
    with client(live, rotated(live, token)) as new, client(live, live.issue()) as stranger:
        assert new.responses.retrieve(made.id).id == made.id
        assert len(new.conversations.items.list(conversation.id).data) == 3
        assert new.responses.create(model=MODEL, input="more", previous_response_id=made.id).status == "completed"
        for attempt in (stranger.responses.retrieve, old_is_gone(live, token)):
            with pytest.raises((openai.NotFoundError, openai.AuthenticationError)):
                attempt(made.id)


def old_is_gone(live: Live, token: str) -> Any:
    return client(live, token).responses.retrieve


def test_what_is_queued_or_running_under_a_key_ends_well_under_the_one_that_takes_its_place(live: Live) -> None:
    token = live.issue()
    with client(live, token) as old:
        made = [old.responses.create(model="slow/gpt-4", input="hello", background=True).id for _ in range(3)]
        with old.responses.create(model="slow/gpt-4", input="hello", background=True, stream=True) as stream:
            made.append(next(iter(stream)).response.id)  # type: ignore[union-attr]
    with client(live, rotated(live, token)) as new:
        live.until(lambda: live.gateway.in_flight == 0, "all of them have ended")
        for identity in made:
            assert new.responses.retrieve(identity).status == "completed"
