"""Starts the gateway on a configuration file, with its JSON access log on stdout.

python -m bench.gateway FILE
"""

import os
import sys
from functools import partial
from pathlib import Path

from dragoman.gateway.app import Gateway
from dragoman.gateway.clock import new_id
from dragoman.gateway.observe import write_stdout
from dragoman.gateway.render import render_error
from dragoman.gateway.server import GatewayServer
from dragoman.gateway.settings import Settings


def main(path: str) -> None:
    gateway = Gateway(Settings(os.environ, Path(path)), write_stdout)
    server = gateway.config.server
    GatewayServer(
        gateway,
        host=server.host,
        port=server.port,
        render=render_error,
        new_id=partial(new_id, "req_"),
        drain=server.drain,
        on_drain_begin=gateway.begin_drain,
        on_drain_deadline=gateway.end_streams,
    ).run()


if __name__ == "__main__":
    main(sys.argv[1])
