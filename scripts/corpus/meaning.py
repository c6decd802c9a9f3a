"""What an answer says, read from its bytes by nothing of the gateway's: text, calls, why it ended, what it used."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from corpus.said import Meaning
from llm_gateway.http.framing.eventstream import EventStreamReader


def meaning(dialect: str, data: bytes, *, streaming: bool) -> Meaning:
    """Raises ValueError, KeyError and the like for what is not an answer."""
    found = Meaning(streaming=streaming)
    read = READERS[dialect]
    for document in documents(dialect, data, streaming=streaming):
        read(found, document)
    found.thought = found.thought or found.detailed
    return found


def documents(dialect: str, data: bytes, *, streaming: bool) -> list[Any]:
    """The JSON documents of an answer; those of AWS's event streams under their event's name."""
    if not streaming:
        return [json.loads(data)]
    if data[:1] == b"\x00":
        return _frames(dialect, data)
    if dialect.startswith("ollama"):
        return [json.loads(line) for line in data.splitlines() if line.strip()]
    text = data.decode("utf-8-sig").replace("\r\n", "\n")
    if text.lstrip()[:1] in "[{":
        whole = json.loads(text)
        return whole if isinstance(whole, list) else [whole]
    found = []
    for event in text.split("\n\n"):
        lines = [line[5:].removeprefix(" ") for line in event.split("\n") if line.startswith("data:")]
        if lines and "\n".join(lines).strip() != "[DONE]":
            found.append(json.loads("\n".join(lines)))
    return found


def _frames(dialect: str, data: bytes) -> list[Any]:
    import base64  # noqa: PLC0415 - one use

    found = []
    for message in EventStreamReader().feed(data):
        payload = json.loads(message.payload or b"{}")
        kind = message.headers.get(":event-type") or message.headers.get(":exception-type")
        if dialect == "anthropic_messages":
            found.append(json.loads(base64.b64decode(payload["bytes"])) if "bytes" in payload else {"type": "error"})
        else:
            found.append({kind: payload})
    return found


def _chat(found: Meaning, document: Any) -> None:
    if document.get("error"):
        found.failed = True
    for choice in document.get("choices") or ():
        found.choices = max(found.choices, (choice.get("index") or 0) + 1)
        if choice.get("index"):
            continue
        said = choice.get("delta" if found.streaming else "message") or {}  # Perplexity's chunks and answers have both
        _content(found, said.get("content"))
        found.text += said.get("refusal") or ""
        found.refused |= bool(said.get("refusal"))
        if not said and choice.get("text"):  # of a completion; Together's chat streams have it beside the delta
            found.text += choice["text"]
        found.thought += said.get("reasoning_content") or said.get("reasoning") or ""
        found.detailed += _details(said.get("reasoning_details"))
        if said.get("audio"):
            found.text += said["audio"].get("transcript") or ""
        if said.get("images"):
            found.more.add("images")
        if (said.get("function_call") or {}).get("name"):
            _add_call(found, {"function": said["function_call"], "index": 0})
        for call in said.get("tool_calls") or ():
            _add_call(found, call)
        found.ended(choice.get("finish_reason"))
    usage = document.get("usage") or {}
    found.used(usage.get("prompt_tokens"), usage.get("completion_tokens"))
    if isinstance(usage.get("total_tokens"), int):
        found.total = usage["total_tokens"]


def _details(details: Any) -> str:
    """Snowflake's and OpenRouter's reasoning."""
    return "".join(one.get("text") or one.get("summary") or "" for one in details or ())


def _content(found: Meaning, content: Any) -> None:
    if isinstance(content, str):
        found.text += content
    elif isinstance(content, dict):
        _content(found, [content])
    for part in content if isinstance(content, list) else ():
        if part.get("type") == "thinking":
            inner = part.get("thinking") or ""
            found.thought += inner if isinstance(inner, str) else "".join(one.get("text") or "" for one in inner)
        elif part.get("type") == "text":
            found.text += part.get("text") or ""
        elif part.get("type") != "reasoning":
            found.more.add(str(part.get("type")))


def _add_call(found: Meaning, call: dict[str, Any]) -> None:
    function = call.get("function") or call.get("custom") or {}
    arguments = function.get("arguments")
    arguments = function.get("input") if arguments is None else arguments
    if not isinstance(arguments, str):
        arguments = "" if arguments is None else json.dumps(arguments)
    at = call.get("index")
    if at is None and found.streaming and found.calls and not function.get("name"):
        at = len(found.calls) - 1  # more of the last one
    position = len(found.calls) if at is None else at
    while len(found.calls) <= position:
        found.calls.append(["", ""])
    found.calls[position][0] = found.calls[position][0] or function.get("name") or ""
    found.calls[position][1] += arguments


def _messages(found: Meaning, document: Any) -> None:
    kind = document.get("type")
    if kind == "error":
        found.failed = True
    whole = document if kind == "message" else document.get("message") if kind == "message_start" else None
    usage = (whole or document).get("usage") or {}
    if usage:
        cached = (usage.get("cache_read_input_tokens") or 0) + (usage.get("cache_creation_input_tokens") or 0)
        prompt = usage.get("input_tokens")
        found.used(None if prompt is None else prompt + cached, usage.get("output_tokens"))
    for block in (whole or {}).get("content") or ():
        _block(found, block)
    if whole:
        found.ended(whole.get("stop_reason"))
    if kind == "content_block_start":
        _block(found, document["content_block"])
    delta = document.get("delta") or {}
    if kind == "content_block_delta":
        found.text += delta.get("text") or ""
        found.thought += delta.get("thinking") or ""
        if "partial_json" in delta and found.calls and found.calls[-1][0] != "(server)":
            found.calls[-1][1] += delta["partial_json"]
    if kind == "content_block_stop" and found.calls and found.calls[-1][0] == "(server)":
        found.calls.pop()
    if kind == "message_delta":
        found.ended(delta.get("stop_reason"))


def _block(found: Meaning, block: dict[str, Any]) -> None:
    match block.get("type"):
        case "text":
            found.text += block.get("text") or ""
        case "thinking":
            found.thought += block.get("thinking") or ""
        case "tool_use":
            found.calls.append([block["name"], json.dumps(block["input"]) if block.get("input") else ""])
        case "redacted_thinking":
            pass
        case other:
            found.more.add(str(other))
            if found.streaming and str(other).endswith("tool_use") and not block.get("input"):
                found.calls.append(["(server)", ""])


def _responses(found: Meaning, document: Any) -> None:
    kind = document.get("type") or ""
    if kind == "error" or document.get("error"):
        found.failed = True
    if kind and not kind.startswith("response"):
        return
    whole = document if document.get("object") == "response" else None
    if kind in {"response.completed", "response.incomplete", "response.failed"}:
        whole = document["response"]
    if whole is None:
        return
    if whole.get("error"):
        found.failed = True
    found.text, found.thought, found.calls = "", "", []
    for item in whole.get("output") or ():
        _item(found, item)
    found.ended((whole.get("incomplete_details") or {}).get("reason") or whole.get("status"))
    usage = whole.get("usage") or {}
    found.used(usage.get("input_tokens"), usage.get("output_tokens"))


def _item(found: Meaning, item: dict[str, Any]) -> None:
    match item.get("type"):
        case "message":
            found.text += "".join(part.get("text") or part.get("refusal") or "" for part in item.get("content") or ())
            found.refused |= any(part.get("type") == "refusal" for part in item.get("content") or ())
        case "reasoning":
            parts = [*(item.get("summary") or ()), *(item.get("content") or ())]
            found.thought += "".join(part.get("text") or "" for part in parts)
        case "function_call":
            found.calls.append([item["name"], item["arguments"]])
        case "custom_tool_call":
            found.calls.append([item["name"], item["input"]])
        case other:
            found.more.add(str(other))


def _gemini(found: Meaning, document: Any) -> None:
    if "error" in document:
        found.failed = True
    for candidate in document.get("candidates") or ():
        found.choices = max(found.choices, (candidate.get("index") or 0) + 1)
        if candidate.get("index"):
            continue
        for part in (candidate.get("content") or {}).get("parts") or ():
            if "text" in part:
                if part.get("thought"):
                    found.thought += part["text"]
                else:
                    found.text += part["text"]
            elif "functionCall" in part:
                call = part["functionCall"]
                found.calls.append([call["name"], json.dumps(call.get("args") or {})])
            else:
                found.more |= part.keys() - {"thoughtSignature", "thought"}
        found.ended(candidate.get("finishReason"))
    if (document.get("promptFeedback") or {}).get("blockReason"):
        found.ended("SAFETY")
    usage = document.get("usageMetadata") or {}
    if usage:
        completion = (usage.get("candidatesTokenCount") or 0) + (usage.get("thoughtsTokenCount") or 0)
        found.used((usage.get("promptTokenCount") or 0) + (usage.get("toolUsePromptTokenCount") or 0), completion)


def _ollama(found: Meaning, document: Any) -> None:
    if document.get("error"):
        found.failed = True
    said = document.get("message") or {}
    found.text += said.get("content") or document.get("response") or ""
    found.thought += said.get("thinking") or document.get("thinking") or ""
    for call in said.get("tool_calls") or ():
        _add_call(found, {"function": call["function"]})
    if document.get("done"):
        found.ended(document.get("done_reason") or "stop")
        found.used(document.get("prompt_eval_count"), document.get("eval_count"))


def _converse(found: Meaning, document: Any) -> None:
    message = (document.get("output") or {}).get("message") or {}
    for block in message.get("content") or ():
        _converse_block(found, block)
    start = document.get("contentBlockStart", {}).get("start") or {}
    if "toolUse" in start:
        found.calls.append([start["toolUse"]["name"], ""])
    delta = document.get("contentBlockDelta", {}).get("delta") or {}
    found.text += delta.get("text") or ""
    found.thought += (delta.get("reasoningContent") or {}).get("text") or ""
    if "toolUse" in delta and found.calls:
        found.calls[-1][1] += delta["toolUse"].get("input") or ""
    found.ended(document.get("stopReason") or document.get("messageStop", {}).get("stopReason"))
    usage = document.get("usage") or document.get("metadata", {}).get("usage") or {}
    if usage:
        cached = (usage.get("cacheReadInputTokens") or 0) + (usage.get("cacheWriteInputTokens") or 0)
        found.used(usage["inputTokens"] + cached, usage["outputTokens"])
    found.failed |= any(str(name).endswith("xception") for name in document)


def _converse_block(found: Meaning, block: dict[str, Any]) -> None:
    if "text" in block:
        found.text += block["text"]
    elif "toolUse" in block and block["toolUse"].get("type") == "server_tool_use":
        found.more.add("server_tool_use")
    elif "toolUse" in block:
        found.calls.append([block["toolUse"]["name"], json.dumps(block["toolUse"].get("input") or {})])
    elif "reasoningContent" in block:
        found.thought += (block["reasoningContent"].get("reasoningText") or {}).get("text") or ""
    elif "citationsContent" in block:
        found.text += "".join(part.get("text") or "" for part in block["citationsContent"].get("content") or ())
    else:
        found.more |= block.keys()


def _cohere(found: Meaning, document: Any) -> None:
    kind = document.get("type")
    delta = document.get("delta") or {}
    found.failed |= "ERROR" in {document.get("finish_reason"), delta.get("finish_reason")}
    said = document.get("message") or delta.get("message") or {}
    if kind is None or kind == "content-delta":
        content = said.get("content")
        for part in content if isinstance(content, list) else [content] if content else ():
            found.text += part.get("text") or ""
            found.thought += part.get("thinking") or ""
    plan = said.get("tool_plan") or ""
    found.thought += plan
    calls = said.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        _add_call(found, {"function": call["function"]})
    if kind == "tool-call-start":
        _add_call(found, {"function": calls["function"]})
    if kind == "tool-call-delta":
        found.calls[-1][1] += calls["function"].get("arguments") or ""
    found.ended(document.get("finish_reason") or delta.get("finish_reason"))
    usage = (document.get("usage") or delta.get("usage") or {}).get("tokens") or {}
    found.used(usage and (usage.get("input_tokens") or 0) + (usage.get("image_tokens") or 0), usage.get("output_tokens"))


READERS: dict[str, Callable[[Meaning, Any], None]] = {
    "openai_chat": _chat,
    "mistral_chat": _chat,
    "openai_completions": _chat,
    "anthropic_messages": _messages,
    "openai_responses": _responses,
    "gemini": _gemini,
    "ollama_chat": _ollama,
    "ollama_generate": _ollama,
    "bedrock_converse": _converse,
    "cohere_chat": _cohere,
}
