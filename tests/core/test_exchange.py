"""The record of one request."""

from __future__ import annotations

from copy import copy

from dispatching import exchange
from llm_gateway.core.clock import FakeClock
from llm_gateway.providers.answer import WholeAnswer


def test_nothing_of_a_request_is_shown_by_its_repr():
    """Errors and debuggers print what they hold: keys, prompts and answers are not among it."""
    ex = exchange(FakeClock())
    ex.headers[b"authorization"] = b"Bearer sk-secret"
    ex.body = ex.sample = b"a prompt"
    answer = WholeAnswer(b"an answer", None, None, None)  # type: ignore[arg-type] - nobody looks
    for shown in (repr(ex), repr(copy(ex)), repr(answer)):
        assert not any(word in shown for word in ("secret", "prompt", "answer'", "an answer"))


def test_a_copy_takes_the_attempts_along_and_two_requests_share_none():
    """Races and mirrors copy an exchange as it stands; requests of their own begin with a list of their own."""
    ex = exchange(FakeClock())
    assert copy(ex).attempts is ex.attempts
    assert exchange(FakeClock()).attempts is not ex.attempts
