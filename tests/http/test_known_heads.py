"""Known heads: what is served from memory is, to the byte, what the strict reader would have made of the same bytes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amount import examples
from llm_gateway.core.clock import FakeClock
from llm_gateway.http.headers import StatusLines
from llm_gateway.http.limits import ServerLimits
from llm_gateway.http.refusal import Refused, render_refusal
from llm_gateway.http.request import Request
from llm_gateway.http.request_reader import RequestReader
from llm_gateway.http.server_state import ServerState
from serving import run, serving

LOOP = asyncio.new_event_loop()
LOOP.close()  # only its clock is used

HEAD = b"POST /v1/x?a=b HTTP/1.1\r\nHost: a:80\r\nContent-Length: %d\r\nX-Key: secret\r\n\r\n"


class Counted:
    """llhttp, and how many bytes it was given."""

    def __init__(self, parser: Any) -> None:
        self.parser = parser
        self.seen = 0

    def feed_data(self, data: Any) -> None:
        self.seen += len(data)
        self.parser.feed_data(data)


def reader(limits: ServerLimits | None = None) -> tuple[RequestReader, Counted]:
    """A reader with a server's state of its own, and its parser."""

    async def nobody(request: Request) -> None: ...

    state = ServerState(nobody, limits or ServerLimits(), StatusLines(FakeClock()), lambda error: None, render_refusal, LOOP)
    made = RequestReader(state, "peer", None)
    made._parser = counted = Counted(made._parser)
    return made, counted


def outcome(by: RequestReader, data: bytes) -> tuple[object, ...]:
    """Everything that can be seen of reading `data`: each request, then the refusal or what is left, and the account."""
    seen: list[object] = []
    try:
        request = by.read(data)
        while request is not None:
            seen.append((request.method, request.path, request.query, request.headers, request.body, request.peer, by.keep))
            request = by.read(b"")
    except Refused as refused:
        return (*seen, refused.status, refused.message)
    return (*seen, by.stage, by.held, bytes(by.body), by.keep, by.modern, by.waits, by.charged, by._state.buffered)


def warm(head: bytes, limits: ServerLimits | None = None) -> tuple[RequestReader, Counted]:
    """A reader whose connection has just had a request with this head and a body of five bytes."""
    by, counted = reader(limits)
    assert by.read(head % 5 + b"hello") is not None
    by.release()
    return by, counted


def test_a_head_is_judged_once() -> None:
    """The second request of the same shape, its body of another length, is the same as if llhttp had read it, and it has not."""
    by, counted = warm(HEAD)
    cold, _ = reader()
    before = counted.seen
    data = HEAD % 11 + b"hello world"
    assert outcome(by, data) == outcome(cold, data)
    assert counted.seen == before


def test_what_a_handler_does_to_the_headers_stays_with_its_request() -> None:
    """Each request has headers of its own."""
    by, _ = warm(HEAD)
    for _ in range(3):
        request = by.read(HEAD % 2 + b"hi")
        assert request is not None
        assert request.headers.pop(b"x-key") == b"secret"
        request.headers[b"host"] = b"b"


@pytest.mark.parametrize(
    "value",
    [b"", b" ", b"+5", b"-5", b"05", b"0", b"00", b"5 ", b" 5", b"5,5", b"0x5", b"1_0", b"5\t", b"\xb2", b"5" * 11, b"5" * 9000],
)
def test_only_plain_numbers_fit_the_hole(value: bytes) -> None:
    """Whatever else stands where the length was is judged anew."""
    data = HEAD.replace(b"%d", value) + b"hello"
    by, _ = warm(HEAD)
    cold, _ = reader()
    assert outcome(by, data) == outcome(cold, data)


@pytest.mark.parametrize("length", [*range(14), 400, 10**9])
@pytest.mark.parametrize("size", [0, 5, 12])
def test_a_length_that_does_not_match_the_read(length: int, size: int) -> None:
    """Bodies that are cut, and requests with more behind them, are read as they always are, and so is what follows."""
    behind = b"x" * size + HEAD % 2 + b"hi"
    by, _ = warm(HEAD)
    cold, _ = reader()
    assert outcome(by, HEAD % length + behind) == outcome(cold, HEAD % length + behind)


def test_limits_hold() -> None:
    """The caps on one body, on all bodies and on the head are those of the strict reader."""
    by, _ = warm(HEAD, ServerLimits(body_bytes=10))
    assert outcome(by, HEAD % 11 + b"x" * 11)[0] == 413
    by, _ = warm(HEAD, ServerLimits(buffered_bytes=10))
    assert outcome(by, HEAD % 11 + b"x" * 11)[0] == 503
    by, _ = warm(HEAD, ServerLimits(head_bytes=len(HEAD) - 1))
    assert outcome(by, HEAD % 11 + b"x" * 11)[0] == 431


@pytest.mark.parametrize(
    "head",
    [
        HEAD.replace(b"1.1", b"1.0").replace(b"X-Key", b"Connection: keep-alive\r\nX-Key"),
        HEAD.replace(b"X-Key: secret", b"Connection: close"),
        HEAD.replace(b"Content-Length:", b"Content-Length: "),
        HEAD.replace(b"Content-Length: ", b"Content-Length:"),
        HEAD.replace(b"X-Key", b"Upgrade: h2c\r\nConnection: upgrade\r\nX-Key"),
        HEAD.replace(b"secret", b"s" * 3000),
    ],
)
def test_unusual_heads_are_not_remembered(head: bytes) -> None:
    """Other versions, endings, blanks, offers and sizes always take the strict path."""
    by, counted = warm(head)
    assert not by._state.heads
    before = counted.seen
    if by.keep:
        assert by.read(head % 5 + b"hello") is not None
        assert counted.seen > before


def test_what_is_kept_is_bounded() -> None:
    """A client with a new head for each request fills a fixed number of places."""
    state = reader()[0]._state
    for i in range(1000):
        by = RequestReader(state, "peer", None)
        assert by.read(HEAD.replace(b"secret", b"%d" % i) % 5 + b"hello") is not None
        by.close()
    assert len(state.heads) == 256


def test_heads_that_never_come_again_are_left_alone() -> None:
    """Where every request has a head of its own, eight of nine are not remembered; when they become alike, they are."""
    by, counted = reader()
    for i in range(90):
        assert by.read(HEAD.replace(b"secret", b"%d" % i) % 5 + b"hello") is not None
    assert len(by._state.heads) == 10
    for _ in range(9):
        assert by.read(HEAD % 5 + b"hello") is not None
    before = counted.seen
    assert by.read(HEAD % 6 + b"hello!") is not None
    assert counted.seen == before


def test_what_was_forgotten_is_learned_at_once() -> None:
    """After a sweep the first request is judged, the second is known."""
    by, counted = warm(HEAD)
    by._state.heads.forget()
    assert by.read(HEAD % 5 + b"hello") is not None
    before = counted.seen
    assert by.read(HEAD % 6 + b"hello!") is not None
    assert counted.seen == before


def test_a_connection_forgets_its_head() -> None:
    """A sweep leaves nothing of a head with the connections that had it, which hold keys for as long as they idle."""
    by, _ = warm(HEAD)
    met = by._met
    assert met is not None
    assert b"secret" in repr(met.facts).encode()
    by._state.heads.forget()
    assert b"secret" not in repr(met.facts).encode()


def test_connections_share_what_follows_from_a_head() -> None:
    """A head that another connection brought is known there too, and again after it was forgotten; so are two by turns."""
    by, counted = warm(HEAD)
    other = RequestReader(by._state, "peer", None)
    assert other.read(HEAD % 2 + b"hi") is not None
    by._state.heads.forget()
    for one in (other, by):
        one.release()
    assert other.read(HEAD % 2 + b"hi") is not None
    before = counted.seen
    one, two = by.read(HEAD % 5 + b"hello"), other.read(HEAD % 3 + b"hey")
    assert one is not None
    assert two is not None
    assert one.notes is two.notes
    second = HEAD.replace(b"secret", b"sesame")
    assert RequestReader(by._state, "peer", None).read(second % 2 + b"hi") is not None
    for _ in range(3):
        for head, key in ((second, b"sesame"), (HEAD, b"secret")):
            request = by.read(head % 2 + b"hi")
            assert request is not None
            assert request.headers[b"x-key"] == key
    assert counted.seen == before


def test_heads_are_forgotten() -> None:
    """Heads hold keys: a sweep later none is in memory."""

    async def main() -> None:
        async with serving(limits=ServerLimits(idle_timeout=0.2)) as server:
            assert server._state.heads.remember(HEAD % 5, b"POST", b"/", b"", {b"content-length": b"5"})
            await asyncio.sleep(0.1)
            assert not server._state.heads

    run(main)


def test_a_request_shows_no_secret() -> None:
    """The representation of a request, which may end up in a traceback, holds none of its fields."""
    by, _ = reader()
    assert "secret" not in repr(by.read(HEAD % 6 + b"secret"))


PIECES = st.sampled_from(
    [b"\r\n", b"\r", b"\n", b" ", b"\t", b":", b"\0", b"0", b"5", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"]
)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A head, and a request that has nearly the same one."""
    lines = [
        b"Host: h",
        b"Content-Length: %d",
        *draw(st.lists(st.sampled_from([b"A: b", b"Accept:", b"A:  c ", b"Cookie: d"]), max_size=3)),
    ]
    lines = draw(st.permutations(lines))
    head = b"\r\n".join((b"POST /x HTTP/1.1", *lines, b"", b""))
    body = draw(st.binary(max_size=12))
    data = head % draw(st.sampled_from([len(body), len(body), 0, 5, len(body) + 1, 40])) + body
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.one_of(PIECES, st.binary(max_size=2))) + data[at + draw(st.integers(0, 3)) :]
    return head, data


@examples(200)
@given(damaged())
def test_memory_and_judgement_agree(case: tuple[bytes, bytes]) -> None:
    """Any bytes at all, on a connection whose last head was nearly the same: the very outcome a new connection gives."""
    head, data = case
    by, _ = warm(head)
    cold, _ = reader()
    assert outcome(by, data) == outcome(cold, data)
