"""JSON that was cut off, made whole: what was open is closed, and a member that had only begun is left out."""

from __future__ import annotations

import re

_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*("?)|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_DEEPEST = 128
_WHOLE = re.compile(rb"(?:[^\\]|\\u[0-9A-Fa-f]{4}|\\[^u])*", re.DOTALL)
EDGE = 40
"""Bytes that go where a text was cut: what began there could not be told for what it is, such as half of a card's number."""
CUT = "[cut]"


def mended(data: bytes) -> bytes:
    """The longest document that `data` is the beginning of. A text that was cut off ends EDGE bytes before that, with CUT."""
    open_: list[bytes] = []
    names = [False]  # whether a name is expected, by depth
    good, closers = 0, b""
    for found in _TOKENS.finditer(data):
        token, end = found[0], found.end()
        if token in (b"{", b"["):
            if len(open_) >= _DEEPEST:
                break
            open_.append(b"}" if token == b"{" else b"]")
            names.append(token == b"{")
        elif token in (b"}", b"]"):
            if not open_ or open_.pop() != token:
                break
            names.pop()
        elif token == b",":
            names[-1] = bool(open_) and open_[-1] == b"}"
            continue  # nothing may end with it
        elif token == b":":
            names[-1] = False
            continue
        elif token[:1] == b'"':
            if names[-1]:
                continue  # a name alone is no member
            if not found[1]:  # what it ends with may be a quote that is part of it
                return _closed(data, token, found.start(), open_)
        elif end == len(data) or names[-1]:
            break  # a number may be longer, a word incomplete
        good, closers = end, b"".join(reversed(open_))
    return data[:good] + closers


def _closed(data: bytes, token: bytes, start: int, open_: list[bytes]) -> bytes:
    """With the text that it ends in closed."""
    text = _WHOLE.match(token[1:-EDGE])
    kept = b"" if text is None else text[0].decode("utf-8", "ignore").encode()  # without half a character
    token = b'"' + kept + CUT.encode() + b'"'
    return data[:start] + token + b"".join(reversed(open_))
