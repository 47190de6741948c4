"""`dragoman usage`: what the ledger says was called, by whom, and what it used."""

from collections.abc import Sequence

import click

from dragoman.cli import options
from dragoman.cli.output import dump, local_time, note, plain, table
from dragoman.cli.store import with_store
from dragoman.gateway.clock import SystemClock
from dragoman.ports import LedgerRow, UsageTotal
from dragoman.stores.database import Database
from dragoman.stores.keys import SqlKeyStore
from dragoman.stores.ledger import SqlLedgerReader

ROWS = ("time", "state", "status", "key", "agent", "name", "upstream", "ms", "first ms", "in", "out", "error")


@click.command()
@click.option("--since", type=options.Duration(), metavar="TIME", help="Only what began in the last 24h, 7d, ...")
@click.option("--key", "key_id", metavar="ID", help="Only the calls of one key.")
@click.option("--rows", type=click.IntRange(1, 10_000), metavar="N", help="The newest N calls instead of totals.")
@options.config
@options.as_json
def usage(since: float | None, key_id: str | None, rows: int | None, path: str | None, as_json: bool) -> None:
    """Report what was called and what it used.

    Totals by key and name; with --rows the newest calls one by one.
    """
    if rows is not None and since is not None:
        raise click.UsageError("--rows lists the newest calls, whatever their age: leave out --since.")
    if rows is not None:
        _report_rows(path, rows, key_id, as_json=as_json)
    else:
        _report_totals(path, since, key_id, as_json=as_json)


def _report_totals(path: str | None, since: float | None, key_id: str | None, *, as_json: bool) -> None:
    begin = 0.0 if since is None else SystemClock().now() - since

    async def work(database: Database) -> tuple[Sequence[UsageTotal], dict[str, str]]:
        totals = await SqlLedgerReader(database).totals(since=begin, key_id=key_id)
        return totals, await _names(database)

    totals, names = with_store(path, work)
    if as_json:
        dump({"since": begin, "usage": plain(totals)})
    elif not totals:
        note("Nothing was called in that time.")
    else:
        columns = ("key", "name", "calls", "failed", "tokens in", "tokens out", "cost")
        table(columns, [_total(total, names) for total in totals])


def _report_rows(path: str | None, limit: int, key_id: str | None, *, as_json: bool) -> None:
    async def work(database: Database) -> tuple[Sequence[LedgerRow], dict[str, str]]:
        return await SqlLedgerReader(database).rows(limit=limit, key_id=key_id), await _names(database)

    rows, names = with_store(path, work)
    if as_json:
        dump({"rows": plain(rows)})
    elif not rows:
        note("Nothing was called yet.")
    else:
        table(ROWS, [ledger_row(row, names) for row in rows])


async def _names(database: Database) -> dict[str, str]:
    return {key.id: key.name for key in await SqlKeyStore(database).list()}


def _total(total: UsageTotal, names: dict[str, str]) -> tuple[str, ...]:
    numbers = (total.calls, total.failed, total.input_tokens, total.output_tokens)
    cost = "" if total.cost_usd is None else f"${total.cost_usd:.4f}"
    return names.get(total.key_id, total.key_id), total.name, *map(str, numbers), cost


def ledger_row(row: LedgerRow, names: dict[str, str]) -> tuple[str, ...]:
    """A row of the ledger as the columns `ROWS` show it."""
    call, done = row.reservation, row.settlement
    begin = (local_time(call.reserved_at), row.state)
    key = names.get(call.key_id, call.key_id)
    if done is None:
        return *begin, "", key, call.agent, call.name, call.upstream, "", "", "", "", ""
    tokens = ("", "")
    if done.usage is not None:
        about = "~" if done.usage.estimated else ""
        tokens = (f"{about}{done.usage.input_tokens}", f"{about}{done.usage.output_tokens}")
    first = "" if done.first_token_ms is None else str(done.first_token_ms)
    figures = (str(done.duration_ms), first, *tokens)
    return *begin, str(done.status), key, call.agent, call.name, done.upstream, *figures, done.error
