"""Faults of the body: status 200, and not what was promised."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from llm_gateway.simulator.answer import Answer
from llm_gateway.simulator.faults.spec import FaultKind, Given
from llm_gateway.simulator.problems import Front, Problem
from llm_gateway.simulator.refusals import body

HTML = b"<html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>"
BAD_UTF8 = b"\xff\xfe\xc3\x28\xed\xa0\x80"
SILENT: Mapping[Front, bytes] = MappingProxyType(
    {
        Front.RESPONSES: b'{"id":"x","object":"response","created_at":1735689600,"status":"completed","model":"m","output":[]}',
        Front.GEMINI: b'{"candidates":[],"modelVersion":"m"}',
        Front.OLLAMA: b'{"model":"m","created_at":"2025-01-01T00:00:00Z","done":true,"done_reason":"stop"}',
        Front.COHERE: b'{"id":"x","message":{"role":"assistant","content":[]},"finish_reason":"COMPLETE"}',
        Front.BEDROCK: b'{"output":{"message":{"role":"assistant","content":[]}},"stopReason":"end_turn"}',
    }
)
_CHOICELESS = b'{"id":"x","object":"chat.completion","created":1735689600,"model":"m","choices":[]}'
_TEXTS = b"content|text|refusal|partial_json|arguments|delta|response|tool_plan|input"
_TEXT = re.compile(rb'"(?:' + _TEXTS + rb')":"(?=[^"])')
_HOLDERS = ("message", "response", "delta")  # where Anthropic, Responses and Cohere put the usage of a stream
_USAGE = ("usage", "usageMetadata", "prompt_eval_count", "eval_count")


def malformed_json(answer: Answer, _given: Given) -> None:
    if not answer.stream:
        return answer.whole(b'{"id":"x","choices":[{"message":{"content":"hi"}]}')
    answer.restate(len(answer.parts) // 2, lambda data: b"".join(data.rpartition(b"}")[::2]))
    return None


def truncated_json(answer: Answer, _given: Given) -> None:
    del answer.parts[answer.split_at(max(1, answer.size * 2 // 3)) :]


def empty_body(answer: Answer, _given: Given) -> None:
    answer.parts = []


def null_body(answer: Answer, _given: Given) -> None:
    answer.whole(b"null")


def html_200(answer: Answer, _given: Given) -> None:
    answer.status = 200
    answer.whole(HTML, b"text/html; charset=utf-8")


def error_200(answer: Answer, given: Given) -> None:
    problem = Problem(given.integer("code", 500, 599), "simulated error inside a 200")
    answer.status = 200
    answer.whole(body(problem, answer.front, answer.request_id))


def wrong_ctype(answer: Answer, given: Given) -> None:
    wanted = "".join(c for c in given.text("ct", "text/plain") if c.isprintable())
    answer.set(b"content-type", wanted.encode("latin-1", "replace"))


def bad_utf8(answer: Answer, _given: Given) -> None:
    _insert(answer, BAD_UTF8)


def nul(answer: Answer, _given: Given) -> None:
    _insert(answer, b"\0")


def bom(answer: Answer, _given: Given) -> None:
    if answer.parts:
        pause, data = answer.parts[0]
        answer.parts[0] = (pause, b"\xef\xbb\xbf" + data)


def deep_json(answer: Answer, given: Given) -> None:
    depth = given.integer("n", 100_000, 10_000_000)
    answer.whole(b'{"a":' * depth + b"1" + b"}" * depth)


def bigint(answer: Answer, given: Given) -> None:
    digits = b"9" * given.integer("digits", 6000, 10_000_000)
    answer.whole(b'{"id":"x","object":"chat.completion","created":' + digits + b',"model":"m","choices":[]}')


def no_usage(answer: Answer, _given: Given) -> None:
    for index in range(len(answer.parts)):
        answer.restate(index, _without_usage)
    answer.parts = [part for part in answer.parts if part[1]]


def no_choices(answer: Answer, _given: Given) -> None:
    answer.whole(SILENT.get(answer.front, _CHOICELESS))


def _insert(answer: Answer, junk: bytes) -> None:
    """Put `junk` into the first text that is said, or else into the middle of the body."""
    for index, (_, data) in enumerate(answer.parts):
        if _TEXT.search(data):
            answer.restate(index, lambda said: _TEXT.sub(lambda found: found[0] + junk, said, count=1))
            return
    answer.parts.insert(answer.split_at(answer.size // 2), (0.0, junk))


def _without_usage(data: bytes) -> bytes:
    """A document or an element of a stream less its usage; one that held nothing else is gone."""
    first, end = data.find(b"{"), data.rfind(b"}") + 1
    if first < 0:
        return data
    try:
        document = msgspec.json.decode(data[first:end])
    except msgspec.DecodeError:
        return data
    had = False
    for holder in (document, *(document.get(name) for name in _HOLDERS)):
        if isinstance(holder, dict):
            for name in _USAGE:
                had = bool(holder.pop(name, None)) or had
    if had and document.get("choices") == []:
        return b""
    return data[:first] + msgspec.json.encode(document) + data[end:]


FAULTS = (
    FaultKind("malformed_json", "JSON that does not parse; in a stream one event in the middle", malformed_json),
    FaultKind("null_body", "the body is null", null_body),
    FaultKind("html_200", "a web page with status 200", html_200),
    FaultKind("error_200", "an error body with status 200", error_200, "code=500"),
    FaultKind("no_choices", "a completion with an empty list of choices", no_choices),
    FaultKind("deep_json", "objects in objects in objects", deep_json, "n=100000"),
    FaultKind("bigint", "a number of thousands of digits", bigint, "digits=6000"),
    FaultKind("no_usage", "the usage is left out", no_usage),
    FaultKind("wrong_ctype", "another Content-Type", wrong_ctype, "ct=text/plain"),
    FaultKind("bad_utf8", "bytes in the text that are not UTF-8", bad_utf8),
    FaultKind("nul", "a NUL byte in the text", nul),
    FaultKind("bom", "a byte order mark in front", bom),
    FaultKind("truncated_json", "the last third is missing, the framing is in order", truncated_json),
    FaultKind("empty_body", "no body at all", empty_body),
)
