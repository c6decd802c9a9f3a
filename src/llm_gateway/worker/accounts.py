"""What requests use and cost: one set per process, outliving reloads, and the limiter of a snapshot that is made of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from llm_gateway.accounting.entries import Ledger
from llm_gateway.accounting.logs import open_log
from llm_gateway.accounting.owner import Taken
from llm_gateway.accounting.wal import Wal, WhenFull
from llm_gateway.config.schema import Config
from llm_gateway.core.clock import Clock
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.ids import Ids, node_of
from llm_gateway.core.ledger import Bill
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.openai_realtime import Told
from llm_gateway.limits.alerts import Alert, Alerts
from llm_gateway.limits.estimate import Estimates
from llm_gateway.limits.limiter import Limiter
from llm_gateway.limits.memory import MemoryBook
from llm_gateway.limits.meter import Book, Meter
from llm_gateway.limits.prices import FirstLeg
from llm_gateway.limits.remembered import Answer, Remembered
from llm_gateway.limits.sessions import SessionHold
from llm_gateway.snapshot import NotServable, Snapshot
from llm_gateway.snapshot.costs import Costs
from llm_gateway.snapshot.foreseen import Foreseen
from llm_gateway.telemetry.journal import Log
from llm_gateway.worker.budgets import Budgets
from llm_gateway.worker.forward import Ask
from llm_gateway.worker.pepper import StateUnusable

if TYPE_CHECKING:
    from llm_gateway.limits.redis_book import RedisBook


class Accounts:
    """Counts, and keeps the ledger."""

    def __init__(
        self, clock: Clock, log: Log, wal: Wal | None = None, when_full: WhenFull = "block", control: Ask | None = None
    ) -> None:
        """`wal` None: nothing is recorded, though everything is priced and settled. `control` None: it asks nobody."""
        self._clock = clock
        self._log = log
        self._ulid = Ids(clock.now).ulid
        self.wal = wal
        self.ledger = Ledger(wal or Unrecorded(), self._ulid, clock, _unpriced, when_full, log)
        self._estimates = Estimates()
        self.alerts: Alerts = Alerts(self._alert)
        self._memory = memory = MemoryBook(clock, self.alerts)
        self.book: Book = memory
        self._budgets = None if control is None else Budgets(control, node_of(self._ulid()), log)
        self._remembered: Remembered | None = None
        if self._budgets is not None and wal is not None:
            self._remembers(memory, lambda meter, told: memory.others(meter.key, told.others, told.version))
        self.redis: RedisBook | None = None
        """Where it is counted together with other workers; None: this one counts alone."""
        self._limiter: Limiter | None = None

    @property
    def holding(self) -> int:
        """Requests that hold something of a limit."""
        return self._memory.holding if self.redis is None else self.redis.holding

    def redis_state(self) -> str:
        """connected, failed, or disabled where none is configured."""
        if self.redis is None:
            return "disabled"
        return "failed" if self.redis.degraded else "connected"

    async def begin(self, config: Config) -> None:
        """Before the first snapshot. Raises NotServable for a Redis that is there and cannot be worked with."""
        if config.redis is None:
            if config.database.url is not None and self._remembered is not None and self._budgets is not None:
                memory = self._memory  # other nodes count apart, and tell of it in the ledger that all of them share
                self._remembered.follow(self._budgets.ask_again, lambda told: memory.others(*told))
            return
        from llm_gateway.limits.redis_book import RedisBook  # noqa: PLC0415 - only where it is configured
        from llm_gateway.redis.owner import Unfit  # noqa: PLC0415

        try:
            book = RedisBook(
                config.redis,
                worker=self._ulid(),
                workers=config.server.workers.processes,
                policy=config.limits.when_store_fails,
                fallback=partial(MemoryBook, self._clock),
                clock=self._clock,
                draw=random.random,
                log=self._log,
                tell=self.alerts,
            )
            await book.start()
        except (Unfit, ValueError, OSError) as error:
            raise NotServable(f"redis: {error}") from None
        self.redis = self.book = book
        if self._remembered is not None:
            self._remembers(book, lambda meter, told: book.remember(meter, told.spent))

    def limiter(self, snapshot: Snapshot) -> Limiter:
        """For one snapshot, whose prices hold from now on."""
        config = snapshot.config
        if self.redis is not None:
            self.redis.configure(config.limits.when_store_fails, config.server.workers.processes)
        self.ledger.prices = Costs(snapshot.catalogue, config.digest).__call__  # to call an object takes longer than a method
        prices = FirstLeg(snapshot.router.route)
        foresee = Foreseen(snapshot.router.route, snapshot.catalogue, self._clock.now)
        know = None if self._remembered is None else self._remembered.know
        self._limiter = Limiter(
            config.limits,
            self.book,
            self._estimates,
            self._clock,
            prices=prices,
            name=attrgetter("ledger_id"),
            foresee=foresee,
            know=know,
        )
        return self._limiter

    def begun(self, hold: SessionHold, running: int) -> None:
        """A session makes so many answers at once."""
        if self._limiter is not None:
            hold.begun(self._limiter, running)

    def told(self, ex: Exchange, hold: SessionHold, told: Told, running: int) -> None:
        """A part of a session was used, and what is written of it is settled. `running`: answers that are not over. Raises
        Forbidden.
        """
        bill = self.ledger.part(ex, told.usage, guessed=told.guessed)
        if told.usage is not None and self._limiter is not None:
            hold.told(
                self._limiter,
                bill.usage,
                bill.cost,
                answer=told.answer or ex.front.transcription,
                guessed=told.guessed,
                running=running,
            )

    def renew(self, hold: SessionHold) -> None:
        """A session still runs."""
        if self._limiter is not None:
            hold.renew(self._limiter, self._clock.monotonic())

    def ended(self, ex: Exchange) -> None:
        """The request is over, and it is known how: what is written is what is settled."""
        self.ledger.ended(ex)
        if ex.hold is not None and self._limiter is not None:
            bill: Bill = ex.bill
            if ex.entry is not None and ex.entry.parts is not None:  # of a session each part was settled when it was told
                self._limiter.settle(ex, Usage(), 0, estimated=True)
                return
            self._limiter.settle(ex, bill.usage, bill.cost, bill.estimated)

    async def close(self) -> None:
        """No request runs any more."""
        if self._remembered is not None:
            await self._remembered.close()
        if self._budgets is not None:
            await self._budgets.close()
        if self.redis is not None:
            await self.redis.close()
        wal, self.wal = self.wal, None
        if wal is not None:
            wal.close()

    def _alert(self, alert: Alert) -> None:
        if self._budgets is not None:
            self._budgets.alert(alert)
            return
        self._log("warning", "budget_alert", scope=alert.scope, name=alert.name, percent=alert.percent, hard=alert.hard)

    def _remembers(self, book: Book, tell: Callable[[Meter, Answer], None]) -> None:
        """What was spent before this process began is asked for. A book that others share needs it only if it was lost."""
        assert self._budgets is not None  # noqa: S101 - the caller looked
        self.book = self._remembered = Remembered(book, self._budgets.ask, tell, self._clock)


class Unrecorded:
    """Where the configuration wants no ledger."""

    lost = 0
    problem = None

    def append(self, _payload: bytes) -> int:
        return 1

    def tight(self, _running: int) -> bool:
        return False


def _unpriced(*_asked: object) -> None:
    """Before the first snapshot."""


def open_ledger(config: Config, slot: int, clock: Clock) -> Wal | None:
    """Raises StateUnusable: without a place for it no usage is recorded, which nobody would notice."""
    try:
        return open_log(config, slot, clock.now)
    except Taken as error:
        raise StateUnusable(str(error)) from None
    except OSError as error:
        where = Path(config.state.dir) / "ledger"
        raise StateUnusable(f"{where}: {error.strerror or error}. Set state.dir to a directory that can be written.") from None
