"""All workers' statistics as one."""

from __future__ import annotations

import pytest

from llm_gateway.channel.hub import Worker
from llm_gateway.channel.messages import plain
from llm_gateway.control.statistics import Statistics
from llm_gateway.resilience.probes import Wellness
from llm_gateway.telemetry.report import Reporter
from llm_gateway.telemetry.stats import RECENT, Stats


class One:
    """A worker with statistics of its own."""

    def __init__(self, slot: int, run: str = "a") -> None:
        self.stats = Stats()
        self.worker = Worker(slot, 1, run, 0, None)
        self.well: dict = {}
        self.load: dict = {}
        self.circuits: list = []
        self.cached: dict = {}
        self.reporter = Reporter(
            self.stats, lambda: self.circuits, lambda: self.well, lambda: self.load, lambda: 3, lambda: self.cached
        )

    def record(self, count: int, *, ok: bool = True, now: float = 100.0, model: str = "m") -> None:
        for number in range(count):
            self.stats.record("p", model, number / 10, ok, None if ok else "timeout", now)

    def tell(self, to: Statistics) -> None:
        for report in self.reporter.reports():
            to.report(self.worker, plain(report))


def test_one_worker_is_as_it_says():
    """What control shows is what the worker itself would show, however often it told it."""
    one, folded = One(0), Statistics()
    one.record(7)
    one.tell(folded)
    one.record(3, ok=False, now=101.5)
    one.tell(folded)
    one.tell(folded)
    assert folded.provider("p", 102.0) == one.stats.provider("p", 102.0)
    assert folded.provider("none", 102.0) == one.stats.provider("none", 102.0)


@pytest.mark.parametrize("count", [RECENT - 1, RECENT, RECENT + 1, 3 * RECENT + 5])
def test_more_than_is_kept_between_two_reports(count):
    """The totals are exact, the last attempts those that are kept."""
    one, folded = One(0), Statistics()
    one.record(5)
    one.tell(folded)
    one.record(count)
    one.tell(folded)
    ours, theirs = folded.provider("p", 100.0), one.stats.provider("p", 100.0)
    assert ours._replace(requests_per_minute=0) == theirs._replace(requests_per_minute=0)
    assert ours.requests == 5 + count


def test_workers_are_added_up():
    """Counts, rates and quantiles over all of them; failures in a row are those of the last one that saw any."""
    one, other, folded = One(0), One(1), Statistics()
    one.record(10)
    other.record(5, ok=False, now=101.0)
    one.tell(folded)
    other.tell(folded)
    found = folded.provider("p", 102.0)
    assert (found.requests, found.errors, found.recent, found.requests_per_minute) == (15, 5, 15, 15)
    assert found.success_rate == pytest.approx(10 / 15)
    assert (found.consecutive_failures, found.last_error) == (5, "timeout")
    assert folded.totals() == {("p", "m"): (15, 5)}
    assert folded.active == 6


def test_a_worker_that_comes_back_is_not_counted_twice():
    """A lost connection: the same process tells everything anew. Another process in its place: what was counted stays."""
    one, folded = One(0), Statistics()
    one.record(10)
    one.tell(folded)
    folded.left(one.worker)
    one.reporter.anew()
    one.tell(folded)
    assert folded.totals() == {("p", "m"): (10, 0)}
    again = One(0, "b")
    again.record(2)
    again.tell(folded)
    assert folded.totals() == {("p", "m"): (12, 0)}
    assert folded.provider("p", 100.0).requests == 12
    assert folded.provider("p", 100.0).recent == 2


def test_the_worst_circuit_and_the_newest_load_are_shown():
    """Of several workers; what a worker that left was doing is over."""
    one, other, folded = One(0), One(1), Statistics()
    one.well = {"p": [0.9, 1.0, "closed", "", 0.0]}
    other.well = {"p": [0.4, 0.5, "open", "circuit", 3.0]}
    one.load, other.load = {"p": [1, 0, None, 5.0]}, {"p": [2, 0, None, 9.0]}
    other.circuits = [["p/m", 2, "open", 3.0, "circuit", 5, 0, 0.5]]
    one.tell(folded)
    other.tell(folded)
    assert folded.wellness("p", None, None) == Wellness(0.4, 0.5, "open", "circuit", 3.0)
    assert folded.load("p").running == 2
    assert [row[0] for row in folded.circuits()] == ["p/m"]
    folded.left(other.worker)
    assert folded.wellness("p", None, None).circuit == "closed"
    assert list(folded.circuits()) == []
    assert folded.wellness("unknown", None, None) == Wellness(1.0, 1.0, "closed", "", 0.0)
    assert folded.load("unknown") is None


def test_what_became_of_requests_for_kept_answers_is_counted_once():
    """Told in each report as a whole, also where that comes in several; of a process that ended it stays."""
    one, other, folded = One(0), One(1), Statistics()
    assert folded.cached() == {}
    for number in range(30):
        one.record(1, model=f"m{number}")
    one.cached, other.cached = {"hit": 3, "miss": 1}, {"miss": 5}
    for worker in (one, other, one):
        worker.tell(folded)
    folded.left(one.worker)
    assert folded.cached() == {"hit": 3, "miss": 6}
    again = One(0, "b")
    again.cached = {"hit": 1}
    again.tell(folded)
    again.tell(folded)
    assert folded.cached() == {"hit": 4, "miss": 6}
