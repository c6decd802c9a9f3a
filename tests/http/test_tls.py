"""TLS on the server: answers, reload of certificates, client certificates."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from llm_gateway.http.request import Request
from llm_gateway.http.server import Server
from llm_gateway.http.tls import TlsFiles
from serving import LOOPS, Raw, connected, run, serving

both_loops = pytest.mark.parametrize("loop", sorted(LOOPS))
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def write(ca: trustme.CA, folder: Path, common_name: str) -> TlsFiles:
    """A certificate for localhost in the files the server reads; and the CA as client roots."""
    issued = ca.issue_cert("localhost", common_name=common_name)
    issued.private_key_pem.write_to_path(folder / "key.pem")
    folder.joinpath("cert.pem").write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    ca.cert_pem.write_to_path(folder / "ca.pem")
    return TlsFiles(str(folder / "cert.pem"), str(folder / "key.pem"))


def client(ca: trustme.CA, own: trustme.CA | None = None, name: str = "app") -> ssl.SSLContext:
    """A context that trusts `ca` and shows a certificate of `own`."""
    context = ssl.create_default_context()
    ca.configure_trust(context)
    if own is not None:
        own.issue_cert(f"{name}@example.org", common_name=name).configure_cert(context)
    return context


def served_name(raw: Raw) -> str:
    """Common name of the certificate the server showed."""
    subject = raw.writer.get_extra_info("peercert")["subject"]
    return dict(pair for part in subject for pair in part)["commonName"]


async def who(request: Request) -> None:
    """Answers with the common name of the client's certificate."""
    subject = request.client_cert["subject"] if request.client_cert else ()
    request.reply.whole(200, b"", dict(pair for part in subject for pair in part).get("commonName", "nobody").encode())


async def refuses(server: Server, context: ssl.SSLContext) -> bool:
    """Whether the handshake fails, at once or (TLS 1.3) with the first read."""
    try:
        async with connected(server.port, context) as raw:
            raw.send(GET)
            return not await raw.reader.read(1)
    except (ssl.SSLError, ConnectionError):
        return True


@both_loops
def test_requests_over_tls(tmp_path: Path, loop: str) -> None:
    """Keep-alive, large bodies both ways, and a refusal, through the TLS transport."""

    async def main() -> None:
        async def handler(request: Request) -> None:
            request.reply.whole(200, b"", request.body)

        ca = trustme.CA()
        async with serving(handler, tls=write(ca, tmp_path, "one")) as server, connected(server.port, client(ca)) as raw:
            for size in (0, 5, 1_000_000):
                raw.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (size, b"x" * size))
                assert (await raw.reply())[2] == b"x" * size
            raw.send(b"GET / HTTP/1.1\r\n\r\n")
            assert (await raw.reply())[0] == 400

    run(main, loop)


@both_loops
def test_reload_serves_the_new_certificate_to_new_handshakes(tmp_path: Path, loop: str) -> None:
    """Running connections go on, new ones see the new files; a broken file leaves the old certificate in use."""

    async def main() -> None:
        ca = trustme.CA()
        async with serving(who, tls=write(ca, tmp_path, "old")) as server, connected(server.port, client(ca)) as before:
            assert served_name(before) == "old"
            write(ca, tmp_path, "new")
            server.reload_tls()
            async with connected(server.port, client(ca)) as after:
                assert served_name(after) == "new"
            tmp_path.joinpath("cert.pem").write_text("broken")
            with pytest.raises(ssl.SSLError):
                server.reload_tls()
            async with connected(server.port, client(ca)) as after:
                assert served_name(after) == "new"
            before.send(GET)
            assert (await before.reply())[2] == b"nobody"

    run(main, loop)


@both_loops
def test_client_certificates(tmp_path: Path, loop: str) -> None:
    """Required: nobody without a valid one gets in, and the handler sees whose it is. Optional: without one is fine, a wrong one is not."""

    async def main() -> None:
        ca, stranger = trustme.CA(), trustme.CA()
        files = write(ca, tmp_path, "server")
        for auth in ("required", "optional"):
            tls = TlsFiles(files.cert, files.key, str(tmp_path / "ca.pem"), auth)
            async with serving(who, tls=tls) as server:
                async with connected(server.port, client(ca, ca)) as raw:
                    raw.send(GET)
                    assert (await raw.reply())[2] == b"app"
                assert await refuses(server, client(ca, stranger))
                assert await refuses(server, client(ca)) is (auth == "required")

    run(main, loop)


@both_loops
def test_reload_replaces_the_client_roots(tmp_path: Path, loop: str) -> None:
    """After a reload clients of the old CA are refused and clients of the new one accepted."""

    async def main() -> None:
        old, new = trustme.CA(), trustme.CA()
        files = write(old, tmp_path, "server")
        tls = TlsFiles(files.cert, files.key, str(tmp_path / "ca.pem"), "required")
        async with serving(who, tls=tls) as server:
            returning = client(old, old)
            assert not await refuses(server, returning)
            assert await refuses(server, client(old, new))
            new.cert_pem.write_to_path(tmp_path / "ca.pem")
            server.reload_tls()
            assert await refuses(server, returning)
            assert not await refuses(server, client(old, new))

    run(main, loop)


def test_client_certificates_need_roots(tmp_path: Path) -> None:
    """Asking for certificates without saying whose is a mistake in the configuration, found at start."""
    files = write(trustme.CA(), tmp_path, "x")
    with pytest.raises(ValueError, match="client_ca"):
        TlsFiles(files.cert, files.key, client_auth="required").context()


def test_the_oldest_version_can_be_raised(tmp_path: Path) -> None:
    """minimum="1.3" refuses clients that speak TLS 1.2 only."""

    async def main() -> None:
        ca = trustme.CA()
        files = write(ca, tmp_path, "x")
        old = client(ca)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        async with serving(who, tls=files) as server:
            assert not await refuses(server, old)
        async with serving(who, tls=TlsFiles(files.cert, files.key, minimum="1.3")) as server:
            assert await refuses(server, old)
            assert not await refuses(server, client(ca))

    run(main)
