"""Runs a scenario: requests at their times, or users that each wait for their answer.

With a rate, a request is sent when it is due, whether or not others were answered: as callers do. At most `max_in_flight` are
under way; what is due beyond is counted as not sent. With users, a slow service is asked less, which makes it look better than
callers would find it.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable
from random import Random

from llm_gateway.http.client import Client, ClientLimits
from llm_gateway.http.trust import TlsTrust
from llm_gateway.loadtest.arrivals import even_steps, level, poisson_steps, times
from llm_gateway.loadtest.asking import asker
from llm_gateway.loadtest.exchange import Target, exchange
from llm_gateway.loadtest.histogram import Histogram
from llm_gateway.loadtest.measured import Machine, Measured, Outcome, Summary
from llm_gateway.loadtest.pacer import Pacer
from llm_gateway.loadtest.scenario import Scenario

_EXACT = 1e-6
"""Seconds by which a time may be wrong after some sums."""
_LOOK = 0.05
"""Seconds between two looks at how many users there should be."""


class Run:
    """One run of a scenario. `measured` may be looked at meanwhile; `stop` ends it early, with the answers that are under way."""

    def __init__(self, scenario: Scenario, target: Target, clock: Callable[[], float], tls: TlsTrust | None = None) -> None:
        """`clock`: the system's monotonic clock. Raises ValueError if no model is named, OSError for bad certificates."""
        self.scenario = scenario
        self.measured = Measured()
        self.clock = clock
        self.draw = Random(scenario.seed)  # noqa: S311 - nothing secret is drawn
        self.in_flight = 0
        self.stopped = asyncio.Event()
        self.began = 0.0
        self._ask = asker(scenario, Random(f"what {scenario.seed}"))  # noqa: S311 - likewise; apart, for times vary
        self._unmeasured = Histogram()
        self._target = target
        self._left = scenario.requests or None
        most = scenario.max_in_flight
        limits = ClientLimits(connections_per_origin=most, waiting_per_origin=most, idle_per_origin=most)
        self._client = Client(limits, tls=tls)

    def stop(self) -> None:
        """Send nothing more."""
        self.stopped.set()

    @property
    def seconds(self) -> float:
        """That were measured so far; below 0 during the warm-up."""
        return self.clock() - self.began - float(self.scenario.warm_up)

    async def run(self) -> Summary:
        """Send everything, wait for all answers, tell."""
        exact = True
        cpu = _cpu()
        self.began = self.clock()
        try:
            if self.scenario.open:
                load = AtTimes(self)
                exact = load.exact
                await load.run()
            else:
                await Users(self).run()
            cpu = (_cpu() - cpu) / max(self.clock() - self.began, 1e-9)
            stats = self._client.stats().get(self._target.origin, {})
        finally:
            await self._client.close()
        ended = max(self.seconds, 0.0)
        planned = float(sum(stage.duration for stage in self.scenario.stages))
        seconds = min(planned, ended) if self.stopped.is_set() or self._left == 0 else planned
        last = self.measured.last - self.began - float(self.scenario.warm_up)
        machine = Machine(
            seconds=seconds,
            until_last=max(last, seconds if self._left != 0 else 0.0),
            cpu=cpu,
            opened=stats.get("opened", 0),
            reused=stats.get("reused", 0),
            exact_timer=exact,
            interrupted=self.stopped.is_set(),
        )
        return self.measured.summary(self.scenario.told(), machine)

    def is_measured(self, due: float) -> bool:
        """Whether a request that is due then is one after the warm-up."""
        return due - self.began >= self.scenario.warm_up - _EXACT

    def take(self, due: float) -> bool:
        """Whether there may be one more request; counts it."""
        if self._left is None or not self.is_measured(due):
            return True
        if self._left == 0:
            return False
        self._left -= 1
        return True

    async def one(self, due: float) -> None:
        """A request that is due then, until it is answered."""
        measured = self.is_measured(due)
        outcome = Outcome(due)
        gaps = self.measured.gaps if measured else self._unmeasured
        await exchange(self._client, self._target, self._ask(), outcome, self.clock, gaps)
        if measured:
            self.measured.count(outcome)


class AtTimes:
    """Requests when they are due."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._loop = asyncio.get_running_loop()
        self._pacer = Pacer(self._loop, run.clock, self._send_due)
        self.exact = self._pacer.exact
        scenario = run.scenario
        self._times = times(scenario.ramps, poisson_steps(run.draw) if scenario.arrivals == "poisson" else even_steps())
        self._next: float | None = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._sent_all = asyncio.Event()

    async def run(self) -> None:
        """Until all are answered."""
        self._advance()
        stopping = self._loop.create_task(self._run.stopped.wait())
        sending = self._loop.create_task(self._sent_all.wait())
        try:
            await asyncio.wait((stopping, sending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._next = None
            self._pacer.close()
            stopping.cancel()
            sending.cancel()
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def _advance(self) -> None:
        """The next time, and the alarm for it."""
        self._next = next(self._times, None)
        if self._next is None:
            self._sent_all.set()
        else:
            self._pacer.at(self._run.began + self._next)

    def _send_due(self) -> None:
        now = self._run.clock() - self._run.began
        while self._next is not None and self._next <= now:
            due = self._run.began + self._next
            if not self._run.take(due):
                self._next = None
                self._sent_all.set()
                return
            self._send(due)
            self._next = next(self._times, None)
        if self._next is None:
            self._sent_all.set()
        else:
            self._pacer.at(self._run.began + self._next)

    def _send(self, due: float) -> None:
        if len(self._tasks) >= self._run.scenario.max_in_flight:
            if self._run.is_measured(due):
                self._run.measured.skip()
            return
        task = self._loop.create_task(self._run.one(due))
        self._tasks.add(task)
        self._run.in_flight += 1
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._run.in_flight -= 1
        if not task.cancelled():
            task.result()


class Users:
    """Callers that ask, wait for the answer, think, and ask again."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._wanted = 0
        self._over = False

    async def run(self) -> None:
        """Until the last user has its answer."""
        run = self._run
        ramps = run.scenario.ramps
        whole = sum(ramp.seconds for ramp in ramps)
        number = 0
        while not self._over and (at := run.clock() - run.began) < whole and not run.stopped.is_set():
            self._wanted = min(round(level(ramps, at)), run.scenario.max_in_flight)
            while len(self._tasks) < self._wanted:
                task = self._loop.create_task(self._user(number))
                number += 1
                self._tasks.add(task)
                task.add_done_callback(self._done)
            await asyncio.sleep(min(_LOOK, whole - at))
        self._over = True
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def _user(self, number: int) -> None:
        run = self._run
        think = float(run.scenario.think)
        if think and number:
            await asyncio.sleep(think * run.draw.random())  # not all at the same moment
        while not self._over and not run.stopped.is_set() and len(self._tasks) <= self._wanted:
            due = run.clock()
            if not run.take(due):
                self._over = True
                return
            run.in_flight += 1
            try:
                await run.one(due)
            finally:
                run.in_flight -= 1
            if think:
                await asyncio.sleep(think)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.result()


def _cpu() -> float:
    """Seconds of processor time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
