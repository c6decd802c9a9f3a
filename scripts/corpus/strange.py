"""Recorded answers, changed as other providers, other days and other proxies would: still answers, or an honest error."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

from corpus import chunks
from corpus.answers import Finding, ask, bugs, compared, fails
from corpus.clients import Client, Judges, clients_of, form_of
from corpus.meaning import Meaning, documents, meaning
from corpus.recordings import Recording
from corpus.world import Answered, World

PER_RECORDING = 12
"""Changes of one recording: drawn by its id, so every run draws the same."""
LARGEST = 60_000

_WORDS = {
    "openai_chat": ("finish_reason", ["stop", "length", "tool_calls", "content_filter", "function_call", "eos", "new_word"]),
    "mistral_chat": ("finish_reason", ["stop", "length", "model_length", "error", "tool_calls"]),
    "anthropic_messages": (
        "stop_reason",
        ["end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "new_word"],
    ),
    "gemini": ("finishReason", ["STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "MALFORMED_FUNCTION_CALL", "OTHER", "NEW_WORD"]),
    "bedrock_converse": (
        "stopReason",
        ["end_turn", "tool_use", "max_tokens", "guardrail_intervened", "content_filtered", "new_word"],
    ),
    "cohere_chat": ("finish_reason", ["COMPLETE", "STOP_SEQUENCE", "MAX_TOKENS", "TOOL_CALL", "ERROR", "TIMEOUT"]),
    "ollama_chat": ("done_reason", ["stop", "length", "load", "new_word"]),
    "openai_responses": ("status", ["completed", "incomplete", "failed", "cancelled"]),
}
_HARMLESS = frozenset({"framing", "unknown", "reordered", "recut"})
"""Changes after which everything must mean what it meant."""

Change = tuple[str, str, bytes]
"""Kind, what was done, and the answer."""


def check_strange(world: World, judges: Judges, recording: Recording) -> Iterator[Finding]:
    if recording.refused or form_of(recording.dialect) != "chat" or len(recording.answer) > LARGEST:
        return
    model = world.model(recording.provider, recording.dialect)
    for kind, done, answer in changes(recording):
        changed = recording.with_answer(answer)
        for client in clients_of(recording.dialect):
            try:
                problems = list(_look(world, judges, changed, client, model, kind))
            except Exception as error:  # noqa: BLE001 - what cannot be looked at is a finding too
                problems = [f"{type(error).__name__}: {error}"]
            yield Finding(client.name, kind, "; ".join(f"[{done}] {problem}" for problem in problems)[:500])


def _look(world: World, judges: Judges, recording: Recording, client: Client, model: str, kind: str) -> Iterator[str]:
    same = recording.dialect == client.dialect
    for stream in {recording.streaming, True}:
        answered = ask(world, recording, client, model, stream=stream)
        yield from bugs(world, answered)
        if same and stream == recording.streaming:
            continue
        if answered.status != 200:
            if recording.streaming and kind in _HARMLESS and fails(recording):
                continue
            if kind in _HARMLESS or answered.status == 500 or not answered.body:
                yield f"{answered.status} {answered.body[:150]!r}"
            else:
                yield from judges(client, answered.status, answered.body, streaming=False)
            continue
        if _errs(client, answered, stream=stream):
            if kind in _HARMLESS and not fails(recording):
                yield "an error in the stream"
            continue
        yield from judges(client, 200, answered.body, streaming=stream)
        yield from _kept(recording, client, answered, stream=stream, whole=kind in _HARMLESS)


def _errs(client: Client, answered: Answered, *, stream: bool) -> bool:
    """Whether a stream ends with an error: that is honest."""
    if not stream:
        return False
    try:
        return meaning(client.dialect, answered.body, streaming=True).failed
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


def _kept(recording: Recording, client: Client, answered: Answered, *, stream: bool, whole: bool) -> Iterator[str]:
    try:
        given = meaning(recording.dialect, recording.answer, streaming=recording.streaming)
    except (KeyError, TypeError, ValueError, AttributeError, AssertionError):
        return  # so strange that nobody could say what it means
    try:
        got = meaning(client.dialect, answered.body, streaming=stream)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        yield f"the answer cannot be read: {error} {answered.body[-100:]!r}"
        return
    if whole:
        yield from (problem for problem in compared(given, got, client))
    else:
        yield from _lost(given, got, client)


def _lost(given: Meaning, got: Meaning, client: Client) -> Iterator[str]:
    """Text and calls that did not arrive, whatever else became strange; and what was cut or filtered must not seem whole."""
    if given.text not in got.text:
        yield f"text is lost: {given.text[:80]!r} is not in {got.text[:80]!r}"
    if client.dialect != "openai_completions" and given.thought.strip() not in got.thought:
        yield f"thought is lost: {given.thought[:80]!r} is not in {got.thought[:80]!r}"
    calls = [call for call in given.called() if call[0]]
    if client.dialect not in {"openai_completions", "ollama_generate"} and any(call not in got.called() for call in calls):
        yield f"calls are lost: {json.dumps(calls)[:150]}, got {json.dumps(got.called())[:150]}"
    if got.end == "done" and given.end not in {"done", None} and not given.refused:
        yield f"end: done, not {given.end}"


def changes(recording: Recording) -> Iterator[Change]:
    """Up to PER_RECORDING of them."""
    drawn = random.Random(recording.id)  # noqa: S311 - the same every time
    every = [*_reframed(recording), *_changed(recording, drawn)]
    drawn.shuffle(every)
    for kind, done, make in every[:PER_RECORDING]:
        yield kind, done, make()
    if recording.streaming and recording.dialect in {"openai_chat", "mistral_chat"}:
        given = documents(recording.dialect, recording.answer, streaming=True)
        yield from (("recut", done, make()) for done, make in chunks.recut(given))


_Made = tuple[str, str, Callable[[], bytes]]


def _reframed(recording: Recording) -> Iterator[_Made]:
    answer = recording.answer
    if answer[:1] == b"\x00" or not recording.streaming:
        if not recording.streaming:
            yield "framing", "BOM", lambda: b"\xef\xbb\xbf" + answer
            yield "framing", "indented", lambda: json.dumps(json.loads(answer), indent=2).encode()
        return
    if answer[:1] in b"[{":
        return
    lf = answer.replace(b"\r\n", b"\n")
    yield "framing", "CRLF", lambda: lf.replace(b"\n", b"\r\n")
    yield "framing", "comments", lambda: lf.replace(b"\n\n", b"\n\n: keepalive\n\n")
    yield "framing", "BOM", lambda: b"\xef\xbb\xbf" + answer
    yield "framing", "no space", lambda: re.sub(rb"(?m)^(data|event): ", rb"\1:", lf)
    yield "framing", "ids", lambda: re.sub(rb"(?m)^data:", b"id: 7\nretry: 10\ndata:", lf)
    yield "framing", "no final newline", lambda: lf.rstrip(b"\n") + b"\n"
    if recording.dialect == "openai_chat":
        yield "framing", "two [DONE]", lambda: lf + b"data: [DONE]\n\n"
        yield "framing", "no [DONE]", lambda: lf.replace(b"data: [DONE]\n\n", b"")
        yield "framing", "event names", lambda: re.sub(rb"(?m)^data:", b"event: message\ndata:", lf)
    yield "cut", "in half", lambda: lf[: len(lf) // 2]
    yield "cut", "last event lost", lambda: lf[: lf.rstrip(b"\n").rfind(b"\n\n") + 2]


def _changed(recording: Recording, drawn: random.Random) -> Iterator[_Made]:
    """Of the JSON inside."""
    if recording.answer[:1] == b"\x00":
        return
    given = documents(recording.dialect, recording.answer, streaming=recording.streaming)
    paths = sorted({path for document in given for path in _paths(document)}, key=str)
    for path in drawn.sample(paths, min(10, len(paths))):
        yield "removed", f"without {_name(path)}", lambda path=path: _rewritten(recording, lambda one: _set(one, path, _GONE))
        yield "null", f"null {_name(path)}", lambda path=path: _rewritten(recording, lambda one: _set(one, path, None))
    objects = [path for path in paths if any(isinstance(_at(document, path), dict) for document in given)]
    for path in drawn.sample(objects, min(4, len(objects))):
        yield "unknown", f"unknown in {_name(path)}", lambda path=path: _rewritten(recording, lambda one: _add(one, path))
    yield "reordered", "members backwards", lambda: _rewritten(recording, _backwards)
    if recording.dialect in _WORDS:
        name, words = _WORDS[recording.dialect]
        word = drawn.choice(words)
        yield "word", f"{name} {word}", lambda: _rewritten(recording, lambda one: _reword(one, name, word))


_GONE = object()


def _paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Of members; any place in a list is written as *."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield (*before, name)
            yield from _paths(one, (*before, name))
    elif isinstance(value, list):
        for one in value[:50]:
            yield from _paths(one, (*before, "*"))


def _name(path: tuple[Any, ...]) -> str:
    return ".".join(path)


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        if step == "*":
            value = value[0] if isinstance(value, list) and value else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _each(value: Any, path: tuple[Any, ...]) -> Iterator[Any]:
    """Every value at `path`."""
    if not path:
        yield value
    elif path[0] == "*":
        for one in value if isinstance(value, list) else ():
            yield from _each(one, path[1:])
    elif isinstance(value, dict) and path[0] in value:
        yield from _each(value[path[0]], path[1:])


def _set(document: Any, path: tuple[Any, ...], new: Any) -> Any:
    for parent in _each(document, path[:-1]):
        if isinstance(parent, dict) and path[-1] in parent:
            if new is _GONE:
                del parent[path[-1]]
            else:
                parent[path[-1]] = new
    return document


def _add(document: Any, path: tuple[Any, ...]) -> Any:
    for found in _each(document, path):
        if isinstance(found, dict):
            found["x_new_member"] = {"deep": [1, None, {"a": "b"}]}
    return document


def _backwards(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _backwards(one) for name, one in reversed(value.items())}
    return [_backwards(one) for one in value] if isinstance(value, list) else value


def _reword(value: Any, name: str, word: str) -> Any:
    if isinstance(value, dict):
        return {key: word if key == name and one else _reword(one, name, word) for key, one in value.items()}
    return [_reword(one, name, word) for one in value] if isinstance(value, list) else value


def _rewritten(recording: Recording, change: Callable[[Any], Any]) -> bytes:
    """The answer with every JSON document in it changed, and its framing as it was."""

    def anew(text: str) -> str:
        return json.dumps(change(copy.deepcopy(json.loads(text))), ensure_ascii=False)

    answer = recording.answer.decode("utf-8", "surrogateescape")
    if not recording.streaming or answer[:1] == "[":
        return anew(answer).encode("utf-8", "surrogateescape")
    lines = []
    for line in answer.split("\n"):
        data = line.removeprefix("data:").strip()
        if recording.dialect.startswith("ollama") and line.strip():
            lines.append(anew(line))
        elif line.startswith("data:") and data.startswith("{"):
            lines.append("data: " + anew(data))
        else:
            lines.append(line)
    return "\n".join(lines).encode("utf-8", "surrogateescape")
