"""A recorded answer, to every client."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from corpus.clients import Client, Judges, clients_of, form_of
from corpus.cuts import rechunked
from corpus.meaning import Meaning, meaning
from corpus.recordings import Recording
from corpus.world import Answered, Provided, World

_OURS = re.compile(rb'("|[a-z]+_)(?:[0-9a-f]{24,}|[0-9A-Za-z]{24,})(?:_\d+)?"|"X-[A-Za-z-]+: [^"]*"')
_TIMES = re.compile(rb'"(?:created|created_at|completed_at)":[^,}]+')
_DURATIONS = re.compile(rb'"(?:total|load|prompt_eval|eval)_duration":\d+')
_ASKED = frozenset({"openai_chat", "openai_completions"})
_EVENTS = re.compile(rb".*?(?:\r?\n\r?\n|\Z)", re.DOTALL)
_MARKERS = {"anthropic_messages": b"event: message_stop", "openai_chat": b"data: [DONE]", "openai_completions": b"data: [DONE]"}


class Finding(NamedTuple):
    client: str
    check: str
    problem: str
    """Empty: it passed."""


def check_answer(world: World, judges: Judges, recording: Recording) -> Iterator[Finding]:
    """Everything that is asked of one recorded answer."""
    model = world.model(recording.provider, recording.dialect)
    for client in clients_of(recording.dialect):
        for check, problems in _checks(world, judges, recording, client, model):
            yield Finding(client.name, check, "; ".join(problems)[:600])


def _checks(world: World, judges: Judges, recording: Recording, client: Client, model: str) -> Iterator[tuple[str, list[str]]]:
    if recording.refused:
        yield "error", _error(world, judges, recording, client, model)
        return
    same = recording.dialect == client.dialect
    if form_of(recording.dialect) != "chat":
        yield "answer", _plain(world, judges, recording, client, model)
    elif recording.streaming:
        yield "stream", _stream(world, judges, recording, client, model, same=same)
    else:
        yield "whole", _whole(world, judges, recording, client, model, same=same)
        yield "unfolded", _unfolded(world, judges, recording, client, model)


def ask(
    world: World, recording: Recording, client: Client, model: str, *, stream: bool, pieces: list[bytes] | None = None
) -> Answered:
    path, body = client.request(model, stream=stream, count=count_of(recording))
    provided = Provided(recording.status, pieces or [recording.answer], recording.headers)
    return world.ask(path, body, provided)


def bugs(world: World, answered: Answered) -> list[str]:
    """What must never be, whatever the provider said."""
    found = [f"internal error: {type(bug).__name__}: {bug}" for bug in world.bugs]
    if not answered.finished:
        found.append("the answer was never finished")
    return found


def _plain(world: World, judges: Judges, recording: Recording, client: Client, model: str) -> list[str]:
    answered = ask(world, recording, client, model, stream=False)
    problems = bugs(world, answered)
    if answered.status != 200:
        return [*problems, f"{answered.status} {answered.body[:200]!r}"]
    if recording.dialect == client.dialect:
        return problems if answered.body == recording.answer else [*problems, differ(answered.body, recording.answer)]
    return problems + judges(client, 200, answered.body, streaming=False)


def _error(world: World, judges: Judges, recording: Recording, client: Client, model: str) -> list[str]:
    stream = recording.streaming and form_of(recording.dialect) == "chat"
    answered = ask(world, recording, client, model, stream=stream)
    problems = bugs(world, answered)
    if answered.status < 400:
        return [*problems, f"an error became {answered.status}"]
    return problems + judges(client, answered.status, answered.body, streaming=False)


def _whole(world: World, judges: Judges, recording: Recording, client: Client, model: str, *, same: bool) -> list[str]:
    answered = ask(world, recording, client, model, stream=False)
    problems = bugs(world, answered)
    if answered.status != 200:
        return [*problems, f"{answered.status} {answered.body[:200]!r}"]
    if same:
        return problems if answered.body == recording.answer else [*problems, differ(answered.body, recording.answer)]
    problems += judges(client, 200, answered.body, streaming=False)
    return problems + _meant(recording, client, answered.body, streaming=False)


def _unfolded(world: World, judges: Judges, recording: Recording, client: Client, model: str) -> list[str]:
    """A provider that answers a request for a stream with one document."""
    answered = ask(world, recording, client, model, stream=True)
    problems = bugs(world, answered)
    if answered.status != 200:
        return [*problems, f"{answered.status} {answered.body[:200]!r}"]
    problems += judges(client, 200, answered.body, streaming=True)
    return problems + _meant(recording, client, answered.body, streaming=True)


def _stream(world: World, judges: Judges, recording: Recording, client: Client, model: str, *, same: bool) -> list[str]:
    answered = ask(world, recording, client, model, stream=True)
    problems = bugs(world, answered)
    if answered.status != 200 and fails(recording):
        return problems + judges(client, answered.status, answered.body, streaming=False)
    if answered.status != 200:
        return [*problems, f"{answered.status} {answered.body[:200]!r}"]
    for name, pieces in rechunked(recording.answer):
        other = ask(world, recording, client, model, stream=True, pieces=pieces)
        if client.dialect == "gemini" and not same:  # events of one read share a document: other cuts, other documents
            problems += [f"{name}: {problem}" for problem in _meant(recording, client, other.body, streaming=True)]
        elif steady(other.body) != steady(answered.body):
            problems.append(f"{name}: {differ(steady(other.body), steady(answered.body))}")
    raw = recording.answer[:1] in {b"\x00", b"["}  # another framing than the client's
    if same and client.name != "gemini array" and not raw:
        expected = _to_marker(recording.answer, client.dialect)
        if not _equal_streams(answered.body, expected):
            problems.append(differ(answered.body, expected))
        return problems + (_unasked(world, recording, client, model, expected) if client.dialect in _ASKED else [])
    if not same or raw:
        problems += judges(client, 200, answered.body, streaming=True)
    return problems + _meant(recording, client, answered.body, streaming=True)


def _unasked(world: World, recording: Recording, client: Client, model: str, expected: bytes) -> list[str]:
    """A client that does not ask for the usage: the gateway does, and all but the chunk of usage alone passes."""
    path, body = client.request(model, stream=True)
    document = json.loads(body)
    del document["stream_options"]
    answered = world.ask(path, json.dumps(document).encode(), Provided(recording.status, [recording.answer], recording.headers))
    rest = b"".join(event for event in _EVENTS.findall(expected) if not _tells_usage_alone(event))
    return bugs(world, answered) + ([] if _equal_streams(answered.body, rest) else ["unasked: " + differ(answered.body, rest)])


def _tells_usage_alone(event: bytes) -> bool:
    try:
        document = json.loads(event.partition(b"data:")[2])
    except ValueError:
        return False
    return isinstance(document, dict) and document.get("usage") is not None and not document.get("choices")


def fails(recording: Recording) -> bool:
    """Whether the stream says that it failed: before its first content that is an answer with an error's status."""
    return meaning(recording.dialect, recording.answer, streaming=recording.streaming).failed


def _to_marker(stream: bytes, dialect: str) -> bytes:
    marker = _MARKERS.get(dialect)
    at = stream.find(marker) if marker else -1
    if at < 0:
        return stream
    ends = [end + len(blank) for blank in (b"\n\n", b"\r\n\r\n") if (end := stream.find(blank, at)) >= 0]
    return stream[: min(ends)] if ends else stream


def _equal_streams(got: bytes, expected: bytes) -> bool:
    """A marker that only was missing may be there."""
    done = {b"data: [DONE]", b""}
    if got.startswith(expected):
        return got[len(expected) :].strip() in done
    return expected.startswith(got) and expected[len(got) :].strip() in done  # of Responses it is no event


def steady(data: bytes) -> bytes:
    """Without what differs between two askings: ids that the gateway makes, and times."""
    return _DURATIONS.sub(b"T", _TIMES.sub(b"T", _OURS.sub(b'ID"', data)))


def differ(got: bytes, expected: bytes) -> str:
    at = next((n for n, (a, b) in enumerate(zip(got, expected, strict=False)) if a != b), min(len(got), len(expected)))
    start = max(0, at - 40)
    return f"bytes differ at {at} of {len(expected)}: got {got[start : at + 60]!r}, not {expected[start : at + 60]!r}"


def _meant(recording: Recording, client: Client, body: bytes, *, streaming: bool) -> list[str]:
    try:
        given = meaning(recording.dialect, recording.answer, streaming=recording.streaming)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return [f"the recording cannot be read: {type(error).__name__} {error}"]
    try:
        got = meaning(client.dialect, body, streaming=streaming)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return [f"the answer cannot be read: {type(error).__name__} {error} {body[:80]!r}"]
    return list(compared(given, got, client))


def compared(given: Meaning, got: Meaning, client: Client) -> Iterator[str]:
    """How what a client got differs from what the provider said."""
    if given.failed != got.failed:
        yield f"failed: {got.failed}, not {given.failed}"
    if got.text != given.text:
        yield f"text: {_short(got.text, given.text)}"
    if client.dialect not in {"openai_completions", "ollama_generate"} and got.called() != given.called():
        yield f"calls: {json.dumps(got.called())[:200]}, not {json.dumps(given.called())[:200]}"
    if client.dialect != "openai_completions" and got.thought.strip() != given.thought.strip():
        yield f"thought: {_short(got.thought, given.thought)}"
    if (
        got.end != given.end
        and not (given.refused and got.end in {"done", "filtered"})
        and not (given.end not in {"done", "length", "filtered"} and got.end != "done")
    ):
        yield f"end: {got.end}, not {given.end}"
    if None not in {given.total, given.prompt, given.completion, got.prompt} and given.total != given.prompt + given.completion:
        if got.prompt + got.completion != given.total:
            yield f"total: {got.prompt} + {got.completion}, not {given.total}"
        return
    if given.prompt is not None and got.prompt != given.prompt:
        yield f"prompt: {got.prompt}, not {given.prompt}"
    if given.completion is not None and got.completion != given.completion:
        yield f"completion: {got.completion}, not {given.completion}"


def _short(got: str, given: str) -> str:
    at = next((n for n, (a, b) in enumerate(zip(got, given, strict=False)) if a != b), min(len(got), len(given)))
    start = max(0, at - 20)
    return f"{got[start : at + 60]!r}, not {given[start : at + 60]!r} (at {at}; {len(got)} and {len(given)})"


def count_of(recording: Recording) -> int:
    """Texts or documents of a recorded request."""
    document = recording.document or {}
    for name in ("input", "texts", "inputs", "requests", "instances", "documents", "prompt"):
        if isinstance(document.get(name), list) and not isinstance(document[name][0], int):  # one text's tokens
            return len(document[name])
    return 1
