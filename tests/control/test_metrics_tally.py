"""What workers counted, added up."""

from __future__ import annotations

from llm_gateway.channel.hub import Worker
from llm_gateway.channel.messages import plain
from llm_gateway.control.metrics_tally import WINDOW, Tally
from llm_gateway.core.clock import FakeClock
from llm_gateway.telemetry.family import SECONDS
from llm_gateway.telemetry.measures import Measures
from llm_gateway.telemetry.series import Counts

REQUESTS = "gateway_provider_requests_total"
WHO = ("p", "m", "200")


class One:
    """A worker that counts."""

    def __init__(self, slot: int, run: str = "a", buckets=None) -> None:
        self.counts = Counts(buckets=buckets)
        self.worker = Worker(slot, 1, run, 0, None)
        self.gauges: dict = {}

    def tell(self, to: Tally) -> None:
        for piece in self.counts.untold(500):
            to.told(self.worker, plain(Measures(piece, self.counts.buckets)))
        to.told(self.worker, plain(Measures({}, self.counts.buckets, self.gauges)))


def total(tally: Tally, family: str = REQUESTS, labels: tuple[str, ...] = WHO) -> list[float]:
    return dict(tally.totals()[family])[labels]


def test_workers_are_added_up_and_never_go_back():
    """Another process in a worker's place begins at 0; what the one before counted stays."""
    tally, first, second = Tally(FakeClock()), One(0), One(1)
    first.counts.add(REQUESTS, WHO, 5)
    second.counts.add(REQUESTS, WHO, 2)
    first.tell(tally)
    second.tell(tally)
    assert total(tally) == [7]
    tally.left(first.worker)
    again = One(0, "b")
    again.counts.add(REQUESTS, WHO, 1)
    again.tell(tally)
    again.tell(tally)
    assert total(tally) == [8]
    assert total(tally, "gateway_worker_restarts_total", ()) == [1]


def test_a_last_word_is_no_restart():
    """The worker that ends may tell something after its successor has begun."""
    tally, old, new = Tally(FakeClock()), One(0), One(0, "b")
    for one in (old, new, old, new):
        one.tell(tally)
    assert total(tally, "gateway_worker_restarts_total", ()) == [1]


def test_gauges_are_of_who_is_there():
    """Parts are summed, what tells workers apart is not; who is away has none."""
    tally, first, second = Tally(FakeClock()), One(0), One(1)
    for number, one in enumerate((first, second)):
        one.gauges = {
            "gateway_active_requests": [((str(number),), 2)],
            "gateway_provider_active_requests": [(("p",), 3)],
            "gateway_of_a_newer_version": [((), 1)],
        }
        one.tell(tally)
    tally._clock.advance(4.0)
    seen = {(family, labels): value for family, labels, value in tally.gauges([first.worker, second.worker])}
    assert seen == {
        ("gateway_active_requests", ("0",)): 2,
        ("gateway_active_requests", ("1",)): 2,
        ("gateway_provider_active_requests", ("p",)): 6,
        ("gateway_worker_report_age_seconds", ("0",)): 4.0,
        ("gateway_worker_report_age_seconds", ("1",)): 4.0,
    }
    tally.left(first.worker)
    left = [labels for family, labels, _ in tally.gauges([second.worker]) if family == "gateway_active_requests"]
    assert left == [("1",)]


def test_other_buckets_are_taken_into_ours():
    """A worker that was started with another configuration: nothing is lost, and nothing looks faster than it was."""
    tally, one = Tally(FakeClock()), One(0, buckets=(0.002, 0.2))
    one.counts.observe("gateway_provider_latency_seconds", ("p", "m"), 0.001)
    one.counts.observe("gateway_provider_latency_seconds", ("p", "m"), 0.1)
    one.tell(tally)
    values = total(tally, "gateway_provider_latency_seconds", ("p", "m"))
    assert [bound for bound, count in zip(SECONDS, values, strict=False) if count] == [0.0025, 0.25]
    assert values[-1] == 0.101


def test_what_a_newer_worker_counts_is_left_out():
    """A family that this process does not know."""
    tally = Tally(FakeClock())
    tally.told(One(0).worker, plain(Measures({"gateway_of_a_newer_version": [((), [1.0])]}, SECONDS)))
    assert "gateway_of_a_newer_version" not in tally.totals()


def test_tokens_per_second_are_of_the_last_minute():
    """Output of any kind, by provider; what is older counts no more."""
    clock = FakeClock()
    tally, one = Tally(clock), One(0)
    clock.advance(2 * WINDOW)

    def speed() -> float:
        return {family: value for family, _, value in tally.gauges([])}["gateway_tokens_per_second"]

    for kind, count in (("input", 1000), ("output", 90), ("reasoning", 30)):
        one.counts.add("gateway_tokens_total", ("p", "m", "t", kind, "", "", ""), count)
    one.tell(tally)
    assert speed() == 2.0
    clock.advance(WINDOW + 1)
    assert speed() == 0.0


def test_redis_is_as_the_worst_worker_sees_it():
    """Not configured, reached by all, or not reached by one of them."""
    tally, first, second = Tally(FakeClock()), One(0), One(1)
    workers = [first.worker, second.worker]
    assert tally.redis_state(workers) == "disabled"
    for degraded, said in ((0, "connected"), (1, "failed")):
        first.gauges = {"gateway_redis_degraded": [(("0",), 0)]}
        second.gauges = {"gateway_redis_degraded": [(("1",), degraded)]}
        first.tell(tally)
        second.tell(tally)
        assert tally.redis_state(workers) == said
