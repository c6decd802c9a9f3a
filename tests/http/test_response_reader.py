"""Heads whose lines the parser judges but does not hand over: what is read from their bytes is what it found."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from math import inf

import pytest
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from hypothesis import given
from hypothesis import strategies as st

from amount import examples
from llm_gateway.http.client_connection import ClientConnection, PlainConnection
from llm_gateway.http.client_limits import ClientLimits, Timeouts
from llm_gateway.http.errors import HttpError, TooLarge
from llm_gateway.http.response import Response

PLAIN = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello"


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


class Told:
    """What the parser itself says of the final head in some bytes, line by line."""

    def __init__(self, data: bytes) -> None:
        self.fields: dict[bytes, bytes] = {}
        self.status = 0
        self.refused = False
        self._complete = False
        self._parser = HttpResponseParser(self)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self.refused = not self._complete
        del self._parser

    def on_header(self, name: bytes, value: bytes) -> None:
        name, value = name.lower(), value.rstrip(b" \t")
        if self.status:
            return  # a trailer, or of a second answer
        if name in self.fields:
            self.fields[name] += b", " + value
        elif name != b"set-cookie":
            self.fields[name] = value

    def on_headers_complete(self) -> None:
        if self.status:
            return  # of a second answer
        status = self._parser.get_status_code()
        if status < 200:
            self.fields.clear()
        else:
            self.status = status

    def on_message_complete(self) -> None:
        self._complete = self.status != 0


def read(data: bytes, *cuts: int, limits: ClientLimits | None = None) -> Response | HttpError:
    """The answer in `data`, cut at these places, then EOF."""

    async def run() -> Response | HttpError:
        wire = Wire()
        now = asyncio.get_running_loop().time()
        connection = PlainConnection(asyncio.get_running_loop(), wire, limits or ClientLimits())
        connection.connection_made(wire)
        response = Response(limits or ClientLimits(), connection)
        head = connection.ask(response, b"GET / HTTP/1.1\r\n\r\n", b"", Timeouts(), now, inf)
        for start, end in pairwise([0, *sorted(cuts), len(data)]):
            if start < end and not wire.aborted:
                connection.data_received(data[start:end])
        if not wire.aborted:
            connection.eof_received()
        connection.connection_lost(None)
        try:
            await asyncio.wait_for(head, 1)
        except HttpError as error:
            return error
        return response

    return asyncio.run(run())


LINES = [
    *(b"Content-Length: 5", b"content-length: 5", b"Content-Length:5 ", b"Content-Length : 5", b"CONTENT-LENGTH: 05"),
    *(b"Content-Length: +5", b"Content-Length: 5, 5", b"Transfer-Encoding: chunked", b"TRANSFER-ENCODING:\tChunked "),
    *(b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding : chunked", b"Connection: close", b"Connection: Upgrade"),
    *(b"Connection: keep-alive", b"Upgrade: h2c", b"Set-Cookie: a=b", b"SET-COOKIE: c", b"Content-Encoding: identity"),
    *(b"X-A: b", b"x-a: c ", b"X-A:", b"X-A:  \t", b"X-T:\ta\t", b" folded", b"\tfolded", b": v", b"noname", b"X: a:b"),
    *(b"X\0: y", b"X: a\0b", b"X: \xff\x80", b"X\xff: y", b"X: a\rb", b"X: a\nb", b"X(: a", b"X!#$%&'*+.^_`|~-9: a", b"X: \x7f"),
]
STATUS = [
    *(b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK", b"HTTP/1.1 200", b"HTTP/1.1 404 Not \xff", b"HTTP/1.1 204 No", b"HTTP/1.1 304 N"),
    *(
        b"HTTP/1.0 200 OK",
        b"HTTP/1.1 103 E",
        b"HTTP/1.1 101 S",
        b"\r\nHTTP/1.1 200 OK",
        b"\r\n\r\nHTTP/1.1 200 OK",
        b"HTTP/2.0 200 OK",
    ),
]
BODIES = [
    b"hello",
    b"hello",
    b"",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhello\r\n0\r\nX-Late: y\r\nX-A: z\r\n\r\n",
    b"hello!",
    b"5\r\nhe",
]


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, list[int]]:
    """Answers with one head or two, good, odd and broken ones, and where they are cut."""
    heads = []
    for _ in range(draw(st.sampled_from([1, 1, 1, 2]))):
        usual = st.sampled_from([LINES[0], LINES[7], LINES[18], LINES[19], LINES[13]])
        lines = draw(st.lists(st.one_of(usual, usual, st.sampled_from(LINES)), max_size=5, unique=draw(st.booleans())))
        heads.append(b"\r\n".join((draw(st.sampled_from(STATUS)), *lines, b"", b"")))
    data = b"".join(heads) + draw(st.sampled_from(BODIES))
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.binary(max_size=2)) + data[at + draw(st.integers(0, 2)) :]
    return data, draw(st.one_of(st.just([]), st.lists(st.integers(0, len(data)), max_size=4), st.just(list(range(len(data))))))


@examples(200)
@given(answers())
def test_headers_are_those_the_parser_found(case):
    """Whatever it accepts, however it is cut: the same status and headers; what it refuses is no answer."""
    data, cuts = case
    told = Told(data)
    seen = read(data, *cuts)
    if isinstance(seen, Response):
        assert (seen.status, seen.headers) == (told.status, told.fields)
        assert list(seen.headers) == list(told.fields)
        assert seen.coded is (b"content-encoding" in told.fields)
        if seen.complete and seen.error is None and not seen.delimited_by_close:
            assert told.refused is False
    elif told.status and not told.refused:
        assert 1 <= told.status < 600  # refused by a rule of ours: test_client_connection says which


@pytest.mark.parametrize("cuts", [(), (70,), (5, 40), range(len(PLAIN))])
def test_a_head_is_split_into_lines_for_whoever_asks(cuts):
    """An answer that is passed on costs no table of its headers; the one who looks gets a table of its own."""
    seen = read(PLAIN, *cuts)
    assert isinstance(seen, Response)
    assert seen.body() == b"hello"
    assert seen._headers is None
    assert seen.headers == {b"server": b"x", b"content-length": b"5", b"x-a": b"b"}
    assert seen.headers is seen.headers
    assert "hello" not in repr(seen)


@pytest.mark.parametrize("name", [b"Content-Encoding: gzip", b"CONTENT-ENCODING:gzip", b"x: y\r\ncontent-encoding:\t gzip "])
def test_a_coding_is_seen_however_it_is_written(name):
    """A body that is packed is never taken for a plain one."""
    seen = read(PLAIN.replace(b"Server: x", name))
    assert isinstance(seen, Response)
    assert seen.coded
    with pytest.raises(HttpError):
        seen.body()


def test_an_answer_at_hand_needs_no_waiting():
    """`body` gives what `read` gives, under the same cap."""
    seen = read(PLAIN)
    assert isinstance(seen, Response)
    assert asyncio.run(seen.read()) == seen.body() == b"hello"
    with pytest.raises(TooLarge):
        seen.body(4)


@pytest.mark.parametrize(
    ("lines", "fits"), [([b"X: %d" % i for i in range(3)], True), ([b"X: %d" % i for i in range(9)], False),
                        ([b"X-%d: 1" % i for i in range(3)], True), ([b"X-%d: 1" % i for i in range(5)], False),
                        ([b"Set-Cookie: %d" % i for i in range(40)], True)],
)  # fmt: skip
def test_headers_are_counted_by_name(lines, fits):
    """So many names, and so many repetitions of them; cookies, which are dropped, do not count."""
    seen = read(PLAIN.replace(b"X-A: b", b"\r\n".join(lines)), limits=ClientLimits(header_count=5))
    assert isinstance(seen, Response if fits else TooLarge)
