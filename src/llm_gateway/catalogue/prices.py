"""What an answer costs: a pure function of the model's prices, the usage, the moment and the way of processing.

Everything is whole nano-dollars; each class is rounded once (half up), and the total is the sum of what is shown, so that a
ledger's columns add up. The tokens of a class without a rate of its own are charged as the class that contains it.

What depends on a word that the request does not say (an image's size or quality) is charged at the highest price that it may
have, and named as estimated: nothing is taken to be the provider's default.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from types import MappingProxyType

import msgspec

from llm_gateway.catalogue.choices import among, pixels, words
from llm_gateway.catalogue.format import MILLION, PER, Each, Period, Rate, Rates, Variant
from llm_gateway.core.usage import MediaUsage, Usage

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
    | {name: (name,) for name in ("character", "message", *PER) if name != "request"}
    | {"pixel": ("pixel",)}
)
"""Beside a usage's own classes: token classes of other media, and things that are not tokens."""
INSIDE: Mapping[str, str] = MappingProxyType({"image_input": "input", "image_output": "output"})
"""Tokens that a MediaUsage counts in another class as well."""
COUNTED: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        "seconds": ("audio_ms", 1000),
        "characters": ("character", 1),
        "images": ("image", 1),
        "input_images": ("input_image", 1),
        "pages": ("page", 1),
        "searches": ("search_unit", 1),
    }
)
"""What core/usage.py's MediaUsage counts: as which class, and how many of its units make one."""
MADE = frozenset({"image", "audio_output_ms", "video_ms", "song"})
"""Paid for with an answer's tokens where there is no price for them; all else with a prompt's."""
_PROMPT = ("audio_cache_read", "image_input", "image_cache_read", "video_input")


class Part(msgspec.Struct, frozen=True, gc=False):
    """One class of a cost: `quantity` units at `rate` nano-dollars per `per` units."""

    name: str
    quantity: int
    rate: int
    per: int
    nano: int


class Cost(msgspec.Struct, frozen=True, gc=False):
    """`nano`: nano-dollars in all. `tier`: whose rates were used. `unpriced`: classes that were used and have no price.
    `estimated`: classes whose price is the highest that it may be, or stands for tokens that nobody told.
    """

    nano: int
    parts: tuple[Part, ...]
    tier: str = STANDARD
    unpriced: tuple[str, ...] = ()
    estimated: tuple[str, ...] = ()


class Tariff(msgspec.Struct, frozen=True, gc=False):
    """A model's prices: over time, and for ways of processing. `units`, `instead`: as in an Entry."""

    periods: tuple[Period, ...]
    variants: tuple[Variant, ...] = ()
    units: tuple[Variant, ...] = ()
    instead: tuple[str, ...] = ()

    @property
    def tiers(self) -> tuple[str, ...]:
        """The ways of processing that have prices of their own."""
        own = (variant.tier for variant in (*self.variants, *self.units))
        return tuple(dict.fromkeys(tier for tier in own if tier != STANDARD))

    def rates(self, at: float, tier: str = STANDARD) -> tuple[Rates, str]:
        """What holds at a moment (Unix seconds) for a tier, and the tier it is: `standard` where the one asked for has no own."""
        moment = datetime.fromtimestamp(at, UTC)
        standard = self.periods[0].rates
        for period in reversed(self.periods):
            if _holds(period.since, period.hours, moment):
                standard = period.rates
                break
        found = [
            v.rates for v in (*self.variants, *self.units) if v.tier == tier != STANDARD and _holds(v.since, v.hours, moment)
        ]
        more = [unit.rates for unit in self.units if unit.tier == STANDARD]
        used = tier if found else STANDARD
        if not found and not more:
            return standard, used
        said: dict[str, Rate | Each] = {}
        for rates in (*found, standard, *more):
            for name, rate in msgspec.structs.asdict(rates).items():
                if rate is not None:
                    said.setdefault(name, rate)
        return Rates(**said), used  # type: ignore[arg-type]


def price(
    tariff: Tariff,
    usage: Usage,
    at: float,
    tier: str = STANDARD,
    extras: Mapping[str, int] = MappingProxyType({}),
    known: Iterable[str] = (),
) -> Cost:
    """What an answer costs that began at `at` (Unix seconds). `extras`: quantities of what EXTRAS names, beside `usage`.
    `known`: what the request said that prices may depend on, such as `high` and `1024x1024`, beside what `usage` says of it.

    Raises ValueError for a negative quantity or an extra that is none.
    """
    rates, used = tariff.rates(at, tier)
    prompt = usage.prompt + sum(extras.get(name, 0) for name in _PROMPT)
    said = words((*known, usage.quality, usage.size) if isinstance(usage, MediaUsage) else known)
    tokens = _tokens_paid(rates, usage, extras)
    parts: list[Part] = []
    unpriced: list[str] = []
    estimated: list[str] = []
    for name, quantity in _quantities(usage, extras):
        if name in tariff.instead:
            if tokens[name in MADE]:
                continue
            estimated.append(name)
        part = _charged(name, quantity, rates, prompt, said)
        if part is not None:
            parts.append(part[0])
            if not part[1] and name not in estimated:
                estimated.append(name)
        elif name in extras or name in FULL or name in INSIDE or not tokens[name in MADE]:
            unpriced.append(name)
    if rates.request is not None:
        parts.append(_part("request", 1, at_prompt(rates.request, prompt)))
    return Cost(sum(part.nano for part in parts), tuple(parts), used, tuple(unpriced), tuple(estimated))


def at_prompt(rate: Rate, prompt: int) -> int:
    """The step of a rate that a prompt of so many tokens is charged at."""
    if isinstance(rate, int):
        return rate
    found = rate[0]
    for threshold, step in zip(rate[1::2], rate[2::2], strict=True):
        if prompt > threshold:
            found = step
    return found


def _tokens_paid(rates: Rates, usage: Usage, extras: Mapping[str, int]) -> tuple[bool, bool]:
    """Whether tokens were told that have a price: of the prompt, of the answer."""
    taken = usage.prompt + sum(extras.get(name, 0) for name in _PROMPT)
    made = usage.completion + sum(extras.get(name, 0) for name in ("image_output", "video_output"))
    paid_in = rates.input or rates.audio_input or rates.image_input or rates.video_input
    paid_out = rates.output or rates.audio_output or rates.image_output or rates.video_output
    return bool(taken and paid_in), bool(made and paid_out)


def _quantities(usage: Usage, extras: Mapping[str, int]) -> Iterable[tuple[str, int]]:
    for name in extras:
        if name not in EXTRAS:
            raise ValueError(f"there is no price class {name}")
    counted = [(name, getattr(usage, name)) for name in FULL]
    if isinstance(usage, MediaUsage):
        counted += [(name, round(getattr(usage, field) * scale)) for field, (name, scale) in COUNTED.items()]
        pictures = [(name, min(getattr(usage, name), getattr(usage, inside))) for name, inside in INSIDE.items()]
        counted = [(name, number - sum(of for own, of in pictures if INSIDE[own] == name)) for name, number in counted]
        counted += pictures
    found: Counter[str] = Counter()
    for name, quantity in (*counted, *extras.items()):
        if quantity < 0:
            raise ValueError(f"{name} is negative")
        found[name] += quantity
    return ((name, quantity) for name, quantity in found.items() if quantity)


def _charged(name: str, quantity: int, rates: Rates, prompt: int, said: frozenset[str]) -> tuple[Part, bool] | None:
    """A class's part of the cost and whether that is certain; None: there is no price for it."""
    if name == "image" and rates.image is None and rates.pixel is not None and (size := pixels(said)):
        return _part("pixel", quantity * size, at_prompt(rates.pixel, prompt)), True
    for charged in FULL.get(name) or EXTRAS[name]:
        rate: Rate | Each | None = getattr(rates, charged)
        if isinstance(rate, dict):
            chosen, certain = among(rate, said)
            return _part(name, quantity, chosen), certain
        if rate is not None:
            return _part(name, quantity, at_prompt(rate, prompt)), True
    return None


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
