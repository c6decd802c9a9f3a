"""The gateway's look at a text completion request that may pass through."""

from __future__ import annotations

from msgspec import Raw

from llm_gateway.dialects.base import View
from llm_gateway.dialects.invalid import Watched, read, refuse, refuse_duplicates
from llm_gateway.dialects.openai_chat.view import Sampling, check_sampling, summary

_NULL = Raw(b"null")
_STRING_LIST_OR_NULL = b'"[n'
_WATCHED = Watched(b"model", b"prompt", b"stream")


class Body(Sampling, gc=False, kw_only=True):
    prompt: Raw = _NULL
    suffix: str | None = None
    echo: bool | None = None
    best_of: int | None = None


def view(body: bytes) -> View:
    """Raises InvalidRequest (with param) or MalformedBody."""
    seen = read(body, Body)
    refuse_duplicates(body, _WATCHED)
    check_sampling(seen)
    if memoryview(seen.prompt)[0] not in _STRING_LIST_OR_NULL:
        raise refuse("prompt", "Expected str, array or null")
    return summary(seen, seen.max_tokens or 0)
