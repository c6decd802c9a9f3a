"""Mistral's own clients at OpenAI's paths (https://docs.mistral.ai/api): the same API in most, whose answers they check strictly.

They know tool calls that come whole only: a piece of arguments without its call's name is an error to them, and so are embeddings
without an id. They want the usage of every stream, and say `random_seed`. For a provider of Mistral's own dialect their requests
pass through as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import structs

from llm_gateway.core.chat import ChatRequest
from llm_gateway.core.embeddings import EmbeddingsReply, EmbeddingsRequest
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.events import Done, Event, Finish, ToolCallDelta, ToolCallStart
from llm_gateway.core.json import decode
from llm_gateway.dialects.base import Front
from llm_gateway.dialects.embeddings import EMBEDDINGS, Embeddings
from llm_gateway.dialects.invalid import refuse
from llm_gateway.dialects.openai_chat import OPENAI_CHAT, OpenAIChat
from llm_gateway.dialects.openai_chat.stream_out import OpenAIWriter

USER_AGENT = b"mistral-client"
"""What theirs begins with, whatever their language."""
LIMIT_CHARS = 8 << 20
"""Of the arguments of all calls of an answer."""
_SEED = "random_seed"


class MistralFront(OpenAIChat):
    """POST /v1/chat/completions. Implements ChatFront."""

    name = "mistral_chat"

    def parse_request(self, body: bytes) -> ChatRequest:
        """Raises what OpenAI's does."""
        request = super().parse_request(body)
        given = request.extra.get(_SEED)
        if given is None:
            return request
        try:
            seed = decode(bytes(given), int | None)
        except msgspec.ValidationError:
            raise refuse(_SEED, "it must be an integer", "invalid_parameter_value") from None
        extra = {name: value for name, value in request.extra.items() if name != _SEED}
        return structs.replace(request, seed=seed, extra=extra)

    def stream_writer(self, request: ChatRequest) -> OpenAIWriter:  # noqa: ARG002 - usage is told to everyone
        return MistralWriter(include_usage=True, created=int(self._clock.now()))


class MistralWriter(OpenAIWriter):
    """OpenAI's, with tool calls whole: they are held until the message is finished."""

    def __init__(self, *, include_usage: bool, created: int) -> None:
        super().__init__(include_usage=include_usage, created=created)
        self._calls: dict[tuple[int, int], tuple[ToolCallStart, list[str]]] = {}
        self._chars = 0

    def feed(self, events: list[Event]) -> bytes:
        out: list[bytes] = []
        rest: list[Event] = []
        for event in events:
            if isinstance(event, ToolCallStart):
                self._calls[event.choice, event.index] = (event, [])
            elif isinstance(event, ToolCallDelta):
                self._collect(event)
            elif self._calls and isinstance(event, Finish | Done):
                out.append(super().feed(rest))
                self._write_calls(out)
                rest = [event]
            else:
                rest.append(event)
        out.append(super().feed(rest))
        return b"".join(out)

    def _collect(self, event: ToolCallDelta) -> None:
        self._chars += len(event.arguments)
        if self._chars > LIMIT_CHARS:
            raise UpstreamMalformed("The provider's tool calls are larger than this gateway accepts")
        self._calls[event.choice, event.index][1].append(event.arguments)

    def _write_calls(self, out: list[bytes]) -> None:
        for start, pieces in self._calls.values():
            said: dict[str, Any] = {"name": start.name, "arguments": "".join(pieces)}
            call = {"index": start.index, "id": start.id, "type": "function", "function": said}
            self._delta(out, start.choice, {"tool_calls": [call]})
        self._calls.clear()


class MistralEmbeddings(Embeddings):
    """POST /v1/embeddings. Implements Front."""

    name = "mistral_embeddings"

    def render_reply(self, reply: EmbeddingsReply, request: EmbeddingsRequest) -> bytes:
        return super().render_reply(structs.replace(reply, id=reply.id or ""), request)


MISTRAL_FRONT = MistralFront()
INSTEAD: Mapping[Front, Front] = MappingProxyType({OPENAI_CHAT: MISTRAL_FRONT, EMBEDDINGS: MistralEmbeddings()})
"""Whose dialect a client of Mistral's means at the path of another one."""
