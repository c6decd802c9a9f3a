"""What is kept of a request: its words, without secrets and personal data."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from control.content.pieces import said
from llm_gateway.control.content.reading import record_of

CARD = "4111 1111 1111 1111"


def test_words_are_kept_and_secrets_are_not():
    """In texts, in names of members, in numbers; fields that name an end user or hold a secret are hidden whole."""
    document = {
        "model": "m",
        "user": "ann@x.example",
        "api_key": "anything",
        "messages": [{"role": "user", "content": f"my card is {CARD}"}, {"content": [{"text": "hello"}]}],
        "metadata": {"bob@x.example": 1, "user_id": "bob", "number": 4111111111111111},
        "temperature": 0.5,
    }
    record = record_of(said(document, {"choices": [{"message": {"content": "write to ann@x.example"}}]}), 10_000)
    assert record["request"] == {
        "model": "m",
        "user": "***",
        "api_key": "***",
        "messages": [{"role": "user", "content": "my card is [card]"}, {"content": [{"text": "hello"}]}],
        "metadata": {"[email]": 1, "user_id": "***", "number": "[card]"},
        "temperature": 0.5,
    }
    assert record["answer"] == {"choices": [{"message": {"content": "write to [email]"}}]}


def events(pieces: list[str], kind: str) -> bytes:
    """A stream whose text comes in these pieces."""
    made: list[Any] = []
    for piece in pieces:
        match kind:
            case "openai":
                made.append({"object": "chunk", "choices": [{"index": 0, "delta": {"content": piece}}]})
            case "anthropic":
                made.append({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}})
            case "responses":
                made.append({"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "delta": piece})
            case "gemini":
                made.append({"candidates": [{"index": 0, "content": {"parts": [{"text": piece}]}}]})
            case _:
                made.append({"message": {"role": "assistant", "content": piece}})
    start = b"" if kind == "ollama" else b"data: "
    return b"".join(start + msgspec.json.encode(event) + b"\n\n" for event in made) + b"data: [DONE]\n\n"


@pytest.mark.parametrize("kind", ["openai", "anthropic", "responses", "gemini", "ollama"])
def test_a_stream_is_put_together_before_it_is_looked_at(kind: str):
    """A card's number that comes digit by digit is one."""
    text = f"The card {CARD} is yours."
    record = record_of(said(b"{}", events(list(text), kind), stream=True), 10_000)
    assert record["answer"] == ["The card [card] is yours."]


def test_texts_are_bounded():
    """All texts of a side together; where one was cut, the end goes, in which half of a number may stand."""
    record = record_of(said({"messages": [{"content": "x" * 90 + CARD}, {"content": "more"}]}), 112)
    assert record["request"]["messages"][0]["content"] == "x" * (112 - len("messages") - len("content") - 40) + "[cut]"
    assert "more" not in str(record)
    assert len(msgspec.json.encode(record_of(said({"a": ["y" * 500] * 50}), 1000))) < 2000


def test_a_body_that_was_cut_off_is_read_as_far_as_it_goes():
    """Also in the middle of a number, and of a character."""
    whole = msgspec.json.encode({"messages": [{"content": "ü" * 100 + CARD}]})
    cut = whole[: whole.index(b"4111 1111 1") + 11]
    record = record_of(said(cut, request_size=len(whole)), 10_000)
    shown = record["request"]["messages"][0]["content"]
    assert shown.startswith("ü" * 80)
    assert shown.endswith("[cut]")
    assert "4" not in shown


@pytest.mark.parametrize("body", [b"--boundary\r\n", b"\xff\xfe", b"{", b"[" * 5000], ids=["form", "bytes", "broken", "deep"])
def test_what_is_no_document_is_its_length(body: bytes):
    """A file is not kept, and nothing breaks."""
    assert record_of(said(body), 1000)["request"] == f"[{len(body)} bytes that are no JSON]"


def test_files_and_blobs_are_left_out():
    """Data URLs, and long base64."""
    record = record_of(said({"url": "data:image/png;base64,AAAA", "b64": "A" * 1000}), 10_000)
    assert record["request"] == {"url": "[data, 26 characters]", "b64": "[data, 1000 characters]"}
