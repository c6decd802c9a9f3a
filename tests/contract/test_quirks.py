"""What providers do otherwise than their dialect says, as it was recorded: each is absorbed, for callers of every dialect."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.events import Finish, TextDelta
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.gemini import GEMINI, GeminiFront
from llm_gateway.dialects.ollama_chat import OLLAMA_CHAT
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES
from llm_gateway.providers.transform import Translated, Whole

SAID = [{"role": "user", "content": "x"}]
FRONTS = {
    "openai_chat": (OPENAI_CHAT, {"model": "m", "stream": True, "messages": SAID, "stream_options": {"include_usage": True}}),
    "anthropic_messages": (ANTHROPIC_MESSAGES, {"model": "m", "stream": True, "max_tokens": 5, "messages": SAID}),
    "openai_responses": (OPENAI_RESPONSES, {"model": "m", "stream": True, "input": "x"}),
    "gemini": (GeminiFront("m", stream=True), {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}),
    "ollama_chat": (OLLAMA_CHAT, {"model": "m", "stream": True, "messages": SAID}),
}
EACH = pytest.mark.parametrize("front", FRONTS)
AZURE_FIRST = {"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": [{"prompt_index": 0}]}
DONE = b"data: [DONE]\n\n"


def chunk(text: str | None = None, finish: str | None = None, **more: Any) -> bytes:
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    document = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "real", "choices": [choice], **more}
    return event(document)


def event(document: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(document) + b"\n\n"


def through(front: str, data: bytes, back: Any = OPENAI_CHAT) -> tuple[Translated, bytes]:
    """`data`, cut into reads of 50 bytes, as a caller of `front` gets it."""
    dialect, body = FRONTS[front]
    request = dialect.parse_request(msgspec.json.encode(body))
    transform = Translated(back.stream_reader(), dialect.stream_writer(request), "real", "id-1")
    out = b"".join(transform.feed(data[at : at + 50]) for at in range(0, len(data), 50))
    return transform, out + transform.end()


PLAIN = chunk("hello") + chunk(finish="stop") + DONE


def same(front: str, data: bytes) -> None:
    """Whether the caller cannot tell this stream from a plain one, but for times."""
    transform, out = through(front, data)
    _, plain = through(front, PLAIN)
    assert transform.done
    assert transform.failure is None
    assert shown(out) == shown(plain)


def shown(out: bytes) -> list[bytes]:
    """Without what says when or names an item by chance."""
    return [line for line in out.splitlines() if b"created" not in line and b"usage" not in line and b"eval" not in line]


@EACH
def test_azures_first_chunk_is_empty(front: str) -> None:
    """It has no choices, no id and no model; the answer begins with the second one."""
    transform, out = through(front, event(AZURE_FIRST) + PLAIN)
    assert transform.done
    assert b"hello" in out
    assert b"real" in out
    assert b"c1" in out or front in {"anthropic_messages", "openai_responses", "gemini", "ollama_chat"}


def test_azures_filter_results_stay_for_callers_of_its_dialect() -> None:
    """Nothing of a stream that passes is taken out."""
    data = event(AZURE_FIRST) + chunk("hello", content_filter_results={"hate": {"filtered": False}}) + chunk(finish="stop") + DONE
    relay = OPENAI_CHAT.relay()
    assert relay.feed(data) == data
    assert relay.done


@EACH
def test_openrouters_finish_reason_comes_twice(front: str) -> None:
    """The second one, with the usage, ends nothing twice; comments before the first event are no event."""
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    data = b": OPENROUTER PROCESSING\n\n" + chunk("hello") + chunk("", "stop") + chunk("", "stop", usage=usage) + DONE
    transform, _ = through(front, data)
    assert transform.done
    assert transform.usage is not None
    events = OPENAI_CHAT.stream_reader().feed(data)
    assert [type(one) for one in events].count(Finish) == 1


@EACH
def test_together_ends_with_eos(front: str) -> None:
    """Which is a stop."""
    same(front, chunk("hello") + chunk(finish="eos") + DONE)


@EACH
@pytest.mark.parametrize("end", [b"", DONE + DONE, DONE + b"data: [DONE]"])
def test_streams_end_without_a_mark_or_with_several(front: str, end: bytes) -> None:
    """The finish reason is enough; what follows the first mark is not looked at."""
    same(front, chunk("hello") + chunk(finish="stop") + end)


@EACH
@pytest.mark.parametrize("tier", ["on_demand", "performance"])
def test_groqs_service_tiers_are_no_words_of_openais(front: str, tier: str) -> None:
    """They are not shown to SDKs that know a closed list; usage in x_groq is read."""
    usage = {"usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    data = chunk("hello", service_tier=tier) + chunk(finish="stop", x_groq=usage) + DONE
    transform, out = through(front, data)
    assert transform.done
    assert transform.usage is not None
    assert (tier.encode() in out) is False


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"message":"Upstream overloaded","code":502}}',
        b'{"error":"busy"}',
        b'{"choices":[]}',
        b'{"object":"error","message":"no"}',
        b"null",
    ],
)
def test_an_error_in_a_success_is_no_answer(body: bytes) -> None:
    """Neither passed on nor translated, nor as the answer to a request for a stream."""
    for read in (OPENAI_CHAT.check_reply, OPENAI_CHAT.parse_reply):
        with pytest.raises(UpstreamMalformed):
            read(body)
    request = ANTHROPIC_MESSAGES.parse_request(msgspec.json.encode(FRONTS["anthropic_messages"][1]))
    whole = Whole(OPENAI_CHAT, ANTHROPIC_MESSAGES.stream_writer(request))
    whole.feed(body)
    with pytest.raises(UpstreamMalformed):
        whole.end()


@EACH
def test_gemini_streams_are_arrays_sometimes(front: str) -> None:
    """Without alt=sse, as some proxies answer."""
    candidate = {"content": {"role": "model", "parts": [{"text": "hello"}]}, "finishReason": "STOP"}
    data = msgspec.json.encode([{"candidates": [candidate], "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1}}])
    transform, out = through(front, data, GEMINI)
    assert transform.done
    assert b"hello" in out


def test_mistrals_list_content_is_text_and_thinking() -> None:
    """In streams of other servers that hand it through, too."""
    pieces = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "hello"}]
    choice = {"index": 0, "delta": {"content": pieces}, "finish_reason": None}
    events = OPENAI_CHAT.stream_reader().feed(event({"id": "c1", "model": "m", "choices": [choice]}))
    assert [one.text for one in events if isinstance(one, TextDelta)] == ["hello"]
