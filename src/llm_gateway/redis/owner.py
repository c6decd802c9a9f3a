"""Whom a connection to Redis works for: what it is told, what it asks, and what goes wrong."""

from __future__ import annotations

from typing import Any, Protocol


class Away(Exception):
    """Redis is not there, or too slow; the message says why."""


class Unfit(Away):
    """Redis is there, but not as it is needed: no scripts, wrong credentials, a cluster."""


class Command(Protocol):
    """Who waits for a reply. Exactly one of `replied` and `lost` is called at the end, `late` at most once before it."""

    def replied(self, reply: Any) -> None:
        """A value, or a ReplyError. Maybe long after `late`."""

    def late(self) -> None:
        """There was no reply in time. Whether it is carried out is not known yet."""

    def lost(self) -> None:
        """The connection is gone. Whether it was carried out is not known."""


class Owner(Protocol):
    """Whom the link tells how it is."""

    async def greet(self, ask: Asker) -> None:
        """A connection is there: checks that it is of use. Raises Away if not."""

    def came_up(self) -> None:
        """From now on commands may be sent."""

    def went_down(self, why: str) -> None:
        """From now on they may not."""

    async def beat(self, ask: Asker) -> None:
        """Called every few seconds. Raises Away if that shows that it is of no use."""


class Asker(Protocol):
    async def __call__(self, *words: str | int) -> Any: ...
