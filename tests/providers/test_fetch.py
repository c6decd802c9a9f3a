"""Files named by URL: what is fetched, what is refused and in which words; real servers on this machine, a name server of our own."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import pytest

from llm_gateway.core.chat import Document, Image, ToolResult
from llm_gateway.core.errors import Unsupported
from llm_gateway.providers.fetch import MOST_URLS
from llm_gateway.providers.linked import File
from llm_gateway.providers.sniff import IMAGES, KNOWN
from providers.files import PNG, WANTS, fetch, fetching, file, request, rules, why
from scripted_upstream import ASK
from scripted_upstream import Upstream as Server
from serving import run


def test_a_picture() -> None:
    """Asked for plainly: without cookies, credentials or where it was found."""
    found, (asked,) = fetch(file())
    assert found == File(PNG, "image/png")
    head = asked.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert head[0] == b"GET /a.png HTTP/1.1"
    assert {line.partition(b":")[0].lower() for line in head[1:]} <= {b"host", b"user-agent", b"accept", b"accept-encoding"}


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
        slow = [ASK, 0.25, file()[1]]
        async with Server(slow) as server, fetching(rules(server, seconds=5.0)) as fetcher:
            images = [Image(url=f"http://files.test:{server.port}/{number}") for number in range(8)]
            known: dict[str, File | str] = {}
            began = asyncio.get_running_loop().time()
            await fetcher.files(request(*images), WANTS, known, 5)
            assert asyncio.get_running_loop().time() - began < 1.6
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
