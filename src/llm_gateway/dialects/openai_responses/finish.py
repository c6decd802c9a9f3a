"""Why a response ended: its status and incomplete_details, and ours."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Raw

from llm_gateway.core.chat import Finish
from llm_gateway.core.json import encode

_REASONS: Mapping[str, Finish] = MappingProxyType(
    {
        "max_output_tokens": "length",
        "max_tokens": "length",
        "max_messages": "pause",
        "content_filter": "content_filter",
    }
)
_DETAILS: Mapping[Finish, str] = MappingProxyType(
    {
        "length": "max_output_tokens",
        "context_window": "max_output_tokens",
        "pause": "max_output_tokens",  # it is not finished, and the API has no word for why
        "content_filter": "content_filter",
        "refusal": "content_filter",
    }
)

FAILED = Raw(encode({"code": "server_error", "message": "The provider ended its answer with an error"}))


def parse_finish(status: str | None, reason: str | None, *, calls: bool) -> Finish:
    """Of a response that is over. A word that nobody knows is an error, not a success."""
    if status == "incomplete":
        return _REASONS.get(reason or "", "error")
    if status not in {None, "completed"}:
        return "error"
    return "tool_calls" if calls else "stop"


def render_finish(finish: Finish | None, *, refused: bool) -> dict[str, Any]:
    """status, incomplete_details and error. `refused`: the answer says itself that it is a refusal."""
    reason = None if finish == "refusal" and refused else _DETAILS.get(finish or "stop")
    if finish == "error":
        return {"status": "failed", "incomplete_details": None, "error": FAILED}
    if reason is None:
        return {"status": "completed", "incomplete_details": None, "error": None}
    return {"status": "incomplete", "incomplete_details": {"reason": reason}, "error": None}
