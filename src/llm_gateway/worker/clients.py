"""The HTTP clients that a configuration needs: one that providers share, and one for each with TLS or a proxy of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from llm_gateway.config.schema import Config, Fetch, Network, Provider
from llm_gateway.credentials.outward import proxies_of
from llm_gateway.http.client import Client, ClientLimits, Proxies, Resolver, TlsTrust
from llm_gateway.http.public import GuardedResolver
from llm_gateway.providers import fetch
from llm_gateway.snapshot import NotServable, client_name

RETIRE_SECONDS = 5.0


@dataclass(frozen=True)
class _Kept:
    client: Client
    settings: tuple[Any, ...]
    """What it was made from: equal settings, same client, so that a reload keeps its warm connections."""


class Clients:
    """Name -> client; "" is the shared one."""

    def __init__(self, kept: Mapping[str, _Kept]) -> None:
        self._kept = kept
        self.by_name: Mapping[str, Client] = {name: entry.client for name, entry in kept.items()}

    def beside(self, config: Config, environ: Mapping[str, str]) -> Clients:
        """The clients for `config`; those whose settings did not change are the same. Raises NotServable (certificate files)."""
        own = {name: made for name, made in config.providers.items() if made.enabled and client_name(name, made)}
        needed: dict[str, Provider | None] = {"": None, **own}
        made = {name: self._one(name, provider, config.network, environ) for name, provider in needed.items()}
        if config.translation.fetch.enabled:
            made[fetch.CLIENT] = self._fetching(config.translation.fetch, config.network)
        return Clients(made)

    def _fetching(self, rules: Fetch, network: Network) -> _Kept:
        """The client that reaches public addresses only. Nothing that a caller chose is kept open."""
        settings = (network, rules.allow_private)
        before = self._kept.get(fetch.CLIENT)
        if before is not None and before.settings == settings:
            return before
        limits = ClientLimits(connections_per_origin=8, waiting_per_origin=256, idle_per_origin=0)
        resolver = GuardedResolver([ip_network(allowed) for allowed in rules.allow_private], ttl=float(network.dns_ttl))
        return _Kept(Client(limits, tls=TlsTrust(ca_file=network.ca_file), proxies=Proxies(), resolver=resolver), settings)

    def _one(self, name: str, provider: Provider | None, network: Network, environ: Mapping[str, str]) -> _Kept:
        own = (provider.tls, provider.proxy, provider.max_connections) if provider else ()
        settings = (network, own, _proxy_variables(environ))
        before = self._kept.get(name)
        if before is not None and before.settings == settings:
            return before
        return _Kept(_client(name, network, provider, environ), settings)

    async def retire(self, keeping: Clients) -> None:
        """Close what `keeping` does not have, as soon as no request of the old world uses it any more."""
        leaving = [client for client in self.by_name.values() if client not in keeping.by_name.values()]
        try:
            while leaving:
                await asyncio.sleep(RETIRE_SECONDS)
                for client in [client for client in leaving if not _busy(client)]:
                    await client.close()
                    leaving.remove(client)
        finally:  # the gateway may end sooner
            for client in leaving:
                await client.close()

    async def close(self) -> None:
        for client in self.by_name.values():
            await client.close()


def _client(name: str, network: Network, provider: Provider | None, environ: Mapping[str, str]) -> Client:
    limits = ClientLimits(
        connections_per_origin=(provider and provider.max_connections) or network.connections_per_provider,
        waiting_per_origin=network.queue,
        idle_per_origin=network.idle_connections,
        idle_expiry=float(network.idle_expiry),
    )
    tls = provider.tls if provider else None
    trust = TlsTrust(
        ca_file=(tls and tls.ca_file) or network.ca_file,
        cert_file=tls.cert if tls else None,
        key_file=tls.key if tls else None,
        insecure=tls.insecure if tls else False,
    )
    try:
        resolver = Resolver(ttl=float(network.dns_ttl))
        return Client(limits, tls=trust, proxies=_proxies(network, provider, environ), resolver=resolver)
    except (OSError, ValueError) as error:
        where = f"providers.{name}" if provider else "network"
        raise NotServable(f"{where}: {error}") from None


def _proxies(network: Network, provider: Provider | None, environ: Mapping[str, str]) -> Proxies:
    return proxies_of((provider and provider.proxy) or network.proxy, network, environ)


def _proxy_variables(environ: Mapping[str, str]) -> tuple[str | None, ...]:
    names = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")
    return tuple(environ.get(spelled) for name in names for spelled in (name, name.lower()))


def _busy(client: Client) -> bool:
    return any(counts["active"] or counts["waiting"] for counts in client.stats().values())
