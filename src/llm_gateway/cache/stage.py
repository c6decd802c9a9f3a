"""The pipeline's dispatch, with a look at what was answered before.

    nothing kept        a provider is asked as ever; what it answers is kept if it is whole and ended well
    kept, within time   given again; nobody is asked
    kept, time over     a provider is asked; if nobody can answer it is given after all, marked as stale
    the same runs       (`coalesce`) waits for that one's answer; if none comes of it a provider is asked

It stands behind limits, so that a kept answer counts as a request, and behind rules, so that what they forbid stays forbidden.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from math import inf, nextafter
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from llm_gateway.cache import complete
from llm_gateway.cache.asked import Asked, asked
from llm_gateway.cache.entry import Entry, KeptAnswer, State
from llm_gateway.cache.key import Keys
from llm_gateway.cache.memory import Memory
from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import TimedOut, UpstreamError, UpstreamRejected, release
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.usage import Usage
from llm_gateway.providers.answer import StreamAnswer, WholeAnswer
from llm_gateway.routing.decision import Decision
from llm_gateway.routing.route import CacheTerms

_ESTIMATED = b"X-Gateway-Estimated"

Decide = Callable[[Exchange], Decision]
Cost = Callable[[str, str, Usage], int]
"""Nano-dollars of what an answer of this provider and model used; 0: that is not known."""
Result = Literal["hit", "miss", "stale", "coalesced", "bypass"]


class _Asked(NamedTuple):
    """Of a request that a provider is asked for."""

    name: Result
    line: bytes


_MISS = _Asked("miss", b"X-Cache: MISS\r\n")
_BYPASS = _Asked("bypass", b"X-Cache: BYPASS\r\n")


class Dispatching(Protocol):
    """resilience.dispatch.Dispatch."""

    def __call__(self, ex: Exchange, decide: Any, ask: Any) -> Awaitable[Any]: ...
    @property
    def onward(self) -> Callable[[Exchange, StreamAnswer, Any], Awaitable[StreamAnswer]]: ...
    @property
    def ended(self) -> Any: ...


class Far(Protocol):
    """Where other workers find what is kept here, and the other way round. It may fail: then it has nothing."""

    hits: int
    misses: int
    failures: int
    """Lookups that had no answer in time, or a wrong one."""
    damaged: int
    skipped: int
    """Lookups that were not made, because it does not work."""

    @property
    def dropped(self) -> int:
        """Answers that it was not given."""

    async def get(self, key: bytes, model: str) -> Entry | None:
        """`model`: the name that is asked for. Never raises."""

    def put(self, key: bytes, entry: Entry) -> None:
        """Until the entry's time is over. Nobody waits for it."""

    def clear(self, model: str | None, before: float) -> None:
        """What was answered before `before` (Unix seconds) is not found any more: under the name `model`, None: under any."""

    def configure(self, most: int) -> None:
        """`most`: bytes of one answer."""

    async def close(self) -> None: ...


class Answers:
    """What is kept, and how often it was of use. Outlives configurations."""

    def __init__(self, clock: Clock) -> None:
        self.now = clock.now
        self.memory = Memory()
        self.far: Far | None = None
        """None: there is nobody else."""
        self.running: dict[bytes, asyncio.Future[Entry | None]] = {}
        self.results: Counter[Result] = Counter()
        """Requests whose answers may be kept, by what became of them."""
        self.stored = 0
        self.saved_bytes = 0
        """Of answers that nobody had to be asked for."""
        self.saved_cost = 0
        """Nano-dollars that they took when they were made. Stale ones do not count: somebody was asked for them, in vain."""

    async def find(self, key: bytes, model: str, ttl: float) -> Entry | None:
        """Whatever its age, as long as it is of any use. One that is older than `ttl` seconds others may have asked for anew."""
        now = self.now()
        entry = self.memory.get(key, now)
        if self.far is None or (entry is not None and now - entry.at < ttl):
            return entry
        other = await self.far.get(key, model)
        if other is None or other.until <= self.now() or (entry is not None and other.at <= entry.at):
            return entry
        self.memory.put(key, other)
        return other

    def clear(self, model: str | None = None, before: float | None = None) -> int:
        """Drops what was asked for by the name `model`, and what was answered before `before` (Unix seconds), here and where
        others find it; both: what is both, None: all. How many were here.
        """
        if self.far is not None:
            now = nextafter(self.now(), inf)  # what is of this very moment goes too
            self.far.clear(model, now if before is None else min(before, now))
        return self.memory.forget(model=model, before=before)

    async def close(self) -> None:
        if self.far is not None:
            await self.far.close()

    def keep(self, key: bytes, entry: Entry) -> None:
        self.stored += 1
        self.memory.put(key, entry)
        if self.far is not None:
            self.far.put(key, entry)


class Rules(msgspec.Struct, frozen=True):
    """What is kept, beside what each route says."""

    entry: int
    """Most bytes of one answer."""
    streams: bool = True
    only_deterministic: bool = False
    coalesce: bool = False


class _Kept(msgspec.Struct, eq=False):
    """Of a request whose answer is to be kept."""

    key: bytes
    terms: CacheTerms


class Caching:
    """One per snapshot, in the place of its Dispatch."""

    def __init__(self, dispatch: Dispatching, answers: Answers, keys: Keys, rules: Rules, clock: Clock, cost: Cost) -> None:
        self._dispatch = dispatch
        self._answers = answers
        self._keys = keys
        self._rules = rules
        self._monotonic = clock.monotonic
        self._cost = cost
        self.onward = dispatch.onward

    async def __call__(self, ex: Exchange, decide: Decide, ask: Any) -> Any:
        """As Dispatch, or a KeptAnswer. Raises as it does."""
        decision = ex.decision = decide(ex)
        terms: CacheTerms | None = decision.route.cache
        if terms is None or not self._may_be_kept(ex):
            return await self._dispatch(ex, _Given(decision, decide), ask)
        wanted = asked(ex.headers.get(b"cache-control"))
        kept = _Kept(self._keys.of(ex, decision), terms)
        entry = await self._answers.find(kept.key, ex.model, terms.ttl) if wanted.read else None
        if entry is not None:
            answer = self._fresh(entry, terms, wanted)
            if answer is not None:
                return self._given(ex, answer)
        if wanted.only:
            raise TimedOut("No answer to this request is kept, and it asks for nothing else.", code="not_cached")
        if wanted.read and self._rules.coalesce and not ex.stream:
            answer = await self._awaited(ex, decision, kept)
            if answer is not None:
                return self._given(ex, answer)
        lines, result = ex.extra_lines, _MISS if wanted.read else _BYPASS
        ex.extra_lines = lines + result.line
        try:
            answer = await self._asked(ex, _Given(decision, decide), ask, kept if wanted.write else None)
        except UpstreamError as error:
            old = None if entry is None or isinstance(error, UpstreamRejected) else self._stale(entry, terms, wanted)
            if old is None:
                self._answers.results[result.name] += 1
                raise
            release(error)
            ex.extra_lines = lines
            return self._given(ex, old)
        self._answers.results[result.name] += 1
        return answer

    def ended(self, ex: Exchange, *, complete: bool, error: Exception | None) -> None:
        """As Dispatch.ended: an attempt's stream is over."""
        self._dispatch.ended(ex, complete=complete, error=error)
        kept: _Kept | None = ex.keeping
        if kept is not None and complete and len(ex.sample) == ex.bytes_out:
            self._keep(ex, kept, ex.sample, ex.usage)

    # ---- inside

    def _may_be_kept(self, ex: Exchange) -> bool:
        if ex.front.operation not in complete.OPERATIONS:
            return False
        if ex.stream and not (self._rules.streams and complete.may_stream(ex.front)):
            return False
        return not self._rules.only_deterministic or not complete.is_drawn(ex.front, ex.body)

    def _fresh(self, entry: Entry, terms: CacheTerms, wanted: Asked) -> KeptAnswer | None:
        age = max(self._answers.now() - entry.at, 0.0)
        if age > wanted.oldest:
            return None
        if age < terms.ttl:
            return KeptAnswer(entry, "hit", age, terms.ttl - age)
        return KeptAnswer(entry, "stale", age, 0.0) if age < terms.ttl + min(terms.stale, wanted.staler) else None

    def _stale(self, entry: Entry, terms: CacheTerms, wanted: Asked) -> KeptAnswer | None:
        """What is better than nothing."""
        age = max(self._answers.now() - entry.at, 0.0)
        if age > wanted.oldest or age >= terms.ttl + terms.stale:
            return None
        return KeptAnswer(entry, "stale", age, max(terms.ttl - age, 0.0))

    def _given(self, ex: Exchange, answer: KeptAnswer) -> KeptAnswer:
        state: State = answer.state
        self._answers.results[state] += 1
        self._answers.saved_bytes += len(answer.entry.body)
        if state != "stale":
            self._answers.saved_cost += answer.entry.cost
        ex.cached = state
        ex.dropped = list(answer.entry.dropped) or None
        return answer

    async def _awaited(self, ex: Exchange, decision: Decision, kept: _Kept) -> KeptAnswer | None:
        """The answer of an equal request that runs, if one does and anything comes of it before this one's time is over."""
        end = ex.received + decision.total
        while True:
            running = self._answers.running.get(kept.key)
            if running is None:
                return None
            await asyncio.wait((running,), timeout=max(end - self._monotonic(), 0.0))
            if not running.done():
                return None
            if not running.cancelled():
                entry = running.result()
                return None if entry is None else KeptAnswer(entry, "coalesced", 0.0, kept.terms.ttl)
            # Its caller has left. Whoever comes here first asks in its place, and the others wait for that one.

    async def _asked(self, ex: Exchange, decide: Decide, ask: Any, kept: _Kept | None) -> Any:
        if kept is None:
            return await self._dispatch(ex, decide, ask)
        running = self._answers.running
        if not self._rules.coalesce or ex.stream or kept.key in running:
            answer = await self._dispatch(ex, decide, ask)
            self._taken(ex, kept, answer)
            return answer
        future = running[kept.key] = asyncio.get_running_loop().create_future()
        entry = None
        try:
            answer = await self._dispatch(ex, decide, ask)
            entry = self._taken(ex, kept, answer)
        except asyncio.CancelledError:
            future.cancel()
            raise
        finally:
            del running[kept.key]
            if not future.done():
                future.set_result(entry)
        return answer

    def _taken(self, ex: Exchange, kept: _Kept, answer: Any) -> Entry | None:
        """An answer has begun: a whole one is kept, a stream when it is over."""
        if type(answer) is WholeAnswer:
            return self._keep(ex, kept, answer.body, answer.usage)
        if type(answer) is StreamAnswer:
            answer.remember(self._rules.entry)
            ex.keeping = kept
        return None

    def _keep(self, ex: Exchange, kept: _Kept, body: bytes, usage: Usage | None) -> Entry | None:
        """What was kept; None: it is not to be."""
        if len(body) > self._rules.entry:
            return None
        ends_well = complete.streamed if ex.stream else complete.whole
        if not ends_well(ex.front, body):
            return None
        now, attempt, terms = self._answers.now(), ex.attempts[-1], kept.terms
        entry = Entry(
            body,
            now,
            now + terms.ttl + terms.stale,
            attempt.provider,
            attempt.model,
            ex.model,
            ex.stream,
            tuple(ex.dropped or ()),
            _ESTIMATED in ex.extra_lines,
            0 if usage is None else self._cost(attempt.provider, attempt.model, usage),
        )
        self._answers.keep(kept.key, entry)
        return entry


class _Given:
    """A decision that was made; the next one is made anew."""

    __slots__ = ("_decide", "_decision")

    def __init__(self, decision: Decision, decide: Decide) -> None:
        self._decision: Decision | None = decision
        self._decide = decide

    def __call__(self, ex: Exchange) -> Decision:
        decision, self._decision = self._decision, None
        return decision or self._decide(ex)
