"""Hedging: a second deployment is asked as well when the first is slower than most, and the first content wins.

Opt-in per route, after Dean and Barroso, "The Tail at Scale" (2013): the second attempt starts at the 95th percentile of the time
to the first content, so that few requests are asked twice; and an allowance bounds what that costs, whatever happens to the
percentile. The percentile is that of prompts of about the same length: long ones take longer to be read, and to ask twice for
what is long and not slow would spend most and win nothing.

Only what has no side effects at a provider is asked twice: nothing that is kept there, no tools that run there. An attempt that
fails cannot win. The loser is cancelled at once.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from llm_gateway.core.chat import ChatRequest
from llm_gateway.core.json import MalformedJson, decode

SAMPLES = 128
"""Times that the percentile is taken of. A power of two."""
LEAST_SAMPLES = 20
"""With fewer, nothing is known and nobody is hedged."""
PERCENT = 95
EVERY = 16
"""Samples between two looks at the percentile."""
BURST = 2.0
"""Hedges of the usual cost that may be saved up."""
RECENT = 0.05
"""How much of the usual cost the newest request's is."""
LITTLE = 1e-9
"""Enough for one hedge, if it is the first thing that is wanted."""
SHORTEST = 256
"""Tokens. To read fewer takes no time worth speaking of."""
_KEPT = ("background", "conversation", "previous_response_id", "container", "mcp_servers", "web_search_options", "prompt")
"""Members of a request that have a provider keep something, or run something."""

_Answer = TypeVar("_Answer")


class Times:
    """How long requests waited for their first content, lately."""

    __slots__ = ("_count", "_seconds", "percentile")

    def __init__(self) -> None:
        self._seconds = array("d", bytes(8 * SAMPLES))
        self._count = 0
        self.percentile: float | None = None
        """None: too little is known yet."""

    def add(self, seconds: float) -> None:
        self._seconds[self._count & (SAMPLES - 1)] = seconds
        self._count += 1
        if self._count >= LEAST_SAMPLES and (self._count % EVERY == 0 or self.percentile is None):
            known = sorted(self._seconds[: min(self._count, SAMPLES)])
            self.percentile = known[-(-PERCENT * len(known) // 100) - 1]


class Delay:
    """How long most of a route's requests wait for their first content, and what may yet be spent on asking twice."""

    __slots__ = ("_by_length", "_extra", "_fixed", "_left", "_usual")

    def __init__(self, fixed: float | None, extra: float) -> None:
        """`fixed`: seconds, in the place of what would be learned. `extra`: what asking twice may cost, as a share of what the
        route's requests cost.
        """
        self._fixed = fixed
        self._extra = extra
        self._by_length: dict[int, Times] = {}
        self._usual = 0.0
        self._left = LITTLE

    def add(self, seconds: float, tokens: int, cost: float) -> None:
        """A request whose prompt has so many tokens, and which costs so much (in any unit), had its first content."""
        self._of(tokens).add(seconds)
        self._usual += (cost - self._usual) * (RECENT if self._usual else 1.0)
        self._left = min(BURST * self._usual, self._left + self._extra * cost)

    def after(self, tokens: int) -> float | None:
        """Seconds after which the second attempt starts; None: nothing is known yet."""
        return self._of(tokens).percentile if self._fixed is None else self._fixed

    def take(self, cost: float) -> bool:
        """Whether one more request may be asked twice, which costs so much more; if so, it is counted. Who comes while anything
        is left may spend more than that: those after it pay it back, and the longest prompts, too, have their chance.
        """
        if self._left <= 0.0:
            return False
        self._left -= cost
        return True

    def _of(self, tokens: int) -> Times:
        """Those of prompts up to the next power of two."""
        length = max(tokens, SHORTEST).bit_length()
        times = self._by_length.get(length)
        if times is None:
            times = self._by_length[length] = Times()
        return times


def harmless(request: ChatRequest) -> bool:
    """Whether a request may be given to two providers: nothing is kept or run there. Responses are kept by the gateway, too."""
    if request.dialect.startswith("openai_responses") or any(tool.raw is not None for tool in request.tools):
        return False
    extra = request.extra or {}
    if any(name in extra for name in _KEPT):
        return False
    store = extra.get("store")
    if store is None:
        return True
    try:
        return decode(bytes(store), bool) is False
    except (MalformedJson, msgspec.ValidationError):
        return False


async def race(
    first: Awaitable[_Answer],
    second: Callable[[], Awaitable[_Answer]],
    delay: float,
    start: Callable[[], bool],
    lost: Callable[[_Answer], None],
) -> tuple[_Answer, bool]:
    """The first answer that begins, and whether it is the second's. `second` is made after `delay` seconds if `start` says so.

    One that fails leaves the race to the other; raises the first's failure when both did. `lost` is given an answer that began
    all the same. Cancelled, both are.
    """
    one = asyncio.ensure_future(first)
    runners = [one]
    winner: asyncio.Future[_Answer] | None = None
    try:
        await asyncio.wait((one,), timeout=delay)
        if not one.done() and start():
            runners.append(asyncio.ensure_future(second()))
        racing = set(runners)
        while racing and winner is None:
            done, racing = await asyncio.wait(racing, return_when=asyncio.FIRST_COMPLETED)
            winner = next((runner for runner in runners if runner in done and runner.exception() is None), None)
        if winner is None:
            await one  # raises
        assert winner is not None  # noqa: S101 - otherwise it raised
        return winner.result(), winner is not one
    finally:
        await _stopped([runner for runner in runners if runner is not winner], lost)


async def _stopped(runners: list[asyncio.Future[_Answer]], lost: Callable[[_Answer], None]) -> None:
    """Cancels those that still run, and waits until they have let go of their connections."""
    for runner in runners:
        runner.cancel()
    if runners:
        await asyncio.wait(runners)
    for runner in runners:
        if not runner.cancelled() and runner.exception() is None:
            lost(runner.result())
