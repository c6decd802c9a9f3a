"""What a model of Anthropic's takes, by the generation in its name.

The API grew by models (its pages on extended thinking, adaptive thinking, effort and the 4.7 migration):

- since 4.1: temperature and top_p are refused together.
- before 4.6: thinking has a budget in tokens, and there is no effort. (Opus 4.5 has one; its budget does as well.)
- since 4.6: thinking is adaptive, and output_config.effort says how much. A conversation that ends with the assistant's words
  (a prefill) is refused.
- since 4.7: temperature, top_p and top_k are refused.

A name without a number is taken for the newest.
"""

from __future__ import annotations

import re
from functools import lru_cache

Generation = tuple[int, int]

_NUMBER = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?:[-.](\d{1,2})(?!\d))?(?!\d)")
_NEWEST: Generation = (99, 0)


@lru_cache(maxsize=256)  # of what deployments are called, which are few
def generation_of(model: str) -> Generation:
    """(4, 5) for claude-sonnet-4-5-20250929, (3, 7) for anthropic.claude-3-7-sonnet-20250219-v1:0."""
    found = _NUMBER.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else _NEWEST


def thinks_adaptively(model: str) -> bool:
    return generation_of(model) >= (4, 6)


def takes_both(model: str) -> bool:
    """Temperature and top_p in one request."""
    return generation_of(model) < (4, 1)


def takes_sampling(model: str) -> bool:
    return generation_of(model) < (4, 7)


def takes_prefill(model: str) -> bool:
    return generation_of(model) < (4, 6)
