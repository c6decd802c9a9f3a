"""What Bedrock says when it fails (https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html).

{"message": "text"}; the type of the error stands in the header x-amzn-errortype, which we do not see, or in `__type`, or follows
from the status. In a stream it is a frame of type exception, named after the error.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from llm_gateway.core.json import MalformedJson, decode_lenient
from llm_gateway.dialects.base import ProviderFault
from llm_gateway.dialects.openai_chat.errors import fault_of

_LONGEST = 4000

_TYPES: Mapping[int, str] = MappingProxyType(
    {
        400: "ValidationException",
        403: "AccessDeniedException",
        404: "ResourceNotFoundException",
        408: "ModelTimeoutException",
        424: "ModelErrorException",
        429: "ThrottlingException",
        500: "InternalServerException",
        503: "ServiceUnavailableException",
    }
)

STATUSES: Mapping[str, int] = MappingProxyType(
    {
        "validationException": 400,
        "accessDeniedException": 403,
        "resourceNotFoundException": 404,
        "modelTimeoutException": 408,
        "modelErrorException": 424,
        "modelStreamErrorException": 424,
        "throttlingException": 429,
        "internalServerException": 500,
        "serviceUnavailableException": 503,
    }
)
"""Of the exceptions in a stream, by their names there."""


def parse_error(status: int, body: bytes) -> ProviderFault:
    """Never raises: an unreadable body gives a fault without a message."""
    try:
        document = decode_lenient(body, Any)
    except (MalformedJson, msgspec.ValidationError):
        document = None
    fault = parse_fault(document)
    fault.type = fault.type or _TYPES.get(status, "")
    return fault


def parse_fault(document: Any) -> ProviderFault:
    """{"message": ...}, {"Message": ...}, {"__type": "prefix#Name"} alone or in {"Output": ...}; and what proxies say instead."""
    fault = fault_of(document)
    if not isinstance(document, dict):
        return fault
    inner = document.get("Output")
    source = inner if isinstance(inner, dict) else document
    for name in ("Message", "message", "originalMessage"):
        said = source.get(name)
        if isinstance(said, str) and not fault.message:
            fault.message = said[:_LONGEST]
    kind = source.get("__type")
    if isinstance(kind, str):
        fault.type = name_of(kind)
        fault.message = fault.message or fault.type
    return fault


def name_of(kind: str) -> str:
    """`ValidationException` of `com.amazon.coral.validate#ValidationException:http://...`."""
    return kind.rpartition("#")[2].partition(":")[0][:100]
