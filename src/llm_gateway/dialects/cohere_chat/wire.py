"""Cohere's stream events and answers as structs (https://docs.cohere.com/reference/chat-stream), as far as we read them."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

NAME = "cohere_chat"

NULL = Raw(b"null")


class Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class Call(msgspec.Struct, gc=False):
    id: str | None = None
    function: Function | None = None


class Content(msgspec.Struct, gc=False):
    """A part of an answer, or a piece of one."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None


class Message(msgspec.Struct, gc=False):
    """`content` is missing where the model only calls tools."""

    content: list[Content] | None = None
    tool_plan: str | None = None
    tool_calls: list[Call] | None = None
    citations: list[Any] | None = None


class Reply(msgspec.Struct, gc=False):
    """On errors `message` is a text."""

    id: str | None = None
    message: Message | str | None = None
    finish_reason: str | None = None
    usage: Raw = NULL
    logprobs: Raw = NULL
    error: Any = None


class Piece(msgspec.Struct, gc=False):
    """Of a message in a stream: where a whole answer has lists, an event has one thing. message-start has empty lists."""

    content: Content | list[Any] | None = None
    tool_plan: str | None = None
    tool_calls: Call | list[Any] | None = None
    citations: Any = None


class Delta(msgspec.Struct, gc=False):
    message: Piece | None = None
    finish_reason: str | None = None
    usage: Raw = NULL
    error: str | None = None
    error_type: str | None = None


class StreamEvent(msgspec.Struct, gc=False):
    """`message` is there in errors only."""

    type: str = ""
    id: str | None = None
    index: int | None = None
    delta: Delta | None = None
    logprobs: Raw = NULL
    message: Any = None
    error: Any = None
