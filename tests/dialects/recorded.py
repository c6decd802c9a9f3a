"""Files to compare with: what a dialect made of something, checked once by eye. GATEWAY_UPDATE_GOLDENS=1 writes them anew."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from llm_gateway.core.events import Event

FOLDER = Path(__file__).parent / "golden"


def given(name: str) -> bytes:
    """The input `name`, as it would stand on the wire."""
    return (FOLDER / name).read_bytes()


def agrees(name: str, made: bytes) -> None:
    """Asserts that `made` is what golden file `name` holds."""
    path = FOLDER / name
    shown = made if name.endswith(".sse") else msgspec.json.format(made, indent=2) + b"\n"
    if os.environ.get("GATEWAY_UPDATE_GOLDENS") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(shown)
    assert path.read_bytes().decode() == shown.decode()


def agrees_on_events(name: str, events: Iterable[Event]) -> None:
    """The same of what a stream was read as."""
    shown = [{"event": type(event).__name__} | msgspec.json.decode(msgspec.json.encode(event)) for event in events]
    agrees(name, msgspec.json.encode(shown))
