"""The simulator's own addresses: GET /__simulator/log?n=100, /__simulator/stats, /__simulator/faults; POST /__simulator/reset."""

from __future__ import annotations

from typing import Any, Protocol
from urllib.parse import parse_qs

import msgspec

from llm_gateway.simulator.answer import Answer
from llm_gateway.simulator.faults.spec import Triggers
from llm_gateway.simulator.faults.table import GROUPS
from llm_gateway.simulator.log import Log
from llm_gateway.simulator.routes import Received

PREFIX = "/__simulator/"


class Watched(Protocol):
    """What the admin addresses look at."""

    log: Log
    triggers: Triggers


def respond(received: Received, app: Watched) -> Answer:
    """The answer to an admin request; 404 for an address that is none."""
    match received.method, received.path.removeprefix(PREFIX):
        case "GET", "log":
            return _json(_entries(app.log, received.query))
        case "GET", "stats":
            return _json(app.log.stats())
        case "GET", "faults":
            return _json(fault_rows())
        case "POST", "reset":
            app.log.reset()
            app.triggers.reset()
            return _json({"ok": True})
        case _:
            return _json({"error": {"message": "unknown simulator address", "type": "not_found"}}, 404)


def fault_rows() -> list[dict[str, str]]:
    """The table of faults: kind, name, args with their defaults, and what each does."""
    return [
        {"kind": group, "name": kind.name, "args": kind.args, "about": kind.about}
        for group, kinds in GROUPS.items()
        for kind in kinds
    ]


def _entries(log: Log, query: str) -> list[dict[str, Any]]:
    wanted = parse_qs(query).get("n", ["1000"])[0]
    count = int(wanted) if wanted.isdecimal() else 1000
    return [seen.shown() for seen in list(log.entries)[-count:]] if count else []


def _json(document: Any, status: int = 200) -> Answer:
    return Answer(status, [(b"content-type", b"application/json")], [(0.0, msgspec.json.encode(document))])
