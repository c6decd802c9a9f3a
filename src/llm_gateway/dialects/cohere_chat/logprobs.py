"""Log probabilities: Cohere gives them for pieces of text, which may be several tokens. The neutral types hold OpenAI's shape."""

from __future__ import annotations

import msgspec
from msgspec import Raw

from llm_gateway.core.json import encode


class _Item(msgspec.Struct, gc=False):
    text: str | None = None
    logprobs: list[float] | None = None


_decode = msgspec.json.Decoder(_Item | list[_Item] | None).decode


def parse_logprobs(raw: Raw) -> Raw | None:
    """Each piece as one token, as likely as all of its tokens together. None where there are none, or none that can be read."""
    try:
        found = _decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None
    items = found if isinstance(found, list) else [] if found is None else [found]
    content = [
        {"token": item.text, "logprob": sum(item.logprobs), "bytes": list(item.text.encode()), "top_logprobs": []}
        for item in items
        if item.text is not None and item.logprobs is not None
    ]
    return Raw(encode({"content": content, "refusal": None})) if content else None
