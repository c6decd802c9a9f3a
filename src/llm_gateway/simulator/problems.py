"""What a provider says when it refuses: one exception, and the bodies of both families of providers.

OpenAI: platform.openai.com/docs/guides/error-codes; Anthropic: docs.anthropic.com/en/api/errors.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec


class Front(Enum):
    """Whose manners are kept in errors and headers."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"


class Problem(Exception):
    """The request is refused with `status`; `param` and `code` are shown by OpenAI only."""

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code


def missing(param: str, front: Front) -> Problem:
    """A required field is not there."""
    if front is Front.ANTHROPIC:
        return Problem(400, f"{param}: Field required", param=param)
    return Problem(400, f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")


def wrong_type(param: str, wanted: str, front: Front) -> Problem:
    """A field has a value of another type."""
    if front is Front.ANTHROPIC:
        return Problem(400, f"{param}: Input should be a valid {wanted}", param=param)
    return Problem(400, f"Invalid type for '{param}': expected {wanted}.", param=param, code="invalid_type")


def out_of_range(param: str, what: str, front: Front) -> Problem:
    """A field has the right type and an impossible value."""
    if front is Front.ANTHROPIC:
        return Problem(400, f"{param}: {what}", param=param)
    return Problem(400, f"Invalid '{param}': {what}.", param=param, code="invalid_value")


def unknown_model(model: str, front: Front) -> Problem:
    """No such model here."""
    if front is Front.ANTHROPIC:
        return Problem(404, f"model: {model}")
    message = f"The model `{model}` does not exist or you do not have access to it."
    return Problem(404, message, code="model_not_found")


def wrong_key(front: Front, *, given: bool) -> Problem:
    """No key, or not one of ours. The key itself is not repeated."""
    if front is Front.ANTHROPIC:
        return Problem(401, "invalid x-api-key" if given else "x-api-key header is required")
    if given:
        return Problem(401, "Incorrect API key provided: sk-***.", code="invalid_api_key")
    return Problem(401, "You didn't provide an API key.")


def openai_type(status: int) -> str:
    if status == 429:
        return "requests"
    return "invalid_request_error" if status < 500 else "server_error"


def openai_code(status: int) -> str | None:
    return {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}.get(status)


def anthropic_type(status: int) -> str:
    types = {
        401: "authentication_error",
        402: "billing_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        504: "timeout_error",
        529: "overloaded_error",
    }
    return types.get(status, "invalid_request_error" if status < 500 else "api_error")


def body(problem: Problem, front: Front, request_id: str) -> bytes:
    """The error body as the provider writes it."""
    return msgspec.json.encode(document(problem, front, request_id))


def document(problem: Problem, front: Front, request_id: str) -> dict[str, Any]:
    """The error body as an object."""
    if front is Front.ANTHROPIC:
        error: dict[str, Any] = {"type": anthropic_type(problem.status), "message": problem.message}
        return {"type": "error", "error": error, "request_id": request_id}
    error = {"message": problem.message, "type": openai_type(problem.status)}
    return {"error": {**error, "param": problem.param, "code": problem.code}}
