"""`dragoman demo`: a gateway with mock upstreams, and a short tour through it."""

import asyncio
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import msgspec

from dragoman.cli import banner, launch, options, process
from dragoman.cli.conversation import Answer, Conversation
from dragoman.cli.output import Failure, dump, plain, printable, say, table
from dragoman.cli.usage import ROWS, ledger_row
from dragoman.config import Tree
from dragoman.gateway import logs
from dragoman.ports import LedgerRow
from dragoman.version import __version__

PORT = 8088
QUESTION = "What does a dragoman do at the gate between two languages?"
API = "/api/oagw/v1/proxy/weather/current?city=Seattle"
_LOOKS = 100
_PAUSE = 0.02


class Tour(msgspec.Struct):
    """What the demo saw."""

    url: str
    chat: Answer
    proxy: object
    ledger: list[LedgerRow]
    token: str | None = None
    """Only while the demo goes on running."""


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help=f"Port, 0 for a free one; default {PORT}, or a free one.")
@click.option("--keep/--no-keep", default=None, help="Leave the gateway running; asked on a terminal.")
@options.as_json
def demo(port: int | None, keep: bool | None, as_json: bool) -> None:
    """Show in half a minute what the gateway does.

    Starts it with mock upstreams, streams a chat answer, calls an HTTP API, and shows what was booked.
    """
    with TemporaryDirectory(prefix="dragoman-demo-") as state:
        process.run(_run(Path(state), _listen(port), keep, as_json=as_json))


def _listen(port: int | None) -> list[socket.socket]:
    if port is not None:
        return launch.bind("127.0.0.1", port)
    try:
        return launch.bind("127.0.0.1", PORT)
    except Failure:
        return launch.bind("127.0.0.1", 0)


async def _run(state: Path, listeners: list[socket.socket], keep: bool | None, *, as_json: bool) -> None:
    process.raise_descriptor_limit()
    port = listeners[0].getsockname()[1]
    flags: Tree = {"server": {"host": "127.0.0.1", "port": port}}
    async with launch.demo_settings(state, flags) as settings:
        # The tour is on stdout; what goes wrong inside is not part of it.
        logs.configure(logs.Sink(sys.stderr.fileno()), level="warning", console=True)
        gateway = launch.KeyedGateway(settings, None, fresh=True)
        async with launch.serving(gateway, listeners) as (server, stopped):
            url = process.base_url(gateway.config.server, port)
            assert gateway.token is not None
            try:
                tour = await _show(gateway, url, gateway.token, quiet=as_json)
            except Failure:
                if server.draining:  # by Ctrl-C, which the server has taken
                    raise click.Abort from None
                raise
            stays = await _stays(keep, stopped, quiet=as_json)
            if as_json:
                dump(plain(msgspec.structs.replace(tour, token=gateway.token if stays else None)))
            if stays:
                if not as_json:
                    say(
                        banner.paragraphs(
                            banner.demo_key(gateway.token), banner.to_try(url, gateway.token, gateway.config)
                        )
                    )
                    say("It runs until Ctrl-C.")
                await stopped


async def _show(gateway: launch.KeyedGateway, url: str, token: str, *, quiet: bool) -> Tour:
    """The tour itself: a caller's calls over HTTP, in a thread beside the gateway's loop."""
    tell = _silent if quiet else _tell
    tell(f"Dragoman {__version__} with mock upstreams on {url}\n\n")
    with Conversation(url, token, banner.MODEL) as conversation:
        tell(f"1. A chat answer, streamed by POST {url}/v1/chat/completions\n\n   > {QUESTION}\n   ")
        answer = await asyncio.to_thread(conversation.ask, QUESTION, tell)
        tell(f"\n\n2. An HTTP API behind an alias, GET {url}{API}\n\n")
        reply = await asyncio.to_thread(conversation.get, API)
        tell(f"   {msgspec.json.encode(reply).decode()}\n\n")
    tell("3. What the ledger booked\n\n")
    rows = await _booked(gateway)
    if not quiet:
        names = {key.id: key.name for key in await gateway.issuer.list()}
        table(ROWS, [ledger_row(row, names) for row in rows])
        say()
    return Tour(url, answer, reply, list(rows))


def _tell(text: str) -> None:
    say(printable(text, keep="\n"), end="")
    sys.stdout.flush()


def _silent(text: str) -> None:
    """Takes the place of `_tell` where only the outcome is wanted."""


async def _booked(gateway: launch.KeyedGateway) -> Sequence[LedgerRow]:
    """The ledger once the calls are settled, which they are a moment after their answers."""
    rows: Sequence[LedgerRow] = ()
    for _ in range(_LOOKS):
        await gateway.ledger.durable()
        rows = await gateway.ledger.rows()
        if all(row.state != "open" for row in rows):
            break
        await asyncio.sleep(_PAUSE)
    return rows


async def _stays(keep: bool | None, stopped: "asyncio.Task[None]", *, quiet: bool) -> bool:
    if keep is not None:
        return keep
    if quiet or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    return await _confirm("Leave it running? [y/N] ", stopped)


async def _confirm(question: str, stopped: "asyncio.Task[None]") -> bool:
    """Asks on the terminal without holding up the loop, so that Ctrl-C still stops the gateway."""
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[str] = loop.create_future()

    def take() -> None:
        if not answered.done():
            answered.set_result(sys.stdin.readline())

    say(question, end="")
    sys.stdout.flush()
    loop.add_reader(sys.stdin.fileno(), take)
    try:
        await asyncio.wait((answered, stopped), return_when=asyncio.FIRST_COMPLETED)
    finally:
        loop.remove_reader(sys.stdin.fileno())
    if not answered.done():
        raise click.Abort
    return answered.result().strip().lower() in ("y", "yes")
