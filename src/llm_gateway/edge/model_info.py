"""What is known of a model, or of all the candidates behind an alias, as JSON values for x_gateway_info.

An alias promises what all of its candidates have: the smallest context window, the capabilities and media they share, a price
if it is the same everywhere, the first of their last days. Money is counted in whole nano-dollars; only here, for reading,
does it become the nearest number of dollars.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from llm_gateway.catalogue.book import Model
from llm_gateway.catalogue.format import PER, Each, Rate, Rates
from llm_gateway.catalogue.prices import Tariff, at_prompt

Known = TypeVar("Known", int, str)

_NAMES: Mapping[str, str] = MappingProxyType(
    {name: f"{name}_per_million" for name in Rates.__struct_fields__}
    | {name: f"per_{name}" for name, per in PER.items() if per == 1}
    | {"character": "per_million_characters", "pixel": "per_million_pixels"}
    | {"audio_ms": "per_audio_hour", "audio_output_ms": "per_audio_output_hour"}
    | {"video_ms": "per_video_second", "video_input_ms": "per_video_input_second"}
)
PRICES = tuple(_NAMES.values())
"""The members of `pricing` that are numbers."""
_NANO = 10**9


def shared_by(models: Sequence[Model], now: float) -> dict[str, Any]:
    """The members of x_gateway_info but `providers`. `now`: Unix seconds; prices depend on the day and even on the hour."""
    return {
        "capabilities": _common([model.capabilities for model in models]),
        "context_window": _all(min, (model.context_window for model in models)),
        "max_output_tokens": _all(min, (model.max_output_tokens for model in models)),
        "modalities": {
            "input": _common([model.input_modalities for model in models]),
            "output": _common([model.output_modalities for model in models]),
        },
        "deprecated": _any([model.deprecated for model in models]),
        "deprecation_date": min((model.retires.isoformat() for model in models if model.retires is not None), default=None),
        "release_date": _same([model.released.isoformat() if model.released is not None else None for model in models]),
        "knowledge_cutoff": _all(min, (model.knowledge or None for model in models)),
        "pricing": _same([None if model.tariff is None else pricing(model.tariff, model.source, now) for model in models]),
    }


def released(model: Model) -> int:
    """The day of its release in Unix seconds, 0 if nobody said it."""
    day = model.released
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) if day is not None else 0


def pricing(tariff: Tariff, source: str, now: float) -> dict[str, Any]:
    """US dollars. `steps` holds what differs for prompts above a number of tokens, `tiers` what other processing costs.

    A price that depends on words of the request is the highest one, and `NAME_by` has them all; `instead_of_tokens` names the
    prices that are charged only where an answer tells no tokens.
    """
    rates, _ = tariff.rates(now)
    shown: dict[str, Any] = {"input_per_million": None, "output_per_million": None, **_priced(rates, 0), "currency": "USD"}
    if steps := _steps(rates):
        shown["steps"] = steps
    tiers = {tier: _tier(*tariff.rates(now, tier), rates) for tier in tariff.tiers}
    if others := {tier: different for tier, different in tiers.items() if different}:
        shown["tiers"] = others
    if instead := [_NAMES[name] for name in tariff.instead if getattr(rates, name) is not None]:
        shown["instead_of_tokens"] = instead
    return {**shown, "source": source}


def _tier(rates: Rates, _used: str, standard: Rates) -> dict[str, Any]:
    usual = _priced(standard, 0)
    shown: dict[str, Any] = {name: value for name, value in _priced(rates, 0).items() if usual.get(name) != value}
    if shown and (steps := _steps(rates)):
        shown["steps"] = steps
    return shown


def _steps(rates: Rates) -> list[dict[str, Any]]:
    thresholds = {threshold for rate in _said(rates).values() if isinstance(rate, tuple) for threshold in rate[1::2]}
    return [{"above_tokens": threshold, **_priced(rates, threshold + 1)} for threshold in sorted(thresholds)]


def _priced(rates: Rates, prompt: int) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, rate in _said(rates).items():
        if isinstance(rate, dict):
            shown[_NAMES[name]] = max(rate.values()) / _NANO
            shown[f"{_NAMES[name]}_by"] = {words or "other": nano / _NANO for words, nano in rate.items()}
        else:
            shown[_NAMES[name]] = at_prompt(rate, prompt) / _NANO
    return shown


def _said(rates: Rates) -> dict[str, Rate | Each]:
    return {name: rate for name, rate in msgspec.structs.asdict(rates).items() if rate is not None}


def _common(lists: Sequence[tuple[str, ...]]) -> list[str]:
    shared = set(lists[0]).intersection(*lists)
    return [name for name in lists[0] if name in shared]


def _all(choose: Any, values: Iterable[Known | None]) -> Known | None:
    """One of the values; None as soon as one of them is not known."""
    told = list(values)
    chosen: Known | None = None if None in told else choose(told)
    return chosen


def _same(values: Sequence[Any]) -> Any:
    return values[0] if all(value == values[0] for value in values) else None


def _any(values: Sequence[bool | None]) -> bool | None:
    return True if True in values else None if None in values else False
