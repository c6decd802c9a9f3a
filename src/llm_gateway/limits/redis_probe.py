"""Whether a Redis can be worked with, and how many workers work with it.

A proxy that lets no scripts through must not look like a Redis that works, and a user without the right to write neither.
"""

from __future__ import annotations

from typing import Literal, Protocol

from llm_gateway.limits.redis_scripts import BEAT, TAKE
from llm_gateway.redis.link import ReplyError, code_of
from llm_gateway.redis.owner import Asker, Unfit

ALIVE = 20_000
"""Milliseconds after which a worker that gives no sign of life does not count any more."""


class Log(Protocol):
    def __call__(self, level: Literal["info", "warning", "error"], event: str, **fields: object) -> None: ...


async def probe(ask: Asker, log: Log) -> str:
    """Tries what is needed. Gives the name that this start of the server has; "" if it is not told.

    Raises Unfit, and Away where there is no answer.
    """
    told = await ask("INFO")  # where it may not be asked, nothing is known
    facts = told.decode("ascii", "replace") if isinstance(told, bytes) else ""
    if "cluster_enabled:1" in facts:
        raise Unfit("it is a cluster, of which the counters of a request cannot be taken together")
    for command, word in (("EVAL", TAKE.text), ("EVALSHA", TAKE.digest)):
        reply = await ask(command, word, 0, "probe", 1000)
        if reply != [0]:
            raise Unfit(f"{command} does not work ({code_of(reply) if isinstance(reply, ReplyError) else 'wrong answer'})")
    policy = facts.partition("maxmemory_policy:")[2].partition("\r\n")[0]
    if policy not in {"", "noeviction"}:
        log("warning", "redis_may_forget", maxmemory_policy=policy)
    return facts.partition("run_id:")[2].partition("\r\n")[0]


async def alive(ask: Asker, prefix: str, worker: str) -> int:
    """A sign of life; how many give one. Raises Unfit where scripts may not write, and Away."""
    reply = await ask("EVAL", BEAT.text, 1, f"{prefix}workers", worker, ALIVE)
    if not isinstance(reply, int):
        raise Unfit(f"a script that writes does not work ({code_of(reply) if isinstance(reply, ReplyError) else 'wrong answer'})")
    return reply
