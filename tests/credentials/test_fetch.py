"""One exchange with a token endpoint: hostile answers, addresses that secrets must not go to, and proxies."""

from __future__ import annotations

import asyncio
import ssl

import pytest
import trustme

from credentials.support import cloud, said
from llm_gateway.credentials import fetch
from llm_gateway.credentials.bearer import TokenAnswer
from llm_gateway.credentials.fetch import LARGEST, Answer, Http, Timeouts, address, is_near
from llm_gateway.credentials.refreshing import Unavailable
from llm_gateway.http.client import Client, Proxies, TlsTrust
from scripted_upstream import ASK, CLOSE, RESET, Upstream
from serving import run

WHAT = "the endpoint"


async def asked(url: str) -> Answer:
    http = Http()
    try:
        return await http.send(WHAT, b"GET", url, {})
    finally:
        await http.close()


def failing(*script: object, match: str) -> None:
    """The text of what a script of raw bytes makes."""

    async def test() -> None:
        async with Upstream(list(script)) as upstream:
            with pytest.raises(Unavailable, match=match) as caught:
                await asked(upstream.url)
            assert "127.0.0.1" not in str(caught.value)

    run(test)


def test_an_answer():
    """Status, headers and body come back as they are, 500 too."""

    async def test() -> None:
        async with cloud() as c:
            c.answer("/a", (500, b"X-Two: 2\r\n", b"broken"))
            answer = await asked(f"{c.url}/a?b=1")
            assert (answer.status, answer.headers[b"x-two"], answer.body) == (500, b"2", b"broken")
            assert c.seen[0].query == {"b": "1"}

    run(test)


def test_a_huge_body_is_cut_off():
    """64 KB are read, whatever is sent."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n"
    failing(ASK, head + b"x" * (LARGEST + 70_000), match="the endpoint gave an answer that is too large")


def test_answers_that_are_none():
    """Closed, reset, nonsense."""
    failing(ASK, CLOSE, match="gave no complete answer")
    failing(ASK, RESET, match="gave no complete answer")
    failing(ASK, b"SSH-2.0-OpenSSH\r\n\r\n", match="gave no complete answer")


def test_who_does_not_answer(monkeypatch):
    """A stalled endpoint costs its time and no more; one that is not there is told from it."""
    monkeypatch.setattr(fetch, "NEAR", Timeouts(0.1, 0.1, 0.1, 0.1, 0.1))
    failing(ASK, match="did not answer in time")

    async def test() -> None:
        with pytest.raises(Unavailable, match="the endpoint cannot be reached"):
            await asked("http://127.0.0.1:1/")

    run(test)


def test_no_redirect_is_followed():
    """The second host would get the secret."""

    async def test() -> None:
        async with cloud() as c:
            c.answer("/a", (302, f"Location: {c.url}/b\r\n".encode(), b""))
            answer = await asked(f"{c.url}/a")
            assert (answer.status, len(c.seen)) == (302, 1)

    run(test)


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("http://example.com/token", "must begin with https://"),
        ("http://10.0.0.1/token", "must begin with https://"),
        ("ftp://127.0.0.1/token", "not a usable URL"),
        ("https://user:secret@example.com/", "not a usable URL"),
        ("https://example.com/a b", "not a usable URL"),
        ("https://example.com/\u00e9", "not a usable URL"),
        ("https://example.com:0/", "not a usable URL"),
        ("https://[::1/", "not a usable URL"),
        ("", "not a usable URL"),
    ],
)
def test_addresses_that_are_refused(url, match):
    """Plain HTTP over a network, credentials in a URL, and what is none."""
    with pytest.raises(Unavailable, match=match) as caught:
        address(url, WHAT)
    assert "secret" not in str(caught.value)


def test_who_is_near():
    """This machine and metadata services; nobody on the network, and no name that only looks so."""
    near = ["127.0.0.1", "127.9.9.9", "::1", "localhost", "169.254.169.254", "fd00:ec2::254", "metadata.google.internal"]
    assert all(map(is_near, near))
    assert not any(map(is_near, ["10.0.0.1", "example.com", "127.0.0.1.example.com", "169.254.example.com", "fd00:ec3::1"]))


def test_metadata_never_through_a_proxy():
    """Token endpoints go through the shared client and its proxy; what is near does not."""

    async def test() -> None:
        async with cloud() as c, Upstream([ASK, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"]) as proxy:
            c.answer("/a", said({}))
            shared = Client(proxies=Proxies(http=proxy.url, https=proxy.url))
            http = Http()
            http.use(shared)
            try:
                assert (await http.send(WHAT, b"GET", f"{c.url}/a", {})).body == b"{}"
                assert proxy.connections == 0
                with pytest.raises(Unavailable):
                    await http.send(WHAT, b"GET", "https://token.invalid/a", {})
                assert proxy.requests[0][1].startswith(b"CONNECT token.invalid:443 ")
            finally:
                await http.close()
                await shared.close()

    run(test)


def test_https_is_the_shared_clients_business():
    """Whoever serves HTTPS here has a private authority, which the gateway's client knows and the other does not."""

    async def test() -> None:
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        async with Upstream([ASK, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"], tls=context) as upstream:
            with authority.cert_pem.tempfile() as file:
                shared = Client(tls=TlsTrust(ca_file=file))
            http = Http()
            try:
                with pytest.raises(Unavailable, match=r"no certificate that is trusted: see network.ca_file"):
                    await http.send(WHAT, b"GET", upstream.url, {})
                http.use(shared)
                assert (await http.send(WHAT, b"GET", upstream.url, {})).body == b"ok"
            finally:
                await http.close()
                await shared.close()

    run(test)


def test_a_header_that_cannot_be_sent():
    """A line end in a secret is refused, without a word about the secret."""

    async def test() -> None:
        async with cloud() as c:
            http = Http()
            try:
                for bad in ("SECRET\r\nX: 1", "SECRET\u20ac"):
                    with pytest.raises(Unavailable, match="cannot be asked") as caught:
                        await http.send(WHAT, b"GET", c.url, {"Authorization": bad})
                    assert "SECRET" not in str(caught.value)
            finally:
                await http.close()
            assert c.seen == []

    run(test)


def test_a_form():
    """Fields are encoded; a client's id and secret go into Basic."""

    async def test() -> None:
        async with cloud() as c:
            http = Http()
            try:
                await http.form(WHAT, f"{c.url}/t", {"a": "1&2", "b": "x y"}, basic=("me", "s:t"))
            finally:
                await http.close()
            seen = c.seen[0]
            assert (seen.method, seen.form) == ("POST", {"a": "1&2", "b": "x y"})
            assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
            assert seen.headers["authorization"] == "Basic bWU6czp0"

    run(test)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"error": "invalid_grant", "error_description": "token SECRET"}', " (invalid_grant)"),
        (b'{"error": {"status": "PERMISSION_DENIED", "message": "SECRET"}}', " (PERMISSION_DENIED)"),
        (b'{"error": "a sentence with SECRET"}', ""),
        (b'{"Code": "AccessDenied"}', " (AccessDenied)"),
        (b"<html>SECRET</html>", ""),
        (b"[1]", ""),
        (b"", ""),
    ],
)
def test_only_a_code_is_repeated(body, reason):
    """Descriptions can quote what was sent."""
    assert Answer(400, {}, body).reason() == reason


@pytest.mark.parametrize("body", [b"<html>SECRET</html>", b"", b"[]", b'{"access_token": 5}', b"\xff\xfe", b"[" * 5000])
def test_json_of_another_shape(body):
    """Said so, without a word of it."""
    with pytest.raises(Unavailable, match="not the expected JSON") as caught:
        Answer(200, {}, body).json(TokenAnswer, WHAT)
    assert "SECRET" not in str(caught.value)
    assert "SECRET" not in repr(Answer(200, {}, body))


def test_closing_twice():
    """A gateway that never asked closes as well."""

    async def test() -> None:
        http = Http()
        await http.close()
        await http.close()
        await asyncio.sleep(0)

    run(test)
