import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.plugins.json_redaction import JsonRedaction, Settings
from dragoman.policy.plugins import Reject, Request, Response
from tests.plugins.asked import request, response

JSON = (("content-type", "application/problem+json; charset=utf-8"),)
plugin = JsonRedaction(Settings(request=("Token",), response=("pin",), max_body=100), {})

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "token", "TOKEN", "b"]), inner),
    max_leaves=20,
)


def blanked(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: "[REDACTED]" if name.lower() == "token" else blanked(inner) for name, inner in value.items()}
    return [blanked(inner) for inner in value] if isinstance(value, list) else value


@given(values)
async def test_members_of_that_name_are_blanked_out_and_nothing_else(value: Any) -> None:
    body = json.dumps(value).encode()
    said = await plugin.on_request(request(headers=JSON, body=body, length=len(body)))
    if blanked(value) == value:
        assert said is None
    else:
        assert isinstance(said, Request) and said.body is not None and json.loads(said.body) == blanked(value)


async def test_an_answer_has_names_of_its_own() -> None:
    said = await plugin.on_response(response(headers=JSON, body=b'{"pin": 1, "token": 2}', length=22))
    assert isinstance(said, Response) and said.body == b'{"pin":"[REDACTED]","token":2}'


@pytest.mark.parametrize("body", [None, b"{", b"\xff", b"[" * 5000])
async def test_json_that_cannot_be_read_is_rejected(body: bytes | None) -> None:
    said = await plugin.on_request(request(headers=JSON, body=body, length=None))
    assert isinstance(said, Reject) and said.status == 413
    answer = await plugin.on_response(response(headers=JSON, body=body, length=None))
    assert isinstance(answer, Reject) and answer.status == 502


async def test_what_is_not_looked_for_is_not_asked_for() -> None:
    idle = JsonRedaction(Settings(), {})
    assert await idle.on_request(request(headers=JSON, body=None, length=None)) is None
    assert await plugin.on_request(request(headers=(("content-type", "text/plain"),), body=None, length=9)) is None
    assert (plugin.body_limit("application/json"), plugin.body_limit("text/json-ish")) == (100, 0)
