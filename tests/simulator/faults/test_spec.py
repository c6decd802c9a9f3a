"""The grammar of faults and when they strike."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.simulator.faults import table
from llm_gateway.simulator.faults.spec import Fault, FaultError, Given, Triggers, parse
from simulator.support import CHAT, chat, exchange, post

names = st.sampled_from(sorted(table.KINDS))
keys = st.sampled_from(["after", "secs", "times", "to", "ct"])
values = st.text("abcXYZ0123456789./:-_", max_size=12)


@given(st.lists(st.builds(Fault, names, st.dictionaries(keys, values, max_size=3)), max_size=4))
def test_a_written_spec_reads_back(faults):
    """What a Fault prints is what parse reads."""
    assert list(parse("+".join(map(str, faults)))) == faults


@given(st.text(max_size=60))
def test_any_text_is_a_spec_or_an_error(text):
    """No text makes the parser fail in another way than FaultError."""
    with suppress(FaultError):
        table.check(parse(text))


def test_values_are_percent_decoded():
    """A value can hold what the grammar uses itself."""
    assert parse("redirect:to=http://x/%2C%2B") == (Fault("redirect", {"to": "http://x/,+"}),)


def strikes(spec, count, seed=0):
    triggers, (fault,) = Triggers(seed), parse(spec)
    return "".join("x" if triggers.strikes(fault, "") else "." for _ in range(count))


@pytest.mark.parametrize(
    ("spec", "pattern"),
    [
        ("503", "xxxxxx"),
        ("503:times=2", "xx...."),
        ("503:every=3", "..x..x"),
        ("503:skip=2", "..xxxx"),
        ("503:skip=1,times=2", ".xx..."),
    ],
)
def test_triggers(spec, pattern):
    """times, every and skip count requests."""
    assert strikes(spec, 6) == pattern


def test_rate_follows_from_the_seed():
    """rate strikes about that share, the same requests for the same seed and others for another."""
    one = strikes("503:rate=0.2", 2000, seed=1)
    assert 300 < one.count("x") < 500
    assert one == strikes("503:rate=0.2", 2000, seed=1)
    assert one != strikes("503:rate=0.2", 2000, seed=2)


def test_counts_are_kept_apart_by_scope_and_can_be_forgotten():
    """Two mounts count for themselves; reset begins anew."""
    triggers, (fault,) = Triggers(0), parse("503:times=1")
    assert [triggers.strikes(fault, scope) for scope in ("a", "b", "a")] == [True, True, False]
    triggers.reset()
    assert triggers.strikes(fault, "a")


def test_counters_are_bounded():
    """However many specs are tried, the counters do not grow without end."""
    triggers = Triggers(0)
    for number in range(5000):
        triggers.strikes(Fault("503", {"times": "1", "x": str(number)}), "")
    assert len(triggers._counts) == 4096


@pytest.mark.parametrize("value", ["abc", "-1", "1e99", "nan"])
def test_unusable_numbers_are_refused(value):
    """A number out of bounds is an error, not a hang."""
    with pytest.raises(FaultError):
        Given({"secs": value}).number("secs", 1)


@pytest.mark.parametrize("fault", ["nonsense", "stall:secs=abc", "stall:secs", "status:code=200", "rechunk:mode=x"])
def test_a_bad_spec_is_told(simulator, fault):
    """A request with a spec that makes no sense gets 400 and the reason, never a plain answer."""
    answer = exchange(simulator.url, post(f"/f/{fault}{CHAT}", chat()))
    assert answer.status == 400
    assert answer.json["error"]["message"].startswith("simulator: ")
