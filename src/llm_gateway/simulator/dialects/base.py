"""What a dialect of the simulator is: pure functions from (script, request) to a document or to the elements of a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec

from llm_gateway.simulator.problems import Front
from llm_gateway.simulator.script import Script
from llm_gateway.simulator.shapes import Shape


class Event(NamedTuple):
    """One element of a stream as it is written, and how many tokens it carries: that is what paces it."""

    data: bytes
    tokens: int = 0


class Raw(NamedTuple):
    """What is no JSON: bytes, in the pieces that are sent one after the other."""

    pieces: tuple[bytes, ...]
    content_type: bytes


class Reply(NamedTuple):
    """A whole answer (a document, or Raw) and how many tokens it took."""

    document: Any
    tokens: int = 0


def asked(request: Mapping[str, Any]) -> bool:
    """Streams are for those who ask for one."""
    return request.get("stream") is True


def unless_refused(request: Mapping[str, Any]) -> bool:
    """Streams are for all who do not say otherwise."""
    return request.get("stream") is not False


def always(_request: Mapping[str, Any]) -> bool:
    """The address alone says that a stream is wanted."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One operation of one API.

    `path` is how the native path ends; `{model}` in it is the model's name, which the request then has as `model`. `query`
    is what the query must hold. `reply` and `stream` raise problems.Problem for a request that the provider would refuse;
    `stream` is None where the API has no streams, `shape` is what they look like, `streams` tells whether a request wants
    one. To add a dialect: write such a module and name it in dialects/table.py.
    """

    name: str
    front: Front
    path: str
    reply: Callable[[Script, Mapping[str, Any]], Reply]
    stream: Callable[[Script, Mapping[str, Any]], list[Event]] | None = None
    shape: Shape = Shape.SSE
    streams: Callable[[Mapping[str, Any]], bool] = asked
    query: str = ""

    def fits(self, path: str, query: str) -> tuple[str] | tuple[()] | None:
        """The model that the path names, nothing when it names none; None when this is another operation's path."""
        if self.query and self.query not in query.split("&"):
            return None
        before, within, behind = self.path.partition("{model}")
        if not path.endswith(behind if within else before):
            return None
        if not within:
            return ()
        rest = path.removesuffix(behind)
        at = rest.rfind(before)
        model = unquote(rest[at + len(before) :])
        return (model,) if at >= 0 and model else None


def data(document: Any, tokens: int = 0) -> Event:
    """A server-sent event without a name: the OpenAI form."""
    return Event(b"data: " + msgspec.json.encode(document) + b"\n\n", tokens)


def named(name: str, document: Any, tokens: int = 0) -> Event:
    """A server-sent event with a name: the Anthropic form."""
    return Event(b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(document) + b"\n\n", tokens)


def line(document: Any, tokens: int = 0) -> Event:
    """A line of NDJSON: the Ollama form."""
    return Event(msgspec.json.encode(document) + b"\n", tokens)


DONE = Event(b"data: [DONE]\n\n")
