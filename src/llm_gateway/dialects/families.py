"""Whose opaque state is: signatures and redacted thinking are good for the family of models that made them and nobody else.

A signature of Anthropic's is carried as it is, in base64. Every other family's is tagged with its name when it becomes neutral
(`gemini/...`, `openai_responses/...`), so that clients of any dialect carry it back unread and nobody else is given it.
"""

from __future__ import annotations

import re

_KEPT = "bedrock:"
_SIGNATURE = b'"signature"'  # looked for first: a search for constant bytes costs a tenth of the pattern's
_TAGGED = re.compile(rb'"signature"\s*:\s*"(?:"|(?:gemini|openai_responses)/)')


def is_foreign(text: str) -> bool:
    """Whether a signature, or redacted thinking, is of another family than Anthropic's.

    Anthropic's are base64 or base64url, which have neither sign; Bedrock gives the same ones, or marks what is no text.
    """
    return not text.startswith(_KEPT) and ("#" in text or ":" in text or text.startswith(("gemini/", "openai_responses/")))


def holds_tagged(body: bytes) -> bool:
    """Whether a request holds a tagged signature, or an empty one, which is what clients are shown for thoughts that nobody
    signed: it must not pass to a provider as it is. Parsed and rendered it may, since what is not the provider's is left out,
    and named.
    """
    return body.find(_SIGNATURE) >= 0 and _TAGGED.search(body) is not None
