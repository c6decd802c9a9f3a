"""Events that are recognised by their likeness to an earlier one: the same in every respect as if each had been parsed."""

from __future__ import annotations

import re
from itertools import pairwise

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from amount import examples
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.dialects.anthropic_messages.relay import AnthropicRelay
from llm_gateway.dialects.openai_chat.relay import OpenAIRelay
from llm_gateway.dialects.relay import SseRelay
from llm_gateway.dialects.template import Template, beginning_of

ESCAPE = re.compile(rb'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
TEXT = (beginning_of("content"),)


def openai(text: str, **members: object) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return b"data: %b\n\n" % msgspec.json.encode({"id": "c", "choices": [choice], "usage": None, **members})


def anthropic(text: str) -> bytes:
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
    return b"event: content_block_delta\ndata: %b\n\n" % msgspec.json.encode(delta)


class Unlearnt(Template):
    """Knows nothing, ever: the general path."""

    def learn(self, event: bytes, texts: object) -> None: ...


def outcome(relay: SseRelay, reads: list[bytes]) -> tuple[object, ...]:
    out: list[bytes] = []
    fault = ""
    try:
        out.extend(map(relay.feed, reads))
        out.append(relay.end())
    except UpstreamMalformed as error:
        fault = str(error)
    return out, fault, relay.usage, relay.committed, relay.done, relay.failure


TEXTS = st.one_of(
    st.text(max_size=8), st.sampled_from(["", '"', "\\", 'a"}', '"},"finish_reason":null}]', "\n\n", "\x00", "\u00fc"])
)
MORE = st.sampled_from(
    [
        *(
            b"data: [DONE]\n\n",
            b": ping\n\n",
            b"\n\n",
            b"\n",
            b"\r\n\r\n",
            b"data: {}\n\n",
            b"data: {",
            b"event: error\ndata: x\n\n",
        ),
        b'data: {"error":{"message":"busy"}}\n\n',
        b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}\n\n',
        b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n',
        b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5}}\n\n',
        b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    ]
)


@st.composite
def reads(draw: st.DrawFn) -> list[bytes]:
    """A stream of much the same events and some others, perhaps damaged, in any reads."""
    event = draw(st.sampled_from([openai, lambda text: openai(text, obfuscation=text[::-1] + "x"), anthropic]))
    events = [event("Hi"), *draw(st.lists(st.one_of(TEXTS.map(event), TEXTS.map(event), MORE), max_size=8))]
    data = b"".join(events)
    if draw(st.booleans()):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.one_of(st.binary(max_size=2), st.just(b"\n\n"))) + data[at + draw(st.integers(0, 2)) :]
    ends = draw(st.one_of(st.just([]), st.lists(st.integers(0, len(data)), max_size=6)))
    if draw(st.booleans()):
        ends += [len(b"".join(events[:i])) for i in range(len(events))]
    places = [0, *sorted(ends), len(data)]
    # A recognised text is not looked into: only the parser would find an escape that JSON does not know.
    assume(b"\\" not in ESCAPE.sub(b"", data))
    return [data[a:b] for a, b in pairwise(places)]


@examples(150)
@given(st.sampled_from([OpenAIRelay, AnthropicRelay]), reads())
def test_likeness_and_parsing_agree(kind, pieces):
    """The same bytes after each read, usage, end and failure, whether events are recognised or parsed one by one."""
    parsed = kind()
    parsed._template = Unlearnt()
    assert outcome(kind(), pieces) == outcome(parsed, pieces)


@pytest.mark.parametrize("text", ["there", "", 'say "x"', "\\", "\n", "\u00fc \U0001f600", "]}", "data: x"])
def test_any_text_is_recognised(text):
    """In one event, in many, and with a second string that differs."""
    for first, like in ((openai("Hi"), openai(text)), (openai("Hi", pad="abc"), openai(text, pad="x" + text))):
        template = Template()
        template.learn(first, TEXT)
        assert template.skip(like, 0) == len(like)
        assert template.skip(like * 3 + b"data", 0) == len(like * 3)


@pytest.mark.parametrize(
    "other",
    [
        openai("there", usage={"prompt_tokens": 1}),
        openai("there", id="d"),
        openai("there").replace(b'"there"', b'"there","tool_calls":[]'),
        openai("there").replace(b'"there"', b'"the\nre"'),
        openai("there").replace(b'"there"', b'"the\0re"'),
        openai("there").replace(b'"there"', b"null"),
        openai("there").replace(b"null}]", b'"stop"}]'),
        openai("there")[:-1],
        openai("there")[:-1] + b"x",
    ],
)
def test_nothing_else_is_recognised(other):
    """Another structure, another member, half an event: all that is for the parser."""
    template = Template()
    assert template.skip(openai("Hi"), 0) == 0
    template.learn(openai("Hi"), TEXT)
    assert template.skip(other, 0) == 0
    assert template.skip(openai("a") + other, 0) == len(openai("a"))
