"""Brings a database to the newest schema; the only module that imports alembic, and only when it must.

A version is a script in `versions/`, upgrade only: a gateway refuses a schema newer than its own, so
there is nothing to go back to but a backup. The scripts are run one by one, without alembic's
`env.py`, inside the caller's transaction: a start that dies half way leaves the schema as it was.
"""

from pathlib import Path

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from dragoman.stores.schema import VERSION_TABLE


def directory() -> ScriptDirectory:
    """The migrations, in their order."""
    return ScriptDirectory(str(Path(__file__).parent))


def upgrade(connection: Connection, current: str | None) -> None:
    """Runs every migration after `current` (`None`: all of them); the caller holds the lock and commits."""
    scripts = directory()
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "transactional_ddl": True})
    with Operations.context(context):
        for script in reversed(list(scripts.iterate_revisions("head", current or "base"))):
            script.module.upgrade()
            context.stamp(scripts, script.revision)
