"""Errors in Ollama's shape (https://docs.ollama.com/api/errors): {"error": "text"}, as a body and as a line of a stream."""

from __future__ import annotations

from llm_gateway.core.errors import GatewayError
from llm_gateway.core.json import encode


def render_error(error: GatewayError) -> bytes:
    """The message leads with the path of what is wrong, since the shape has no place for it."""
    message = error.message or error.code
    if error.param and error.param not in message:
        message = f"{error.param}: {message}"
    return encode({"error": message})


def frame_error(error: GatewayError) -> bytes:
    """`error` as the last line of a stream. It has no `done`, so nothing looks complete."""
    return render_error(error) + b"\n"
