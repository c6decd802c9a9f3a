"""The prices of a snapshot's deployments, as the ledger and the limits ask for them: core.ledger.Prices.

Nearly every answer uses fresh, cached and output tokens of a model whose prices are plain numbers: that is worked out here, many
times as fast as and to the nano-dollar like catalogue.prices.price, which does the rest (tests/snapshot/test_costs.py).
"""

from __future__ import annotations

from math import gcd
from typing import NamedTuple

from llm_gateway.catalogue.book import Model
from llm_gateway.catalogue.format import MILLION, Period, Rates, Variant
from llm_gateway.catalogue.lookup import MINE, Catalogue
from llm_gateway.catalogue.prices import FULL, STANDARD, Tariff, price
from llm_gateway.core.ledger import Priced
from llm_gateway.core.usage import MediaUsage, Usage, has_others

MOST = 4096
"""Models whose prices are at hand."""
_FOREVER = -1


class _Rates(NamedTuple):
    """Nano-dollars of so many `tokens`, the fewest for which all of them are whole numbers: products of small numbers take half
    the time.
    """

    input: int
    read: int
    """-1: see _rate."""
    output: int
    tokens: int
    half: int
    """Of `tokens`, rounded down; to be added before the division, so that a cost is rounded to the nearest."""


class _Plain:
    """One model's prices."""

    __slots__ = ("minute", "rates", "tariff", "tiers", "version")

    def __init__(self, tariff: Tariff, version: str, minute: int) -> None:
        self.tariff = tariff
        self.version = version
        self.tiers = frozenset(tariff.tiers)
        self.minute = minute
        """Since the epoch: the one these rates hold in; _FOREVER: in all."""
        self.rates: _Rates | None = None
        """None: what an answer costs depends on more than its tokens."""


class Costs:
    """One per snapshot. Never raises."""

    def __init__(self, catalogue: Catalogue, digest: str = "") -> None:
        """`digest`: of the configuration, which the version of prices that it says itself is told by."""
        self._catalogue = catalogue
        self._mine = f"{MINE}:{digest[:12]}" if digest else MINE
        self._known: dict[tuple[str, str], _Plain | None] = {}

    def __call__(self, provider: str, model: str, usage: Usage, at: float, tier: str = "") -> Priced | None:
        key = (provider, model)
        try:
            plain = self._known[key]
        except KeyError:
            plain = self._learn(key, at)
        if plain is not None and plain.minute >= 0 and plain.minute != int(at // 60):
            plain = self._learn(key, at)
        if plain is None:
            return None
        rates = plain.rates
        if rates is None or (tier and tier in plain.tiers) or type(usage) is MediaUsage:
            return _slowly(plain, usage, at, tier or STANDARD)
        if has_others(usage):
            return _slowly(plain, usage, at, STANDARD)
        fresh, cached, output, tokens, half = rates
        nano = (usage.input * fresh + half) // tokens + (usage.output * output + half) // tokens
        read = usage.cache_read
        if read:
            if cached < 0:
                return _slowly(plain, usage, at, STANDARD)
            nano += (read * cached + half) // tokens
        return Priced(nano, STANDARD, (), False, plain.version)

    def _learn(self, key: tuple[str, str], at: float) -> _Plain | None:
        if len(self._known) >= MOST:
            self._known.clear()
        model = self._catalogue.find(*key)
        made = None if model is None or model.tariff is None else self._plain(model, model.tariff, at)
        self._known[key] = made
        return made

    def _plain(self, model: Model, tariff: Tariff, at: float) -> _Plain:
        version = self._mine if model.source == MINE else self._catalogue.data.book.date.isoformat()
        made = _Plain(tariff, version, int(at // 60) if _changes(tariff) else _FOREVER)
        rates, _ = tariff.rates(at)
        fresh, read, output = (_rate(rates, FULL[name]) for name in ("input", "cache_read", "output"))
        if rates.request is None and fresh >= 0 and output >= 0:
            by = gcd(MILLION, fresh, output, max(read, 0))
            tokens = MILLION // by
            made.rates = _Rates(fresh // by, read // by if read >= 0 else -1, output // by, tokens, tokens // 2)
        return made


def _changes(tariff: Tariff) -> bool:
    """Whether its prices depend on the moment. Those that do are looked up anew each minute, at which all of them begin."""
    dated: tuple[Period | Variant, ...] = (*tariff.variants, *tariff.units, *(tariff.periods if len(tariff.periods) > 1 else ()))
    return any(one.since is not None or one.hours is not None for one in dated)


def _rate(rates: Rates, names: tuple[str, ...]) -> int:
    """The first of the rates that there is; -1: there is none, or it depends on more than the class."""
    for name in names:
        rate = getattr(rates, name)
        if rate is not None:
            return rate if isinstance(rate, int) else -1
    return -1


def _slowly(plain: _Plain, usage: Usage, at: float, tier: str) -> Priced | None:
    try:
        cost = price(plain.tariff, usage, at, tier)
    except ValueError:  # a count that cannot be
        return None
    return Priced(cost.nano, cost.tier, cost.unpriced, bool(cost.estimated), plain.version)
