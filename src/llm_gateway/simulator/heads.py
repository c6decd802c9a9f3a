"""Headers like the providers', with those that a gateway must not hand on: organizations, cookies, limits of an account."""

from __future__ import annotations

from llm_gateway.simulator.names import uuid_of
from llm_gateway.simulator.problems import Front
from llm_gateway.simulator.shapes import CONTENT_TYPES, Shape

Headers = tuple[tuple[bytes, bytes], ...]


def headers_of(front: Front, request_id: str, shape: Shape) -> Headers:
    """All headers of an answer but its length."""
    common = (
        (b"content-type", CONTENT_TYPES[shape]),
        (b"server", b"llm-gateway-simulator"),
        (b"set-cookie", b"simulator=1; HttpOnly"),
    )
    return (*common, *_own(front, request_id))


def _own(front: Front, request_id: str) -> Headers:
    identity = request_id.encode()
    match front:
        case Front.ANTHROPIC:
            return (b"request-id", identity), (b"anthropic-organization-id", b"org-simulated")
        case Front.GEMINI:
            return (b"server-timing", b"gfet4t7; dur=12"), (b"x-frame-options", b"SAMEORIGIN"), (b"vary", b"Origin, Referer")
        case Front.OLLAMA:
            return ()
        case Front.COHERE:
            trace = uuid_of(request_id).replace("-", "").encode()
            return (b"x-debug-trace-id", trace), (b"x-trial-endpoint-call-limit", b"20"), (b"via", b"1.1 google")
        case Front.BEDROCK:
            return ((b"x-amzn-requestid", uuid_of(request_id).encode()),)
        case _:
            limits = (b"x-ratelimit-limit-requests", b"10000"), (b"x-ratelimit-remaining-requests", b"9999")
            return (b"x-request-id", identity), (b"openai-organization", b"org-simulated"), *limits
