"""URLs that are not followed: where they lead, by what way, and in which words it is said."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
import trustme

from llm_gateway.core.chat import Image
from llm_gateway.core.errors import Unsupported
from llm_gateway.http.client import Client, ClientLimits, Proxies, TlsTrust
from llm_gateway.http.public import GuardedResolver
from llm_gateway.providers.fetch import Fetcher
from llm_gateway.providers.linked import File
from providers.files import HERE, PNG, UNREACHABLE, WANTS, fetch, fetching, file, request, rules, why
from scripted_upstream import ASK
from scripted_upstream import Upstream as Server
from serving import run


def moved(to: str) -> list[Any]:
    return [ASK, f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()]


@pytest.mark.parametrize(
    "url",
    [
        "http://inside.test/",
        "http://none.test/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fd00:ec2::254]/",
        "http://[64:ff9b::10.0.0.1]/",
        "http://[::1]/",
        "http://0.0.0.0/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://127.1/",
        "http://0177.0.0.1/",
        "http://10.0.0.1./",
    ],
)
def test_hosts_that_are_not_public(url: str) -> None:
    """All in the same words as a name that does not exist: the caller learns nothing about what is inside."""
    found, asked = fetch(file(), url=url)
    assert why(found) == UNREACHABLE
    assert asked == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{port}/", "http://2130706433:{port}/", "http://0x7f.1:{port}/", "http://[::1]:{port}/"]
)
def test_loopback_in_any_spelling(url: str) -> None:
    """Where no network is allowed."""
    found, asked = fetch(file(), url=url, also=())
    assert why(found) == UNREACHABLE
    assert asked == []


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://user:pass@files.test:{port}/", "it is no plain http or https URL"),
        ("http://files.test:{port}:80/", "it is no plain http or https URL"),
        ("http:///a.png", "it is no plain http or https URL"),
        ("http://files.test\\@inside.test/", "it is no plain http or https URL"),
        ("http://files.test:22/", "its port is not one that is fetched from"),
        ("http://files.test:0/", "it is no plain http or https URL"),
        ("http://files.test:{port}/" + "a" * 9000, "it is too long"),
    ],
)
def test_urls_that_are_not_followed(url: str, text: str) -> None:
    """Credentials, strange ports, and what two parsers could read differently."""
    found, asked = fetch(file(), url=url)
    assert why(found) == text
    assert asked == []


def test_trailing_dots_and_hosts_that_are_allowed() -> None:
    """A dot at the end changes nothing; a list of hosts holds for their subdomains and for nobody else."""
    assert fetch(file(), url="http://files.test.:{port}/", hosts=("files.test",))[0] == File(PNG, "image/png")
    assert fetch(file(), hosts=("test",))[0] == File(PNG, "image/png")
    for other in ("iles.test", "other.test"):
        assert why(fetch(file(), hosts=(other,))[0]) == "its host is not one that is fetched from"


def test_http_only_where_it_is_allowed() -> None:
    """Nor by a redirect."""
    found, asked = fetch(file(), http=False)
    assert (why(found), asked) == ("only https URLs are fetched", [])


def test_redirects() -> None:
    """Three, each looked at as the first URL was."""
    found, asked = fetch(moved("/b"), moved("//files.test:{port}/c"), file(), url="http://files.test:{port}/a")
    assert why(found) == "it is no plain http or https URL"  # the port is missing there
    assert len(asked) == 2
    found, asked = fetch(moved("/b"), moved("c"), moved("/d"), file())
    assert found == File(PNG, "image/png")
    assert [data.split(b" ")[1] for data in asked] == [b"/a.png", b"/b", b"/c", b"/d"]
    found, asked = fetch(moved("/b"))
    assert (why(found), len(asked)) == ("it leads elsewhere more than 3 times", 4)
    assert (
        why(fetch([ASK, b"HTTP/1.1 302 X\r\nContent-Length: 0\r\n\r\n"])[0]) == "its server sends elsewhere without saying where"
    )


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest/", "http://inside.test/", "http://[::1]/", "http://2130706433/", "http://10.0.0.1"]
)
def test_redirects_to_the_inside(target: str) -> None:
    """C17: refused, and in the same words."""
    found, asked = fetch(moved(target))
    assert (why(found), len(asked)) == (UNREACHABLE, 1)


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "gopher://files.test/", "ftp://files.test/", "data:image/png;base64,AA"]
)
def test_redirects_to_other_schemes(target: str) -> None:
    """C17: only http and https are spoken."""
    assert why(fetch(moved(target))[0]) == "it is no plain http or https URL"


def test_a_name_that_changes_its_address() -> None:
    """DNS rebinding: public when it is first asked for, inside when the redirect comes back to it."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    async def test() -> None:
        async with Server(moved("http://rebind.test:{port}/again")) as server:
            server.scripts = (moved(f"http://rebind.test:{server.port}/again"), file())

            async def changing(_host: str, port: int) -> list[tuple[Any, ...]]:
                return [(2, 1, 0, "", (address, port)) for address in next(answers)]

            client = Client(ClientLimits(idle_per_origin=0), resolver=GuardedResolver(HERE, ttl=0.0, lookup=changing))
            shared = Client()
            link = Image(url=f"http://rebind.test:{server.port}/")
            with pytest.raises(Unsupported, match=UNREACHABLE):
                await Fetcher(rules(server), client, shared).files(request(link), WANTS, {}, 5)
            assert len(server.requests) == 1
            await client.close()
            await shared.close()

    run(test)


def test_a_proxy_has_to_be_trusted() -> None:
    """Behind it nobody can tell which address is connected to."""

    async def test() -> None:
        async with Server(file()) as proxy:
            proxies = Proxies(http=f"http://127.0.0.1:{proxy.port}")
            link = request(Image(url="http://files.test/a.png"))
            async with fetching(rules(), proxies=proxies) as fetcher:
                with pytest.raises(Unsupported, match="through a proxy"):
                    await fetcher.files(link, WANTS, {}, 5)
            assert proxy.connections == 0
            known: dict[str, File | str] = {}
            async with fetching(rules(trust_proxy=True), proxies=proxies) as fetcher:
                await fetcher.files(link, WANTS, known, 5)
                with pytest.raises(Unsupported, match=UNREACHABLE):
                    await fetcher.files(request(Image(url="http://169.254.169.254/")), WANTS, known, 5)
            assert proxy.requests[0][1].startswith(b"GET http://files.test:80/a.png HTTP/1.1")
            assert proxy.connections == 1

    run(test)


def test_certificates_are_checked() -> None:
    """Against the name in the URL."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("files.test").configure_cert(context)
    with authority.cert_pem.tempfile() as ca:

        async def test() -> None:
            async with Server(file(), tls=context) as server:
                link = request(Image(url=f"https://files.test:{server.port}/a"))
                known: dict[str, File | str] = {}
                async with fetching(rules(server, http=False), tls=TlsTrust(ca_file=ca)) as fetcher:
                    await fetcher.files(link, WANTS, known, 5)
                async with fetching(rules(server, http=False)) as fetcher:
                    with pytest.raises(Unsupported, match="certificate"):
                        await fetcher.files(link, WANTS, {}, 5)
                assert list(known.values()) == [File(PNG, "image/png")]

        run(test)
