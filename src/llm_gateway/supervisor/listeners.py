"""The sockets that the gateway listens on, bound before anything else is started.

The supervisor keeps them: while a worker is being started again, connections wait in the queue of its socket, and nobody is
refused.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Sequence

from llm_gateway.config.schema import Config

BACKLOG = 2048


class InUse(OSError):
    """Somebody else listens there; `key` is the configuration key of the address."""

    def __init__(self, error: OSError, key: str) -> None:
        super().__init__(errno.EADDRINUSE, str(error))
        self.key = key


def bind(
    host: str, port: int, *, count: int = 1, reuse_port: bool = False, key: str = "server.port"
) -> list[list[socket.socket]]:
    """For each of `count` workers the sockets that it accepts on, listening: one for every address of `host`.

    Several share the address by SO_REUSEPORT; port 0 takes a free one. Raises InUse, OSError.
    """
    shared = reuse_port or count > 1
    made: list[list[socket.socket]] = []
    try:
        if shared and not reuse_port and port:
            _close(_bound(host, port, shared=False))  # another gateway that shares its port would take half of our callers
        for _ in range(count):
            made.append(_bound(host, port, shared=shared))
            port = made[0][0].getsockname()[1]
    except BaseException as error:
        for sockets in made:
            _close(sockets)
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise InUse(error, key) from None
        raise
    return made


def _bound(host: str, port: int, *, shared: bool) -> list[socket.socket]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    made: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            try:
                sock = socket.socket(family, kind, protocol)
            except OSError:  # a machine without IPv6
                continue
            made.append(sock)
            _configure(sock, family, shared=shared)
            sock.bind(address)
            sock.listen(BACKLOG)
            sock.setblocking(False)
    except BaseException:
        _close(made)
        raise
    if not made:
        raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    return made


def _configure(sock: socket.socket, family: int, *, shared: bool) -> None:
    if sys.platform != "cygwin":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)


def _close(sockets: Sequence[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def listening(config: Config) -> tuple[list[list[socket.socket]], list[socket.socket]]:
    """The sockets of each worker, and those for operators. Raises OSError."""
    server, admin = config.server, config.server.admin
    slots = bind(server.host, server.port, count=server.workers.processes, reuse_port=server.reuse_port)
    try:
        return slots, bind(admin.host, admin.port, key="server.admin")[0] if admin is not None else []
    except BaseException:
        for sock in (sock for sockets in slots for sock in sockets):
            sock.close()
        raise
