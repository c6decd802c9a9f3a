"""Faults of content coding, observed on a raw socket."""

from __future__ import annotations

import gzip
import zlib

import brotli
import pytest

from simulator.support import CHAT, chat, exchange, post


def ask(simulator, fault, *, stream=False):
    return exchange(simulator.url, post(f"/f/{fault}{CHAT}", chat(stream=stream)))


@pytest.fixture
def plain(simulator):
    return {s: exchange(simulator.url, post(CHAT, chat(stream=s))).body for s in (False, True)}


@pytest.mark.parametrize("stream", [False, True])
def test_gzip(simulator, plain, stream):
    """gzip of the same bytes, said so in the head."""
    answer = ask(simulator, "gzip", stream=stream)
    assert answer.header("content-encoding") == "gzip"
    assert gzip.decompress(answer.body) == plain[stream]


@pytest.mark.parametrize("stream", [False, True])
def test_deflate(simulator, plain, stream):
    """deflate with the zlib wrapper, and without it when asked."""
    answer = ask(simulator, "deflate", stream=stream)
    assert answer.header("content-encoding") == "deflate"
    assert zlib.decompress(answer.body) == plain[stream]
    assert zlib.decompress(ask(simulator, "deflate:raw=1", stream=stream).body, -15) == plain[stream]


@pytest.mark.parametrize("stream", [False, True])
def test_br(simulator, plain, stream):
    """brotli of the same bytes."""
    answer = ask(simulator, "br", stream=stream)
    assert answer.header("content-encoding") == "br"
    assert brotli.decompress(answer.body) == plain[stream]


def test_coded_streams_keep_their_events(simulator):
    """Each event can be decoded when it arrives: a coder does not hold it back."""
    decoder = zlib.decompressobj(31)
    first = decoder.decompress(ask(simulator, "gzip", stream=True).chunks[0])
    assert first.endswith(b"\n\n")


def test_bad_gzip(simulator):
    """The end of the gzip is damaged."""
    with pytest.raises((EOFError, zlib.error, gzip.BadGzipFile)):
        gzip.decompress(ask(simulator, "bad_gzip").body)


def test_lie_gzip(simulator, plain):
    """The head says gzip and the body is plain."""
    answer = ask(simulator, "lie_gzip")
    assert answer.header("content-encoding") == "gzip"
    assert answer.body == plain[False]


def test_bomb(simulator):
    """A valid gzip a thousand times smaller than what it holds."""
    body = ask(simulator, "bomb:mb=8").body
    assert len(body) < 16_000
    assert len(gzip.decompress(body)) == 8 * 2**20 + 2
