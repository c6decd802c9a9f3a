"""decoding: gzip, deflate and br, in any pieces, with a cap."""

from __future__ import annotations

import gzip
import zlib
from contextlib import suppress
from itertools import pairwise

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_gateway.http.decoding import decode_whole, decoder_for
from llm_gateway.http.errors import BadCoding, TooLarge


def raw_deflate(data: bytes) -> bytes:
    coder = zlib.compressobj(wbits=-15)
    return coder.compress(data) + coder.flush()


CODERS = [
    (b"gzip", gzip.compress),
    (b"x-GZIP", gzip.compress),
    (b"deflate", zlib.compress),
    (b"deflate", raw_deflate),
    (b"br", brotli.compress),
]


def decode(coding: bytes, reads: list[bytes], room: int) -> bytes:
    """Decode piece by piece, as a stream does."""
    decoder = decoder_for(coding)
    out = b""
    for data in reads:
        piece = decoder.feed(data, room)
        while True:
            out += piece
            if not decoder.pending:
                break
            piece = decoder.feed(b"", room)
    decoder.finish()
    return out


@pytest.mark.parametrize(("coding", "encode"), CODERS)
@settings(max_examples=60, deadline=None)
@given(
    data=st.binary(max_size=2000),
    repeat=st.integers(1, 20),
    cuts=st.lists(st.integers(0, 3000), max_size=6),
    room=st.integers(1, 5000),
)
def test_any_split_and_any_room_give_the_data_back(coding, encode, data, repeat, cuts, room):
    """Decoding is independent of how the coded bytes arrive and how much may come out at once."""
    data *= repeat
    coded = encode(data)
    places = [0, *sorted(cut for cut in cuts if cut < len(coded)), len(coded)]
    reads = [coded[a:b] for a, b in pairwise(places)]
    assert decode(coding, reads, room) == data
    assert decode_whole(decoder_for(coding), coded, len(data)) == data


@pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"br"])
@settings(max_examples=100, deadline=None)
@given(data=st.binary(min_size=1, max_size=200))
def test_random_bytes_decode_or_are_refused(coding, data):
    """U23: bytes that are not the coding are BadCoding, never another exception."""
    with suppress(BadCoding):
        decode_whole(decoder_for(coding), data, 10_000)


@pytest.mark.parametrize(("coding", "encode"), CODERS)
def test_a_cut_body_is_refused(coding, encode):
    """A compressed body that ends too early is an error, at every place."""
    coded = encode(b"some text, some text, some more text")
    for end in range(1, len(coded)):
        with pytest.raises(BadCoding):
            decode_whole(decoder_for(coding), coded[:end], 1000)


@pytest.mark.parametrize(("coding", "encode"), [*CODERS[2:]])
def test_bytes_behind_the_coded_body_are_refused(coding, encode):
    """Only gzip may go on after its end, with another member."""
    with pytest.raises(BadCoding):
        decode_whole(decoder_for(coding), encode(b"text") + b"\x01\x02\x03", 1000)


def test_gzip_members_follow_each_other():
    """Several gzip members are one body; what follows them and is none is refused."""
    coded = gzip.compress(b"one ") + gzip.compress(b"two")
    assert decode(b"gzip", [coded], 100) == b"one two"
    assert decode(b"gzip", [bytes([byte]) for byte in coded], 3) == b"one two"
    with pytest.raises(BadCoding):
        decode(b"gzip", [coded + b"garbage"], 100)


@pytest.mark.parametrize(("coding", "encode"), CODERS)
def test_a_bomb_stops_at_the_cap(coding, encode):
    """U24: the cap holds while decoding; the memory used is of the cap's order, not of the bomb's."""
    import tracemalloc

    coded = encode(b"\0" * 50_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            decode_whole(decoder_for(coding), coded, 100_000)
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("flushing", ["gzip", "deflate", "br"])
def test_flushed_bytes_come_out_at_once(flushing):
    """U22: a compressed event stream keeps its pace: a flushed event is decodable from its own read."""
    if flushing == "br":
        coder = brotli.Compressor()
        pieces = [coder.process(b"event %d" % n) + coder.flush() for n in range(3)]
    else:
        zipper = zlib.compressobj(wbits=31 if flushing == "gzip" else 15)
        pieces = [zipper.compress(b"event %d" % n) + zipper.flush(zlib.Z_SYNC_FLUSH) for n in range(3)]
    decoder = decoder_for(flushing.encode())
    assert [decoder.feed(piece, 1000) for piece in pieces] == [b"event 0", b"event 1", b"event 2"]


def test_an_empty_body_needs_no_decoding():
    """A labelled but empty body, as HEAD or 304 have it, is empty."""
    assert decode_whole(decoder_for(b"gzip"), b"", 10) == b""


@pytest.mark.parametrize("coding", [b"", b"identity", b" Identity "])
def test_identity_has_no_decoder(coding):
    """Nothing to undo."""
    assert decoder_for(coding) is None


@pytest.mark.parametrize("coding", [b"zstd", b"gzip, br", b"compress"])
def test_unknown_and_stacked_codings_are_refused(coding):
    """What we never ask for is not guessed at."""
    with pytest.raises(BadCoding):
        decoder_for(coding)
