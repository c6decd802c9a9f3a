"""What a configuration becomes before a request meets it: routes, deployments and keys, all looked up ahead of time.

Immutable. A reload compiles another one beside it; requests in flight keep theirs.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from llm_gateway.catalogue.format import Unusable as UnusableCatalogue
from llm_gateway.catalogue.lookup import Catalogue, catalogue_of
from llm_gateway.config.schema import Config
from llm_gateway.core.clock import SystemClock
from llm_gateway.credentials.registry import Authorizers
from llm_gateway.identity.directory import Directory
from llm_gateway.identity.keys import KeyTable
from llm_gateway.providers.deployment import Upstream
from llm_gateway.providers.registry import types_of
from llm_gateway.resilience.standings import Standings
from llm_gateway.routing.router import Router
from llm_gateway.snapshot.callers import directory_of, table_of
from llm_gateway.snapshot.routes import Routes
from llm_gateway.snapshot.upstreams import NotServable, authorizers_of, client_name, upstream_of

__all__ = ["NotServable", "Snapshot", "client_name", "compile_snapshot"]


@dataclass(frozen=True)
class Snapshot:
    """Everything a worker acts on."""

    config: Config
    upstreams: Mapping[str, Upstream]
    router: Router
    keys: KeyTable
    directory: Directory
    authorizers: Authorizers
    """By provider: those that need more than a key."""
    catalogue: Catalogue


def compile_snapshot(  # noqa: PLR0913 - what a snapshot is made from, each by name
    config: Config,
    *,
    pepper: bytes | Sequence[bytes],
    environ: Mapping[str, str],
    managed: Mapping[str, str],
    missing: Container[str] = (),
    authorizers: Authorizers | None = None,
    standings: Standings | None = None,
    directory: bytes | None = None,
    keys: KeyTable | None = None,
    waiting: bool = False,
) -> Snapshot:
    """`managed`: URLs of the providers that the gateway runs itself, by name; `missing`: those that could not be started,
    whose models answer 503 while everything else is served; `authorizers`: those of the snapshot before, whose tokens are kept;
    `standings`: how deployments are doing, which outlives a snapshot; `directory`: tenants and keys of the store as control built
    them, beside those of the configuration (None: these alone); `keys`: the table before, whose uses and revocations go on;
    `waiting`: the store was never read; `pepper`: or several, the current one first. Raises NotServable.
    """
    types = types_of(config)
    served = {name: made for name, made in config.providers.items() if made.enabled and name not in missing}
    authorizers = authorizers_of(served, types, environ, authorizers or Authorizers(SystemClock()))
    upstreams = {
        name: upstream_of(name, provider, types[provider.type], environ, managed, authorizers.by_name.get(name))
        for name, provider in served.items()
    }
    catalogue = _catalogue(config)
    routes = Routes(config, upstreams, catalogue, standings or Standings())
    router = Router(routes.aliases(), MappingProxyType(upstreams), routes.direct)
    peppers = (pepper,) if isinstance(pepper, bytes) else tuple(pepper)
    known = directory_of(config, peppers, directory)
    table = table_of(config, peppers, known, keys, waiting=waiting)
    return Snapshot(config, MappingProxyType(upstreams), router, table, known, authorizers, catalogue)


def _catalogue(config: Config) -> Catalogue:
    try:
        return catalogue_of(config)
    except UnusableCatalogue as error:
        raise NotServable(f"catalogue.file: {error}") from None
