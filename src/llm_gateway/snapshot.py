"""What a configuration becomes before a request meets it: routes, deployments and keys, all looked up ahead of time.

Immutable. A reload compiles another one beside it; requests in flight keep theirs.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from urllib.parse import quote

from llm_gateway.catalogue.format import Unusable as UnusableCatalogue
from llm_gateway.catalogue.lookup import Catalogue, catalogue_of
from llm_gateway.config.schema import Alias, Config, Provider, RouteTimeouts
from llm_gateway.config.schema.auth import ANONYMOUS
from llm_gateway.core.caller import Caller
from llm_gateway.core.clock import SystemClock
from llm_gateway.credentials.base import Authorizer
from llm_gateway.credentials.refreshing import Unavailable
from llm_gateway.credentials.registry import Authorizers, Unusable, Wanted, wanted_by
from llm_gateway.identity.keys import KeyTable, Pepper
from llm_gateway.providers.base import Endpoint, ProviderType
from llm_gateway.providers.deployment import Deployment, Patience, Upstream
from llm_gateway.providers.registry import PROVIDER_TYPES, types_of
from llm_gateway.routing.route import Route, Router


class NotServable(Exception):
    """A configuration that loads but cannot be served; the message names the entry and what to do."""


@dataclass(frozen=True)
class Snapshot:
    """Everything a worker acts on."""

    config: Config
    upstreams: Mapping[str, Upstream]
    router: Router
    keys: KeyTable
    authorizers: Authorizers
    """By provider: those that need more than a key."""
    catalogue: Catalogue


def compile_snapshot(
    config: Config,
    *,
    pepper: bytes,
    environ: Mapping[str, str],
    managed: Mapping[str, str],
    missing: Container[str] = (),
    authorizers: Authorizers | None = None,
) -> Snapshot:
    """`managed`: URLs of the providers that the gateway runs itself, by name; `missing`: those that could not be started,
    whose models answer 503 while everything else is served; `authorizers`: those of the snapshot before, whose tokens are kept.
    Raises NotServable.
    """
    types = types_of(config)
    served = {name: made for name, made in config.providers.items() if made.enabled and name not in missing}
    authorizers = _authorizers(served, types, environ, authorizers or Authorizers(SystemClock()))
    upstreams = {
        name: _upstream(name, provider, types[provider.type], environ, managed, authorizers.by_name.get(name))
        for name, provider in served.items()
    }
    routes = {alias: _route(alias, config.models, upstreams) for alias in config.models}
    defaults = RouteTimeouts()
    router = Router(MappingProxyType(routes), MappingProxyType(upstreams), _patience(defaults), Alias(deployments=()).retries)
    return Snapshot(config, MappingProxyType(upstreams), router, _keys(config, Pepper(pepper)), authorizers, _catalogue(config))


def _catalogue(config: Config) -> Catalogue:
    try:
        return catalogue_of(config)
    except UnusableCatalogue as error:
        raise NotServable(f"catalogue.file: {error}") from None


def _authorizers(
    served: Mapping[str, Provider], types: Mapping[str, ProviderType], environ: Mapping[str, str], before: Authorizers
) -> Authorizers:
    wanted: dict[str, Wanted] = {}
    for name, provider in served.items():
        kind = types[provider.type]
        try:
            want = wanted_by(provider, kind.credentials, _key(kind, provider, environ), environ)
        except Unavailable as error:
            raise NotServable(f"providers.{name}: {error}") from None
        if want is not None:
            wanted[name] = want
    try:
        return before.beside(wanted, environ)
    except Unusable as error:
        raise NotServable(f"providers.{error}") from None


def _key(kind: ProviderType, provider: Provider, environ: Mapping[str, str]) -> str | None:
    return provider.api_key.reveal() if provider.api_key else environ.get(kind.key_variable or "", "").strip() or None


def _upstream(
    name: str,
    provider: Provider,
    kind: ProviderType,
    environ: Mapping[str, str],
    managed: Mapping[str, str],
    authorizer: Authorizer | None,
) -> Upstream:
    base_url = _base_url(name, provider, kind, environ, managed)
    if base_url is None:
        wanted = "it is not running" if kind.managed else f"a provider of type {kind.name} needs base_url"
        raise NotServable(f"providers.{name}: {wanted}")
    headers = _account_headers(name, kind, provider) | {header: value.reveal() for header, value in provider.headers.items()}
    try:
        return Upstream(
            name,
            _narrowed(kind, provider),
            base_url,
            api_key=None if authorizer else _key(kind, provider, environ),
            headers=headers,
            models=provider.models,
            region=provider.region,
            client_name=client_name(name, provider),
            authorizer=authorizer,
        )
    except ValueError as error:
        raise NotServable(f"providers.{name}: {error}") from None


def _base_url(
    name: str, provider: Provider, kind: ProviderType, environ: Mapping[str, str], managed: Mapping[str, str]
) -> str | None:
    if kind.account_url is not None:
        try:
            return kind.account_url(provider, environ)
        except ValueError as error:
            raise NotServable(f"providers.{name}: {error}") from None
    return provider.base_url or managed.get(name) or kind.base_url


def _account_headers(name: str, kind: ProviderType, provider: Provider) -> dict[str, str]:
    said = {"organization": provider.organization, "project": provider.project, "api_version": provider.api_version}
    for key, value in said.items():
        known = key in kind.account_headers or key in kind.account_keys or (key == "api_version" and kind.versioned)
        if value is not None and not known:
            raise NotServable(f"providers.{name}.{key}: a provider of type {kind.name} does not know this; remove it")
    return {header: said[key] or "" for key, header in kind.account_headers.items() if said[key]}


def _narrowed(kind: ProviderType, provider: Provider) -> ProviderType:
    """What of the type this account has: an API version may have endpoints of its own, and a simulator speaks one dialect at a
    time, like the provider it stands for.
    """
    if kind.narrow is not None:
        kind = kind.narrow(kind, provider)
    if provider.api_version is not None and kind.versioned:
        version = quote(provider.api_version, safe="")
        endpoints = {dialect: _at_version(endpoint, version) for dialect, endpoint in kind.versioned.items()}
        return replace(kind, endpoints=endpoints, version="")
    if "speaks" not in kind.options:
        return kind
    as_who = PROVIDER_TYPES[provider.options.speaks]
    return replace(kind, endpoints=as_who.endpoints, sign=as_who.sign, headers=as_who.headers, forwarded=as_who.forwarded)


def _at_version(endpoint: str | Endpoint, version: str) -> Endpoint:
    place = Endpoint(endpoint) if isinstance(endpoint, str) else endpoint
    stream = place.stream_path.replace("{api_version}", version) if place.stream_path else None
    return replace(place, path=place.path.replace("{api_version}", version), stream_path=stream)


def client_name(name: str, provider: Provider) -> str:
    """Providers share one HTTP client unless their TLS, proxy or connection limit is their own."""
    own = provider.proxy is not None or provider.max_connections is not None or provider.tls != type(provider.tls)()
    return name if own else ""


def _route(alias: str, models: Mapping[str, Alias], upstreams: Mapping[str, Upstream]) -> Route:
    candidates: dict[str, tuple[Deployment, Patience]] = {}
    _collect(alias, models, upstreams, candidates, {alias})
    entry = models[alias]
    return Route(alias, tuple(candidates.values()), entry.retries, float(entry.timeouts.total))


def _collect(
    alias: str,
    models: Mapping[str, Alias],
    upstreams: Mapping[str, Upstream],
    into: dict[str, tuple[Deployment, Patience]],
    seen: set[str],
) -> None:
    """The alias's deployments, then those of its fallbacks, depth first, each once."""
    entry = models[alias]
    for deployment in entry.deployments:
        patience = _patience(deployment.timeouts.over(entry.timeouts))
        _add(deployment.provider, deployment.name, patience, upstreams, into)
    for name in entry.fallback:
        if name in models:
            if name not in seen:
                seen.add(name)
                _collect(name, models, upstreams, into, seen)
        else:
            provider, _, model = name.partition("/")
            _add(provider, model, _patience(entry.timeouts), upstreams, into)


def _add(
    provider: str, model: str, patience: Patience, upstreams: Mapping[str, Upstream], into: dict[str, tuple[Deployment, Patience]]
) -> None:
    if provider not in upstreams:
        return  # not running now; that the name exists was checked when the configuration was loaded
    try:
        made = upstreams[provider].deployment(model)
    except ValueError as error:
        raise NotServable(f"{provider}/{model}: {error}") from None
    into.setdefault(made.name, (made, patience))


def _patience(timeouts: RouteTimeouts) -> Patience:
    return Patience(
        connect=float(timeouts.connect),
        head=None if timeouts.head is None else float(timeouts.head),
        first_token=float(timeouts.first_token),
        idle=float(timeouts.idle),
        total=float(timeouts.total),
    )


def _keys(config: Config, pepper: Pepper) -> KeyTable:
    callers: list[tuple[bytes, Caller]] = []
    for key in config.auth.keys:
        if key.disabled:
            continue
        digest = pepper.digest(key.key.reveal().encode()) if key.key else bytes.fromhex(key.key_hash or "")
        strict = None if key.on_loss is None else key.on_loss == "refuse"
        expires = key.expires.timestamp() if key.expires else None
        caller = Caller(
            key.name,
            key.models,
            expires=expires,
            metadata_in_body=key.metadata_in_body,
            strict=strict,
            passthrough=key.passthrough,
        )
        callers.append((digest, caller))
    return KeyTable(pepper, callers, None if config.auth.needed else Caller(ANONYMOUS, passthrough=("*",)))
