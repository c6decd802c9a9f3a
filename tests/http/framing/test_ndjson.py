from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.http.framing.errors import FramingError
from llm_gateway.http.framing.ndjson import LineReader
from splits import bytewise, cut, points


def read(reads: list[bytes], limit_bytes: int = 1000) -> list[bytes]:
    reader = LineReader(limit_bytes)
    return [line for data in reads for line in reader.feed(data)] + reader.end()


def test_gives_lines_without_their_ends():
    """LF and CRLF end a line; a CR inside one stays."""
    assert read([b'{"a":1}\n{"b":2}\r\n{"c":"\r"}\n']) == [b'{"a":1}', b'{"b":2}', b'{"c":"\r"}']


def test_leaves_empty_lines_out():
    """Blank lines between documents are not documents."""
    assert read([b"\n\r\n1\n\n\n2\n\r\n"]) == [b"1", b"2"]


def test_last_line_may_lack_its_end():
    """What follows the last line end is a line at the end of the stream, once."""
    reader = LineReader(100)
    assert reader.feed(b"1\n2") == [b"1"]
    assert reader.end() == [b"2"]
    assert reader.end() == []


def test_line_may_be_as_long_as_the_limit():
    """The limit itself is allowed."""
    assert read([b"x" * 10 + b"\n"], limit_bytes=10) == [b"x" * 10]


@pytest.mark.parametrize("data", [b"x" * 11 + b"\n", b"x" * 11, b"1\n" + b"x" * 11 + b"\n2\n"])
@pytest.mark.parametrize("split", [bytewise, lambda data: [data]])
def test_line_over_the_limit_is_an_error(data, split):
    """A line of a byte too much is refused, whether its end has come or not and however it is split."""
    with pytest.raises(FramingError):
        read(split(data), limit_bytes=10)


@given(st.lists(st.sampled_from([b"\n", b"\r", b"\r\n", b"a", b"{}", b"\x00\xff"])).map(b"".join), points)
def test_any_split_gives_the_same_lines(data, where):
    """Reads end anywhere, also between CR and LF."""
    assert read(cut(data, where)) == read([data]) == read(bytewise(data))


@given(st.binary(max_size=60), points)
def test_any_bytes_give_lines_or_a_framing_error(data, where):
    """No input raises anything else."""
    try:
        lines = read(cut(data, where), limit_bytes=20)
    except FramingError:
        assert max(map(len, data.split(b"\n"))) > 20
    else:
        assert lines == [line.removesuffix(b"\r") for line in data.split(b"\n") if line.removesuffix(b"\r")]
