import httpcore2
import httpx2
import pytest

from dragoman.client.config import ClientConfig
from dragoman.client.network import as_httpx2, pool_options, pool_request

URL = "http://gateway.example.com:8088"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def proxy(config: ClientConfig) -> str | None:
    found = pool_options(config)["proxy"]
    return (
        None
        if found is None
        else f"{found.url.scheme.decode()}://{found.url.host.decode()} {found.url.port or ''}".strip()
    )


def test_without_proxies_in_the_environment_there_is_none() -> None:
    assert proxy(ClientConfig(URL)) is None


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("http_proxy", "http://proxy:3128", "http://proxy 3128"),
        ("http_proxy", "proxy:3128", "http://proxy 3128"),
        ("http_proxy", "http://[::1]:3128", "http://::1 3128"),
        ("all_proxy", "socks5://proxy", "socks5://proxy"),
        ("https_proxy", "http://proxy:3128", None),
    ],
)
def test_the_proxy_for_the_scheme_is_taken(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str | None
) -> None:
    monkeypatch.setenv(name, value)
    assert proxy(ClientConfig(URL)) == expected


@pytest.mark.parametrize("exempt", ["gateway.example.com", ".example.com", "*"])
def test_hosts_are_exempt_and_the_environment_can_be_left_out(monkeypatch: pytest.MonkeyPatch, exempt: str) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    assert proxy(ClientConfig(URL)) is not None
    assert proxy(ClientConfig(URL, trust_env=False)) is None
    monkeypatch.setenv("no_proxy", exempt)
    assert proxy(ClientConfig(URL)) is None


def test_every_error_of_the_pool_becomes_one_that_sdks_know() -> None:
    for name in (
        "ConnectTimeout", "ReadTimeout", "WriteTimeout", "PoolTimeout", "ConnectError", "ReadError", "WriteError",
        "ProxyError", "UnsupportedProtocol", "LocalProtocolError", "RemoteProtocolError",
    ):  # fmt: skip
        with pytest.raises(getattr(httpx2, name), match="why"), as_httpx2():
            raise getattr(httpcore2, name)("why")


def test_a_request_keeps_its_target_and_its_timeouts() -> None:
    request = httpx2.Request("PUT", f"{URL}/a%2Fb?q=%20", content=b"x", extensions={"timeout": {"read": 3.0}})
    made = pool_request(request)
    assert (made.method, made.url.target) == (b"PUT", b"/a%2Fb?q=%20")
    assert made.extensions["timeout"] == {"read": 3.0}
    assert (b"Host", b"gateway.example.com:8088") in made.headers
