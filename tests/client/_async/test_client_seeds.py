"""The thirteen tests of seed 001 through the client, as it names them."""

import json

from dragoman.client import AsyncClient, Request


def chat(text: str, *, stream: bool = False) -> Request:
    body = {"model": "gpt-4", "messages": [{"role": "user", "content": text}], "stream": stream}
    return Request.post("/v1/chat/completions").json(body)


async def test_python_openai_chat_completion(client: AsyncClient) -> None:
    response = await client.execute("openai", chat("hello"))
    assert (response.status, response.error_source) == (200, "upstream")
    body = response.json()
    assert body["object"] == "chat.completion"
    assert "Hello" in body["choices"][0]["message"]["content"]


async def test_python_openai_streaming(client: AsyncClient) -> None:
    text, chunks, done = "", 0, False
    async with client.stream("openai", chat("count to three", stream=True)) as response:
        assert (response.status, response.error_source) == (200, "upstream")
        async for event in response.sse():
            if event.done:
                done = True
                break
            chunks += 1
            text += event.json()["choices"][0]["delta"].get("content") or ""
    assert done
    assert chunks >= 1
    assert "count to three" in text


async def test_python_github_api(client: AsyncClient) -> None:
    response = await client.execute("github", Request.get("/users/octocat"))
    assert (response.status, response.error_source) == (200, "upstream")
    body = response.json()
    assert (body["login"], body["name"], body["company"]) == ("octocat", "The Octocat", "GitHub")


async def test_python_github_not_found(client: AsyncClient) -> None:
    response = await client.execute("github", Request.get("/users/nonexistent"))
    assert (response.status, response.error_source) == (404, "upstream")
    assert response.json()["message"] == "Not Found"


async def test_python_weather_api(client: AsyncClient) -> None:
    response = await client.execute("weather", Request.get("/current").query({"city": "Seattle"}))
    assert response.status == 200
    body = response.json()
    assert body["location"] == "Seattle"
    assert (body["temperature"], body["unit"], body["condition"]) == (72, "fahrenheit", "sunny")


async def test_python_calculator_api(client: AsyncClient) -> None:
    for operation, a, b, result in (("add", 15, 27, 42), ("divide", 100, 4, 25.0)):
        request = Request.post("/calculate").json({"operation": operation, "a": a, "b": b})
        response = await client.execute("calculator", request)
        assert (response.status, response.json()["result"]) == (200, result)


async def test_python_calculator_error(client: AsyncClient) -> None:
    request = Request.post("/calculate").json({"operation": "divide", "a": 10, "b": 0})
    response = await client.execute("calculator", request)
    assert (response.status, response.error_source) == (400, "upstream")
    assert "Division by zero" in response.json()["error"]


async def test_python_sse_events(client: AsyncClient) -> None:
    async with client.stream("stream-test", Request.get("/events")) as response:
        assert response.status == 200
        events = [event async for event in response.sse()]
    assert [event.id for event in events] == ["1", "2", "3", "4"]
    assert [event.event for event in events] == ["message", "update", "message", "complete"]
    assert events[0].data == "First event"
    assert events[2].data == "Third event with\nmultiple lines"


async def test_python_gateway_error(client: AsyncClient) -> None:
    response = await client.execute("unknown-alias", Request.get("/some/path"))
    assert (response.status, response.error_source) == (404, "gateway")
    assert "Unknown alias" in response.json()["error"]


async def test_python_upstream_error(client: AsyncClient) -> None:
    response = await client.execute("openai", chat("trigger error"))
    assert (response.status, response.error_source) == (429, "upstream")
    assert response.json()["error"]["type"] == "rate_limit_error"


async def test_python_gateway_status(client: AsyncClient) -> None:
    status = await client.status()
    assert status.status == "operational"
    assert {"openai", "github", "weather"} <= set(status.registered_aliases)
    assert await client.aliases() == status.registered_aliases


async def test_python_multiple_requests(client: AsyncClient) -> None:
    for _ in range(5):
        response = await client.execute("github", Request.get("/users/octocat"))
        assert (response.status, response.json()["login"]) == (200, "octocat")


async def test_python_binary_response(client: AsyncClient) -> None:
    response = await client.execute("weather", Request.get("/current?city=Boston"))
    assert response.status == 200
    assert response.bytes()
    assert json.loads(response.bytes())["location"] == "Boston"
