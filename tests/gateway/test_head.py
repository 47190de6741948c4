"""What a request head must be, without a socket; `test_smuggling.py` has the same over real ones."""

import pytest

from dragoman.errors import BAD_HTTP, METHOD_NOT_ALLOWED, GatewayError
from dragoman.gateway.head import check_fields, origin_form, path_of, size_of

HOST = (b"host", b"gateway")


@pytest.mark.parametrize(
    "value", [b"a", b"gateway.example.", b"my_service:8088", b"127.0.0.1:1", b"[::1]", b"[::ffff:1.2.3.4]:65535"]
)
def test_a_host_is_a_name_or_an_address_with_an_optional_port(value: bytes) -> None:
    assert check_fields("1.1", [(b"host", value)]) is False


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"a b",
        b"a,b",
        b"u@a",
        b"a/",
        b"a:",
        b"a:65536",
        b"a:1:2",
        b"::1",
        b"[::1",
        b"[1::2::3]",
        b"a%41",
        b"a" * 256,
    ],
)
def test_nothing_else_is_a_host(value: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        check_fields("1.1", [(b"host", value)])
    assert caught.value.kind is BAD_HTTP


def test_http_1_0_may_lack_a_host() -> None:
    assert check_fields("1.0", []) is False
    with pytest.raises(GatewayError):
        check_fields("1.1", [])


@pytest.mark.parametrize("version", ["0.9", "2.0"])
def test_other_versions_are_not_spoken(version: str) -> None:
    with pytest.raises(GatewayError):
        check_fields(version, [HOST])


@pytest.mark.parametrize("name", [b"x_forwarded_for", b"forwarded_x", b"x_oagw_a", b"x-dragoman_key", b"content_type_"])
def test_a_name_with_underscores_is_refused_if_it_reads_as_a_trusted_one(name: bytes) -> None:
    fields = [HOST, (name, b"x")]
    if name == b"content_type_":
        assert check_fields("1.1", fields) is False
        return
    with pytest.raises(GatewayError, match="hyphens"):
        check_fields("1.1", fields)


def test_only_100_continue_is_expected_and_only_of_http_1_1() -> None:
    assert check_fields("1.1", [HOST, (b"expect", b"100-Continue ")]) is True
    assert check_fields("1.0", [HOST, (b"expect", b"100-continue")]) is False
    with pytest.raises(GatewayError):
        check_fields("1.1", [HOST, (b"expect", b"100-continue"), (b"expect", b"other")])


@pytest.mark.parametrize("codings", [[b"gzip"], [b"chunked", b"chunked"], [b"chunked, chunked"], [b""]])
def test_the_only_transfer_coding_is_chunked_once(codings: list[bytes]) -> None:
    assert check_fields("1.1", [HOST, (b"transfer-encoding", b"Chunked ")]) is False
    with pytest.raises(GatewayError):
        check_fields("1.1", [HOST, *((b"transfer-encoding", coding) for coding in codings)])


@pytest.mark.parametrize(
    ("target", "seen"),
    [
        (b"/", b"/"),
        (b"//a/b", b"//a/b"),
        (b"http://gateway", b"/"),
        (b"HTTPS://GATEWAY/a?b=c:d@e", b"/a?b=c:d@e"),
        (b"http://gateway?a", b"/?a"),
    ],
)
def test_a_target_is_brought_to_path_and_query(target: bytes, seen: bytes) -> None:
    assert origin_form("GET", target, b"gateway") == seen


@pytest.mark.parametrize(
    "target", [b"", b"*", b"a", b"http://other/", b"http://gateway:80/", b"http://gateway#a", b"/\xff"]
)
def test_other_targets_are_refused(target: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        origin_form("GET", target, b"gateway")
    assert caught.value.kind is BAD_HTTP


def test_an_absolute_target_without_a_host_is_refused() -> None:
    with pytest.raises(GatewayError):
        origin_form("GET", b"http:///", None)


def test_connect_is_no_method_here() -> None:
    with pytest.raises(GatewayError) as caught:
        origin_form("CONNECT", b"gateway:443", b"gateway:443")
    assert caught.value.kind is METHOD_NOT_ALLOWED
    assert "POST" in caught.value.headers["Allow"]


@pytest.mark.parametrize(
    ("target", "path"),
    [(b"", ""), (b"/a?b", "/a"), (b"http://x/a?b", "/a"), (b"http://x", ""), (b"*", "*"), (b"/\xe4", "/ä")],
)
def test_the_path_of_any_target_can_be_told(target: bytes, path: str) -> None:
    assert path_of(target) == path


def test_the_size_of_a_head_is_that_of_its_bytes() -> None:
    raw = b"GET /a HTTP/1.1\r\nhost: gateway\r\na: b\r\n\r\n"
    assert size_of("GET", b"/a", [HOST, (b"a", b"b")]) == len(raw)
