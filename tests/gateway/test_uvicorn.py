"""What of uvicorn is private and used: an upgrade that moves it fails here, before anywhere else."""

import asyncio
import inspect
from importlib.metadata import version

import pytest
from uvicorn.config import Config
from uvicorn.protocols.http import flow_control, httptools_impl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import Server, ServerState

from tests.gateway.edge_server import App


def test_uvicorn_is_the_minor_version_that_was_read() -> None:
    assert version("uvicorn").split(".")[:2] == ["0", "54"]


@pytest.fixture
def protocol() -> HttpToolsProtocol:
    config = Config(App(), interface="asgi3", log_config=None)
    loop = asyncio.new_event_loop()
    loop.close()
    return HttpToolsProtocol(config, ServerState(), {}, loop)


@pytest.mark.parametrize(
    "name",
    [
        "access_log", "access_logger", "app", "connections", "expect_100_continue", "flow", "headers", "logger", "loop",
        "parser", "pipeline", "scope", "server_state", "tasks", "transport",
    ],
)  # fmt: skip
def test_the_protocol_has_the_attribute_that_is_used(protocol: HttpToolsProtocol, name: str) -> None:
    assert hasattr(protocol, name)


def test_the_protocol_collects_the_target_in_url_and_makes_a_scope(protocol: HttpToolsProtocol) -> None:
    protocol.on_message_begin()
    protocol.on_url(b"/a")
    protocol.on_url(b"/b")
    assert protocol.url == b"/a/b"
    assert protocol.scope["headers"] is protocol.headers
    assert sorted(protocol.scope) == [
        "asgi", "client", "headers", "http_version", "root_path", "scheme", "server", "state", "type",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("__init__", ["self", "config", "server_state", "app_state", "_loop"]),
        ("_start_asgi_task", ["self", "cycle", "app"]),
        ("connection_lost", ["self", "exc"]),
        ("connection_made", ["self", "transport"]),
        ("data_received", ["self", "data"]),
        ("eof_received", ["self"]),
        ("on_body", ["self", "body"]),
        ("on_header", ["self", "name", "value"]),
        ("on_headers_complete", ["self"]),
        ("on_message_begin", ["self"]),
        ("on_message_complete", ["self"]),
        ("on_response_complete", ["self"]),
        ("on_url", ["self", "url"]),
        ("pause_writing", ["self"]),
        ("resume_writing", ["self"]),
        ("shutdown", ["self"]),
    ],
)
def test_the_protocol_has_the_method_that_is_overridden(name: str, parameters: list[str]) -> None:
    assert list(inspect.signature(getattr(HttpToolsProtocol, name)).parameters) == parameters


def test_the_protocol_has_no_method_that_was_not_there_when_it_was_read() -> None:
    own = {name for name, value in vars(HttpToolsProtocol).items() if inspect.isfunction(value)}
    ignored = {
        "_get_upgrade", "_should_upgrade", "_should_upgrade_to_ws", "_unset_keepalive_if_required",
        "_unsupported_upgrade_warning", "handle_websocket_upgrade", "send_400_response", "timeout_keep_alive_handler",
    }  # fmt: skip
    used = {
        "__init__", "_start_asgi_task", "connection_lost", "connection_made", "data_received", "eof_received",
        "on_body", "on_header", "on_headers_complete", "on_message_begin", "on_message_complete",
        "on_response_complete", "on_url", "pause_writing", "resume_writing", "shutdown",
    }  # fmt: skip
    assert own == ignored | used


def test_the_cycle_takes_the_arguments_that_are_given() -> None:
    assert list(inspect.signature(RequestResponseCycle.__init__).parameters)[1:] == [
        "scope", "transport", "flow", "logger", "access_logger", "access_log", "default_headers", "message_event",
        "expect_100_continue", "keep_alive", "on_response",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "body", "chunked_encoding", "disconnected", "expected_content_length", "keep_alive", "message_event",
        "more_body", "response_complete", "response_started", "transport",
    ],
)  # fmt: skip
def test_the_cycle_has_the_attribute_that_is_used(name: str) -> None:
    source = inspect.getsource(RequestResponseCycle.__init__)
    assert f"self.{name} = " in source or f"self.{name}: " in source


@pytest.mark.parametrize("name", ["run_asgi", "send", "send_500_response"])
def test_the_cycle_has_the_method_that_is_used(name: str) -> None:
    assert inspect.iscoroutinefunction(getattr(RequestResponseCycle, name))


@pytest.mark.parametrize("name", ["pause_reading", "resume_reading", "pause_writing", "resume_writing"])
def test_flow_control_has_the_method_that_is_used(name: str) -> None:
    assert callable(getattr(flow_control.FlowControl, name))


def test_uvicorns_constants_are_what_they_were() -> None:
    assert flow_control.HIGH_WATER_LIMIT == 65536
    assert httptools_impl.STATUS_LINE[431] == b"HTTP/1.1 431 Request Header Fields Too Large\r\n"


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("serve", ["self", "sockets"]),
        ("_serve", ["self", "sockets"]),
        ("startup", ["self", "sockets"]),
        ("main_loop", ["self"]),
        ("on_tick", ["self", "counter"]),
        ("shutdown", ["self", "sockets"]),
        ("capture_signals", ["self"]),
    ],
)
def test_the_server_has_the_method_that_is_used(name: str, parameters: list[str]) -> None:
    assert list(inspect.signature(getattr(Server, name)).parameters) == parameters


@pytest.mark.parametrize("name", ["config", "force_exit", "server_state", "should_exit", "started"])
def test_the_server_has_the_attribute_that_is_used(name: str) -> None:
    assert hasattr(Server(Config(App(), log_config=None)), name)


@pytest.mark.parametrize("name", ["connections", "default_headers", "tasks", "total_requests"])
def test_the_server_state_has_the_attribute_that_is_used(name: str) -> None:
    assert hasattr(ServerState(), name)


def test_a_loaded_configuration_has_what_is_read_of_it() -> None:
    config = Config(App(), interface="asgi3", log_config=None)
    config.load()
    for name in ("asgi_version", "backlog", "host", "http_protocol_class", "loaded_app", "ssl"):
        assert hasattr(config, name)
