"""One request for each thing a caller can say, in each caller's dialect, marked so that it is recognised wherever it arrives."""

from __future__ import annotations

from typing import Any, NamedTuple

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQKJcOkw7zDtsOfCjIgMCBvYmoKPDwvTGVuZ3RoPj4Kc3RyZWFtCg=="
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA="
IMAGE_URL = "https://pictures.example/moon.png"
PDF_URL = "https://papers.example/moon.pdf"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"where_is_it": {"type": "string"}},
    "required": ["where_is_it"],
    "additionalProperties": False,
}
SIGNATURE = "c2lnbmF0dXJlLW9mLXRoZS10aG91Z2h0cy10aGF0LXdlcmU="


class Sample(NamedTuple):
    """`body` as JSON; `marks` are what must be found in what a provider is given, `absent` what must not."""

    body: dict[str, Any]
    marks: tuple[str, ...]
    absent: tuple[str, ...] = ()


def _chat(*messages: Any, **members: Any) -> dict[str, Any]:
    return {"model": "m", "messages": list(messages), **members}


def _user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


ASK = {"role": "user", "content": "Where is the moon?"}
CONVERSATION = ("system words", "first question", "first answer", "second question")
FUNCTION = {"name": "find_moon", "description": "Finds it now", "parameters": SCHEMA}
OTHER = {"name": "find_sun", "description": "Finds it too", "parameters": SCHEMA}
DECLARED = ("find_moon", "Finds it now", "where_is_it")
CALLED = ("find_moon", "find_sun", "over the sea", "behind the hill", "tool said up", "tool said down")
ARGUMENTS = '{"where_is_it":"over the sea"}'
ARGUMENTS_2 = '{"where_is_it":"behind the hill"}'


def chat() -> dict[str, Sample]:
    """OpenAI Chat Completions."""
    tools = [{"type": "function", "function": FUNCTION}, {"type": "function", "function": OTHER}]
    calls = [
        {"id": "call_a", "type": "function", "function": {"name": "find_moon", "arguments": ARGUMENTS}},
        {"id": "call_b", "type": "function", "function": {"name": "find_sun", "arguments": ARGUMENTS_2}},
    ]
    turns = [{"role": "user", "content": text} for text in CONVERSATION]
    turns[0]["role"], turns[2]["role"] = "system", "assistant"
    called = [
        ASK,
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "call_a", "content": "tool said up"},
        {"role": "tool", "tool_call_id": "call_b", "content": "tool said down"},
    ]
    text = {"type": "text", "text": "Look"}
    return {
        "text, several turns": Sample(_chat(*turns), CONVERSATION),
        "image, data": Sample(
            _chat(_user(text, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}})), (PNG,)
        ),
        "image, URL": Sample(_chat(_user(text, {"type": "image_url", "image_url": {"url": IMAGE_URL}})), (IMAGE_URL,)),
        "PDF, data": Sample(
            _chat(
                _user(text, {"type": "file", "file": {"filename": "moon.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}})
            ),
            (PDF,),
        ),
        "audio": Sample(_chat(_user(text, {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}})), (WAV,)),
        "tools": Sample(_chat(ASK, tools=tools), DECLARED),
        "tool choice: one by name": Sample(
            _chat(ASK, tools=tools, tool_choice={"type": "function", "function": {"name": "find_moon"}}), DECLARED, ("auto",)
        ),
        "tool choice: any": Sample(_chat(ASK, tools=tools, tool_choice="required"), DECLARED, ("auto",)),
        "tool choice: none": Sample(_chat(ASK, tools=tools, tool_choice="none"), (), ("auto", "required")),
        "one call at a time": Sample(_chat(ASK, tools=tools, parallel_tool_calls=False), DECLARED),
        "parallel calls and results": Sample(_chat(*called, tools=tools), CALLED),
        "JSON": Sample(_chat(ASK, response_format={"type": "json_object"}), ("json",)),
        "JSON that fits a schema": Sample(
            _chat(
                ASK, response_format={"type": "json_schema", "json_schema": {"name": "place", "strict": True, "schema": SCHEMA}}
            ),
            ("where_is_it",),
        ),
        "reasoning, how much": Sample(_chat(ASK, reasoning_effort="high"), ()),
        "stop sequences": Sample(_chat(ASK, stop=["HALT-1", "HALT-2"]), ("HALT-1", "HALT-2")),
        "sampling": Sample(_chat(ASK, temperature=0.4321, top_p=0.8765), ("0.4321", "0.8765")),
        "penalties": Sample(_chat(ASK, presence_penalty=0.1234, frequency_penalty=0.2345), ("0.1234", "0.2345")),
        "seed": Sample(_chat(ASK, seed=424242), ("424242",)),
        "maximum of tokens": Sample(_chat(ASK, max_completion_tokens=3333), ("3333",)),
        "several answers (n)": Sample(_chat(ASK, n=3), (":3",)),
        "log probabilities": Sample(_chat(ASK, logprobs=True, top_logprobs=4), ("logprobs",)),
        "user": Sample(_chat(ASK, user="user-4242"), ("user-4242",)),
        "metadata": Sample(_chat(ASK, metadata={"team": "astronomy"}), ("astronomy",)),
    }


def responses() -> dict[str, Sample]:
    """OpenAI Responses."""

    def ask(*items: Any, **members: Any) -> dict[str, Any]:
        return {"model": "m", "input": list(items) or "Where is the moon?", **members}

    def user(*parts: Any) -> dict[str, Any]:
        return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Look"}, *parts]}

    tools = [{"type": "function", **FUNCTION}, {"type": "function", **OTHER}]
    turns = [
        {"role": "user", "content": CONVERSATION[1]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": CONVERSATION[2]}]},
        {"role": "user", "content": CONVERSATION[3]},
    ]
    called = [
        ASK,
        {"type": "function_call", "call_id": "call_a", "name": "find_moon", "arguments": ARGUMENTS},
        {"type": "function_call", "call_id": "call_b", "name": "find_sun", "arguments": ARGUMENTS_2},
        {"type": "function_call_output", "call_id": "call_a", "output": "tool said up"},
        {"type": "function_call_output", "call_id": "call_b", "output": "tool said down"},
    ]
    picture = {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}
    result = [{"type": "input_text", "text": "tool said up"}, picture]
    return {
        "text, several turns": Sample(ask(*turns, instructions=CONVERSATION[0]), CONVERSATION),
        "image, data": Sample(ask(user(picture)), (PNG,)),
        "image, URL": Sample(ask(user({"type": "input_image", "image_url": IMAGE_URL})), (IMAGE_URL,)),
        "PDF, data": Sample(
            ask(user({"type": "input_file", "filename": "moon.pdf", "file_data": f"data:application/pdf;base64,{PDF}"})), (PDF,)
        ),
        "PDF, URL": Sample(ask(user({"type": "input_file", "file_url": PDF_URL})), (PDF_URL,)),
        "tools": Sample(ask(tools=tools), DECLARED),
        "tool choice: one by name": Sample(
            ask(tools=tools, tool_choice={"type": "function", "name": "find_moon"}), DECLARED, ("auto",)
        ),
        "tool choice: any": Sample(ask(tools=tools, tool_choice="required"), DECLARED, ("auto",)),
        "tool choice: none": Sample(ask(tools=tools, tool_choice="none"), (), ("auto", "required")),
        "one call at a time": Sample(ask(tools=tools, parallel_tool_calls=False), DECLARED),
        "parallel calls and results": Sample(ask(*called, tools=tools), CALLED),
        "image in a tool's result": Sample(
            ask(*called[:2], {"type": "function_call_output", "call_id": "call_a", "output": result}, tools=tools),
            ("tool said up", PNG),
        ),
        "JSON": Sample(ask(text={"format": {"type": "json_object"}}), ("json",)),
        "JSON that fits a schema": Sample(
            ask(text={"format": {"type": "json_schema", "name": "place", "strict": True, "schema": SCHEMA}}), ("where_is_it",)
        ),
        "reasoning, how much": Sample(ask(reasoning={"effort": "high"}), ()),
        "reasoning, sealed, of the same family": Sample(
            ask(
                ASK,
                {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": SIGNATURE},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "There."}]},
                ASK,
            ),
            (),
        ),
        "sampling": Sample(ask(temperature=0.4321, top_p=0.8765), ("0.4321", "0.8765")),
        "maximum of tokens": Sample(ask(max_output_tokens=3333), ("3333",)),
        "log probabilities": Sample(ask(include=["message.output_text.logprobs"], top_logprobs=4), ("logprobs",)),
        "user": Sample(ask(user="user-4242"), ("user-4242",)),
        "metadata": Sample(ask(metadata={"team": "astronomy"}), ("astronomy",)),
        "built-in tool": Sample(ask(tools=[{"type": "web_search"}]), ("web_search",)),
    }


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
        "image, data": Sample(ask(_user(text, picture)), (PNG,)),
        "image, URL": Sample(ask(_user(text, {"type": "image", "source": {"type": "url", "url": IMAGE_URL}})), (IMAGE_URL,)),
        "PDF, data": Sample(ask(_user(text, document({"type": "base64", "media_type": "application/pdf", "data": PDF}))), (PDF,)),
        "PDF, URL": Sample(ask(_user(text, document({"type": "url", "url": PDF_URL}))), (PDF_URL,)),
        "text document": Sample(
            ask(_user(text, document({"type": "text", "media_type": "text/plain", "data": "words of the paper"}))),
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
            ask(ASK, {"role": "assistant", "content": uses}, _user(*results), tools=tools), CALLED
        ),
        "failed tool": Sample(ask(*asked, _user(failed), tools=tools), ("tool fell over",)),
        "image in a tool's result": Sample(ask(*asked, _user(shown), tools=tools), ("tool said up", PNG)),
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
        return _chat(ASK, options=options)

    return {
        "text, several turns": Sample(_chat(*turns), CONVERSATION),
        "image, data": Sample(_chat({"role": "user", "content": "Look", "images": [PNG]}), (PNG,)),
        "tools": Sample(_chat(ASK, tools=tools), DECLARED),
        "parallel calls and results": Sample(_chat(*called, tools=tools), CALLED),
        "JSON": Sample(_chat(ASK, format="json"), ("json",)),
        "JSON that fits a schema": Sample(_chat(ASK, format=SCHEMA), ("where_is_it",)),
        "reasoning, how much": Sample(_chat(ASK, think="high"), ()),
        "stop sequences": Sample(optioned(stop=["HALT-1", "HALT-2"]), ("HALT-1", "HALT-2")),
        "sampling": Sample(optioned(temperature=0.4321, top_p=0.8765), ("0.4321", "0.8765")),
        "top k": Sample(optioned(top_k=47), ("47",)),
        "penalties": Sample(optioned(presence_penalty=0.1234, frequency_penalty=0.2345), ("0.1234", "0.2345")),
        "seed": Sample(optioned(seed=424242), ("424242",)),
        "maximum of tokens": Sample(optioned(num_predict=3333), ("3333",)),
        "log probabilities": Sample(_chat(ASK, logprobs=True, top_logprobs=4), ("logprobs",)),
    }
