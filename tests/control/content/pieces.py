"""What tests of the content log are made of."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

from llm_gateway.config.schema.content import Content
from llm_gateway.control.content.log import ContentLog
from llm_gateway.core.clock import FakeClock
from llm_gateway.credentials.ring import Ring
from llm_gateway.telemetry.content import Said

RING = Ring([bytes(32)])


def said(request: Any = b"", answer: Any = b"", **more: Any) -> Said:
    """One request; documents are written as JSON."""
    raw = [data if isinstance(data, bytes) else msgspec.json.encode(data) for data in (request, answer)]
    facts = {
        "at": 1_000_000.0,
        "id": "req_1",
        "tenant": "open",
        "project": "",
        "key": "caller",
        "user": "",
        "path": "/v1/chat/completions",
        "model": "m",
        "provider": "p",
        "served": "s",
        "status": 200,
        "outcome": "completed",
        "error": "",
        "stream": False,
        "request": raw[0],
        "request_size": len(raw[0]),
        "answer": raw[1],
        "answer_size": len(raw[1]),
    }
    return Said(**{**facts, **more})


class World:
    """A content log on a folder, and what it complained of."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.clock = FakeClock()
        self.settings = Content(**{"tenants": ("open",), **settings})
        self.lines: list[tuple[str, dict[str, Any]]] = []
        config: Any = SimpleNamespace(telemetry=SimpleNamespace(content=Content()))
        self.config = config
        self.apply(self.settings)
        log: Any = lambda _level, event, **facts: self.lines.append((event, facts))  # noqa: E731 - a Log
        self.log = ContentLog(folder, RING, self.clock, log, lambda: config)

    def apply(self, settings: Content) -> None:
        self.config.telemetry.content = settings

    def tell(self, *requests: Said, dropped: int = 0) -> None:
        self.log.told(None, [msgspec.msgpack.encode(list(requests)), dropped])

    def found(self, tenant: str = "open", limit: int = 100) -> list[dict[str, Any]]:
        return self.log.found(tenant, 0.0, self.clock.now() + 1, limit, lambda _record: True)[0]
