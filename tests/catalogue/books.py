"""Small catalogues for tests."""

from __future__ import annotations

from typing import Any

import msgspec

from llm_gateway.catalogue.format import FORMAT

SOURCES = [{"package": "tests", "version": "1", "license": "MIT"}]


def entry(ident: str, **more: Any) -> dict[str, Any]:
    """A model that is asked for by its own name."""
    return {"id": ident, "ids": [ident.lower()], **more}


def book(*entries: dict[str, Any], kind: str = "openai", date: str = "2026-01-01", fallback: Any = (), **others: Any) -> bytes:
    """A file with these models of one type; `others` are the entries of further types."""
    shelves = {kind: {"models": entries, "fallback": fallback}} | {name: {"models": models} for name, models in others.items()}
    return msgspec.json.encode({"format": FORMAT, "date": date, "sources": SOURCES, "providers": shelves})


def priced(nano: int = 1_000_000_000) -> list[dict[str, Any]]:
    """Prices that hold for ever."""
    return [{"rates": {"input": nano, "output": 2 * nano}}]
