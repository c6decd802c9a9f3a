"""From an origin to a connection that can be asked: addresses, TCP, proxy, TLS."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from typing import TypeVar

from llm_gateway.http.client_connection import ClientConnection, Owner, PlainConnection, TlsConnection
from llm_gateway.http.client_limits import ClientLimits
from llm_gateway.http.errors import ConnectFailed, TlsFailed
from llm_gateway.http.eyeballs import connect
from llm_gateway.http.origin import Origin
from llm_gateway.http.proxy import Proxies, Proxy, tunnel
from llm_gateway.http.resolver import Resolver
from llm_gateway.http.trust import TlsTrust, why_tls_failed

_READ = 64 * 1024
"""Bytes decrypted at once; a TLS record holds 16 KiB."""

P = TypeVar("P", bound=asyncio.BaseProtocol)


class Dialer:
    """Makes connections; one for all origins of a client."""

    def __init__(self, trust: TlsTrust, proxies: Proxies, resolver: Resolver) -> None:
        self._tls = trust.context()
        self._proxies = proxies
        self._resolver = resolver
        self._buffer = memoryview(bytearray(_READ))

    def proxy(self, origin: Origin) -> Proxy | None:
        """The proxy this origin is reached through."""
        return self._proxies.route(origin)

    def connection(self, origin: Origin, loop: asyncio.AbstractEventLoop, owner: Owner, limits: ClientLimits) -> ClientConnection:
        """The protocol for a new connection to `origin`."""
        if origin.scheme == "https":
            return TlsConnection(loop, owner, limits, self._buffer)
        return PlainConnection(loop, owner, limits)

    async def dial(self, origin: Origin, factory: Callable[[], P], *, tunnelled: bool = False) -> P:
        """A new connection. Has no deadline of its own: cancel it. Raises ConnectFailed and its kinds.

        `tunnelled`: a proxy is asked for a tunnel even to an `http` origin, as for a WebSocket (RFC 6455 section 4.1).
        """
        proxy = self.proxy(origin)
        sock = await self._reach(proxy.host, proxy.port) if proxy else await self._reach(origin.host, origin.port)
        if proxy is not None and (tunnelled or origin.scheme == "https"):
            try:
                await tunnel(sock, origin, proxy)
            except OSError as error:
                sock.close()
                raise ConnectFailed(_why(error)) from None
            except BaseException:
                sock.close()
                raise
        if origin.scheme == "http":
            return await self._attach(sock, factory)
        return await self._attach_tls(sock, factory, origin.host)

    async def close(self) -> None:
        """End the lookups that are running."""
        await self._resolver.close()

    async def _reach(self, host: str, port: int) -> socket.socket:
        addresses = await self._resolver.resolve(host, port)
        try:
            return await connect(addresses)
        except OSError as error:
            self._resolver.forget(host, port)
            raise ConnectFailed(_why(error)) from None

    async def _attach(self, sock: socket.socket, factory: Callable[[], P]) -> P:
        try:
            _, connection = await asyncio.get_running_loop().create_connection(factory, sock=sock)
        except OSError as error:
            sock.close()
            raise ConnectFailed(_why(error)) from None
        return connection

    async def _attach_tls(self, sock: socket.socket, factory: Callable[[], P], host: str) -> P:
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                factory, sock=sock, ssl=self._tls, server_hostname=host
            )
        except ssl.SSLError as error:
            raise TlsFailed(why_tls_failed(error)) from None
        except OSError as error:  # closed in the middle of the handshake
            raise TlsFailed(why_tls_failed(error)) from None
        return connection


def _why(error: OSError) -> str:
    """The reason without the address that Python puts into its text."""
    reason = os.strerror(error.errno).lower() if error.errno else "unreachable"
    return f"no connection: {reason}"
