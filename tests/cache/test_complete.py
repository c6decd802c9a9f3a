"""Which answers are whole and ended well, in every dialect in which callers are answered, and which are not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.recorded import given as golden
from llm_gateway.cache import complete
from llm_gateway.core import events
from llm_gateway.core.chat import ChatReply, Choice, Refusal, Text, ToolCall
from llm_gateway.core.errors import UpstreamError
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.embeddings import EMBEDDINGS
from llm_gateway.dialects.mistral_chat.front import MISTRAL_FRONT
from llm_gateway.dialects.ollama_chat import OLLAMA_CHAT, OLLAMA_GENERATE
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_completions import OPENAI_COMPLETIONS
from llm_gateway.dialects.rerank import RERANK
from llm_gateway.edge.gemini import GeminiFront

CHAT = b'{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"hi"}],"stream":true}'
PROMPT = b'{"model":"m","prompt":"hi","stream":true}'
CONTENTS = b'{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}'
FRONTS: dict[str, tuple[Any, bytes]] = {
    "openai_chat": (OPENAI_CHAT, CHAT),
    "anthropic_messages": (ANTHROPIC_MESSAGES, CHAT),
    "mistral_chat": (MISTRAL_FRONT, CHAT),
    "ollama_chat": (OLLAMA_CHAT, CHAT),
    "ollama_generate": (OLLAMA_GENERATE, PROMPT),
    "openai_completions": (OPENAI_COMPLETIONS, PROMPT),
    "gemini": (GeminiFront("m"), CONTENTS),
    "gemini_array": (GeminiFront("m", stream=True, array=True), CONTENTS),
}
STREAMED = sorted(FRONTS.keys() - {"openai_completions"})
USED = Usage(input=3, output=2)
CALL = ToolCall("c1", "weather", '{"city":"Oslo"}')
ENDS = [
    ("stop", True),
    ("length", True),
    ("tool_calls", True),
    ("content_filter", False),
    ("refusal", False),
]


def whole(name: str, finish: Any, *parts: Any) -> bytes:
    front, body = FRONTS[name]
    said = parts or ((Text("hello"), CALL) if finish == "tool_calls" else (Text("hello"),))
    reply = ChatReply("i", "m", (Choice(0, said, finish),), USED)
    return bytes(front.render_reply(reply, front.parse_request(body)))


def stream(name: str, *more: Any) -> bytes:
    front, body = FRONTS[name]
    told = [events.Start("i", "m"), events.TextDelta("hello"), *more]
    return bytes(front.stream_writer(front.parse_request(body)).feed(told))


def ending(finish: Any) -> list[Any]:
    called = [events.ToolCallStart(0, "c1", "weather"), events.ToolCallDelta(0, '{"city":"Oslo"}')]
    return [*(called if finish == "tool_calls" else []), events.Finish(finish), events.UsageUpdate(USED), events.Done()]


@pytest.mark.parametrize("name", FRONTS)
@pytest.mark.parametrize(("finish", "kept"), ENDS)
def test_whole_answers(name, finish, kept):
    """By why they ended, as the caller's dialect says it."""
    assert complete.whole(FRONTS[name][0], whole(name, finish)) is kept


@pytest.mark.parametrize("name", STREAMED)
@pytest.mark.parametrize(("finish", "kept"), ENDS)
def test_streams(name, finish, kept):
    """The same of streams, as events, as lines and as an array."""
    assert complete.may_stream(FRONTS[name][0])
    assert complete.streamed(FRONTS[name][0], stream(name, *ending(finish))) is kept


@pytest.mark.parametrize("name", STREAMED)
def test_no_part_of_a_stream_is_a_stream(name):
    """Cut anywhere before why it ended is told, it is not kept."""
    front, begun = FRONTS[name][0], len(stream(name))
    data = stream(name, *ending("stop"))
    assert 0 < begun < len(data)
    assert complete.streamed(front, data)
    assert not [cut for cut in range(begun + 1) if complete.streamed(front, data[:cut])]


@pytest.mark.parametrize("name", STREAMED)
def test_a_stream_that_ends_with_an_error_is_none(name):
    """What is told inside of it after content, in each dialect's own way."""
    data = stream(name)
    front = FRONTS[name][0]
    failed = data + front.frame_error(UpstreamError("It broke."), "req_1")
    assert not complete.streamed(front, data)
    assert not complete.streamed(front, failed)


@pytest.mark.parametrize("name", ["openai_chat", "anthropic_messages", "mistral_chat", "gemini"])
def test_a_refusal_in_words_of_its_own_is_none(name):
    """OpenAI's models refuse in a member beside the content, and stop: the next time they may not."""
    assert not complete.whole(FRONTS[name][0], whole(name, "stop", Refusal("I will not.")))
    refused = [events.RefusalDelta("I will not."), events.Finish("stop"), events.Done()]
    assert not complete.streamed(FRONTS[name][0], stream(name, *refused))


@pytest.mark.parametrize("finish", [None, "error", "eos_of_a_kind", 5])
def test_an_end_that_nobody_knows_is_none(finish):
    """What a provider of the caller's own dialect says passes through as it is, and may be anything."""
    document = {"id": "i", "object": "chat.completion", "created": 1, "model": "m"}
    choice = {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": finish}
    assert not complete.whole(OPENAI_CHAT, msgspec.json.encode({**document, "choices": [choice]}))
    assert not complete.whole(OPENAI_COMPLETIONS, msgspec.json.encode({**document, "choices": [choice]}))


def test_every_choice_must_have_ended_well():
    """One that was filtered, or never ended, spoils the others."""
    good = {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}
    for reason in ("content_filter", None):
        bad = {**good, "index": 1, "finish_reason": reason}
        body = msgspec.json.encode({"id": "i", "object": "chat.completion", "created": 1, "model": "m", "choices": [good, bad]})
        assert not complete.whole(OPENAI_CHAT, body)
    both = [events.TextDelta("and", choice=1), events.Finish("stop"), events.Finish("length", choice=1), events.Done()]
    assert complete.streamed(OPENAI_CHAT, stream("openai_chat", *both))
    spoilt = [events.TextDelta("and", choice=1), events.Finish("stop"), events.Finish("content_filter", choice=1), events.Done()]
    assert not complete.streamed(OPENAI_CHAT, stream("openai_chat", *spoilt))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("openai_chat", "openai_chat/mistral.reply.json"),
        ("mistral_chat", "openai_chat/mistral.reply.json"),
        ("openai_completions", "openai_completions/plain.reply.json"),
        ("gemini", "gemini/rich.reply.json"),
        ("ollama_chat", "ollama_chat/rich.reply.json"),
    ],
)
def test_recorded_answers(name, file):
    """What providers really send, when it ended well, is kept."""
    assert complete.whole(FRONTS[name][0], golden(file))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        *(("openai_chat", f"openai_chat/{kind}.stream.sse") for kind in ("azure", "groq", "mistral", "openrouter", "tools")),
        *(("anthropic_messages", f"anthropic_messages/{kind}.stream.sse") for kind in ("plain", "search", "tools")),
        ("gemini", "gemini/tools.stream.sse"),
        ("ollama_chat", "ollama_chat/tools.stream.ndjson"),
        ("mistral_chat", "openai_chat/mistral.stream.sse"),
    ],
)
def test_recorded_streams(name, file):
    """The same of streams; with a keep-alive between two events too."""
    data = golden(file)
    assert complete.streamed(FRONTS[name][0], data)
    assert not complete.streamed(FRONTS[name][0], data[: len(data) // 2])


@pytest.mark.parametrize("front", [EMBEDDINGS, RERANK])
def test_numbers_are_always_whole(front):
    """Whoever passed them on has looked whether they are an answer; there is no reason why they ended."""
    assert complete.whole(front, b"{}")
    assert not complete.streamed(front, b"{}")


def test_streams_of_old_completions_are_not_kept():
    """Nobody reads them here."""
    assert not complete.may_stream(OPENAI_COMPLETIONS)
    assert not complete.streamed(OPENAI_COMPLETIONS, golden("openai_completions/plain.stream.sse"))


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (b'{"done":true,"done_reason":"stop"}', True),
        (b'{"done":true}', True),
        (b'{"done":true,"done_reason":"load"}', False),
        (b'{"done":false,"done_reason":"stop"}', False),
        (b'{"error":"out of memory"}', False),
        (b"{", False),
    ],
)
def test_how_ollamas_completions_end(line, kept):
    """The last line says so, and old servers only that it is the last; a model that was merely loaded has said nothing."""
    first = b'{"model":"m","response":"hello","done":false}\n'
    assert complete.whole(OLLAMA_GENERATE, line) is kept
    assert complete.streamed(OLLAMA_GENERATE, first + line) is kept
    assert complete.streamed(OLLAMA_GENERATE, first + line + b"\r\n\n") is kept


@pytest.mark.parametrize("name", FRONTS)
@given(
    data=st.one_of(
        st.binary(max_size=60), st.sampled_from([b"[" * 5000, b'{"choices":' * 3000, b"data: {}\n\n", b"null", b"[]", b"{}"])
    )
)
def test_no_bytes_make_it_fail(name, data):
    """What is no answer is not kept, however deep or broken it is."""
    assert not complete.whole(FRONTS[name][0], data)
    assert not complete.streamed(FRONTS[name][0], data)


@pytest.mark.parametrize(
    ("name", "more", "drawn"),
    [
        ("openai_chat", b"", True),
        ("openai_chat", b',"temperature":0', False),
        ("openai_chat", b',"temperature":0.0', False),
        ("openai_chat", b',"temperature":0.1', True),
        ("openai_chat", b',"temperature":null', True),
        ("openai_chat", b',"temperature":"0"', True),
        ("openai_chat", b',"seed":1', True),
        ("anthropic_messages", b',"temperature":0', False),
        ("mistral_chat", b',"temperature":0', False),
        ("ollama_chat", b',"options":{"temperature":0}', False),
        ("ollama_chat", b',"temperature":0', True),
        ("ollama_generate", b',"options":{"temperature":0}', False),
        ("openai_completions", b',"temperature":0', False),
        ("gemini", b',"generationConfig":{"temperature":0}', False),
        ("gemini", b"", True),
    ],
)
def test_what_is_drawn(name, more, drawn):
    """Only temperature 0 in so many words, where the dialect has it, is not."""
    front, body = FRONTS[name]
    assert complete.is_drawn(front, body[:-1] + more + b"}") is drawn


def test_embeddings_and_ranks_are_not_drawn():
    """They are computed."""
    assert not complete.is_drawn(EMBEDDINGS, b"{}")
    assert not complete.is_drawn(RERANK, b"{}")
