"""Whatever the reads look like, the same answer; and framing that is not clear is refused."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from http_support.exchanges import GOOD, OK, Talk, play
from llm_gateway.http.errors import ConnectionLost, HttpError, ProtocolViolation


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
