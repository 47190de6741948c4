"""What a preset lets through: the real clients of its provider, and what a REST client sends."""

from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from tests.support.live import Live, running

PROXY = "/api/oagw/v1/proxy"


def change(values: dict[str, Any], mock_url: str) -> None:
    values["aliases"] |= {
        "openai": {"base_url": f"{mock_url}/v1", "preset": "openai"},
        "anthropic": {"base_url": f"{mock_url}/only/messages", "preset": "anthropic"},
        "github": {"base_url": f"{mock_url}/echo", "preset": "github"},
        "rest": {"base_url": f"{mock_url}/echo"},
    }


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("presets"), change, timing="instant") as live:
        yield live


def arrived(live: Live, before: int) -> dict[str, str]:
    """The headers of the newest request at the mock."""
    *_, entry = live.entries(before)
    return {name.lower(): value for name, value in entry.headers}


def test_the_client_of_openai_says_all_that_it_says(live: Live) -> None:
    before = live.received
    with openai.OpenAI(
        base_url=f"{live.url}{PROXY}/openai", api_key=live.key, organization="org-1", project="proj_1", max_retries=0,
    ) as sdk:  # fmt: skip
        made = sdk.chat.completions.create(
            model="gpt-4", messages=[{"role": "user", "content": "hello"}],
            extra_headers={"OpenAI-Beta": "x=v1", "Idempotency-Key": "k-1", "X-Private": "no"},
        )  # fmt: skip
    assert made.choices[0].message.content
    headers = arrived(live, before)
    assert (headers["openai-organization"], headers["openai-project"]) == ("org-1", "proj_1")
    assert (headers["openai-beta"], headers["idempotency-key"]) == ("x=v1", "k-1")
    assert headers["x-stainless-lang"] == "python" and headers["user-agent"].startswith("OpenAI/")
    assert not headers.keys() & {"x-private", "authorization"}


def test_the_client_of_anthropic_says_all_that_it_says(live: Live) -> None:
    before = live.received
    with anthropic.Anthropic(base_url=f"{live.url}{PROXY}/anthropic", api_key=live.key, max_retries=0) as sdk:
        made = sdk.beta.messages.create(
            model="claude-sonnet-4-6", max_tokens=9, messages=[{"role": "user", "content": "hello"}],
            betas=["token-counting-2024-11-01"],
        )  # fmt: skip
    assert made.content
    headers = arrived(live, before)
    assert headers["anthropic-version"] and headers["anthropic-beta"] == "token-counting-2024-11-01"
    assert headers["x-stainless-lang"] == "python" and headers["user-agent"].startswith("Anthropic/")
    assert "x-api-key" not in headers


def test_a_client_of_github_pages_and_revalidates(live: Live) -> None:
    sent = {
        "Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28", "If-None-Match": '"e"',
        "User-Agent": "octokit", "OpenAI-Beta": "no",
    }  # fmt: skip
    query = "?q=language:python+stars:%3E10&per_page=100&page=2&sort=updated"
    answer = httpx2.get(f"{live.url}{PROXY}/github/search/repositories{query}", headers={**live.headers(), **sent})
    said = answer.json()
    headers = {name.lower(): value for name, value in said["headers"]}
    assert {name.lower(): value for name, value in sent.items() if name != "OpenAI-Beta"}.items() <= headers.items()
    assert "openai-beta" not in headers
    assert said["query"] == query[1:]


def test_a_rest_client_says_what_http_gives_a_meaning(live: Live) -> None:
    sent = {
        "Accept": "text/csv", "Accept-Language": "de", "Content-Type": "application/json", "If-Match": '"1"',
        "Range": "bytes=0-9", "Prefer": "return=minimal", "Idempotency-Key": "1", "Cache-Control": "no-cache",
        "Last-Event-ID": "7", "User-Agent": "mine/1",
    }  # fmt: skip
    answer = httpx2.put(
        f"{live.url}{PROXY}/rest/v1/things?filter[name]=a%20b&include=x,y", content=b"{}",
        headers={**live.headers(), **sent, "X-Own": "1"},
    )  # fmt: skip
    said = answer.json()
    headers = {name.lower(): value for name, value in said["headers"]}
    assert {name.lower(): value for name, value in sent.items()}.items() <= headers.items()
    assert "x-own" not in headers
    assert said["query"] == "filter[name]=a%20b&include=x,y"
