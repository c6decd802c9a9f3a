"""What a worker reads off a configuration or a snapshot."""

from __future__ import annotations

from msgspec.structs import replace

from llm_gateway.config.schema import Config
from llm_gateway.config.schema.server import Admin
from llm_gateway.providers.load import Watched
from llm_gateway.snapshot import Snapshot


def known_models(config: Config) -> list[tuple[str, str]]:
    """The (provider, model) pairs that the configuration names."""
    return [(made.provider, made.name) for alias in config.models.values() for made in alias.deployments]


def provider_types(config: Config) -> dict[str, str]:
    """Name -> type of the providers that are served."""
    return {name: provider.type for name, provider in config.providers.items() if provider.enabled}


def watched(snapshot: Snapshot) -> dict[str, Watched]:
    """The providers whose load the configuration wants to be read."""
    every = {name: provider.options.load_every for name, provider in snapshot.config.providers.items()}
    return {name: Watched(made, float(wait)) for name, made in snapshot.upstreams.items() if (wait := every[name]) is not None}


def _listening(old: Admin | None, new: Admin | None) -> Admin | None:
    """`old`, unless the listener itself is another one: who may reach it holds with the reload."""
    if old is None or new is None:
        return new
    return old if (old.host, old.port) == (new.host, new.port) else new


def restart_needed(old: Config, new: Config) -> list[str]:
    """The keys whose change takes effect with the next start only (requirements H2)."""
    live = {
        "cors": old.server.cors,
        "keepalive": old.server.keepalive,
        "drain": old.server.drain,
        "drain_delay": old.server.drain_delay,
        "realtime": old.server.realtime,
        "access": old.server.access,
        "allowed_hosts": old.server.allowed_hosts,
        "expose_admin": old.server.expose_admin,
        "admin": _listening(old.server.admin, new.server.admin),
    }
    pairs = {
        "server": (old.server, replace(new.server, **live)),
        "logging": (old.logging.access, new.logging.access),
        "state": (old.state, new.state),
        "ledger": (old.ledger, new.ledger),
        "redis": (old.redis, new.redis),
        "cache": (old.cache.backend, new.cache.backend),
        "database": (old.database, new.database),
        "telemetry": (old.telemetry.metrics.buckets, new.telemetry.metrics.buckets),
    }
    return [name for name, (before, after) in pairs.items() if before != after]
