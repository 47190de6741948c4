"""What every verb that serves asks of its process: an event loop, file descriptors, and a port."""

import asyncio
import errno
import gc
import resource
from collections.abc import Coroutine
from typing import Any, Final

import uvloop

from dragoman.cli.output import Failure
from dragoman.config import ServerConfig

DESCRIPTORS: Final = 4096
"""Fewer than this and a busy gateway runs out: a call takes two."""

GC_THRESHOLDS: Final = (10_000, 20, 50)
"""A call leaves little garbage in cycles: looking for it as often as Python does by itself costs a call 12 to 20 us."""


def run(work: Coroutine[Any, Any, None]) -> None:
    """Runs a program's coroutine to its end, on uvloop."""
    gc.set_threshold(*GC_THRESHOLDS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


def raise_descriptor_limit() -> int:
    """Takes as many file descriptors as this process may have; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (ValueError, OSError):  # macOS has limits beside the one it tells
            return soft
    return hard


def cannot_listen(error: OSError, host: str, port: int) -> Failure:
    """Why an address could not be bound, and the way out."""
    hint = "another address with --host"
    if error.errno == errno.EADDRINUSE:
        hint = f"stop what listens there, or take another port with --port {port + 1 if port < 65535 else 0}"
    elif error.errno == errno.EACCES:
        hint = "a port above 1023, as in --port 8088"
    reason = {errno.EADDRINUSE: "the port is in use", errno.EACCES: "the port is reserved for root"}
    return Failure(f"cannot listen on {host}:{port}: {reason.get(error.errno or 0, error.strerror or error)}", hint)


def base_url(server: ServerConfig, port: int) -> str:
    """Where a client on this machine finds a gateway that listens on `port`."""
    host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(server.host, server.host)
    scheme = "http" if server.ssl_cert is None else "https"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
