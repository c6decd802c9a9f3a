"""A provider as a model of queues and prices: how long it takes, what it remembers, when and how it fails, what it charges."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from math import exp
from random import Random
from typing import Any, Literal

from benchmarks.routing.traffic import Conversation

from llm_gateway.core.errors import UpstreamError, UpstreamRateLimited, UpstreamTimeout, UpstreamUnavailable
from llm_gateway.core.usage import Usage

GRAIN = 128
"""Prompt caches hold whole blocks of so many tokens ..."""
LEAST_CACHED = 1024
"""... from so many on (OpenAI's and Anthropic's documentation)."""
REJOINDER = 0.15
"""Seconds until an error is there."""
PER = 1e15
"""Nano-dollars of a million tokens, as dollars of one."""


@dataclass(frozen=True)
class Trouble:
    """From `start` to `end`, seconds from the beginning. `fail`: share of the requests that get `how`. `slower`: factor."""

    start: float
    end: float
    fail: float = 0.0
    slower: float = 1.0
    how: Literal["server_error", "connect", "silent"] = "server_error"


@dataclass(frozen=True)
class Profile:
    """Seconds, tokens, nano-dollars of a million tokens."""

    name: str
    rates: tuple[int, int, int] = (3_000_000_000, 300_000_000, 15_000_000_000)
    """Fresh input, cached input, output."""
    ttft: float = 0.35
    """Median of the time to the first token without reading the prompt."""
    spread: float = 0.25
    """Sigma of its logarithm."""
    reading: float = 8000.0
    """Tokens of fresh prompt read in a second."""
    per_token: float = 0.012
    slow: float = 0.0
    """Share of requests that meet something slow, whoever is there otherwise ..."""
    slower: float = 10.0
    """... and how much longer their first token takes then."""
    knee: int = 0
    """Answers at a time that it gives at full speed; beyond, everybody gets his share of it. 0: any number."""
    most: int = 0
    """The `max_concurrent` that the gateway's operator wrote down for it. 0: none."""
    per_minute: int = 0
    """Requests; more are refused with 429. 0: any number."""
    keeps: float = 300.0
    """Seconds that its prompt cache holds what nobody uses."""
    finds: float = 0.95
    """Share of lookups that find what is there: a provider has many machines."""
    troubles: tuple[Trouble, ...] = ()


@dataclass
class Ledger:
    """What was asked and charged."""

    asked: int = 0
    failed: int = 0
    prompt: int = 0
    cached: int = 0
    cost: float = 0.0
    """Dollars."""
    wasted: float = 0.0
    """Dollars of it for answers that nobody wanted any more."""


@dataclass(eq=False)
class Begun:
    """An answer whose first token is there."""

    provider: Provider
    usage: Usage
    error: UpstreamError | None = None
    closed: bool = False

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.provider.leave(self.usage, wanted=False)


@dataclass(frozen=True)
class Said:
    """Rate limit headers."""

    head: bytes
    headers: Mapping[bytes, bytes]


class Provider:
    """`begin`, `stream`, in this order. Every draw comes from `random`, which is this provider's own."""

    def __init__(self, profile: Profile, random: Random, start: float) -> None:
        self.profile = profile
        self.ledger = Ledger()
        self._random = random
        self._start = start
        self._running = 0
        self._cache: dict[str, tuple[int, float]] = {}
        self._credit = profile.per_minute / 4.0
        self._credit_at = start

    async def begin(self, conversation: Conversation, tokens: int, output: int, patience: float) -> tuple[Begun, Said | None]:
        """To the first token, for at most `patience` seconds. Raises what a provider's failure becomes."""
        profile, random = self.profile, self._random
        loop = asyncio.get_running_loop()
        luck, spread, slow, finds = random.random(), random.gauss(0.0, 1.0), random.random(), random.random()
        self.ledger.asked += 1
        trouble = self._trouble(loop.time() - self._start)
        if trouble is not None and luck < trouble.fail:
            await self._fail(trouble, patience)
        said = self._admit(loop.time())
        cached = self._cached(conversation, tokens, loop.time()) if finds < profile.finds else 0
        self._running += 1
        usage = Usage(input=tokens - cached, cache_read=cached)
        try:
            seconds = profile.ttft * exp(profile.spread * spread) + (tokens - cached) / profile.reading
            seconds *= self.crowd() * (profile.slower if slow < profile.slow else 1.0) * (trouble.slower if trouble else 1.0)
            await asyncio.sleep(min(seconds, patience))
        except asyncio.CancelledError:
            self.leave(usage, wanted=False)
            raise
        if seconds > patience:
            self.leave(usage, wanted=False)
            raise failure("first_token_timeout", UpstreamTimeout)
        self._remember(conversation, tokens, loop.time())
        whole = Usage(input=tokens - cached, cache_read=cached, output=output)
        return Begun(self, whole), said

    async def stream(self, begun: Begun) -> None:
        """The rest of the answer."""
        at = asyncio.get_running_loop().time() - self._start
        trouble = self._trouble(at)
        slower = self.crowd() * (trouble.slower if trouble else 1.0)
        await asyncio.sleep(begun.usage.output * self.profile.per_token * slower)
        begun.closed = True
        self.leave(begun.usage, wanted=True)

    def leave(self, usage: Usage, *, wanted: bool) -> None:
        """It ends; what was read and written is charged. Of an answer that is not wanted any more only the prompt was."""
        fresh, cheap, out = self.profile.rates
        cost = (usage.input * fresh + usage.cache_read * cheap + (usage.output * out if wanted else 0)) / PER
        self._running -= 1
        ledger = self.ledger
        ledger.cost += cost
        ledger.prompt += usage.prompt
        ledger.cached += usage.cache_read
        if not wanted:
            ledger.wasted += cost

    def crowd(self) -> float:
        """How much longer everything takes for those who are there."""
        knee = self.profile.knee
        return max(1.0, self._running / knee) if knee else 1.0

    def _trouble(self, at: float) -> Trouble | None:
        return next((one for one in self.profile.troubles if one.start <= at < one.end), None)

    async def _fail(self, trouble: Trouble, patience: float) -> None:
        self.ledger.failed += 1
        if trouble.how == "silent":
            await asyncio.sleep(patience)
            raise failure("first_token_timeout", UpstreamTimeout)
        await asyncio.sleep(0.002 if trouble.how == "connect" else REJOINDER)
        raise failure(trouble.how, UpstreamUnavailable, upstream_status=0 if trouble.how == "connect" else 500)

    def _admit(self, now: float) -> Said | None:
        """A token bucket, as providers' limits are: a quarter of a minute's requests at once, then evenly."""
        limit = self.profile.per_minute
        if not limit:
            return None
        most = limit / 4.0
        self._credit = min(most, self._credit + (now - self._credit_at) * limit / 60.0)
        self._credit_at = now
        if self._credit < 1.0:
            self.ledger.failed += 1
            error = failure("rate_limited", UpstreamRateLimited, upstream_status=429)
            error.retry_after = (1.0 - self._credit) * 60.0 / limit + 1.0
            raise error
        self._credit -= 1.0
        full = (most - self._credit) * 60.0 / limit
        remaining = f"{int(self._credit)}".encode()
        headers = {b"x-ratelimit-remaining-requests": remaining, b"x-ratelimit-reset-requests": f"{full:.3f}s".encode()}
        return Said(b"x-ratelimit-remaining-requests: " + remaining, headers)

    def _cached(self, conversation: Conversation, tokens: int, now: float) -> int:
        held = 0
        for key in (conversation.name, f"system {conversation.system}"):
            length, until = self._cache.get(key, (0, 0.0))
            if until > now:
                held = max(held, length)
        held = min(held, tokens - 1) // GRAIN * GRAIN
        return held if held >= LEAST_CACHED else 0

    def _remember(self, conversation: Conversation, tokens: int, now: float) -> None:
        until = now + self.profile.keeps
        self._cache[conversation.name] = (tokens, until)
        self._cache[f"system {conversation.system}"] = (conversation.shared, until)


def failure(reason: str, kind: type[UpstreamError], **marks: Any) -> UpstreamError:
    error = kind("simulated")
    error.reason = reason
    for name, value in marks.items():
        setattr(error, name, value)
    return error
