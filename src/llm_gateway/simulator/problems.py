"""Why a provider refuses: one exception, and the words of each family of providers. The bodies are in refusals.py."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple


class Front(Enum):
    """Whose manners are kept in errors and headers."""

    OPENAI = "openai"
    RESPONSES = "openai, with errors inside of a stream as events of their own"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    OLLAMA = "ollama"
    COHERE = "cohere"
    BEDROCK = "bedrock"


class Problem(Exception):
    """The request is refused with `status`.

    `param` is shown by OpenAI only. `code` is OpenAI's code, Google's reason or Bedrock's exception. `retry` are the
    seconds that Google puts into the body.
    """

    def __init__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None, retry: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.retry = retry


class Words(NamedTuple):
    """What a provider says of a field (`param`): it is not there, it has another type, its value is impossible."""

    missing: str
    wrong_type: str
    out_of_range: str


WORDS: Mapping[Front, Words] = MappingProxyType(
    {
        Front.OPENAI: Words(
            "Missing required parameter: '{param}'.",
            "Invalid type for '{param}': expected {wanted}.",
            "Invalid '{param}': {what}.",
        ),
        Front.ANTHROPIC: Words("{param}: Field required", "{param}: Input should be a valid {wanted}", "{param}: {what}"),
        Front.GEMINI: Words(
            "* GenerateContentRequest.{param}: {param} is not specified",
            "Invalid value at '{param}': {wanted} expected",
            "Invalid value at '{param}': {what}",
        ),
        Front.OLLAMA: Words(
            "{param} is required",
            "json: cannot unmarshal value into Go struct field .{param} of type {wanted}",
            "invalid {param}: {what}",
        ),
        Front.COHERE: Words(
            "invalid request: {param} is required",
            "invalid type: parameter {param} should be of type {wanted}.",
            "invalid request: {param}: {what}",
        ),
        Front.BEDROCK: Words(
            "1 validation error detected: Value null at '{param}' failed to satisfy constraint: Member must not be null",
            "Unexpected type at '{param}': {wanted} expected",
            "1 validation error detected: Value at '{param}' failed to satisfy constraint: {what}",
        ),
    }
)


def missing(param: str, front: Front) -> Problem:
    """A required field is not there."""
    message = _words(front).missing.format(param=param)
    return Problem(400, message, param=param, code=_own(front, "missing_required_parameter"))


def wrong_type(param: str, wanted: str, front: Front) -> Problem:
    """A field has a value of another type."""
    message = _words(front).wrong_type.format(param=param, wanted=wanted)
    return Problem(400, message, param=param, code=_own(front, "invalid_type"))


def out_of_range(param: str, what: str, front: Front) -> Problem:
    """A field has the right type and an impossible value."""
    message = _words(front).out_of_range.format(param=param, what=what)
    return Problem(400, message, param=param, code=_own(front, "invalid_value"))


def unknown_model(model: str, front: Front) -> Problem:
    """No such model here."""
    match front:
        case Front.ANTHROPIC:
            return Problem(404, f"model: {model}")
        case Front.GEMINI:
            return Problem(404, f"models/{model} is not found for API version v1beta, or is not supported for this method.")
        case Front.OLLAMA:
            return Problem(404, f"model '{model}' not found")
        case Front.COHERE:
            return Problem(404, f"model '{model}' not found, make sure the correct model ID was used")
        case Front.BEDROCK:
            return Problem(400, "The provided model identifier is invalid.")
        case _:
            message = f"The model `{model}` does not exist or you do not have access to it."
            return Problem(404, message, code="model_not_found")


def wrong_key(front: Front, *, given: bool) -> Problem:
    """No key, or not one of ours. The key itself is not repeated."""
    match front:
        case Front.ANTHROPIC:
            return Problem(401, "invalid x-api-key" if given else "x-api-key header is required")
        case Front.GEMINI if given:
            return Problem(400, "API key not valid. Please pass a valid API key.", code="API_KEY_INVALID")
        case Front.GEMINI:
            return Problem(403, "Method doesn't allow unregistered callers. Please use API Key to call this API.")
        case Front.OLLAMA:
            return Problem(401, "unauthorized")
        case Front.COHERE:
            return Problem(401, "invalid api token" if given else "no api key supplied")
        case Front.BEDROCK if given:
            message = "The security token included in the request is invalid."
            return Problem(403, message, code="UnrecognizedClientException")
        case Front.BEDROCK:
            return Problem(403, "Missing Authentication Token", code="MissingAuthenticationTokenException")
        case _ if given:
            return Problem(401, "Incorrect API key provided: sk-***.", code="invalid_api_key")
        case _:
            return Problem(401, "You didn't provide an API key.")


def _words(front: Front) -> Words:
    return WORDS.get(front, WORDS[Front.OPENAI])


def _own(front: Front, code: str) -> Any:
    """A code that only OpenAI has."""
    return code if front in (Front.OPENAI, Front.RESPONSES) else None
