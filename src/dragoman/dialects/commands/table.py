"""Every adapter by its name, as `adapter` of an upstream's configuration has it."""

from collections.abc import Mapping
from typing import Final

from dragoman.dialects.commands.base import Adapter
from dragoman.dialects.commands.claude import ClaudeCli
from dragoman.dialects.commands.codex import CodexCli
from dragoman.dialects.commands.gemini import GeminiCli
from dragoman.dialects.commands.text import TextCli

ADAPTERS: Final[Mapping[str, Adapter]] = {
    adapter.name: adapter for adapter in (ClaudeCli(), CodexCli(), GeminiCli(), TextCli())
}
