"""`dragoman.gateway.turns`: an agent of this process as a model, called with the official SDKs in every dialect."""

import contextlib
import time
from collections.abc import Iterator

import anthropic
import httpx2
import openai
import pytest

from tests.support.agents import EchoAgent
from tests.support.live import Live, running

AGENT = EchoAgent()
MODEL = "agent/echo"
TOOL: dict[str, object] = {"type": "object", "properties": {}}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("turns"), agents=[AGENT]) as live:
        yield live


@pytest.fixture(scope="module")
def client(live: Live) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{live.url}/v1", api_key=live.key, max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def claude(live: Live) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=live.url, api_key=live.key, max_retries=0) as client:
        yield client


def test_chat(client: openai.OpenAI, live: Live) -> None:
    answer = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=[{"role": "user", "content": "hello there"}], temperature=0.5
    )
    parsed = answer.parse()

    assert (parsed.model, parsed.choices[0].message.content) == (MODEL, "hello there")
    assert parsed.usage is not None
    assert (parsed.usage.prompt_tokens, parsed.usage.completion_tokens) == (1, 3)
    assert answer.headers["x-dragoman-loss"] == "temperature;dropped"
    assert answer.headers["x-oagw-error-source"] == "upstream"
    row = live.booked(answer.headers["x-request-id"])
    assert (row.state, row.reservation.upstream) == ("settled", MODEL)


def test_chat_streamed(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "a b c"}], stream=True,
            stream_options={"include_usage": True},
        )
    )  # fmt: skip

    assert [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content] == [
        "a", " b", " c",
    ]  # fmt: skip
    assert chunks[-1].usage is not None
    assert {chunk.model for chunk in chunks} == {MODEL}


def test_responses_whole_streamed_and_kept(client: openai.OpenAI) -> None:
    first = client.responses.create(model=MODEL, input="one two")
    with client.responses.stream(model=MODEL, input="three", previous_response_id=first.id) as stream:
        for _ in stream:
            pass
        second = stream.get_final_response()

    assert (first.output_text, second.output_text) == ("one two", "three")
    assert client.responses.retrieve(second.id).output_text == "three"
    assert (AGENT.asked[-1].session, AGENT.asked[-1].becomes) == (first.id, second.id)


def test_responses_in_the_background(client: openai.OpenAI) -> None:
    response = client.responses.create(model=MODEL, input="slowly", background=True)
    deadline = time.monotonic() + 20
    while response.status in ("queued", "in_progress") and time.monotonic() < deadline:
        response = client.responses.retrieve(response.id)

    assert (response.status, response.output_text) == ("completed", "slowly")


def test_messages(claude: anthropic.Anthropic) -> None:
    whole = claude.messages.create(model=MODEL, max_tokens=50, messages=[{"role": "user", "content": "hi"}])
    with claude.messages.stream(model=MODEL, max_tokens=50, messages=[{"role": "user", "content": "hi you"}]) as stream:
        text = "".join(stream.text_stream)

    assert [block.text for block in whole.content if block.type == "text"] == ["hi"]
    assert text == "hi you"


def test_the_callers_own_tools_come_back_to_it(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "call"}],
        tools=[{"type": "function", "function": {"name": "clock", "parameters": TOOL}}],
    )  # fmt: skip

    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.tool_calls is not None
    call = answer.choices[0].message.tool_calls[0]
    assert call.type == "function"
    assert call.function.name == "clock"


def test_what_it_cannot_do_is_a_400_that_names_it(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "a"}], n=2)

    assert caught.value.param == "n"


@pytest.mark.parametrize("stream", [False, True])
def test_a_failure_before_content_is_an_answer_with_its_status(client: openai.OpenAI, stream: bool) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "fail"}], stream=stream)

    assert caught.value.status_code == 503
    assert "has gone" in caught.value.message


def test_what_an_agent_raises_stays_inside(client: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "break"}])

    assert "secret detail" not in str(caught.value.body)


@pytest.mark.parametrize("words", ["it did fall", "it did vanish"])
def test_a_failure_after_content_ends_the_stream_with_an_error(client: openai.OpenAI, words: str) -> None:
    stream = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": words}], stream=True)
    with pytest.raises(openai.APIError):
        for _ in stream:
            pass


def test_a_caller_that_leaves_ends_the_run(live: Live) -> None:
    before = AGENT.finished
    body = {"model": MODEL, "messages": [{"role": "user", "content": "wait"}]}
    with contextlib.suppress(httpx2.ReadTimeout):
        httpx2.post(f"{live.url}/v1/chat/completions", json=body, headers=live.headers(), timeout=0.3)

    live.until(lambda: AGENT.finished == before + 1, "the agent's run has ended")


def test_its_model_is_listed_with_what_it_can_do(live: Live) -> None:
    listed = httpx2.get(f"{live.url}/v1/models", headers=live.headers()).json()["data"]
    one = httpx2.get(f"{live.url}/v1/models/{MODEL}", headers=live.headers()).json()

    assert [entry for entry in listed if entry["id"] == MODEL] == [one]
    assert one["streaming"] == "tokens"


def test_a_chat_caller_may_name_its_session(client: openai.OpenAI) -> None:
    client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "a"}], extra_body={"session_id": "s1"}
    )

    assert (AGENT.asked[-1].session, AGENT.asked[-1].becomes) == ("s1", "s1")


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/completions", "/v1/images/generations"])
def test_what_is_no_conversation_is_refused(live: Live, path: str) -> None:
    body = {"model": MODEL, "input": "a", "prompt": "a"}
    answer = httpx2.post(f"{live.url}{path}", json=body, headers=live.headers())

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "model")


def test_a_key_that_may_not_use_the_agent_is_refused(live: Live) -> None:
    key = live.issue(models=("gpt-*",))
    body = {"model": MODEL, "messages": [{"role": "user", "content": "a"}]}
    answer = httpx2.post(f"{live.url}/v1/chat/completions", json=body, headers=live.headers(key))

    assert answer.status_code == 403
