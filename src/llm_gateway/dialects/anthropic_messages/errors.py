"""Errors in Anthropic's shape (https://docs.anthropic.com/en/api/errors).

Its types are a closed list, and each has a status; clients choose what to do by both. So a provider that cannot answer is
overloaded_error under 529 here, which Anthropic's SDKs wait for and repeat.
"""

from __future__ import annotations

from typing import Any

import msgspec

from llm_gateway.core.errors import (
    Draining,
    Forbidden,
    GatewayError,
    InvalidRequest,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    TimedOut,
    Unauthenticated,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from llm_gateway.core.json import MalformedJson, decode_lenient, encode
from llm_gateway.dialects.base import ProviderFault
from llm_gateway.dialects.openai_chat.errors import fault_of
from llm_gateway.http.framing.sse import frame

OVERLOADED = 529

# The first that fits; more particular classes stand before their bases.
_TYPES: tuple[tuple[type[GatewayError], str], ...] = (
    (PayloadTooLarge, "request_too_large"),
    (InvalidRequest, "invalid_request_error"),
    (Unauthenticated, "authentication_error"),
    (Forbidden, "permission_error"),
    (NotFound, "not_found_error"),
    (RateLimited, "rate_limit_error"),
    (UpstreamRateLimited, "rate_limit_error"),
    (TimedOut, "timeout_error"),
    (UpstreamTimeout, "timeout_error"),
    (UpstreamUnavailable, "overloaded_error"),
    (Draining, "overloaded_error"),
)

TYPES = frozenset(
    {
        "invalid_request_error",
        "authentication_error",
        "billing_error",
        "permission_error",
        "not_found_error",
        "request_too_large",
        "rate_limit_error",
        "timeout_error",
        "api_error",
        "overloaded_error",
    }
)
"""The closed list."""

# By status, for errors of no class above: a rejected request has the status that its provider gave it.
_BY_STATUS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    504: "timeout_error",
}


def type_of(error: GatewayError) -> str:
    """One of Anthropic's error types."""
    if error.status == 402:
        return "billing_error"
    for kind, name in _TYPES:
        if isinstance(error, kind):
            return name
    if isinstance(error, UpstreamRejected):
        return _BY_STATUS.get(error.status, "invalid_request_error")
    return "api_error"


def status_of(error: GatewayError) -> int:
    """The HTTP status under which an Anthropic client expects `error`."""
    return OVERLOADED if isinstance(error, UpstreamUnavailable) else error.status


def render_error(error: GatewayError, request_id: str) -> bytes:
    """The JSON body of `error`. The message leads with the path of what is wrong, since the shape has no place for it."""
    message = error.message or error.code
    if error.param and error.param not in message:
        message = f"{error.param}: {message}"
    shown: dict[str, Any] = {"type": type_of(error), "message": message}
    return encode({"type": "error", "error": shown, "request_id": request_id})


def frame_error(error: GatewayError, request_id: str) -> bytes:
    """`error` as the last event of a stream."""
    return frame(render_error(error, request_id), b"error")


def parse_error(status: int, body: bytes) -> ProviderFault:  # noqa: ARG001 - the Protocol's; the body says enough
    """Never raises: an unreadable body gives an empty fault."""
    try:
        document = decode_lenient(body, Any)
    except (MalformedJson, msgspec.ValidationError):
        return ProviderFault("")
    return parse_fault(document)


def parse_fault(document: Any) -> ProviderFault:
    """{"type": "error", "error": {type, message, details: {error_code}}}, and the other shapes that compatible servers use."""
    fault = fault_of(document)
    error = document.get("error") if isinstance(document, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    code = details.get("error_code") if isinstance(details, dict) else None
    if isinstance(code, str) and not fault.code:
        fault.code = code
    return fault
