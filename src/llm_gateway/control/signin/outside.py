"""How this process reaches identity providers: the way that `network` says, which a reload may change."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from llm_gateway.config.schema import Network
from llm_gateway.credentials.fetch import Http
from llm_gateway.credentials.outward import client_of
from llm_gateway.http.client import Client


class Outside:
    """One per control process."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.http = Http()
        self.client: Client | None = None
        self._environ = environ
        self._network: Network | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def use(self, network: Network) -> None:
        """From now on. Raises OSError and ValueError where certificates or proxies cannot be used; then all stays as it was."""
        if network == self._network:
            return
        before, self.client = self.client, client_of(network, self._environ)
        self._network = network
        self.http.use(self.client)
        if before is not None:
            closing = asyncio.get_running_loop().create_task(before.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        await asyncio.gather(*self._closing, self.http.close(), *(() if self.client is None else (self.client.close(),)))
