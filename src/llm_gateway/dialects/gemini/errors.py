"""Errors in Google's shape (https://cloud.google.com/apis/design/errors): {"error": {code, message, status, details}}.

`status` is a name of gRPC's, which goes with the HTTP status. What else there is to say stands in details of Google's own types:
which member is wrong (BadRequest), the gateway's code (ErrorInfo), when to come back (RetryInfo), the request's id (RequestInfo).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import msgspec

from llm_gateway.core.errors import GatewayError
from llm_gateway.core.json import MalformedJson, decode_lenient, encode
from llm_gateway.core.retry_after import LONGEST
from llm_gateway.dialects.base import ProviderFault
from llm_gateway.dialects.openai_chat.errors import fault_of

_TYPE = "type.googleapis.com/google.rpc."
_STATUSES = MappingProxyType(
    {
        400: "INVALID_ARGUMENT",
        401: "UNAUTHENTICATED",
        402: "RESOURCE_EXHAUSTED",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
        405: "UNIMPLEMENTED",
        409: "ABORTED",
        413: "INVALID_ARGUMENT",
        422: "INVALID_ARGUMENT",
        429: "RESOURCE_EXHAUSTED",
        499: "CANCELLED",
        501: "UNIMPLEMENTED",
        502: "UNAVAILABLE",
        503: "UNAVAILABLE",
        504: "DEADLINE_EXCEEDED",
    }
)


def status_name(status: int) -> str:
    """GRPC's name for an HTTP status."""
    return _STATUSES.get(status, "INVALID_ARGUMENT" if 400 <= status < 500 else "INTERNAL")


def render_error(error: GatewayError, request_id: str) -> bytes:
    """The JSON body of `error`."""
    message = error.message or error.code
    info: dict[str, Any] = {"@type": f"{_TYPE}ErrorInfo", "reason": error.code, "domain": "llm-gateway"}
    if error.details:
        info["metadata"] = {
            name: value if isinstance(value, str) else encode(value).decode() for name, value in error.details.items()
        }
    details = [info]
    if error.param:
        violation = {"field": error.param, "description": message}
        details.append({"@type": f"{_TYPE}BadRequest", "fieldViolations": [violation]})
    if error.retry_after is not None:
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{error.retry_after:.3f}s"})
    details.append({"@type": f"{_TYPE}RequestInfo", "requestId": request_id})
    return encode({"error": {"code": error.status, "message": message, "status": status_name(error.status), "details": details}})


def parse_error(status: int, body: bytes) -> ProviderFault:  # noqa: ARG001 - the Protocol's; the body says enough
    """Never raises: an unreadable body gives an empty fault."""
    try:
        return parse_fault(decode_lenient(body, Any))
    except (MalformedJson, msgspec.ValidationError):
        return ProviderFault("")


def parse_fault(document: Any) -> ProviderFault:
    """{"error": {...}}, a list of it (streams that are arrays), and the other shapes that compatible servers use.

    `type` is gRPC's name, `code` the reason of ErrorInfo (API_KEY_INVALID), `param` the first field of BadRequest,
    `retry_after` what RetryInfo says.
    """
    fault = fault_of(document)
    if isinstance(document, list) and document:
        document = document[0]
    error = document.get("error") if isinstance(document, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    if isinstance(error, dict) and isinstance(error.get("code"), int):
        fault.code = ""  # the HTTP status once more
    for detail in details if isinstance(details, list) else ():
        if not isinstance(detail, dict):
            continue
        fault.retry_after = _seconds(detail.get("retryDelay")) if fault.retry_after is None else fault.retry_after
        reason, violations = detail.get("reason"), detail.get("fieldViolations")
        if isinstance(reason, str) and not fault.code:
            fault.code = reason
        first = violations[0] if isinstance(violations, list) and violations else None
        if isinstance(first, dict) and isinstance(first.get("field"), str) and not fault.param:
            fault.param = first["field"] or None
    return fault


def _seconds(delay: Any) -> float | None:
    """Of RetryInfo's Duration in JSON: "34.07s"."""
    try:
        seconds = float(delay.removesuffix("s")) if isinstance(delay, str) and delay.endswith("s") else -1.0
    except ValueError:
        return None
    return min(seconds, LONGEST) if seconds >= 0 else None
