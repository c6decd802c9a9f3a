"""The cache of answers, wired: nothing of it stands in a request's way where no route keeps any."""

from __future__ import annotations

from llm_gateway.cache.key import Keys
from llm_gateway.cache.stage import Answers, Caching, Dispatching, Rules
from llm_gateway.channel.snapshot import derive
from llm_gateway.core.clock import Clock
from llm_gateway.snapshot import Snapshot


def caching(dispatch: Dispatching, snapshot: Snapshot, answers: Answers, pepper: bytes, clock: Clock) -> Dispatching:
    """`dispatch` behind what `answers` keeps, as the configuration says; by itself where nothing is kept."""
    config = snapshot.config
    said = config.cache
    on = said.enabled or any(alias.cache.enabled for alias in config.models.values())
    answers.memory.configure(int(said.size) if on else 0)
    if not on:
        return dispatch
    rules = Rules(int(said.entry), said.streams, said.only_deterministic, said.coalesce)
    return Caching(dispatch, answers, Keys(derive(pepper, "cache of answers"), said.scope), rules, clock)
