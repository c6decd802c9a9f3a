"""Who asks what, and when: conversations that grow, with shared system prompts. Token counts only; there is no text.

A conversation is closed in itself (the next turn comes after the answer and some thinking), and conversations begin independently
of one another, as callers do who know nothing of the gateway's load.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate
from math import log, pi, sin
from random import Random

from llm_gateway.core.estimate import CHARS_PER_TOKEN
from llm_gateway.routing.prefix import MARKS


@dataclass(frozen=True)
class Turn:
    """`think`: seconds from the answer before; `new`: tokens that stand in no earlier prompt; `output`: of the answer."""

    think: float
    new: int
    output: int


@dataclass(frozen=True)
class Conversation:
    """`start`: seconds from the beginning. `system`: which shared beginning it has, of `shared` tokens."""

    name: str
    start: float
    system: int
    shared: int
    turns: tuple[Turn, ...]

    def prompts(self) -> list[int]:
        """Tokens of each turn's prompt: the shared beginning, everything said so far, and what is new."""
        grown = accumulate(turn.new + turn.output for turn in self.turns)
        return [self.shared + total - turn.output for total, turn in zip(grown, self.turns, strict=True)]


@dataclass(frozen=True)
class Habits:
    """How conversations are: medians of lognormal distributions, and their spreads (sigma)."""

    turns: float = 1.0
    """On average (geometric)."""
    new: float = 600.0
    new_spread: float = 0.8
    output: float = 150.0
    output_spread: float = 0.7
    think: float = 20.0
    systems: int = 8
    shared: tuple[int, int] = (200, 200)
    """Tokens of the shared beginnings, from and to."""


CHAT = Habits(turns=3.0, new=300.0, output=200.0, think=20.0, systems=6, shared=(200, 1500))
AGENTS = Habits(turns=8.0, new=900.0, new_spread=0.9, output=150.0, think=4.0, systems=5, shared=(2500, 9000))
SINGLE = Habits(turns=1.0, new=900.0, output=150.0, systems=1, shared=(100, 100))

Rhythm = Callable[[float], float]
"""Conversations per second at a time."""


def steady(rate: float) -> Rhythm:
    return lambda _at: rate


def diurnal(low: float, high: float, day: float) -> Rhythm:
    """A day (of `day` seconds here) from its quietest hour to the next."""
    return lambda at: low + (high - low) * (0.5 - 0.5 * sin(2 * pi * at / day + pi / 2))


def bursts(low: float, high: float, every: float, lasting: float) -> Rhythm:
    return lambda at: high if at % every < lasting else low


def conversations(random: Random, seconds: float, rhythm: Rhythm, highest: float, habits: Habits) -> list[Conversation]:
    """A Poisson process whose rate follows the rhythm (by thinning: Lewis and Shedler 1979). `highest`: the most of it."""
    shares = [random.randint(*habits.shared) for _ in range(habits.systems)]
    popular = list(accumulate(1.0 / (1 + rank) for rank in range(habits.systems)))  # Zipf: a few are asked most
    found: list[Conversation] = []
    at = random.expovariate(highest)
    while at < seconds:
        if random.random() * highest < rhythm(at):
            system = bisect_right(popular, random.random() * popular[-1])
            found.append(Conversation(f"c{len(found)}", at, system, shares[system], _turns(random, habits)))
        at += random.expovariate(highest)
    return found


def _turns(random: Random, habits: Habits) -> tuple[Turn, ...]:
    count = 1
    while random.random() > 1.0 / habits.turns:
        count += 1
    return tuple(
        Turn(
            random.lognormvariate(log(habits.think), 0.8),
            max(8, round(random.lognormvariate(log(habits.new), habits.new_spread))),
            max(2, round(random.lognormvariate(log(habits.output), habits.output_spread))),
        )
        for _ in range(min(count, 40))
    )


def fingerprints(conversation: Conversation, tokens: int) -> tuple[int, ...]:
    """What routing.prefix.fingerprints would find in a prompt of so many tokens: up to a mark inside of the shared beginning
    the same as everybody with that beginning, after it the conversation's own.
    """
    marks = bisect_right(MARKS, tokens * CHARS_PER_TOKEN)
    inside = min(bisect_right(MARKS, conversation.shared * CHARS_PER_TOKEN), marks)
    shared = _stand_in(f"system {conversation.system}")
    return shared[:inside] + _stand_in(conversation.name)[inside:marks]


@lru_cache(maxsize=20_000)
def _stand_in(name: str) -> tuple[int, ...]:
    """A fingerprint for every mark."""
    seed = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")
    return tuple((seed * (2 * place + 3) + place) & (1 << 64) - 1 for place in range(len(MARKS)))


def prompts_of(several: Sequence[Conversation]) -> list[int]:
    return [tokens for one in several for tokens in one.prompts()]
