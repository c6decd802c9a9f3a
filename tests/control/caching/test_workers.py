"""What several workers keep, as one."""

from __future__ import annotations

import asyncio

import pytest

from control.caching.played import Hub
from llm_gateway.cache.shown import Clear, Figures, Page
from llm_gateway.control.caching.workers import Keepers, together
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import Overloaded


@pytest.fixture
def hub() -> Hub:
    made = Hub(FakeClock(1000.0))
    for slot, key, at in ((0, 1, 100.0), (0, 2, 200.0), (1, 1, 100.0), (1, 3, 300.0), (1, 2, 250.0)):
        made.keep(slot, key, at)
    return made


def test_what_several_have_alike_is_one_row(hub):
    """The same answer in two workers is shown once; two answers to the same request are two. Page by page each comes once."""
    keepers = Keepers(lambda: hub)
    found, after, more = [], None, True
    while more:
        page = asyncio.run(keepers.rows(Page(1, None, after)))
        [(row, slots)] = page.rows
        found.append((row.key[0], row.at, slots))
        after, more = (row.at, row.key), page.more
    assert found == [(3, 300.0, [1]), (2, 250.0, [1]), (2, 200.0, [0]), (1, 100.0, [0, 1])]


def test_figures_are_added_up(hub):
    """Sizes, and results whichever worker counted them."""
    hub.answers[0].results.update({"hit": 2, "miss": 1})
    hub.answers[1].results.update({"miss": 4})
    told = asyncio.run(Keepers(lambda: hub).figures())
    whole = together(found for _, found in told.by_slot)
    assert (whole.entries, whole.results) == (5, {"hit": 2, "miss": 5})
    assert whole.bytes == sum(answers.memory.bytes for answers in hub.answers)
    assert whole.shared is None
    one = Figures(1, 2, 3, 4, 5, {}, {"hits": 1})
    assert together([one, one]) == Figures(2, 4, 6, 8, 10, {}, {"hits": 2})


def test_a_worker_that_is_silent_is_named(hub):
    """The other's part is there all the same, and what it was to forget is forgotten."""
    hub.silent = {0}
    keepers = Keepers(lambda: hub)
    page, told = asyncio.run(keepers.rows(Page(9))), asyncio.run(keepers.clear(Clear()))
    assert len(page.rows) == 3
    assert [one["worker"] for one in page.missing] == [0]
    assert (told.by_slot, [one["worker"] for one in told.missing]) == ([(1, 3)], [0])
    assert [len(answers.memory) for answers in hub.answers] == [2, 0]


@pytest.mark.parametrize("count", [0, 2])
def test_nobody_answers(count):
    """503, never an empty cache: nobody knows what there is."""
    hub = Hub(FakeClock(), count)
    hub.silent = set(range(count))
    for asked in (Keepers(lambda: hub).figures(), Keepers(lambda: hub).rows(Page(1)), Keepers(lambda: hub).clear(Clear())):
        with pytest.raises(Overloaded) as caught:
            asyncio.run(asked)
        assert caught.value.code == "workers_unavailable"
