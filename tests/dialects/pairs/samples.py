"""One request for each thing a caller can say, marked so that it is recognised wherever it arrives: OpenAI's two dialects."""

from __future__ import annotations

from typing import Any

from dialects.pairs.sample import (
    ARGUMENTS,
    ARGUMENTS_2,
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
        "text, several turns": Sample(body(*turns), CONVERSATION),
        "image, data": Sample(
            body(user_turn(text, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}})), (PNG,)
        ),
        "image, URL": Sample(body(user_turn(text, {"type": "image_url", "image_url": {"url": IMAGE_URL}})), (IMAGE_URL,)),
        "PDF, data": Sample(
            body(
                user_turn(
                    text, {"type": "file", "file": {"filename": "moon.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}}
                )
            ),
            (PDF,),
        ),
        "audio": Sample(body(user_turn(text, {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}})), (WAV,)),
        "tools": Sample(body(ASK, tools=tools), DECLARED),
        "tool choice: one by name": Sample(
            body(ASK, tools=tools, tool_choice={"type": "function", "function": {"name": "find_moon"}}), DECLARED, ("auto",)
        ),
        "tool choice: any": Sample(body(ASK, tools=tools, tool_choice="required"), DECLARED, ("auto",)),
        "tool choice: none": Sample(body(ASK, tools=tools, tool_choice="none"), (), ("auto", "required")),
        "one call at a time": Sample(body(ASK, tools=tools, parallel_tool_calls=False), DECLARED),
        "parallel calls and results": Sample(body(*called, tools=tools), CALLED),
        "JSON": Sample(body(ASK, response_format={"type": "json_object"}), ("json",)),
        "JSON that fits a schema": Sample(
            body(
                ASK, response_format={"type": "json_schema", "json_schema": {"name": "place", "strict": True, "schema": SCHEMA}}
            ),
            ("where_is_it",),
        ),
        "reasoning, how much": Sample(body(ASK, reasoning_effort="high"), ()),
        "stop sequences": Sample(body(ASK, stop=["HALT-1", "HALT-2"]), ("HALT-1", "HALT-2")),
        "sampling": Sample(body(ASK, temperature=0.4321, top_p=0.8765), ("0.4321", "0.8765")),
        "penalties": Sample(body(ASK, presence_penalty=0.1234, frequency_penalty=0.2345), ("0.1234", "0.2345")),
        "seed": Sample(body(ASK, seed=424242), ("424242",)),
        "maximum of tokens": Sample(body(ASK, max_completion_tokens=3333), ("3333",)),
        "several answers (n)": Sample(body(ASK, n=3), (":3",)),
        "log probabilities": Sample(body(ASK, logprobs=True, top_logprobs=4), ("logprobs",)),
        "user": Sample(body(ASK, user="user-4242"), ("user-4242",)),
        "metadata": Sample(body(ASK, metadata={"team": "astronomy"}), ("astronomy",)),
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
