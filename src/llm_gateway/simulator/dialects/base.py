"""What a dialect of the simulator is: pure functions from (script, request) to a document or to events."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from llm_gateway.simulator.problems import Front
from llm_gateway.simulator.script import Script


class Event(NamedTuple):
    """One server-sent event as it is written, and how many tokens it carries: that is what paces it."""

    data: bytes
    tokens: int = 0


class Reply(NamedTuple):
    """A whole answer and how many tokens it took."""

    document: Any
    tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One operation of one API.

    `path` is how the native path ends. `reply` and `stream` raise problems.Problem for a request that the provider
    would refuse; `stream` is None where the API has no streams. To add a dialect: write such a module and name it in
    dialects/table.py.
    """

    name: str
    front: Front
    path: str
    reply: Callable[[Script, Mapping[str, Any]], Reply]
    stream: Callable[[Script, Mapping[str, Any]], list[Event]] | None = None


def data(document: Any, tokens: int = 0) -> Event:
    """An event without a name: the OpenAI form."""
    return Event(b"data: " + msgspec.json.encode(document) + b"\n\n", tokens)


def named(name: str, document: Any, tokens: int = 0) -> Event:
    """An event with a name: the Anthropic form."""
    return Event(b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(document) + b"\n\n", tokens)


DONE = Event(b"data: [DONE]\n\n")


def identifier(prefix: str, digest: str) -> str:
    """An id in the manner of the providers."""
    return f"{prefix}{digest[:24]}"


def created(digest: str) -> int:
    """A Unix time in 2025 that follows from the request: answers do not depend on the clock."""
    return 1_735_689_600 + int(hashlib.blake2b(digest.encode(), digest_size=4).hexdigest(), 16) % 31_000_000
