"""Configurations as an operator writes them."""

import tomllib

import pytest

from dragoman.config import Config, Layer, parse
from dragoman.errors import ConfigError

EXAMPLE = """
[server]
host = "0.0.0.0"
port = 9000
ping_interval = 5
default_upstream = "vllm"

[upstreams.openai]
base_url = "https://api.openai.com/v1"
dialects = ["chat"]
credential = "bearer env:OPENAI_API_KEY"
timeouts = { connect = 5, first_byte = 120.5, idle = 120 }

[upstreams.vllm]
base_url = "http://10.0.0.5:8000/v1"
direct = true
network = "private"
allow_cidrs = ["10.0.0.0/8", "fd00::/8"]
include_usage = false

[models]
"gpt-*" = "openai"
mini = "openai/gpt-4o-mini"
fast = { upstream = "vllm", model = "qwen3-8b", fallback = ["openai/gpt-4o-mini", "openai"] }

[models.slow]
upstream = "vllm"
timeouts = { total = 600 }

[aliases.github]
base_url = "https://api.github.com"
credential = "bearer env:GITHUB_TOKEN"
headers.request = { passthrough = "allowlist", passthrough_allowlist = ["accept", "x-github-*"] }

[aliases.openai]
upstream = "openai"

[store]
url = "postgresql://localhost/dragoman"
strict = true

[log]
level = "debug"
format = "json"
"""


def load(text: str) -> Config:
    return parse([Layer("file", tomllib.loads(text))]).config


def fault(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(text)
    return caught.value


QUIRKS = '[upstreams.openai]\nbase_url = "https://api.openai.com/v1"\nquirks = '


UPSTREAM = '[upstreams.openai]\nbase_url = "https://api.openai.com/v1"\n'


LAYERS = [
    Layer("default", {"server": {"port": 1, "drain": 1.0}}),
    Layer("file /x", tomllib.loads("[server]\nport = 2\nhost = 'a'\n" + UPSTREAM + "[models]\nfast = 'openai'")),
    Layer("environment", {"server": {"port": "3"}, "upstreams": {"openai": {"direct": "true"}}}, lax=True),
    Layer("flag", {"server": {"host": "b"}}),
]
