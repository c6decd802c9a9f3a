"""Ids of tool calls as the API takes them: [a-zA-Z0-9_.:-]{1,64}; Mistral's models want nine letters or digits instead.

What does not fit becomes a digest of itself, so a call and its result keep belonging together, in every turn again.
"""

from __future__ import annotations

import re
from base64 import b32encode
from hashlib import sha256

_LEGAL = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_NINE = re.compile(r"[a-zA-Z0-9]{9}|tooluse_[a-zA-Z0-9_-]{1,56}")


def call_id(ident: str, *, nine: bool) -> str:
    if (_NINE if nine else _LEGAL).fullmatch(ident):
        return ident
    return nine_of(ident) if nine else f"call_{_digest(ident)}"


def nine_of(ident: str) -> str:
    """Nine letters and digits that stand for `ident`."""
    return _digest(ident)[:9]


def _digest(ident: str) -> str:
    return b32encode(sha256(ident.encode()).digest()).decode("ascii").rstrip("=")
