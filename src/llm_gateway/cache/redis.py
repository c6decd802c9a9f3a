"""The answers that workers and nodes share, in Redis or Valkey: stage.Far.

A lookup waits for a short time, and whatever is wrong by then is nothing found. A Redis that fails again and again is left alone
for a while. It has a connection of its own: answers are large, and what counts limits must not wait behind them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal, Protocol

from llm_gateway.cache.entry import Entry
from llm_gateway.cache.redis_breaker import Breaker
from llm_gateway.cache.redis_epochs import ALL, LONGEST, MOST, SET, Epochs, Forget
from llm_gateway.cache.redis_sealed import Sealing, sealed_size
from llm_gateway.cache.redis_writes import Writes
from llm_gateway.config.schema.limits import Redis
from llm_gateway.core.clock import Clock
from llm_gateway.redis.address import parse_address
from llm_gateway.redis.link import Link, ReplyError, code_of
from llm_gateway.redis.owner import Asker, Away, Unfit
from llm_gateway.redis.words import bulk, frame, whole

DEADLINE = 0.05
"""Seconds that a request waits at most, or `redis.timeout` if that is shorter."""
GRACE = 0.005
"""The end of that, in which a reply is read that came while the loop was busy."""
BEATS = 5.0
FULL = 0.75
"""Part of maxmemory above which answers leave the rest to others, where Redis evicts nothing."""
_REPLIES = 2 << 20
"""Bytes that replies beside answers may have."""


class Log(Protocol):
    def __call__(self, level: Literal["info", "warning", "error"], event: str, **fields: object) -> None: ...


class RedisAnswers:
    """One per worker, outliving reloads. `start` it before use, `close` it at the end."""

    def __init__(
        self,
        settings: Redis,
        secret: bytes,
        *,
        worker: str,
        forget: Forget,
        clock: Clock,
        draw: Callable[[], float],
        log: Log,
    ) -> None:
        """`secret`: what is sealed under it those find who have the same one. `worker`: a name that no other process has.
        `forget`: drops what is kept nearer, as others cleared it. Raises ValueError and OSError for settings of no use.
        """
        timeout = float(settings.timeout)
        address = parse_address(settings.url.reveal(), settings.ca_file)
        name = f"llm-gateway-cache-{worker}"
        self.link = Link(address, self, timeout=max(timeout, DEADLINE), name=name, draw=draw, beats=BEATS, most=_REPLIES)
        self._patience = max(min(timeout, DEADLINE) - GRACE, GRACE)
        self._prefix = f"{settings.prefix}cache:"
        self._epochs_name = f"{self._prefix}epochs"
        self._asking = b"*4\r\n$5\r\nHMGET\r\n%b%b" % (bulk(self._epochs_name), bulk(ALL))
        self._sealing = Sealing(secret)
        self._epochs = Epochs(forget, clock.now)
        self._breaker = Breaker()
        self.writes = Writes(self.link, self._sealing.seal, clock)
        self._monotonic = clock.monotonic
        self._log = log
        self._most = 0
        self._range = b""
        self.configure(1 << 20)
        self.hits = 0
        self.misses = 0
        self.failures = 0
        """Lookups that had no answer in time, or a wrong one."""
        self.damaged = 0
        """Values that were found and could not be opened, or were too large: for each of them a miss is not counted."""
        self.skipped = 0
        """Lookups that were not made, since Redis is away or given up for a while."""

    @property
    def dropped(self) -> int:
        """Answers that were not written."""
        return self.writes.dropped

    def configure(self, most: int) -> None:
        """`most`: bytes of one answer's body from now on."""
        self._most = most
        size = sealed_size(most)
        self._range = whole(0) + whole(size)  # one byte more than there should be: what is too large shows
        self.link.most = max(self.link.most, _REPLIES + size)

    # ---- its life

    async def start(self) -> None:
        """Returns when it is known whether Redis is there. If not, nothing is found until it is."""
        self.link.start()
        await self.link.tried.wait()
        if not self.link.up:
            self._log("warning", "cache_redis_away", why=self.link.why)

    async def close(self) -> None:
        """What waits to be written is written, if that goes in time."""
        end = self._monotonic() + self.link.timeout
        while len(self.writes) and self.link.up and self._monotonic() < end:  # noqa: ASYNC110 - at the end only
            await asyncio.sleep(0.005)
        await self.link.close()

    # ---- Far

    async def get(self, key: bytes, model: str) -> Entry | None:
        """See Far."""
        loop = asyncio.get_running_loop()
        lookup = _Lookup(loop.create_future())
        if not self._ask(lookup, key, model):
            self.skipped += 1
            return None
        timer = loop.call_later(self._patience, loop.call_later, GRACE, lookup.late)
        try:
            value = await lookup.done
        finally:
            timer.cancel()
        if not isinstance(value, bytes) or not self._heard(lookup.epochs, model):
            self.failures += 1
            self._breaker.failed(self._monotonic())
            return None
        self._breaker.well()
        if not value:
            self.misses += 1
            return None
        entry = self._sealing.open(key, value, self._most)
        if entry is None:
            self.damaged += 1
        elif self._epochs.counts(entry):
            self.hits += 1
            return entry
        else:
            self.misses += 1
        return None

    def put(self, key: bytes, entry: Entry) -> None:
        """See Far."""
        if _is_shared(entry.asked):
            self.writes.add(self._name(key), key, entry)

    def clear(self, model: str | None, before: float) -> None:
        """See Far. If Redis is away it is told when it is back, by any worker that knows of it."""
        if model is None or _is_shared(model):
            self._epochs.clear(model or ALL, before)
            self._tell()

    # ---- Owner of the link

    async def greet(self, ask: Asker) -> None:
        """See Owner."""
        reply = await ask("HGETALL", self._epochs_name)
        if not self._epochs.compare(reply):
            raise Unfit(f"HGETALL does not work ({code_of(reply) if isinstance(reply, ReplyError) else 'wrong answer'})")
        self.writes.full = _is_full(await ask("INFO", "memory"))

    async def beat(self, ask: Asker) -> None:
        """See Owner."""
        before = self.writes.full
        await self.greet(ask)
        if self.writes.full and not before:
            self._log("warning", "cache_redis_full", percent=round(FULL * 100))
        self._tell()

    def came_up(self) -> None:
        """See Owner."""
        self._breaker.well()
        self.writes.begin()
        self._tell()
        self._log("info", "cache_redis_back")

    def went_down(self, why: str) -> None:
        """See Owner."""
        self.writes.give_up()
        self._log("warning", "cache_redis_away", why=why)

    # ---- inside

    def _name(self, key: bytes) -> bytes:
        return bulk(self._prefix + key.hex())

    def _ask(self, lookup: _Lookup, key: bytes, model: str) -> bool:
        """Whether it was asked."""
        if not self.link.up or not _is_shared(model) or not self._breaker.lets(self._monotonic()):
            return False
        try:
            self.link.send((self._asking, bulk(model)), lookup)
            self.link.send((b"*4\r\n$8\r\nGETRANGE\r\n", self._name(key), self._range), lookup)
        except Away:
            return False
        return True

    def _heard(self, reply: object, model: str) -> bool:
        if not isinstance(reply, list) or len(reply) != 2:
            return False
        return self._epochs.heard(ALL, reply[0]) and self._epochs.heard(model, reply[1])

    def _tell(self) -> None:
        """Redis is told what was cleared, if it is there."""
        for model, at in tuple(self._epochs.waiting.items()) if self.link.up else ():
            words = ("EVAL", SET, 1, self._epochs_name, model, repr(at), MOST)
            try:
                self.link.send((frame(words),), _Told(self._epochs, model, at))
            except Away:
                return


class _Lookup:
    """Two commands: the times from which on answers count, and the answer. The last one's reply ends it; None: there is none."""

    __slots__ = ("_first", "done", "epochs")

    def __init__(self, done: asyncio.Future[Any]) -> None:
        self.done = done
        self.epochs: object = None
        self._first = True

    def replied(self, reply: Any) -> None:
        if self._first:
            self._first = False
            self.epochs = reply
        elif not self.done.done():
            self.done.set_result(reply)

    def late(self) -> None:
        if not self.done.done():
            self.done.set_result(None)

    lost = late


class _Told:
    """A time on its way."""

    def __init__(self, epochs: Epochs, model: str, at: float) -> None:
        self._epochs = epochs
        self._model = model
        self._at = at

    def replied(self, reply: Any) -> None:
        if reply == 1:
            self._epochs.told(self._model, self._at)

    def late(self) -> None:
        """It is told again."""

    lost = late


def _is_shared(model: str) -> bool:
    """Whether answers of this name are: not if it is very long, or no text."""
    return len(model) <= LONGEST and (model.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in model))


def _is_full(told: object) -> bool:
    """Of INFO memory; where it may not be asked nothing is known."""
    text = told.decode("ascii", "replace") if isinstance(told, bytes) else ""
    facts = dict(line.partition(":")[::2] for line in text.splitlines())
    used, most = facts.get("used_memory", ""), facts.get("maxmemory", "")
    if facts.get("maxmemory_policy") != "noeviction" or not used.isdecimal() or not most.isdecimal():
        return False
    return 0 < int(most) * FULL < int(used)
