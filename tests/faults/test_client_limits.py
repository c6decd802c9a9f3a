"""Clients that are slow or send too much, or whose HTTP could be understood in two ways (C05-C08, C19-C21)."""

from __future__ import annotations

import contextlib
import gzip
import selectors
import socket
import statistics
import time
from collections.abc import Iterator

import pytest

from faults.world import (
    FRONTS,
    PATHS,
    World,
    eventually,
    head,
    payload,
    peak_kb,
    question,
    read_until_closed,
    refused,
    request_bytes,
    running_world,
    slowest_neighbour,
)

fronts = pytest.mark.parametrize("front", FRONTS)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    def hurried(config: dict, _simulator: object) -> None:
        config["server"] = {"timeouts": {"head": "1s", "body": "1s"}}

    with running_world(tmp_path_factory.mktemp("limits"), {}, hurried) as made:
        yield made


def exchange(world: World, data: bytes) -> bytes:
    """Send bytes, read until the gateway closes."""
    with world.raw() as sock:
        with contextlib.suppress(ConnectionError):
            sock.sendall(data)
        return read_until_closed(sock)


def refusal(answer: bytes, front: str, *statuses: int) -> None:
    """The first and only answer is one of `statuses`, in the front's shape, and the connection ends with it.

    `front` "": the head itself is refused, so the path that tells the front was not read.
    """
    assert int(answer[9:12]) in statuses, answer[:300]
    assert answer.count(b"HTTP/1.1 ") == 1, answer
    assert b"connection: close" in answer.lower()
    assert b'"error"' in answer
    if front == "anthropic":
        assert b'"type":"error"' in answer


def test_c05_five_hundred_slow_heads(world: World) -> None:
    """Each is told 408 when its time is over, however often it sends a byte; others are served as always."""
    began = time.monotonic()
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as waiting:
        for _ in range(500):
            sock = stack.enter_context(world.raw())
            sock.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-A: ")
            waiting.register(sock, selectors.EVENT_READ, bytearray())
        with slowest_neighbour(world) as slowest:
            while waiting.get_map() and time.monotonic() - began < 40:
                for key, _ in waiting.select(0.2):
                    data = b""
                    with contextlib.suppress(ConnectionError):
                        data = key.fileobj.recv(4096)  # type: ignore[union-attr]
                    key.data.extend(data)
                    if not data:
                        waiting.unregister(key.fileobj)
                        assert key.data.startswith(b"HTTP/1.1 408"), key.data
                for key in list(waiting.get_map().values()):
                    with contextlib.suppress(OSError):
                        key.fileobj.send(b"a")  # type: ignore[union-attr]
            assert not waiting.get_map()
    assert statistics.median(slowest) < 0.5
    world.well("openai", "openai")


@fronts
def test_c06_a_slow_body(world: World, front: str) -> None:
    """Ten bytes a second of a million: 408 in the front's shape when the time for bodies is over."""
    began = time.monotonic()
    with world.raw() as sock:
        sock.sendall(request_bytes(front, b"{", "X-A: b").replace(b"Content-Length: 1\r\n", b"Content-Length: 1000000\r\n"))
        sock.settimeout(0.1)
        answer = b""
        while not answer and time.monotonic() - began < 20:
            with contextlib.suppress(TimeoutError):
                answer = sock.recv(65536)
            if not answer:
                sock.sendall(b" ")
        sock.settimeout(10)
        answer += read_until_closed(sock)
    refusal(answer, front, 408)
    assert 0.9 < time.monotonic() - began < 20


@fronts
@pytest.mark.parametrize("chunked", [False, True], ids=["sized", "chunked"])
def test_c07_a_body_that_is_too_large(world: World, front: str, chunked: bool) -> None:
    """50 MiB: 413 at the limit or before, in the front's shape, without having been held; the connection ends."""
    before = peak_kb(world)
    block = b"x" * (1 << 20)
    with world.raw() as sock:
        whole = request_bytes(front, b"")
        framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % (50 << 20)
        sock.sendall(whole.replace(b"Content-Length: 0", framing))
        with contextlib.suppress(ConnectionError):
            for _ in range(50):
                sock.sendall(b"%x\r\n%b\r\n" % (len(block), block) if chunked else block)
        answer = read_until_closed(sock)
    refusal(answer, front, 413)
    assert peak_kb(world) - before < 24 * 1024
    world.well(front, front)


@fronts
@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "gzip, gzip", "x"])
def test_c08_coded_requests(world: World, front: str, coding: str) -> None:
    """A gigabyte that came as a megabyte is never unpacked: coded requests are refused, here with 413 or 415."""
    before = peak_kb(world)
    bomb = gzip.compress(b" " * (64 << 20), 1) if coding.startswith("gzip") else b"x" * 1000
    with world.client() as client:
        got = client.send(front, bomb, {"Content-Encoding": coding})
    refused(world, got, 413, 415)
    assert peak_kb(world) - before < 8 * 1024


def smuggled(front: str, text: str) -> bytes:
    return request_bytes(front, payload(front, f"{front}-well", text))


def doubtful(front: str, inner: bytes) -> dict[str, bytes]:
    """Requests that two readers could end in different places, with another request where they would go on."""
    start = f"POST {PATHS[front]} HTTP/1.1\r\nHost: x\r\n" + "".join(f"{k}: {v}\r\n" for k, v in head(front).items())
    begin = start.encode()
    chunks = b"0\r\n\r\n" + inner
    size = b"Content-Length: %d\r\n"
    made = {
        "CL.TE": begin + size % len(chunks) + b"Transfer-Encoding: chunked\r\n\r\n" + chunks,
        "TE.CL": begin + b"Transfer-Encoding: chunked\r\n" + size % 4 + b"\r\n" + b"%x\r\n%b\r\n0\r\n\r\n" % (len(inner), inner),
        "two lengths": begin + size % 0 + size % len(inner) + b"\r\n" + inner,
        "two equal lengths": begin + (size % 0) * 2 + b"\r\n" + inner,
        "list of lengths": begin + b"Content-Length: 0, %d\r\n\r\n" % len(inner) + inner,
        "length +": begin + b"Content-Length: +0\r\n\r\n" + inner,
        "length hex": begin + b"Content-Length: 0x0\r\n\r\n" + inner,
        "length -": begin + b"Content-Length: -1\r\n\r\n" + inner,
        "length empty": begin + b"Content-Length: \r\n\r\n" + inner,
        "length underscore": begin + b"Content-Length: 1_0\r\n\r\n" + inner,
        "length huge": begin + b"Content-Length: 99999999999999999999999\r\n\r\n" + inner,
        "bare LF": begin.replace(b"\r\n", b"\n") + b"Content-Length: 0\n\n" + inner,
        "space before colon": begin + b"Content-Length : 0\r\n\r\n" + inner,
        "folded": begin + b"X: a\r\n Content-Length: 5\r\nContent-Length: 0\r\n\r\n" + inner,
        "NUL": begin + b"X: a\0b\r\nContent-Length: 0\r\n\r\n" + inner,
        "bare CR": begin + b"X: a\rContent-Length: 9\r\nContent-Length: 0\r\n\r\n" + inner,
        "no host": begin.replace(b"Host: x\r\n", b"") + b"Content-Length: 0\r\n\r\n" + inner,
        "two hosts": begin + b"Host: y\r\nContent-Length: 0\r\n\r\n" + inner,
        "chunk size sign": begin + b"Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n" + inner,
        "chunk size 0x": begin + b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n" + inner,
        "chunk size overflow": begin + b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n" + inner,
        "chunk extension": begin + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 9000 + b"\r\nx\r\n" + chunks,
        "chunk bare LF": begin + b"Transfer-Encoding: chunked\r\n\r\n0\n\n" + inner,
    }
    for name in (
        b"xchunked",
        b"chunked, identity",
        b"identity",
        b"\x0bchunked",
        b"chunked\x00",
        b'"chunked"',
        b"gzip, chunked",
        b"chunked, chunked",
    ):
        made[f"TE {name!r}"] = begin + b"Transfer-Encoding: " + name + b"\r\n" + size % 4 + b"\r\n" + chunks
    for line in (
        b" Transfer-Encoding: chunked",
        b"Transfer-Encoding : chunked",
        b"Transfer_Encoding: chunked",
        b"X: y\nTransfer-Encoding: chunked",
    ):
        made[f"{line!r}"] = begin + line + b"\r\n" + size % len(chunks) + b"\r\n" + chunks
    return made


NAMES = tuple(doubtful("openai", b""))


@fronts
@pytest.mark.parametrize("name", NAMES)
def test_c19_c20_a_request_within_a_request(world: World, front: str, name: str) -> None:
    """Refused once and closed; or, where HTTP leaves no doubt, taken as one body. The inner request never reaches a provider."""
    text = question()
    answer = exchange(world, doubtful(front, smuggled(front, text))[name])
    assert int(answer[9:12]) in {400, 413, 501, 408}, answer
    assert answer.count(b"HTTP/1.1 ") == 1, answer
    assert world.seen(text) == []
    world.well(front, front)


@fronts
def test_c19_requests_one_behind_the_other_are_two(world: World, front: str) -> None:
    """The inner request of the tests above is a good one: sent by itself, pipelined, it is answered, in order."""
    one, two = question(), question()
    with world.raw() as sock:
        sock.sendall(
            smuggled(front, one) + smuggled(front, two).replace(b"Host: gateway", b"Host: gateway\r\nConnection: close", 1)
        )
        answers = read_until_closed(sock)
    assert answers.count(b"HTTP/1.1 200") == 2
    assert answers.index(one.encode()) < answers.index(two.encode())


@fronts
@pytest.mark.parametrize(
    ("name", "lines", "target", "status"),
    [
        ("a header of 100 KiB", b"X-A: " + b"a" * 102_400 + b"\r\n", b"", 431),
        ("ten thousand headers", b"".join(b"X-%d: a\r\n" % number for number in range(10_000)), b"", 431),
        ("a key of a megabyte", b"X-Key: " + b"k" * (1 << 20) + b"\r\n", b"", 431),
        ("a URL of 64 KiB", b"", b"?" + b"q" * 65_536, 414),
    ],
)
def test_c21_heads_without_end(world: World, front: str, name: str, lines: bytes, target: bytes, status: int) -> None:
    """431 or 414 with an error that says so, and the connection ends."""
    path = PATHS[front].encode()
    whole = smuggled(front, name).replace(b"Host: gateway\r\n", b"Host: gateway\r\n" + lines, 1).replace(path, path + target, 1)
    refusal(exchange(world, whole), "", status)
    assert world.seen(name) == []
    world.well(front, front)


def test_c21_the_limit_on_connections_is_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    """One connection too many is told 503, and is welcome when another one has gone."""

    def few(config: dict, _simulator: object) -> None:
        config["server"] = {"limits": {"connections": 20}}

    with running_world(tmp_path_factory.mktemp("few"), {}, few) as world, contextlib.ExitStack() as stack:
        socks: list[socket.socket] = [stack.enter_context(world.raw()) for _ in range(20)]
        for sock in socks:
            sock.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert sock.recv(4096).startswith(b"HTTP/1.1 200")
        assert exchange(world, b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 503")
        socks[0].close()
        again = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        assert eventually(lambda: exchange(world, again).startswith(b"HTTP/1.1 200"))
