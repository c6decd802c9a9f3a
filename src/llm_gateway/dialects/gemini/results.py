"""What a function returned: Gemini's JSON object, and the text that every other dialect has.

Google's convention: the member `output` is what the function returned, `error` why it failed, and any other object is its output
as a whole. A text that is a JSON object is that object; any other text stands under `output` or `error`.
"""

from __future__ import annotations

from typing import Any

from msgspec import Raw

from llm_gateway.core.json import decode, encode
from llm_gateway.dialects.arguments import members_of


def parse_response(response: Raw) -> tuple[str, bool]:
    """The text of `response` (a JSON object), and whether it is an error. `render_response` gives the same object back."""
    data = bytes(response)
    document = decode(data, dict[str, Any])
    text, error = data.decode(), list(document) == ["error"]
    for name, value in document.items() if len(document) == 1 else ():
        simple = value if isinstance(value, str) else encode(value).decode()
        if name in {"output", "error"} and decode(bytes(render_response(simple, error=error)), dict[str, Any]) == document:
            return simple, error
    return text, error


def render_response(text: str, *, error: bool) -> Raw:
    members = members_of(text.encode()) if text.lstrip().startswith("{") else None
    if members is None:
        return Raw(encode({"error" if error else "output": text}))
    if error and list(members) != ["error"]:
        return Raw(encode({"error": Raw(text.encode())}))
    return Raw(text.encode())
