"""The client's end of a WebSocket over real sockets: the handshake, proxies, TLS, and what is left when it fails."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest
import trustme
from websockets.asyncio.server import serve

from llm_gateway.http.budget import Budget
from llm_gateway.http.client import Client, Origin, Proxies, Timeouts, TlsTrust
from llm_gateway.http.errors import ConnectFailed, ConnectionLost, ConnectTimeout, HeadTimeout, HttpError, ProtocolViolation
from llm_gateway.http.websocket_client import HandshakeRefused, Socket, connect
from scripted_upstream import ASK, RESET, Upstream
from serving import run, until

SOON = Timeouts(connect=2.0, head=0.15)


class Ear:
    """Keeps messages and says when it was over."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def message(self, _channel, data, *, text) -> None:
        self.told.append((bytes(data), text))

    def closed(self, _channel, farewell) -> None:
        self.told.append(farewell.code)

    def lost(self, _channel) -> None:
        self.told.append("lost")

    def slow(self, _channel, *, on) -> None: ...


async def opened(client: Client, url: str, timeouts: Timeouts = SOON, **options: Any) -> Socket:
    origin, path = Origin.parse(url)
    options.setdefault("subprotocol", "")
    return await connect(
        client,
        origin,
        path.encode() + b"/x?a=b",
        b"X-Own: 1\r\n",
        timeouts=timeouts,
        message_bytes=1000,
        budget=Budget(10_000),
        **options,
    )


async def echo(session) -> None:
    await session.send("first")
    async for message in session:
        await session.send(message)


async def talk(socket: Socket) -> None:
    """One message there and back, one that came before anybody listened, and the goodbye."""
    ear = Ear()
    await asyncio.sleep(0.02)
    socket.channel.listen(ear)
    socket.go_on()
    socket.channel.send(b"hi", text=True)
    socket.channel.send(b"\xff", text=False)
    await until(lambda: len(ear.told) == 3)
    socket.channel.close(1000, "")
    await asyncio.wait_for(socket.over, 2)
    assert ear.told == [(b"first", True), (b"hi", True), (b"\xff", False), 1000, "lost"]
    socket.channel.deaf()


def test_a_session_and_what_the_server_sees() -> None:
    """Target, headers and subprotocol as asked for; nothing is offered to be compressed."""

    async def main() -> None:
        client, asked = Client(), []

        async def handler(session) -> None:
            asked.append(session.request)
            await echo(session)

        async with serve(handler, "127.0.0.1", 0, subprotocols=["realtime"]) as server:
            port = server.sockets[0].getsockname()[1]
            await talk(await opened(client, f"http://127.0.0.1:{port}/base", subprotocol="realtime"))
        assert (asked[0].path, asked[0].headers["X-Own"]) == ("/base/x?a=b", "1")
        assert "Sec-WebSocket-Extensions" not in asked[0].headers
        await client.close()

    run(main)


@pytest.mark.parametrize("secure", [False, True])
def test_through_a_proxy(secure, tmp_path) -> None:
    """A tunnel whatever the scheme (RFC 6455 section 4.1), TLS inside of it where there is some."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    asked: list[bytes] = []

    async def main() -> None:
        async def pump(source, target) -> None:
            while data := await source.read(65536):
                target.write(data)
            target.close()

        async def proxy(reader, writer) -> None:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            there, back = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await asyncio.gather(pump(reader, back), pump(there, writer))

        async with serve(echo, "127.0.0.1", 0, ssl=context if secure else None) as server:
            port = server.sockets[0].getsockname()[1]
            between = await asyncio.start_server(proxy, "127.0.0.1", 0)
            url = f"http://127.0.0.1:{between.sockets[0].getsockname()[1]}"
            client = Client(tls=TlsTrust(ca_file=str(tmp_path / "ca.pem")), proxies=Proxies(url, url))
            await talk(await opened(client, f"{'https' if secure else 'http'}://localhost:{port}"))
            assert asked[0].startswith(b"CONNECT localhost:%d HTTP/1.1\r\n" % port)
            between.close()
            await between.wait_closed()
            await client.close()

    run(main)


PAGE = b"HTTP/1.1 403 No\r\nX-Why: because\r\nContent-Length: 4\r\n\r\nwhy?"


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ([ASK, PAGE], HandshakeRefused),
        ([ASK, PAGE[:20], 0.01, PAGE[20:]], HandshakeRefused),
        ([ASK, b"HTTP/1.1 302 Go\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"], HandshakeRefused),
        (
            [ASK, b"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n"],
            ProtocolViolation,
        ),
        ([ASK, b"nonsense\r\n\r\n"], ProtocolViolation),
        ([ASK, b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000], ProtocolViolation),
        ([ASK, b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"], ProtocolViolation),
        ([ASK, "close"], ConnectionLost),
        ([RESET], ConnectionLost),
        ([ASK, b"HTTP/1.1 1", "close"], ConnectionLost),
        ([ASK], HeadTimeout),
        ([ASK, b"HTTP/1.1 401 No\r\nContent-Length: 10\r\n\r\nx"], HeadTimeout),
    ],
)
def test_a_handshake_that_fails(said, error) -> None:
    """By an error that says how; the connection is closed."""

    async def main() -> None:
        client = Client()
        async with Upstream(said) as upstream:
            with pytest.raises(error) as caught:
                await opened(client, upstream.url)
            if said[-1] == PAGE:
                assert (caught.value.status, caught.value.body, caught.value.headers[b"x-why"]) == (403, b"why?", b"because")
            elif isinstance(caught.value, HttpError):
                assert caught.value.sent
            await upstream.until_left()
            assert upstream.connections == 1
        await client.close()

    run(main)


def test_no_connection() -> None:
    """Refused, or too late."""

    async def main() -> None:
        client = Client()
        with pytest.raises(ConnectFailed):
            await opened(client, "http://127.0.0.1:1")
        async with Upstream([60.0]) as silent:
            with pytest.raises(ConnectTimeout):
                await opened(client, silent.url.replace("http", "https"), Timeouts(connect=0.1))
        await client.close()

    run(main)


def test_cancelling_closes_the_connection() -> None:
    """Whoever no longer wants a session leaves nothing open."""

    async def main() -> None:
        client = Client()
        async with Upstream([ASK]) as upstream:
            task = asyncio.create_task(opened(client, upstream.url, Timeouts()))
            await until(lambda: bool(upstream.requests))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await upstream.until_left()
        await client.close()

    run(main)
