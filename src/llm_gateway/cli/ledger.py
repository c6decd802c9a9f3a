"""`llm-gateway ledger`: whether it is right, how it is made right, and what is in it. Works on the store; no gateway need run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click
import msgspec

from llm_gateway.cli.check import config_option, load_config, set_option
from llm_gateway.cli.gateway import Admin, admin_options, quoted
from llm_gateway.cli.output import Output
from llm_gateway.cli.shown import told
from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.schema import Config
from llm_gateway.core.clock import SystemClock
from llm_gateway.credentials.once import StateFileUnusable

if TYPE_CHECKING:  # the store's libraries are heavy, and most commands need none of them
    from llm_gateway.control.ledger.checking import Checking, Found
    from llm_gateway.store.connect import Store


@click.group()
def ledger() -> None:
    """What every request used and cost.

    The store is that of the configuration: `database.url`, or an SQLite file in `state.dir`.
    """


@ledger.command()
@config_option
@set_option
@click.pass_obj
def status(output: Output, path: Path | None, overrides: tuple[str, ...]) -> None:
    """Show how much of each worker's log is not in the store yet."""
    with _checking(output, path, overrides) as checking:
        logs = checking.status()
    data = {"logs": [msgspec.to_builtins(log) for log in logs]}
    rows = [
        (str(log.slot), f"{log.segment}:{log.offset}", str(log.waiting_bytes), ", ".join(log.quarantined) or "-") for log in logs
    ]
    output.table(data, ("log", "in the store up to", "bytes that wait", "files that could not be read"), rows)


@ledger.command()
@config_option
@set_option
@click.pass_obj
def verify(output: Output, path: Path | None, overrides: tuple[str, ...]) -> None:
    """Compare logs, rows, daily sums and budgets, and tell every difference. Ends with 1 if there is one."""
    with _checking(output, path, overrides) as checking:
        found = checking.verify()
    looked = f"{found.requests_in_logs} requests in logs ({found.waiting} not shipped yet), {found.days} days"
    data = {**msgspec.to_builtins(found), "right": found.right}
    if found.right:
        output.show(data, f"the ledger is right: {looked}")
        return
    if not output.as_json:
        for text in found.texts:
            output.errors.print(text, markup=False)
    output.fail(f"the ledger is not right: {_counted(found)} ({looked})", details=data)


@ledger.command()
@config_option
@set_option
@click.pass_obj
def rebuild(output: Output, path: Path | None, overrides: tuple[str, ...]) -> None:
    """Bring what is in logs and not in the store, and make daily sums and budgets anew. Again, it changes nothing."""
    with _checking(output, path, overrides) as checking:
        done = checking.rebuild()
    data = msgspec.to_builtins(done)
    output.show(data, f"{done.days} days looked at; mended: {_counted(done)}")


@ledger.command()
@config_option
@set_option
@click.option("--from", "since", type=click.DateTime(), help="Only requests from this moment on (UTC).")
@click.option("--to", "until", type=click.DateTime(), help="Only requests from before this moment (UTC).")
@click.option("--tenant", help="Only this tenant's.")
@click.option("--format", "kind", type=click.Choice(["csv", "jsonl", "parquet"]), default="jsonl", show_default=True)
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write; standard output if absent.")
@click.pass_obj
def export(
    output: Output,
    path: Path | None,
    overrides: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    tenant: str | None,
    kind: str,
    out: Path | None,
) -> None:
    """Write rows, the oldest first, corrections among them."""
    from llm_gateway.control.ledger.export import FORMATS, NoParquet  # noqa: PLC0415 - see above
    from llm_gateway.store.filters import Filter  # noqa: PLC0415 - see above
    from llm_gateway.store.ledger_reading import walk  # noqa: PLC0415 - see above

    wanted = Filter(_milliseconds(since), _milliseconds(until), tenant=tenant)
    try:
        with _store(output, path, overrides) as store:
            if out is None:
                FORMATS[kind](walk(store.read, wanted), sys.stdout.buffer)
                sys.stdout.buffer.flush()
                return
            with _new(out) as file:
                count = FORMATS[kind](walk(store.read, wanted), file)
    except OSError as error:
        output.fail(f"{out} cannot be written: {error.strerror or error}")
    except NoParquet as error:
        output.fail(str(error))
    output.show({"rows": count, "file": str(out)}, f"{count} rows written to {out}")


@ledger.command()
@click.argument("request")
@click.option("--cost", required=True, help="Dollars that it cost in all, such as 0.0125.")
@click.option("--reason", required=True, help="Why, for the audit log.")
@admin_options
def correct(admin: Admin, request: str, cost: str, reason: str) -> None:
    """Correct what a request cost, over the admin API: a row of its own says the difference, the first one stays."""
    made = admin.post(f"/admin/v1/ledger/{quoted(request)}/corrections", {"cost": cost, "reason": reason})
    told(admin.output, made)


def _counted(found: Found) -> str:
    return (
        f"{found.missing} rows, {found.other_cost} costs, {found.sums} daily sums, {found.budgets} budgets,"
        f" {found.damages} damaged places in logs"
    )


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.replace(tzinfo=UTC).timestamp() * 1000)


@contextmanager
def _new(path: Path) -> Iterator[BinaryIO]:
    """A file that is there as a whole or not at all. Raises OSError."""
    with path.open("xb") as file:
        try:
            yield file
        except BaseException:
            path.unlink(missing_ok=True)
            raise


@contextmanager
def _checking(output: Output, path: Path | None, overrides: tuple[str, ...]) -> Iterator[Checking]:
    from llm_gateway.control.ledger.checking import Checking  # noqa: PLC0415 - see above
    from llm_gateway.control.ledger.wired import node_of  # noqa: PLC0415 - see above

    state = Path(_config_of(output, path, overrides).state.dir)
    with _store(output, path, overrides) as store:
        try:
            yield Checking(store, state, node_of(state), SystemClock())
        except (OSError, StateFileUnusable) as error:
            output.fail(f"{state} cannot be read: {error}")


@contextmanager
def _store(output: Output, path: Path | None, overrides: tuple[str, ...]) -> Iterator[Store]:
    from llm_gateway.store.connect import open_store  # noqa: PLC0415 - see above
    from llm_gateway.store.errors import StoreError  # noqa: PLC0415 - see above
    from llm_gateway.store.migrations.check import check  # noqa: PLC0415 - see above

    config = _config_of(output, path, overrides)
    try:
        store = open_store(config.database, Path(config.state.dir))
        try:
            check(store)
            yield store
        finally:
            store.close()
    except StoreError as error:
        output.fail(str(error))


def _config_of(output: Output, path: Path | None, overrides: tuple[str, ...]) -> Config:
    try:
        return load_config(path, overrides)
    except ConfigErrors as errors:
        output.fail(str(errors), code=2, details=errors.as_data())
