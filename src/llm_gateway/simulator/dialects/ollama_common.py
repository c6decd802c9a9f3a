"""What Ollama's chat and generate share: options, format, thinking, and the counts at the end (docs.ollama.com/api)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from llm_gateway.simulator.dialects.checks import integer, number, section, strings
from llm_gateway.simulator.names import created_at
from llm_gateway.simulator.problems import Front, out_of_range, wrong_type
from llm_gateway.simulator.script import Ask, Say, share

FRONT = Front.OLLAMA
LEVELS = ("low", "medium", "high")


class Manner(NamedTuple):
    """How an answer is wanted, besides what is asked."""

    limit: int | None
    stop: tuple[str, ...]
    schema: Any
    json_mode: bool
    thinking: bool


def manner(request: Mapping[str, Any]) -> Manner:
    """Read the fields that both operations have; raises Problem."""
    options = section(request, "options", FRONT)
    number(options, "temperature", 0, 100, FRONT)
    limit = integer(options, "num_predict", -2, FRONT)
    stop = options.get("stop")
    form, think = request.get("format"), request.get("think")
    if form not in (None, "", "json") and not isinstance(form, dict):
        raise out_of_range("format", 'expected "json" or a JSON schema', FRONT)
    if think is not None and not isinstance(think, bool) and think not in LEVELS:
        raise wrong_type("think", 'bool, "high", "medium" or "low"', FRONT)
    return Manner(
        limit=limit if limit and limit > 0 else None,
        stop=(stop,) if isinstance(stop, str) else strings(options, "stop", 100, FRONT),
        schema=form if isinstance(form, dict) else None,
        json_mode=form == "json",
        thinking=bool(think),
    )


def frame(ask: Ask, digest: str) -> dict[str, Any]:
    """What every line begins with."""
    return {"model": ask.model, "created_at": created_at(digest)}


def ending(ask: Ask, say: Say, digest: str) -> dict[str, Any]:
    """Why it ended and what it took; durations are nanoseconds."""
    spent = {name: int(share(digest, name) * 90_000_000) + 1_000_000 for name in ("load", "prompt_eval", "eval")}
    return {
        "done": True,
        "done_reason": "length" if say.finish == "length" else "stop",
        "total_duration": sum(spent.values()),
        "load_duration": spent["load"],
        "prompt_eval_count": ask.prompt_tokens,
        "prompt_eval_duration": spent["prompt_eval"],
        "eval_count": say.tokens,
        "eval_duration": spent["eval"],
    }


def loaded(request: Mapping[str, Any], digest: str, empty: dict[str, Any]) -> dict[str, Any]:
    """The answer to a request that says nothing, which loads the model or, with keep_alive 0, unloads it."""
    reason = "unload" if request.get("keep_alive") in (0, "0", "0s") else "load"
    return {"model": request["model"], "created_at": created_at(digest), **empty, "done": True, "done_reason": reason}
