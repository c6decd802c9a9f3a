"""trust: TLS to upstreams, verified by default."""

from __future__ import annotations

import asyncio
import ssl

import pytest
import trustme

from llm_gateway.http.client import Client, Origin, Timeouts, TlsTrust
from llm_gateway.http.errors import ConnectionLost, ConnectTimeout, TlsFailed
from scripted_upstream import ASK, CLOSE, Collector, Upstream

pytestmark = pytest.mark.anyio

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(ca, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(path)
    return str(path)


def server_context(ca: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["h2", "http/1.1"])
    ca.issue_cert(*names).configure_cert(context)
    return context


async def fetch(trust: TlsTrust, upstream: Upstream, times: int = 1) -> list[bytes]:
    client = Client(tls=trust)
    try:
        origin, _ = Origin.parse(upstream.url)
        return [await (await client.send(origin, b"POST", b"/", b"", b"{}", Timeouts(connect=2.0))).read() for _ in range(times)]
    finally:
        await client.close()


async def test_a_custom_ca_is_accepted_and_connections_are_reused(ca, ca_file):
    """With the right CA file the exchange works, several times on one connection."""
    async with Upstream([ASK, HELLO] * 3, tls=server_context(ca, "127.0.0.1")) as upstream:
        assert await fetch(TlsTrust(ca_file=ca_file), upstream, 3) == [b"hello"] * 3
        assert upstream.connections == 1


async def test_an_unknown_issuer_is_refused_by_default(ca):
    """Verification is on unless somebody turns it off."""
    async with Upstream([ASK, HELLO], tls=server_context(ca, "127.0.0.1")) as upstream:
        with pytest.raises(TlsFailed) as caught:
            await fetch(TlsTrust(), upstream)
        assert caught.value.sent is False
        assert "127.0.0.1" not in str(caught.value)
        assert await fetch(TlsTrust(insecure=True), upstream) == [b"hello"]


async def test_a_certificate_for_another_host_is_refused(ca, ca_file):
    """The host is checked, and the message names no host."""
    async with Upstream([ASK, HELLO], tls=server_context(ca, "other.test")) as upstream:
        with pytest.raises(TlsFailed, match="another host") as caught:
            await fetch(TlsTrust(ca_file=ca_file), upstream)
        assert "127.0.0.1" not in str(caught.value)
        assert "other.test" not in str(caught.value)


async def test_old_protocol_versions_are_refused(ca, ca_file):
    """Nothing under the minimum version is spoken."""
    context = server_context(ca, "127.0.0.1")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with Upstream([ASK, HELLO], tls=context) as upstream:
        assert await fetch(TlsTrust(ca_file=ca_file), upstream) == [b"hello"]
        with pytest.raises(TlsFailed):
            await fetch(TlsTrust(ca_file=ca_file, minimum="1.3"), upstream)


async def test_client_certificate(ca, ca_file, tmp_path):
    """An upstream that asks for a certificate gets ours; without one it does not answer."""
    context = server_context(ca, "127.0.0.1")
    context.verify_mode = ssl.CERT_REQUIRED
    ca.configure_trust(context)
    pem = tmp_path / "client.pem"
    ca.issue_cert("gateway.test").private_key_and_cert_chain_pem.write_to_path(pem)
    async with Upstream([ASK, HELLO], tls=context) as upstream:
        assert await fetch(TlsTrust(ca_file=ca_file, cert_file=str(pem)), upstream) == [b"hello"]
        with pytest.raises((TlsFailed, ConnectionLost)):
            await fetch(TlsTrust(ca_file=ca_file), upstream)


async def test_plain_http_behind_a_tls_origin(ca_file):
    """A peer that does not speak TLS is a TlsFailed."""
    async with Upstream([b"HTTP/1.1 400 Bad Request\r\n\r\n", CLOSE]) as upstream:
        upstream.tls = True  # only for the URL
        with pytest.raises(TlsFailed):
            await fetch(TlsTrust(ca_file=ca_file), upstream)


async def test_a_handshake_that_hangs_ends_at_the_connect_deadline(ca_file):
    """Connecting includes the handshake; what was half open is closed."""
    async with Upstream([]) as upstream:
        client = Client(tls=TlsTrust(ca_file=ca_file))
        begun = asyncio.get_running_loop().time()
        with pytest.raises(ConnectTimeout):
            await client.send(Origin("https", "127.0.0.1", upstream.port), b"GET", b"/", b"", timeouts=Timeouts(connect=0.15))
        assert asyncio.get_running_loop().time() - begun < 10
        await upstream.until_left(1)
        await client.close()


async def test_a_large_tls_stream_with_pauses(ca, ca_file):
    """Back-pressure works through TLS, and nothing is lost or reordered."""
    data = bytes(range(256)) * 20_000
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data
    async with Upstream([ASK, answer], tls=server_context(ca, "127.0.0.1")) as upstream:
        client = Client(tls=TlsTrust(ca_file=ca_file))
        origin, _ = Origin.parse(upstream.url)
        response, sink = await client.send(origin, b"GET", b"/", b""), Collector()
        loop = asyncio.get_running_loop()
        feed = sink.feed

        def slow(piece: bytes) -> None:
            feed(piece)
            response.pause()
            loop.call_later(0.001, response.resume)

        sink.feed = slow
        response.stream(sink)
        await sink.over
        assert sink.error is None
        assert sink.data == data
        await client.close()


def test_nonsense_is_refused_at_once(tmp_path):
    """Missing files and unknown versions fail when the client is made, not at the first request."""
    with pytest.raises(OSError):
        Client(tls=TlsTrust(ca_file=str(tmp_path / "none.pem")))
    with pytest.raises(ValueError):
        Client(tls=TlsTrust(minimum="1.0"))
    assert "secret" not in repr(TlsTrust(key_password="secret"))
