"""Answers whose head came before: the same, to the byte, as if llhttp had read them."""

from __future__ import annotations

import asyncio
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_gateway.http.client_connection import ClientConnection, PlainConnection
from llm_gateway.http.client_limits import ClientLimits, Timeouts
from llm_gateway.http.errors import HttpError
from llm_gateway.http.response import Response

HEAD = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: %d\r\nX-A: b\r\n\r\n"
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"


class Wire:
    """The asyncio side of a connection: a transport and an owner in one."""

    def __init__(self) -> None:
        self.aborted = False
        self.returned = 0

    def write(self, data: bytes) -> None: ...

    def is_closing(self) -> bool:
        return self.aborted

    def get_write_buffer_size(self) -> int:
        return 0

    def abort(self) -> None:
        self.aborted = True

    def give_back(self, _: ClientConnection) -> None:
        self.returned += 1

    def dropped(self, _: ClientConnection) -> None: ...


class Talk:
    """Exchanges on one connection; must be made inside a running loop. `parsed` counts the bytes llhttp was given."""

    def __init__(self, limits: ClientLimits | None = None) -> None:
        self.limits = limits or ClientLimits()
        self.wire = Wire()
        self.connection = PlainConnection(asyncio.get_running_loop(), self.wire, self.limits)
        self.connection.connection_made(self.wire)
        self.parsed = 0
        feed = self.connection._feed

        def counted(data: bytes) -> None:
            self.parsed += len(data)
            feed(data)

        self.connection._feed = counted

    async def exchange(self, *reads: bytes, end: bool = False) -> tuple:
        """Everything the caller and the pool can see of one answer."""
        response = Response(self.limits, self.connection)
        head = self.connection.ask(response, b"GET / HTTP/1.1\r\n\r\n", b"", Timeouts(), asyncio.get_running_loop().time(), inf)
        for data in reads:
            if not self.wire.aborted:
                self.connection.data_received(data)
        kept = not self.wire.aborted
        if end:
            if kept:
                self.connection.eof_received()
            self.connection.connection_lost(None)
        try:
            await asyncio.wait_for(head, 1)
            body = await asyncio.wait_for(response.read(), 1)
        except HttpError as error:
            return (type(error), str(error), getattr(error, "stale", None), error.started, kept)
        return (response.status, response.headers, body, response.delimited_by_close, response.complete, self.wire.returned, kept)


def compare(first: bytes, *reads: bytes) -> None:
    """The same reads after this answer, and after one that is never remembered, must have the same outcome."""

    async def run() -> None:
        warm, cold = Talk(), Talk()
        assert (await warm.exchange(first))[-1] is True
        await cold.exchange(EMPTY)
        assert await warm.exchange(*reads, end=True) == await cold.exchange(*reads, end=True)

    asyncio.run(run())


@pytest.mark.parametrize("size", [5, 9, 12, 99, 100, 999, 1001, 50000, 150000])
def test_a_head_is_parsed_once(size):
    """The next answer with that head, its body of any length, is read without llhttp, and is what llhttp would have made of it."""

    async def run() -> None:
        talk = Talk()
        await talk.exchange(HEAD % 5 + b"hello")
        before = talk.parsed
        body = b"x" * size
        seen = await talk.exchange(HEAD % size + body)
        assert talk.parsed == before
        fields = {b"server": b"x", b"content-length": b"%d" % size, b"x-a": b"b"}
        assert seen == (200, fields, body, False, True, 2, True)
        talk.connection.retire()
        talk.connection.connection_lost(None)

    asyncio.run(run())
    compare(HEAD % 5 + b"hello", HEAD % size + b"x" * size)


@pytest.mark.parametrize("size", [1, 10, 998, 1000, 9999, 10000, 99999, 100000])
def test_sizes_next_to_a_power_of_ten(size):
    """The guess how many digits the length has may be wrong there; then the answer is parsed, and the same."""
    compare(HEAD % 5 + b"hello", HEAD % size + b"x" * size)


@pytest.mark.parametrize("value", [b"", b" ", b"+5", b"-5", b"05", b"0", b"5 ", b" 5", b"5,5", b"5_", b"\xb2", b"5" * 40])
@pytest.mark.parametrize("body", [b"", b"hello", b"hello!", b"hell"])
def test_only_the_very_length_fits_the_hole(value, body):
    """Other lengths, other spellings and other bodies have the outcome they always have."""
    compare(HEAD % 5 + b"hello", HEAD.replace(b"%d", value) + body)
    compare(HEAD % 5 + b"hello", HEAD % len(body) + body + b"HTTP/1.1 200 OK\r\n")
    compare(HEAD % 5 + b"hello", HEAD % 5 + body, b"x")


@pytest.mark.parametrize(
    "first",
    [
        b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n" + HEAD % 5 + b"hello",
        b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + HEAD % 5 + b"hello",
        HEAD.replace(b"X-A: b", b"Set-Cookie: a=b") % 5 + b"hello",
        HEAD.replace(b"X-A: b", b"X-A: " + b"b" * 3000) % 5 + b"hello",
        HEAD.replace(b"Length: ", b"Length:") % 5 + b"hello",
        HEAD.replace(b"Length: ", b"Length: 0") % 5 + b"hello",
        HEAD.replace(b"X-A: b", b"X: y\r\nContent-Length : %d" % 5) % 5 + b"hello",
        HEAD.replace(b"X-A: b", b"Connection: close") % 5 + b"hello",
        HEAD % 0,
        b"HTTP/1.1 200 xxxx5\r\nContent-Length:5\r\n\r\nhello",  # a number where the hole of a missing line would be
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ],
)
def test_unusual_answers_are_not_remembered(first):
    """Interim answers, cookies, endings and odd spellings are parsed every time."""

    async def run() -> None:
        talk = Talk()
        await talk.exchange(first)
        assert talk.connection._known is None
        if not talk.wire.aborted:
            talk.connection.retire()
        talk.connection.connection_lost(None)

    asyncio.run(run())


def test_small_caps_hold():
    """A head that a longer length could push over its cap is not remembered."""

    async def run() -> None:
        talk = Talk(ClientLimits(head_bytes=len(HEAD)))
        await talk.exchange(HEAD % 5 + b"hello")
        assert talk.connection._known is None
        talk.connection.retire()
        talk.connection.connection_lost(None)

    asyncio.run(run())


def test_heads_that_never_come_again_are_left_alone():
    """Where every answer has a head of its own, nearly none is copied; when they become alike, they are known again."""

    async def run() -> None:
        talk = Talk()
        remembered = 0
        for i in range(100):
            before = talk.connection._known
            await talk.exchange(HEAD.replace(b"X-A: b", b"X-A: %d" % i) % 5 + b"hello")
            remembered += talk.connection._known is not None and talk.connection._known is not before
        assert 1 < remembered < 5
        for _ in range(34):
            await talk.exchange(HEAD % 5 + b"hello")
        parsed = talk.parsed
        await talk.exchange(HEAD % 5 + b"hello")
        assert talk.parsed == parsed
        talk.connection.retire()
        talk.connection.connection_lost(None)

    asyncio.run(run())


def test_each_answer_has_headers_of_its_own():
    """What one caller does to its headers no other sees, and no representation shows what a model said."""

    async def run() -> None:
        talk = Talk()
        for _ in range(4):
            status, headers, *_ = await talk.exchange(HEAD % 5 + b"hello")
            assert (status, headers.pop(b"x-a")) == (200, b"b")
        assert "limits" not in repr(Response(talk.limits))
        talk.connection.retire()
        talk.connection.connection_lost(None)

    asyncio.run(run())


@st.composite
def damaged(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A head, and reads that hold nearly an answer with it."""
    lines = [b"Content-Length: %d", *draw(st.lists(st.sampled_from([b"A: b", b"Server:", b"A:  c ", b"Date: d"]), max_size=3))]
    head = b"\r\n".join((b"HTTP/1.1 200 OK", *draw(st.permutations(lines)), b"", b""))
    body = draw(st.binary(max_size=12))
    data = head % draw(st.sampled_from([len(body), len(body), 0, 5, len(body) + 1, 40])) + body
    pieces = st.sampled_from(
        [b"\r\n", b"\r", b"\n", b" ", b":", b"\0", b"0", b"5", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"]
    )
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.one_of(pieces, st.binary(max_size=2))) + data[at + draw(st.integers(0, 3)) :]
    cut = draw(st.one_of(st.just(0), st.integers(0, len(data))))
    return head % 5 + b"hello", [read for read in (data[:cut], data[cut:]) if read]


@settings(max_examples=400, deadline=None)
@given(damaged())
def test_memory_and_parser_agree(case):
    """Any bytes at all, on a connection whose last head was nearly the same: the very outcome of one that parses them."""
    first, reads = case
    compare(first, *reads)
