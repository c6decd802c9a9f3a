"""What an answer costs: a pure function of the model's prices, the usage, the moment and the way of processing.

Everything is whole nano-dollars; each class is rounded once (half up), and the total is the sum of what is shown, so that a
ledger's columns add up. The tokens of a class without a rate of its own are charged as the class that contains it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from types import MappingProxyType

import msgspec

from llm_gateway.catalogue.format import MILLION, PER, Period, Rate, Rates, Variant
from llm_gateway.core.usage import Usage

STANDARD = "standard"
FULL: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "input": ("input",),
        "cache_read": ("cache_read", "input"),
        "cache_write": ("cache_write", "input"),
        "cache_write_1h": ("cache_write_1h", "cache_write", "input"),
        "output": ("output",),
        "reasoning": ("reasoning", "output"),
        "audio_input": ("audio_input", "input"),
        "audio_output": ("audio_output", "output"),
        "accepted_prediction": ("output",),
        "rejected_prediction": ("output",),
    }
)
"""Each class of core/usage.py with the rates it may be charged at, its own first."""
EXTRAS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "audio_cache_read": ("audio_cache_read", "cache_read", "input"),
        "image_input": ("image_input", "input"),
        "image_cache_read": ("image_cache_read", "cache_read", "input"),
        "image_output": ("image_output", "output"),
        "video_input": ("video_input", "input"),
        "video_output": ("video_output", "output"),
        "citation": ("citation", "output"),
    }
    | {name: (name,) for name in ("character", "audio_ms", "page", "annotated_page", "web_search", "storage_search", "message")}
)
"""What a usage cannot say yet: token classes of other media, and things that are not tokens."""
_PROMPT = ("audio_cache_read", "image_input", "image_cache_read", "video_input")


class Part(msgspec.Struct, frozen=True, gc=False):
    """One class of a cost: `quantity` units at `rate` nano-dollars per `per` units."""

    name: str
    quantity: int
    rate: int
    per: int
    nano: int


class Cost(msgspec.Struct, frozen=True, gc=False):
    """`nano`: nano-dollars in all. `tier`: whose rates were used. `unpriced`: classes that were used and have no price."""

    nano: int
    parts: tuple[Part, ...]
    tier: str = STANDARD
    unpriced: tuple[str, ...] = ()


class Tariff(msgspec.Struct, frozen=True, gc=False):
    """A model's prices: over time, and for ways of processing."""

    periods: tuple[Period, ...]
    variants: tuple[Variant, ...] = ()

    @property
    def tiers(self) -> tuple[str, ...]:
        """The ways of processing that have prices of their own."""
        return tuple(dict.fromkeys(variant.tier for variant in self.variants))

    def rates(self, at: float, tier: str = STANDARD) -> tuple[Rates, str]:
        """What holds at a moment (Unix seconds) for a tier, and the tier it is: `standard` where the one asked for has no own."""
        moment = datetime.fromtimestamp(at, UTC)
        standard = self.periods[0].rates
        for period in reversed(self.periods):
            if _holds(period.since, period.hours, moment):
                standard = period.rates
                break
        found = [v.rates for v in self.variants if v.tier == tier and _holds(v.since, v.hours, moment)]
        if not found:
            return standard, STANDARD
        said: dict[str, Rate] = {}
        for rates in (*found, standard):
            for name, rate in msgspec.structs.asdict(rates).items():
                if rate is not None:
                    said.setdefault(name, rate)
        return Rates(**said), tier


def price(
    tariff: Tariff, usage: Usage, at: float, tier: str = STANDARD, extras: Mapping[str, int] = MappingProxyType({})
) -> Cost:
    """What an answer costs that began at `at` (Unix seconds). `extras`: quantities of what EXTRAS names, beside `usage`.

    Raises ValueError for a negative quantity or an extra that is none.
    """
    rates, used = tariff.rates(at, tier)
    prompt = usage.prompt + sum(extras.get(name, 0) for name in _PROMPT)
    parts: list[Part] = []
    unpriced: list[str] = []
    for name, quantity in _quantities(usage, extras):
        rate = _rate((FULL.get(name) or EXTRAS[name]), rates, prompt)
        if rate is None:
            unpriced.append(name)
        else:
            parts.append(_part(name, quantity, rate))
    if rates.request is not None:
        parts.append(_part("request", 1, at_prompt(rates.request, prompt)))
    return Cost(sum(part.nano for part in parts), tuple(parts), used, tuple(unpriced))


def at_prompt(rate: Rate, prompt: int) -> int:
    """The step of a rate that a prompt of so many tokens is charged at."""
    if isinstance(rate, int):
        return rate
    found = rate[0]
    for threshold, step in zip(rate[1::2], rate[2::2], strict=True):
        if prompt > threshold:
            found = step
    return found


def _quantities(usage: Usage, extras: Mapping[str, int]) -> Iterable[tuple[str, int]]:
    for name in extras:
        if name not in EXTRAS:
            raise ValueError(f"there is no price class {name}")
    for name, quantity in (*((name, getattr(usage, name)) for name in FULL), *extras.items()):
        if quantity < 0:
            raise ValueError(f"{name} is negative")
        if quantity:
            yield name, quantity


def _rate(names: tuple[str, ...], rates: Rates, prompt: int) -> int | None:
    rate = next((found for name in names if (found := getattr(rates, name)) is not None), None)
    return None if rate is None else at_prompt(rate, prompt)


def _part(name: str, quantity: int, rate: int) -> Part:
    per = PER.get(name, MILLION)
    return Part(name, quantity, rate, per, (2 * quantity * rate + per) // (2 * per))


def _holds(since: date | None, hours: tuple[time, time] | None, moment: datetime) -> bool:
    if since is not None and moment.date() < since:
        return False
    if hours is None:
        return True
    start, end = hours
    now = moment.time()
    return start <= now < end if start <= end else now >= start or now < end
