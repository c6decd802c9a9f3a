"""What a request may have used, where nobody tells: never nothing for what was asked and written (faults C28).

Rules of thumb, as core/estimate.py has them: four bytes of text to a token. Of an answer only the share of its beginning that is
text is known, and how many bytes there were in all.
"""

from __future__ import annotations

import re
from math import ceil
from typing import Any

from llm_gateway.core.chat import ChatRequest
from llm_gateway.core.embeddings import EmbeddingsRequest, estimated_tokens
from llm_gateway.core.errors import GatewayError, release
from llm_gateway.core.estimate import CHARS_PER_TOKEN, estimate
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.openai_media import MediaView, wanted
from llm_gateway.routing.candidate import Candidate
from llm_gateway.routing.cost import UNSAID_OUTPUT

PLAIN_BYTES = 16 << 10
"""A shorter body is taken to be text: no picture of any size fits in."""
UNSEEN = 16
"""Bytes to a token of an answer that nobody looked at: a quarter of it is text."""
SAMPLE_BYTES = 64 << 10
_TEXT = re.compile(
    rb'"(?:content|text|delta|thinking|reasoning|reasoning_content|reasoning_text|refusal|arguments|partial_json|response)"'
    rb'\s*:\s*"([^"\\]*+(?:\\.[^"\\]*+)*+)'
)
"""Where answers of all dialects have what was written."""


def prompt_bytes(ex: Exchange) -> int:
    """Tokens that went in, at a glance."""
    return len(ex.body) // CHARS_PER_TOKEN + 1


def prompt_tokens(ex: Exchange) -> int:
    """The same with more care: pictures and documents count for what they are. Reads the request if nobody has."""
    request: Any = ex.request
    if request is None:
        request = _read(ex)
    if isinstance(request, ChatRequest):
        return max(1, estimate(request))
    if isinstance(request, EmbeddingsRequest):
        return max(1, estimated_tokens(request))
    return prompt_bytes(ex)


def expected_output(candidate: Candidate) -> int:
    """Tokens that an answer of it has, as far as is known."""
    learned = candidate.standing.output
    expected = ceil(learned) if learned > 0 else UNSAID_OUTPUT
    return min(expected, candidate.max_output) if candidate.max_output else expected


def written_tokens(ex: Exchange) -> int:
    """Tokens of what was given to the caller so far; 0: nothing that is text."""
    sample = ex.sample[:SAMPLE_BYTES]
    if not sample:
        return ex.bytes_out // UNSEEN  # it went by unread
    if not ex.bytes_out:
        return 0
    text = sum(len(found[1]) for found in _TEXT.finditer(sample))
    return ceil(text / len(sample) * max(ex.bytes_out, len(sample)) / CHARS_PER_TOKEN)


def media_of(ex: Exchange) -> Usage | None:
    """What a request for pictures, sound or pages asks for, where nobody told what was made; None: that is not known."""
    view = ex.view
    asked = wanted(ex.front.operation, view, ex.body, most=False) if isinstance(view, MediaView) else None
    return None if asked is None else asked.told


def _read(ex: Exchange) -> Any:
    parse = getattr(ex.front, "parse_request", None)
    if parse is None:
        return None  # it passes through
    try:
        ex.request = parse(ex.body)
    except GatewayError as error:
        release(error)
    return ex.request
