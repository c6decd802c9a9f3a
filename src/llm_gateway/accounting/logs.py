"""Where the logs of a state directory are, how a worker opens its own, and how long the shipped ones stay."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from llm_gateway.accounting.scan import Position
from llm_gateway.accounting.segment import name_of, numbers
from llm_gateway.accounting.wal import Settings, Wal
from llm_gateway.config.schema import Config
from llm_gateway.config.schema.ledger import Ledger as Section


def directory_of(state: Path, slot: int) -> Path:
    """Of one worker's log."""
    return state / "ledger" / str(slot)


def slots(state: Path) -> list[int]:
    """Those that have a log, of workers that there are and that there were. Raises OSError."""
    root = state / "ledger"
    if not root.is_dir():
        return []
    return sorted(int(path.name) for path in root.iterdir() if path.name.isdecimal() and path.is_dir())


def open_log(config: Config, slot: int, now: Callable[[], float]) -> Wal | None:
    """The log of a worker; None: the configuration wants none. `now`: Unix seconds. Raises owner.Taken and OSError."""
    section = config.ledger
    if not section.enabled:
        return None
    settings = Settings(int(section.segment), float(section.fsync), float(section.rotate))
    return Wal(directory_of(Path(config.state.dir), slot), slot, now, settings)


def expire(directory: Path, shipped: Position, section: Section, now: float) -> int:
    """Delete the segments all of whose records are in the store (they lie before `shipped`, a Fold's checkpoint) and that have
    not been written for `ledger.keep`; how many. Raises OSError.
    """
    gone = 0
    for number in numbers(directory):
        path = directory / name_of(number)
        if number >= shipped.segment or now - path.stat().st_mtime < section.keep:
            break
        path.unlink()
        gone += 1
    return gone
