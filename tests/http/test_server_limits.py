"""The server's bounds: what is refused before or while it arrives, and what has its time."""

from __future__ import annotations

import asyncio

from http_support.servers import GET, POST, both_loops
from llm_gateway.http.request import Request
from llm_gateway.http.server import ServerLimits
from serving import ask, connected, run, serving, until


@both_loops
def test_a_refusal_is_seen_by_a_client_that_goes_on_sending(loop: str) -> None:
    """413 on the announced length: the client that sends its megabytes regardless reads the answer, not a reset (C07)."""

    async def main() -> None:
        async with serving(limits=ServerLimits(body_bytes=1000)) as server, connected(server.port) as raw:
            raw.send(POST % (20_000_000, b""))
            for _ in range(200):
                raw.send(b"x" * 100_000)
                await raw.writer.drain()
            status, headers, body = await raw.reply()
            assert status == 413
            assert headers[b"connection"] == b"close"
            assert b'"code":"payload_too_large"' in body
            assert server.buffered == 0
            assert await raw.rest() == b""

    run(main, loop)


def test_chunked_bodies_are_refused_as_soon_as_they_are_too_large() -> None:
    """Without a length the limit still holds before the bytes are kept (C07)."""

    async def main() -> None:
        limits = ServerLimits(body_bytes=1000, linger_timeout=0.1)
        async with serving(limits=limits) as server, connected(server.port) as raw:
            raw.send(
                b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1F4\r\n" + b"x" * 500 + b"\r\n1F5\r\n"
            )
            assert (await raw.reply())[0] == 413

    run(main)


def test_refusals_are_rendered_by_the_hook() -> None:
    """The edge decides what an engine's refusal looks like, by status, code, message and path."""

    async def main() -> None:
        def render(status: int, code: str, message: str, path: bytes) -> tuple[bytes, bytes]:
            return b"X-Path: %b\r\n" % path, f"{status} {code}".encode()

        limits = ServerLimits(body_timeout=0.05, linger_timeout=0.1)
        async with serving(limits=limits, render_refusal=render) as server:
            answer = await ask(server.port, b"POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
            assert b"X-Path: /v1/messages\r\n" in answer
            assert answer.endswith(b"\r\n\r\n408 request_timeout")

    run(main)


def test_a_gzip_bomb_is_refused_unread() -> None:
    """415 and what would be accepted, without inflating anything (C08)."""

    async def main() -> None:
        async with serving(limits=ServerLimits(linger_timeout=0.1)) as server:
            answer = await ask(
                server.port, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n"
            )
            assert answer.startswith(b"HTTP/1.1 415")
            assert b"Accept-Encoding: identity\r\n" in answer

    run(main)


def test_bodies_beyond_the_servers_memory_are_put_off() -> None:
    """buffered_bytes counts all connections; over it 503 with Retry-After; after the first request is done there is room again."""

    async def main() -> None:
        gate = asyncio.Event()

        async def handler(request: Request) -> None:
            await gate.wait()
            request.reply.whole(200, b"", b"")

        limits = ServerLimits(buffered_bytes=1000, linger_timeout=0.1)
        async with serving(handler, limits) as server, connected(server.port) as raw:
            raw.send(POST % (800, b"x" * 800))
            await until(lambda: server.active == 1)
            assert server.buffered == 800
            answer = await ask(server.port, POST % (300, b""))
            assert answer.startswith(b"HTTP/1.1 503")
            assert b"Retry-After: 1\r\n" in answer
            gate.set()
            assert (await raw.reply())[0] == 200
            await until(lambda: server.buffered == 0)

    run(main)


@both_loops
def test_slow_heads_and_bodies_get_408(loop: str) -> None:
    """The time runs from the first byte and is not moved by what trickles in (C05, C06); an idle connection is closed silently."""

    async def main() -> None:
        async def trickle(data: bytes) -> bytes:
            async with connected(server.port) as raw:
                answer = asyncio.ensure_future(raw.rest())
                for i in range(len(data)):
                    raw.send(data[i : i + 1])
                    await asyncio.wait([answer], timeout=0.02)
                    if answer.done():
                        break
                return await answer

        limits = ServerLimits(head_timeout=0.15, body_timeout=0.15, idle_timeout=0.3, linger_timeout=0.1)
        async with serving(limits=limits) as server:
            answers = await asyncio.gather(
                trickle(b"GET / HTTP/1.1\r\nHost: a\r\nX: yyyy\r\n\r\n"),
                trickle(b"POST / HTTP/1.1\r\n"),
                ask(server.port, POST % (50, b"x")),
                ask(server.port, b""),
            )
            assert [answer[:12] for answer in answers] == [b"HTTP/1.1 408"] * 3 + [b""]

    run(main, loop)


def test_a_large_body_buys_time_by_its_rate() -> None:
    """A body that is slow but faster than body_rate is not cut at body_timeout."""

    async def main() -> None:
        limits = ServerLimits(body_timeout=0.1, body_rate=10_000)
        async with serving(limits=limits) as server, connected(server.port) as raw:
            raw.send(POST % (6000, b""))
            for _ in range(6):
                await asyncio.sleep(0.04)
                raw.send(b"x" * 1000)
            assert (await raw.reply())[0] == 200

    run(main)


def test_connections_beyond_the_cap_get_503() -> None:
    """The cap is on connections; the one too many is told to come back, the others are not disturbed."""

    async def main() -> None:
        async with serving(limits=ServerLimits(connections=1)) as server, connected(server.port) as raw:
            raw.send(GET % b"")
            assert (await raw.reply())[0] == 200
            answer = await ask(server.port, b"")
            assert answer.startswith(b"HTTP/1.1 503")
            assert b"Retry-After" in answer
            raw.send(GET % b"")
            assert (await raw.reply())[0] == 200

    run(main)
