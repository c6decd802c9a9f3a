"""What every secret store gives, and a login that is kept as long as it is good."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from math import inf
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from llm_gateway.core.clock import Clock
from llm_gateway.core.json import MalformedJson, decode
from llm_gateway.credentials.refreshing import Fetched, Unavailable

LARGEST = 256 << 10
"""Bytes of an answer: every store has secrets of 64 KB at most, before they are written as base64 or JSON."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Document:
    """One secret as a store has it: a text, which may be a JSON object."""

    text: str = field(repr=False)

    def value(self, key: str) -> str:
        """The text without its last line end, or one field of the object. Raises Unavailable."""
        if not key:
            return self.text.removesuffix("\n").removesuffix("\r")
        try:
            fields: Any = decode(self.text.encode("utf-8", "surrogatepass"), Any)
        except (MalformedJson, msgspec.ValidationError):
            fields = None
        if not isinstance(fields, dict):
            raise Unavailable("the secret is no JSON object, so it has no field: leave #... out for the whole text")
        if fields.get(key) is None:
            raise Unavailable("the secret has no such field: look behind the #")
        value = fields[key]
        return value if isinstance(value, str) else msgspec.json.encode(value).decode()


class Store(Protocol):
    """Fetches secrets. `document`: as names.py makes it. Raises Unavailable."""

    async def fetch(self, document: str) -> Fetched[Document]: ...


class Leased(Generic[Value]):
    """A login, fetched when it is needed and kept for four fifths of its life."""

    def __init__(self, source: Callable[[], Awaitable[Fetched[Value]]], clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._value: Value | None = None
        self._until = -inf
        self._lock = asyncio.Lock()

    async def get(self) -> Value:
        """Raises Unavailable."""
        async with self._lock:
            if self._value is None or self._clock.monotonic() >= self._until:
                fetched = await self._source()
                if fetched.lifetime is not None and not fetched.lifetime > 0:
                    raise Unavailable("the credentials for the store have expired already: check this machine's clock")
                self._value = fetched.value
                self._until = inf if fetched.lifetime is None else self._clock.monotonic() + fetched.lifetime * 0.8
            return self._value

    def drop(self) -> None:
        """It was refused: fetch another when one is needed."""
        self._value = None
