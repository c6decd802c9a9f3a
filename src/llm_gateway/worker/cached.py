"""The cache of answers, wired: nothing of it stands in a request's way where no route keeps any."""

from __future__ import annotations

import random

from llm_gateway.accounting.bills import plausible
from llm_gateway.accounting.entries import Ledger
from llm_gateway.cache.key import Keys
from llm_gateway.cache.stage import Answers, Caching, Dispatching, Rules
from llm_gateway.channel.snapshot import derive
from llm_gateway.config.schema import Config
from llm_gateway.core.clock import Clock
from llm_gateway.core.ids import Ids
from llm_gateway.core.usage import Usage
from llm_gateway.snapshot import NotServable, Snapshot
from llm_gateway.snapshot.routes import keeps
from llm_gateway.telemetry.journal import Log


def caching(
    dispatch: Dispatching, snapshot: Snapshot, answers: Answers, pepper: bytes, clock: Clock, ledger: Ledger
) -> Dispatching:
    """`dispatch` behind what `answers` keeps, as the configuration says; by itself where nothing is kept. `ledger` has prices."""
    config = snapshot.config
    said, on = config.cache, keeps(config)
    answers.memory.configure(int(said.size) if on else 0)
    if answers.far is not None:
        answers.far.configure(int(said.entry))
    if not on:
        return dispatch
    rules = Rules(int(said.entry), said.streams, said.only_deterministic, said.coalesce)

    def cost(provider: str, model: str, usage: Usage) -> int:
        if usage.cost or not plausible(usage, None):
            return max(usage.cost, 0)
        priced = ledger.prices(provider, model, usage, clock.now(), "")
        return 0 if priced is None else priced.nano

    keys = Keys(derive(pepper, "cache of answers"), said.scope, strict=config.translation.on_loss == "refuse")
    return Caching(dispatch, answers, keys, rules, clock, cost)


async def reach(answers: Answers, config: Config, pepper: bytes, clock: Clock, log: Log) -> None:
    """Before the first snapshot: open what workers share, if `config` says so; whoever ends the worker closes `answers`.

    A Redis that is away, or cannot be worked with, is told in the log and no reason not to start. Raises NotServable for settings
    of no use.
    """
    if config.cache.backend != "redis" or config.redis is None:
        return
    from llm_gateway.cache.redis import RedisAnswers  # noqa: PLC0415 - only where it is configured

    def forget(model: str | None, before: float) -> None:
        answers.memory.forget(model=model, before=before)

    secret, worker = derive(pepper, "answers in Redis"), Ids(clock.now).ulid()
    try:
        far = RedisAnswers(config.redis, secret, worker=worker, forget=forget, clock=clock, draw=random.random, log=log)
    except (ValueError, OSError) as error:
        raise NotServable(f"redis: {error}") from None
    answers.far = far
    await far.start()
