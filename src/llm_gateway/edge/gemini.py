"""Gemini's URLs name the model, the operation and sometimes the key (https://ai.google.dev/api/generate-content)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote_to_bytes

from llm_gateway.core.errors import InvalidRequest
from llm_gateway.dialects.base import Front
from llm_gateway.dialects.gemini import GeminiFront
from llm_gateway.dialects.gemini.count_tokens import GeminiCountFront
from llm_gateway.dialects.gemini.embed import GeminiEmbedFront
from llm_gateway.http.server import Request

PREFIXES = (b"/v1beta/models/", b"/v1/models/", b"/v1alpha/models/")
"""Google's SDKs ask under v1beta or v1, by their age."""
DEFAULT = GeminiFront("")
"""For errors before a model is known."""

_PARAMETERS = 20
_KEY = b"x-goog-api-key"
_CLIENT = b"x-goog-api-client"
_OPERATION = re.compile(rb":[a-z]+[A-Z][A-Za-z]*\Z")


def bind(request: Request) -> Front | None:
    """The dialect of `{model}:{operation}`; None where there is nothing. A key in the query goes where keys are looked for.

    Raises InvalidRequest.
    """
    quoted, colon, operation = request.path.partition(b"/models/")[2].rpartition(b":")
    if not colon or not quoted:
        return None
    query = _query(request.query)
    _take_key(request, query)
    model = _model(quoted)
    if operation == b"generateContent":
        return GeminiFront(model)
    if operation == b"streamGenerateContent":
        return GeminiFront(model, stream=True, array=query.get("alt") != "sse")
    if operation == b"countTokens":
        return GeminiCountFront(model)
    if operation in (b"embedContent", b"batchEmbedContents"):
        return GeminiEmbedFront(model, batch=operation == b"batchEmbedContents")
    return None


def take_key(request: Request) -> None:
    """A key in the query goes where keys are looked for. Raises InvalidRequest."""
    _take_key(request, _query(request.query))


def is_googles(headers: Mapping[bytes, bytes]) -> bool:
    """Whether Google's SDK asks, or somebody with a key as it sends it: under /v1/models it could be OpenAI's as well."""
    return _CLIENT in headers or _KEY in headers


def names_operation(path: bytes) -> bool:
    """Whether a path below /v1/models/ is of this API: `{model}:generateContent`, say. Other models' names have colons too, but
    nothing in such letters behind them.
    """
    return _OPERATION.search(path) is not None


def _take_key(request: Request, query: Mapping[str, str]) -> None:
    key = query.get("key")
    if key and not request.headers.keys() & {_KEY, b"authorization", b"x-api-key"}:
        request.headers[_KEY] = key.encode("latin-1", "replace")


def _model(quoted: bytes) -> str:
    try:
        return unquote_to_bytes(quoted).decode()
    except UnicodeDecodeError:
        raise InvalidRequest("The model's name in the URL is not UTF-8.", param="model") from None


def _query(query: bytes) -> dict[str, str]:
    if not query:
        return {}
    try:
        return dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=_PARAMETERS))
    except ValueError:
        raise InvalidRequest("The URL has too many parameters.") from None
