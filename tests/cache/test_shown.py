"""What operators may see of the answers that are kept."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st

from cache.answers import entry
from llm_gateway.cache.entry import Entry
from llm_gateway.cache.shown import LONGEST_NAME, MOST_ROWS, Page, counted, figures, ratio, rows
from llm_gateway.cache.stage import Answers
from llm_gateway.channel.frames import ANSWER, MOST, frame
from llm_gateway.channel.messages import plain
from llm_gateway.core.clock import FakeClock


def kept(*entries: Entry, now: float = 50.0) -> Answers:
    """With keys of a byte, in this order."""
    answers = Answers(FakeClock(now))
    answers.memory.configure(1 << 26)
    for number, one in enumerate(entries):
        answers.memory.put(number.to_bytes(4), one)
    return answers


def test_figures_are_those_of_now():
    """Sizes of memory, and results as they were counted; of what was never counted there is nothing."""
    answers = kept(entry(b"x" * 10), entry(b"y" * 20))
    answers.results["hit"] += 3
    answers.stored, answers.saved_bytes = 5, 70
    found = figures(answers)
    assert (found.entries, found.bytes, found.evictions) == (2, answers.memory.bytes, 0)
    assert (found.stored, found.saved_bytes, found.results) == (5, 70, {"hit": 3})
    answers.memory.configure(answers.memory.bytes - 1)
    assert (figures(answers).entries, figures(answers).evictions) == (1, 1)


def test_the_second_tier_has_figures_of_its_own():
    """Under the names that people read; without one there are none, which is not the same as zeros."""
    answers = kept()
    assert figures(answers).shared is None
    answers.far = SimpleNamespace(hits=1, misses=2, failures=3, damaged=4, skipped=5, dropped=6)  # type: ignore[assignment]
    assert figures(answers).shared == {"hits": 1, "misses": 2, "failed": 3, "damaged": 4, "skipped": 5, "not_written": 6}


def test_the_ratio_is_of_those_for_whom_a_kept_answer_would_have_done():
    """Stale and coalesced ones were served; who asked for a new answer is not counted; of nothing there is no ratio."""
    assert ratio({"hit": 2, "stale": 1, "coalesced": 1, "miss": 12, "bypass": 100}) == 0.25
    assert ratio({"hit": 1}) == 1.0
    assert ratio({"miss": 1}) == 0.0
    assert ratio({"bypass": 4}) is None
    assert counted({"bypass": 4, "hit": 1}) == {"hits": 1, "misses": 0, "stale": 0, "coalesced": 0, "bypassed": 4}


@settings(max_examples=60, deadline=None)
@given(
    made=st.lists(st.tuples(st.integers(0, 6), st.sampled_from("ab"), st.sampled_from([40.0, 90.0])), max_size=25),
    limit=st.integers(1, 7),
    model=st.sampled_from([None, "a", "b"]),
)
def test_pages_have_each_answer_once_the_newest_first(made, limit, model):
    """However many were answered in the same moment; those whose time is over, and those of other models, are in none."""
    answers = kept(*(entry(at=float(at), asked=asked, until=until) for at, asked, until in made))
    wanted = [
        (float(at), number.to_bytes(4)) for number, (at, asked, until) in enumerate(made) if until > 50 and model in (None, asked)
    ]

    async def pages() -> list[tuple[float, bytes]]:
        found: list[tuple[float, bytes]] = []
        while True:
            page = await rows(answers, Page(limit, model, found[-1] if found else None))
            found += [(row.at, row.key) for row in page]
            if len(page) < limit:
                return found

    assert asyncio.run(pages()) == sorted(wanted, reverse=True)


def test_a_row_has_nothing_of_what_was_said():
    """Who served it, how long it is, and whether it streams; its body is nowhere in what crosses to control."""
    [row] = asyncio.run(rows(kept(entry(b"secret words", stream=True, at=1.0)), Page(5)))
    assert (row.asked, row.provider, row.model, row.stream, row.size) == ("m", "a", "real", True, 12)
    assert b"secret" not in frame(ANSWER, [1, plain(row)])


def test_whatever_callers_asked_for_a_page_fits_a_frame():
    """Names are cut short, also those that are no text, and more rows than the most are not given."""
    answers = kept(
        *(entry(asked="\U0001f600" * 2000, at=float(number)) for number in range(MOST_ROWS + 4)), entry(asked="\ud800")
    )
    page = asyncio.run(rows(answers, Page(10_000)))
    assert (len(page), len(page[0].asked)) == (MOST_ROWS, LONGEST_NAME)
    assert len(frame(ANSWER, [1, [plain(row) for row in page]])) < MOST
    [other] = asyncio.run(rows(answers, Page(1, "\ud800")))
    assert frame(ANSWER, [1, plain(other)])


def test_others_have_their_turn_while_many_are_looked_through():
    """A large cache does not keep requests waiting until it is listed."""
    answers = kept(*(entry(at=float(number)) for number in range(20_000)))

    async def listed() -> int:
        turns = 0
        looking = asyncio.ensure_future(rows(answers, Page(1)))
        while not looking.done():
            await asyncio.sleep(0)
            turns += 1
        assert [row.at for row in looking.result()] == [19_999.0]
        return turns

    assert asyncio.run(listed()) >= 4
