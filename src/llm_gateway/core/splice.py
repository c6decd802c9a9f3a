r"""Changes one member of a JSON object in its bytes, and nothing else: unknown fields, order and spacing survive.

The bodies are JSON objects that `core.json.decode` has accepted; on anything else the result has no meaning. Keys are
compared as JSON compares them, so `"mod\u0065l"` is `model`. Nested members of the same name are never touched.

Every function has a short way, taken when a few searches prove that it is right, and a long way, which walks the
members of the object. Both are linear in the body.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from llm_gateway.core.json import MalformedJson, decode, encode

# Numbers, because `0x5C in body` takes an eighth of the time of `b"\\" in body`.
_QUOTE, _BACKSLASH = b'"\\'
_OPEN_OBJECT, _CLOSE_OBJECT, _OPEN_ARRAY, _CLOSE_ARRAY = b"{}[]"
_EDGE_BYTES = 512  # how far from either end a body is searched first: that is where clients put the model

# A letter, digit or underscore written as an escape: without one in the body, a name is only ever spelled plainly.
_ESCAPED_NAME = re.compile(rb"\\u00(?:3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9Aa])")

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_KEY = re.compile(rb"\s*(" + _STRING + rb")\s*:\s*", re.DOTALL)
_LEAF = re.compile(_STRING + rb'|[^\s"\[\]{},]++', re.DOTALL)  # string, number, true, false, null
_BRACKET = re.compile(_STRING + rb"|([\[{])|[\]}]", re.DOTALL)
_COMMA = re.compile(rb"\s*,")
_AFTER = re.compile(rb"\s*[,}]")
_PLAIN_VALUE = re.compile(rb'\s*:\s*("[^"\\]*+"|[^\s"\[\]{},]++)')


class _Member(NamedTuple):
    """One member of the outer object: its name, and the offsets of its key, its value and its value's end."""

    name: str
    key: int
    start: int
    end: int


def replace_top_level(body: bytes, key: str, value: bytes) -> bytes:
    """`body` with `value` (JSON) as the value of `key`.

    `key` stands at the top level of `body`, and once: `top_level_duplicates` has been asked, since of two only one may
    be replaced here. Raises KeyError if it does not stand there, unless a nested member has that name.
    """
    quoted = encode(key)
    found = _outermost(body, quoted) or _only(body, quoted, key)
    if found:
        start, end = found.span(1)
        return b"".join((body[:start], value, body[end:]))
    members = [member for member in _members(body) if member.name == key]
    if not members:
        raise KeyError(key)
    return _replace(body, members, value)


def set_top_level(body: bytes, key: str, value: bytes) -> bytes:
    """`body` with `value` (JSON) as the value of `key`: in place if it has that key, else as its first member.

    `key` stands at the top level at most once, as for `replace_top_level`.
    """
    quoted = encode(key)
    found = _outermost(body, quoted)
    if found:
        start, end = found.span(1)
        return b"".join((body[:start], value, body[end:]))
    if body.rfind(quoted) > 0 or not _is_plain(body, key):
        members = [member for member in _members(body) if member.name == key]
        if members:
            return _replace(body, members, value)
    start = body.index(b"{") + 1
    rest = body[start:]
    comma = b"" if rest.lstrip().startswith(b"}") else b","
    return b"".join((body[:start], quoted, b":", value, comma, rest))


def remove_top_level(body: bytes, key: str) -> bytes:
    """`body` without `key` at its top level, and without one comma; the same body if it has no such key."""
    if body.rfind(encode(key)) < 0 and _is_plain(body, key):
        return body
    members = list(_members(body))
    kept = [(n, member) for n, member in enumerate(members) if member.name != key]
    if len(kept) == len(members):
        return body
    parts = [body[: members[0].key]]
    for place, (n, member) in enumerate(kept):
        if place:
            parts.append(body[members[n - 1].end : member.key])  # the comma and spaces that stood before it
        parts.append(body[member.key : member.end])
    parts.append(body[members[-1].end :])
    return b"".join(parts)


def top_level_duplicates(body: bytes, keys: tuple[bytes, ...]) -> str | None:
    """The first of `keys` to stand a second time at the top level of `body`; None if none does.

    `keys` are identifiers: letters, digits and underscores. Parsers differ in which of the two they take, so we could
    check one and the provider run the other.
    """
    if not has_escaped_name(body) and not any(_is_twice(body, b'"%b"' % key) for key in keys):
        return None
    wanted = {key.decode() for key in keys}
    seen = set()
    for member in _members(body):
        if member.name in seen:
            return member.name
        if member.name in wanted:
            seen.add(member.name)
    return None


def _is_twice(body: bytes, quoted: bytes) -> bool:
    # rfind, here and below: from the right, CPython's search for a few bytes takes half the time.
    at = body.rfind(quoted)
    return at > 0 and body.rfind(quoted, 0, at) > 0


def has_escaped_name(body: bytes) -> bool:
    """Whether a name of letters, digits and underscores could be spelled otherwise than letter by letter somewhere in `body`."""
    return _BACKSLASH in body and body.rfind(b"\\u00") > 0 and _ESCAPED_NAME.search(body) is not None


def _is_plain(body: bytes, key: str) -> bool:
    """Whether `key`, if it is in `body`, can only be spelled letter by letter."""
    return key.isidentifier() and key.isascii() and not has_escaped_name(body)


# A quote inside a string stands behind a backslash, so a quoted name that does not is a string of its own; with a colon
# after it, it is a key. Both functions rest on that. What they match has the value as its first group.


def _outermost(body: bytes, quoted: bytes) -> re.Match[bytes] | None:
    """The value of a member called `quoted` that brackets prove to be the outer object's; None without proof.

    With no bracket but the body's last byte after a key, or none but its first byte before it, the key is the outer
    object's own. (Brackets inside strings are counted too: they cost the proof, never the truth.)
    """
    at = body.rfind(quoted, -_EDGE_BYTES)
    after = body[at:-1]
    if at < 0 or _CLOSE_OBJECT in after or _CLOSE_ARRAY in after:
        at = body.find(quoted, 0, _EDGE_BYTES)
        before = body[1:at]
        if at < 0 or _OPEN_OBJECT in before or _OPEN_ARRAY in before:
            return None
    return None if body[at - 1] == _BACKSLASH else _PLAIN_VALUE.match(body, at + len(quoted))


def _only(body: bytes, quoted: bytes, key: str) -> re.Match[bytes] | None:
    """The value of the only member called `key` at any depth; None if there may be two."""
    at = body.rfind(quoted)
    if at < 0 or body[at - 1] == _BACKSLASH or body.rfind(quoted, 0, at) >= 0 or not _is_plain(body, key):
        return None
    return _PLAIN_VALUE.match(body, at + len(quoted))


def _replace(body: bytes, members: list[_Member], value: bytes) -> bytes:
    parts: list[bytes] = []
    position = 0
    for member in members:
        parts += (body[position : member.start], value)
        position = member.end
    parts.append(body[position:])
    return b"".join(parts)


def _members(body: bytes) -> Iterator[_Member]:
    """The members of the outer object, in order.

    msgspec finds the values, in long bodies twenty times faster than a tokenizer here would, but does not say where. A
    value is recognised by its bytes; where those do not stand (a key that is there twice), it is measured.
    """
    try:
        values = decode(body, dict[str, msgspec.Raw])
    except MalformedJson:  # nested as deeply as the caller's stack allowed, and our stack is deeper
        values = {}
    position = body.index(b"{") + 1
    while key := _KEY.match(body, position):
        token = key[1]
        name = decode(token, str) if _BACKSLASH in token else token[1:-1].decode()
        start = key.end()
        end = _end_of_value(body, start, bytes(values.get(name, b"")))
        yield _Member(name, key.start(1), start, end)
        comma = _COMMA.match(body, end)
        if not comma:
            return
        position = comma.end()


def _end_of_value(body: bytes, start: int, guess: bytes) -> int:
    if guess and body.startswith(guess, start):
        end = start + len(guess)
        if _AFTER.match(body, end):  # else the guess is 1 and the value 12
            return end
    leaf = _LEAF.match(body, start)
    return leaf.end() if leaf else _end_of_nested(body, start)


def _end_of_nested(body: bytes, start: int) -> int:
    """Where the array or object that begins at `start` ends. No recursion: its depth is the client's choice."""
    depth = 0
    for token in _BRACKET.finditer(body, start):
        if token.lastindex:
            depth += 1
        elif body[token.start()] != _QUOTE:
            depth -= 1
            if not depth:
                return token.end()
    raise ValueError("the body is not a JSON object")
