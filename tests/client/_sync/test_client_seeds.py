# Written by scripts/unasync.py from tests/client/_async/test_client_seeds.py; change that instead.
"""The thirteen tests of seed 001 through the client, as it names them."""

import json

from dragoman.client import Client, Request


def chat(text: str, *, stream: bool = False) -> Request:
    body = {"model": "gpt-4", "messages": [{"role": "user", "content": text}], "stream": stream}
    return Request.post("/v1/chat/completions").json(body)


def test_python_openai_chat_completion(client: Client) -> None:
    response = client.execute("openai", chat("hello"))
    assert (response.status, response.error_source) == (200, "upstream")
    body = response.json()
    assert body["object"] == "chat.completion"
    assert "Hello" in body["choices"][0]["message"]["content"]


def test_python_openai_streaming(client: Client) -> None:
    text, chunks, done = "", 0, False
    with client.stream("openai", chat("count to three", stream=True)) as response:
        assert (response.status, response.error_source) == (200, "upstream")
        for event in response.sse():
            if event.done:
                done = True
                break
            chunks += 1
            text += event.json()["choices"][0]["delta"].get("content") or ""
    assert done
    assert chunks >= 1
    assert "count to three" in text


def test_python_github_api(client: Client) -> None:
    response = client.execute("github", Request.get("/users/octocat"))
    assert (response.status, response.error_source) == (200, "upstream")
    body = response.json()
    assert (body["login"], body["name"], body["company"]) == ("octocat", "The Octocat", "GitHub")


def test_python_github_not_found(client: Client) -> None:
    response = client.execute("github", Request.get("/users/nonexistent"))
    assert (response.status, response.error_source) == (404, "upstream")
    assert response.json()["message"] == "Not Found"


def test_python_weather_api(client: Client) -> None:
    response = client.execute("weather", Request.get("/current").query({"city": "Seattle"}))
    assert response.status == 200
    body = response.json()
    assert body["location"] == "Seattle"
    assert (body["temperature"], body["unit"], body["condition"]) == (72, "fahrenheit", "sunny")


def test_python_calculator_api(client: Client) -> None:
    for operation, a, b, result in (("add", 15, 27, 42), ("divide", 100, 4, 25.0)):
        request = Request.post("/calculate").json({"operation": operation, "a": a, "b": b})
        response = client.execute("calculator", request)
        assert (response.status, response.json()["result"]) == (200, result)


def test_python_calculator_error(client: Client) -> None:
    request = Request.post("/calculate").json({"operation": "divide", "a": 10, "b": 0})
    response = client.execute("calculator", request)
    assert (response.status, response.error_source) == (400, "upstream")
    assert "Division by zero" in response.json()["error"]


def test_python_sse_events(client: Client) -> None:
    with client.stream("stream-test", Request.get("/events")) as response:
        assert response.status == 200
        events = [event for event in response.sse()]
    assert [event.id for event in events] == ["1", "2", "3", "4"]
    assert [event.event for event in events] == ["message", "update", "message", "complete"]
    assert events[0].data == "First event"
    assert events[2].data == "Third event with\nmultiple lines"


def test_python_gateway_error(client: Client) -> None:
    response = client.execute("unknown-alias", Request.get("/some/path"))
    assert (response.status, response.error_source) == (404, "gateway")
    assert "Unknown alias" in response.json()["error"]


def test_python_upstream_error(client: Client) -> None:
    response = client.execute("openai", chat("trigger error"))
    assert (response.status, response.error_source) == (429, "upstream")
    assert response.json()["error"]["type"] == "rate_limit_error"


def test_python_gateway_status(client: Client) -> None:
    status = client.status()
    assert status.status == "operational"
    assert {"openai", "github", "weather"} <= set(status.registered_aliases)
    assert client.aliases() == status.registered_aliases


def test_python_multiple_requests(client: Client) -> None:
    for _ in range(5):
        response = client.execute("github", Request.get("/users/octocat"))
        assert (response.status, response.json()["login"]) == (200, "octocat")


def test_python_binary_response(client: Client) -> None:
    response = client.execute("weather", Request.get("/current?city=Boston"))
    assert response.status == 200
    assert response.bytes()
    assert json.loads(response.bytes())["location"] == "Boston"
