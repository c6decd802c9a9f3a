"""Asks a provider for a stream's usage on the gateway's own account: the ledger wants it, whether or not the caller does.

OpenAI's streams tell it only with `stream_options.include_usage`, in one more chunk, without choices, before the end
(https://platform.openai.com/docs/api-reference/chat/create). Text completions do the same.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from llm_gateway.core.json import decode
from llm_gateway.core.splice import replace_top_level, set_top_level
from llm_gateway.dialects.base import View
from llm_gateway.dialects.openai_chat.relay import OpenAIRelay

NAME = "stream_options"
_ASKING = b'"stream_options":{"include_usage":true},'
_NULL = b"null"


class _Options(msgspec.Struct, gc=False):
    stream_options: Raw


class AsksForUsage:
    """The two methods of dialects.base.UsageAsked."""

    __slots__ = ()

    def asking_usage(self, body: bytes, view: View) -> bytes:
        """What the caller says in its own stream_options stays, but for include_usage."""
        if not view.stream_options:
            start = body.index(b"{") + 1
            return b"".join((body[:start], _ASKING, body[start:]))
        own = bytes(decode(body, _Options).stream_options)
        asking = b'{"include_usage":true}' if own == _NULL else set_top_level(own, "include_usage", b"true")
        return replace_top_level(body, NAME, asking)

    def relay_without_usage(self) -> OpenAIRelay:
        return OpenAIRelay(hides_usage=True)
