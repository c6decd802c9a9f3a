"""Every strategy in every scenario: time to the first token, errors, cost, cached tokens, failovers.

    python -m benchmarks.routing                                 all of it, and write benchmarks/routing/RESULTS.md and results.json
    python -m benchmarks.routing --scenario knee --strategy sticky --strategy prefix_affinity --seeds 3

About two minutes on two cores. The same seeds give the same numbers, on any machine.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import msgspec
from benchmarks.routing.gateway import simulate
from benchmarks.routing.judge import FRACTIONS, failures
from benchmarks.routing.measures import Row, mean
from benchmarks.routing.report import markdown, table
from benchmarks.routing.scenarios import NAMED

from llm_gateway.routing.route import Hedge
from llm_gateway.routing.strategies import STRATEGIES

HERE = Path(__file__).parent


def compared(job: tuple[str, str, int, float]) -> Row:
    """One strategy in one scenario, over so many seeds."""
    name, strategy, seeds, scale = job
    scenario = NAMED[name]
    runs = [
        simulate(scenario.profiles, scenario.conversations(seed, scale), strategy, seed=seed, insists=scenario.insists)  # type: ignore[arg-type]
        for seed in range(1, seeds + 1)
    ]
    return mean(name, strategy, runs)


def hedged(job: tuple[float, bool, int, float]) -> Row:
    """The bimodal scenario with another share of slow requests, with and without hedging."""
    slow, hedge, seeds, scale = job
    scenario = NAMED["bimodal"]
    profiles = tuple(replace(one, slow=slow) for one in scenario.profiles)
    runs = [
        simulate(profiles, scenario.conversations(seed, scale), "least_latency", seed=seed, hedge=Hedge() if hedge else None)
        for seed in range(1, seeds + 1)
    ]
    return mean(f"{slow:.1%} slow", "hedged" if hedge else "alone", runs)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.routing", description=__doc__.partition("\n")[0])
    parser.add_argument("--scenario", action="append", choices=list(NAMED), help="only these")
    parser.add_argument("--strategy", action="append", choices=list(STRATEGIES), help="only these")
    parser.add_argument("--seeds", type=int, default=2, help="how many runs are averaged (2)")
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    jobs = [
        (name, strategy, asked.seeds, 1.0) for name in asked.scenario or NAMED for strategy in asked.strategy or list(STRATEGIES)
    ]
    whole = asked.scenario is None and asked.strategy is None
    rows: list[Row] = []
    with ProcessPoolExecutor(asked.processes) as pool:
        for row in pool.map(compared, jobs):
            if not rows or rows[-1].scenario != row.scenario:
                print(f"\n{row.scenario}: {NAMED[row.scenario].about}")
                print(table([]))
            rows.append(row)
            print(table([row], head=False), flush=True)
        races = (
            list(pool.map(hedged, [(slow, hedge, asked.seeds, 1.0) for slow in FRACTIONS for hedge in (False, True)]))
            if whole
            else []
        )
    if races:
        print("\nhedging:")
        print(table(races))
    wrong = failures(rows, races)
    print("\n" + ("\n".join(wrong) if wrong else "Everything that is promised holds."))
    if whole:
        (HERE / "RESULTS.md").write_text(markdown(rows, races, wrong, asked.seeds))
        (HERE / "results.json").write_bytes(msgspec.json.format(msgspec.json.encode([*rows, *races]), indent=1) + b"\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
