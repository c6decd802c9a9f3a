"""Accounts at providers as they are asked: from the configuration, the environment and the provider's type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

from llm_gateway.config.schema import Provider
from llm_gateway.credentials.base import Authorizer
from llm_gateway.credentials.refreshing import Unavailable
from llm_gateway.credentials.registry import Authorizers, Unusable, Wanted, wanted_by
from llm_gateway.providers.base import Endpoint, ProviderType
from llm_gateway.providers.deployment import Upstream
from llm_gateway.providers.registry import PROVIDER_TYPES


class NotServable(Exception):
    """A configuration that loads but cannot be served; the message names the entry and what to do."""


def authorizers_of(
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


def upstream_of(
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
            propagate=provider.propagate,
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
