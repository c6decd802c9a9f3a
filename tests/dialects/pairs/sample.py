"""What a sample is, and the words that all samples share."""

from __future__ import annotations

from typing import Any, NamedTuple

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQKJcOkw7zDtsOfCjIgMCBvYmoKPDwvTGVuZ3RoPj4Kc3RyZWFtCg=="
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA="
IMAGE_URL = "https://pictures.example/moon.png"
PDF_URL = "https://papers.example/moon.pdf"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"where_is_it": {"type": "string"}},
    "required": ["where_is_it"],
    "additionalProperties": False,
}
SIGNATURE = "c2lnbmF0dXJlLW9mLXRoZS10aG91Z2h0cy10aGF0LXdlcmU="


class Sample(NamedTuple):
    """`body` as JSON; `marks` are what must be found in what a provider is given, `absent` what must not."""

    body: dict[str, Any]
    marks: tuple[str, ...]
    absent: tuple[str, ...] = ()


ASK = {"role": "user", "content": "Where is the moon?"}
CONVERSATION = ("system words", "first question", "first answer", "second question")
FUNCTION = {"name": "find_moon", "description": "Finds it now", "parameters": SCHEMA}
OTHER = {"name": "find_sun", "description": "Finds it too", "parameters": SCHEMA}
DECLARED = ("find_moon", "Finds it now", "where_is_it")
CALLED = ("find_moon", "find_sun", "over the sea", "behind the hill", "tool said up", "tool said down")
ARGUMENTS = '{"where_is_it":"over the sea"}'
ARGUMENTS_2 = '{"where_is_it":"behind the hill"}'


def body(*messages: Any, **members: Any) -> dict[str, Any]:
    return {"model": "m", "messages": list(messages), **members}


def user_turn(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}
