"""Forms: found where they stand, and refused where they could be read in two ways."""

from __future__ import annotations

from contextlib import suppress
from email.parser import BytesParser
from email.policy import HTTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.multipart import HEAD_BYTES, MOST_PARTS, MalformedForm, Part, boundary_of, field, parts_of, value_of

B = b"xyz"
PART = b'--xyz\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
END = b"--xyz--\r\n"

names = st.text(st.characters(categories=["L", "N"], max_codepoint=127), min_size=1, max_size=20)
values = st.binary(max_size=200) | st.sampled_from([b"\r\n", b"\r\n--", b"--xy", b"\r\n--xy", b"\r\n-", b"\0", b"\r\n\r\n"])


def found(body: bytes, boundary: bytes = B, watched: tuple[bytes, ...] = (b"model",)) -> list[tuple[bytes, bytes]]:
    return [(part.name, body[part.start : part.end]) for part in parts_of(body, boundary, watched)]


@given(st.lists(st.tuples(names, values), max_size=8))
def test_what_is_written_is_found(fields):
    """Every field with its exact bytes, whatever they are, as long as the boundary is not among them."""
    body = b"".join(PART % (name.encode(), value) for name, value in fields if b"\r\n--xyz" not in b"\r\n" + value)
    wanted = [(name.encode(), value) for name, value in fields if b"\r\n--xyz" not in b"\r\n" + value]
    if wanted:
        assert found(body + END) == wanted


@given(st.lists(st.tuples(names, st.text(max_size=50)), min_size=1, max_size=5))
def test_the_standard_library_agrees(fields):
    """An independent parser finds the same names."""
    fields = [(name, text) for name, text in fields if "--xyz" not in text]
    body = b"".join(PART % (name.encode(), text.encode()) for name, text in fields) + END
    if fields:
        message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: multipart/form-data; boundary=xyz\r\n\r\n" + body)
        theirs = [part.get_param("name", header="content-disposition") for part in message.iter_parts()]
        assert [name.decode() for name, _ in found(body)] == theirs


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(noise):
    """No other exception, whatever comes."""
    for body in (noise, b"--xyz\r\n" + noise, PART % (b"model", b"m") + noise, noise + END):
        with suppress(MalformedForm):
            for part in parts_of(body, B, (b"model",)):
                assert 0 <= part.start <= part.end <= len(body)


@given(st.binary(max_size=100))
def test_any_content_type_is_read_or_refused(noise):
    """No other exception, and a boundary that is one."""
    for value in (noise, b"multipart/form-data;" + noise, b"multipart/form-data; boundary=" + noise):
        with suppress(MalformedForm):
            assert 1 <= len(boundary_of(value)) <= 70


@pytest.mark.parametrize(
    ("value", "boundary"),
    [
        (b"multipart/form-data; boundary=abc", b"abc"),
        (b'Multipart/Form-Data; charset=utf-8; BOUNDARY="a b:c"', b"a b:c"),
        (b"multipart/form-data;boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW", b"----WebKitFormBoundary7MA4YWxkTrZu0gW"),
    ],
)
def test_a_boundary_is_read(value, boundary):
    """Quoted or not, wherever it stands, however it is spelled."""
    assert boundary_of(value) == boundary


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"application/json",
        b"multipart/mixed; boundary=a",
        b"multipart/form-data",
        b"multipart/form-data; boundary=",
        b"multipart/form-data; boundary=a; boundary=b",
        b"multipart/form-data; boundary*0=a; boundary*1=b",
        b"multipart/form-data; boundary=a, multipart/form-data; boundary=b",
        b'multipart/form-data; boundary="a\\"b"',
        b'multipart/form-data; boundary="a "',
        b"multipart/form-data; boundary=" + b"a" * 71,
    ],
)
def test_a_boundary_that_is_none(value):
    """None, two, too long, or of characters that a boundary has not."""
    with pytest.raises(MalformedForm):
        boundary_of(value)


MODEL = PART % (b"model", b"m")
HEADER = b'Content-Disposition: form-data; name="model"'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        END[:-4],
        b"preamble\r\n" + MODEL + END,
        MODEL,
        MODEL + END + b"more",
        MODEL + b"--xyzzy\r\n\r\n--xyz--",
        MODEL.replace(b"\r\n", b"\n") + END,
        b"--xyz\r\n\r\nvalue\r\n" + END,
        b"--xyz\r\nContent-Type: text/plain\r\n\r\nvalue\r\n" + END,
        b"--xyz\r\nContent-Disposition: attachment; name=model\r\n\r\nvalue\r\n" + END,
        b"--xyz\r\n" + HEADER + b"; name=other\r\n\r\nvalue\r\n" + END,
        b"--xyz\r\n" + HEADER + b"; name*=utf-8''other\r\n\r\nvalue\r\n" + END,
        b"--xyz\r\n" + HEADER + b"; filename=a.txt\r\n\r\nvalue\r\n" + END,
        b"--xyz\r\n" + HEADER + b"\r\nContent-Transfer-Encoding: base64\r\n\r\nbQ==\r\n" + END,
        b"--xyz\r\n" + HEADER + b"\r\n" + HEADER + b"\r\n\r\nm\r\n" + END,
        b"--xyz\r\n" + HEADER + b"\nX: y\r\n\r\nm\r\n" + END,
        b"--xyz\r\n" + HEADER + b"\r\n folded\r\n\r\nm\r\n" + END,
        b'--xyz\r\nContent-Disposition: form-data; name="mo\\del"\r\n\r\nm\r\n' + END,
        b'--xyz\r\nContent-Disposition: form-data; name="%6dodel"\r\n\r\nm\r\n' + END,
        b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a\\"; name="model"\r\n\r\nm\r\n' + END,
        b"--xyz\r\n" + HEADER + b"\r\nX: " + b"y" * HEAD_BYTES + b"\r\n\r\nm\r\n" + END,
        b"--xyz\r\n" + HEADER + b"\r\n--xyz\r\n\r\n\r\nm\r\n" + END,
        MODEL * (MOST_PARTS + 1) + END,
        MODEL + PART % (b"file", b"x\n" + MODEL.replace(b"\r\n", b"\n") + b"--xyz--") + END,
        MODEL + PART % (b"file", b"x\r" + MODEL) + END,
        MODEL + PART % (b"file", b"\n--xyz--") + END,
    ],
)
def test_what_two_parsers_could_read_differently(body):
    """Refused, so that nobody behind us can find another model than we did."""
    with pytest.raises(MalformedForm):
        list(parts_of(body, B, (b"model",)))


def test_a_part_without_a_body():
    """Its empty line may be the one before the next delimiter: what follows is not taken for its value."""
    body = b"--xyz\r\n" + HEADER + b"\r\n\r\n--xyz\r\nContent-Disposition: form-data; name=n\r\n\r\n1\r\n" + END
    assert found(body) == [(b"model", b""), (b"n", b"1")]


def test_a_field_is_put_in_front():
    """`field` makes what `parts_of` finds."""
    body = field(B, b"model", b"gpt") + MODEL + END
    assert found(body) == [(b"model", b"gpt"), (b"model", b"m")]


def test_a_value_that_cannot_be_read():
    """Not UTF-8, or so long that it is no name."""
    with pytest.raises(MalformedForm, match="UTF-8"):
        value_of(b"\xff", Part(b"model", False, 0, 1))
    with pytest.raises(MalformedForm, match="longer"):
        value_of(b"a" * 100_000, Part(b"model", False, 0, 100_000))
