"""What the gateway promises of its strategies, asked of the numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.routing.measures import Row

FRACTIONS = (0.01, 0.015, 0.02, 0.03, 0.05)
"""Shares of slow requests for which hedging is measured ..."""
PROMISED = 0.02
"""... and the one that the promise is about: with fewer the 99th percentile is not slow, with more the allowance is too small."""
DROWNING = frozenset({"no-limits"})
"""Scenarios that show what happens to who goes by price where nobody said how much a provider can take: everybody who does is in
collapse, and which of them is a little worse is chance.
"""
DEARER = 1.01
SLOWER = 1.1
MOMENT = 0.02
"""Seconds."""
CUT = 0.4
EXTRA = 0.02
NOISE = 0.002
"""Of a cost in parts of the whole."""
STORM = 1.3
"""Attempts for each request, retries of the gateway included."""


def failures(rows: Sequence[Row], races: Sequence[Row] = ()) -> list[str]:
    """What does not hold, in words."""
    by_name: dict[str, dict[str, Row]] = {}
    for row in rows:
        by_name.setdefault(row.scenario, {})[row.strategy] = row
    wrong = [line for several in by_name.values() for line in affinity(several)]
    wrong += avoiding(by_name.get("brown-out", {}))
    wrong += storm(row for row in rows if row.scenario in ("storm", "outage", "brown-out"))
    alone = {row.scenario: row for row in races if row.strategy == "alone"}
    for row in races:
        if row.strategy == "hedged" and row.scenario.startswith(f"{PROMISED:.1%}"):
            wrong += hedging(alone[row.scenario], row)
    return wrong


def affinity(several: dict[str, Row]) -> list[str]:
    """prefix_affinity costs no more than the cheaper one of sticky and lowest_cost, and its first tokens come no later than
    that one's; and neither of them is better in both.
    """
    ours = several.get("prefix_affinity")
    if ours is None or ours.scenario in DROWNING or not {"sticky", "lowest_cost"} <= several.keys():
        return []
    better = min((several["sticky"], several["lowest_cost"]), key=lambda row: row.cost)
    told = f"{ours.scenario}: prefix_affinity"
    wrong = []
    if ours.cost > better.cost * DEARER:
        wrong.append(f"{told} costs {ours.cost:.3f}, {better.strategy} {better.cost:.3f}")
    wrong += [
        f"{told} has a {name} of {mine:.3f} s, {better.strategy} {theirs:.3f} s"
        for name, mine, theirs in (("p50", ours.p50, better.p50), ("p99", ours.p99, better.p99))
        if mine > theirs * SLOWER + MOMENT
    ]
    if ours.errors > better.errors + 0.01:
        wrong.append(f"{told} fails for {ours.errors:.2%}, {better.strategy} for {better.errors:.2%}")
    return wrong


def avoiding(several: dict[str, Row]) -> list[str]:
    """Who looks at latency goes around a brown-out."""
    if "round_robin" not in several:
        return []
    blind = several["round_robin"]
    return [
        f"brown-out: {name} has a p99 of {row.p99:.3f} s, round_robin {blind.p99:.3f} s"
        for name in ("least_latency", "adaptive")
        if (row := several.get(name)) is not None and row.p99 > 0.5 * blind.p99
    ]


def storm(rows: Iterable[Row]) -> list[str]:
    """Nobody asks providers much more often than callers ask him, and all is well soon after the trouble."""
    wrong = []
    for row in rows:
        if row.asked > STORM:
            wrong.append(f"{row.scenario}: {row.strategy} asked {row.asked:.2f} times for each request")
        if row.after > 0.0:
            wrong.append(f"{row.scenario}: {row.strategy} still fails for {row.after:.2%} after the trouble")
    return wrong


def hedging(alone: Row, hedged: Row) -> list[str]:
    """p99 falls by CUT at least, for EXTRA of the cost at most."""
    wrong = []
    if hedged.p99 > (1 - CUT) * alone.p99:
        wrong.append(f"{hedged.scenario}: hedging cuts p99 from {alone.p99:.2f} s to {hedged.p99:.2f} s only")
    if hedged.cost > alone.cost * (1 + EXTRA + NOISE):
        wrong.append(f"{hedged.scenario}: hedging costs {hedged.cost / alone.cost - 1:.2%} more")
    return wrong
