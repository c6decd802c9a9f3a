"""POST /completions, the legacy API (platform.openai.com/docs/api-reference/completions)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from llm_gateway.simulator.dialects.base import DONE, Dialect, Event, Reply, data
from llm_gateway.simulator.dialects.openai_common import (
    choices_of,
    integer_of,
    number_in,
    stop_of,
    text_of,
    usage,
    wants_usage,
)
from llm_gateway.simulator.names import created, identifier
from llm_gateway.simulator.problems import Front, missing, wrong_type
from llm_gateway.simulator.script import Ask, Say, Script, cached_tokens, logprob
from llm_gateway.simulator.tokens import estimate, pieces

DEFAULT_LIMIT = 16  # what OpenAI documents for max_tokens here


def reply(script: Script, request: Mapping[str, Any]) -> Reply:
    """The whole completion: n choices for each prompt."""
    asks, digest = read(request), script.digest(request)
    said = _say(script, request, asks, digest)
    choices = [
        {
            "text": "".join(words),
            "index": index,
            "logprobs": _logprobs(request, words, 0, f"{digest}:{index}"),
            "finish_reason": _finish(say),
        }
        for index, (say, words) in enumerate(said)
    ]
    document = {**_frame(asks[0], digest), "choices": choices, "usage": _usage(asks, said)}
    return Reply(document, sum(say.tokens for say, _ in said))


def stream(script: Script, request: Mapping[str, Any]) -> list[Event]:
    """The same as chunks, one token each."""
    asks, digest = read(request), script.digest(request)
    said = _say(script, request, asks, digest)
    frame: dict[str, Any] = _frame(asks[0], digest)
    if wants_usage(request):
        frame["usage"] = None
    events = []
    for index, (say, words) in enumerate(said):
        offset = 0
        for word in words:
            logprobs = _logprobs(request, [word], offset, f"{digest}:{index}")
            events.append(data({**frame, "choices": [_part(word, index, logprobs, None)]}, 1))
            offset += len(word)
        events.append(data({**frame, "choices": [_part("", index, None, _finish(say))]}))
    if wants_usage(request):
        events.append(data({**frame, "choices": [], "usage": _usage(asks, said)}))
    return [*events, DONE]


DIALECT = Dialect(name="openai_completions", front=Front.OPENAI, path="/completions", reply=reply, stream=stream)


def read(request: Mapping[str, Any]) -> list[Ask]:
    """What each prompt asks for; a prompt is text or a list of token numbers."""
    model = text_of(request, "model")
    number_in(request, "temperature", 0, 2)
    limit = integer_of(request, "max_tokens", 0, 10_000_000)
    stop = stop_of(request)
    return [
        Ask(
            model=model,
            text=text,
            prompt_tokens=tokens,
            limit=DEFAULT_LIMIT if limit is None else limit,
            stop=stop,
        )
        for text, tokens in _prompts(request.get("prompt"))
    ]


def _prompts(prompt: Any) -> list[tuple[str, int]]:
    if prompt is None:
        raise missing("prompt", Front.OPENAI)
    if isinstance(prompt, str):
        return [(prompt, estimate(prompt))]
    if isinstance(prompt, list) and prompt:
        if all(isinstance(item, int) for item in prompt):
            return [(f"{len(prompt)} tokens", len(prompt))]
        if all(isinstance(item, str | list) for item in prompt):
            return [found for item in prompt for found in _prompts(item)]
    raise wrong_type("prompt", "string or array", Front.OPENAI)


Said = list[tuple[Say, list[str]]]


def _say(script: Script, request: Mapping[str, Any], asks: list[Ask], digest: str) -> Said:
    said: Said = []
    for ask in asks:
        for index in range(choices_of(request)):
            say = script.say(ask, digest, index)
            before = pieces(ask.text) if request.get("echo") is True else []
            said.append((say, [*before, *say.text]))
    return said


def _frame(ask: Ask, digest: str) -> dict[str, Any]:
    return {
        "id": identifier("cmpl-", digest),
        "object": "text_completion",
        "created": created(digest),
        "model": ask.model,
        "system_fingerprint": f"fp_{digest[:10]}",
    }


def _finish(say: Say) -> str:
    return "length" if say.finish == "length" else "stop"


def _part(text: str, index: int, logprobs: Any, finish: str | None) -> dict[str, Any]:
    return {"text": text, "index": index, "logprobs": logprobs, "finish_reason": finish}


def _usage(asks: list[Ask], said: Said) -> dict[str, Any]:
    prompt, completion = sum(ask.prompt_tokens for ask in asks), sum(say.tokens for say, _ in said)
    return usage(prompt, completion, cached=sum(cached_tokens(ask) for ask in asks))


def _logprobs(request: Mapping[str, Any], words: list[str], offset: int, digest: str) -> dict[str, Any] | None:
    top = integer_of(request, "logprobs", 0, 5)
    if top is None:
        return None
    values = [logprob(digest, offset + index) for index in range(len(words))]
    return {
        "tokens": words,
        "token_logprobs": values,
        "top_logprobs": [{word: value} if top else {} for word, value in zip(words, values, strict=True)],
        "text_offset": list(accumulate((len(word) for word in words[:-1]), initial=offset)),
    }
