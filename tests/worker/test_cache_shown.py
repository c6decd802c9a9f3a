"""What control asks of a worker's answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cache.answers import entry
from llm_gateway.cache.shown import CLEAR, FIGURES, ROWS, Clear, Page
from llm_gateway.cache.stage import Answers
from llm_gateway.channel.messages import Unreadable, plain
from llm_gateway.core.clock import FakeClock
from llm_gateway.worker.cache_shown import cache_asked


@pytest.fixture
def answers() -> Answers:
    made = Answers(FakeClock(50.0))
    made.memory.configure(1 << 20)
    for number, (at, asked) in enumerate([(10.0, "a"), (20.0, "b"), (30.0, "a"), (40.0, "b")]):
        made.memory.put(bytes([number]), entry(at=at, asked=asked))
    return made


def told(answers: Answers, method: str, body: Any = None) -> Any:
    return asyncio.run(cache_asked(answers)[method](None, body))  # type: ignore[arg-type]


def left(answers: Answers) -> list[bytes]:
    return sorted(key for key, _ in answers.memory.everything())


def test_it_tells_what_there_is(answers):
    """Figures, and rows as the page wants them."""
    assert told(answers, FIGURES)["entries"] == 4
    assert [row[:2] for row in told(answers, ROWS, plain(Page(2)))] == [[40.0, b"\x03"], [30.0, b"\x02"]]
    assert [row[0] for row in told(answers, ROWS, plain(Page(2, "a", (30.0, b"\x02"))))] == [10.0]


@pytest.mark.parametrize(
    ("clear", "stay"),
    [
        (Clear(), []),
        (Clear("a"), [1, 3]),
        (Clear("A"), [0, 1, 2, 3]),
        (Clear(before=25.0), [2, 3]),
        (Clear("b", 25.0), [0, 2, 3]),
    ],
)
def test_it_forgets_what_it_is_told_to(answers, clear, stay):
    """All, of one name, older than a moment, or both; it says how many went."""
    assert told(answers, CLEAR, plain(clear)) == 4 - len(stay)
    assert left(answers) == [bytes([number]) for number in stay]
    assert answers.memory.bytes == len(stay) * entry().weight


def test_what_others_find_goes_too(answers):
    """Who asks for all of a name, or all that is old, means the second tier as well."""
    cleared: list[tuple[str | None, float]] = []

    class Far:
        def clear(self, model: str | None, before: float) -> None:
            cleared.append((model, before))

    answers.far = Far()
    told(answers, CLEAR, plain(Clear("a", 20.0)))
    assert cleared == [("a", 20.0)]


def test_what_it_does_not_understand_changes_nothing(answers):
    """A body of another shape is refused: it might have meant less than all."""
    with pytest.raises(Unreadable):
        told(answers, CLEAR, {"before": "yesterday"})
    assert len(left(answers)) == 4
