"""What is known of the models of the configured providers: the data, what the provider says, what the configuration says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from llm_gateway.catalogue.book import MEDIA_WORDS, Data, Model, media_words
from llm_gateway.catalogue.format import Period, Rates
from llm_gateway.catalogue.prices import Tariff
from llm_gateway.catalogue.store import Chosen
from llm_gateway.config.schema import Config, ModelFacts, Prices
from llm_gateway.providers.discovery import ListedModel

REMEMBERED = 4096
"""Answers kept; more names than this are looked up anew."""
MINE = "configuration"
_UNITS: Mapping[str, str] = MappingProxyType(
    {
        "image": "image",
        "pixels": "pixel",
        "characters": "character",
        "audio_hour": "audio_ms",
        "audio_output_hour": "audio_output_ms",
        "video_second": "video_ms",
        "video_input_second": "video_input_ms",
    }
)
"""The configuration's names of prices, where they are not ours."""


Changes = Mapping[str, Any]
"""Fields of a Model that the configuration says."""


class Catalogue:
    """What is known of the models of the configured providers. Reads its data when it is first asked."""

    def __init__(
        self, types: Mapping[str, str], overrides: Mapping[str, ModelFacts], data: Callable[[], Data], problem: str = ""
    ) -> None:
        """`types`: each provider's type; `overrides`: by provider/model, or by how such a name begins and a `*`; `data`: gives
        the data, called once at most; `problem`: what is wrong with data that was passed over.
        """
        self.problem = problem
        self._types = types
        said = {name: _changes(facts) for name, facts in overrides.items()}
        self._exact = {name: changes for name, changes in said.items() if not name.endswith("*")}
        starts = [(name[:-1], changes) for name, changes in said.items() if name.endswith("*")]
        self._starts = tuple(sorted(starts, key=lambda start: -len(start[0])))
        self._open = data
        self._found: dict[tuple[str, str], Model | None] = {}

    @cached_property
    def data(self) -> Data:
        """The data behind it."""
        return self._open()

    def find(self, provider: str, model: str) -> Model | None:
        """What is known of a model of a configured provider; None: nothing. The first call reads the data (milliseconds)."""
        key = (provider, model)
        if key in self._found:
            return self._found[key]
        kind = self._types.get(provider)
        found = self.data.find(kind, model) if kind is not None else None
        mine = self._mine(provider, model)
        if mine:
            found = _changed(found or Model(), mine)
        if len(self._found) >= REMEMBERED:
            self._found.clear()
        self._found[key] = found
        return found

    def seen(self, provider: str, model: str, listed: ListedModel) -> Model:
        """The same, with what its provider says of it: that counts for limits, and before everything stands the configuration."""
        found = self.find(provider, model) or Model()
        mine = self._mine(provider, model)
        told: dict[str, Any] = {
            "name": listed.display_name or found.name,
            "context_window": listed.context_window or found.context_window,
            "max_output_tokens": listed.max_output_tokens or found.max_output_tokens,
            "capabilities": tuple(dict.fromkeys((*listed.capabilities, *found.capabilities))),
        }
        return msgspec.structs.replace(found, **{name: value for name, value in told.items() if name not in mine})

    def _mine(self, provider: str, model: str) -> Changes:
        name = f"{provider}/{model}"
        exact = self._exact.get(name)
        if exact is not None:
            return exact
        return next((changes for start, changes in self._starts if name.startswith(start)), {})


def catalogue_of(config: Config) -> Catalogue:
    """What a configuration's providers have. Raises Unusable for its file."""
    named = config.catalogue.file
    chosen = Chosen(Path(config.state.dir), Path(named) if named is not None else None)
    types = {name: provider.type for name, provider in config.providers.items()}
    return Catalogue(types, config.catalogue.models, chosen, chosen.problem)


def _changes(facts: ModelFacts) -> Changes:
    said: dict[str, Any] = {
        "context_window": facts.context_window,
        "max_output_tokens": facts.max_output_tokens,
        "input_modalities": facts.input_modalities,
        "output_modalities": facts.output_modalities,
        "capabilities": facts.capabilities,
        "deprecated": facts.deprecated,
        "retires": facts.retires,
    }
    changes = {name: value for name, value in said.items() if value is not None}
    if facts.prices is not None:  # all of them: a mixture of two lists would be nobody's
        changes |= {"tariff": Tariff((Period(_rates(facts.prices)),)), "source": MINE}
    return changes


def _rates(prices: Prices) -> Rates:
    said: dict[str, Any] = {}
    for name in prices.__struct_fields__:
        told = getattr(prices, name)
        if isinstance(told, dict):
            by = {words: int(price) for words, price in told.items()}
            unit = _UNITS[name.removesuffix("_by")]
            if by:
                said[unit] = by | ({"": said[unit]} if unit in said else {})
        elif told is not None:
            said[_UNITS.get(name, name)] = int(told)
    return Rates(**said)


def _changed(model: Model, changes: Changes) -> Model:
    changed = msgspec.structs.replace(model, **changes)
    if "capabilities" in changes:
        return changed
    others = (name for name in model.capabilities if name not in MEDIA_WORDS)
    media = media_words(changed.input_modalities, changed.output_modalities)
    return msgspec.structs.replace(changed, capabilities=(*others, *media))
