"""The HTTP/1.1 client: pooled connections, one future and one write per request.

    response = await client.send(origin, b"POST", b"/v1/chat/completions", headers, body, timeouts)
    document = await response.read()            # or response.stream(sink)

No redirects are followed and no cookies are kept: a key must not travel to a host nobody configured.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from math import inf
from typing import TypeVar

from llm_gateway.http.body import Body
from llm_gateway.http.client_limits import ClientLimits, Timeouts
from llm_gateway.http.dial import Dialer
from llm_gateway.http.errors import ConnectionLost, ConnectTimeout
from llm_gateway.http.origin import Origin
from llm_gateway.http.pool import Pool
from llm_gateway.http.proxy import Proxies
from llm_gateway.http.resolver import Resolver
from llm_gateway.http.response import Response
from llm_gateway.http.trust import TlsTrust

__all__ = ["Client", "ClientLimits", "Origin", "Proxies", "Resolver", "Response", "Timeouts", "TlsTrust"]

_DEFAULT_LIMITS = ClientLimits()
_DEFAULT_TIMEOUTS = Timeouts()


class Owned(ABC, asyncio.BaseProtocol):
    """The protocol of a connection that is the caller's own."""

    @abstractmethod
    def abort(self) -> None:
        """Close at once."""


P = TypeVar("P", bound=Owned)


class Client:
    """Sends requests to any number of origins. Belongs to the event loop it is first used in; end it with `close`.

    Raises OSError or ValueError when the certificates of `tls` cannot be loaded.
    """

    def __init__(
        self,
        limits: ClientLimits = _DEFAULT_LIMITS,
        *,
        tls: TlsTrust | None = None,
        proxies: Proxies | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self._limits = limits
        self._dialer = Dialer(tls or TlsTrust(), proxies or Proxies(), resolver or Resolver())
        self._pools: dict[Origin, Pool] = {}

    async def send(
        self,
        origin: Origin,
        method: bytes,
        target: bytes,
        headers: bytes,
        body: Body = b"",
        timeouts: Timeouts = _DEFAULT_TIMEOUTS,
    ) -> Response:
        """Send a request and return when the head of its final response is in (1xx are skipped).

        `headers` are clean lines, each ending in CRLF, without Host, Content-Length and Connection. Raises HttpError,
        and ValueError for a method or target that must not be sent. Cancelling closes the connection at once.
        A reused connection that turns out to be closed is replaced once; nothing else is tried again here.
        """
        pool = self._pools.get(origin) or self._open_pool(origin)
        head = pool.lines.render(method, target, headers, len(body))
        now = pool.loop.time()
        total_at = inf if timeouts.total is None else now + timeouts.total
        connection = pool.take()
        again = True
        while True:
            if connection is None:
                left = total_at - pool.loop.time()
                connection = await pool.acquire(min(timeouts.connect, left), min(timeouts.pool, left))
                now = pool.loop.time()
            response = Response(self._limits, connection)
            try:
                await connection.ask(response, head, body, timeouts, now, total_at)
            except ConnectionLost as error:
                if not (error.stale and again):
                    raise
                again = False
                connection = None
            except asyncio.CancelledError:
                response.close()
                raise
            else:
                if method == b"HEAD":
                    response.without_body()
                return response

    async def connect(self, origin: Origin, factory: Callable[[], P], seconds: float) -> P:
        """A connection of the caller's own, outside of the pools and not closed with the client; for what is not HTTP.

        A proxy is asked for a tunnel. Raises ConnectFailed and its kinds.
        """
        task = asyncio.get_running_loop().create_task(self._dialer.dial(origin, factory, tunnelled=True))
        try:
            await asyncio.wait((task,), timeout=seconds)
        except BaseException:
            task.add_done_callback(_unwanted)
            task.cancel()
            raise
        if task.done():
            return task.result()
        task.add_done_callback(_unwanted)
        task.cancel()
        raise ConnectTimeout("no connection in time")

    def has_proxy(self, origin: Origin) -> bool:
        """Whether requests to `origin` go through a proxy."""
        return self._dialer.proxy(origin) is not None

    def stats(self) -> dict[Origin, dict[str, int]]:
        """Per origin: idle, active, waiting, opened, reused."""
        return {origin: pool.stats() for origin, pool in self._pools.items()}

    async def close(self) -> None:
        """Close every connection; exchanges that are under way fail with ConnectionLost."""
        for pool in list(self._pools.values()):
            await pool.close()
        await self._dialer.close()

    def _open_pool(self, origin: Origin) -> Pool:
        if len(self._pools) >= self._limits.origins:
            for known in [known for known, pool in self._pools.items() if pool.empty]:
                del self._pools[known]
        pool = Pool(asyncio.get_running_loop(), origin, self._dialer, self._limits)
        self._pools[origin] = pool
        return pool


def _unwanted(task: asyncio.Task[P]) -> None:
    """Close a connection that came too late for whoever wanted it."""
    if not task.cancelled() and task.exception() is None:
        task.result().abort()
