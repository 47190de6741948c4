"""`dragoman keys`: the API keys of the store; works beside a running gateway, which takes changes up in 30 seconds."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import click

from dragoman.cli import options
from dragoman.cli.output import dump, local_time, note, plain, say, table
from dragoman.cli.store import with_store
from dragoman.gateway.clock import SystemClock
from dragoman.gateway.issuing import Issuer
from dragoman.gateway.settings import Settings
from dragoman.policy.keys import Key
from dragoman.policy.tenants import ROOT
from dragoman.stores.keys import SqlKeyStore

T = TypeVar("T")


@click.group()
def keys() -> None:
    """Create, list, revoke and rotate API keys.

    Works on the store itself, also while a gateway runs. A running gateway notices a revocation within
    30 seconds.
    """


@keys.command()
@click.argument("name")
@click.option(
    "--model", "models", multiple=True, metavar="PATTERN", help="A model it may use, as in gpt-*; repeatable."
)
@click.option("--alias", "aliases", multiple=True, metavar="PATTERN", help="An alias it may use; repeatable.")
@click.option("--admin", is_flag=True, help="Every model and alias, and the admin API.")
@click.option("--tenant", default=ROOT, show_default=True, metavar="NAME", help="Whose it is; see [tenants].")
@click.option("--expires", type=options.Duration(), metavar="TIME", help="Until when it is good, as in 12h or 30d.")
@options.config
@options.as_json
def create(
    name: str,
    models: tuple[str, ...],
    aliases: tuple[str, ...],
    admin: bool,
    tenant: str,
    expires: float | None,
    path: str | None,
    as_json: bool,
) -> None:
    """Create a key and show its token, this once.

    Without --model and --alias it may use all of them; with only one of the two, none of the other.
    """
    if admin and (models or aliases):
        raise click.UsageError("An admin key has every scope: leave out --model and --alias.")
    _check_tenant(path, tenant)
    everything = ("*",) if not models and not aliases else ()

    async def work(issuer: Issuer) -> tuple[Key, str]:
        return await issuer.create(
            name,
            models=models or everything,
            aliases=aliases or everything,
            admin=admin,
            tenant=tenant,
            expires_in=expires,
        )

    _show_token(*_with_issuer(path, work), as_json=as_json)


@keys.command(name="list")
@options.config
@options.as_json
def list_(path: str | None, as_json: bool) -> None:
    """List every key, revoked ones too; never a token."""

    async def work(issuer: Issuer) -> Sequence[Key]:
        return await issuer.list()

    found = _with_issuer(path, work)
    if as_json:
        dump({"keys": plain(found)})
    elif not found:
        note("There is no key yet. Create one: dragoman keys create NAME")
    else:
        now = SystemClock().now()
        columns = ("id", "name", "tenant", "ends in", "state", "models", "aliases", "created", "expires")
        table(columns, [_row(key, now) for key in found])


@keys.command()
@click.argument("key_id", metavar="ID")
@options.config
@options.as_json
def revoke(key_id: str, path: str | None, as_json: bool) -> None:
    """Revoke a key for good."""

    async def work(issuer: Issuer) -> None:
        await issuer.revoke(key_id)

    _with_issuer(path, work)
    if as_json:
        dump({"revoked": key_id})
    else:
        say(f"Revoked {key_id}. Running gateways refuse it within 30 seconds.")


@keys.command()
@click.argument("key_id", metavar="ID")
@options.config
@options.as_json
def rotate(key_id: str, path: str | None, as_json: bool) -> None:
    """Replace a key by one of the same scopes, and revoke the old one."""

    async def work(issuer: Issuer) -> tuple[Key, str]:
        return await issuer.rotate(key_id)

    _show_token(*_with_issuer(path, work), as_json=as_json)


def _check_tenant(path: str | None, tenant: str) -> None:
    tenants = Settings.from_process(path).load().config.tree()
    if tenant not in tenants:
        known = ", ".join(tenants)
        raise click.BadParameter(f"there is no tenant {tenant!r}; known are {known}.", param_hint="'--tenant'")


def _with_issuer(path: str | None, work: Callable[[Issuer], Awaitable[T]]) -> T:
    return with_store(path, lambda database: work(Issuer(SqlKeyStore(database), SystemClock())))


def _show_token(key: Key, token: str, *, as_json: bool) -> None:
    if as_json:
        dump({"key": plain(key), "token": token})
        return
    # Alone on stdout, so that it can be put into a variable.
    say(token)
    scope = "admin" if key.admin else f"models {_patterns(key.models)}, aliases {_patterns(key.aliases)}"
    until = f", good until {local_time(key.expires_at)}" if key.expires_at is not None else ""
    note(f"{key.id}: {scope}{until}. The token is shown only now; no one can show it again.")


def _row(key: Key, now: float) -> tuple[str, ...]:
    state = "revoked" if key.revoked_at is not None else "usable" if key.usable(now) else "expired"
    models, aliases = ("all", "all") if key.admin else (_patterns(key.models), _patterns(key.aliases))
    name = f"{key.name} (admin)" if key.admin else key.name
    created, expires = local_time(key.created_at), local_time(key.expires_at)
    return key.id, name, key.tenant, key.hint, state, models, aliases, created, expires


def _patterns(patterns: tuple[str, ...]) -> str:
    return " ".join(patterns) or "none"
