"""Where chunked bodies end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.http.chunked_body import ChunkWalk
from llm_gateway.http.refusal import Refused


@given(
    st.lists(st.binary(min_size=1, max_size=30), max_size=5), st.lists(st.integers(0, 300), max_size=8), st.binary(max_size=10)
)
def test_the_end_is_found_however_the_bytes_arrive(chunks: list[bytes], cuts: list[int], behind: bytes) -> None:
    """Any split, any data inside the chunks, anything behind the body: the walk stops at the end of the body."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\nA: b\r\n\r\n"
    data = body + behind
    walk = ChunkWalk(1000, 100)
    done = 0
    for cut in [*sorted(cuts), len(data)]:
        if not walk.over:
            done += walk.walk(data[done:cut], 0)
    assert walk.over
    assert done == len(body)
    assert walk.size == sum(map(len, chunks))


def test_a_chunk_too_large_is_refused_by_its_size_line() -> None:
    """The announcement is enough: none of the data has to arrive."""
    walk = ChunkWalk(10, 100)
    assert walk.walk(b"a\r\n0123456789\r\n", 0) == 15
    with pytest.raises(Refused) as caught:
        walk.walk(b"1\r\n", 0)
    assert caught.value.status == 413


@pytest.mark.parametrize(
    "tail",
    [b"1;" + b"x" * 200, b"0\r\nA: " + b"x" * 200, b"0\r\n" + b"A: b\r\n" * 30, b"1;aaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n" * 9],
)
def test_extensions_and_trailers_are_bounded_together(tail: bytes) -> None:
    """What is not body may not outgrow its allowance, in one line or in many, ended or not."""
    with pytest.raises(Refused) as caught:
        ChunkWalk(1000, 100).walk(tail, 0)
    assert caught.value.status == 400
