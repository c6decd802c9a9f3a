"""The samples of Anthropic, Gemini and Ollama."""

from __future__ import annotations

from typing import Any

from dialects.pairs.sample import (
    ASK,
    CALLED,
    CONVERSATION,
    DECLARED,
    FUNCTION,
    IMAGE_URL,
    OTHER,
    PDF,
    PDF_URL,
    PNG,
    SCHEMA,
    SIGNATURE,
    WAV,
    Sample,
    body,
    user_turn,
)


def messages() -> dict[str, Sample]:
    """Anthropic Messages."""

    def ask(*turns: Any, **members: Any) -> dict[str, Any]:
        return {"model": "m", "max_tokens": 4000, "messages": list(turns) or [ASK], **members}

    def own(function: dict[str, Any]) -> dict[str, Any]:
        return {"name": function["name"], "description": function["description"], "input_schema": SCHEMA}

    tools = [own(FUNCTION), own(OTHER)]
    text = {"type": "text", "text": "Look"}
    uses = [
        {"type": "tool_use", "id": "toolu_a", "name": "find_moon", "input": {"where_is_it": "over the sea"}},
        {"type": "tool_use", "id": "toolu_b", "name": "find_sun", "input": {"where_is_it": "behind the hill"}},
    ]
    results = [
        {"type": "tool_result", "tool_use_id": "toolu_a", "content": "tool said up"},
        {"type": "tool_result", "tool_use_id": "toolu_b", "content": "tool said down"},
    ]
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    turns = [
        {"role": "user", "content": CONVERSATION[1]},
        {"role": "assistant", "content": CONVERSATION[2]},
        {"role": "user", "content": CONVERSATION[3]},
    ]
    thought = {"type": "thinking", "thinking": "thought about it", "signature": SIGNATURE}

    def document(source: dict[str, Any]) -> dict[str, Any]:
        return {"type": "document", "title": "moon.pdf", "source": source}

    failed = {"type": "tool_result", "tool_use_id": "toolu_a", "content": "tool fell over", "is_error": True}
    shown = {"type": "tool_result", "tool_use_id": "toolu_a", "content": [{"type": "text", "text": "tool said up"}, picture]}
    asked = [ASK, {"role": "assistant", "content": uses[:1]}]
    return {
        "text, several turns": Sample(ask(*turns, system=CONVERSATION[0]), CONVERSATION),
        "image, data": Sample(ask(user_turn(text, picture)), (PNG,)),
        "image, URL": Sample(ask(user_turn(text, {"type": "image", "source": {"type": "url", "url": IMAGE_URL}})), (IMAGE_URL,)),
        "PDF, data": Sample(
            ask(user_turn(text, document({"type": "base64", "media_type": "application/pdf", "data": PDF}))), (PDF,)
        ),
        "PDF, URL": Sample(ask(user_turn(text, document({"type": "url", "url": PDF_URL}))), (PDF_URL,)),
        "text document": Sample(
            ask(user_turn(text, document({"type": "text", "media_type": "text/plain", "data": "words of the paper"}))),
            ("words of the paper",),
        ),
        "tools": Sample(ask(tools=tools), DECLARED),
        "tool choice: one by name": Sample(
            ask(tools=tools, tool_choice={"type": "tool", "name": "find_moon"}), DECLARED, ("auto",)
        ),
        "tool choice: any": Sample(ask(tools=tools, tool_choice={"type": "any"}), DECLARED, ("auto",)),
        "tool choice: none": Sample(ask(tools=tools, tool_choice={"type": "none"}), (), ("auto", "required")),
        "one call at a time": Sample(ask(tools=tools, tool_choice={"type": "auto", "disable_parallel_tool_use": True}), DECLARED),
        "parallel calls and results": Sample(
            ask(ASK, {"role": "assistant", "content": uses}, user_turn(*results), tools=tools), CALLED
        ),
        "failed tool": Sample(ask(*asked, user_turn(failed), tools=tools), ("tool fell over",)),
        "image in a tool's result": Sample(ask(*asked, user_turn(shown), tools=tools), ("tool said up", PNG)),
        "JSON that fits a schema": Sample(
            ask(output_config={"format": {"type": "json_schema", "schema": SCHEMA}}), ("where_is_it",)
        ),
        "reasoning, how much": Sample(ask(thinking={"type": "enabled", "budget_tokens": 2345}), ()),
        "reasoning with a signature": Sample(
            ask(
                ASK,
                {"role": "assistant", "content": [thought, {"type": "text", "text": "There."}]},
                ASK,
                thinking={"type": "enabled", "budget_tokens": 2345},
            ),
            (),
        ),
        "stop sequences": Sample(ask(stop_sequences=["HALT-1", "HALT-2"]), ("HALT-1", "HALT-2")),
        "sampling": Sample(ask(temperature=0.4321, top_p=0.8765), ("0.4321", "0.8765")),
        "top k": Sample(ask(top_k=47), ("47",)),
        "maximum of tokens": Sample(ask() | {"max_tokens": 3333}, ("3333",)),
        "user": Sample(ask(metadata={"user_id": "user-4242"}), ("user-4242",)),
        "cache marks": Sample(
            ask({"role": "user", "content": [{"type": "text", "text": "Look", "cache_control": {"type": "ephemeral"}}]}), ()
        ),
        "built-in tool": Sample(ask(tools=[{"type": "web_search_20250305", "name": "web_search"}]), ("web_search",)),
    }


def gemini() -> dict[str, Sample]:
    """Gemini."""

    def ask(*turns: Any, **members: Any) -> dict[str, Any]:
        return {"contents": list(turns) or [{"role": "user", "parts": [{"text": "Where is the moon?"}]}], **members}

    def turn(role: str, *parts: Any) -> dict[str, Any]:
        return {"role": role, "parts": list(parts)}

    def configured(**members: Any) -> dict[str, Any]:
        return ask(generationConfig=members)

    tools = [{"functionDeclarations": [FUNCTION, OTHER]}]
    text = {"text": "Look"}
    calls = [
        {"functionCall": {"name": "find_moon", "args": {"where_is_it": "over the sea"}}},
        {"functionCall": {"name": "find_sun", "args": {"where_is_it": "behind the hill"}}},
    ]
    results = [
        {"functionResponse": {"name": "find_moon", "response": {"result": "tool said up"}}},
        {"functionResponse": {"name": "find_sun", "response": {"result": "tool said down"}}},
    ]
    asked = turn("user", {"text": "Where?"})
    system = {"parts": [{"text": CONVERSATION[0]}]}
    turns = [
        turn("user", {"text": CONVERSATION[1]}),
        turn("model", {"text": CONVERSATION[2]}),
        turn("user", {"text": CONVERSATION[3]}),
    ]
    signed = {**calls[0], "thoughtSignature": SIGNATURE}

    def choice(**config: Any) -> dict[str, Any]:
        return {"functionCallingConfig": config}

    return {
        "text, several turns": Sample(ask(*turns, systemInstruction=system), CONVERSATION),
        "image, data": Sample(ask(turn("user", text, {"inlineData": {"mimeType": "image/png", "data": PNG}})), (PNG,)),
        "image, URL": Sample(
            ask(turn("user", text, {"fileData": {"mimeType": "image/png", "fileUri": IMAGE_URL}})), (IMAGE_URL,)
        ),
        "PDF, data": Sample(ask(turn("user", text, {"inlineData": {"mimeType": "application/pdf", "data": PDF}})), (PDF,)),
        "PDF, URL": Sample(
            ask(turn("user", text, {"fileData": {"mimeType": "application/pdf", "fileUri": PDF_URL}})), (PDF_URL,)
        ),
        "audio": Sample(ask(turn("user", text, {"inlineData": {"mimeType": "audio/wav", "data": WAV}})), (WAV,)),
        "tools": Sample(ask(tools=tools), DECLARED),
        "tool choice: one by name": Sample(
            ask(tools=tools, toolConfig=choice(mode="ANY", allowedFunctionNames=["find_moon"])), DECLARED[:1], ("auto",)
        ),
        "tool choice: any": Sample(ask(tools=tools, toolConfig=choice(mode="ANY")), DECLARED, ("auto",)),
        "tool choice: none": Sample(ask(tools=tools, toolConfig=choice(mode="NONE")), (), ("auto", "required")),
        "parallel calls and results": Sample(ask(asked, turn("model", *calls), turn("user", *results), tools=tools), CALLED),
        "reasoning with a signature": Sample(
            ask(asked, turn("model", signed), turn("user", results[0]), tools=tools), ("over the sea", "tool said up")
        ),
        "JSON": Sample(configured(responseMimeType="application/json"), ("json",)),
        "JSON that fits a schema": Sample(
            configured(responseMimeType="application/json", responseJsonSchema=SCHEMA), ("where_is_it",)
        ),
        "reasoning, how much": Sample(configured(thinkingConfig={"thinkingBudget": 2345}), ()),
        "stop sequences": Sample(configured(stopSequences=["HALT-1", "HALT-2"]), ("HALT-1", "HALT-2")),
        "sampling": Sample(configured(temperature=0.4321, topP=0.8765), ("0.4321", "0.8765")),
        "top k": Sample(configured(topK=47), ("47",)),
        "penalties": Sample(configured(presencePenalty=0.1234, frequencyPenalty=0.2345), ("0.1234", "0.2345")),
        "seed": Sample(configured(seed=424242), ("424242",)),
        "maximum of tokens": Sample(configured(maxOutputTokens=3333), ("3333",)),
        "several answers (n)": Sample(configured(candidateCount=3), (":3",)),
        "log probabilities": Sample(configured(responseLogprobs=True, logprobs=4), ("logprobs",)),
        "built-in tool": Sample(ask(tools=[{"googleSearch": {}}]), ("googleSearch",)),
    }


def ollama() -> dict[str, Sample]:
    """Ollama /api/chat."""
    tools = [{"type": "function", "function": FUNCTION}, {"type": "function", "function": OTHER}]
    calls = [
        {"function": {"name": "find_moon", "arguments": {"where_is_it": "over the sea"}}},
        {"function": {"name": "find_sun", "arguments": {"where_is_it": "behind the hill"}}},
    ]
    called = [
        ASK,
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "tool_name": "find_moon", "content": "tool said up"},
        {"role": "tool", "tool_name": "find_sun", "content": "tool said down"},
    ]
    turns = [{"role": "user", "content": text} for text in CONVERSATION]
    turns[0]["role"], turns[2]["role"] = "system", "assistant"

    def optioned(**options: Any) -> dict[str, Any]:
        return body(ASK, options=options)

    return {
        "text, several turns": Sample(body(*turns), CONVERSATION),
        "image, data": Sample(body({"role": "user", "content": "Look", "images": [PNG]}), (PNG,)),
        "tools": Sample(body(ASK, tools=tools), DECLARED),
        "parallel calls and results": Sample(body(*called, tools=tools), CALLED),
        "JSON": Sample(body(ASK, format="json"), ("json",)),
        "JSON that fits a schema": Sample(body(ASK, format=SCHEMA), ("where_is_it",)),
        "reasoning, how much": Sample(body(ASK, think="high"), ()),
        "stop sequences": Sample(optioned(stop=["HALT-1", "HALT-2"]), ("HALT-1", "HALT-2")),
        "sampling": Sample(optioned(temperature=0.4321, top_p=0.8765), ("0.4321", "0.8765")),
        "top k": Sample(optioned(top_k=47), ("47",)),
        "penalties": Sample(optioned(presence_penalty=0.1234, frequency_penalty=0.2345), ("0.1234", "0.2345")),
        "seed": Sample(optioned(seed=424242), ("424242",)),
        "maximum of tokens": Sample(optioned(num_predict=3333), ("3333",)),
        "log probabilities": Sample(body(ASK, logprobs=True, top_logprobs=4), ("logprobs",)),
    }
