"""Reading a request's address: mount, fault prefixes, header and model suffix away, the native path remains."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from llm_gateway.simulator.faults.spec import Fault
from llm_gateway.simulator.options import Mount
from llm_gateway.simulator.problems import Front

FAULT_HEADER = b"x-simulator-fault"
_MODEL_FAULT = re.compile(r"(?:@@|%40%40)(.*)(:\w+|/(?:invoke|converse(?:-stream)?))$")
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)")
_PLAYED = (
    (re.compile(r"/messages|/count_tokens"), Front.ANTHROPIC),
    (re.compile(r"/v1beta|/models/[^/]+:\w+$"), Front.GEMINI),
    (re.compile(r"/api/"), Front.OLLAMA),
    (re.compile(r"/v2(?:/|$)|/rerank$"), Front.COHERE),
    (re.compile(r"/model/"), Front.BEDROCK),
)
_SPOKEN = tuple((front.name.lower(), front) for front in Front)


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
    """Take prefixes off the path, and the fault behind a model that stands in it; `standing` is the options' fault spec.

    The fault of a model that the body names comes later (`split_model`).
    """
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
    if named := _MODEL_FAULT.search(path):
        faults.append(unquote(named[1]))
        path = path[: named.start()] + named[2]
    faults.append(received.header(FAULT_HEADER).decode("latin-1"))
    return Place(path or "/", found, tuple(spec for spec in faults if spec))


def split_model(document: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """The request with its model's own name, and the fault spec behind `@@` ("" when there is none)."""
    model = document.get("model")
    if not isinstance(model, str) or "@@" not in model:
        return document, ""
    name, _, spec = model.partition("@@")
    return {**document, "model": name}, spec


def front_of(received: Received, at: Place) -> Front:
    """Whose manners an answer has that no dialect gives: models, unknown paths, early refusals."""
    if at.mount and at.mount.speaks:
        return next((front for name, front in _SPOKEN if name == at.mount.speaks), Front.OPENAI)
    names = {name for name, _ in received.headers}
    if b"anthropic-version" in names:
        return Front.ANTHROPIC
    if b"x-goog-api-key" in names:
        return Front.GEMINI
    return next((front for pattern, front in _PLAYED if pattern.search(at.path)), Front.OPENAI)


def key_of(received: Received) -> str:
    """The caller's key from wherever the providers take it, for AWS the access key id; "" without one."""
    for name in (b"x-api-key", b"api-key", b"x-goog-api-key"):
        if value := received.header(name):
            return value.decode("latin-1")
    given = received.header(b"authorization").decode("latin-1")
    scheme, _, key = given.partition(" ")
    if scheme.lower() == "bearer":
        return key.strip()
    if found := _CREDENTIAL.search(given):
        return found[1]
    return parse_qs(received.query).get("key", [""])[0]
