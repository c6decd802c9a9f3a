"""From when on answers count."""

from __future__ import annotations

from typing import Any

import pytest

from cache.answers import entry
from llm_gateway.cache import redis_epochs
from llm_gateway.cache.redis_epochs import AHEAD, ALL, Epochs


class Heard(Epochs):
    """With a list of what was to be forgotten."""

    def __init__(self, now: float = 1000.0) -> None:
        self.gone: list[tuple[str | None, float]] = []
        super().__init__(lambda model, at: self.gone.append((model, at)), lambda: now)


def test_what_was_answered_before_does_not_count() -> None:
    """All models, or one; what was answered at that time or later counts."""
    epochs = Heard()
    assert epochs.counts(entry(at=1.0))
    epochs.clear("m", 100.0)
    assert [epochs.counts(entry(at=at)) for at in (99.9, 100.0)] == [False, True]
    assert epochs.counts(entry(at=1.0, asked="other"))
    epochs.clear(ALL, 50.0)
    assert [epochs.counts(entry(at=at, asked="other")) for at in (49.9, 50.0)] == [False, True]
    assert not epochs.counts(entry(at=99.9))


def test_times_only_grow() -> None:
    """Who clears what is older than an hour takes nothing back of what was cleared before."""
    epochs = Heard()
    epochs.clear("m", 100.0)
    epochs.clear("m", 50.0)
    assert not epochs.counts(entry(at=60.0))
    assert epochs.waiting == {"m": 100.0}
    epochs.told("m", 50.0)
    assert epochs.waiting
    epochs.told("m", 100.0)
    assert not epochs.waiting


def test_what_others_clear_is_news_once() -> None:
    """Memory is told of each time once, however often Redis repeats it."""
    epochs = Heard()
    for _ in range(3):
        assert epochs.heard("m", b"100.5")
        assert epochs.compare([b"", b"7", b"m", b"100.5"])
    assert epochs.gone == [("m", 100.5), (None, 7.0)]
    assert not epochs.waiting


@pytest.mark.parametrize(
    "raw", [b"", b"soon", b"nan", b"inf", b"-1", b"0", b"9" * 40, b"%f" % (1001 + AHEAD), 5, [], Exception()]
)
def test_what_no_gateway_wrote(raw: Any) -> None:
    """It is told from a time, and changes nothing."""
    epochs = Heard()
    assert not epochs.heard("m", raw)
    epochs.compare([b"m", raw])
    assert epochs.counts(entry(at=0.1))
    assert epochs.gone == []


@pytest.mark.parametrize("reply", [None, b"x", {}, [b"m"], Exception()])
def test_no_list_of_times(reply: Any) -> None:
    """A reply of another kind is told from an empty list."""
    assert not Heard().compare(reply)
    assert Heard().compare([])


def test_what_redis_lost_is_told_again() -> None:
    """After a flush, or from an older copy, all that is known here waits for it anew."""
    epochs = Heard()
    epochs.clear("m", 100.0)
    epochs.told("m", 100.0)
    epochs.heard("n", b"200")
    assert epochs.compare([b"m", b"99", b"n", b"200"])
    assert epochs.waiting == {"m": 100.0}
    assert epochs.compare([])
    assert epochs.waiting == {"m": 100.0, "n": 200.0}


def test_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One model too many clears all: less would be wrong, and more would have to be remembered."""
    monkeypatch.setattr(redis_epochs, "MOST", 3)
    epochs = Heard()
    for number in range(3):
        epochs.clear(f"m{number}", 10.0)
    epochs.clear("m3", 20.0)
    assert not epochs.counts(entry(at=15.0, asked="m0"))
    assert epochs.waiting == {"m0": 10.0, "m1": 10.0, "m2": 10.0, ALL: 20.0}
    epochs.heard("m4", b"30")
    assert epochs.gone == [(None, 30.0)]
