"""Reading a request's address: mount, fault prefixes, header and model suffix away, the native path remains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from llm_gateway.simulator.faults.spec import Fault
from llm_gateway.simulator.options import Mount
from llm_gateway.simulator.problems import Front

FAULT_HEADER = b"x-simulator-fault"


@dataclass(slots=True)
class Received:
    """A request as it came in: header names in lower case, `path` and `query` decoded as Latin-1, not unquoted."""

    method: str
    path: str
    query: str
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    keep: bool = True
    http10: bool = False
    connection: int = 0
    struck: tuple[Fault, ...] | None = None  # faults already drawn when the head came in

    def header(self, name: bytes) -> bytes:
        for key, value in self.headers:
            if key == name:
                return value
        return b""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request goes: the native path, its mount, and the fault specs on the way to it."""

    path: str
    mount: Mount | None
    faults: tuple[str, ...]


def place(received: Received, mounts: tuple[Mount, ...], standing: str) -> Place:
    """Take prefixes off the path; `standing` is the fault spec of the options. Model suffixes come later (`split_model`)."""
    path, found = received.path, None
    faults = [standing]
    while True:
        if path.startswith("/f/"):
            spec, slash, rest = path[3:].partition("/")
            faults.append(unquote(spec))
            path = slash + rest
            continue
        mount = next((m for m in mounts if path == m.prefix or path.startswith(f"{m.prefix}/")), None)
        if mount is None or found is not None:
            break
        found, path = mount, path[len(mount.prefix) :]
        faults.append(mount.fault)
    faults.append(received.header(FAULT_HEADER).decode("latin-1"))
    return Place(path or "/", found, tuple(spec for spec in faults if spec))


def split_model(document: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """The request with its model's own name, and the fault spec behind `@@` ("" when there is none)."""
    model = document.get("model")
    if not isinstance(model, str) or "@@" not in model:
        return document, ""
    name, _, spec = model.partition("@@")
    return {**document, "model": name}, spec


def front_of(received: Received, path: str) -> Front:
    """Whose manners an answer has that no dialect gives: models, unknown paths, early refusals."""
    known = any(name == b"anthropic-version" for name, _ in received.headers)
    return Front.ANTHROPIC if known or "/messages" in path else Front.OPENAI


def key_of(received: Received) -> str:
    """The caller's key from any of the headers the providers use; "" without one."""
    for name in (b"x-api-key", b"api-key"):
        if value := received.header(name):
            return value.decode("latin-1")
    scheme, _, key = received.header(b"authorization").partition(b" ")
    return key.strip().decode("latin-1") if scheme.lower() == b"bearer" else ""
