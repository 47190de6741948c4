from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from dragoman.gateway.meter import OutboundMeter


def text(meter: OutboundMeter) -> list[str]:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(meter)
    return generate_latest(registry).decode().splitlines()


def test_calls_are_counted_by_where_they_went_and_how_they_ended() -> None:
    meter = OutboundMeter()
    for _ in range(3):
        meter.begin()
    meter.finish("a.example.com", "/v1", "GET", 200, {"total": 0.002}, "")
    meter.finish("a.example.com", "/v1", "BREW", 429, {"total": 20.0}, "rate_limit_exceeded")
    lines = text(meter)
    where = 'host="a.example.com",'
    assert f'oagw_requests_total{{{where}method="GET",path="/v1",status_class="2xx"}} 1.0' in lines
    assert f'oagw_requests_total{{{where}method="OTHER",path="/v1",status_class="4xx"}} 1.0' in lines
    assert "oagw_requests_in_flight 1.0" in lines
    assert 'oagw_errors_total{error_type="rate_limit.exceeded"} 1.0' in lines


def test_durations_are_cumulative_and_a_bound_belongs_to_its_bucket() -> None:
    meter = OutboundMeter()
    for seconds in (0.001, 0.002, 20.0):
        meter.begin()
        meter.finish("h", "/", "GET", 200, {"total": seconds}, "")
    lines = text(meter)
    name = "oagw_request_duration_seconds"
    assert f'{name}_bucket{{host="h",le="0.001",path="/",phase="total"}} 1.0' in lines
    assert f'{name}_bucket{{host="h",le="0.005",path="/",phase="total"}} 2.0' in lines
    assert f'{name}_bucket{{host="h",le="10.0",path="/",phase="total"}} 2.0' in lines
    assert f'{name}_bucket{{host="h",le="+Inf",path="/",phase="total"}} 3.0' in lines
    assert f'{name}_count{{host="h",path="/",phase="total"}} 3.0' in lines
    assert any(line.startswith(f"{name}_sum") and line.endswith(" 20.003") for line in lines)


def test_what_an_upstream_answered_is_no_error_of_the_gateway() -> None:
    meter = OutboundMeter()
    meter.begin()
    meter.finish("h", "/", "GET", 404, {"total": 0.1}, "upstream_404")
    assert not [line for line in text(meter) if line.startswith("oagw_errors_total")]


def test_phases_are_told_apart_and_upstreams_counted_under_the_name_of_opentelemetry() -> None:
    meter = OutboundMeter()
    meter.begin()
    meter.finish("h", "/v1", "POST", 201, {"total": 0.3, "upstream": 0.2, "plugins": 0.05}, "")
    meter.begin()
    meter.finish("h", "/v1", "POST", 429, {"total": 0.1}, "rate_limit_exceeded")
    lines = text(meter)
    name = "oagw_request_duration_seconds"
    for phase, count in (("total", 2), ("upstream", 1), ("plugins", 1)):
        assert f'{name}_count{{host="h",path="/v1",phase="{phase}"}} {count}.0' in lines
    labels = 'http_request_method="POST",http_response_status_code="201",server_address="h",url_template="/v1"'
    assert f"http_client_request_duration_seconds_count{{{labels}}} 1.0" in lines


def test_websockets_are_counted_while_they_are_open() -> None:
    meter = OutboundMeter()
    meter.begin_websocket()
    assert "oagw_active_websocket_sessions 1.0" in text(meter)
    meter.finish_websocket("h", 3.0)
    lines = text(meter)
    assert "oagw_active_websocket_sessions 0.0" in lines
    assert 'oagw_websocket_session_duration_seconds_sum{host="h"} 3.0' in lines
