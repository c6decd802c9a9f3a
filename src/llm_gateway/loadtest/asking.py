"""Requests of a scenario: which model, how long a prompt, streamed or not. No prompt comes twice, so that no cache answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import accumulate
from random import Random
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from llm_gateway.loadtest.scenario import Scenario, Span

WORDS = " the and for you"
"""Each word is about one token, and four characters, to tokenizers and to those who count characters alike."""
CHARACTERS = 4
_BEGINNING = "Load test, request {:012x}."
_STREAM: Mapping[str, Any] = MappingProxyType({"stream": True, "stream_options": {"include_usage": True}})
"""Without include_usage nobody would tell how many tokens were written."""


class Ask(NamedTuple):
    """The body of a request, and whether it is answered as a stream."""

    body: bytes
    stream: bool


def asker(scenario: Scenario, draw: Random) -> Callable[[], Ask]:
    """Makes one request after the other. Raises ValueError if the scenario names no model."""
    if not scenario.models:
        raise ValueError("no model is named")
    models, pick = list(scenario.models), list(accumulate(scenario.models.values()))

    def ask() -> Ask:
        stream = draw.random() < scenario.stream
        document: dict[str, Any] = {
            "model": draw.choices(models, cum_weights=pick)[0],
            "messages": [{"role": "user", "content": prompt(_count(scenario.prompt_tokens, draw), scenario.prompt, draw)}],
            "max_tokens": _count(scenario.max_tokens, draw),
        }
        if stream:
            document.update(_STREAM)
        return Ask(msgspec.json.encode(document), stream)

    return ask


def prompt(tokens: int, end: str, draw: Random) -> str:
    """About so many tokens (at least the seven or so that make it unlike all others), with `end` behind them."""
    begin = _BEGINNING.format(draw.getrandbits(48))
    wanted = max(tokens * CHARACTERS - len(begin) - len(end), 0)
    filler = (WORDS * (wanted // len(WORDS) + 1))[:wanted]
    return f"{begin}{filler} {end}" if end else begin + filler


def _count(span: Span, draw: Random) -> int:
    return draw.randint(int(span.low), int(span.high))
