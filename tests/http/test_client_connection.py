"""client_connection: strict framing, whatever the reads look like; driven in memory, without sockets."""

from __future__ import annotations

import asyncio

import pytest

from http_support.exchanges import GOOD, OK, Talk, play
from llm_gateway.http.client_limits import ClientLimits
from llm_gateway.http.errors import BadCoding, ConnectionLost, HttpError, TooLarge


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
