"""What one request holds of the limits that concern it, from before it is sent until it is over (Exchange.hold)."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Protocol

from llm_gateway.core.errors import GatewayError
from llm_gateway.limits.answers import lines
from llm_gateway.limits.memory import Hold
from llm_gateway.limits.meter import States
from llm_gateway.limits.plan import Measured, Pair, Use
from llm_gateway.limits.telling import Telling

STEP = 256
"""Tokens that a running stream reserves at a time, when what was reserved is written."""


class Keeper(Protocol):
    """The limiter."""

    def more(self, held: Held, tokens: int) -> GatewayError | None: ...
    def now(self) -> float: ...


class Held:
    """Nothing in it refers to the Exchange. Defaults stand on the class: what is not set costs nothing."""

    measured: Sequence[Measured] = ()
    """The meters of what is known at the end only, in order, behind those of `fixed`."""
    states: States = ()
    told: Telling | None = None
    """What the answer is told, where the caller's own meters are all there are; None: that has to be looked at."""
    use: Use | None = None
    """What is guessed from; None: nothing is to be guessed."""
    body = 0
    """Bytes of the request, if its tokens can be told from them; 0: they cannot."""
    prompt = 0
    output = 0
    """Tokens of the answer that are reserved so far."""
    choices = 1
    most = 0
    """Tokens of the answer that the caller wants at most; 0: it did not say."""
    done = True
    """Whether it holds nothing: it was settled, or was never let by."""
    due = inf
    """Bytes of a stream from which on more has to be reserved."""
    ending: GatewayError | None = None
    """What the stream is to be ended with, once there is no more."""

    def __init__(self, keeper: Keeper, hold: str, charges: Sequence[Pair], fixed: Sequence[Pair]) -> None:
        """`charges`: what is reserved first. `fixed`: those of them that are known before the end."""
        self._keeper = keeper
        self.id = hold
        self.charges = charges
        self.fixed = fixed

    def more(self, written: int) -> GatewayError | None:
        """A stream has `written` so many bytes. What it is to be ended with, if a budget that cuts has no more; else None.

        Called when `written` has reached `due`; more often does no harm.
        """
        use = self.use
        if self.done or use is None:
            return None
        if written < self.due and self.ending is None:
            return None
        return self._keeper.more(self, int(written / use.learned.facts.stream_bytes))

    def ahead(self, tokens: int) -> int:
        """So many tokens are to be reserved besides, now that the stream has come to so many; 0: none yet. Not more than the
        caller wants, unless what is written says that the provider does not care.
        """
        extra = max(tokens - self.output, 0) + STEP
        per = 1.0 if self.use is None else self.use.learned.facts.stream_bytes
        if self.output + extra > self.most > tokens / 2:
            extra = self.most - self.output
            if extra <= 0:
                self.due = 2 * self.most * per
                return 0
        self.output += extra
        self.due = self.output * per
        return extra

    def lines(self) -> bytes:
        """Header lines for the answer; b"" if there is nothing to tell."""
        states, told = self.states, self.told
        if told is not None and type(states) is Hold:
            return told(states)
        return lines(self.charges, states, self._keeper.now()) if states else b""
