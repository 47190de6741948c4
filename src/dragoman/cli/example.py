"""The configuration file that `dragoman config init` writes: complete, explained, and good as it stands."""

from collections.abc import Mapping
from typing import Final

_HEAD: Final = """\
# Dragoman's configuration. What is commented out shows the default, or an example.
# Precedence: flags, environment (DRAGOMAN_SERVER__PORT=9000), .env, this file, defaults.
# After a change: dragoman config check, then SIGHUP or POST /admin/reload.

[server]
host = "127.0.0.1"          # other machines can reach it only once there is a key
port = 8088
# ssl_cert = "/etc/dragoman/cert.pem"
# ssl_key = "/etc/dragoman/key.pem"
# drain = 300                # seconds that calls under way may take after SIGTERM
# shutdown_delay = 0         # seconds between /readyz failing and the listener closing
# metrics_public = false     # whether /metrics needs no admin key

# Upstreams answer calls. A credential is a reference, never the secret itself:
# "bearer REF", "header NAME REF", "query NAME REF", "basic REF REF", "caller" or "none",
# where REF is env:NAME or file:/absolute/path.
"""
_OPENAI: Final = """
[upstreams.openai]
base_url = "https://api.openai.com/v1"
credential = "bearer env:OPENAI_API_KEY"
direct = true               # callers may also name "openai/any-model"
"""
_ANTHROPIC: Final = """
[upstreams.anthropic]
base_url = "https://api.anthropic.com/v1"
credential = "bearer env:ANTHROPIC_API_KEY"
direct = true
"""
_VLLM: Final = """
[upstreams.vllm]
base_url = "http://10.0.0.5:8000/v1"
direct = true
timeouts = { connect = 5, first_byte = 120, idle = 120 }   # seconds
"""
_MODELS: Final = """
# Models: the name a caller asks for, and where it goes. An exact name comes before a pattern.
[models]
"""
_OPENAI_MODELS: Final = """\
"gpt-*" = "openai"
"o*" = "openai"
"chatgpt-*" = "openai"
"text-embedding-*" = "openai"
"""
_ANTHROPIC_MODELS: Final = """\
"claude-*" = "anthropic"
"""
_OTHER_MODELS: Final = """\
fast = { upstream = "vllm", model = "qwen3-8b", fallback = ["openai/gpt-4o-mini"] }
"""
_ALIASES: Final = """
# Aliases: any HTTP API at /api/oagw/v1/proxy/NAME/...
"""
_GITHUB: Final = """
[aliases.github]
base_url = "https://api.github.com"
credential = "bearer env:GITHUB_TOKEN"
"""
_TAIL: Final = """
[store]
# url = "sqlite:////var/lib/dragoman/dragoman.db"   # default under the state directory; or postgresql://...
# strict = false             # whether a call waits until its reservation is on disk

[log]
# level = "info"             # debug, info, warning or error
# format = "auto"            # json, console, or by whether stdout is a terminal
"""


def render(environ: Mapping[str, str]) -> str:
    """The example; a provider whose API key is in the environment is switched on."""
    openai, anthropic = bool(environ.get("OPENAI_API_KEY")), bool(environ.get("ANTHROPIC_API_KEY"))
    return "".join(
        (
            _HEAD,
            _switched(_OPENAI, openai),
            _switched(_ANTHROPIC, anthropic),
            _switched(_VLLM, False),
            _MODELS,
            _switched(_OPENAI_MODELS, openai),
            _switched(_ANTHROPIC_MODELS, anthropic),
            _switched(_OTHER_MODELS, False),
            _ALIASES,
            _switched(_GITHUB, False),
            _TAIL,
        )
    )


def _switched(section: str, on: bool) -> str:
    if on:
        return section
    return "".join(f"# {line}" if line.strip() else line for line in section.splitlines(keepends=True))
