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
    assert len({call[0] for call in whole.calls}) == len(told.calls)
    assert whole.signatures == streamed.signatures
