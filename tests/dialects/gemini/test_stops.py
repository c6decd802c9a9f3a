"""Why answers end."""

from __future__ import annotations

from typing import get_args

import pytest

from llm_gateway.core.chat import Finish
from llm_gateway.dialects.gemini.stops import parse_stop, render_stop


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("SPII", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "error"),
        ("OTHER", "error"),
        ("SOMETHING_NEW", "error"),
        ("FINISH_REASON_UNSPECIFIED", None),
        ("", None),
        (None, None),
        (1, "stop"),
        (3, "content_filter"),
        (77, "error"),
    ],
)
def test_every_reason_has_its_meaning(reason, finish):
    """One that nobody knows is no success."""
    assert parse_stop(reason, calls=False) == finish


def test_stop_after_calls():
    """Gemini has no other word for it; a cut answer stays cut."""
    assert parse_stop("STOP", calls=True) == "tool_calls"
    assert parse_stop("MAX_TOKENS", calls=True) == "length"


@pytest.mark.parametrize("finish", get_args(Finish))
def test_every_finish_has_a_reason(finish):
    """And none that is no success becomes one."""
    success = finish in {"stop", "tool_calls"}
    assert (render_stop(finish) == "STOP") is success


def test_a_refusal_is_no_plain_stop():
    """OpenAI ends it so."""
    assert (render_stop("stop", refused=True), render_stop(None), render_stop(None, refused=True)) == ("SAFETY", "STOP", "SAFETY")
