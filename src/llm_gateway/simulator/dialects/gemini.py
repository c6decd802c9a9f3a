"""Gemini's generateContent, streamGenerateContent and countTokens as Google answers them (ai.google.dev/api/generate-content).

"[refuse]" ends a candidate with SAFETY and no content; "[blocked]" blocks the prompt, so that there is no candidate at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from llm_gateway.simulator.dialects.anthropic_messages import signature
from llm_gateway.simulator.dialects.base import Dialect, Event, Reply, always, data
from llm_gateway.simulator.dialects.checks import integer, section
from llm_gateway.simulator.dialects.gemini_request import read
from llm_gateway.simulator.names import identifier
from llm_gateway.simulator.problems import Front
from llm_gateway.simulator.script import Ask, Say, Script, cached_tokens, call_tokens, logprob
from llm_gateway.simulator.shapes import Shape

MAX_CANDIDATES = 8
HARMS = ("HATE_SPEECH", "DANGEROUS_CONTENT", "HARASSMENT", "SEXUALLY_EXPLICIT")
Part = dict[str, Any]


def reply(script: Script, request: Mapping[str, Any]) -> Reply:
    """The whole answer: parts of one kind are one part."""
    ask, config = read(request)
    digest, said = script.digest(request), _said(script, request, ask, config)
    if _blocked(ask):
        return Reply(_document(ask, digest, [], _usage(ask, 0, 0), _blocking()))
    candidates = []
    for index, say in enumerate(said):
        joined: list[Part] = []
        for part, _ in _parts(config, say, digest):
            if joined and "text" in part and "text" in joined[-1] and part.get("thought") == joined[-1].get("thought"):
                joined[-1] = {**joined[-1], **part, "text": joined[-1]["text"] + part["text"]}
            else:
                joined.append(part)
        extra = {"avgLogprobs": logprob(digest, index), **_logprobs(config, say, digest)} if say.text else {}
        candidates.append({**_candidate(index, joined), **_finish(say), **extra})
    shown, thought = _counts(said)
    return Reply(_document(ask, digest, candidates, _usage(ask, shown, thought)), sum(say.tokens for say in said))


def stream(script: Script, request: Mapping[str, Any]) -> list[Event]:
    """The same as server-sent events, one token each; the usage grows, the last one of a candidate has its finishReason."""
    return [data(document, tokens) for document, tokens in _chunks(script, request)]


def stream_array(script: Script, request: Mapping[str, Any]) -> list[Event]:
    """The same as one JSON array, written an element at a time."""
    events = []
    for number, (document, tokens) in enumerate(_chunks(script, request)):
        events.append(Event((b",\n" if number else b"[") + msgspec.json.encode(document) + b"\n", tokens))
    return [*events, Event(b"]\n")]


def count(_script: Script, request: Mapping[str, Any]) -> Reply:
    """What the same request would report as promptTokenCount."""
    inner = section(request, "generateContentRequest", Front.GEMINI) or request
    ask, _ = read({**inner, "model": request["model"]})
    return Reply({"totalTokens": ask.prompt_tokens, "promptTokensDetails": _details(ask.prompt_tokens)})


PATH = "/models/{model}:streamGenerateContent"
GENERATE = Dialect(name="gemini", front=Front.GEMINI, path="/models/{model}:generateContent", reply=reply)
STREAM = Dialect(name="gemini", front=Front.GEMINI, path=PATH, query="alt=sse", reply=reply, stream=stream, streams=always)
STREAM_ARRAY = Dialect(
    name="gemini", front=Front.GEMINI, path=PATH, reply=reply, stream=stream_array, shape=Shape.ARRAY, streams=always
)
COUNT = Dialect(name="gemini_count_tokens", front=Front.GEMINI, path="/models/{model}:countTokens", reply=count)


def _said(script: Script, request: Mapping[str, Any], ask: Ask, config: Mapping[str, Any]) -> list[Say]:
    candidates = integer(config, "candidateCount", 1, Front.GEMINI, MAX_CANDIDATES) or 1
    digest = script.digest(request)
    return [script.say(ask, digest, index) for index in range(candidates)]


def _chunks(script: Script, request: Mapping[str, Any]) -> list[tuple[dict[str, Any], int]]:
    ask, config = read(request)
    digest, said = script.digest(request), _said(script, request, ask, config)
    if _blocked(ask):
        return [(_document(ask, digest, [], _usage(ask, 0, 0), _blocking()), 0)]
    chunks, done, thought = [], 0, 0
    for index, say in enumerate(said):
        parts = _parts(config, say, digest)
        silent = 0 if _shows_thoughts(config) else len(say.thinking)
        thought += silent
        for number, (part, tokens) in enumerate(parts):
            if part.get("thought"):
                thought += tokens
            else:
                done += tokens
            last = number == len(parts) - 1
            candidate = {**_candidate(index, [part]), **(_finish(say) if last else {})}
            chunks.append((_document(ask, digest, [candidate], _usage(ask, done, thought)), tokens + silent))
            silent = 0
        if not parts:
            chunks.append(
                (_document(ask, digest, [{**_candidate(index, []), **_finish(say)}], _usage(ask, done, thought)), silent)
            )
    return chunks


def _parts(config: Mapping[str, Any], say: Say, digest: str) -> list[tuple[Part, int]]:
    """The parts of a candidate, one for each token and each call; thinking seals the first call or the end of the text."""
    parts: list[tuple[Part, int]] = []
    if _shows_thoughts(config):
        parts += [({"text": word, "thought": True}, 1) for word in say.thinking]
    if say.finish != "refusal":
        parts += [({"text": word}, 1) for word in say.text]
    seal = {"thoughtSignature": signature(f"{digest}:thought")} if say.thinking else {}
    for call in say.calls:
        called = {"name": call.name, "args": msgspec.json.decode(call.arguments)}
        parts.append(({"functionCall": called, **seal}, call_tokens(call)))
        seal = {}
    if not say.calls and say.finish != "refusal":
        parts.append(({"text": "", **seal}, 0))
    return parts


def _candidate(index: int, parts: list[Part]) -> dict[str, Any]:
    return {**({"content": {"parts": parts, "role": "model"}} if parts else {}), "index": index}


def _finish(say: Say) -> dict[str, Any]:
    if say.finish == "refusal":
        return {"finishReason": "SAFETY", "safetyRatings": _ratings()}
    return {"finishReason": "MAX_TOKENS" if say.finish == "length" else "STOP"}


def _ratings() -> list[dict[str, Any]]:
    return [
        {"category": f"HARM_CATEGORY_{name}", "probability": "HIGH" if name == "DANGEROUS_CONTENT" else "NEGLIGIBLE"}
        for name in HARMS
    ]


def _blocked(ask: Ask) -> bool:
    return "[blocked]" in ask.text


def _blocking() -> dict[str, Any]:
    return {"promptFeedback": {"blockReason": "SAFETY", "safetyRatings": _ratings()}}


def _shows_thoughts(config: Mapping[str, Any]) -> bool:
    thinking = config.get("thinkingConfig") or {}
    return bool(thinking.get("includeThoughts", thinking.get("include_thoughts")))


def _counts(said: list[Say]) -> tuple[int, int]:
    """Tokens that are shown, and tokens that were thought."""
    thought = sum(len(say.thinking) for say in said)
    refused = sum(len(say.text) for say in said if say.finish == "refusal")
    return sum(say.tokens for say in said) - thought - refused, thought


def _details(tokens: int) -> list[dict[str, Any]]:
    return [{"modality": "TEXT", "tokenCount": tokens}]


def _usage(ask: Ask, shown: int, thought: int) -> dict[str, Any]:
    """Thinking is not part of candidatesTokenCount, what is cached is part of promptTokenCount."""
    usage: dict[str, Any] = {"promptTokenCount": ask.prompt_tokens, "totalTokenCount": ask.prompt_tokens + shown + thought}
    if shown:
        usage["candidatesTokenCount"] = shown
    if thought:
        usage["thoughtsTokenCount"] = thought
    if found := cached_tokens(ask):
        usage |= {"cachedContentTokenCount": found, "cacheTokensDetails": _details(found)}
    return {**usage, "promptTokensDetails": _details(ask.prompt_tokens)}


def _document(
    ask: Ask, digest: str, candidates: list[dict[str, Any]], usage: dict[str, Any], extra: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    shown = {"candidates": candidates} if candidates else {}
    return {**shown, **(extra or {}), "usageMetadata": usage, "modelVersion": ask.model, "responseId": identifier("", digest)}


def _logprobs(config: Mapping[str, Any], say: Say, digest: str) -> dict[str, Any]:
    """The chosen tokens, and as the top ones the same."""
    if config.get("responseLogprobs") is not True:
        return {}
    probable = [logprob(digest, index) for index in range(len(say.text))]
    chosen = [{"token": word, "logProbability": value} for word, value in zip(say.text, probable, strict=True)]
    result: dict[str, Any] = {"chosenCandidates": chosen, "logProbabilitySum": sum(probable)}
    if integer(config, "logprobs", 0, Front.GEMINI, 20):
        result["topCandidates"] = [{"candidates": [token]} for token in chosen]
    return {"logprobsResult": result}
