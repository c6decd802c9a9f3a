"""What answers used."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.usage import BilledUsage, MediaUsage, Usage, has_others, sides, summed

COUNTS = st.lists(st.integers(-5, 5), min_size=10, max_size=10)


def test_answers_together() -> None:
    """Each class by itself, and what the providers say it costs."""
    assert summed([Usage(input=1, output=2), Usage(input=10, reasoning=5)]) == Usage(input=11, output=2, reasoning=5)
    assert summed([Usage(input=1), BilledUsage(input=2, cost=7)]) == BilledUsage(input=3, cost=7)
    assert summed([]) == Usage()


def test_media_together() -> None:
    """Units, too; the size that one of them names holds."""
    both = summed([MediaUsage(input=1, images=2, size="1024x1024"), Usage(input=2)])
    assert both == MediaUsage(input=3, images=2, size="1024x1024")


def test_what_it_costs_is_mostly_not_said() -> None:
    """Every usage can be asked."""
    assert (Usage().cost, MediaUsage().cost, BilledUsage(cost=5).cost) == (0, 0, 5)


@given(COUNTS)
def test_both_sides_at_once(counts) -> None:
    """What went in and what came out, as the two properties have it, and together all that there is."""
    usage = Usage(*counts)
    assert sides(usage) == (usage.prompt, usage.completion)
    assert sum(sides(usage)) == usage.total


@given(COUNTS)
def test_few_answers_have_other_classes(counts) -> None:
    """Whatever is neither fresh input nor read from a cache nor plain output is another class, even where it cannot be."""
    usage = Usage(*counts)
    assert bool(has_others(usage)) == (usage != Usage(usage.input, usage.cache_read, output=usage.output))
