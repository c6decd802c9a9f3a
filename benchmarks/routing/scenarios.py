"""The worlds in which strategies are compared. Each isolates one thing that a provider or its callers do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from benchmarks.routing.providers import Profile, Trouble
from benchmarks.routing.trace import load
from benchmarks.routing.traffic import (
    AGENTS,
    CHAT,
    SINGLE,
    Conversation,
    Habits,
    Rhythm,
    bursts,
    conversations,
    diurnal,
    steady,
)

CENT = 10_000_000
"""Nano-dollars. Prices below are of a million tokens."""
DEAR = (500 * CENT, 50 * CENT, 2500 * CENT)
USUAL = (300 * CENT, 30 * CENT, 1500 * CENT)
CHEAP = (100 * CENT, 50 * CENT, 500 * CENT)
CHEAPEST = (60 * CENT, 60 * CENT, 240 * CENT)
"""No discount for what is cached."""


@dataclass(frozen=True)
class Scenario:
    """`traffic` gives the conversations of a seed, over about `seconds`, a part of which a quick run takes."""

    name: str
    about: str
    profiles: tuple[Profile, ...]
    traffic: Callable[[Random, float], list[Conversation]]
    seconds: float
    insists: int = 0

    def conversations(self, seed: int, scale: float = 1.0) -> list[Conversation]:
        return self.traffic(Random(f"{seed} traffic"), self.seconds * scale)  # noqa: S311 - a simulation


def _made(rhythm: Rhythm, highest: float, habits: Habits) -> Callable[[Random, float], list[Conversation]]:
    return lambda random, seconds: conversations(random, seconds, rhythm, highest, habits)


def _several(count: int, **facts: object) -> tuple[Profile, ...]:
    return tuple(Profile(f"p{number}", **facts) for number in range(count))  # type: ignore[arg-type]


def _with(profiles: Sequence[Profile], place: int, *troubles: Trouble) -> tuple[Profile, ...]:
    return tuple(replace(one, troubles=troubles) if number == place else one for number, one in enumerate(profiles))


EQUAL = _several(3)
MIXED = (
    Profile("cheap", rates=CHEAP, ttft=0.6, reading=5000.0, per_token=0.02),
    Profile("usual", rates=USUAL),
    Profile("dear", rates=DEAR, ttft=0.2, reading=15_000.0, per_token=0.008),
)

SCENARIOS: tuple[Scenario, ...] = (
    Scenario("equal", "Three equal providers, single questions: nothing to gain.", EQUAL, _made(steady(3), 3, SINGLE), 400),
    Scenario(
        "prices", "A cheap slow one, a usual one, a dear fast one; single questions.", MIXED, _made(steady(3), 3, SINGLE), 400
    ),
    Scenario(
        "prefix",
        "Four equal providers with prompt caches; long agent conversations over five shared beginnings.",
        _several(4),
        _made(steady(0.5), 0.5, AGENTS),
        400,
    ),
    Scenario(
        "prefix-prices",
        "The same conversations; prices differ, and so do the discounts for what is cached: the cheapest gives none.",
        (
            Profile("cheapest", rates=CHEAPEST, ttft=0.7, reading=4000.0),
            Profile("cheap", rates=CHEAP, ttft=0.5),
            Profile("usual", rates=USUAL),
            Profile("discount", rates=(200 * CENT, 10 * CENT, 300 * CENT)),
        ),
        _made(steady(0.5), 0.5, AGENTS),
        400,
    ),
    Scenario(
        "prefix-short",
        "Chats with short beginnings and long pauses: caches (60 s) are mostly gone by the next turn.",
        (
            Profile("cheap", rates=CHEAP, keeps=60.0),
            Profile("usual", rates=USUAL, keeps=60.0),
            Profile("other", rates=USUAL, keeps=60.0),
        ),
        _made(steady(1), 1, replace(CHAT, think=60.0)),
        400,
    ),
    Scenario(
        "bimodal",
        "Three equal providers; 2 of 100 requests take ten times as long to begin, wherever they go.",
        _several(3, slow=0.02),
        _made(steady(3), 3, SINGLE),
        600,
    ),
    Scenario(
        "brown-out",
        "One of three is ten times slower for 120 s, and later fails half of its requests for 60 s.",
        _with(EQUAL, 0, Trouble(80, 200, slower=10.0), Trouble(260, 320, fail=0.5)),
        _made(steady(3), 3, SINGLE),
        400,
    ),
    Scenario(
        "outage",
        "One of three cannot be connected to for 60 s, another stays silent for 30 s.",
        _with(_with(EQUAL, 0, Trouble(60, 120, fail=1.0, how="connect")), 1, Trouble(200, 230, fail=1.0, how="silent")),
        _made(steady(3), 3, CHAT),
        300,
    ),
    Scenario(
        "limits",
        "The cheap one takes 40 requests a minute, the usual one 80, the dear one any number.",
        tuple(replace(one, per_minute=limit) for one, limit in zip(MIXED, (40, 80, 0), strict=True)),
        _made(steady(3), 3, SINGLE),
        400,
    ),
    Scenario(
        "knee",
        "Bursts of six times the usual traffic; the cheap one slows down beyond 6 answers at a time, the others beyond 12, and their "
        "`max_concurrent` says so.",
        tuple(replace(one, knee=knee, most=knee) for one, knee in zip(MIXED, (6, 12, 12), strict=True)),
        _made(bursts(1.5, 9, 60, 15), 9, SINGLE),
        300,
    ),
    Scenario(
        "no-limits",
        "The same without `max_concurrent`: whoever goes by price alone drowns the cheap one.",
        tuple(replace(one, knee=knee) for one, knee in zip(MIXED, (6, 12, 12), strict=True)),
        _made(bursts(1.5, 9, 60, 15), 9, SINGLE),
        300,
    ),
    Scenario(
        "day",
        "A day in ten minutes, with chats; capacity that is tight at noon, and `max_concurrent` that says so.",
        tuple(replace(one, knee=10, most=10) for one in MIXED),
        _made(diurnal(0.3, 2.5, 600), 2.5, CHAT),
        600,
    ),
    Scenario(
        "storm",
        "All three fail 60 of 100 requests for 90 s, and callers repeat what failed up to three times.",
        tuple(replace(one, knee=20, troubles=(Trouble(30, 120, fail=0.6),)) for one in EQUAL),
        _made(steady(6), 6, SINGLE),
        180,
        insists=3,
    ),
    Scenario(
        "recorded",
        "The trace that stands beside this file, over the mixed providers.",
        tuple(replace(one, knee=24) for one in MIXED),
        lambda _random, seconds: [one for one in load() if one.start < seconds],
        900,
    ),
)
NAMED = {one.name: one for one in SCENARIOS}
