"""How long one routing decision takes: microseconds of CPU per strategy, for a route of 20 candidates behind 50 rules.

    python benchmarks/routing_decide.py [--candidates 20] [--rules 50]

The rules are of several kinds, and none of them matches; features are given. The best of many short rounds counts, since other processes
share the machine. Takes a few seconds.
"""

from __future__ import annotations

import argparse
import sys
import timeit
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent / part) for part in ("src", "tests")]

from llm_gateway.config.conditions.when import When  # noqa: E402 - see above
from llm_gateway.config.errors import Where  # noqa: E402 - see above
from llm_gateway.config.schema import Action, Rule  # noqa: E402 - see above
from llm_gateway.config.tree import plant  # noqa: E402 - see above
from llm_gateway.routing.decide import Policy, decide  # noqa: E402
from llm_gateway.routing.rules import Rules  # noqa: E402 - see above
from llm_gateway.routing.strategies import STRATEGIES  # noqa: E402
from routing_support import candidates_of, features_of, route_of  # noqa: E402 - from tests/

ROUNDS, CALLS = 2000, 10


KINDS = (
    'model == "other-{n}"',
    'model starts_with "other-{n}"',
    "tokens > {n}00000 and stream",
    'tenant == "tenant-{n}" or tags contains "tag-{n}"',
    'needs tools and not (project == "p{n}")',
)


def rules_of(count: int) -> Rules:
    """Rules of several kinds, none of which matches."""
    made = (KINDS[number % len(KINDS)].replace("{n}", str(number + 1)) for number in range(count))
    read = ((f"rule-{number}", When.read(plant(text, Where("benchmark", 1, 1)))) for number, text in enumerate(made))
    return Rules((Rule(name, Action(route="elsewhere"), when) for name, when in read), lambda _: None)


def microseconds(call: Callable[[], object]) -> float:
    return min(timeit.repeat(call, number=CALLS, repeat=ROUNDS)) / CALLS * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=20)
    parser.add_argument("--rules", type=int, default=50)
    arguments = parser.parse_args()
    rules = rules_of(arguments.rules)
    if rules.judge(features_of()).matched:
        raise SystemExit("a rule matches: this would measure something else")
    policy = Policy(rules=rules)
    candidates = candidates_of(arguments.candidates)
    features = features_of(
        session="a-session",
        tokens=4000,
        output=500,
        cached={candidates[0].name: 3000, candidates[-1].name: 1000},
        prefix=(1, 2, 3),
    )
    print(f"{arguments.candidates} candidates, {arguments.rules} rules; microseconds, best of {ROUNDS} rounds of {CALLS}")
    print(f"{'the rules alone':24}{microseconds(lambda: rules.judge(features)):7.2f}")
    for strategy in STRATEGIES:
        for even in (True, False):
            route = route_of(candidates_of(arguments.candidates, even=even), strategy)
            spent = microseconds(lambda route=route: decide(features, route, policy))
            print(f"{strategy:18}{'even' if even else 'mixed':6}{spent:7.2f}")


if __name__ == "__main__":
    main()
