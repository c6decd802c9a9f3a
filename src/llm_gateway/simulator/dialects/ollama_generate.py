"""POST /api/generate as Ollama answers it (docs.ollama.com/api/generate): one prompt, lines of JSON by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_gateway.simulator.dialects.base import Dialect, Event, Reply, line, unless_refused
from llm_gateway.simulator.dialects.checks import text
from llm_gateway.simulator.dialects.ollama_common import FRONT, ending, frame, loaded, manner
from llm_gateway.simulator.problems import wrong_type
from llm_gateway.simulator.script import Ask, Say, Script, share
from llm_gateway.simulator.shapes import Shape
from llm_gateway.simulator.tokens import IMAGE_TOKENS, estimate

VOCABULARY = 128_000


def reply(script: Script, request: Mapping[str, Any]) -> Reply:
    """The whole answer."""
    ask, digest = read(request), script.digest(request)
    if not ask.text:
        return Reply(loaded(request, digest, {"response": ""}))
    say = script.say(ask, digest)
    shown = {"thinking": "".join(say.thinking)} if say.thinking else {}
    return Reply({**frame(ask, digest), "response": "".join(say.text), **shown, **_ending(ask, say, digest)}, say.tokens)


def stream(script: Script, request: Mapping[str, Any]) -> list[Event]:
    """The same as lines, one token each; the last line has the counts."""
    ask, digest = read(request), script.digest(request)
    if not ask.text:
        return [line(loaded(request, digest, {"response": ""}))]
    say, every = script.say(ask, digest), frame(ask, digest)
    lines = [line({**every, "response": "", "thinking": word, "done": False}, 1) for word in say.thinking]
    lines += [line({**every, "response": word, "done": False}, 1) for word in say.text]
    return [*lines, line({**every, "response": "", **_ending(ask, say, digest)})]


DIALECT = Dialect(
    name="ollama_generate",
    front=FRONT,
    path="/api/generate",
    reply=reply,
    stream=stream,
    shape=Shape.NDJSON,
    streams=unless_refused,
)


def read(request: Mapping[str, Any]) -> Ask:
    """What the request asks for; raises Problem where Ollama would refuse it."""
    model, how = text(request, "model", FRONT), manner(request)
    for name in ("prompt", "suffix", "system", "template"):
        if not isinstance(request.get(name, ""), str):
            raise wrong_type(name, "string", FRONT)
    images = request.get("images") or []
    if not isinstance(images, list):
        raise wrong_type("images", "[]api.ImageData", FRONT)
    system, prompt = estimate(request.get("system", "")), request.get("prompt", "")
    return Ask(
        model=model,
        text=prompt,
        prompt_tokens=system + estimate(prompt) + len(images) * IMAGE_TOKENS,
        earlier_tokens=system,
        images=len(images),
        **how._asdict(),
    )


def _ending(ask: Ask, say: Say, digest: str) -> dict[str, Any]:
    context = [int(share(digest, index) * VOCABULARY) for index in range(min(8, say.tokens))]
    return {**ending(ask, say, digest), "context": context}
