"""What a gateway that has just started tells the person who started it: where it is, and lines to try it with."""

from collections.abc import Sequence

from dragoman.config import Config

MODEL = "gpt-4o-mini"
AGENT = "fake-claude"
ASSISTANT = "agent/assistant"
ASKED = 'call weather {\\"city\\": \\"Seattle\\"}'
"""So that a mock model calls the tool."""


def greeting(url: str, config: Config, version: str) -> list[str]:
    """Where the gateway listens and what it serves."""
    lines = [f"Dragoman {version} listens on {url}"]
    upstreams = (*config.upstreams, *config.commands)
    tables = (("upstreams", upstreams), ("models", config.models), ("aliases", config.aliases))
    for title, names in (*tables, ("agents", config.agents)):
        if names:
            lines.append(f"  {title:<10} {', '.join(names)}")
    return lines


def nothing_to_call() -> list[str]:
    """What to do about a gateway without upstreams."""
    return [
        "There is no upstream yet, so every model and alias is unknown. Either",
        "  dragoman serve --demo       try everything with mock upstreams",
        "  dragoman config init        write a configuration file to fill in",
        "  OPENAI_API_KEY=... or ANTHROPIC_API_KEY=... dragoman serve",
    ]


def first_key(token: str) -> list[str]:
    """The key, shown this once."""
    return [
        "The first key, an admin key. It is shown only now:",
        f"  {token}",
    ]


def demo_key(token: str) -> list[str]:
    return ["A key to everything here, good until this demo ends:", f"  {token}"]


def curl_lines(url: str, token: str, *, agent: bool) -> list[tuple[str, str]]:
    """What a demo shows, each with a line for a shell that works as it stands."""
    key = f'-H "Authorization: Bearer {token}"'
    proxy = f"{url}/api/oagw/v1/proxy"
    asked = [("An agent, whose tools are those APIs", _chat(url, key, ASKED, model=ASSISTANT))] if agent else []
    return [
        ("A streamed chat answer", _chat(url, key, "Tell me about gateways", stream=True)),
        ("A whole one", _chat(url, key, "hello")),
        ("A command-line agent as a model", _chat(url, key, "hello", model=AGENT)),
        ("The models", f"curl {key} {url}/v1/models"),
        ("An HTTP API behind an alias", f'curl {key} "{proxy}/weather/current?city=Seattle"'),
        ("An event stream behind an alias", f"curl -N {key} {proxy}/stream-test/events"),
        ("The aliases", f"curl {key} {url}/api/oagw/v1/status"),
        *asked,
    ]


def _chat(url: str, key: str, text: str, *, model: str = MODEL, stream: bool = False) -> str:
    streamed = '"stream":true,' if stream else ""
    body = f'{{"model":"{model}",{streamed}"messages":[{{"role":"user","content":"{text}"}}]}}'
    flag = "-N " if stream else ""
    return f"curl {flag}{key} -H \"Content-Type: application/json\" -d '{body}' {url}/v1/chat/completions"


def to_try(url: str, token: str, config: Config) -> list[str]:
    """The demo's lines, each under what it shows."""
    lines: list[str] = []
    for title, line in curl_lines(url, token, agent="assistant" in config.agents):
        lines += [f"{title}:", f"  {line}"]
    return [*lines, "Or talk to it:", f"  DRAGOMAN_URL={url} DRAGOMAN_KEY={token} dragoman chat"]


def paragraphs(*blocks: Sequence[str]) -> str:
    """Blocks of lines with an empty line between."""
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"
