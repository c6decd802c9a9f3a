"""client_connection: strict framing, whatever the reads look like; driven in memory, without sockets."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_gateway.http.client_connection import ClientConnection, PlainConnection
from llm_gateway.http.client_limits import ClientLimits, Timeouts
from llm_gateway.http.errors import BadCoding, ConnectionLost, HttpError, ProtocolViolation, TooLarge
from llm_gateway.http.response import Response

OK = b"HTTP/1.1 200 OK\r\n"


class Wire:
    """The asyncio side of a connection: a transport and an owner in one."""

    def __init__(self) -> None:
        self.aborted = False
        self.paused = False
        self.unsent = 0
        self.returned = 0
        self.dropped_count = 0

    def write(self, data: bytes) -> None:
        self.sent = data

    def writelines(self, parts: tuple[bytes, ...]) -> None:
        self.sent = b"".join(parts)

    def is_closing(self) -> bool:
        return self.aborted

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def abort(self) -> None:
        self.aborted = True

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def give_back(self, _: ClientConnection) -> None:
        self.returned += 1

    def dropped(self, _: ClientConnection) -> None:
        self.dropped_count += 1


class Talk:
    """One exchange on one connection; must be made inside a running loop."""

    def __init__(self, limits: ClientLimits | None = None) -> None:
        self.limits = limits or ClientLimits()
        self.wire = Wire()
        self.connection = PlainConnection(asyncio.get_running_loop(), self.wire, self.limits)
        self.connection.connection_made(self.wire)
        self.ask()

    def ask(self) -> None:
        self.response = Response(self.limits, self.connection)
        now = asyncio.get_running_loop().time()
        self.head = self.connection.ask(self.response, b"GET / HTTP/1.1\r\n\r\n", b"", Timeouts(), now, inf)

    def feed(self, *reads: bytes) -> None:
        for data in reads:
            if not self.wire.aborted:  # a real transport delivers nothing after abort
                self.connection.data_received(data)

    def eof(self) -> None:
        if not self.wire.aborted:
            self.connection.eof_received()
        self.connection.connection_lost(None)

    async def outcome(self) -> tuple:
        """Everything the caller can see: status, headers and body, or the kind of error."""
        try:
            await asyncio.wait_for(self.head, 1)
            body = await asyncio.wait_for(self.response.read(), 1)
        except HttpError as error:
            return (type(error),)
        return (self.response.status, self.response.headers, body, self.response.delimited_by_close)


def play(data: bytes, *cuts: int, limits: ClientLimits | None = None) -> tuple:
    """The outcome of reading `data` cut at these places, then EOF; and whether the connection was kept."""

    async def run() -> tuple:
        talk = Talk(limits)
        places = [0, *sorted(cuts), len(data)]
        talk.feed(*[data[a:b] for a, b in pairwise(places) if b > a])
        kept = talk.wire.returned == 1 and not talk.wire.aborted
        talk.eof()
        return (*(await talk.outcome()), kept)

    return asyncio.run(run())


GOOD = {
    "sized": OK + b"Content-Length: 5\r\nX-A: b\r\n\r\nhello",
    "chunked": OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: t\r\n\r\n",
    "empty": OK + b"Content-Length: 0\r\n\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok",
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
    "old but kept": b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
}


@pytest.mark.parametrize("name", GOOD)
def test_every_split_gives_the_same_answer(name):
    """Cutting a well-formed response at any byte changes neither the answer nor whether the connection is kept."""
    data = GOOD[name]
    whole = play(data)
    assert whole[0] in {200, 204}
    assert whole[-1] is True
    for cut in range(1, len(data)):
        assert play(data, cut) == whole, cut
    assert play(data, *range(1, len(data))) == whole


@settings(max_examples=150, deadline=None)
@given(
    body=st.binary(max_size=300),
    sizes=st.lists(st.integers(1, 50), max_size=6),
    cuts=st.lists(st.integers(0, 900), max_size=8),
)
def test_any_chunking_and_any_split_give_the_body_back(body, sizes, cuts):
    """A body in any chunks, arriving in any reads, is that body."""
    rest, chunks = body, []
    for size in sizes:
        if rest:
            chunks.append(rest[:size])
            rest = rest[size:]
    chunks += [rest] if rest else []
    wire = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    data = OK + b"Transfer-Encoding: chunked\r\n\r\n" + wire
    assert play(data, *[cut for cut in cuts if cut < len(data)])[:3:2] == (200, body)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from(
                [
                    OK,
                    b"\r\n",
                    b"Content-Length: 3\r\n",
                    b"Transfer-Encoding: chunked\r\n",
                    b"3\r\nabc\r\n",
                    b"HTTP/1.1 100 C\r\n\r\n",
                ]
            ),
        ),
        max_size=12,
    )
)
def test_random_bytes_end_in_an_answer_or_an_error(reads):
    """Whatever arrives, the caller gets a response or an HttpError, never a hang or another exception."""

    async def run() -> None:
        talk = Talk()
        talk.feed(*[data for data in reads if data])
        talk.eof()
        outcome = await talk.outcome()
        assert len(outcome) == 4 or issubclass(outcome[0], HttpError)

    asyncio.run(run())


BAD = {
    "two lengths": OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "the same length twice": OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "length list": OK + b"Content-Length: 5, 5\r\n\r\nhello",
    "signed length": OK + b"Content-Length: +5\r\n\r\nhello",
    "huge length": OK + b"Content-Length: 99999999999999999999999\r\n\r\nhello",
    "length and chunks": OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "chunks and length": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "chunked twice": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "gzip, chunked": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked not last": OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "unknown coding": OK + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunks over 1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bad chunk size": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
    "bare LF chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
    "folded header": OK + b"A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "bare LF head": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "bare CR": OK + b"A: b\rX: y\r\nContent-Length: 0\r\n\r\n",
    "space before colon": OK + b"A : b\r\nContent-Length: 0\r\n\r\n",
    "NUL": OK + b"A: b\0c\r\nContent-Length: 0\r\n\r\n",
    "HTTP/2": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/0.9": b"HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n",
    "kept HTTP/0.9": b"HTTP/0.9 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
    "not HTTP": b"SSH-2.0-OpenSSH_9\r\n",
    "upgrade": b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    "status 099": b"HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD)
def test_ambiguous_framing_is_refused_and_the_connection_is_closed(name):
    """U34: framing that RFC 9112 forbids is an error at every split, and the connection is never reused."""
    data = BAD[name]
    assert play(data) == (ProtocolViolation, False)
    assert play(data, *range(1, len(data))) == (ProtocolViolation, False)


@pytest.mark.parametrize("rest", [b"X", b"surplus", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", b"HTTP/1.1 2"])
@pytest.mark.parametrize("apart", [False, True])
def test_bytes_behind_an_answer_close_the_connection(rest, apart):
    """U34: surplus bytes, in the same read or later, never reach anyone, and the connection is not reused."""

    async def run() -> None:
        talk = Talk()
        answer = GOOD["sized"]
        talk.feed(*([answer, rest] if apart else [answer + rest]))
        assert (await talk.outcome())[0::2] == (200, b"hello")
        assert talk.wire.aborted
        assert talk.wire.dropped_count == 1
        talk.eof()

    asyncio.run(run())


def test_late_surplus_on_a_reused_connection_is_stale_not_an_answer():
    """Bytes that cannot begin an answer, on a reused connection, ask for a retry elsewhere."""

    async def run() -> None:
        talk = Talk()
        talk.feed(GOOD["sized"])
        talk.connection.reused = True
        talk.ask()
        talk.feed(b"world")
        with pytest.raises(ConnectionLost) as caught:
            await talk.head
        assert caught.value.stale
        talk.eof()

    asyncio.run(run())


def test_end_of_connection_ends_a_body_without_length():
    """A body without framing ends with the connection, is marked so, and the connection is not kept."""
    assert play(OK + b"\r\nabc", 20) == (200, {}, b"abc", True, False)


@pytest.mark.parametrize("data", [b"", OK, GOOD["sized"][:-1], GOOD["chunked"][:-2], OK + b"Content-Length: 100\r\n\r\nabc"])
def test_end_before_the_message_is_complete_is_an_error(data):
    """A cut answer is never a success (U06, cl_long)."""
    assert play(data) == (ConnectionLost, False)


def test_reset_does_not_end_a_body_without_length():
    """Only an orderly end closes a body without framing; a reset is an error."""

    async def run() -> None:
        talk = Talk()
        talk.feed(OK + b"\r\nabc")
        talk.connection.connection_lost(ConnectionResetError("peer 10.1.2.3"))
        assert await talk.outcome() == (ConnectionLost,)

    asyncio.run(run())


def test_an_error_says_how_far_the_request_had_come():
    """`started` is set exactly when the response head had arrived; the text names no peer."""

    async def run(data: bytes) -> HttpError:
        talk = Talk()
        talk.feed(*([data] if data else []))
        talk.connection.connection_lost(ConnectionResetError("peer 10.1.2.3"))
        try:
            await talk.head
            await talk.response.read()
        except HttpError as error:
            return error
        raise AssertionError("no error")

    early, late = asyncio.run(run(b"")), asyncio.run(run(OK + b"Content-Length: 9\r\n\r\n"))
    assert (early.sent, early.started, late.sent, late.started) == (True, False, True, True)
    assert "10.1.2.3" not in str(late)


@pytest.mark.parametrize(
    "data",
    [
        OK + b"A: " + b"x" * 3000 + b"\r\n\r\n",
        OK + b"".join(b"A%d: b\r\n" % n for n in range(60)) + b"\r\n",
        OK + b"A: b\r\n" * 60 + b"\r\n",
        OK + b"A: " + b"x" * 5000,
        b"\r\n" * 3000,
        b"HTTP/1.1 100 C\r\n\r\n" * 300,
        OK + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 5000,
        OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n" + b"T: " + b"x" * 5000,
    ],
    ids=[
        "long header",
        "many headers",
        "one header often",
        "endless header",
        "endless CRLF",
        "endless 100",
        "chunk extension",
        "trailer",
    ],
)
def test_heads_and_everything_between_chunks_are_bounded(data):
    """U35: no part of the framing can grow without bound, in whatever reads it comes."""
    limits = ClientLimits(head_bytes=2000, header_count=50)
    if b"chunked" not in data:  # within one read only the read's own size bounds what follows the head
        assert play(data, limits=limits) == (TooLarge, False)
    assert play(data, *range(1, len(data), 7), limits=limits) == (TooLarge, False)


def test_a_large_read_with_a_small_head_is_not_too_large():
    """The cap is on the head, not on the read that happens to hold it."""
    body = b"x" * 5000
    limits = ClientLimits(head_bytes=2000)
    assert play(OK + b"Content-Length: 5000\r\n\r\n" + body, limits=limits)[2] == body


def test_cookies_are_dropped_and_duplicates_joined():
    """U35: Set-Cookie never reaches a caller; repeated headers are joined in order; values are trimmed."""
    data = OK + b"Set-Cookie: a=b\r\nX: 1 \r\nx: 2\r\nContent-Length: 0\r\n\r\n"
    assert play(data)[1] == {b"x": b"1, 2", b"content-length": b"0"}


def test_trailers_do_not_become_headers():
    """A trailer cannot add a header after the head was acted upon."""
    assert b"trailer" not in play(GOOD["chunked"])[1]


def test_connection_close_is_honoured():
    """An answer with Connection: close is complete, and its connection is not reused."""
    assert play(OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nok")[-1] is False


def test_early_answer_is_delivered_and_the_connection_not_reused():
    """U38: the answer comes while request bytes are unsent; it counts, the connection does not."""

    async def run() -> None:
        talk = Talk()
        talk.wire.unsent = 1000
        talk.feed(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        assert (await talk.outcome())[0] == 413
        assert talk.wire.aborted
        talk.eof()

    asyncio.run(run())


def test_a_body_nobody_asks_for_stops_being_read():
    """Back-pressure before anyone has chosen read or stream; reading goes on when someone does."""

    async def run() -> None:
        talk = Talk(ClientLimits(read_high_water=1000))
        talk.feed(OK + b"Content-Length: 3000\r\n\r\n", b"x" * 1500)
        await talk.head
        assert talk.wire.paused
        reading = asyncio.ensure_future(talk.response.read())
        await asyncio.sleep(0)
        assert not talk.wire.paused
        talk.feed(b"x" * 1500)
        assert len(await reading) == 3000
        talk.eof()

    asyncio.run(run())


def test_a_long_read_gives_others_their_turn():
    """A peer that sends faster than we work is not read from again before the loop has gone round (faults C03)."""

    async def main() -> None:
        talk = Talk()
        talk.feed(OK + b"Content-Length: 1000000\r\n\r\n" + b"x" * 1000)
        assert not talk.wire.paused
        talk.feed(b"x" * 100_000)
        assert talk.wire.paused
        await asyncio.sleep(0)
        assert not talk.wire.paused
        talk.feed(b"x" * 100_000)
        talk.response.pause()
        await asyncio.sleep(0)
        assert talk.wire.paused  # whoever takes the body is behind: that is not forgotten
        talk.response.resume()
        assert not talk.wire.paused
        talk.response.close()

    asyncio.run(main())


def test_reading_stops_at_the_cap_while_it_arrives():
    """A whole body over its cap is refused as soon as it is over it, not at its end."""

    async def run() -> None:
        talk = Talk()
        talk.feed(OK + b"\r\n", b"x" * 600)
        reading = asyncio.ensure_future(talk.response.read(1000))
        await asyncio.sleep(0)
        talk.feed(b"x" * 600)
        with pytest.raises(TooLarge):
            await reading
        assert talk.wire.aborted

    asyncio.run(run())


def test_closing_while_someone_reads_wakes_the_reader():
    """close() from elsewhere ends a waiting read with an error instead of leaving it asleep."""

    async def run() -> None:
        talk = Talk()
        talk.feed(OK + b"Content-Length: 5\r\n\r\n")
        reading = asyncio.ensure_future(talk.response.read())
        await asyncio.sleep(0)
        talk.response.close()
        talk.response.close()
        with pytest.raises(ConnectionLost):
            await reading
        assert talk.wire.aborted

    asyncio.run(run())


def test_coding_that_is_not_known_is_an_error_for_the_reader():
    """An answer in a coding we never ask for is not passed on as if it were plain."""
    assert play(OK + b"Content-Encoding: zstd\r\nContent-Length: 2\r\n\r\nok") == (BadCoding, True)


def test_an_exchange_leaves_no_reference_cycle():
    """A finished response is freed by reference counting alone (one cycle costs 10 us a request)."""
    import gc
    import weakref

    async def run() -> None:
        talk = Talk()
        talk.feed(GOOD["sized"])
        await talk.outcome()
        gc.disable()
        try:
            gone = weakref.ref(talk.response)
            talk.response = None
            assert gone() is None
        finally:
            gc.enable()
        wire = weakref.ref(talk.wire)  # held by the connection, which cannot be watched itself
        talk.eof()
        talk.wire = talk.connection = None
        assert wire() is None

    asyncio.run(run())
