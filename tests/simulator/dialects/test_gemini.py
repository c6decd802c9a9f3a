"""Gemini: whole answers, streams in both shapes, counted tokens, and that all of them agree."""

from __future__ import annotations

import msgspec
import pytest

from llm_gateway.simulator.dialects.gemini import count, reply, stream, stream_array
from llm_gateway.simulator.problems import Problem
from llm_gateway.simulator.script import Script
from simulator.support import events, gemini

SCHEMA = {"type": "OBJECT", "properties": {"city": {"type": "STRING", "nullable": True}}, "required": ["city"]}
TOOLS = [{"functionDeclarations": [{"name": name, "parameters": SCHEMA} for name in ("weather", "clock")]}]
THOUGHTS = {"thinkingConfig": {"includeThoughts": True}}
CASES = {
    "text": gemini("hello naïve 🐍"),
    "tools": gemini("call weather and call clock", tools=TOOLS),
    "any": gemini("x", tools=TOOLS, toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["clock"]}}),
    "refusal": gemini("[refuse]"),
    "thinking": gemini("x", generationConfig={"thinkingConfig": {"thinkingBudget": 128}}),
    "thoughts": gemini("x", generationConfig=THOUGHTS),
    "both": gemini("call weather", tools=TOOLS, generationConfig=THOUGHTS),
    "length": gemini("x", generationConfig={"maxOutputTokens": 3}),
    "snake": gemini("x", generation_config={"max_output_tokens": 3}, system_instruction={"parts": {"text": "be brief"}}),
    "schema": gemini("x", generationConfig={"responseMimeType": "application/json", "responseSchema": SCHEMA}),
    "free": gemini("x", generationConfig={"responseMimeType": "application/json", "responseJsonSchema": {"$ref": "#/x"}}),
    "candidates": gemini("x", generationConfig={"candidateCount": 2}),
    "image": gemini(contents=[{"parts": [{"text": "see"}, {"inlineData": {"mimeType": "image/png", "data": "AA=="}}]}]),
    "blocked": gemini("[blocked]"),
}


def chunks(script, request):
    """The documents of both kinds of stream, which must be the same."""
    sse = [msgspec.json.decode(data) for _, data in events(b"".join(event.data for event in stream(script, request)))]
    array = msgspec.json.decode(b"".join(event.data for event in stream_array(script, request)))
    assert sse == array
    return sse


def parts_of(documents, index=0):
    """The parts of one candidate with neighbours of a kind joined."""
    joined = []
    for document in documents:
        for candidate in document.get("candidates", ()):
            if candidate["index"] != index:
                continue
            for part in candidate.get("content", {}).get("parts", ()):
                if joined and "text" in part and "text" in joined[-1] and part.get("thought") == joined[-1].get("thought"):
                    joined[-1] = {**joined[-1], **part, "text": joined[-1]["text"] + part["text"]}
                else:
                    joined.append(part)
    return joined


@pytest.mark.parametrize("case", CASES)
def test_stream_says_what_the_whole_answer_says(case):
    """The fold of the stream is the whole answer: parts, finish reason, usage, id."""
    script, request = Script(seed=3), CASES[case]
    whole = reply(script, request).document
    found = chunks(script, request)
    assert found[-1]["usageMetadata"] == whole["usageMetadata"]
    assert {chunk["responseId"] for chunk in found} == {whole["responseId"]}
    for candidate in whole.get("candidates", ()):
        index = candidate["index"]
        assert parts_of(found, index) == parts_of([whole], index)
        finishes = [
            c["finishReason"] for chunk in found for c in chunk["candidates"] if c["index"] == index and "finishReason" in c
        ]
        assert finishes == [candidate["finishReason"]]
    usage = whole["usageMetadata"]
    written = usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0)
    assert sum(event.tokens for event in stream(script, request)) == written
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + written


def test_finish_reasons():
    """Each ending has the reason that Google gives it; a blocked prompt has no candidate."""
    answers = {case: reply(Script(), CASES[case]).document for case in CASES}
    found = {case: document["candidates"][0]["finishReason"] for case, document in answers.items() if case != "blocked"}
    wanted = {"refusal": "SAFETY", "length": "MAX_TOKENS", "snake": "MAX_TOKENS"}
    assert found == dict.fromkeys(found, "STOP") | wanted
    assert "candidates" not in answers["blocked"]
    assert answers["blocked"]["promptFeedback"]["blockReason"] == "SAFETY"
    assert "content" not in answers["refusal"]["candidates"][0]


def test_thinking_seals_what_follows():
    """With thinking the first call, or else the text, has a signature; thoughts are shown only when asked for."""
    silent, shown, called = (parts_of([reply(Script(), CASES[case]).document]) for case in ("thinking", "thoughts", "both"))
    assert [part.get("thought") for part in silent] == [None]
    assert [part.get("thought") for part in shown] == [True, None]
    assert silent[0]["thoughtSignature"]
    assert [bool(part.get("thoughtSignature")) for part in called] == [False, True]


def test_calls_have_objects_as_arguments():
    """Arguments are no text, and only allowed functions are called."""
    called = [part["functionCall"] for part in parts_of([reply(Script(), CASES["tools"]).document])]
    assert called == [{"name": "weather", "args": {"city": "simulated"}}, {"name": "clock", "args": {"city": "simulated"}}]
    assert [part["functionCall"]["name"] for part in parts_of([reply(Script(), CASES["any"]).document])] == ["clock"]


@pytest.mark.parametrize("case", CASES)
def test_counted_tokens_are_the_tokens_charged(case):
    """countTokens agrees with the usage of the answer, in both forms of its request."""
    charged = reply(Script(), CASES[case]).document["usageMetadata"]["promptTokenCount"]
    assert count(Script(), CASES[case]).document["totalTokens"] == charged
    wrapped = {"model": "gemini-test", "generateContentRequest": CASES[case]}
    assert count(Script(), wrapped).document["totalTokens"] == charged


def test_cached_tokens():
    """What is read from the cache is part of the prompt."""
    usage = reply(Script(), gemini("x [cached=2]")).document["usageMetadata"]
    assert usage["cachedContentTokenCount"] == 2 < usage["promptTokenCount"]


def test_a_conversation_with_tools_ends():
    """A function's result is answered with text."""
    contents = [
        *gemini("call weather")["contents"],
        {"role": "model", "parts": [{"functionCall": {"name": "weather", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": {"result": "sunny"}}}]},
    ]
    parts = parts_of([reply(Script(), gemini(contents=contents, tools=TOOLS)).document])
    assert parts[0]["text"] == "The tool said: sunny"


def test_logprobs():
    """One chosen candidate for each token."""
    config = {"responseLogprobs": True, "logprobs": 1}
    candidate = reply(Script(), gemini("x", generationConfig=config)).document["candidates"][0]
    chosen = candidate["logprobsResult"]["chosenCandidates"]
    assert "".join(entry["token"] for entry in chosen) == candidate["content"]["parts"][0]["text"]
    assert len(candidate["logprobsResult"]["topCandidates"]) == len(chosen)


def declared(schema):
    return [{"functionDeclarations": [{"name": "f", "parameters": schema}]}]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"contents": None}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": "x"}, "contents"),
        ({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}, "contents[0].role"),
        ({"contents": [{"role": "user", "parts": []}]}, "contents[0].parts"),
        ({"messages": []}, "messages"),
        ({"generationConfig": {"max_tokens": 3}}, "max_tokens"),
        ({"generationConfig": {"maxOutputTokens": "3"}}, "maxOutputTokens"),
        ({"generationConfig": {"temperature": 3}}, "temperature"),
        ({"generationConfig": {"stopSequences": list("abcdef")}}, "stopSequences"),
        ({"generationConfig": {"candidateCount": 9}}, "candidateCount"),
        ({"generationConfig": {"responseSchema": SCHEMA}}, "generation_config.response_schema"),
        ({"tools": declared({"type": "object", "additionalProperties": False})}, "additionalProperties"),
        ({"tools": declared({"type": "object", "properties": {"a": {"const": 1}}})}, "const"),
        ({"tools": [{"functionDeclarations": [{}]}]}, "tools[0].function_declarations[0].name"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "MAYBE"}}}, "tool_config.function_calling_config.mode"),
    ],
)
def test_bad_requests_are_refused(change, param):
    """What Google refuses is refused with 400; a name that the API does not have is named."""
    with pytest.raises(Problem) as caught:
        reply(Script(), gemini() | change)
    assert (caught.value.status, caught.value.param) == (400, param)
