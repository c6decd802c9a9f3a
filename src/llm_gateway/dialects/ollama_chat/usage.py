"""Usage as Ollama counts it: prompt and answer, nothing finer. A prompt that was cached whole is not counted by old servers."""

from __future__ import annotations

from llm_gateway.core.usage import Usage


def parse_usage(prompt: int | None, completion: int | None) -> Usage | None:
    """None where a server says nothing, or nothing possible."""
    if (prompt is None and completion is None) or (prompt or 0) < 0 or (completion or 0) < 0:
        return None
    return Usage(input=prompt or 0, output=completion or 0)


def render_usage(usage: Usage | None) -> dict[str, int]:
    return {} if usage is None else {"prompt_eval_count": usage.prompt, "eval_count": usage.completion}
