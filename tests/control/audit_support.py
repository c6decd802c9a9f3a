"""What the tests of the audit log share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llm_gateway.config.schema import Audit
from llm_gateway.control.audit import Entry, Event, Point, Seals, genesis, link
from llm_gateway.control.audit_files import AuditFiles
from llm_gateway.credentials.ring import Ring

RING = Ring([b"k" * 32])
SEALS = Seals(RING)
FOREIGN = Seals(Ring([b"f" * 32]))
BEGINNING = genesis("install")
AT = 1_700_000_000_000


def chained(count: int, behind: Point = BEGINNING, seals: Seals = SEALS, at: int = AT, **fields: Any) -> list[Entry]:
    """So many entries behind a point, a second apart."""
    entries: list[Entry] = []
    for number in range(count):
        event = Event(
            **{"action": "key.created", "actor": "key_1", "resource": f"keys/{number}", "after": {"n": number}, **fields}
        )
        made = link(event, behind, event_id=f"{behind.seq + 1:026d}", at=at + number * 1000, seals=seals)
        behind = Point(made.seq, made.hash)
        entries.append(made)
    return entries


def end(entries: list[Entry]) -> Point:
    return Point(entries[-1].seq, entries[-1].hash)


def files(folder: Path, seals: Seals = SEALS, **rules: Any) -> AuditFiles:
    return AuditFiles(folder, Audit(**rules), seals, "install")
