"""A raw server that plays a script on each connection: what it sends, byte for byte, is up to the test.

    async with Upstream([ASK, b"HTTP/1.1 204 No Content\r\n\r\n"], [RESET]) as upstream:
        ...  # the first connection is answered, every later one is reset

A script that is over leaves the connection open until the client closes it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Sequence
from typing import Self

ASK = "read one whole request"
CLOSE = "close"
RESET = "reset"

Step = str | bytes | float
"""ASK, CLOSE, RESET, bytes to send, or seconds to wait."""


class Upstream:
    """Plays the i-th script on the i-th connection; the last one on all further connections."""

    def __init__(self, *scripts: Sequence[Step], tls: ssl.SSLContext | None = None) -> None:
        self.scripts = scripts
        self.tls = tls
        self.connections = 0
        self.requests: list[tuple[int, bytes]] = []
        """(connection number, head and body) of every request read by ASK."""
        self.left = 0
        """Connections the client has closed or reset."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        return self._server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def until_left(self, count: int = 1) -> None:
        """Wait until `count` clients have gone; a test that waits in vain ends with a TimeoutError."""
        for _ in range(2000):
            if self.left >= count:
                return
            await asyncio.sleep(0.005)
        raise TimeoutError(f"{self.left} of {count} clients left")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        number = self.connections
        self.connections += 1
        try:
            for step in self.scripts[min(number, len(self.scripts) - 1)]:
                await self._play(step, number, reader, writer)
            while await reader.read(65536):
                pass
            self.left += 1
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            self.left += 1
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _play(self, step: Step, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if step == ASK:
            head = await reader.readuntil(b"\r\n\r\n")
            length = 0
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    length = int(line[15:])
            self.requests.append((number, head + await reader.readexactly(length)))
        elif step == CLOSE:
            writer.close()
        elif step == RESET:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        elif isinstance(step, bytes):
            if writer.is_closing():  # the client was faster; uvloop raises RuntimeError for a write then
                raise ConnectionResetError
            writer.write(step)
            await writer.drain()
        else:
            await asyncio.sleep(float(step))


class Collector:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.ended = 0
        self.error: Exception | None = None
        self.over = asyncio.get_running_loop().create_future()

    @property
    def data(self) -> bytes:
        return b"".join(self.pieces)

    def feed(self, data: bytes) -> None:
        assert self.ended == 0, "fed after the end"
        assert self.error is None, "fed after an error"
        assert data, "fed nothing"
        self.pieces.append(data)

    def end(self) -> None:
        self.ended += 1
        self.over.set_result(None)

    def broken(self, error: Exception) -> None:
        assert self.error is None, "broken twice"
        assert self.ended == 0, "broken after the end"
        self.error = error
        self.over.set_result(None)
