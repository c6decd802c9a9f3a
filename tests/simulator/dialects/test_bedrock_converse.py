"""Converse and ConverseStream: whole answers, frames, and that both say the same."""

from __future__ import annotations

import msgspec
import pytest

from llm_gateway.simulator.dialects.bedrock_converse import reply, stream
from llm_gateway.simulator.problems import Problem
from llm_gateway.simulator.script import Script
from simulator.support import OBJECT, converse, frames

TOOLS = {"tools": [{"toolSpec": {"name": name, "inputSchema": {"json": OBJECT}}} for name in ("weather", "clock")]}
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
FORMAT = {"type": "json_schema", "structure": {"jsonSchema": {"name": "n", "schema": msgspec.json.encode(OBJECT).decode()}}}
CASES = {
    "text": converse("hello naïve 🐍"),
    "tools": converse("call weather and call clock", toolConfig=TOOLS),
    "forced": converse("x", toolConfig={**TOOLS, "toolChoice": {"tool": {"name": "clock"}}}),
    "thinking": converse("x [redacted]", additionalModelRequestFields=THINKING),
    "length": converse("x", inferenceConfig={"maxTokens": 3}),
    "stop": converse("x", inferenceConfig={"stopSequences": ["You"]}),
    "refusal": converse("[refuse]"),
    "blocked": converse("[blocked]"),
    "schema": converse("x", outputConfig={"textFormat": FORMAT}),
    "image": converse(messages=[{"role": "user", "content": [{"text": "see"}, {"image": {"format": "png", "source": {}}}]}]),
}


def folded(found):
    """The content blocks that the frames make up."""
    blocks = []
    for name, payload in found:
        if name == "contentBlockStart":
            blocks.append({"toolUse": {**payload["start"]["toolUse"], "input": ""}})
        elif name == "contentBlockDelta":
            if payload["contentBlockIndex"] == len(blocks):
                blocks.append({})
            merge(blocks[payload["contentBlockIndex"]], payload["delta"])
    for block in blocks:
        if "toolUse" in block:
            block["toolUse"]["input"] = msgspec.json.decode(block["toolUse"]["input"])
    return blocks


def merge(block, delta):
    if "text" in delta:
        block["text"] = block.get("text", "") + delta["text"]
    elif "toolUse" in delta:
        block["toolUse"]["input"] += delta["toolUse"]["input"]
    elif "redactedContent" in (thought := delta["reasoningContent"]):
        block["reasoningContent"] = thought
    else:
        said = block.setdefault("reasoningContent", {"reasoningText": {"text": "", "signature": ""}})["reasoningText"]
        for name, value in thought.items():
            said[name] += value


@pytest.mark.parametrize("case", CASES)
def test_stream_says_what_the_whole_answer_says(case):
    """The fold of the frames is the whole answer: blocks, stop reason, usage."""
    script, request = Script(seed=3), CASES[case]
    whole = reply(script, request).document
    written = stream(script, request)
    found = frames(b"".join(event.data for event in written))
    assert [found[0][0], *(name for name, _ in found[-2:])] == ["messageStart", "messageStop", "metadata"]
    assert folded(found) == whole["output"]["message"]["content"]
    assert found[-2][1]["stopReason"] == whole["stopReason"]
    assert found[-1][1]["usage"] == whole["usage"]
    assert sum(event.tokens for event in written) == whole["usage"]["outputTokens"]
    assert [name for name, _ in found].count("contentBlockStop") == len(whole["output"]["message"]["content"])


def test_stop_reasons():
    """Each ending has the reason that Bedrock gives it."""
    found = {case: reply(Script(), CASES[case]).document["stopReason"] for case in CASES}
    wanted = {
        **dict.fromkeys(("tools", "forced"), "tool_use"),
        "length": "max_tokens",
        "stop": "stop_sequence",
        "refusal": "content_filtered",
        "blocked": "guardrail_intervened",
    }
    assert found == dict.fromkeys(CASES, "end_turn") | wanted


@pytest.mark.parametrize(("text", "written", "read"), [("x", True, False), ("x [cached]", False, True)])
def test_prompt_cache(text, written, read):
    """What stands before a cache point is written to the cache, or read when asked; the classes stay disjoint."""
    system = [{"text": "long" * 40}, {"cachePoint": {"type": "default"}}]
    usage = reply(Script(), converse(text, system=system)).document["usage"]
    assert bool(usage["cacheWriteInputTokens"]) is written
    assert bool(usage["cacheReadInputTokens"]) is read
    counted = ("inputTokens", "cacheWriteInputTokens", "cacheReadInputTokens", "outputTokens")
    assert sum(usage[name] for name in counted) == usage["totalTokens"]


@pytest.mark.parametrize("content", [[{"text": '{"is":"sunny"}'}], [{"json": {"is": "sunny"}}]])
def test_a_conversation_with_tools_ends(content):
    """A tool's result is answered with text, whether it is text or JSON."""
    messages = [
        {"role": "user", "content": [{"text": "call weather"}]},
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "a", "name": "weather", "input": {}}}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "a", "content": content, "status": "success"}}]},
    ]
    document = reply(Script(), converse(messages=messages, toolConfig=TOOLS)).document
    assert document["output"]["message"]["content"] == [{"text": 'The tool said: {"is":"sunny"}'}]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": None}, "messages"),
        ({"messages": [{"role": "system", "content": [{"text": "x"}]}]}, "messages.1.member.role"),
        ({"messages": [{"role": "user", "content": []}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": "x"}]}, "content"),
        ({"inferenceConfig": {"maxTokens": 0}}, "maxTokens"),
        ({"inferenceConfig": {"temperature": 2}}, "temperature"),
        ({"toolConfig": {"tools": [{}]}}, "toolConfig.tools.1.member.toolSpec.name"),
        ({"toolConfig": {"tools": [{"toolSpec": {"name": "f"}}]}}, "toolConfig.tools.1.member.toolSpec.inputSchema"),
    ],
)
def test_bad_requests_are_refused(change, param):
    """What Bedrock refuses is refused with 400."""
    with pytest.raises(Problem) as caught:
        reply(Script(), converse() | change)
    assert (caught.value.status, caught.value.param) == (400, param)
