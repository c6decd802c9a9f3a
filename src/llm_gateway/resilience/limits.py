"""Which limits a configuration sets: of deployments and accounts, as the Bulkhead wants them."""

from __future__ import annotations

from llm_gateway.config.schema import Config
from llm_gateway.config.schema.bulkheads import Bulkhead as Settings
from llm_gateway.resilience.bulkhead import Bulkhead
from llm_gateway.resilience.standings import Standings


def apply_limits(bulkhead: Bulkhead, config: Config, settings: Settings, standings: Standings) -> None:
    """When a configuration begins to hold, after `standings.configure`: what it names has its place there by then."""
    served = {name: provider for name, provider in config.providers.items() if provider.enabled}
    entries = [entry for alias in config.models.values() for entry in alias.deployments]
    targets = [name for alias in config.models.values() for name in alias.fallback if name not in config.models]
    limits = {
        standings.of(entry.model): entry.max_concurrent
        for entry in entries
        if entry.max_concurrent is not None and entry.provider in served
    }
    limits |= {
        standings.account(name): provider.max_concurrent
        for name, provider in served.items()
        if provider.max_concurrent is not None
    }
    names = dict.fromkeys([*(entry.model for entry in entries), *targets])
    bulkhead.configure(settings, limits, [standings.of(name) for name in names if name.partition("/")[0] in served])
