from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.live import Live, running


def listed(live: Live, key: str | None = None) -> list[str]:
    return [model["id"] for model in httpx2.get(f"{live.url}/v1/models", headers=live.headers(key)).json()["data"]]


def test_exact_names_come_first_then_what_the_upstreams_list(live: Live) -> None:
    names = listed(live)
    assert names[:3] == ["gpt-4o-mini", "gpt-4", "gpt-3.5-turbo"]
    assert "text-embedding-3-small" in names  # by its pattern
    assert "mock-chat/gpt-4" in names  # by its direct name
    assert len(names) == len(set(names))


def test_a_key_sees_only_what_it_may_use(live: Live) -> None:
    assert listed(live, live.issue(models=["gpt-4", "whisper-*"])) == ["gpt-4", "whisper-1"]
    assert listed(live, live.issue(models=[])) == []


@pytest.mark.parametrize(
    ("name", "status"),
    [("gpt-4", 200), ("mock-chat/gpt-4", 200), ("mock-chat%2Fgpt-4", 200), ("text-embedding-3-small", 200),
     ("nope", 404), ("mock-chat/nope", 404), ("text-embedding-nope", 404)],
)  # fmt: skip
def test_one_model(live: Live, name: str, status: int) -> None:
    response = httpx2.get(f"{live.url}/v1/models/{name}", headers=live.headers())
    assert response.status_code == status
    if status == 200:
        assert response.json()["object"] == "model" and response.json()["owned_by"] == "mock-chat"
    else:
        assert response.json()["error"]["code"] == "model_not_found"


def test_models_need_a_key(live: Live) -> None:
    assert httpx2.get(f"{live.url}/v1/models").status_code == 401
    assert httpx2.get(f"{live.url}/v1/models/gpt-4").status_code == 401


@pytest.mark.parametrize("scenario", ["drop", "bad-json", "status:500", "html-502"])
def test_an_upstream_that_does_not_answer_is_left_out(tmp_path: Path, scenario: str) -> None:
    def broken(values: dict[str, Any], mock_url: str) -> None:
        values["upstreams"]["broken"] = {"base_url": f"{mock_url}/scenario/{scenario}/v1", "direct": True}

    with running(tmp_path, broken) as live:
        names = listed(live)
        assert "gpt-4" in names and not [name for name in names if name.startswith("broken/")]


def test_upstreams_are_asked_once_and_not_for_each_list(live: Live) -> None:
    listed(live)
    before = live.received
    listed(live)
    assert live.received == before
