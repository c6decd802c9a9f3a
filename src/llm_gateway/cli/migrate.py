"""`llm-gateway migrate`: the schema of the store, brought up to date or back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from llm_gateway.cli.check import config_option, load_config, set_option
from llm_gateway.cli.output import Output
from llm_gateway.config.errors import ConfigErrors
from llm_gateway.core.clock import SystemClock

if TYPE_CHECKING:  # the store's libraries are heavy, and most commands need none of them
    from llm_gateway.store.connect import Store


@click.group()
def migrate() -> None:
    """Bring the database's schema up to date, or back.

    The database is that of the configuration: `database.url`, or an SQLite file in `state.dir`.
    """


@migrate.command()
@config_option
@set_option
@click.pass_obj
def run(output: Output, path: Path | None, overrides: tuple[str, ...]) -> None:
    """Apply what is missing. Safe while gateways of this version and of the one before run."""
    with _store(output, path, overrides) as store:
        from llm_gateway.store.migrations.runner import Runner  # noqa: PLC0415 - see above

        done = Runner(store, SystemClock()).run()
        names = [str(migration) for migration in done]
        output.show({"applied": names}, "\n".join(f"applied {name}" for name in names) or "the schema is up to date")


@migrate.command()
@config_option
@set_option
@click.option("--steps", type=click.IntRange(1, 1000), default=1, show_default=True, help="How many migrations are taken back.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def revert(output: Output, path: Path | None, overrides: tuple[str, ...], steps: int, *, yes: bool) -> None:
    """Take the newest migrations back. What was stored in what they made is lost."""
    with _store(output, path, overrides) as store:
        from llm_gateway.store.migrations.runner import Runner  # noqa: PLC0415 - see above

        if not yes:
            click.confirm(f"{store.where}: take {steps} back? What they made is lost with all its data.", abort=True, err=True)
        names = [str(migration) for migration in Runner(store, SystemClock()).revert(steps)]
        output.show({"reverted": names}, "\n".join(f"reverted {name}" for name in names))


@migrate.command()
@config_option
@set_option
@click.pass_obj
def status(output: Output, path: Path | None, overrides: tuple[str, ...]) -> None:
    """Show each migration, and whether it is applied. Ends with 1 if this version cannot work with the schema as it is."""
    with _store(output, path, overrides) as store:
        from llm_gateway.store.errors import WrongSchema  # noqa: PLC0415 - see above
        from llm_gateway.store.migrations import history  # noqa: PLC0415 - see above
        from llm_gateway.store.migrations.check import check  # noqa: PLC0415 - see above
        from llm_gateway.store.migrations.files import known  # noqa: PLC0415 - see above

        there = {entry.version: entry for entry in store.read(history.read)}
        mine = {migration.version: migration for migration in known()}
        data = []
        for version in sorted(there.keys() | mine.keys()):
            entry, migration = there.get(version), mine.get(version)
            name = migration.name if migration is not None else entry.name if entry is not None else ""
            when = None if entry is None else datetime.fromtimestamp(entry.applied_at / 1000, UTC).isoformat(timespec="seconds")
            data.append(
                {
                    "version": version,
                    "name": name,
                    "status": "pending" if entry is None else entry.status,
                    "at": when,
                    "execution_time_ms": None if entry is None else entry.execution_time_ms,
                    "known": migration is not None,
                    "checksum": "" if entry is None else entry.checksum,
                }
            )
        rows = [(f"{row['version']}_{row['name']}", str(row["status"]), str(row["at"] or "")) for row in data]
        output.table({"database": store.where, "migrations": data}, ("migration", "status", "at"), rows, title=store.where)
        try:
            check(store)
        except WrongSchema as error:
            output.fail(str(error))


@migrate.command()
@click.argument("name")
@click.option(
    "--dir", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Where to; absent: beside the others."
)
@click.pass_obj
def create(output: Output, name: str, folder: Path | None) -> None:
    """Write the file of a new migration, for developers of the gateway."""
    from llm_gateway.store.errors import WrongSchema  # noqa: PLC0415 - see above
    from llm_gateway.store.migrations import files  # noqa: PLC0415 - see above

    try:
        file = files.create(name, folder or files.VERSIONS)
    except (ValueError, OSError, WrongSchema) as error:
        output.fail(str(error), code=2)
    output.show({"file": str(file)}, f"made {file}")


@contextmanager
def _store(output: Output, path: Path | None, overrides: tuple[str, ...]) -> Iterator[Store]:
    """The configured store; what goes wrong with it ends the command."""
    from llm_gateway.store.connect import open_store  # noqa: PLC0415 - see above
    from llm_gateway.store.errors import StoreError  # noqa: PLC0415 - see above

    try:
        config = load_config(path, overrides)
    except ConfigErrors as errors:
        output.fail(str(errors), code=2, details=errors.as_data())
    try:
        store = open_store(config.database, Path(config.state.dir))
        try:
            yield store
        finally:
            store.close()
    except StoreError as error:
        output.fail(str(error))
