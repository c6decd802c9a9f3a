"""A worker's half of tracing: whether a request is traced, and what is told of it. Nothing here waits for anything.

A request is recorded if its caller records it (the sampled flag of its traceparent), if the ratio's draw says so, and, known at
its end, if it failed or took longer than `slow`. Of refusals, and of requests that succeeded after a failed attempt, so many a
second are recorded beyond that: a flood of bad keys must not drown what matters.

A request that is not recorded costs one look for `traceparent` and one random number.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec

from llm_gateway.config.schema.tracing import Tracing as Settings
from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import release
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.trace import SAMPLED, begun, parsed
from llm_gateway.telemetry.trace_facts import facts_of

TOPIC = "traces"
MOST_HELD = 4 << 20
"""Bytes that wait until control is told; what would be beyond is dropped and counted."""
MESSAGE = 512 << 10
"""Bytes of one message to control."""
MINOR = 10
"""Refusals, and successes after a failed attempt, that are recorded each second besides those that are sampled. Of strangers'
requests no more are recorded in any case."""

_encode = msgspec.msgpack.Encoder().encode
Tell = Callable[[str, Any], bool]
"""channel.link.Link.tell: whether it was sent."""


class Traces:
    """One per worker; `configure` whenever another configuration holds."""

    def __init__(
        self,
        clock: Clock,
        randomness: Random,
        user: Callable[[Exchange], str],
        report: Callable[[Exchange, Exception], None],
    ) -> None:
        """`randomness`: this process's own, not one that a fork shares; `user` gives the hash that stands for the end user;
        `report`: of bugs.
        """
        self._clock = clock
        self._bits = randomness.getrandbits
        self._draw = randomness.random
        self._user = user
        self._report = report
        self._ratio = self._slow = 0.0
        self._follow = True
        self._held: list[bytes] = []
        self._size = 0
        self._second, self._minor = 0.0, 0
        self.dropped = 0
        """Traces that were made, or would have been, and found no room; not yet told."""

    def configure(self, settings: Settings) -> Traces | None:
        """None: there is nobody to tell, so nothing is to be done."""
        if not settings.on:
            self._held.clear()
            self._size = 0
            return None
        self._ratio, self._slow = settings.sample, float(settings.slow)
        self._follow = settings.parent == "follow"
        return self

    def begin(self, ex: Exchange) -> None:
        """A request has come in."""
        given = ex.headers.get(b"traceparent")
        if given is not None and self._follow:
            self._continue(ex, given)
        elif self._draw() < self._ratio:
            ex.trace = begun(self._bits, "ratio")

    def _continue(self, ex: Exchange, given: bytes) -> None:
        ex.trace = context = parsed(given, self._bits)
        if context is None:
            if self._draw() < self._ratio:
                ex.trace = begun(self._bits, "ratio")
        elif context.flags & SAMPLED:
            context.record("parent")
        elif self._draw() < self._ratio:
            context.record("ratio")

    def ended(self, ex: Exchange, now: float) -> None:
        """A request is over, and it is known how. `now`: monotonic seconds."""
        trace = ex.trace
        if trace is None or not trace.why:
            if ex.outcome == "completed" and len(ex.attempts) == 1 and not ex.cached and now - ex.received < self._slow:
                return
            why = self._late(ex, now)
            if not why:
                return
            if trace is None:
                ex.trace = trace = begun(self._bits, why)
            trace.record(why)
        elif ex.caller is None and ex.error is not None and not self._may(now):
            return  # a stranger may say that he records, too
        if self._size >= MOST_HELD:
            self.dropped += 1
            return
        try:
            fact = _encode(facts_of(ex, trace, self._clock.now(), now, self._user))
        except Exception as bug:  # noqa: BLE001 - a trace is not worth a request
            self.dropped += 1
            self._report(ex, bug)
            release(bug)
            return
        self._held.append(fact)
        self._size += len(fact)

    def _late(self, ex: Exchange, now: float) -> str:
        """Why a request is recorded that was not, until it ended; "": it is not."""
        if now - ex.received >= self._slow and ex.session is None:
            return "slow"
        error = ex.error
        if ex.outcome in {"cut", "drained"} or (error is not None and error.status >= 500):
            return "error"
        if error is None and all(attempt.error is None for attempt in ex.attempts):
            return ""
        return "error" if self._may(now) else ""

    def _may(self, now: float) -> bool:
        """Whether one more that is of no great interest is recorded in this second."""
        if now >= self._second + 1.0:
            self._second, self._minor = now, 0
        self._minor += 1
        return self._minor <= MINOR

    def tell(self, tell: Tell) -> None:
        """Hand over what is held. What cannot be sent waits, as long as there is room."""
        while self._held or self.dropped:
            size, count = 0, 0
            for fact in self._held:
                if count and size + len(fact) > MESSAGE:
                    break
                size += len(fact)
                count += 1
            if not tell(TOPIC, [self._held[:count], self.dropped]):
                return
            del self._held[:count]
            self._size -= size
            self.dropped = 0
