"""How long requests took: percentiles, which cannot be folded, from the rows themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, func, select

from llm_gateway.store.filters import Filter, conditions
from llm_gateway.store.tables import ledger


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds; None: there is nothing to measure. `ttft`: of those that have a first token."""

    requests: int
    mean: float | None
    latency: tuple[float | None, ...]
    ttft: tuple[float | None, ...]


def latency(connection: Connection, wanted: Filter, shares: Sequence[int]) -> Latency:
    """Of requests that somebody served, at these percentages (nearest rank)."""
    served = [*conditions(ledger, ledger.c.at, wanted), ledger.c.provider != "", ledger.c.latency_ms > 0]
    count, mean = connection.execute(select(func.count(), func.avg(ledger.c.latency_ms)).where(*served)).one()
    return Latency(
        count,
        None if mean is None else round(float(mean), 2),
        _at(connection, ledger.c.latency_ms, served, count, shares),
        _first_tokens(connection, served, shares),
    )


def _first_tokens(connection: Connection, served: list[Any], shares: Sequence[int]) -> tuple[float | None, ...]:
    told = [*served, ledger.c.ttft_ms > 0]
    count = connection.execute(select(func.count()).select_from(ledger).where(*told)).scalar_one()
    return _at(connection, ledger.c.ttft_ms, told, count, shares)


def _at(
    connection: Connection, column: Column[Any], where: list[Any], count: int, shares: Sequence[int]
) -> tuple[float | None, ...]:
    if not count:
        return (None,) * len(shares)
    ordered = select(column).where(*where).order_by(column).limit(1)
    ranks = [max(-(-count * share // 100), 1) - 1 for share in shares]
    return tuple(float(connection.execute(ordered.offset(rank)).scalar_one()) for rank in ranks)
