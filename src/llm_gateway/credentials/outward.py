"""The HTTP client that `network` describes: what the gateway itself asks others with."""

from __future__ import annotations

from collections.abc import Mapping

from llm_gateway.config.schema import Network
from llm_gateway.config.values import ProxyChoice
from llm_gateway.http.client import Client, ClientLimits, Proxies, Resolver, TlsTrust

_FEW = ClientLimits(connections_per_origin=16, waiting_per_origin=1024, idle_per_origin=2)


def client_of(network: Network, environ: Mapping[str, str], *, ca_file: str | None = None) -> Client:
    """A client for token endpoints and secret stores. `ca_file`: trusted in place of `network.ca_file`.

    Raises OSError and ValueError where certificates or proxies cannot be used.
    """
    proxies = proxies_of(network.proxy, network, environ)
    return Client(
        _FEW, tls=TlsTrust(ca_file=ca_file or network.ca_file), proxies=proxies, resolver=Resolver(float(network.dns_ttl))
    )


def proxies_of(choice: ProxyChoice, network: Network, environ: Mapping[str, str]) -> Proxies:
    """What a choice of a proxy means, with the exceptions of `network.no_proxy`."""
    said = choice.reveal()
    if said == "none":
        return Proxies()
    if said != "env":
        return Proxies(http=said, https=said, direct=network.no_proxy)
    direct = ",".join(filter(None, (environ.get("NO_PROXY") or environ.get("no_proxy"), *network.no_proxy)))
    return Proxies.from_variables({**environ, "NO_PROXY": direct, "no_proxy": direct})
