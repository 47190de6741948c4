"""The thirteen tests of seed 001, as it names them: an alias client against the five mock services."""

import json

import httpx2

PROXY = "/api/oagw/v1/proxy"
SOURCE = "x-oagw-error-source"


def chat(text: str, *, stream: bool = False) -> dict[str, object]:
    return {"model": "gpt-4", "messages": [{"role": "user", "content": text}], "stream": stream}


def test_python_openai_chat_completion(http: httpx2.Client) -> None:
    response = http.post(f"{PROXY}/openai/v1/chat/completions", json=chat("hello"))
    assert response.status_code == 200
    assert response.headers[SOURCE] == "upstream"
    body = response.json()
    assert body["object"] == "chat.completion"
    assert "Hello" in body["choices"][0]["message"]["content"]


def test_python_openai_streaming(http: httpx2.Client) -> None:
    text, chunks, done = "", 0, False
    body = chat("count to three", stream=True)
    with http.stream("POST", f"{PROXY}/openai/v1/chat/completions", json=body) as response:
        assert response.status_code == 200
        assert response.headers[SOURCE] == "upstream"
        for line in response.iter_lines():
            if line == "data: [DONE]":
                done = True
                break
            if line.startswith("data: "):
                chunks += 1
                text += json.loads(line[6:])["choices"][0]["delta"].get("content") or ""
    assert done
    assert chunks >= 1
    assert text


def test_python_github_api(http: httpx2.Client) -> None:
    response = http.get(f"{PROXY}/github/users/octocat")
    assert response.status_code == 200
    assert response.headers[SOURCE] == "upstream"
    body = response.json()
    assert (body["login"], body["name"], body["company"]) == ("octocat", "The Octocat", "GitHub")


def test_python_github_not_found(http: httpx2.Client) -> None:
    response = http.get(f"{PROXY}/github/users/nonexistent")
    assert response.status_code == 404
    assert response.headers[SOURCE] == "upstream"
    assert response.json()["message"] == "Not Found"


def test_python_weather_api(http: httpx2.Client) -> None:
    response = http.get(f"{PROXY}/weather/current", params={"city": "Seattle"})
    assert response.status_code == 200
    body = response.json()
    assert body["location"] == "Seattle"
    assert (body["temperature"], body["unit"], body["condition"]) == (72, "fahrenheit", "sunny")


def test_python_calculator_api(http: httpx2.Client) -> None:
    added = http.post(f"{PROXY}/calculator/calculate", json={"operation": "add", "a": 15, "b": 27})
    assert added.status_code == 200
    assert added.json()["result"] == 42
    divided = http.post(f"{PROXY}/calculator/calculate", json={"operation": "divide", "a": 100, "b": 4})
    assert divided.status_code == 200
    assert divided.json()["result"] == 25.0


def test_python_calculator_error(http: httpx2.Client) -> None:
    response = http.post(f"{PROXY}/calculator/calculate", json={"operation": "divide", "a": 10, "b": 0})
    assert response.status_code == 400
    assert response.headers[SOURCE] == "upstream"
    assert "Division by zero" in response.json()["error"]


def test_python_sse_events(http: httpx2.Client) -> None:
    events: list[dict[str, str]] = []
    with http.stream("GET", f"{PROXY}/stream-test/events") as response:
        assert response.status_code == 200
        for block in response.read().decode().split("\n\n")[:-1]:
            event: dict[str, str] = {}
            for line in block.split("\n"):
                name, _, value = line.partition(": ")
                event[name] = f"{event[name]}\n{value}" if name in event else value
            events.append(event)
    assert len(events) == 4
    assert [event["id"] for event in events] == ["1", "2", "3", "4"]
    assert [events[at]["event"] for at in (0, 1, 3)] == ["message", "update", "complete"]
    assert events[0]["data"] == "First event"
    assert "multiple lines" in events[2]["data"]


def test_python_gateway_error(http: httpx2.Client) -> None:
    response = http.get(f"{PROXY}/unknown-alias/some/path")
    assert response.status_code == 404
    assert response.headers[SOURCE] == "gateway"
    assert "Unknown alias" in response.json()["error"]


def test_python_upstream_error(http: httpx2.Client) -> None:
    response = http.post(f"{PROXY}/openai/v1/chat/completions", json=chat("trigger error"))
    assert response.status_code == 429
    assert response.headers[SOURCE] == "upstream"
    assert response.json()["error"]["type"] == "rate_limit_error"


def test_python_gateway_status(http: httpx2.Client) -> None:
    response = http.get("/api/oagw/v1/status")
    assert response.status_code == 200
    body = response.json()
    assert body["status"] == "operational"
    assert {"openai", "github", "weather"} <= set(body["registered_aliases"])


def test_python_multiple_requests(http: httpx2.Client) -> None:
    for _ in range(5):
        response = http.get(f"{PROXY}/github/users/octocat")
        assert response.status_code == 200
        assert response.json()["login"] == "octocat"


def test_python_binary_response(http: httpx2.Client) -> None:
    response = http.get(f"{PROXY}/weather/current", params={"city": "Boston"})
    assert response.status_code == 200
    assert response.content
    assert json.loads(response.content)["location"] == "Boston"
