from __future__ import annotations

import re
import time
from collections import Counter
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.splice import _members, remove_top_level, replace_top_level, set_top_level, top_level_duplicates

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
        return b"{" + (b",".join(member.text() for member in draw(written_members(list(value.items())))) or draw(space)) + b"}"
    return msgspec.json.encode(value)


class Member(NamedTuple):
    """One member as written: lead, core = key, colon and value, trail. The value is the end of the core."""

    name: str
    lead: bytes
    key: bytes
    value: bytes
    trail: bytes

    def text(self, value: bytes | None = None) -> bytes:
        return self.lead + self.key + (self.value if value is None else value) + self.trail


@st.composite
def written_members(draw, members: list[tuple[str, object]]) -> list[Member]:
    return [
        Member(
            name=name,
            lead=draw(space),
            key=draw(spelled(name)) + draw(space) + b":" + draw(space),
            value=draw(written(value)),
            trail=draw(space),
        )
        for name, value in members
    ]


class Body(NamedTuple):
    before: bytes
    members: list[Member]
    after: bytes

    def text(self, key: str = "", value: bytes | None = None) -> bytes:
        """The body, with other bytes as the value of `key` if one is given."""
        parts = [member.text(value if member.name == key else None) for member in self.members]
        return self.before + b",".join(parts) + self.after


@st.composite
def bodies(draw, *, unique: bool = True, having: str | None = None) -> Body:
    """A body; its keys stand once if `unique`, and one of them is `having`."""
    members = draw(st.lists(st.tuples(names, values), max_size=5, unique_by=(lambda pair: pair[0]) if unique else None))
    if having:
        members = [pair for pair in members if pair[0] != having or not unique]
        members.insert(draw(st.integers(0, len(members))), (having, draw(values)))
    return Body(draw(space) + b"{" + draw(space), draw(written_members(members)), b"}" + draw(space))


def loaded(body: bytes) -> dict[str, object]:
    return msgspec.json.decode(body, type=dict[str, object])


new_values = st.sampled_from([b'"openai/gpt-4o"', b"true", b'{"a":[1,"}"]}', b'"\\u0041\\\\"'])
keys = st.sampled_from(KEYS)


@given(bodies(having="model"), new_values)
def test_replace_changes_the_bytes_of_one_value(body, value):
    """All other bytes stay: spaces, order, spelling, nested members of the same name."""
    assert replace_top_level(body.text(), "model", value) == body.text("model", value)


@given(bodies(), keys, new_values)
def test_set_replaces_or_inserts_first(body, key, value):
    """In place where the key is there; else one member more, and every byte of before still there."""
    text = body.text()
    after = set_top_level(text, key, value)
    if key in loaded(text):
        assert after == body.text(key, value)
    else:
        start = text.index(b"{") + 1
        comma = b"," if body.members else b""
        assert after == text[:start] + b'"' + key.encode() + b'":' + value + comma + text[start:]
    assert loaded(after) == loaded(text) | {key: msgspec.json.decode(value)}


@given(bodies(unique=False), keys)
def test_remove_leaves_the_others_as_they_were(body, key):
    """All members of that name go, with their commas; keys and values of the others stay byte for byte."""
    after = remove_top_level(body.text(), key)
    expected = loaded(body.text())
    expected.pop(key, None)
    assert loaded(after) == expected
    kept = [member for member in body.members if member.name != key]
    if len(kept) == len(body.members):
        assert after == body.text()
    squeezed = b",".join(member.key + member.value for member in kept)
    lead, trail = (body.members[0].lead, body.members[-1].trail) if body.members else (b"", b"")
    between = after.removeprefix(body.before + lead).removesuffix(trail + body.after)
    position = 0
    for place, member in enumerate(kept):
        if place:
            separator = re.compile(rb"\s*,\s*").match(between, position)
            assert separator
            position = separator.end()
        core = member.key + member.value
        assert between.startswith(core, position), squeezed
        position += len(core)
    assert position == len(between)


@given(bodies(unique=False))
def test_duplicates_are_found(body):
    """C09: exactly when one of the keys stands twice at the top level, however it is spelled."""
    count = Counter(member.name for member in body.members)
    found = top_level_duplicates(body.text(), tuple(key.encode() for key in KEYS))
    if found is None:
        assert all(count[key] < 2 for key in KEYS)
    else:
        assert found in KEYS
        assert count[found] > 1


@given(bodies(unique=False, having="model"))
def test_walk_sees_every_member(body):
    """Values of a key that is there twice are measured rightly, also where one begins like the other."""
    walked = [(member.name, body.text()[member.start : member.end]) for member in _members(body.text())]
    assert walked == [(member.name, member.value) for member in body.members]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"model":"a"}', b'{"model":X}'),
        (b'{"messages":[{"model":"n"}],"model":"a"}', b'{"messages":[{"model":"n"}],"model":X}'),
        (b'{"model":"a","messages":[{"model":"n"}]}', b'{"model":X,"messages":[{"model":"n"}]}'),
        (b'{"tools":[{"model":"n"}],"mod\\u0065l":"a"}', b'{"tools":[{"model":"n"}],"mod\\u0065l":X}'),
        (b'{"mod\\u0065l":"a","x":{"model":"n"}}', b'{"mod\\u0065l":X,"x":{"model":"n"}}'),
        (b'{"x":{"model":"n"},"\\u006dodel":"a"}', b'{"x":{"model":"n"},"\\u006dodel":X}'),
        (b'{"x":"\\"model","model":"a"}', b'{"x":"\\"model","model":X}'),
        (b'{"a":"model","model":"a"}', b'{"a":"model","model":X}'),
        (b'{"model":"a","a":"model"}', b'{"model":X,"a":"model"}'),
        (b'{"model":"a\\"b","x":1}', b'{"model":X,"x":1}'),
        (b'{"model":{"model":"n"}}', b'{"model":X}'),
        (b'{"model":null,"x":[]}', b'{"model":X,"x":[]}'),
        (b'{"x":[[]],"model":-1.5e3 }', b'{"x":[[]],"model":X }'),
        (b' \n{ "model" : "a" } ', b' \n{ "model" : X } '),
        (b'{"x":[[1],[2]],"model":"a","tools":[{}]}', b'{"x":[[1],[2]],"model":X,"tools":[{}]}'),
    ],
)
def test_replace_finds_the_outermost(body, expected):
    """The places where searching for the name alone goes wrong."""
    assert replace_top_level(body, "model", b"X") == expected
    assert set_top_level(body, "model", b"X") == expected


def test_replace_finds_the_outermost_in_long_bodies():
    """The same where the model stands far from both ends, and where a nested one stands near an end."""
    far = b'"x":"' + b"x" * 2000 + b'"'
    for body in (
        b'{%b,"model":"a",%b}' % (far, far.replace(b'"x"', b'"y"', 1)),
        b'{%b,"model":"a","y":[{"z":"model"},[%d]]}' % (far, 10**2000),
        b'{"y":{"model":"n"},%b,"model":"a",%b}' % (far, far.replace(b'"x"', b'"z"', 1)),
        b'{"m":[],%b,"mod\\u0065l":"a","y":{"model":"n"}}' % far,
    ):
        assert replace_top_level(body, "model", b"X") == body.replace(b':"a"', b":X")


def test_replace_of_an_absent_key_is_an_error():
    """A wrong call is not answered with an unchanged body."""
    for body in (b"{}", b'{"x":"model"}', b'{"x":1,"y":{"stream":true}}'):
        with pytest.raises(KeyError):
            replace_top_level(body, "model", b"1")


def test_insert_before_an_absent_key_ignores_nested_ones():
    """A nested member of the same name is not the member."""
    assert set_top_level(b'{"x":{"stream":1},"y":[2]}', "stream", b"true") == b'{"stream":true,"x":{"stream":1},"y":[2]}'
    assert set_top_level(b" { } ", "stream", b"true") == b' {"stream":true } '


def test_other_names_than_identifiers_work_too():
    """Keys with quotes, escapes or other scripts take the long way."""
    for key in ("a b", 'a"b', "a/b", "é", "", "1"):
        body = b'{"x":0,%b:1}' % msgspec.json.encode(key)
        assert loaded(set_top_level(body, key, b"2")) == {"x": 0, key: 2}
        assert loaded(set_top_level(b'{"x":0}', key, b"2")) == {"x": 0, key: 2}
        assert loaded(remove_top_level(body, key)) == {"x": 0}


@pytest.mark.parametrize("nested", [b"[", b'{"model":'])
def test_depth_costs_no_stack(nested):
    """A body that msgspec could just decode is handled when the stack has become deeper since."""
    closing = {b"[": b"]", b'{"model":': b"}"}[nested]
    body = b'{"x":' + nested * 20_000 + b"1" + closing * 20_000 + b',"model":"a"}'
    assert set_top_level(body, "model", b"2").endswith(b',"model":2}')
    assert remove_top_level(body, "x") == b'{"model":"a"}'


@pytest.mark.parametrize(
    "unit",
    [b'"model":1,', b'"mod\\u0065l":"a",', b'"x":{"model":[]},', b'"y":"\\"model\\":",', b'"model":[1,[1]],', b'"z":12345,'],
)
def test_time_is_linear(unit):
    """Eight times the body takes about eight times as long, not sixty-four, whatever it repeats."""

    def seconds(count: int) -> float:
        body = b"{" + unit * count + b'"model":"end"}'
        started = time.process_time()
        replace_top_level(body, "model", b"1")
        set_top_level(body, "stream", b"1")
        remove_top_level(body, "model")
        top_level_duplicates(body, (b"model", b"stream"))
        return time.process_time() - started

    small = min(seconds(1000) for _ in range(3))
    assert min(seconds(8000) for _ in range(3)) < 24 * small
