"""Host names to addresses, remembered for a while, ordered for RFC 8305."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from llm_gateway.http.errors import DnsFailed

Lookup = Callable[[str, int], Awaitable[list[tuple[Any, ...]]]]
"""What socket.getaddrinfo returns for a host and port; raises OSError."""


class Address(NamedTuple):
    """One address to connect to: a socket family and what socket.connect takes."""

    family: int
    sockaddr: tuple[Any, ...]


class _Entry(NamedTuple):
    addresses: list[Address]
    found_at: float
    doubtful: bool = False


class Resolver:
    """Looks names up once per `ttl` seconds, at most one lookup of a name at a time, at most `entries` names.

    The operating system does not tell the record's own lifetime, hence the short fixed one. When a lookup fails, an
    answer up to `stale` seconds old is better than none and is used.
    """

    def __init__(self, ttl: float = 30.0, stale: float = 300.0, entries: int = 1024, lookup: Lookup | None = None) -> None:
        self._ttl = ttl
        self._stale = stale
        self._entries = entries
        self._lookup = lookup or _getaddrinfo
        self._cache: dict[tuple[str, int], _Entry] = {}
        self._running: dict[tuple[str, int], asyncio.Task[list[Address]]] = {}

    async def resolve(self, host: str, port: int) -> list[Address]:
        """Addresses in the order to try them, never empty. Raises DnsFailed."""
        literal = _literal(host, port)
        if literal is not None:
            return [literal]
        key = (host, port)
        loop = asyncio.get_running_loop()
        entry = self._cache.get(key)
        if entry is not None and not entry.doubtful and loop.time() < entry.found_at + self._ttl:
            return entry.addresses
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = loop.create_task(self._refresh(key))
            task.add_done_callback(lambda done: self._settle(key, done))
        # Shielded: others may wait for the same lookup when this caller gives up.
        return await asyncio.shield(task)

    def forget(self, host: str, port: int) -> None:
        """The addresses led nowhere: ask again next time instead of repeating them for the rest of their ttl."""
        entry = self._cache.get((host, port))
        if entry is not None:
            self._cache[host, port] = entry._replace(doubtful=True)

    async def close(self) -> None:
        """Cancel the lookups that are running."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _settle(self, key: tuple[str, int], task: asyncio.Task[list[Address]]) -> None:
        self._running.pop(key, None)
        if not task.cancelled():
            task.exception()  # looked at: nobody may be waiting any more

    async def _refresh(self, key: tuple[str, int]) -> list[Address]:
        loop = asyncio.get_running_loop()
        try:
            found = interleave([Address(int(row[0]), row[4]) for row in await self._lookup(*key)])
        except (OSError, UnicodeError):
            found = []
        now = loop.time()
        if not found:
            old = self._cache.get(key)
            if old is not None and now < old.found_at + self._ttl + self._stale:
                return old.addresses
            raise DnsFailed("the host name has no address")
        self._cache.pop(key, None)
        while len(self._cache) >= self._entries:
            del self._cache[next(iter(self._cache))]
        self._cache[key] = _Entry(found, now)
        return found


def interleave(addresses: list[Address]) -> list[Address]:
    """Alternate the families, beginning with the system's first choice (RFC 8305 section 4); duplicates dropped."""
    unique = list(dict.fromkeys(addresses))
    if not unique:
        return []
    first = [address for address in unique if address.family == unique[0].family]
    other = [address for address in unique if address.family != unique[0].family]
    mixed: list[Address] = []
    for index in range(max(len(first), len(other))):
        mixed += first[index : index + 1] + other[index : index + 1]
    return mixed


def _literal(host: str, port: int) -> Address | None:
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return None
    if version == 6:
        return Address(socket.AF_INET6, (host, port, 0, 0))
    return Address(socket.AF_INET, (host, port))


async def _getaddrinfo(host: str, port: int) -> list[tuple[Any, ...]]:
    return list(await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM))
