"""GET /models and /models/{id}, in the shape of either provider (the anthropic-version header tells which)."""

from __future__ import annotations

from typing import Any

from llm_gateway.simulator.problems import Front, unknown_model

SHOWN = {
    Front.OPENAI: ("gpt-4o", "gpt-4o-mini", "o3-mini", "gpt-3.5-turbo-instruct", "text-embedding-3-small"),
    Front.ANTHROPIC: ("claude-sonnet-4-5", "claude-haiku-4-5", "claude-opus-4-1"),
}


def listing(models: tuple[str, ...], front: Front) -> dict[str, Any]:
    """All models, on one page."""
    rows = [_model(name, front) for name in models or SHOWN[front]]
    if front is Front.ANTHROPIC:
        return {"data": rows, "has_more": False, "first_id": rows[0]["id"], "last_id": rows[-1]["id"]}
    return {"object": "list", "data": rows}


def one(models: tuple[str, ...], name: str, front: Front) -> dict[str, Any]:
    """One model; raises Problem (404) when models are configured and it is not among them."""
    if models and name not in models:
        raise unknown_model(name, front)
    return _model(name, front)


def _model(name: str, front: Front) -> dict[str, Any]:
    if front is Front.ANTHROPIC:
        return {"type": "model", "id": name, "display_name": name, "created_at": "2025-01-01T00:00:00Z"}
    return {"id": name, "object": "model", "created": 1_735_689_600, "owned_by": "simulator"}
