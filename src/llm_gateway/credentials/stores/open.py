"""The four stores, each opened when it is first asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from llm_gateway.config.schema import Network, Secrets
from llm_gateway.core.clock import Clock
from llm_gateway.credentials.fetch import Http
from llm_gateway.credentials.means import Means
from llm_gateway.credentials.outward import client_of
from llm_gateway.credentials.refreshing import Unavailable
from llm_gateway.credentials.stores.aws import AwsSecrets
from llm_gateway.credentials.stores.azure import AzureSecrets
from llm_gateway.credentials.stores.base import Store
from llm_gateway.credentials.stores.google import GoogleSecrets
from llm_gateway.credentials.stores.vault import VaultSecrets
from llm_gateway.http.client import Client


class Stores:
    """The stores that one configuration describes, and the connections to them."""

    def __init__(self, said: Secrets, network: Network, environ: Mapping[str, str], clock: Clock) -> None:
        self._said = said
        self._network = network
        self._environ = environ
        self._clock = clock
        self._open: dict[str, Store] = {}
        self._ways: list[tuple[Http, Client]] = []

    def of(self, kind: str) -> Store:
        """Raises Unavailable for settings that can never work."""
        if kind not in self._open:
            makers: Mapping[str, Callable[[], Store]] = {
                "vault": lambda: VaultSecrets(self._said.vault, self._means(self._said.vault.ca_file)),
                "aws-sm": lambda: AwsSecrets(self._said.aws, self._means()),
                "gcp-sm": lambda: GoogleSecrets(self._said.google, self._means()),
                "azure-kv": lambda: AzureSecrets(self._said.azure, self._means()),
            }
            self._open[kind] = makers[kind]()
        return self._open[kind]

    def _means(self, ca_file: str | None = None) -> Means:
        try:
            client = client_of(self._network, self._environ, ca_file=ca_file)
        except (OSError, ValueError):
            where = "secrets.vault.ca_file" if ca_file else "network"
            raise Unavailable(f"{where} has certificates or a proxy that cannot be used") from None
        http = Http()
        http.use(client)
        self._ways.append((http, client))
        return Means(self._environ, http, self._clock)

    async def close(self) -> None:
        """Close every connection."""
        ways, self._ways = self._ways, []
        await asyncio.gather(*(one.close() for way in ways for one in way))
