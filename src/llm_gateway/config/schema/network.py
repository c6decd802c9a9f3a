"""`network`: how the gateway reaches providers."""

from __future__ import annotations

from typing import Annotated

from llm_gateway.config.schema.base import Section, Text, about
from llm_gateway.config.values import Duration, ProxyChoice


class Network(Section, frozen=True):
    """Connections to providers."""

    proxy: Annotated[
        ProxyChoice, about("env: as HTTPS_PROXY, HTTP_PROXY and NO_PROXY say; none; or http://[user:password@]host:port.")
    ] = ProxyChoice("env")
    no_proxy: Annotated[
        tuple[Text, ...], about("Hosts, domains, addresses and networks reached without a proxy, besides those of NO_PROXY.")
    ] = ()
    ca_file: Annotated[Text | None, about("PEM file with authorities to trust; absent: those of the system.")] = None
    connections_per_provider: Annotated[int, about("Most connections open to one provider.", ge=1, le=100_000)] = 512
    queue: Annotated[int, about("Most requests waiting for a connection to one provider.", ge=0, le=1_000_000)] = 1024
    idle_connections: Annotated[int, about("Most idle connections kept for one provider.", ge=0, le=100_000)] = 128
    idle_expiry: Annotated[Duration, about("An idle connection is closed after this long.", positive=True)] = Duration(60)
    dns_ttl: Annotated[Duration, about("How long a looked-up address is used; 0: looked up for every connection.")] = Duration(30)
