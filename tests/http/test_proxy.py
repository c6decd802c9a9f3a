"""proxy: which proxy, how it is asked, and who is reached without."""

from __future__ import annotations

import asyncio
import base64
import ssl

import pytest
import trustme

from llm_gateway.http.client import Client, Origin, Proxies, Timeouts, TlsTrust
from llm_gateway.http.errors import ConnectFailed, ConnectTimeout, ProtocolViolation
from llm_gateway.http.proxy import Proxy
from scripted_upstream import ASK, CLOSE, Upstream

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@pytest.mark.anyio
async def test_plain_http_goes_in_absolute_form_with_credentials():
    """RFC 9112 3.2.2: the proxy sees the whole URL and its own credentials, percent-decoded."""
    async with Upstream([ASK, HELLO]) as upstream:
        client = Client(proxies=Proxies(http=f"http://me:p%40ss@127.0.0.1:{upstream.port}"))
        response = await client.send(Origin("http", "api.test", 80), b"POST", b"/v1/x", b"", b"{}")
        assert await response.read() == b"hello"
        await client.close()
        assert upstream.requests[0][1] == (
            b"POST http://api.test:80/v1/x HTTP/1.1\r\nHost: api.test\r\nProxy-Authorization: Basic "
            + base64.b64encode(b"me:p@ss")
            + b"\r\nContent-Length: 2\r\n\r\n{}"
        )


@pytest.mark.anyio
async def test_https_goes_through_a_tunnel(tmp_path):
    """CONNECT with the credentials to the proxy; then TLS with the origin, which never sees them."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    asked: list[bytes] = []

    async with Upstream([ASK, HELLO] * 2, tls=context) as upstream:

        async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                target.write(data)
            target.close()

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            there, back = await asyncio.open_connection("127.0.0.1", upstream.port)
            writer.write(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
            await asyncio.gather(pump(reader, back), pump(there, writer), return_exceptions=True)

        server = await asyncio.start_server(relay, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = Client(
            tls=TlsTrust(ca_file=str(tmp_path / "ca.pem")), proxies=Proxies(https=f"http://me:secret@127.0.0.1:{port}")
        )
        origin, _ = Origin.parse(upstream.url)
        for _ in range(2):
            assert await (await client.send(origin, b"POST", b"/", b"", b"{}")).read() == b"hello"
        await client.close()
        await asyncio.sleep(0.05)
        server.close()
        assert len(asked) == 1
        assert asked[0].startswith(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nProxy-Auth" % ((upstream.port,) * 2))
        assert b"proxy" not in upstream.requests[0][1].lower()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", ConnectFailed),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", ConnectFailed),
        (b"HTTP/1.1 200 OK\r\n\r\nsurplus", ProtocolViolation),
        (b"nonsense\r\n\r\n", ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 40_000, ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\n", ConnectTimeout),
    ],
)
async def test_a_proxy_that_does_not_open_the_tunnel(answer, error):
    """Whatever the proxy says instead, it is an error before anything was sent, and the socket is closed."""
    async with Upstream([ASK, answer]) as upstream:
        client = Client(proxies=Proxies(https=f"127.0.0.1:{upstream.port}"))
        with pytest.raises(error) as caught:
            await client.send(Origin("https", "api.test", 443), b"GET", b"/", b"", timeouts=Timeouts(connect=0.2))
        assert caught.value.sent is False
        assert "api.test" not in str(caught.value)
        await upstream.until_left(1)
        await client.close()


@pytest.mark.anyio
async def test_a_proxy_that_hangs_up():
    """EOF instead of an answer is a ConnectFailed."""
    async with Upstream([ASK, CLOSE]) as upstream:
        client = Client(proxies=Proxies(https=f"127.0.0.1:{upstream.port}"))
        with pytest.raises(ConnectFailed):
            await client.send(Origin("https", "api.test", 443), b"GET", b"/", b"")
        await client.close()


@pytest.mark.parametrize(
    ("entry", "url", "direct"),
    [
        ("*", "https://api.test", True),
        ("api.test", "https://api.test", True),
        ("API.test", "https://api.test", True),
        ("api.test", "https://v1.api.test", True),
        (".api.test", "https://v1.api.test", True),
        (".api.test", "https://api.test", True),
        ("api.test", "https://myapi.test", False),
        ("api.test", "https://api.test.evil.test", False),
        ("api.test:8443", "https://api.test:8443", True),
        ("api.test:8443", "https://api.test", False),
        ("10.0.0.0/8", "https://10.1.2.3", True),
        ("10.0.0.0/8", "https://11.1.2.3", False),
        ("10.0.0.0/8", "https://ten.test", False),
        ("127.0.0.1", "https://127.0.0.1:9", True),
        ("[::1]:443", "https://[::1]", True),
        ("::1", "https://[::1]:9", True),
        (" ", "https://api.test", False),
    ],
)
def test_no_proxy(entry, url, direct):
    """The forms of NO_PROXY people use."""
    origin, _ = Origin.parse(url)
    assert (Proxies(https="proxy.test:3128", direct=[entry]).route(origin) is None) is direct


def test_variables():
    """The usual names; lower case wins; ALL_PROXY fills what is missing; each scheme has its own."""
    proxies = Proxies.from_variables(
        {"HTTP_PROXY": "http://a:1", "http_proxy": "http://b:2", "ALL_PROXY": "http://c:3", "NO_PROXY": "x.test, y.test"}
    )
    assert proxies.route(Origin("http", "z.test", 80)) == Proxy("b", 2)
    assert proxies.route(Origin("https", "z.test", 443)) == Proxy("c", 3)
    assert proxies.route(Origin("https", "y.test", 443)) is None
    assert Proxies.from_variables({}).route(Origin("http", "z.test", 80)) is None


@pytest.mark.parametrize("url", ["https://p.test:1", "socks5://p.test:1", "http://", "http://p.test:99999"])
def test_proxies_that_cannot_be_used_are_refused(url):
    """Refused when configured, without repeating the URL."""
    with pytest.raises(ValueError) as caught:
        Proxies(http=url)
    assert "p.test" not in str(caught.value)


def test_credentials_do_not_show():
    """A proxy's repr holds no password."""
    assert base64.b64encode(b"me:secret").decode() not in repr(Proxy.parse("http://me:secret@p.test:1"))
