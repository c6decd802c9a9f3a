"""Errors in OpenAI's shape, and what providers that call themselves compatible say instead of it.

Out: {"error": {message, type, code, param, request_id, details?}} (requirements 1.6). In-band: the same object in an SSE event
named `error` (requirements 1.4 S4); OpenAI's SDKs raise APIError for any event whose data has a member `error`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from llm_gateway.core.errors import GatewayError
from llm_gateway.core.json import MalformedJson, decode_lenient, encode
from llm_gateway.dialects.base import ProviderFault
from llm_gateway.http.framing.sse import frame

_LONGEST = 4000
"""Characters of a provider's message that travel on."""


def render_error(error: GatewayError, request_id: str) -> bytes:
    """The JSON body of `error`."""
    shown: dict[str, Any] = {
        "message": error.message or error.code,
        "type": error.type,
        "code": error.code,
        "param": error.param,
        "request_id": request_id,
    }
    if error.details is not None:
        shown["details"] = error.details
    return encode({"error": shown})


def frame_error(error: GatewayError, request_id: str) -> bytes:
    """`error` as the last event of a stream."""
    return frame(render_error(error, request_id), b"error")


def parse_error(status: int, body: bytes) -> ProviderFault:  # noqa: ARG001 - the Protocol's; the body says enough
    """Never raises: an unreadable body gives an empty fault."""
    try:
        document = decode_lenient(body, Any)
    except (MalformedJson, msgspec.ValidationError):
        return ProviderFault("")
    return fault_of(document)


def fault_of(document: Any) -> ProviderFault:
    """The error in a provider's JSON, whichever of the shapes seen in the wild it has; an empty one where there is none.

    {"error": {...}} (OpenAI and most), {"error": "text", "code": "text"} (xAI, Ollama), {"object": "error", "message": ...}
    (vLLM, Mistral), {"message": ...} (Cohere), {"detail": "text" | [{"loc", "msg"}]} (FastAPI), [{"error": ...}] (Gemini).
    """
    if isinstance(document, list) and document:
        document = document[0]
    if not isinstance(document, dict):
        return ProviderFault("")
    error = document.get("error")
    source = error if isinstance(error, dict) else document
    said = source.get("message")
    detail = said.get("detail") if isinstance(said, dict) else document.get("detail")
    message = error if isinstance(error, str) else _text(said) or _detail(detail)
    return ProviderFault(
        message=message[:_LONGEST],
        type=_text(source.get("type")) or _text(source.get("status")),
        code=_text(source.get("code")),
        param=_text(source.get("param")) or None,
    )


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _detail(value: Any) -> str:
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return _text(value)
    where = value.get("loc")
    place = ".".join(map(str, where)) if isinstance(where, list) else ""
    return f"{place}: {_text(value.get('msg'))}" if place else _text(value.get("msg"))
