"""How long a request has to wait for what a provider allows."""

from __future__ import annotations

import pytest

from llm_gateway.routing.paces import Pace, wait

AT = 1000.0


@pytest.mark.parametrize(
    ("until", "tokens", "seconds"),
    [
        (AT - 5, 10, 0.0),
        (AT + 9, 1, 0.0),
        (AT + 10, 1, 1.0),
        (AT + 5, 5, 0.0),
        (AT + 5, 8, 3.0),
        (AT, 500, 0.0),
        (AT + 2, 500, 2.0),
    ],
)
def test_tokens(until: float, tokens: int, seconds: float) -> None:
    """Room is what is not used up; what is larger than all of it waits until all is there, and no longer."""
    assert wait((Pace(tokens=True, each=1.0, room=10.0, until=until),), AT, tokens) == pytest.approx(seconds)


def test_the_longest_counts() -> None:
    """Every rate holds; a request counts as one, however many tokens it has."""
    minute = Pace(tokens=False, each=1.0, room=2.0, until=AT + 2)
    hour = Pace(tokens=False, each=60.0, room=600.0, until=AT + 590)
    assert wait((minute, hour), AT, 10_000) == 50.0
    assert wait((), AT, 10_000) == 0.0
