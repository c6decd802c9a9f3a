"""Why an answer ended."""

from __future__ import annotations

from typing import get_args

import pytest
from anthropic.types import StopReason

from llm_gateway.core.chat import Finish
from llm_gateway.dialects.anthropic_messages.stops import parse_stop, render_stop


@pytest.mark.parametrize("reason", get_args(StopReason))
def test_every_reason_of_the_sdk_survives(reason):
    """Read and shown again it is the same word."""
    stop_sequence = "x" if reason == "stop_sequence" else None
    assert render_stop(parse_stop(reason), stop_sequence, calls=reason == "tool_use") == reason


@pytest.mark.parametrize("finish", get_args(Finish))
def test_every_finish_is_a_reason_of_the_sdk(finish):
    """The SDKs' type is closed."""
    assert render_stop(finish, None, calls=False) in get_args(StopReason)


def test_the_reason_fits_what_the_answer_holds():
    """Clients run tools on tool_use alone, and wait for tools that nobody called otherwise."""
    assert render_stop("stop", None, calls=True) == "tool_use"
    assert render_stop(None, None, calls=True) == "tool_use"
    assert render_stop("tool_calls", None, calls=False) == "end_turn"
    assert render_stop("stop", None, calls=False, refused=True) == "refusal"
    assert render_stop("length", None, calls=True) == "max_tokens"


def test_a_word_that_nobody_knows_is_no_success():
    """And none is none."""
    assert parse_stop("cosmic_ray") == "error"
    assert parse_stop(None) is None
