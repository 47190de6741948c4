"""Runs in the frameworks' own environment: an agent of each, with its model alone a mock, served by a gateway.

What the official client got of each is printed as JSON. The gateway's own packages come from the directory that is
the first argument, behind the frameworks'.
"""

import json
import os
import site
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

site.addsitedir(sys.argv[1])
sys.path.insert(0, sys.argv[2])


def made(url: str) -> list[Any]:
    """One of each, asking the mock at `url`."""
    os.environ |= {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": "none"}
    agents: Any = import_module("agents")
    langchain: Any = import_module("langchain_openai")
    runnables: Any = import_module("langchain_core.runnables")
    pydantic_ai: Any = import_module("pydantic_ai")
    models: Any = import_module("pydantic_ai.models.openai")
    from dragoman import from_callable

    agents.set_tracing_disabled(True)

    def weather(city: str) -> str:
        """The weather in a city."""
        return f"Rain in {city}"

    pydantic = pydantic_ai.Agent(models.OpenAIChatModel("gpt-4"), instructions="Be brief.", name="pydantic")
    pydantic.tool_plain(weather)
    typed = pydantic_ai.Agent(models.OpenAIChatModel("gpt-4"), output_type=list[int], name="typed")
    openai_agent = agents.Agent(name="openai", model="gpt-4", tools=[agents.function_tool(weather)])
    return [
        from_callable(pydantic),
        from_callable(typed),
        from_callable(openai_agent),
        from_callable(langchain.ChatOpenAI(model="gpt-4", stream_usage=True), name="langchain"),
        from_callable(runnables.RunnableLambda(lambda messages: f"{len(messages)} messages"), name="runnable"),
    ]


def asked(live: Any, name: str) -> dict[str, Any]:
    """What a client gets, buffered and streamed, after a turn that has gone before."""
    import openai

    messages: Any = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": 'call weather {"city": "Oslo"}'},
    ]
    with openai.OpenAI(base_url=f"{live.url}/v1", api_key=live.key, max_retries=0) as client:
        whole = client.chat.completions.create(model=f"agent/{name}", messages=messages)
        chunks = list(client.chat.completions.create(model=f"agent/{name}", messages=messages, stream=True))
    return {
        "whole": whole.choices[0].message.content,
        "streamed": "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices),
        "pieces": sum(bool(choice.delta.content) for chunk in chunks for choice in chunk.choices),
        "tokens": whole.usage.total_tokens if whole.usage else None,
    }


def main() -> None:
    from tests.support.live import running

    found = {}
    with (
        running(Path(tempfile.mkdtemp()), timing="instant") as mock,
        running(Path(tempfile.mkdtemp()), timing="instant", agents=made(mock.mock_url)) as live,
    ):
        for name in ("pydantic", "typed", "openai", "langchain", "runnable"):
            found[name] = asked(live, name)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
