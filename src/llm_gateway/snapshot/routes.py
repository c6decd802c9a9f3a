"""Routes from the configuration: aliases, their deployments and fallbacks, and names that callers ask for directly."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from llm_gateway.catalogue.book import Model
from llm_gateway.catalogue.lookup import Catalogue
from llm_gateway.catalogue.prices import at_prompt
from llm_gateway.config.schema import Alias, AliasCache, Cache, Config, RouteTimeouts
from llm_gateway.config.schema import Deployment as Entry
from llm_gateway.core.strategy import StrategyName
from llm_gateway.providers.deployment import Patience, Upstream
from llm_gateway.resilience.standings import Standings
from llm_gateway.routing.candidate import Candidate, Leg, Rates
from llm_gateway.routing.features import Needs
from llm_gateway.routing.route import CacheTerms, Hedge, Route, Turns
from llm_gateway.snapshot.upstreams import NotServable

_MEDIA: Mapping[str, Needs] = MappingProxyType({"image": Needs.IMAGES, "audio": Needs.AUDIO})
_USUAL_INPUT = 1_000
"""Prompt tokens at which a price with steps is compared with others."""


class Routes:
    """Makes the routes of one snapshot."""

    def __init__(self, config: Config, upstreams: Mapping[str, Upstream], catalogue: Catalogue, standings: Standings) -> None:
        self._config = config
        self._models = config.models
        self._upstreams = upstreams
        self._catalogue = catalogue
        self._standings = standings

    def aliases(self) -> Mapping[str, Route]:
        """Raises NotServable."""
        self._standings.keep(entry.model for alias in self._models.values() for entry in alias.deployments)
        return MappingProxyType({alias: self._route(alias) for alias in self._models})

    def direct(self, name: str) -> Route | None:
        """A name that is no alias: `provider/model`, or a model that the catalogue knows at one of the providers, all of which
        are candidates then. None: there is none.
        """
        provider, slash, model = name.partition("/")
        if slash and provider in self._upstreams:
            names = [(provider, model)]
        else:
            names = [(upstream, name) for upstream in self._upstreams if self._catalogue.find(upstream, name) is not None]
        entries = tuple(Entry(f"{at}/{model}") for at, model in names if self._offers(at, model))
        if not entries:
            return None
        alias = Alias(deployments=entries)
        try:
            candidates = tuple(self._candidate(entry, alias) for entry in entries)
        except NotServable:
            return None
        return self._made(name, alias, (Leg(name, candidates, self._strategy(alias)),))

    def _offers(self, provider: str, model: str) -> bool:
        models = self._upstreams[provider].models
        return models is None or model in models

    def _route(self, alias: str) -> Route:
        legs: list[Leg] = []
        self._collect(alias, legs, {alias}, set())
        return self._made(alias, self._models[alias], tuple(legs))

    def _made(self, name: str, entry: Alias, legs: tuple[Leg, ...]) -> Route:
        hedge = entry.hedge
        return Route(
            name,
            legs,
            entry.retries,
            float(entry.timeouts.total),
            max_wait=float(entry.max_wait),
            on_cut=entry.on_cut,
            hedge=None if hedge is None else Hedge(None if hedge.after is None else float(hedge.after), hedge.extra),
            around_filter=entry.around_content_filter,
            show_alternatives=entry.show_alternatives,
            cache=cache_terms(self._config.cache, entry.cache),
            turns=Turns(),
        )

    def _collect(self, alias: str, legs: list[Leg], seen: set[str], placed: set[str]) -> None:
        """The alias's deployments, then those of its fallbacks, depth first, each once."""
        entry = self._models[alias]
        self._leg(alias, entry, entry.deployments, legs, placed)
        for name in entry.fallback:
            if name not in self._models:
                self._leg(name, entry, (Entry(name),), legs, placed)
            elif name not in seen:
                seen.add(name)
                self._collect(name, legs, seen, placed)

    def _leg(self, name: str, alias: Alias, entries: tuple[Entry, ...], legs: list[Leg], placed: set[str]) -> None:
        fresh = [entry for entry in entries if entry.provider in self._upstreams and entry.model not in placed]
        placed.update(entry.model for entry in fresh)
        if fresh:  # those of providers that are not running now are left out
            legs.append(Leg(name, tuple(self._candidate(entry, alias) for entry in fresh), self._strategy(alias)))

    def _strategy(self, alias: Alias) -> StrategyName:
        return alias.strategy or self._config.routing.strategy

    def _candidate(self, entry: Entry, alias: Alias) -> Candidate:
        """Raises NotServable."""
        upstream = self._upstreams[entry.provider]
        try:
            deployment = upstream.deployment(entry.name)
        except ValueError as error:
            raise NotServable(f"{entry.model}: {error}") from None
        known = self._catalogue.find(entry.provider, entry.name) or Model()
        return Candidate(
            deployment,
            _patience(entry.timeouts.over(alias.timeouts)),
            self._standings.of(deployment.name),
            self._standings.account(upstream.name),
            weight=entry.weight,
            priority=entry.priority,
            tags=frozenset(entry.tags),
            region=upstream.region or "",
            quality=entry.quality,
            lacks=_lacks(known),
            context=known.context_window or 0,
            max_output=known.max_output_tokens or 0,
            rates=_rates(known),
            deprecated=bool(known.deprecated),
        )


def _lacks(known: Model) -> int:
    """What the model is known not to have. A list of abilities that names none besides chat was never filled in."""
    lacks = Needs(0)
    if set(known.capabilities) - {"chat"} and "tools" not in known.capabilities:
        lacks |= Needs.TOOLS
    for kind, need in _MEDIA.items():
        if known.input_modalities and kind not in known.input_modalities:
            lacks |= need
    return int(lacks)


def _rates(known: Model) -> Rates | None:
    """What tokens cost now, for comparisons: where that depends on the hour or the prompt's length, the usual case."""
    if known.tariff is None:
        return None
    rates = known.tariff.periods[-1].rates
    if rates.input is None or rates.output is None:
        return None
    fresh = at_prompt(rates.input, _USUAL_INPUT)
    cached = fresh if rates.cache_read is None else at_prompt(rates.cache_read, _USUAL_INPUT)
    return Rates((fresh, cached, at_prompt(rates.output, _USUAL_INPUT)))


def keeps(config: Config) -> bool:
    """Whether any answers are kept."""
    return config.cache.enabled or any(alias.cache.enabled for alias in config.models.values())


def cache_terms(general: Cache, alias: AliasCache) -> CacheTerms | None:
    """How long the alias's answers are given again; None: they are not kept."""
    if not (general.enabled if alias.enabled is None else alias.enabled):
        return None
    ttl, stale = general.ttl if alias.ttl is None else alias.ttl, general.stale if alias.stale is None else alias.stale
    return CacheTerms(float(ttl), float(stale))


def _patience(timeouts: RouteTimeouts) -> Patience:
    return Patience(
        connect=float(timeouts.connect),
        head=None if timeouts.head is None else float(timeouts.head),
        first_token=float(timeouts.first_token),
        idle=float(timeouts.idle),
        total=float(timeouts.total),
    )
