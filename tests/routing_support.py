"""Routes, candidates, Standings and features to decide on: real ones, without a gateway around them."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import Any

from hypothesis import strategies as st

from llm_gateway.core.strategy import StrategyName
from llm_gateway.providers.deployment import Deployment, Patience, Upstream
from llm_gateway.providers.registry import PROVIDER_TYPES
from llm_gateway.routing.candidate import Candidate, Leg, Lineup, Rates
from llm_gateway.routing.draws import mix
from llm_gateway.routing.features import Features, Wishes
from llm_gateway.routing.route import Route
from llm_gateway.routing.standing import Standing
from llm_gateway.routing.strategies import STRATEGIES

AT = 1000.0
PATIENCE = Patience()


@lru_cache(maxsize=1000)
def deployment_of(name: str) -> Deployment:
    provider, _, model = name.partition("/")
    return Upstream(provider, PROVIDER_TYPES["openai"], f"http://{provider}.test").deployment(model)


def candidate_of(
    name: str, standing: dict[str, Any] | None = None, account: dict[str, Any] | Standing | None = None, **facts: Any
) -> Candidate:
    """`name` is provider/model; `standing` and `account` are fields of its Standings, `facts` its own."""
    provider = name.partition("/")[0]
    if "rates" in facts and facts["rates"] is not None:
        facts["rates"] = Rates(facts["rates"])
    if not isinstance(account, Standing):
        account = Standing(provider, **(account or {}))
    return Candidate(deployment_of(name), PATIENCE, Standing(name, **(standing or {})), account, **facts)


def candidates_of(count: int, *, even: bool = True) -> list[Candidate]:
    """Candidates at four providers that differ in everything that a strategy may look at, all of them well."""
    accounts = [Standing(f"p{number}") for number in range(4)]
    return [
        candidate_of(
            f"p{number % 4}/m{number}",
            {
                "running": number % 3,
                "latency": 1.0 + number % 7 / 10,
                "latency_at": AT - number,
                "ttft": 0.3 + number % 5 / 10,
                "good": 10.0 + number,
                "bad": float(number % 3),
                "output": 300.0 + number,
                "requests_left": 1000.0 + number,
                "tokens_left": 200_000.0 + number,
                "left_until": AT + 30,
            },
            accounts[number % 4],
            weight=1.0 if even else 1.0 + number % 4,
            rates=(1_000_000_000 + number, 100_000_000 + number, 4_000_000_000 + number),
            quality=float(number % 4),
            context=128_000,
            max_output=16_000,
        )
        for number in range(count)
    ]


def route_of(candidates: list[Candidate], strategy: StrategyName = "priority", name: str = "smart", **facts: Any) -> Route:
    return Route(name, (Leg(name, tuple(candidates), strategy),), retries=2, total=60.0, **facts)


def features_of(**facts: Any) -> Features:
    return Features(**{"model": "smart", "at": AT, "wall": 1.8e9, "seed": 0x243F6A8885A308D3, **facts})


def names_of(order: tuple[Candidate, ...]) -> list[str]:
    return [candidate.name for candidate in order]


def ranked(strategy: StrategyName, candidates: list[Candidate], **facts: Any) -> list[str]:
    """Names in the order that the strategy alone gives."""
    lineup = Lineup(tuple(candidates))
    order, _ = STRATEGIES[strategy].rank(lineup, features_of(**facts))
    return [lineup.names[position] for position in order]


def firsts(strategy: StrategyName, candidates: list[Candidate], seeds: int, **facts: Any) -> Counter[str]:
    """How often each is first, over so many seeds (and turns)."""
    lineup = Lineup(tuple(candidates))
    rank = STRATEGIES[strategy].rank
    places = (rank(lineup, features_of(**{"seed": mix(seed), "turn": seed, **facts}))[0][0] for seed in range(seeds))
    return Counter(lineup.names[place] for place in places)


words = st.sampled_from
tenths = st.integers(0, 100).map(lambda number: number / 10)

standing_fields = st.fixed_dictionaries(
    {},
    optional={
        "state": words([0, 1, 2]),
        "until": words([0.0, AT - 5, AT + 5, float("inf")]),
        "reason": words(["", "circuit", "rate_limited", "quota", "credentials", "tls", "unhealthy"]),
        "probes": words([0, 1, 3]),
        "running": st.integers(0, 20),
        "waiting": st.integers(0, 5),
        "limit": words([0, 0, 1, 10]),
        "places": st.integers(0, 20),
        "service": tenths,
        "latency": tenths,
        "latency_at": tenths.map(lambda ago: AT - ago),
        "ttft": tenths,
        "good": tenths,
        "bad": tenths,
        "output": st.floats(0, 5000),
        "requests_left": words([-1.0, 0.0, 5.0, 1000.0]),
        "tokens_left": words([-1.0, 0.0, 500.0, 1e6]),
        "left_until": words([0.0, AT - 5, AT + 5]),
        "recovered": words([0.0, AT - 100, AT - 3, AT]),
    },
)
facts_of_candidates = st.fixed_dictionaries(
    {},
    optional={
        "weight": words([0.0, 0.5, 1.0, 3.0]),
        "priority": words([0, 0, 1]),
        "tags": st.frozensets(words(["a", "b"])),
        "region": words(["", "eu", "us"]),
        "quality": words([0.0, 1.0, 2.0]),
        "lacks": st.integers(0, 127),
        "context": words([0, 1000, 128_000]),
        "max_output": words([0, 100, 4096]),
        "rates": st.none() | st.tuples(*[st.integers(0, 10**11)] * 3),
        "deprecated": st.booleans(),
    },
)


@st.composite
def candidate_lists(draw: st.DrawFn, most: int = 6) -> list[Candidate]:
    """Candidates in any condition, some of them at the same provider."""
    accounts = [Standing(f"p{number}", **draw(standing_fields)) for number in range(2)]
    return [
        candidate_of(f"p{number % 2}/m{number}", draw(standing_fields), accounts[number % 2], **draw(facts_of_candidates))
        for number in range(most)
    ]


names = st.integers(0, 5).map(lambda number: f"p{number % 2}/m{number}")
providers = words(["p0", "p1"])
wishes = st.builds(
    Wishes,
    strategy=st.none() | words(sorted(STRATEGIES)),
    prefer=st.lists(names | providers, max_size=3).map(tuple),
    exclude=st.frozensets(names | providers, max_size=2),
    fallback=words([None, True, False]),
    max_cost=st.none() | st.integers(0, 10**9),
)
features = st.builds(
    Features,
    model=st.just("smart"),
    at=st.just(AT),
    wall=st.just(1.8e9),
    seed=st.integers(0, 2**64 - 1),
    turn=st.integers(0, 2**40),
    needs=words([0, 0, 1, 2, 5, 64]),
    tokens=st.integers(-1, 200_000),
    output=st.integers(-1, 10_000),
    session=words(["", "one", "two"]),
    regions=st.none() | st.just(frozenset({"eu"})),
    providers=st.none() | st.frozensets(providers),
    prefix=st.lists(st.integers(0, 2**64 - 1), max_size=4).map(tuple),
    cached=st.dictionaries(names, st.integers(0, 100_000), max_size=3),
    held=st.dictionaries(names, st.floats(0, 1), max_size=3),
    again=st.just(-1.0) | st.floats(0, 10),
    budget=st.none() | st.integers(0, 10**12),
    headers=st.dictionaries(words(["x-team", "authorization"]), st.text(max_size=5)),
    wishes=st.none() | wishes,
)


@st.composite
def routes(draw: st.DrawFn) -> Route:
    """One or two legs with any strategies."""
    everyone = draw(candidate_lists())
    legs = [Leg("smart", tuple(everyone[: draw(st.integers(1, 6))]), draw(words(sorted(STRATEGIES))))]
    if draw(st.booleans()):
        legs.append(Leg("fast", tuple(everyone[draw(st.integers(2, 5)) :]), draw(words(sorted(STRATEGIES)))))
    return Route("smart", tuple(legs), retries=2, total=60.0)
