"""Whose opaque state is: signatures and redacted thinking are good for the family of models that made them and nobody else.

A signature of Anthropic's is carried as it is, in base64. Every other family's is tagged with its name when it becomes neutral
(`gemini/...`, `openai_responses/...`), so that clients of any dialect carry it back unread and nobody else is given it.

A family is a maker's models, wherever they are served. Claude's signatures are good across Anthropic's API, Bedrock and Vertex
AI (https://docs.claude.com/en/docs/build-with-claude/extended-thinking, "Thinking encryption"), and Gemini's are treated so
between AI Studio and Vertex AI, which are two doors to the same models. Made for one place alone is redacted thinking of
Bedrock's Converse that is no text there (bedrock_converse/opaque.py): nobody else has a way to say it.
"""

from __future__ import annotations

import re

OF_BEDROCK = "bedrock:"
_DATA_OF_BEDROCK = b'"bedrock:'
_SIGNATURE = b'"signature"'  # looked for first: a search for constant bytes costs a tenth of the pattern's
_TAGGED = re.compile(rb'"signature"\s*:\s*"(?:"|(?:gemini|openai_responses)/)')
_TAGGED_DATA = re.compile(rb'"data"\s*:\s*"bedrock:')


def is_foreign(text: str) -> bool:
    """Whether a signature, or redacted thinking, is of another family than Anthropic's.

    Anthropic's are base64 or base64url, which have neither sign.
    """
    return "#" in text or ":" in text or text.startswith(("gemini/", "openai_responses/"))


def holds_tagged(body: bytes) -> bool:
    """Whether a request holds a tagged signature, or an empty one, which is what clients are shown for thoughts that nobody
    signed, or redacted thinking of Converse's alone: it must not pass to a provider as it is. Parsed and rendered it may, since
    what is not the provider's is left out, and named.
    """
    if body.find(_SIGNATURE) >= 0 and _TAGGED.search(body) is not None:
        return True
    return body.rfind(_DATA_OF_BEDROCK) >= 0 and _TAGGED_DATA.search(body) is not None
