"""What the API owned when the gateway ran last: in the last good snapshot, so that no store is needed to start with it."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

from llm_gateway.channel.sealed import NAME, last_good
from llm_gateway.channel.snapshot import Unusable
from llm_gateway.config.load import Overlay
from llm_gateway.control.configuring.overlay import kept
from llm_gateway.worker.pepper import load_peppers

NOTHING: Overlay = MappingProxyType({})


def kept_objects(state: Path) -> Overlay:
    """Nothing where there is no snapshot, or none that can be read: the supervisor says so. Raises StateUnusable."""
    if not (state / NAME).exists():
        return NOTHING
    for secret in load_peppers(state):
        try:
            found = last_good(state, secret)
        except Unusable:
            continue
        return NOTHING if found is None else kept(found.parts)
    return NOTHING
