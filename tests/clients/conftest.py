"""A Node with the clients installed, and a gateway with a model behind each dialect, Chat Completions above all."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients import node as nodes
from tests.clients.node import Node
from tests.support.live import Live, running


@pytest.fixture(scope="session")
def node() -> Node:
    found = nodes.find()
    found.install()
    return found


def upstreams(values: dict[str, Any], mock_url: str) -> None:
    """Chat only: `qwen` as an open model is served, `plain` as OpenAI's are, also under a name of Anthropic's,
    `lenient` which leaves out what it cannot be told, `busy` and `breaks` which go wrong.

    `responses` and `messages` speak nothing but that.
    """
    base = "only/chat/v1"
    values["upstreams"] |= {
        "vllm": {"base_url": f"{mock_url}/{base}", "profile": "vllm", "quirks": {"custom_tools": "wrap"}},
        "chat": {"base_url": f"{mock_url}/{base}"},
        "busy": {"base_url": f"{mock_url}/scenario/status:429/{base}"},
        "breaks": {"base_url": f"{mock_url}/scenario/cut-after:6/{base}"},
    }
    values["models"] |= {
        "qwen": {"upstream": "vllm", "model": "deepseek-reasoner"},
        "lenient": {"upstream": "chat", "model": "gpt-4", "allow_unknown": True},
        "plain": {"upstream": "chat", "model": "gpt-4"},
        "claude-sonnet-4-5": {"upstream": "chat", "model": "gpt-4"},
        "busy": {"upstream": "busy", "model": "gpt-4"},
        "breaks": {"upstream": "breaks", "model": "gpt-4"},
        "responses": {"upstream": "mock-responses", "model": "gpt-4"},
        "messages": {"upstream": "mock-messages", "model": "claude-sonnet-4-5"},
    }


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("agents"), upstreams, timing="instant") as live:
        yield live
