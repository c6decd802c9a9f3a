"""The book that workers and nodes share, in Redis or Valkey: limits.meter.Book, and what holds while Redis is away.

What is taken is asked for in one round trip (scripts/take.lua); what is settled goes through the outbox and is waited for by
nobody. Redis's clock is the clock. While Redis is away (not there, or slower than `redis.timeout`) each worker goes by
`limits.when_store_fails` on its own; when it is back it is told once what was used, and what running requests hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal

from llm_gateway.config.schema.limits import Redis
from llm_gateway.core.clock import Clock
from llm_gateway.limits.alone import Alone
from llm_gateway.limits.meter import Book, Charge, Meter, StoreDown, Taken
from llm_gateway.limits.redis_counters import Counter
from llm_gateway.limits.redis_holds import NO_HOLD, Entry, Holds
from llm_gateway.limits.redis_outbox import Outbox
from llm_gateway.limits.redis_probe import Log, alive, probe
from llm_gateway.limits.redis_seeds import Seeds
from llm_gateway.limits.redis_take import Take
from llm_gateway.redis.address import parse_address
from llm_gateway.redis.link import LONGEST_PAUSE, Link, code_of
from llm_gateway.redis.owner import Asker, Away, Unfit

Policy = Literal["local_share", "open", "closed"]
Tell = Callable[[Meter, int, float, float], None]

MOST_COUNTERS = 50_000
"""Counters that are known here. Redis has them all."""
BEATS = 5.0
RETURNING = 1.5
"""A Redis that was started anew may have lost everything: for so many times as long as it was away, and a little longer, each
worker stays on its own, until all have told it what they hold.
"""


def _nobody(meter: Meter, spent: int, start: float, end: float) -> None:
    """Where nobody is told of budgets."""


class RedisBook:
    """One per worker, outliving reloads. `start` it before use, `close` it at the end."""

    def __init__(  # noqa: PLR0913 - each by name
        self,
        settings: Redis,
        *,
        worker: str,
        workers: int,
        policy: Policy,
        fallback: Callable[[], Book],
        clock: Clock,
        draw: Callable[[], float],
        log: Log,
        tell: Tell = _nobody,
    ) -> None:
        """`worker`: a name that no other process has or had. `workers`: how many there are at least. `fallback`: makes the book
        in memory that this worker goes by on its own. `tell`: as MemoryBook's. Raises ValueError and OSError for settings that
        are of no use.
        """
        address = parse_address(settings.url.reveal(), settings.ca_file)
        self._prefix = settings.prefix
        self._worker = worker
        self._workers = self._least = max(workers, 1)
        self._clock = clock
        self._log = log
        self._tell = tell
        self.link = Link(address, self, timeout=float(settings.timeout), name=f"llm-gateway-{worker}", draw=draw, beats=BEATS)
        self._outbox = Outbox(worker, self._prefix, self._spent, self.refused)
        self._outbox.link = self.link
        self.holds = Holds(self._outbox, clock)
        self._alone = Alone(policy, fallback, clock, lambda: self._workers)
        self._counters: dict[str, Counter] = {}
        self._seeds = Seeds()
        self._run = ""
        """The name that Redis's last start had; "": it was never there, or does not tell."""
        self._anew = False
        self._away_since = clock.monotonic()
        self._apart: asyncio.TimerHandle | None = None
        """While Redis is there and is not asked yet, since others have not told it what they hold."""

    def configure(self, policy: Policy, workers: int) -> None:
        """Another configuration holds."""
        self._alone.policy = policy
        self._least = max(workers, 1)

    # ---- its life

    async def start(self) -> None:
        """Connect. Returns when it is known whether Redis is there; where it is not, the policy holds until it is. Raises Unfit
        for one that is there and cannot be worked with.
        """
        self.holds.loop = asyncio.get_running_loop()
        self.link.start()
        await self.link.tried.wait()
        if self.link.unfit:
            why = self.link.unfit
            await self.close()
            raise Unfit(f"Redis at {self.link.address.shown} cannot be used: {why}")
        if not self.link.up:
            self._log("warning", "redis_away", why=self.link.why, policy=self._alone.policy)

    async def close(self) -> None:
        """What is settled is sent; what is not answered by then the ledger knows."""
        self._join()
        self._outbox.pump()
        deadline = self._clock.monotonic() + self.link.timeout
        while len(self._outbox) and self.link.up and self._clock.monotonic() < deadline:  # noqa: ASYNC110 - at the end only
            await asyncio.sleep(0.005)
        await self.link.close()

    @property
    def degraded(self) -> bool:
        """Whether this worker is on its own now (the gauge coordination_degraded)."""
        return not self.link.up

    @property
    def apart(self) -> bool:
        """Whether Redis is there and not asked yet, because it was started anew."""
        return self._apart is not None

    @property
    def why(self) -> str:
        """Why it is on its own; "" if it is not."""
        return self.link.why

    @property
    def untold(self) -> int:
        """Entries that Redis has not confirmed yet."""
        return len(self._outbox)

    @property
    def holding(self) -> int:
        """Requests of this worker that hold something in Redis."""
        return len(self.holds)

    @property
    def dropped(self) -> int:
        """Amounts that only the ledger knows of, because too much waited for Redis."""
        return self._outbox.dropped + self._alone.dropped

    @property
    def workers(self) -> int:
        """How many share the limits, as far as is known."""
        return self._workers

    # ---- Book

    def take(self, hold: str, charges: Sequence[Charge], now: float, lease: float) -> Taken | asyncio.Future[Taken]:
        """See Book."""
        if not self.link.up or self._apart is not None or self._alone.has(hold):
            return self.alone(hold, charges, now, lease)
        if self._outbox.ready:  # what was settled before counts before
            self._outbox.pump()
        if self._clock.monotonic() >= self.holds.due:
            self.holds.expire()
        entries: list[Entry] = []
        known = self._counters
        for meter, amount in charges:
            counter = known.get(meter.key)
            if counter is None or counter.meter is not meter:
                counter = self.counter(meter)
            entries.append((counter, counter.at(now) if counter.kind == "b" else counter.key, amount))
        asked = Take(self, hold, charges, entries, now, lease)
        try:
            asked.send()
        except Away:
            return self.alone(hold, charges, now, lease)
        return asked.done

    def settle(self, hold: str, charges: Sequence[Charge], now: float) -> None:
        """See Book."""
        held, apart = self.holds.pop(hold), self._alone.has(hold)
        if held is None and not apart and self.holds.settled(hold):
            return
        self.holds.remember(hold)
        used = [(self.counter(meter), amount) for meter, amount in charges]
        if apart or (held is None and not self.link.up):
            self._alone.settle(hold, [(counter, counter.at(now), amount) for counter, amount in used], now, tell=held is None)
            if held is None:
                if self.link.up:
                    self._tell_used()
                return
        self.holds.settle(hold, held or (), used, now)

    def seed(self, key: str, spent: int, version: int) -> None:
        """See Book. `key`: of a meter that was charged, or that `know` was told."""
        if self._seeds.keep(key, spent, version):
            self._sow(key)

    def remember(self, meter: Meter, spent: int) -> None:
        """What the ledger has of a budget: for a Redis that knows nothing of it, which whoever takes first tells it."""
        self.counter(meter).remember(spent, self._clock.now())

    def know(self, meter: Meter) -> None:
        """A budget that may be seeded: for a process that takes nothing."""
        self.counter(meter)

    # ---- for what it is made of

    def counter(self, meter: Meter) -> Counter:
        """A meter's counter."""
        known = self._counters.get(meter.key)
        if known is not None and known.meter is meter:
            return known
        now = self._clock.now()
        if known is None and len(self._counters) >= MOST_COUNTERS:
            budgets = {key: counter for key, counter in self._counters.items() if counter.kind == "b"}
            self._counters = budgets if len(budgets) < MOST_COUNTERS // 2 else {}
        made = self._counters[meter.key] = Counter(meter, self._prefix, now)
        if known is not None:
            made.inherit(known)
        if meter.key in self._seeds:
            self._sow(meter.key)
        return made

    def alone(self, hold: str, charges: Sequence[Charge], now: float, lease: float) -> Taken:
        """What this worker allows without Redis. Raises StoreDown under the policy `closed`."""
        if self._alone.policy == "closed":
            raise StoreDown(f"Redis is away: {self.why or 'it was too late to ask it'}")
        counters = [(self.counter(meter), amount) for meter, amount in charges]
        return self._alone.take(hold, [(counter, counter.at(now), amount) for counter, amount in counters], now, lease)

    def refused(self, why: str) -> None:
        """Redis cannot do what is needed (read only, out of memory, ...): away, until it can again."""
        self.link.give_up(f"it answered with an error ({code_of(Exception(why))})")

    # ---- Owner of the link

    async def greet(self, ask: Asker) -> None:
        """See Owner."""
        run = await probe(ask, self._log)
        self._anew = bool(self._run) and run != self._run
        self._run = run
        await self.beat(ask)

    async def beat(self, ask: Asker) -> None:
        """See Owner."""
        self._workers = max(self._least, await alive(ask, self._prefix, self._worker))

    def came_up(self) -> None:
        """Redis is there, and is told what it missed: what was not answered, what was used, and what running requests hold."""
        self._tell_used()
        self.holds.renew(self._alone.running(self._clock.now()))
        self._outbox.resend()
        for seed in self._seeds.waiting:
            self._sow(seed)
        if self._anew and self.holds.loop is not None:
            away = self._clock.monotonic() - self._away_since
            self._apart = self.holds.loop.call_later(min(away, LONGEST_PAUSE) * RETURNING + self.link.timeout, self._join)
        self._log("info", "redis_back", workers=self._workers)

    def went_down(self, why: str) -> None:
        """From now on this worker is on its own."""
        if self._apart is not None:
            self._apart.cancel()
            self._apart = None
        self._away_since = self._clock.monotonic()
        self._alone.begin()
        self._log("warning", "redis_away", why=why, policy=self._alone.policy)

    # ---- inside

    def _join(self) -> None:
        """Everybody has told by now what is held: it is counted together again."""
        if self._apart is not None:
            self._apart.cancel()
            self._apart = None
            self._tell_used()
            self.holds.renew(self._alone.running(self._clock.now()))

    def _tell_used(self) -> None:
        """What was used without Redis."""
        for one in self._alone.used(self._clock.monotonic()):
            self._outbox.add(one.counter, one.key, NO_HOLD, one.amount)
        self.holds.pump_soon()

    def _sow(self, key: str) -> None:
        counter = self._counters.get(key)
        if counter is not None and counter.kind == "b":
            self._seeds.sow(key, counter, self.link, self._clock.now())

    def _spent(self, counter: Counter, amount: int, spent: int) -> None:
        """A budget stands at `spent` since `amount` was added: only the worker that passed a threshold tells of it."""
        meter = counter.meter
        counter.spent = spent
        if amount and any((spent - amount) * 100 < percent * meter.most <= spent * 100 for percent in meter.alerts):
            self._tell(meter, spent, *counter.period)
