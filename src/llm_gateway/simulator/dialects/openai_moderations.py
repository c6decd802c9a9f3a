"""POST /moderations (platform.openai.com/docs/api-reference/moderations): what holds the word "attack" is flagged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_gateway.simulator.dialects.base import Dialect, Reply
from llm_gateway.simulator.problems import Front, missing
from llm_gateway.simulator.script import Script

CATEGORIES = (
    *("harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm"),
    *("self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic"),
)


def reply(script: Script, request: Mapping[str, Any]) -> Reply:
    """One result for each text, one for all parts together."""
    given = request.get("input")
    if not given:
        raise missing("input", Front.OPENAI)
    texts = [given] if isinstance(given, str) else given if all(isinstance(item, str) for item in given) else [str(given)]
    results = [_result("attack" in text) for text in texts]
    model = request.get("model", "omni-moderation-latest")
    return Reply({"id": f"modr-{script.digest(request)[:24]}", "model": model, "results": results})


DIALECT = Dialect(name="openai_moderations", front=Front.OPENAI, path="/moderations", reply=reply)


def _result(flagged: bool) -> dict[str, Any]:
    found = {name: flagged and name == "violence" for name in CATEGORIES}
    scores = {name: 0.98 if hit else 0.01 for name, hit in found.items()}
    types = {name: ["text"] for name in CATEGORIES}
    return {"flagged": flagged, "categories": found, "category_scores": scores, "category_applied_input_types": types}
