"""`dragoman mock`: the mock upstreams alone, for tests of anything that calls a model or one of their APIs."""

import asyncio
import math
import shlex
import signal

import click

from dragoman.cli import options
from dragoman.cli.output import dump, say
from dragoman.cli.process import cannot_listen, run
from dragoman.gateway.clock import SystemClock
from dragoman.mocks.app import MockApp
from dragoman.mocks.app import app as mock_app
from dragoman.mocks.scenario import ScenarioError
from dragoman.mocks.server import MockServer
from dragoman.mocks.timing import PROFILES, Timing

MODEL = "gpt-4o-mini"


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8090, show_default=True, help="Port, 0 for a free one.")
@click.option("--scenario", default="", metavar="SPEC", help="Faults of every answer, as in cut-after:3 or status:429.")
@click.option("--token", metavar="TOKEN", help="Refuse calls that do not bring this bearer token.")
@click.option("--profile", type=click.Choice(list(PROFILES)), help="How fast answers come.")
@click.option("--ttft", type=click.FloatRange(0, 600_000), metavar="MS", help="Milliseconds to the first token.")
@click.option("--tps", type=click.FloatRange(0, min_open=True), metavar="N", help="Tokens a second.")
@click.option("--jitter", type=click.FloatRange(0, 1), metavar="SHARE", help="How much waits vary, 0 to 1.")
@click.option("--seed", type=int, default=0, help="Varies ids and jitter; the same seed gives the same answers.")
@options.as_json
def mock(
    host: str,
    port: int,
    scenario: str,
    token: str | None,
    profile: str | None,
    ttft: float | None,
    tps: float | None,
    jitter: float | None,
    seed: int,
    as_json: bool,
) -> None:
    """Run mock upstreams alone.

    An OpenAI API, GitHub, weather, a calculator and an event stream, with faults and timing on demand:
    for all answers by the options here, for one by the header X-Mock-Scenario.
    """
    if any(value is not None and math.isnan(value) for value in (ttft, tps, jitter)):
        raise click.UsageError("A time that is not a number cannot be kept.")
    timing = Timing(ttft_ms=ttft, tps=tps, jitter=jitter, seed=seed)
    if profile is not None:
        timing = timing.over(PROFILES[profile])
    try:
        application = mock_app(default_scenario=scenario, token=token, timing=timing, clock=SystemClock(), seed=seed)
    except ScenarioError as error:
        raise click.BadParameter(str(error), param_hint="'--scenario'") from None
    run(_serve(application, host, port, token, as_json=as_json))


async def _serve(application: MockApp, host: str, port: int, token: str | None, *, as_json: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    server = MockServer(application, host=host, port=port)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        await server.open()
    except OSError as error:
        raise cannot_listen(error, host, port) from None
    try:
        _announce(server.url, token, as_json=as_json)
        await stop.wait()
    finally:
        await server.close()


def _announce(url: str, token: str | None, *, as_json: bool) -> None:
    base = f"{url}/v1"
    if as_json:
        dump({"url": url, "base_url": base, "token": token})
        return
    say(f"Mock upstreams on {url}\n")
    say(f"export OPENAI_BASE_URL={base}")
    say(f"export OPENAI_API_KEY={shlex.quote(token or 'mock')}")
    body = f'{{"model":"{MODEL}","messages":[{{"role":"user","content":"hello"}}]}}'
    key = f"-H {shlex.quote(f'Authorization: Bearer {token}')} " if token else ""
    say(f"curl {key}-H 'Content-Type: application/json' -d '{body}' {base}/chat/completions")
