"""The text of metrics on its way: in pieces, to few at a time, and not for ever.

A text may have many megabytes, and whoever asks decides how fast it is read. In one piece each reader that is slow would have a
copy of its own. Readers that do not read keep nobody out: where all places are taken, whoever has most of them gives up one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from llm_gateway.core.errors import Overloaded

MOST = 16
"""Answers at once: each may hold another text."""
SEND_SECONDS = 30.0
"""Within which one must be read."""
PATIENCE = 2.0
"""Seconds for which one is left alone that could be given up for another reader."""
PIECE = 64 << 10
"""Bytes that are given at once: as many wait for a reader who does not read, and no more."""


class Place:
    """Of one answer. `source`: the address that asked for it."""

    def __init__(self, source: str, since: float) -> None:
        self.source = source
        self.since = since
        self.give_up: Callable[[], object] | None = None
        """Ends the answer; None: it is not being sent yet."""


class Places:
    """How many answers there are now."""

    def __init__(self, monotonic: Callable[[], float], most: int = MOST) -> None:
        self._monotonic = monotonic
        self._most = most
        self._taken: dict[Place, None] = {}
        """The oldest first."""

    @property
    def free(self) -> int:
        return self._most - len(self._taken)

    def take(self, source: str) -> Place:
        """Raises Overloaded."""
        now = self._monotonic()
        if not self.free:
            self._make_room(source, now)
        place = Place(source, now)
        self._taken[place] = None
        return place

    def give_back(self, place: Place) -> None:
        self._taken.pop(place, None)

    def _make_room(self, source: str, now: float) -> None:
        """Of the address that has most, the oldest goes: at once where the one that asks has fewer, else when it was slow."""
        has = Counter(place.source for place in self._taken)
        for place in sorted(self._taken, key=lambda place: -has[place.source]):
            greedy = has[place.source] > has[source] + 1
            if place.give_up is not None and (greedy or now - place.since >= PATIENCE):
                place.give_up()
                del self._taken[place]
                return
        raise Overloaded("Too many ask for metrics at the same time.", retry_after=1.0)


class Answer(Response):
    """`done` is called once it was sent, or given up."""

    def __init__(
        self, text: bytes, headers: Mapping[str, str], place: Place, done: Callable[[Place], None], seconds: float = SEND_SECONDS
    ) -> None:
        super().__init__(text, headers=headers)
        self._place = place
        self._done = done
        self._seconds = seconds

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """An answer that is not read in time is left as it is: then the server ends the connection."""
        sending = asyncio.get_running_loop().create_task(self._sent(send))
        self._place.give_up = sending.cancel
        try:
            await asyncio.wait({sending}, timeout=self._seconds)
        finally:
            given_up = not sending.done() or sending.cancelled()
            sending.cancel()
            self._done(self._place)
        if not given_up:
            sending.result()

    async def _sent(self, send: Send) -> None:
        body = memoryview(self.body)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for at in range(0, len(body), PIECE):
            await send({"type": "http.response.body", "body": bytes(body[at : at + PIECE]), "more_body": True})
        await send({"type": "http.response.body"})
