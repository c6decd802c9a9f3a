"""What the API owned when the gateway ran last: in the last good snapshot, so that no store is needed to start with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

from llm_gateway.channel.sealed import NAME, last_good
from llm_gateway.channel.snapshot import Snapshot, Unusable
from llm_gateway.config.document import Unpackable, unpack
from llm_gateway.config.errors import ConfigErrors, Problems
from llm_gateway.config.load import Loaded, Overlay, config_of
from llm_gateway.control.configuring.overlay import kept
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.providers.registry import option_names
from llm_gateway.worker.pepper import load_peppers

NOTHING: Overlay = MappingProxyType({})


def kept_objects(state: Path) -> Overlay:
    """Nothing where there is no snapshot, or none that can be read: the supervisor says so. Raises StateUnusable."""
    found = _kept(state)
    return NOTHING if found is None else kept(found.parts)


def kept_configuration(state: Path, sources: Sequence[str]) -> Loaded | None:
    """What the gateway acted on last, its secrets and the API's objects in it; None: nothing that can be used.

    `sources`: the files that are to be watched. Raises StateUnusable.
    """
    found = _kept(state)
    if found is None:
        return None
    try:
        tree = unpack(found.config)
        return Loaded(config_of(tree, Problems(), option_names(), DIALECTS, sources=sources), tree)
    except (Unusable, Unpackable, ConfigErrors):
        return None


def _kept(state: Path) -> Snapshot | None:
    if not (state / NAME).exists():
        return None
    for secret in load_peppers(state):
        try:
            return last_good(state, secret)
        except Unusable:
            continue
    return None
