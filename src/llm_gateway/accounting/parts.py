"""What a session used and costs, part by part: each is priced when the provider tells it, and their sum is the session's bill.

Not the sum of tokens at its end: a provider charges each answer by itself, and prices may depend on how long its prompt was.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import astuple

from llm_gateway.accounting.bills import CLASSES, UNTOLD, classes, plausible
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.ledger import Bill, Prices
from llm_gateway.core.usage import MediaUsage, Usage, summed
from llm_gateway.routing.candidate import Candidate

_NOTHING = Usage()


def part_of(
    ex: Exchange, usage: Usage | None, prices: Prices, at: float, candidate: Candidate | None, *, guessed: bool = False
) -> Bill:
    """One part. `usage` None: something was made, and nobody said how much; so is what cannot be. `guessed`: it was not told.
    `at`: Unix seconds.
    """
    if usage is None or not plausible(usage, candidate):
        return Bill(_NOTHING, 0, "none", True, UNTOLD, "", "")
    used = classes(usage)
    if not used:
        return Bill(usage, 0, "none", guessed, (), "", "")
    priced = prices(ex.served_provider, ex.served_model, usage, at, "")
    if priced is None:
        return Bill(usage, 0, "none", guessed, used, "", "")
    estimated = guessed or priced.estimated
    return Bill(usage, priced.nano, "prices", estimated, priced.unpriced if priced.nano else used, priced.version, "")


def added(before: Bill, part: Bill) -> Bill:
    """All so far."""
    return Bill(
        summed((before.usage, part.usage)),
        before.cost + part.cost,
        part.source if before.source == "none" else before.source,
        before.estimated or part.estimated,
        tuple(dict.fromkeys((*before.unpriced, *part.unpriced))),
        part.version or before.version,
        "",
    )


def record_of(ident: str, at: float, provider: str, model: str, so_far: Bill) -> tuple[Any, ...]:
    """As records.Part. `at`: Unix seconds."""
    usage = so_far.usage
    return (
        "p",
        ident,
        int(at * 1000),
        provider,
        model,
        astuple(usage)[:CLASSES],
        usage.units if isinstance(usage, MediaUsage) else None,
        so_far.cost,
        so_far.source,
        so_far.estimated,
        so_far.unpriced,
        so_far.version,
    )
