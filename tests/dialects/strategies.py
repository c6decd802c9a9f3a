"""Neutral requests, replies and events, as Hypothesis strategies. A dialect narrows them to what it can carry."""

from __future__ import annotations

from base64 import b64encode

from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.core.chat import (
    Audio,
    CacheMark,
    ChatReply,
    ChatRequest,
    Choice,
    Document,
    Image,
    Message,
    Reasoning,
    ReasoningRequest,
    Refusal,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from llm_gateway.core.json import encode
from llm_gateway.core.usage import Usage

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
"""Any text but lone surrogates, which are no text."""

names = st.from_regex(r"[a-z_][a-z0-9_]{0,10}", fullmatch=True)
base64s = st.binary(min_size=1, max_size=9).map(lambda data: b64encode(data).decode())
urls = names.map(lambda name: f"https://example.test/{name}")
objects = st.dictionaries(names, st.one_of(st.integers(-99, 99), texts, st.booleans()), max_size=3)
raws = objects.map(lambda value: Raw(encode(value)))
argument_texts = objects.map(lambda value: encode(value).decode())
marks = st.none() | st.builds(CacheMark, st.none() | st.just("1h"))
maybe_names = st.none() | names

plain_texts = st.builds(Text, texts)
marked_texts = st.builds(Text, texts, marks)
images = st.one_of(
    st.builds(Image, url=urls, detail=st.sampled_from([None, "low", "high"]), cache=marks),
    st.builds(Image, data=base64s, media_type=st.sampled_from(["image/png", "image/jpeg"]), cache=marks),
)
documents = st.one_of(
    st.builds(Document, data=base64s, media_type=st.just("application/pdf"), name=maybe_names, cache=marks),
    st.builds(Document, file_id=names, cache=marks),
)
speech = st.builds(Audio, data=base64s, format=st.sampled_from(["wav", "mp3"]))
calls = st.builds(ToolCall, id=names, name=names, arguments=argument_texts, cache=marks)
results = st.builds(ToolResult, id=names, parts=st.lists(plain_texts, max_size=2).map(tuple), cache=marks)
signed = st.builds(Reasoning, texts, names)
redacted = st.builds(Reasoning, redacted=base64s)
thoughts = st.one_of(signed, redacted)

system_messages = st.builds(Message, st.just("system"), st.lists(marked_texts, min_size=1, max_size=2).map(tuple))
user_messages = st.builds(
    Message, st.just("user"), st.lists(st.one_of(marked_texts, images, documents), min_size=1, max_size=3).map(tuple), maybe_names
)
tool_messages = st.builds(Message, st.just("tool"), results.map(lambda result: (result,)))


@st.composite
def assistant_messages(draw: st.DrawFn) -> Message:
    """In the order that every dialect keeps: thinking, text, calls."""
    parts = [
        *draw(st.lists(thoughts, max_size=2)),
        *draw(st.lists(marked_texts, max_size=2)),
        *draw(st.lists(calls, max_size=2)),
    ]
    return Message("assistant", tuple(parts) or (Text("yes"),))


tools = st.builds(Tool, names, st.none() | texts, raws, st.none() | st.booleans(), marks)
choices_of_tools = st.one_of(
    st.none(), st.sampled_from(["auto", "required", "none"]).map(ToolChoice), names.map(lambda name: ToolChoice("named", name))
)
formats = st.one_of(
    st.none(),
    st.just(ResponseFormat("json")),
    st.builds(ResponseFormat, st.just("schema"), names, st.none() | texts, raws, st.none() | st.booleans()),
)
efforts = st.none() | st.sampled_from(["minimal", "low", "high"]).map(lambda effort: ReasoningRequest(effort=effort))
shares = st.none() | st.floats(0, 1)
counts = st.none() | st.integers(1, 5000)


@st.composite
def requests(draw: st.DrawFn, dialect: str) -> ChatRequest:
    """What both chat dialects understand, and a little of what only one does."""
    messages = [
        *draw(st.lists(system_messages, max_size=1)),
        draw(user_messages),
        *draw(st.lists(st.one_of(user_messages, assistant_messages(), tool_messages), max_size=4)),
    ]
    stream = draw(st.booleans())
    return ChatRequest(
        model=draw(names),
        messages=tuple(messages),
        tools=tuple(draw(st.lists(tools, min_size=1, max_size=2))),
        tool_choice=draw(choices_of_tools),
        parallel_tool_calls=draw(st.none() | st.booleans()),
        max_tokens=draw(counts),
        temperature=draw(shares),
        top_p=draw(shares),
        top_k=draw(counts),
        stop=tuple(draw(st.lists(texts, max_size=2))),
        n=draw(st.none() | st.integers(1, 4)),
        seed=draw(counts),
        presence_penalty=draw(shares),
        frequency_penalty=draw(shares),
        logprobs=draw(st.none() | st.booleans()),
        top_logprobs=draw(counts),
        response_format=draw(formats),
        reasoning=draw(efforts),
        stream=stream,
        include_usage=stream,
        user=draw(maybe_names),
        metadata=draw(st.none() | raws),
        service_tier=draw(st.sampled_from([None, "auto", "flex"])),
        extra=draw(st.dictionaries(names.map(lambda name: f"x_{name}"), raws, max_size=2)),
        dialect=dialect,
    )


tokens = st.integers(0, 10_000)
usages = st.builds(Usage, *[tokens] * 10)


@st.composite
def replies(draw: st.DrawFn) -> ChatReply:
    choices = []
    for index in range(draw(st.integers(1, 2))):
        called = draw(st.lists(st.builds(ToolCall, names, names, argument_texts), max_size=2))
        parts = [
            *draw(st.lists(thoughts, max_size=2)),
            *draw(st.lists(plain_texts, max_size=1)),
            *([] if called else draw(st.lists(st.builds(Refusal, texts), max_size=1))),
            *called,
        ]
        finish = draw(st.sampled_from(["length", "content_filter", "refusal", "pause", "context_window"]))
        choices.append(
            Choice(
                index=index,
                parts=tuple(parts),
                finish="tool_calls" if called else finish,
                stop_sequence=draw(maybe_names),
                logprobs=draw(st.none() | raws),
            )
        )
    return ChatReply(
        id=draw(names),
        model=draw(names),
        choices=tuple(choices),
        usage=draw(st.none() | usages),
        created=draw(st.integers(1, 2_000_000_000)),
        service_tier=draw(st.sampled_from([None, "default", "priority"])),
        fingerprint=draw(maybe_names),
    )


wire_counts = st.sampled_from([0, 1, 5, 5, 9, None, -1, 2.0, "3"])
wire_usages = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "prompt_tokens": wire_counts,
        "completion_tokens": wire_counts,
        "total_tokens": wire_counts,
        "cached_tokens": wire_counts,
        "prompt_tokens_details": st.none() | st.dictionaries(st.sampled_from(["cached_tokens", "audio_tokens"]), wire_counts),
        "completion_tokens_details": st.none()
        | st.dictionaries(st.sampled_from(["reasoning_tokens", "audio_tokens"]), wire_counts),
        "input_tokens": wire_counts,
        "output_tokens": wire_counts,
        "cache_read_input_tokens": wire_counts,
    },
)
wire_choices = st.sampled_from([{"message": {"content": "é"}}, {"message": {}}, {"text": "x"}, {"message": None}, {}, 3])
wire_blocks = st.sampled_from([{"type": "text", "text": "é"}, {}, 3])
wire_replies = st.fixed_dictionaries(
    {"choices": st.none() | st.lists(wire_choices, max_size=2), "content": st.none() | st.lists(wire_blocks, max_size=2)},
    optional={
        "model": st.sampled_from(["m", "é", None, 3]),
        "usage": wire_usages,
        "error": st.sampled_from([None, {}, "no", {"message": "no"}]),
        "type": st.sampled_from(["message", "error"]),
    },
)
wire_damages = st.sampled_from(
    [(b"", b""), (b"", b""), (b"\xc3", b""), (b"}", b"}}"), (b"{", b"\xef\xbb\xbf{"), ("é".encode(), b"\\ud800")]
)
"""What to do to the bytes of an answer: mostly nothing."""
