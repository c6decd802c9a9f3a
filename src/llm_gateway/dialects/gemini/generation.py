"""What a model of Google's takes, by the generation in its name (https://ai.google.dev/gemini-api/docs/thinking).

- before 2.5: no thinking.
- 2.5: thinking has a budget in tokens; Pro cannot do without.
- since 3: thinking has a level, and signatures of function calls are demanded; no model can do without thinking.

A Gemini without a number is taken for the newest; of other models (Gemma, tuned ones) nothing is known.
"""

from __future__ import annotations

import re
from functools import lru_cache

Generation = tuple[int, int]

_NUMBER = re.compile(r"gemini-(?:[a-z]+-)*(\d{1,2})(?:\.(\d{1,2}))?(?!\d)")
_NEWEST: Generation = (99, 0)


@lru_cache(maxsize=256)  # of what deployments are called, which are few
def generation_of(model: str) -> Generation | None:
    """(2, 5) for gemini-2.5-flash, (3, 0) for gemini-3-pro-preview; None for what is no Gemini."""
    found = _NUMBER.search(model)
    if found:
        return int(found[1]), int(found[2] or 0)
    return _NEWEST if "gemini" in model else None


def thinks(model: str) -> bool:
    return (generation_of(model) or (0, 0)) >= (2, 5)


def thinks_by_level(model: str) -> bool:
    return (generation_of(model) or (0, 0)) >= (3, 0)


def demands_signatures(model: str) -> bool:
    return thinks_by_level(model)


def takes_rich_results(model: str) -> bool:
    return thinks_by_level(model)


def is_pro(model: str) -> bool:
    return "pro" in model
