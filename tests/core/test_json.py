from __future__ import annotations

import contextlib
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.json import MalformedJson, decode, decode_lenient, encode, path_of


class Part(msgspec.Struct):
    role: Literal["user", "assistant"]
    size: int = 0


class Document(msgspec.Struct):
    model: str = ""
    messages: list[Part] = []
    metadata: dict[str, int] = {}


documents = st.recursive(
    st.none() | st.booleans() | st.integers(min_value=-(2**53), max_value=2**53) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4),
    max_leaves=10,
)


@given(documents)
def test_what_is_encoded_is_decoded(document):
    """encode and decode are inverse; leniency changes nothing about a good document."""
    assert decode(encode(document), Any) == document
    assert decode_lenient(encode(document), Any) == document


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"{",
        b'{"model":NaN}',
        b'{"model":Infinity}',
        b'{"x":1}{',
        b'{"x":01}',
        b"{'x':1}",
        b'{"x":1,}',
        b'\xef\xbb\xbf{"x":1}',
        '{"x":1}'.encode("utf-16"),
        b'{"x":"\x01"}',
        b'{"x":"\\ud800"}',
        b'{"model":"\\ud800 and more"}',
        b'{"x":"\\q"}',
        b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"model":' + b"[" * 100_000,
        b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("shape", [Any, Document, msgspec.Raw])
def test_what_is_not_json_is_malformed(data, shape):
    """C09, C10: one exception for all of it, also where the shape skips the place. (A wrong type is a finding too.)"""
    with pytest.raises((MalformedJson, msgspec.ValidationError)) as caught:
        decode(data, shape)
    assert caught.type is MalformedJson or shape is Document


@pytest.mark.parametrize("data", [b'{"x":"\xff"}', b'{"\xff":1}', b'{"x":"\xed\xa0\x80"}', b'{"x":"\xf0\x9f\x98"}'])
@pytest.mark.parametrize("shape", [Any, Document, msgspec.Raw, dict[str, msgspec.Raw]])
def test_invalid_utf8_is_malformed_also_where_it_is_skipped(data, shape):
    """msgspec accepts it in unknown fields; we would pass it on to a provider."""
    with pytest.raises(MalformedJson, match="UTF-8"):
        decode(data, shape)


def test_error_carries_no_part_of_the_document():
    """C24: a prompt must not reach a log through an exception or its causes."""
    with pytest.raises(MalformedJson) as caught:
        decode(b'{"x":"canary \xff"}', Any)
    error: BaseException | None = caught.value
    assert "canary" not in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__


@pytest.mark.parametrize("digits", [400, 20_000, 1_000_000])
def test_huge_numbers_are_a_validation_error(digits):
    """U37: neither a ValueError of int() nor quadratic time."""
    with pytest.raises(msgspec.ValidationError):
        decode(b'{"metadata":{"x":' + b"9" * digits + b"}}", dict[str, dict[str, float]])


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (b'{"messages":[{"role":"user"},{"role":1}]}', "messages[1].role"),
        (b'{"messages":[{"role":"x - at `$.fake`"}]}', "messages[0].role"),
        (b'{"messages":[{}]}', "messages[0]"),
        (b'{"messages":null}', "messages"),
        (b'{"metadata":{"k":"v"}}', "metadata[...]"),
        (b"[]", ""),
    ],
)
def test_path_of_names_the_place(data, path):
    """C11: the `param` of an OpenAI error."""
    with pytest.raises(msgspec.ValidationError) as caught:
        decode(data, Document)
    assert path_of(caught.value) == path


def test_path_of_handles_roots_and_keys():
    """An array at the root starts with its index; a wrong key counts as its mapping."""
    for data, shape, path in ((b"[1]", list[str], "[0]"), (b'{"q":1}', dict[int, int], "")):
        with pytest.raises(msgspec.ValidationError) as caught:
            decode(data, shape)
        assert path_of(caught.value) == path


@pytest.mark.parametrize(
    ("data", "document"),
    [
        (b'\xef\xbb\xbf{"x":1}', {"x": 1}),
        (b'{"x":"a\xffb"}', {"x": "a\ufffdb"}),
        (b'{"x":"\\ud800"}', {"x": "\ufffd"}),
        (b'{"x":"\\udc00!"}', {"x": "\ufffd!"}),
        (b'{"x":"\\ud800\\ud83d\\ude00\\uD800\\u0041"}', {"x": "\ufffd\U0001f600\ufffdA"}),
        (b'{"x":"\\\\ud800","y":"\\ud800"}', {"x": "\\ud800", "y": "\ufffd"}),
        (b'{"x":"\\\\\\ud800\\n"}', {"x": "\\\ufffd\n"}),
        (b'\xef\xbb\xbf{"\\ude00":"\xc3"}', {"\ufffd": "\ufffd"}),
    ],
)
def test_lenient_repairs_what_providers_send(data, document):
    """U26: a BOM, bad UTF-8, half a surrogate pair; what only looks like one stays."""
    assert decode_lenient(data, Any) == document
    with pytest.raises(MalformedJson):
        decode(data, Any)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b'{"x":"\x00"}', b"[" * 100_000, b"\xef\xbb\xbf", b"<html>"])
def test_lenient_is_still_strict_about_syntax(data):
    """U20, U26: half a document is not guessed at."""
    with pytest.raises(MalformedJson):
        decode_lenient(data, Any)


def test_lenient_passes_wrong_shapes_on():
    """Also for what it had to repair first."""
    for data in (b'{"model":1}', b'\xef\xbb\xbf{"model":1}'):
        with pytest.raises(msgspec.ValidationError):
            decode_lenient(data, Document)


surrogates = st.lists(st.sampled_from([b"\\ud83d", b"\\ude00", b"\\\\", b"\\n", b"u", b"d800", b"\xff", b"\xc3\xa9"]))


@given(surrogates.map(b"".join))
def test_any_mix_of_escapes_is_repaired(inner):
    """Whatever stands in a string of whole escapes and any bytes, leniency makes valid text of it."""
    text = decode_lenient(b'"' + inner + b'"', str)
    text.encode()
    assert "\ud83d" not in text


@given(st.binary(max_size=40))
def test_any_bytes_give_a_document_or_malformed_json(data):
    """No input raises anything else (ValidationError cannot come without a shape, but for numbers out of range)."""
    for door in (decode, decode_lenient):
        with contextlib.suppress(MalformedJson, msgspec.ValidationError):
            door(data, Any)
