"""Sets a member of a document that is about to be encoded, by its JSON path."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import msgspec

from llm_gateway.core.json import decode, encode

_STEP = re.compile(r"([^.\[\]]+)|\[([0-9]{1,9})\]")
_PATH = re.compile(r"[^.\[\]]+(?:\.[^.\[\]]+|\[[0-9]{1,9}\])*")


def put(document: dict[str, Any], path: str, value: Any) -> bool:
    """False if the place does not exist any more, or `path` is none: a caller may name a member "" or "a..b". Objects on the way
    are made: `metadata.x` may be all of metadata.
    """
    if _PATH.fullmatch(path) is None:
        return False
    steps = [name or int(place) for name, place in _STEP.findall(path)]
    here: Any = document
    for step, after in pairwise(steps):
        if isinstance(step, int):
            if not isinstance(here, list) or step >= len(here):
                return False
            if isinstance(here[step], msgspec.Struct | msgspec.Raw):
                here[step] = decode(encode(here[step]), dict[str, msgspec.Raw])
            here = here[step]
        elif isinstance(after, int):
            here = here.get(step) if isinstance(here, dict) else None
        elif isinstance(here, dict):
            here = here.setdefault(step, {})
        else:
            return False
    last = steps[-1]
    if not isinstance(here, dict) or not isinstance(last, str):
        return False
    here[last] = value
    return True
