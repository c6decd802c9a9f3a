"""`llm-gateway audit`: whether the record is whole, and what is in it. Works on the files; no gateway need run."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import click

from llm_gateway.cli.check import config_option, load_config, set_option
from llm_gateway.cli.output import Output, plain
from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.schema import Config
from llm_gateway.control.audit import Entry, Seals, Unreadable, Verdict
from llm_gateway.control.audit_files import AuditFiles
from llm_gateway.control.audit_lines import line_of
from llm_gateway.control.audit_open import FOLDER, install_id, open_files
from llm_gateway.credentials.once import StateFileUnusable
from llm_gateway.telemetry.journal import timestamp

LOOK_SECONDS = 0.5


@click.group()
def audit() -> None:
    """The record of what administrators did, and of what looked like an attack."""


@audit.command()
@config_option
@set_option
@click.option("--store", "in_store", is_flag=True, help="Check the copy in the database in place of the files.")
@click.pass_obj
def verify(output: Output, path: Path | None, overrides: tuple[str, ...], *, in_store: bool) -> None:
    """Check that no entry was changed, removed or moved: hashes, signatures, and where the record ends."""
    config, files, seals = _opened(output, path, overrides)
    verdict = _check_store(output, config, files, seals) if in_store else files.check()
    data: dict[str, Any] = {"whole": verdict.broken is None, "entries": verdict.count, "last": verdict.last}
    if verdict.broken is None:
        text = f"whole: {verdict.count} entries, up to number {verdict.last}" if verdict.count else "there are no entries"
        output.show(data, text)
        return
    broken = verdict.broken
    details = {**data, "seq": broken.seq, "problem": broken.problem}
    output.fail(f"broken at entry {broken.seq}: {broken.text}. {verdict.count} entries before it are whole.", details=details)


@audit.command()
@config_option
@set_option
@click.option("--since", type=click.DateTime(), help="Only entries from this moment on (UTC).")
@click.option("--until", type=click.DateTime(), help="Only entries from before this moment (UTC).")
@click.option("--action", help="Only entries of this action, or of those that begin with it and a dot.")
@click.option("--actor", help="Only what this one did.")
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write; standard output if absent.")
@click.pass_obj
def export(
    output: Output,
    path: Path | None,
    overrides: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    action: str | None,
    actor: str | None,
    out: Path | None,
) -> None:
    """Write entries as lines of JSON (JSONL), the oldest first, with their hashes and signatures."""
    files = _files(output, path, overrides)
    wanted = _between(_readable(output, files.read()), _milliseconds(since), _milliseconds(until))
    chosen = (one for one in wanted if _matches(one.action, action) and (actor is None or one.actor == actor))
    if out is None:
        _write(sys.stdout.buffer, chosen)
        return
    try:
        with out.open("xb") as opened:
            count = _write(opened, chosen)
    except OSError as error:
        output.fail(f"{out} cannot be written: {error.strerror or error}")
    output.show({"entries": count, "file": str(out)}, f"{count} entries written to {out}")


@audit.command()
@config_option
@set_option
@click.option("-n", "--lines", "count", type=click.IntRange(0, 100_000), default=20, show_default=True, help="How many entries.")
@click.option("-f", "--follow", is_flag=True, help="Go on showing what is added, until Ctrl-C.")
@click.pass_obj
def tail(output: Output, path: Path | None, overrides: tuple[str, ...], count: int, *, follow: bool) -> None:
    """Show the newest entries."""
    files = _files(output, path, overrides)
    entries = files.last(count)
    newest = entries[-1] if entries else next(iter(files.last(1)), None)
    at = newest.seq if newest is not None else 0
    _show(output, entries)
    while follow:
        time.sleep(LOOK_SECONDS)
        added = [one for one in files.read(after=at) if isinstance(one, Entry)]
        _show(output, added)
        at = added[-1].seq if added else at


def _files(output: Output, path: Path | None, overrides: tuple[str, ...]) -> AuditFiles:
    return _opened(output, path, overrides)[1]


def _check_store(output: Output, config: Config, files: AuditFiles, seals: Seals) -> Verdict:
    from llm_gateway.control.audit_store import verify_table  # noqa: PLC0415 - heavy libraries, which files need none of
    from llm_gateway.store.connect import open_store  # noqa: PLC0415 - see above
    from llm_gateway.store.errors import StoreError  # noqa: PLC0415 - see above

    try:
        store = open_store(config.database, Path(config.state.dir))
        try:
            return verify_table(store, install_id(Path(config.state.dir)), seals, files.genesis, files.head())
        finally:
            store.close()
    except StoreError as error:
        output.fail(str(error))


def _opened(output: Output, path: Path | None, overrides: tuple[str, ...]) -> tuple[Config, AuditFiles, Seals]:
    try:
        config = load_config(path, overrides)
        folder = Path(config.state.dir) / FOLDER
        if not folder.is_dir():
            output.fail(f"There is no audit log in {folder}: is this the gateway's configuration, and its state.dir?")
        files, seals = open_files(config)
    except (ConfigErrors, StateFileUnusable) as error:
        output.fail(str(error), code=2)
    return config, files, seals


def _readable(output: Output, entries: Iterable[Entry | Unreadable]) -> Iterator[Entry]:
    """An export that leaves something out would be a lie."""
    for one in entries:
        if isinstance(one, Unreadable):
            output.fail(f"{one.where} is no entry: the record is broken there. See `llm-gateway audit verify`.")
        yield one


def _between(entries: Iterable[Entry], since: int | None, until: int | None) -> Iterator[Entry]:
    for one in entries:
        if (since is None or one.at >= since) and (until is None or one.at < until):
            yield one


def _matches(action: str, wanted: str | None) -> bool:
    return wanted is None or action == wanted or action.startswith(f"{wanted}.")


def _milliseconds(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    return int(moment.replace(tzinfo=UTC).timestamp() * 1000)


def _write(out: BinaryIO, entries: Iterable[Entry]) -> int:
    count = 0
    for one in entries:
        out.write(line_of(one))
        count += 1
    out.flush()
    return count


def _show(output: Output, entries: Iterable[Entry]) -> None:
    if output.as_json:
        _write(sys.stdout.buffer, entries)
        return
    for one in entries:
        change = f" {one.before or '-'} -> {one.after}" if one.before or one.after else ""
        place = f" from {one.ip}" if one.ip else ""
        line = f"{one.seq:>6} {timestamp(one.at / 1000)} {one.actor} {one.action} {one.resource} {one.result}{place}{change}"
        output.console.print(plain(line.replace("\n", "\ufffd")), markup=False)
