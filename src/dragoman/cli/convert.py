"""`dragoman convert`: a request, an answer or a stream in another dialect, from a file or a pipe.

What `POST /convert` does, without a gateway. A stream is written event by event as it is read.
"""

import re
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import click
import msgspec

from dragoman import bridge
from dragoman.bridge import CODECS, Converted, Ids
from dragoman.cli import options
from dragoman.cli.output import Failure, dump, plain, table
from dragoman.dialects.base import StreamRelay
from dragoman.dialects.profile import PROFILES
from dragoman.errors import GatewayError
from dragoman.gateway.clock import SystemClock, new_id

CHUNK: Final = 1 << 16
_WHAT: Final = ("request", "response", "stream")
_DIALECT: Final = click.Choice(list(CODECS))
_SSE: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:data|event|id|retry)?:")
_ANSWERS: Final = frozenset({"choices", "output", "stop_reason", "error"})
"""Members that an answer of some dialect has, and no request of any."""


@click.command()
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--from", "source", type=_DIALECT, default="chat", show_default=True, help="The dialect it is in.")
@click.option("--to", "target", type=_DIALECT, default="responses", show_default=True, help="The dialect it becomes.")
@click.option("--what", type=click.Choice(_WHAT), help="What is read; unless given, seen by its beginning.")
@click.option(
    "--profile", type=click.Choice(list(PROFILES)), default="openai", show_default=True,
    help="The kind of server that a request is for, or that a stream is from.",
)  # fmt: skip
@options.as_json
def convert(file: BinaryIO, source: str, target: str, what: str | None, profile: str, as_json: bool) -> None:
    """Translate a request, an answer or a stream of events.

    Reads FILE, or what is piped in, and asks nobody. What could not be carried as it was is listed on
    stderr. With --json both are in one object.
    """
    ids = Ids(new_id, SystemClock().now)
    parts = _parts(file)
    begin = _begin(parts)
    what = what or ("stream" if _SSE.match(begin) else None)
    try:
        if what == "stream":
            relay = bridge.convert_stream(source, target, ids, PROFILES[profile])
            _write_stream(relay, begin, parts, as_json=as_json)
            return
        body = b"".join([begin, *parts])
        if (what or _kind(body)) == "request":
            converted = bridge.convert_request(body, source, target, PROFILES[profile])
        else:
            converted = bridge.convert_answer(body, source, target, ids)
    except GatewayError as error:
        raise _failure(error) from None
    _write(converted, as_json=as_json)


def _parts(file: BinaryIO) -> Iterator[bytes]:
    """The file as it comes, piece by piece."""
    read: Any = getattr(file, "read1", file.read)
    while part := read(CHUNK):
        yield part


def _begin(parts: Iterator[bytes]) -> bytes:
    """As much as it takes to see whether it is a stream."""
    begin = b""
    for part in parts:
        begin += part
        if len(begin.lstrip()) > len(b"\xef\xbb\xbfevent:"):
            break
    return begin


def _kind(body: bytes) -> str:
    try:
        members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return "request"  # whose parser says what is wrong
    return "response" if _ANSWERS & members.keys() else "request"


def _write(converted: Converted, *, as_json: bool) -> None:
    if as_json:
        dump({"body": msgspec.Raw(converted.body), "losses": plain(converted.losses)})
        return
    _emit(converted.body + b"\n")
    if converted.losses:
        rows = [(loss.param, loss.kind, loss.note) for loss in converted.losses]
        table(("parameter", "was", "because"), rows, aside=True)


def _write_stream(relay: StreamRelay, begin: bytes, parts: Iterator[bytes], *, as_json: bool) -> None:
    """Raises `GatewayError` for a stream that breaks before anything is said, `Failure` after that."""
    written = []
    for events in _events(relay, begin, parts):
        if as_json:
            written += events
        else:
            _emit(b"".join(events))
    if as_json:
        dump({"body": b"".join(written).decode(), "losses": []})
    if relay.failure is not None:
        raise _failure(relay.failure)


def _events(relay: StreamRelay, begin: bytes, parts: Iterator[bytes]) -> Iterator[list[bytes]]:
    yield relay.receive(begin)
    for part in parts:
        yield relay.receive(part)
    yield relay.eof()


def _emit(data: bytes) -> None:
    if data:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def _failure(error: GatewayError) -> Failure:
    named = error.param is None or error.param in error.message
    return Failure(error.message if named else f"{error.param}: {error.message}")
