"""Files named by URL: what is fetched, what is refused and in which words; real servers on this machine, a name server of our own."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import ssl
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import trustme

from llm_gateway.core.chat import ChatRequest, Document, Image, Message, Part, ToolResult
from llm_gateway.core.errors import Unsupported
from llm_gateway.http.client import Client, ClientLimits, Proxies, TlsTrust
from llm_gateway.http.public import GuardedResolver
from llm_gateway.providers.fetch import MOST_URLS, Fetcher, FetchRules
from llm_gateway.providers.linked import File
from llm_gateway.providers.sniff import IMAGES, KNOWN
from scripted_upstream import ASK
from scripted_upstream import Upstream as Server
from serving import run
from whole_gateway import CHAT, MESSAGES, answer, chat, one_provider, said, whole_gateway

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(64))
WANTS = {"image": IMAGES, "document": frozenset({"application/pdf", "text/plain"})}
HERE = (ipaddress.ip_network("127.0.0.0/8"),)
UNREACHABLE = "its host cannot be reached from here"
LOOKED_UP: dict[str, list[str]] = {"files.test": ["127.0.0.1"], "inside.test": ["10.0.0.1"], "none.test": []}


async def lookup(host: str, port: int) -> list[tuple[Any, ...]]:
    if host in {"0x7f.1", "2130706433"}:  # what a C library makes of it
        return [(2, 1, 0, "", ("127.0.0.1", port))]
    return [(2, 1, 0, "", (address, port)) for address in LOOKED_UP[host]]


def rules(*servers: Server, **more: Any) -> FetchRules:
    ports = frozenset({80, 443, *(server.port for server in servers)})
    base: dict[str, Any] = {"most_bytes": 10_000, "seconds": 0.3, "types": KNOWN, "ports": ports, "http": True, "also": HERE}
    return FetchRules(**{**base, **more})


def request(*parts: Part, dialect: str = "openai_chat") -> ChatRequest:
    return ChatRequest("m", (Message("user", parts),), dialect=dialect)


def fetch(
    *scripts: Any,
    url: str = "http://files.test:{port}/a.png",
    parts: Callable[[str], tuple[Part, ...]] | None = None,
    **more: Any,
) -> Any:
    """What one URL leads to, or the error; and what the server was asked."""
    got: list[Any] = []

    async def test() -> None:
        async with Server(*scripts) as server:
            place = url.format(port=server.port)
            shown = parts(place) if parts else (Image(url=place),)
            known: dict[str, File | str] = {}
            async with fetching(rules(server, **more)) as fetcher:
                try:
                    await fetcher.files(request(*shown), WANTS, known, 5)
                    got.append(known[place])
                except Unsupported as error:
                    got.append(error)
            got.append([data for _, data in server.requests])

    run(test)
    return got


class fetching:  # noqa: N801 - used as a function
    """A Fetcher with clients of its own."""

    def __init__(self, allowed: FetchRules, *, proxies: Proxies | None = None, tls: TlsTrust | None = None) -> None:
        resolver = GuardedResolver(allowed.also, ttl=0.0, lookup=lookup)
        self.client = Client(ClientLimits(idle_per_origin=0), resolver=resolver, tls=tls)
        self.shared = Client(proxies=proxies)
        self.fetcher = Fetcher(allowed, self.client, self.shared)

    async def __aenter__(self) -> Fetcher:
        return self.fetcher

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()
        await self.shared.close()


def file(body: bytes = PNG, kind: str = "image/png", headers: str = "") -> list[Any]:
    return [ASK, f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body]


def moved(to: str) -> list[Any]:
    return [ASK, f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()]


def why(error: Any) -> str:
    assert isinstance(error, Unsupported), error
    assert error.param == "messages[0].content[0].image_url.url"
    assert error.code == "media_not_fetched"
    assert error.message.startswith("The file at messages[0].content[0].image_url.url could not be fetched: ")
    return error.message.partition("fetched: ")[2]


def test_a_picture() -> None:
    """Asked for plainly: without cookies, credentials or where it was found."""
    found, (asked,) = fetch(file())
    assert found == File(PNG, "image/png")
    head = asked.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert head[0] == b"GET /a.png HTTP/1.1"
    assert {line.partition(b":")[0].lower() for line in head[1:]} <= {b"host", b"user-agent", b"accept", b"accept-encoding"}


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


def test_large_files() -> None:
    """Whether the length is told or not; and several that are too large together."""
    text = "the request's files are larger than is fetched"
    assert why(fetch(file(PNG * 200))[0]) == text
    endless = [ASK, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *([b"1000\r\n" + bytes(4096) + b"\r\n"] * 9)]
    assert why(fetch(endless)[0]) == text
    half = PNG + bytes(6000)
    found, _ = fetch(file(half), parts=lambda url: (Image(url=url), Image(url=url + "?2")))
    assert "could not be fetched" in found.message


def test_a_small_file_that_unpacks_to_a_large_one() -> None:
    """Counted as it is unpacked, so that a bomb costs what is allowed and no more."""
    packed = gzip.compress(PNG + bytes(50_000_000))
    assert (
        why(fetch(file(packed[:9000], headers="Content-Encoding: gzip\r\n"))[0])
        == "the request's files are larger than is fetched"
    )
    assert fetch(file(gzip.compress(PNG), headers="Content-Encoding: gzip\r\n"))[0] == File(PNG, "image/png")
    assert "coded" in why(fetch(file(b"no gzip", headers="Content-Encoding: gzip\r\n"))[0])
    assert "coded" in why(fetch(file(PNG, headers="Content-Encoding: zstd\r\n"))[0])


@pytest.mark.parametrize(
    "script",
    [
        [ASK],
        [ASK, b"HTTP/1.1 200 OK\r\n", *([0.05, b"A: b\r\n"] * 40)],
        [ASK, b"HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n", *([0.05, b"x"] * 40)],
    ],
)
def test_slow_servers(script: list[Any]) -> None:
    """However they dawdle, the time is for all of it."""
    assert why(fetch(script)[0]) == "it took too long"


def test_types() -> None:
    """By the bytes and not by the name; what the provider takes, and what may be fetched at all."""
    assert why(fetch(file(b"<html>", "image/png"))[0]) == "the chosen provider takes no text/plain here"
    assert why(fetch(file(b"\x00\x01\x02", "image/png"))[0]) == "it is of a type that is not fetched"
    assert why(fetch(file(b"%PDF-1.7", "image/png"), types=IMAGES)[0]) == "application/pdf is not fetched"
    found, _ = fetch(file(b"%PDF-1.7", "image/png"), parts=lambda url: (Document(url=url),))
    assert found == File(b"%PDF-1.7", "application/pdf")


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "206 Partial Content", "204 No Content"])
def test_other_answers(status: str) -> None:
    """Only a whole file is one."""
    found, _ = fetch([ASK, f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()])
    assert why(found) == f"its server answered {status[:3]}"


def test_what_breaks_off() -> None:
    """And what is no HTTP at all."""
    assert why(fetch([ASK, b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\nx", "close"])[0]) == "its server broke off"
    assert why(fetch([ASK, b"220 mail ready\r\n", "close"])[0]) == "its server broke off"


def test_each_url_is_fetched_once() -> None:
    """In one request, for all its parts; and again for none of the later candidates, whether it was found or not."""

    async def test() -> None:
        async with Server(file()) as server, fetching(rules(server)) as fetcher:
            url = f"http://files.test:{server.port}/a.png"
            asked = request(Image(url=url), ToolResult("t", (Image(url=url),)), Image(url=url))
            known: dict[str, File | str] = {}
            await fetcher.files(asked, WANTS, known, 5)
            await fetcher.files(asked, WANTS, known, 5)
            assert server.connections == 1
            known = {url: "gone"}
            with pytest.raises(Unsupported, match="gone"):
                await fetcher.files(asked, WANTS, known, 5)
            assert server.connections == 1

    run(test)


def test_several_at_once() -> None:
    """Four, so that many slow ones do not add up; and not more than a request may name."""

    async def test() -> None:
        slow = [ASK, 0.05, file()[1]]
        async with Server(slow) as server, fetching(rules(server)) as fetcher:
            images = [Image(url=f"http://files.test:{server.port}/{number}") for number in range(8)]
            known: dict[str, File | str] = {}
            began = asyncio.get_running_loop().time()
            await fetcher.files(request(*images), WANTS, known, 5)
            assert asyncio.get_running_loop().time() - began < 0.3
            assert set(known.values()) == {File(PNG, "image/png")}
            with pytest.raises(Unsupported, match=f"{MOST_URLS} files"):
                await fetcher.files(request(*images * 5), WANTS, known, 5)

    run(test)


def test_what_is_not_fetched() -> None:
    """Bytes, ids, other schemes and kinds that the provider fetches itself stay as they are."""

    async def test() -> None:
        async with fetching(rules()) as fetcher:
            known: dict[str, File | str] = {}
            parts = (Image(data="AA"), Image(file_id="f"), Image(url="data:image/png;base64,AA"), Image(url="s3://b/k"))
            await fetcher.files(request(*parts), WANTS, known, 5)
            await fetcher.files(request(Image(url="http://files.test/")), {"document": KNOWN}, known, 5)
            assert known == {}

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


# ---- through a whole gateway

OLLAMA = answer(
    {"model": "real", "created_at": "2024-01-01T00:00:00Z", "message": {"role": "assistant", "content": "ok"}, "done": True}
)
ON = {"enabled": True, "allow_http": True, "allow_private": ["127.0.0.0/8"]}


def body_of(data: bytes) -> Any:
    return msgspec.json.decode(data.partition(b"\r\n\r\n")[2])


def in_messages(url: str) -> dict[str, Any]:
    content = [{"type": "text", "text": "what is it"}, {"type": "image", "source": {"type": "url", "url": url}}]
    return {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": content}]}


def in_chat(url: str) -> dict[str, Any]:
    content = [{"type": "text", "text": "what is it"}, {"type": "image_url", "image_url": {"url": url}}]
    return {"model": "m", "messages": [{"role": "user", "content": content}], "keep": 1}


def through(settings: dict[str, Any], path: str, body: Callable[[str], Any], *providers: str, url: str = "", **more: Any) -> Any:
    """What the caller is answered, what Ollama was sent, and how often the file was asked for."""
    got: list[Any] = []

    async def test() -> None:
        said_by = OLLAMA if path == MESSAGES else said()
        async with Server(file()) as files, Server([ASK, said_by]) as server, Server([ASK, answer({}, "503 Down")]) as down:
            document = one_provider(server.url, kind="ollama")
            document["providers"]["b"] = {"type": "ollama", "base_url": down.url}
            document["models"]["m"]["deployments"] = list(providers or ("a/real",))
            document["translation"] = {"fetch": {**settings, "allow_ports": [files.port]}, **more}
            async with whole_gateway(document) as gateway:
                got.append(await gateway.post(path, body(url or f"http://127.0.0.1:{files.port}/a.png")))
            got.append([body_of(data) for _, data in server.requests])
            got.append(files.connections)

    run(test)
    return got


def test_a_picture_reaches_a_provider_that_fetches_nothing() -> None:
    """As bytes, though the caller named a URL; nothing was lost."""
    (status, headers, _), (sent,), _ = through(ON, MESSAGES, in_messages)
    assert status == 200
    assert sent["messages"][0]["images"] == [b64encode(PNG).decode()]
    assert b"x-gateway-dropped" not in headers


def test_a_place_that_takes_bytes_only_in_a_dialect_that_has_urls() -> None:
    """Ollama's own form of OpenAI's API: the request is left alone but for the picture."""
    (status, _, _), (sent,), fetched = through(ON, CHAT, in_chat)
    assert (status, fetched, sent["keep"]) == (200, 1, 1)
    assert sent["messages"][0]["content"][1]["image_url"]["url"] == f"data:image/png;base64,{b64encode(PNG).decode()}"
    (_, _, _), (sent,), fetched = through(ON, CHAT, lambda _: chat(keep=1))
    assert (fetched, sent) == (0, {**chat(keep=1), "model": "real"})


@pytest.mark.parametrize(("path", "body"), [(MESSAGES, in_messages), (CHAT, in_chat)])
def test_the_next_candidate_gets_the_same_bytes(path: str, body: Callable[[str], Any]) -> None:
    """A provider that fails after the file was fetched does not make the gateway fetch it again."""
    (status, _, _), sent, fetched = through(ON, path, body, "b/real", "a/real")
    assert (status, len(sent), fetched) == (200, 1, 1)
    assert b64encode(PNG).decode() in str(sent)


def test_it_is_off_unless_configured() -> None:
    """The picture is lost, and named; where loss is refused, the text names the key."""
    (status, headers, _), (sent,), fetched = through({}, MESSAGES, in_messages)
    assert (status, headers[b"x-gateway-dropped"], fetched) == (200, b"messages[0].content[1]", 0)
    assert "images" not in sent["messages"][0]
    (status, _, data), sent, _ = through({}, MESSAGES, in_messages, on_loss="refuse")
    assert (status, sent) == (400, [])
    assert b"translation.fetch.enabled" in data


def test_metadata_services_are_not_reached_through_the_gateway() -> None:
    """C17: a clear 400 with the place of the URL, and nothing of what is there."""
    (status, _, data), sent, _ = through(ON, CHAT, in_chat, url="http://169.254.169.254/latest/meta-data/")
    error = msgspec.json.decode(data)["error"]
    assert (status, sent, error["param"]) == (400, [], "messages[0].content[1].image_url.url")
    assert UNREACHABLE in error["message"]
