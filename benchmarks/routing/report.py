"""The numbers as tables: for the terminal and for RESULTS.md."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.routing.measures import Row
from benchmarks.routing.scenarios import NAMED

HEAD = ("strategy", "p50 TTFT, s", "p99 TTFT, s", "errors", "$ / 1,000", "cached", "failovers", "asked")


def cells(row: Row) -> tuple[str, ...]:
    """In the order of HEAD."""
    return (
        row.strategy,
        f"{row.p50:.3f}",
        f"{row.p99:.2f}",
        f"{row.errors:.2%}",
        f"{row.cost:.3f}",
        f"{row.cached:.1%}",
        f"{row.failovers:.2%}",
        f"{row.asked:.3f}",
    )


def table(rows: Sequence[Row], *, head: bool = True) -> str:
    lines = [HEAD] if head else []
    lines += [cells(row) for row in rows]
    return "\n".join(
        "  ".join(cell.ljust(18) if not place else cell.rjust(11) for place, cell in enumerate(line)) for line in lines
    )


def markdown(rows: Sequence[Row], races: Sequence[Row], wrong: Sequence[str], seeds: int) -> str:
    """RESULTS.md."""
    lines = [
        "# Routing strategies, simulated",
        "",
        "A discrete-event simulation of the gateway's own deciding and dispatching code (strategies, filters, prefix index, circuits,",
        "retry budget, hedging) before simulated providers. Run it again: `python -m benchmarks.routing`; the same numbers come out on",
        f"any machine. Means of {seeds} seeds. TTFT counts from the request to its first token, failovers included. Cost is in dollars",
        "for 1,000 answered requests. Cached: the share of prompt tokens that was charged as cached. Failovers: attempts beyond the",
        "first, for each request. Asked: what the providers were asked in all, for each request.",
        "",
        "What is promised: " + ("everything holds." if not wrong else f"{len(wrong)} things do **not** hold."),
        "",
        *[f"- {line}" for line in wrong],
    ]
    for name in dict.fromkeys(row.scenario for row in rows):
        several = [row for row in rows if row.scenario == name]
        lines += ["", f"## {name}", "", NAMED[name].about + f" {several[0].requests:,.0f} requests.", "", *_pipes(several)]
    lines += ["", "## Hedging", "", NAMED["bimodal"].about.partition(";")[0] + "; `least_latency`, with and without `hedge: {}`."]
    lines += [
        "",
        "| slow requests | p99 TTFT alone, s | hedged, s | less | extra cost | asked twice |",
        "|---|---|---|---|---|---|",
    ]
    for alone, hedged in zip(races[::2], races[1::2], strict=True):
        less, extra = 1 - hedged.p99 / alone.p99, hedged.cost / alone.cost - 1
        lines.append(
            f"| {alone.scenario} | {alone.p99:.2f} | {hedged.p99:.2f} | {less:.0%} | {extra:.2%} | {hedged.hedged:.2%} |"
        )
    return "\n".join(lines) + "\n"


def _pipes(rows: Sequence[Row]) -> list[str]:
    return [f"| {' | '.join(line)} |" for line in (HEAD, ("---",) * len(HEAD), *map(cells, rows))]
