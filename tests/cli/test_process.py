import errno
import json
import subprocess
import sys

import pytest

from dragoman.cli.process import base_url, cannot_listen
from dragoman.config import ServerConfig

PROBE = """
import json, resource
from dragoman.cli.process import raise_descriptor_limit
print(json.dumps([raise_descriptor_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE)]))
"""


def test_all_descriptors_that_may_be_had_are_taken() -> None:
    shell = f'ulimit -Sn 200; ulimit -Hn 2000; exec {sys.executable} -c "$1"'
    done = subprocess.run(["bash", "-c", shell, "bash", PROBE], capture_output=True, check=True)
    assert json.loads(done.stdout) == [2000, 2000, 2000]


@pytest.mark.parametrize(
    "host, url",
    [
        ("127.0.0.1", "http://127.0.0.1:1"),
        ("0.0.0.0", "http://127.0.0.1:1"),
        ("", "http://127.0.0.1:1"),
        ("::", "http://[::1]:1"),
        ("fd00::1", "http://[fd00::1]:1"),
        ("gate.internal", "http://gate.internal:1"),
    ],
)
def test_a_client_here_finds_a_gateway_on_any_address(host: str, url: str) -> None:
    assert base_url(ServerConfig(host=host), 1) == url


def test_with_a_certificate_it_is_found_by_tls() -> None:
    assert base_url(ServerConfig(ssl_cert="c", ssl_key="k"), 1) == "https://127.0.0.1:1"


@pytest.mark.parametrize(
    "number, port, message, hint",
    [
        (errno.EADDRINUSE, 8088, "in use", "--port 8089"),
        (errno.EADDRINUSE, 65535, "in use", "--port 0"),
        (errno.EACCES, 80, "root", "--port 8088"),
        (errno.EADDRNOTAVAIL, 80, "no such address", "--host"),
    ],
)
def test_why_a_port_cannot_be_had_comes_with_a_way_out(number: int, port: int, message: str, hint: str) -> None:
    failure = cannot_listen(OSError(number, "no such address"), "h", port)
    assert f"h:{port}" in failure.message and message in failure.message and hint in failure.hint
