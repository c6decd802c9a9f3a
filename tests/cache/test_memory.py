"""What one worker keeps, against a plain model of it: never more bytes than it may, never what is over, the oldest use first to go."""

from __future__ import annotations

import gc
import tracemalloc

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cache.answers import entry, newest
from llm_gateway.cache.entry import WEIGHT, Entry
from llm_gateway.cache.memory import Memory

KEYS = st.integers(0, 7).map(lambda number: b"%d" % number)
SIZE = 4 * (WEIGHT + 100)


class Machine(RuleBasedStateMachine):
    """`kept` is what should be there, the least recently used first."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.size = SIZE
        self.memory = Memory(self.size)
        self.kept: dict[bytes, Entry] = {}
        self.evicted = 0

    def shrink(self) -> None:
        while sum(one.weight for one in self.kept.values()) > self.size:
            del self.kept[next(iter(self.kept))]
            self.evicted += 1

    @rule(key=KEYS, size=st.integers(0, 400), life=st.integers(1, 20), asked=st.sampled_from("ab"))
    def put(self, key, size, life, asked):
        made = entry(b"x" * size, at=self.now, until=self.now + life, asked=asked)
        self.memory.put(key, made)
        self.kept.pop(key, None)
        if made.weight <= self.size:
            self.kept[key] = made
            self.shrink()

    @rule(key=KEYS)
    def get(self, key):
        wanted = self.kept.pop(key, None)
        if wanted is not None and wanted.until <= self.now:
            wanted = None
        if wanted is not None:
            self.kept[key] = wanted
        assert self.memory.get(key, self.now) is wanted

    @rule(seconds=st.integers(0, 10))
    def wait(self, seconds):
        self.now += seconds

    @rule(size=st.integers(0, SIZE))
    def configure(self, size):
        self.size = size
        self.memory.configure(size)
        self.shrink()

    @rule(model=st.sampled_from([None, "a", "b", "c"]), ago=st.one_of(st.none(), st.integers(0, 20)))
    def forget(self, model, ago):
        before = None if ago is None else self.now - ago
        gone = [key for key, one in self.kept.items() if model in (None, one.asked) and (before is None or one.at < before)]
        assert self.memory.forget(model=model, before=before) == len(gone)
        for key in gone:
            del self.kept[key]

    @invariant()
    def it_is_as_it_should_be(self):
        assert newest(self.memory) == list(reversed(self.kept.items()))
        assert self.memory.bytes == sum(one.weight for one in self.kept.values()) <= self.size
        assert len(self.memory) == len(self.kept)
        assert self.memory.evicted == self.evicted


Machine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestMemory = Machine.TestCase


def test_the_least_recently_used_goes_first():
    """Reading counts as use."""
    memory = Memory(2 * entry().weight)
    memory.put(b"a", entry())
    memory.put(b"b", entry())
    assert memory.get(b"a", 0.0) is not None
    memory.put(b"c", entry())
    assert [key for key, _ in newest(memory)] == [b"c", b"a"]
    assert memory.evicted == 1


def test_what_fits_in_no_way_pushes_nobody_out():
    """It takes away what was under its own key all the same: that is no answer of now any more."""
    memory = Memory(3 * entry().weight)
    for key in (b"a", b"b"):
        memory.put(key, entry())
    memory.put(b"a", entry(b"x" * 10_000))
    assert [key for key, _ in newest(memory)] == [b"b"]
    assert memory.evicted == 0


def test_time_is_over_at_its_very_end():
    """Not a moment later."""
    memory = Memory(10_000)
    memory.put(b"a", entry(until=100.0))
    assert memory.get(b"a", 99.999) is not None
    assert memory.get(b"a", 100.0) is None
    assert (len(memory), memory.bytes) == (0, 0)


def test_a_memory_of_nothing_keeps_nothing():
    """As it is before it is configured."""
    memory = Memory()
    memory.put(b"a", entry())
    assert memory.get(b"a", 0.0) is None


def test_a_hundred_thousand_answers_stay_within_the_bytes_that_are_said():
    """By what Python really takes for them, the keys and the order included."""
    limit = 8 << 20
    memory = Memory(limit)
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(100_000):
            body = b"%08d" % number + b"x" * 40
            asked = f"model-{number % 1000}"
            memory.put(
                number.to_bytes(24, "big"), Entry(body, 1.0, 2.0, "provider", "real", asked, False, ("a.b", "c.d" + asked))
            )
        assert memory.bytes <= limit
        assert len(memory) + memory.evicted == 100_000
        assert tracemalloc.get_traced_memory()[0] <= limit
    finally:
        tracemalloc.stop()


@given(st.lists(st.tuples(KEYS, st.integers(0, 1500)), max_size=50))
def test_what_is_counted_is_what_is_there(puts):
    """Bytes never drift, whatever replaces whatever."""
    memory = Memory(3000)
    for key, size in puts:
        memory.put(key, entry(b"x" * size))
    memory.forget()
    assert (memory.bytes, len(memory)) == (0, 0)
