"""What a session holds of its caller's limits: each part of it is settled when the provider tells what it used, and one more is
reserved, as for a request of its own. A part for which there is no room ends the session.

The first part is held under the session's own id, by the pipeline; those behind it under that id and a number. Of money as much
is reserved as the largest part used so far, for each answer that is being made: what was said is sent again with each, so parts
grow. Of rates one is taken, for what comes back by itself is not to be hoarded: a session ends when nothing is left. Its places
it keeps.

A part counts in the period of a budget in which it was told; limits are those of the moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from llm_gateway.core.errors import GatewayError, release
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.usage import Usage
from llm_gateway.limits.answers import session_over
from llm_gateway.limits.held import Held
from llm_gateway.limits.limiter import Limiter
from llm_gateway.limits.meter import Charge, StoreDown, Taken
from llm_gateway.limits.plan import COST, Amounts, Pair

RENEWALS = 3
"""How often what is held is held anew before its lease would be over."""


class SessionHold:
    """One session's. `over` is told what it is to be ended with, at once or soon."""

    def __init__(self, ex: Exchange, over: Callable[[GatewayError], None]) -> None:
        self._ex = ex
        self._over = over
        self._number = 0
        self._largest: int | None = None
        """Nano-dollars; None: it had no answer yet."""
        self._running = 0
        self._covered = 1
        """Answers for which something is reserved."""
        self._renew_at = 0.0
        self._taking: asyncio.Future[Taken] | None = None
        held: Held | None = ex.hold
        fixed = () if held is None else held.fixed
        self._places: list[Pair] = [(meter.counted, 1) for meter, _ in fixed if not meter.period and meter.calendar is None]
        first = [] if held is None else [amount for meter, amount in held.charges if meter.calendar is not None]
        self._first = max(first, default=0)

    def begun(self, limiter: Limiter, running: int) -> None:
        """So many answers are being made at once: something is reserved for each."""
        self._running = running
        held: Held | None = self._ex.hold
        if held is not None and not held.done and self._taking is None:
            self._cover(limiter, held)

    def told(self, limiter: Limiter, usage: Usage, cost: int, *, answer: bool, guessed: bool = False, running: int = 0) -> None:
        """A part used so much. `limiter`: that of now; `answer`: whether it was an answer, with another like it to come;
        `guessed`: nobody said it, so that nothing is learned from it; `running`: answers that are still being made.

        Raises Forbidden where the end user may not go on.
        """
        self._running = running
        prompt, output, cached = usage.prompt, usage.completion, usage.cache_read
        amounts: Amounts = (prompt + output, prompt - cached, cached, output, cost)
        self._charge(limiter, amounts, None if guessed else usage)
        if answer:
            self._largest = max(cost, self._largest or 0)
        if self._taking is None:
            self._reserve(limiter)

    def renew(self, limiter: Limiter, at: float) -> None:
        """It still runs, however long nothing was told of it. To be called often. `at`: monotonic seconds."""
        if at < self._renew_at:
            return
        first, self._renew_at = not self._renew_at, at + limiter.lease / RENEWALS
        held: Held | None = self._ex.hold
        if first or held is None or held.done:
            return
        try:
            taken = limiter.book.take(held.id, (), limiter.now(), limiter.lease)
        except StoreDown:
            return
        if isinstance(taken, asyncio.Future):
            taken.add_done_callback(_heard)

    def end(self) -> None:
        """Nothing more is told. What is still held is settled as for any request."""
        if self._taking is not None:
            self._taking.cancel()

    # ---- inside

    def _charge(self, limiter: Limiter, amounts: Amounts, learn: Usage | None) -> None:
        """What was held for this part is free, and what it used is spent."""
        held: Held | None = self._ex.hold
        if held is None or held.done or self._taking is not None:  # nothing is, or it is just being asked for
            measured, _ = limiter.meters(self._ex)
            if measured:
                used = [Charge(meter, amounts[place]) for meter, place, _ in measured]
                limiter.book.settle(self._next_id(), used, limiter.now())
            return
        held.done = True
        if held.use is not None and learn is not None and (learn.prompt or learn.completion):
            held.use.learned.saw(learn.prompt, learn.cache_read, learn.completion, amounts[COST], 0)
        used = [Charge(meter, amount) for meter, amount in held.fixed]
        used += [Charge(meter, amounts[place]) for meter, place, _ in held.measured]
        limiter.book.settle(held.id, used, limiter.now())

    def _reserve(self, limiter: Limiter) -> None:
        """For the next part."""
        ex = self._ex
        measured, use = limiter.meters(ex)
        if not measured and not self._places:
            ex.hold = None
            return
        self._covered = max(self._running, 1)
        money = self._money * self._covered
        charges = [*self._places, *((meter, 1 if meter.period else money) for meter, _, _ in measured)]
        ex.hold = held = Held(limiter, self._next_id(), charges, self._places)
        held.measured, held.use = measured, use
        self._take(limiter, held, charges)

    def _cover(self, limiter: Limiter, held: Held) -> None:
        """What is held is enough for as many answers as are being made."""
        more = self._running - self._covered
        if more > 0:
            self._covered = self._running
            charges = [(meter, self._money * more) for meter, _, _ in held.measured if meter.calendar is not None]
            if charges:
                self._take(limiter, held, charges)

    def _take(self, limiter: Limiter, held: Held, charges: Sequence[Pair]) -> None:
        try:
            taken = limiter.book.take(held.id, charges, limiter.now(), limiter.lease)  # type: ignore[arg-type]  # pairs are Charges
        except StoreDown:
            return  # it was let by once; what it uses is charged
        if isinstance(taken, Taken):
            self._taken(limiter, held, charges, taken)
        else:
            self._taking = asyncio.ensure_future(taken)
            self._taking.add_done_callback(partial(self._answered, limiter, held, charges))

    def _answered(self, limiter: Limiter, held: Held, charges: Sequence[Pair], taking: asyncio.Future[Taken]) -> None:
        """The book has answered, or nobody waits for it any more."""
        self._taking = None
        if taking.cancelled():
            # Whether it was taken nobody knows: settled at nothing, it is free again in any case.
            limiter.book.settle(held.id, [Charge(meter, 0) for meter, _ in held.charges], limiter.now())
        elif (error := taking.exception()) is None:
            self._taken(limiter, held, charges, taking.result())
        elif not isinstance(error, StoreDown):
            raise error

    def _taken(self, limiter: Limiter, held: Held, charges: Sequence[Pair], taken: Taken) -> None:
        if taken.refused < 0:
            held.done = False
            self._cover(limiter, held)
            return
        meter, amount = charges[taken.refused]
        limiter.refused[meter.scope, meter.unit] += 1
        self._over(session_over(meter, taken.states[taken.refused], amount, limiter.now()))

    @property
    def _money(self) -> int:
        """What one more answer may cost."""
        return self._first if self._largest is None else self._largest

    def _next_id(self) -> str:
        self._number += 1
        return f"{self._ex.ledger_id}.{self._number}"


def _heard(taken: asyncio.Future[Taken]) -> None:
    """Nobody waits for it; what went wrong is not worth a word."""
    if not taken.cancelled() and (error := taken.exception()) is not None:
        release(error)
