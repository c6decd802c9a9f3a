"""What a refusal looks like: its body, its headers, and an error in the middle of a stream, as each provider writes them.

OpenAI: platform.openai.com/docs/guides/error-codes; Anthropic: docs.anthropic.com/en/api/errors; Gemini: google.rpc.Status
(cloud.google.com/apis/design/errors); Ollama: docs.ollama.com/api/errors; Cohere: docs.cohere.com/reference/errors;
Bedrock: the errors of Converse and ConverseStream in the API reference of Amazon Bedrock Runtime.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from llm_gateway.simulator import frames
from llm_gateway.simulator.names import uuid_of
from llm_gateway.simulator.problems import Front, Problem
from llm_gateway.simulator.shapes import Shape

ANTHROPIC_TYPES: Mapping[int, str] = MappingProxyType(
    {
        401: "authentication_error",
        402: "billing_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        504: "timeout_error",
        529: "overloaded_error",
    }
)
OPENAI_CODES: Mapping[int, str] = MappingProxyType({401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"})
GOOGLE_STATUSES: Mapping[int, str] = MappingProxyType(
    {
        401: "UNAUTHENTICATED",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
        409: "ABORTED",
        429: "RESOURCE_EXHAUSTED",
        499: "CANCELLED",
        501: "UNIMPLEMENTED",
        503: "UNAVAILABLE",
        504: "DEADLINE_EXCEEDED",
    }
)
BEDROCK_EXCEPTIONS: Mapping[int, str] = MappingProxyType(
    {
        403: "AccessDeniedException",
        404: "ResourceNotFoundException",
        408: "ModelTimeoutException",
        424: "ModelErrorException",
        429: "ThrottlingException",
        500: "InternalServerException",
        503: "ServiceUnavailableException",
    }
)
STREAMED_EXCEPTIONS: Mapping[int, str] = MappingProxyType(
    {
        400: "validationException",
        424: "modelStreamErrorException",
        429: "throttlingException",
        503: "serviceUnavailableException",
    }
)
CORAL = "http://internal.amazon.com/coral/com.amazon.bedrock/"


def body(problem: Problem, front: Front, request_id: str) -> bytes:
    """The error body as the provider writes it."""
    return msgspec.json.encode(document(problem, front, request_id))


def document(problem: Problem, front: Front, request_id: str) -> dict[str, Any]:
    """The error body as an object."""
    match front:
        case Front.ANTHROPIC:
            error: dict[str, Any] = {"type": _anthropic_type(problem.status), "message": problem.message}
            return {"type": "error", "error": error, "request_id": request_id}
        case Front.GEMINI:
            return {"error": _google(problem)}
        case Front.OLLAMA:
            return {"error": problem.message}
        case Front.COHERE:
            return {"id": uuid_of(request_id), "message": problem.message}
        case Front.BEDROCK:
            return {"message": problem.message}
        case _:
            error = {"message": problem.message, "type": _openai_type(problem.status)}
            return {"error": {**error, "param": problem.param, "code": problem.code}}


def headers(problem: Problem, front: Front) -> tuple[tuple[bytes, bytes], ...]:
    """Headers that a refusal has besides those of every answer."""
    if front is not Front.BEDROCK:
        return ()
    usual = "ValidationException" if problem.status < 500 else "InternalServerException"
    kind = problem.code or BEDROCK_EXCEPTIONS.get(problem.status, usual)
    return ((b"x-amzn-errortype", f"{kind}:{CORAL}".encode("latin-1", "replace")),)


def in_stream(problem: Problem, front: Front, shape: Shape, request_id: str, number: int) -> bytes:
    """The element number `number` of a stream, when it is an error. What follows it is up to the caller: nothing, mostly."""
    said = body(problem, front, request_id)
    match shape:
        case Shape.NDJSON:
            return said + b"\n"
        case Shape.ARRAY:
            return b",\n" + said + b"\n]\n"
        case Shape.FRAMES:
            name = problem.code or STREAMED_EXCEPTIONS.get(problem.status, "internalServerException")
            return frames.exception(name, said)
    match front:
        case Front.ANTHROPIC:
            return b"event: error\ndata: " + said + b"\n\n"
        case Front.RESPONSES:
            code = problem.code or ("rate_limit_exceeded" if problem.status == 429 else "server_error")
            error = {"type": "error", "sequence_number": number, "code": code, "message": problem.message, "param": None}
            return b"event: error\ndata: " + msgspec.json.encode(error) + b"\n\n"
        case Front.COHERE:
            end = {"type": "message-end", "delta": {"error": problem.message, "finish_reason": "ERROR"}}
            return b"event: message-end\ndata: " + msgspec.json.encode(end) + b"\n\n"
        case _:
            return b"data: " + said + b"\n\n"


def usual_code(status: int, front: Front) -> str | None:
    """The code that a provider gives with a status when nothing more is known."""
    return OPENAI_CODES.get(status) if front in (Front.OPENAI, Front.RESPONSES) else None


def _openai_type(status: int) -> str:
    if status == 429:
        return "requests"
    return "invalid_request_error" if status < 500 else "server_error"


def _anthropic_type(status: int) -> str:
    return ANTHROPIC_TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")


def _google(problem: Problem) -> dict[str, Any]:
    usual = "INVALID_ARGUMENT" if problem.status < 500 else "INTERNAL"
    error: dict[str, Any] = {
        "code": problem.status,
        "message": problem.message,
        "status": GOOGLE_STATUSES.get(problem.status, usual),
    }
    details: list[dict[str, Any]] = []
    if problem.code:
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": problem.code, "domain": "googleapis.com"}
        details.append({**info, "metadata": {"service": "generativelanguage.googleapis.com"}})
    if problem.retry and problem.retry.isdecimal():
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{problem.retry}s"})
    return {**error, "details": details} if details else error
