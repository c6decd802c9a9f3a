"""One plain request to a provider beside the model operations: what it keeps of ours, what it knows of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from llm_gateway.core.errors import UpstreamUnavailable
from llm_gateway.http.client import Client, Timeouts
from llm_gateway.http.errors import HttpError
from llm_gateway.providers.ask import signature
from llm_gateway.providers.base import Endpoint
from llm_gateway.providers.deployment import Upstream
from llm_gateway.providers.faults import from_http

LARGEST = 32 << 20
"""Bytes of one answer."""
SECONDS = 30.0


class Said(NamedTuple):
    """A provider's answer, whatever its status."""

    status: int
    body: bytes


class Beside:
    """Sends such requests. `upstreams` by name, `clients` as Upstream.client_name names them."""

    def __init__(self, upstreams: Mapping[str, Upstream], clients: Mapping[str, Client]) -> None:
        self._upstreams = upstreams
        self._clients = clients

    async def __call__(
        self,
        provider: str,
        method: bytes,
        path: str,
        body: bytes = b"",
        seconds: float = SECONDS,
        keys: Mapping[str, str] | None = None,
    ) -> Said:
        """`path` stands below the API's version; `keys`: those of the caller's tenant, by provider. Raises UpstreamError if no
        answer came within `seconds`.
        """
        upstream = self._upstreams.get(provider)
        if upstream is None:
            raise UpstreamUnavailable(f"The provider {provider} is not running.")
        if keys is not None and provider in keys:
            upstream = upstream.owned(keys[provider])
        target = (upstream.base_path + path).encode("ascii")
        headers = upstream.headers
        if upstream.authorizer is not None:
            headers += await signature(upstream, method, target, body, min(seconds, 5.0))
        timeouts = Timeouts(connect=min(seconds, 5.0), head=seconds, idle=seconds, total=seconds, pool=seconds)
        client = self._clients[upstream.client_name]
        try:
            response = await client.send(upstream.origin, method, target, headers, body, timeouts)
            upstream.refused(response.status)
            try:
                return Said(response.status, await response.read(LARGEST))
            finally:
                response.close()
        except HttpError as error:
            raise from_http(error) from error

    def path(self, provider: str, dialect: str, below: str) -> str | None:
        """The path of what lies `below` a dialect's endpoint; None where the provider does not speak it."""
        upstream = self._upstreams.get(provider)
        place = None if upstream is None else upstream.kind.endpoints.get(dialect)
        if place is None:
            return None
        path, mark, query = (place.path if isinstance(place, Endpoint) else place).partition("?")
        return f"{path}/{below}{mark}{query}"
