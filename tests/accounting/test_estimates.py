"""What may have been used, where nobody tells."""

from __future__ import annotations

import base64

import msgspec
import pytest

from accounting_support import exchange
from llm_gateway.accounting.estimates import expected_output, prompt_bytes, prompt_tokens, written_tokens
from llm_gateway.core.embeddings import EmbeddingsRequest
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from routed import candidate

WORDS = "The quick brown fox jumps over the lazy dog. " * 20


def events(*texts: str, of: str = '{{"choices":[{{"index":0,"delta":{{"content":{}}}}}]}}') -> bytes:
    return b"".join(b"data: " + of.format(msgspec.json.encode(text).decode()).encode() + b"\n\n" for text in texts)


def test_a_prompt_by_its_bytes() -> None:
    """Four to a token, and never none."""
    assert prompt_bytes(exchange(b"x" * 4000)) == 1001
    assert prompt_tokens(exchange(b"{}")) == 1


def test_a_picture_is_not_its_bytes() -> None:
    """A megabyte of base64 counts as one picture, not as 250,000 tokens; the request is read for that."""
    picture = base64.b64encode(bytes(1 << 20)).decode()
    parts = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}, {"type": "text", "text": WORDS}]
    ex = exchange(msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": parts}]}))
    ex.front = OPENAI_CHAT
    assert prompt_tokens(ex) == pytest.approx(765 + len(WORDS) / 4, rel=0.02)


def test_a_request_that_cannot_be_read() -> None:
    """Is counted by its bytes: it was sent all the same."""
    ex = exchange(b'{"messages": [' + b" " * 40_000)
    ex.front = OPENAI_CHAT
    assert prompt_tokens(ex) == prompt_bytes(ex)


def test_embeddings() -> None:
    """The texts that were given."""
    ex = exchange()
    ex.request = EmbeddingsRequest(model="m", inputs=(WORDS,))
    assert prompt_tokens(ex) == pytest.approx(len(WORDS) / 4, rel=0.05)


@pytest.mark.parametrize(
    "of",
    [
        '{{"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{{"index":0,"delta":{{"content":{}}}}}]}}',
        '{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":{}}}}}',
        '{{"type":"response.output_text.delta","sequence_number":9,"item_id":"msg_1","delta":{}}}',
        '{{"candidates":[{{"content":{{"role":"model","parts":[{{"text":{}}}]}}}}]}}',
        '{{"choices":[{{"delta":{{"tool_calls":[{{"index":0,"function":{{"arguments":{}}}}}]}}}}]}}',
    ],
)
def test_a_stream_by_its_beginning(of: str) -> None:
    """Of every dialect: the share of its first bytes that is text is taken to be that of all of them."""
    words = [f"word {number % 10}\n" for number in range(1000)]
    data = events(*words, of=of)
    ex = exchange()
    ex.sample, ex.bytes_out = data[:4096], len(data)
    assert written_tokens(ex) == pytest.approx(sum(map(len, words)) / 4, rel=0.2)


def test_nothing_was_written() -> None:
    """An answer without text is none; of one that nobody looked at only its length is known."""
    ex = exchange()
    assert written_tokens(ex) == 0
    ex.bytes_out = 1600
    assert written_tokens(ex) == 100
    ex.sample, ex.bytes_out = b": ping\n\n", 8
    assert written_tokens(ex) == 0


def test_what_an_answer_will_have() -> None:
    """What answers there had lately, never more than the model can."""
    assert expected_output(candidate("a")) == 1000
    assert expected_output(candidate("a", max_output=300)) == 300
    made = candidate("a")
    made.standing.output = 12.5
    assert expected_output(made) == 13
