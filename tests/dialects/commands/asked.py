"""Turns and runs for the tests of adapters."""

from collections.abc import Iterable, Mapping

import msgspec
import pytest

from dragoman.dialects.commands.base import Adapter, Argument, Invocation, Output, Reader, Run, Settings, TempFile
from dragoman.errors import GatewayError
from dragoman.turn import Event, Format, Image, Message, Opened, Part, Role, Text, Turn

OPENED = Opened("chatcmpl-1", 7, "small")
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
IMAGE = Image(url=f"data:image/png;base64,{PIXEL}")
NAME = Format(
    "json_schema", "n", schema=msgspec.Raw(b'{ "type": "object",\n "properties": {"name": {"type":"string"}} }')
)


def settings(output: Output = "stream-json", **more: object) -> Settings:
    return msgspec.convert({"upstream": "agent", "output": output, **more}, Settings)


def message(role: Role, *parts: Part | str) -> Message:
    return Message(role, tuple(Text(part) if isinstance(part, str) else part for part in parts))


def user(*parts: Part | str) -> Message:
    return message("user", *parts)


def assistant(*parts: Part | str) -> Message:
    return message("assistant", *parts)


def system(*parts: Part | str) -> Message:
    return message("system", *parts)


def turn(*items: Message, **more: object) -> Turn:
    return msgspec.structs.replace(Turn("small", items=items, dialect="chat"), **more)


def shown(argument: Argument) -> str:
    """An argument as a line of a golden text; a file by its name and content."""
    if isinstance(argument, TempFile):
        return f"{argument.prefix}<{argument.name}: {argument.content.decode('utf-8', 'replace')}>"
    return argument


def line(invocation: Invocation) -> list[str]:
    return [shown(argument) for argument in invocation.argv]


def variables(invocation: Invocation) -> Mapping[str, str]:
    return {name: shown(value) for name, value in invocation.environment.items()}


def refused(adapter: Adapter, asked: Turn, given: Settings, run: Run | None = None) -> tuple[str, str | None]:
    """The code and the parameter of a refusal."""
    with pytest.raises(GatewayError) as raised:
        adapter.prepare(asked, "small", given, run or Run())
    return raised.value.kind.code, raised.value.param


def read(reader: Reader, parts: Iterable[bytes], code: int = 0, stderr: bytes = b"") -> list[Event]:
    """All events of a run that ends so."""
    events = [event for part in parts for event in reader.receive(part)]
    return [*events, *reader.eof(), *reader.exited(code, stderr)]
