"""How a model of Mistral's reasons, by its name (https://docs.mistral.ai/capabilities/reasoning)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

_EFFORT = re.compile(r"mistral-(?:small|medium)-(?:latest|2[6-9]\d\d|[4-9]|3[-.][5-9])")


@lru_cache(maxsize=256)  # of what deployments are called, which are few
def reasons_by(model: str) -> Literal["mode", "effort"] | None:
    """mode: always, unless prompt_mode is null; effort: as reasoning_effort says, none or high; None: not at all."""
    if "magistral" in model:
        return "mode"
    return "effort" if _EFFORT.search(model) else None
