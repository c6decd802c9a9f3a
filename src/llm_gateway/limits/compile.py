"""From what the configuration and a caller's entries say to meters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv6Address

import msgspec

from llm_gateway.config.schema import Allowance, Budget, Limiting, Rate
from llm_gateway.config.schema.limits import Spending as Section
from llm_gateway.core.caller import EndUser, Spending
from llm_gateway.limits.meter import Meter, Unit

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
RATES: tuple[Unit, ...] = ("requests", "tokens", "fresh_tokens", "cached_tokens", "output_tokens")
PLACES: tuple[Unit, ...] = ("concurrent", "streams")
EVERYONE = "*"
"""The name of what is no one's own."""
_NETWORK = 64
"""Bits of an IPv6 address that tell sources apart: whoever has one address of such a network has all of them (RFC 6177)."""


def meters_of(entries: Iterable[Spending]) -> tuple[Meter, ...]:
    """One meter for each limit. Where several entries limit the same of the same owner, the smaller limit holds."""
    made: dict[str, Meter] = {}
    for entry in entries:
        for meter in (*_limits(entry), *_budgets(entry)):
            known = made.get(meter.key)
            if known is None:
                made[meter.key] = meter
            elif meter.calendar is None:
                burst = min(known.most_at_once, meter.most_at_once) if meter.period else 0
                made[meter.key] = msgspec.structs.replace(known, most=min(known.most, meter.most), burst=burst)
            else:  # every budget counts by itself: they may differ in more than the amount
                number = 2
                while f"{meter.key}#{number}" in made:
                    number += 1
                key = f"{meter.key}#{number}"
                made[key] = msgspec.structs.replace(meter, key=key)
    return tuple(made.values())


def of_everyone(limiting: Limiting) -> tuple[Meter, ...]:
    """Limits of all requests together."""
    return meters_of((_entry("everyone", EVERYONE, limiting.everyone),))


def of_tag(limiting: Limiting, tag: str) -> tuple[Meter, ...]:
    """Limits of all keys that have a tag."""
    section = limiting.tags.get(tag)
    return () if section is None else meters_of((_entry("tag", tag, section),))


def of_model(limiting: Limiting, model: str) -> tuple[Meter, ...]:
    """Limits of everybody's requests for a model, by the name that was asked for."""
    return meters_of((Spending("model", model, limiting.models[model], ()),))


def of_source(limiting: Limiting, source: str) -> tuple[Meter, ...]:
    """Limits of a source address; of IPv6, of its network of 64 bits."""
    return meters_of((Spending("source", source, limiting.sources, ()),))


def of_user(entries: Iterable[Spending], user: str) -> tuple[Meter, ...]:
    """Limits of one end user, from the entries that hold for each. Nobody ("") is one, too."""
    return meters_of(entry._replace(name=f"{entry.name}:{user}") for entry in entries)


def instead(entries: Iterable[Spending], known: EndUser, tenant: str) -> Iterator[Spending]:
    """What holds for one end user of whom something is known: its own limits, its own budgets, in the place of everyone's."""
    for entry in entries:
        limits = entry.limits if known.limits is None else known.unlimited
        yield entry._replace(limits=limits, budgets=entry.budgets if known.budgets is None else ())
    yield Spending("user", tenant, known.unlimited if known.limits is None else known.limits, known.budgets or ())


def source_of(peer: str) -> str:
    """What tells an address's owner apart."""
    if ":" not in peer:
        return peer
    try:
        address = IPv6Address(peer.partition("%")[0])
    except ValueError:
        return peer
    mapped = address.ipv4_mapped
    if mapped is not None:
        return str(mapped)
    return f"{IPv6Address(int(address) >> (128 - _NETWORK) << (128 - _NETWORK))}/{_NETWORK}"


def _entry(scope: str, name: str, section: Section) -> Spending:
    return Spending(scope, name, section.limits, section.budgets)


def _limits(entry: Spending) -> Iterator[Meter]:
    allowance: Allowance = entry.limits
    for unit in PLACES:
        most = getattr(allowance, unit)
        if most is not None:
            yield Meter(entry.scope, entry.name, unit, most)
    for unit in RATES:
        rate = getattr(allowance, unit)
        if rate is not None:
            yield from _rate(entry, unit, rate)


def _rate(entry: Spending, unit: Unit, rate: Rate) -> Iterator[Meter]:
    """The burst is that of the shortest time: of a longer one it would make a shorter one."""
    burst = rate.burst or 0
    for most, period in ((rate.minute, MINUTE), (rate.hour, HOUR), (rate.day, DAY)):
        if most is not None:
            yield Meter(entry.scope, entry.name, unit, most, period, burst)
            burst = 0


def _budgets(entry: Spending) -> Iterator[Meter]:
    budget: Budget
    for budget in entry.budgets:
        yield Meter(
            entry.scope,
            entry.name,
            "cost",
            int(budget.amount),
            calendar=budget.period,
            timezone=budget.timezone,
            hard=budget.hard,
            cut=budget.cut,
            alerts=tuple(sorted(budget.alerts)),
        )
