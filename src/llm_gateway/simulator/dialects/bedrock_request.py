"""Reading a Converse request: what it asks for, and what Bedrock would refuse in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from llm_gateway.simulator.dialects.checks import (
    encoded_size,
    integer,
    number,
    objects,
    parts,
    section,
    some_objects,
    strings,
    text,
)
from llm_gateway.simulator.problems import Front, Problem, missing, out_of_range
from llm_gateway.simulator.script import Ask, Tool, cached_tokens
from llm_gateway.simulator.tokens import IMAGE_TOKENS, MESSAGE_TOKENS, estimate

FRONT = Front.BEDROCK
MEDIA = ("image", "document", "video", "audio")


def read(request: Mapping[str, Any]) -> tuple[Ask, tuple[int, int]]:
    """The Ask, and how many prompt tokens are (written to, read from) the prompt cache.

    Everything up to the last cachePoint is written; with "[cached]" in the last text of the user it is read instead.
    """
    messages = some_objects(request, "messages", FRONT)
    turns = [_content(message, index) for index, message in enumerate(messages)]
    config = section(request, "inferenceConfig", FRONT)
    number(config, "temperature", 0, 1, FRONT)
    number(config, "topP", 0, 1, FRONT)
    spoken = [message["role"] == "user" and bool(_text(turns[i])) for i, message in enumerate(messages)]
    last = max((i for i, said in enumerate(spoken) if said), default=len(messages) - 1)
    sizes = [MESSAGE_TOKENS + sum(_size(block) for block in turn) for turn in turns]
    system, tooling = objects(request, "system", FRONT), section(request, "toolConfig", FRONT)
    base = estimate(_text(system)) + encoded_size(tooling.get("tools"))
    tools = _tools(tooling)
    extra = section(request, "additionalModelRequestFields", FRONT)
    thinking = extra.get("thinking", extra.get("reasoning_config"))
    ask = Ask(
        model=text(request, "model", FRONT),
        text=_text(turns[last]),
        prompt_tokens=base + sum(sizes),
        earlier_tokens=base + sum(sizes) - sizes[last],
        images=sum("image" in block for block in turns[last]),
        files=sum("document" in block or "video" in block for block in turns[last]),
        tools=tools,
        choice=_choice(tooling),
        results=tuple(result for turn in turns[last:] for result in _results(turn)),
        limit=integer(config, "maxTokens", 1, FRONT),
        stop=strings(config, "stopSequences", 2500, FRONT),
        schema=_schema(request),
        thinking=isinstance(thinking, dict) and thinking.get("type") in ("enabled", "adaptive"),
    )
    marked = [index for index, turn in enumerate(turns) if _marked(turn)]
    covered = base + sum(sizes[: marked[-1] + 1]) if marked else base * _marked([*system, *parts(tooling.get("tools"))])
    found = cached_tokens(ask)
    if found and covered:
        found, covered = covered, 0
    return ask, (0, found) if found else (covered, 0)


def _content(message: Mapping[str, Any], index: int) -> list[dict[str, Any]]:
    if message.get("role") not in ("user", "assistant"):
        raise out_of_range(f"messages.{index + 1}.member.role", "Member must satisfy enum value set: [user, assistant]", FRONT)
    content = objects(message, "content", FRONT)
    if not content:
        where = f"messages.{index}"
        raise Problem(400, f"The content field in the Message object at {where} is empty.", param=f"{where}.content")
    return content


def _text(blocks: list[dict[str, Any]]) -> str:
    return "".join(_words(block) for block in blocks)


def _words(block: Mapping[str, Any]) -> str:
    guarded = block.get("guardContent")
    inner = guarded.get("text") if isinstance(guarded, dict) else None
    return str(inner.get("text", "") if isinstance(inner, dict) else block.get("text", ""))


def _size(block: Mapping[str, Any]) -> int:
    if any(name in block for name in MEDIA):
        return IMAGE_TOKENS
    if isinstance(result := block.get("toolResult"), dict):
        return MESSAGE_TOKENS + sum(_size(inner) for inner in parts(result.get("content")))
    if "text" in block or "guardContent" in block:
        return estimate(_words(block))
    return 0 if "cachePoint" in block else encoded_size(block)


def _results(turn: list[dict[str, Any]]) -> list[str]:
    found = []
    for block in turn:
        if isinstance(result := block.get("toolResult"), dict):
            inner = parts(result.get("content"))
            said = [
                str(x["text"]) if "text" in x else msgspec.json.encode(x["json"]).decode()
                for x in inner
                if x.keys() & {"text", "json"}
            ]
            found.append("".join(said))
    return found


def _marked(blocks: list[dict[str, Any]]) -> bool:
    return any("cachePoint" in block for block in blocks)


def _tools(tooling: Mapping[str, Any]) -> tuple[Tool, ...]:
    found = []
    for index, tool in enumerate(objects(tooling, "tools", FRONT)):
        spec = tool.get("toolSpec")
        if spec is None and tool:
            continue  # cache points, and tools of the provider's own
        if not isinstance(spec, dict) or not isinstance(spec.get("name"), str):
            raise missing(f"toolConfig.tools.{index + 1}.member.toolSpec.name", FRONT)
        schema = spec.get("inputSchema")
        if not isinstance(schema, dict):
            raise missing(f"toolConfig.tools.{index + 1}.member.toolSpec.inputSchema", FRONT)
        found.append(Tool(name=spec["name"], schema=schema.get("json")))
    return tuple(found)


def _choice(tooling: Mapping[str, Any]) -> str:
    choice = section(tooling, "toolChoice", FRONT)
    if isinstance(choice.get("tool"), dict):
        return str(choice["tool"].get("name"))
    return "any" if "any" in choice else "auto"


def _schema(request: Mapping[str, Any]) -> Any:
    """outputConfig.textFormat: the schema is JSON text in it."""
    wanted: Any = section(request, "outputConfig", FRONT)
    for name in ("textFormat", "structure", "jsonSchema", "schema"):
        wanted = wanted.get(name) if isinstance(wanted, dict) else None
    if not isinstance(wanted, str):
        return None
    try:
        return msgspec.json.decode(wanted)
    except msgspec.DecodeError:
        raise out_of_range("outputConfig.textFormat.structure.jsonSchema.schema", "not valid JSON", FRONT) from None
