"""Errors: OpenAI's shape in answers (openai_chat/errors.py), an event `error` in streams.

The event has the members of the API's own at its top, where its SDKs' types want them, and the same error as `error`, by which
those SDKs know that they have to raise it.
"""

from __future__ import annotations

from typing import Any

from llm_gateway.core.errors import GatewayError
from llm_gateway.core.json import decode, encode
from llm_gateway.dialects.openai_chat.errors import render_error
from llm_gateway.http.framing.sse import frame

LAST = 2**31 - 1
"""A sequence number that is higher than any before it, for who did not count."""


def frame_error(error: GatewayError, request_id: str, sequence_number: int = LAST) -> bytes:
    """`error` as the last event of a stream."""
    return frame_fault(decode(render_error(error, request_id), dict[str, Any])["error"], sequence_number)


def frame_fault(shown: dict[str, Any], sequence_number: int) -> bytes:
    """`shown`: message, type, code and param, and what else there is to say."""
    event = {
        "type": "error",
        "sequence_number": sequence_number,
        "code": shown.get("code"),
        "message": shown["message"],
        "param": shown.get("param"),
        "error": shown,
    }
    return frame(encode(event), b"error")
