from __future__ import annotations

import re
import sys
import time

import msgspec
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from llm_gateway.core.splice import remove_top_level, replace_top_level, set_top_level, top_level_duplicates

KEYS = ("model", "stream", "m_1")

space = st.text(" \t\r\n", max_size=2).map(str.encode)
names = st.sampled_from([*KEYS, "messages", "", 'a"model', "model\\", "{", "é", "\U0001f600"])
texts = st.sampled_from(
    ["model", '"model"', '"model":"x"', "\\", '\\"model', "{", "}]", ",", "", "é", "\U0001f600", ',"model":1}', "\n"]
)
leaves = st.one_of(st.none(), st.booleans(), st.integers(-(10**6), 10**6), st.sampled_from([1.5, -1e30]), texts)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def spelled(draw, text: str) -> bytes:
    """`text` as a JSON string, in one of the ways it can be written."""
    how = draw(st.sampled_from(["plain", "plain", "ascii", "escaped"]))
    if how == "plain":
        return msgspec.json.encode(text)
    units = text.encode("utf-16-be")
    codes = [int.from_bytes(units[n : n + 2], "big") for n in range(0, len(units), 2)]
    upper = draw(st.booleans())
    escape = [f"\\u{code:04X}" if upper else f"\\u{code:04x}" for code in codes]
    if how == "ascii":
        escape = [chr(c) if 32 <= c < 127 and c not in (34, 92) else e for c, e in zip(codes, escape, strict=True)]
    return ('"' + "".join(escape) + '"').encode()


@st.composite
def written(draw, value: object) -> bytes:
    """`value` as JSON, with spaces anywhere they may stand and its strings spelled in any way."""
    if isinstance(value, str):
        return draw(spelled(value))
    if isinstance(value, list):
        items = [draw(space) + draw(written(item)) + draw(space) for item in value]
        return b"[" + (b",".join(items) or draw(space)) + b"]"
    if isinstance(value, dict):
        return draw(written_members(list(value.items())))
    return msgspec.json.encode(value)


@st.composite
def written_members(draw, members: list[tuple[str, object]]) -> bytes:
    parts = []
    for name, value in members:
        key = draw(space) + draw(spelled(name)) + draw(space)
        parts.append(key + b":" + draw(space) + draw(written(value)) + draw(space))
    return b"{" + (b",".join(parts) or draw(space)) + b"}"


@st.composite
def bodies(draw, members=st.dictionaries(names, values, max_size=6).map(lambda found: list(found.items()))) -> bytes:
    return draw(space) + draw(written_members(draw(members))) + draw(space)


def loaded(body: bytes) -> list[tuple[str, object]]:
    """Members in their order: the order must survive too."""
    return list(msgspec.json.decode(body, type=dict[str, object]).items())


new_values = st.sampled_from([b'"openai/gpt-4o"', b"true", b'{"a":[1,"}"]}', b'"\\u0041\\\\"'])
keys = st.sampled_from(KEYS)


@given(bodies(), keys, new_values)
def test_replace_changes_the_one_value(body, key, value):
    """The document is the same but for that member, and the bytes are the same but for its value."""
    before = loaded(body)
    assume(key in dict(before))
    after = replace_top_level(body, key, value)
    new = msgspec.json.decode(value)
    assert loaded(after) == [(name, new if name == key else old) for name, old in before]
    assert replace_top_level(after, key, b"null") == replace_top_level(body, key, b"null")
    start, end = common(body, after)
    old = body[start : len(body) - end]
    assert len(after) == len(body) - len(old) + len(after[start : len(after) - end])
    # What differs lies inside one value: with the old bytes of that place put back, the body is whole again.
    assert after[:start] + old + after[len(after) - end :] == body


def common(one: bytes, two: bytes) -> tuple[int, int]:
    """How many bytes two texts share at their start, and then at their end."""
    limit = min(len(one), len(two))
    start = next((n for n in range(limit) if one[n] != two[n]), limit)
    end = next((n for n in range(limit - start) if one[-1 - n] != two[-1 - n]), limit - start)
    return start, end
