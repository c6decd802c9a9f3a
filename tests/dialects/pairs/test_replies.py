"""What of an answer reaches each kind of client from each kind of provider, whole and streamed: the same, or what its dialect can say."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llm_gateway.core import chat, events
from llm_gateway.core.chat import ChatReply, Choice, Reasoning, Refusal, Text, ToolCall
from llm_gateway.core.unfold import unfold
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.gemini import GeminiFront
from llm_gateway.dialects.registry import DIALECTS

FRONTS: dict[str, Any] = {
    name: DIALECTS[name] for name in ("openai_chat", "openai_responses", "anthropic_messages", "ollama_chat")
} | {"gemini": GeminiFront("m")}
SPOKEN = ("openai_chat", "openai_responses", "anthropic_messages", "gemini", "ollama_chat")
"""Dialects that both sides speak: a provider's answer is made by the writer for callers."""

REQUEST = chat.ChatRequest(
    model="m", messages=(chat.Message("user", (Text("Where is the moon?"),)),), stream=True, include_usage=True
)
USED = Usage(input=120, cache_read=80, output=30, reasoning=12)
SIGNATURE = "RXVZQkNrWUlCeEFCR0FJaVFMMQ=="
CALLS = (
    ToolCall("call_a", "find_moon", '{"where":"over the sea"}'),
    ToolCall("call_b", "find_sun", '{"where":"behind the hill","how":{"far":[1,2.5,null]}}'),
)


def reply(*parts: chat.Part, finish: chat.Finish = "stop") -> ChatReply:
    return ChatReply("answer-1", "model-1", (Choice(0, parts, finish),), USED, 1_700_000_000)


SAMPLES = {
    "text": reply(Text("Up there, é 🌔.")),
    "cut at the maximum": reply(Text("Up th"), finish="length"),
    "thoughts and text": reply(Reasoning("Let me look."), Text("Up there.")),
    "signed thoughts and text": reply(Reasoning("Let me look.", SIGNATURE), Text("Up there.")),
    "two calls": reply(*CALLS, finish="tool_calls"),
    "text and a call": reply(Text("I look. "), CALLS[0], finish="tool_calls"),
    "thoughts and a call": reply(Reasoning("Let me look."), CALLS[0], finish="tool_calls"),
    "filtered": reply(Text("Up"), finish="content_filter"),
    "refused": reply(Refusal("I will not say."), finish="refusal"),
}
CONVERSE = {
    "text": b"""{"output":{"message":{"role":"assistant","content":[{"text":"Up there, \\u00e9 \\ud83c\\udf14."}]}},"stopReason":"end_turn",
        "usage":{"inputTokens":120,"cacheReadInputTokens":80,"outputTokens":42,"totalTokens":242}}""",
    "signed thoughts and text": b"""{"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"Let me look.",
        "signature":"RXVZQkNrWUlCeEFCR0FJaVFMMQ=="}}},{"text":"Up there."}]}},"stopReason":"end_turn",
        "usage":{"inputTokens":120,"cacheReadInputTokens":80,"outputTokens":42,"totalTokens":242}}""",
    "two calls": b"""{"output":{"message":{"role":"assistant","content":[{"toolUse":{"toolUseId":"call_a","name":"find_moon",
        "input":{"where":"over the sea"}}},{"toolUse":{"toolUseId":"call_b","name":"find_sun","input":{"where":"behind the hill",
        "how":{"far":[1,2.5,null]}}}}]}},"stopReason":"tool_use",
        "usage":{"inputTokens":120,"cacheReadInputTokens":80,"outputTokens":42,"totalTokens":242}}""",
    "cut at the maximum": b"""{"output":{"message":{"role":"assistant","content":[{"text":"Up th"}]}},"stopReason":"max_tokens",
        "usage":{"inputTokens":120,"cacheReadInputTokens":80,"outputTokens":42,"totalTokens":242}}""",
    "filtered": b"""{"output":{"message":{"role":"assistant","content":[{"text":"Up"}]}},"stopReason":"guardrail_intervened",
        "usage":{"inputTokens":120,"cacheReadInputTokens":80,"outputTokens":42,"totalTokens":242}}""",
}
COHERE = {
    "text": b"""{"id":"a","message":{"role":"assistant","content":[{"type":"text","text":"Up there, \\u00e9 \\ud83c\\udf14."}]},
        "finish_reason":"COMPLETE","usage":{"tokens":{"input_tokens":200,"output_tokens":42},"cached_tokens":80}}""",
    "thoughts and text": b"""{"id":"a","message":{"role":"assistant","content":[{"type":"thinking","thinking":"Let me look."},
        {"type":"text","text":"Up there."}]},"finish_reason":"COMPLETE","usage":{"tokens":{"input_tokens":200,"output_tokens":42},
        "cached_tokens":80}}""",
    "two calls": b"""{"id":"a","message":{"role":"assistant","tool_calls":[{"id":"call_a","type":"function","function":{"name":"find_moon",
        "arguments":"{\\"where\\":\\"over the sea\\"}"}},{"id":"call_b","type":"function","function":{"name":"find_sun",
        "arguments":"{\\"where\\":\\"behind the hill\\",\\"how\\":{\\"far\\":[1,2.5,null]}}"}}]},"finish_reason":"TOOL_CALL",
        "usage":{"tokens":{"input_tokens":200,"output_tokens":42},"cached_tokens":80}}""",
    "cut at the maximum": b"""{"id":"a","message":{"role":"assistant","content":[{"type":"text","text":"Up th"}]},
        "finish_reason":"MAX_TOKENS","usage":{"tokens":{"input_tokens":200,"output_tokens":42},"cached_tokens":80}}""",
}


def answers() -> dict[tuple[str, str], bytes]:
    """(dialect of the provider, sample) -> the body it answers with."""
    made = {(name, sample): FRONTS[name].render_reply(SAMPLES[sample], REQUEST) for name in SPOKEN for sample in SAMPLES}
    made |= {("bedrock_converse", sample): body for sample, body in CONVERSE.items()}
    return made | {("cohere_chat", sample): body for sample, body in COHERE.items()}


class Facts(msgspec.Struct):
    """What a reader of an answer acts on."""

    text: str = ""
    thoughts: str = ""
    refusal: str = ""
    signatures: list[str] = []
    calls: list[tuple[str, str, Any]] = []
    finish: str = ""
    usage: Usage | None = None
    done: bool = False


def facts(found: list[events.Event]) -> Facts:
    out = Facts(signatures=[], calls=[])
    arguments: dict[int, str] = {}
    for event in found:
        match event:
            case events.TextDelta():
                out.text += event.text
            case events.ReasoningDelta():
                out.thoughts += event.text
            case events.RefusalDelta():
                out.refusal += event.text
            case events.ReasoningSignature():
                out.signatures.append(event.signature)
            case events.ToolCallStart():
                assert event.index == len(out.calls)
                out.calls.append((event.id, event.name, None))
            case events.ToolCallDelta():
                arguments[event.index] = arguments.get(event.index, "") + event.arguments
            case events.Finish():
                assert not out.finish
                out.finish = event.reason
            case events.UsageUpdate():
                out.usage = event.usage
            case events.Done():
                out.done = True
            case events.Start():
                assert event.id
                assert event.model
            case _:
                pytest.fail(f"unexpected {event}")
    out.calls = [(ident, name, msgspec.json.decode(arguments[index])) for index, (ident, name, _) in enumerate(out.calls)]
    return out


def named(found: ChatReply) -> ChatReply:
    return msgspec.structs.replace(found, id=found.id or "answer-1", model=found.model or "model-1")


def reader(front: str) -> Any:
    """The back that reads what `front` shows."""
    return DIALECTS[front]


def ends(told: Facts) -> tuple[str, ...]:
    """How the answer may be said to end: not every dialect tells filtered and refused apart, and a refusal's text may just end."""
    if told.refusal or told.finish in {"content_filter", "refusal"}:
        return ("content_filter", "refusal", *(("stop",) if told.refusal else ()))
    return (told.finish,)


PAIRS = [(back, sample, front) for back, sample in answers() for front in FRONTS]


@pytest.mark.parametrize(("back", "sample", "front"), PAIRS)
def test_an_answer_means_the_same_to_every_client(back: str, sample: str, front: str) -> None:
    """Text, thoughts, calls with their arguments, the reason of the end and usage: whole and streamed alike."""
    given = named(DIALECTS[back].parse_reply(answers()[back, sample]))  # type: ignore[attr-defined]
    told = facts(unfold(given))
    whole = facts(unfold(named(reader(front).parse_reply(FRONTS[front].render_reply(given, REQUEST)))))
    writer = FRONTS[front].stream_writer(REQUEST)
    stream = writer.feed(unfold(given))
    reading = reader(front).stream_reader()
    streamed = facts([*reading.feed(stream), *reading.end()])
    assert streamed.done
    for shown in (whole, streamed):
        assert shown.text + shown.refusal == told.text + told.refusal
        assert [call[1:] for call in shown.calls] == [call[1:] for call in told.calls]
        assert shown.finish in ends(told)
        assert shown.usage is not None
        assert told.usage is not None
        assert (shown.usage.prompt, shown.usage.completion) == (told.usage.prompt, told.usage.completion)
        assert shown.thoughts == told.thoughts
        if front != "ollama_chat":  # it has two numbers
            assert shown.usage.cache_read == told.usage.cache_read
    assert len({call[0] for call in whole.calls}) == len(told.calls)
    assert whole.signatures == streamed.signatures


LOGPROBS = msgspec.Raw(b'{"content":[{"token":"Up","logprob":-0.25,"bytes":[85,112],"top_logprobs":[]}]}')
TWO = ChatReply("answer-1", "model-1", (Choice(0, (Text("Up."),), "stop"), Choice(1, (Text("Down."),), "length")), USED, 1)


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("back", ["openai_chat", "gemini"])
def test_several_answers(back: str, front: str) -> None:
    """Clients whose dialect has choices see all of them, the others the first; streams agree."""
    body = FRONTS[back].render_reply(TWO, REQUEST)
    given = DIALECTS[back].parse_reply(body)  # type: ignore[attr-defined]
    assert len(given.choices) == 2
    count = 2 if front in {"openai_chat", "gemini"} else 1
    whole = reader(front).parse_reply(FRONTS[front].render_reply(given, REQUEST))
    assert ["".join(getattr(part, "text", "") for part in choice.parts) for choice in whole.choices] == ["Up.", "Down."][:count]
    stream = reader(front).stream_reader().feed(FRONTS[front].stream_writer(REQUEST).feed(unfold(given)))
    said = [(event.choice, event.text) for event in stream if isinstance(event, events.TextDelta) and event.text]
    assert said == [(0, "Up."), (1, "Down.")][:count]


@pytest.mark.parametrize("front", [front for front in FRONTS if front != "anthropic_messages"])
@pytest.mark.parametrize("back", ["openai_chat", "openai_responses", "gemini", "ollama_chat"])
def test_log_probabilities(back: str, front: str) -> None:
    """Whoever can say them says them, whole and streamed: the token and its value."""
    reply = ChatReply("answer-1", "model-1", (Choice(0, (Text("Up"),), "stop", logprobs=LOGPROBS),), USED, 1)
    given = named(DIALECTS[back].parse_reply(FRONTS[back].render_reply(reply, REQUEST)))  # type: ignore[attr-defined]
    whole = reader(front).parse_reply(FRONTS[front].render_reply(given, REQUEST)).choices[0].logprobs
    stream = reader(front).stream_reader().feed(FRONTS[front].stream_writer(REQUEST).feed(unfold(given)))
    streamed = [event.logprobs for event in stream if isinstance(event, events.TextDelta) and event.logprobs is not None]
    assert whole is not None
    assert streamed
    for found in (whole, streamed[0]):
        first = msgspec.json.decode(found)["content"][0]
        assert (first["token"], first["logprob"]) == ("Up", -0.25)


CITED = {
    "openai_chat": {
        "type": "url_citation",
        "url_citation": {"url": "https://moon.example/", "title": "Moon", "start_index": 0, "end_index": 2},
    },
    "openai_responses": {
        "type": "url_citation",
        "url": "https://moon.example/",
        "title": "Moon",
        "start_index": 0,
        "end_index": 2,
    },
    "anthropic_messages": {
        "type": "web_search_result_location",
        "url": "https://moon.example/",
        "title": "Moon",
        "encrypted_index": "x",
        "cited_text": "Up",
    },
}


@pytest.mark.parametrize("front", [front for front in FRONTS if front != "ollama_chat"])
@pytest.mark.parametrize("back", CITED)
def test_sources(back: str, front: str) -> None:
    """The address and the title of a page that an answer names reach every client that has a place for them."""
    reply = ChatReply("answer-1", "model-1", (Choice(0, (Text("Up there.", citations=(CITED[back],)),), "stop"),), USED, 1)
    given = named(DIALECTS[back].parse_reply(FRONTS[back].render_reply(reply, REQUEST)))  # type: ignore[attr-defined]
    whole = FRONTS[front].render_reply(given, REQUEST).decode()
    stream = FRONTS[front].stream_writer(REQUEST).feed(unfold(given)).decode()
    for shown in (whole, stream):
        assert "https://moon.example/" in shown
        assert "Moon" in shown


@pytest.mark.parametrize("front", FRONTS)
def test_arguments_that_come_in_pieces(front: str) -> None:
    """Two calls whose arguments arrive a few bytes at a time, one after the other or in turns, are two whole calls."""
    start = [events.Start("a", "m"), *(events.ToolCallStart(n, call.id, call.name) for n, call in enumerate(CALLS))]
    pieces = [
        [events.ToolCallDelta(n, call.arguments[at : at + 5]) for at in range(0, len(call.arguments), 5)]
        for n, call in enumerate(CALLS)
    ]
    turns = [piece for pair in zip(*pieces, strict=False) for piece in pair] + pieces[1][len(pieces[0]) :]
    for deltas in (pieces[0] + pieces[1], turns):
        writer = FRONTS[front].stream_writer(REQUEST)
        made = b"".join(writer.feed([event]) for event in [*start, *deltas, events.Finish("tool_calls"), events.Done()])
        shown = facts(reader(front).stream_reader().feed(made))
        assert [(name, arguments) for _, name, arguments in shown.calls] == [
            (call.name, msgspec.json.decode(call.arguments)) for call in CALLS
        ]
