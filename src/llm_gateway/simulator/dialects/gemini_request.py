"""Reading a Gemini request: what it asks for, and what Google would refuse in it.

Names are taken in camelCase and snake_case, as protobuf's JSON does. A name that no message of the API has is refused: so
is a keyword of JSON Schema that Gemini's Schema lacks (ai.google.dev/api/caching#Schema).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from llm_gateway.simulator.dialects.checks import encoded_size, integer, number, objects, parts, section, some_objects, strings
from llm_gateway.simulator.problems import Front, Problem, missing, out_of_range
from llm_gateway.simulator.script import Ask, Tool
from llm_gateway.simulator.tokens import IMAGE_TOKENS, MESSAGE_TOKENS, estimate

FRONT = Front.GEMINI
FIELDS = frozenset(
    (
        *("model", "contents", "systemInstruction", "tools", "toolConfig", "safetySettings", "generationConfig"),
        *("cachedContent", "labels", "serviceTier", "store"),
    )
)
CONFIG = frozenset(
    (
        *("stopSequences", "responseMimeType", "responseSchema", "responseJsonSchema", "_responseJsonSchema"),
        *("responseModalities", "candidateCount", "maxOutputTokens", "temperature", "topP", "topK", "seed"),
        *("presencePenalty", "frequencyPenalty", "responseLogprobs", "logprobs", "enableEnhancedCivicAnswers"),
        *("speechConfig", "thinkingConfig", "imageConfig", "mediaResolution", "routingConfig", "audioTimestamp"),
    )
)
SCHEMA = frozenset(
    (
        *("type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems", "properties", "required"),
        *("minProperties", "maxProperties", "minLength", "maxLength", "pattern", "example", "anyOf", "propertyOrdering"),
        *("default", "items", "minimum", "maximum"),
    )
)
_SNAKE = re.compile(r"(?<=[a-z0-9])_([a-z])")


def read(request: Mapping[str, Any]) -> tuple[Ask, dict[str, Any]]:
    """The Ask, and the generationConfig in camelCase; raises Problem where Google would refuse the request."""
    request = camel(request, FIELDS, "")
    contents = some_objects(request, "contents", FRONT)
    config = camel(section(request, "generationConfig", FRONT), CONFIG, "generation_config")
    number(config, "temperature", 0, 2, FRONT)
    tools = _tools(request)
    turns = [_parts(content, index) for index, content in enumerate(contents)]
    spoken = [content.get("role", "user") == "user" and bool(_text(turns[i])) for i, content in enumerate(contents)]
    last = max((i for i, said in enumerate(spoken) if said), default=len(contents) - 1)
    sizes = [MESSAGE_TOKENS + sum(_size(part) for part in turn) for turn in turns]
    system = request.get("systemInstruction")
    base = estimate(_text(parts(_listed(system.get("parts"))))) if isinstance(system, dict) else 0
    base += encoded_size(request.get("tools"))
    mimes = [_mime(part) for part in turns[last]]
    schema, json_mode = _format(config)
    choice, tools = _choice(request, tools)
    ask = Ask(
        model=str(request.get("model")),
        text=_text(turns[last]),
        prompt_tokens=base + sum(sizes),
        earlier_tokens=base + sum(sizes) - sizes[last],
        images=sum(mime.startswith("image/") for mime in mimes),
        files=sum(bool(mime) and not mime.startswith("image/") for mime in mimes),
        tools=tools,
        choice=choice,
        results=tuple(result for turn in turns[last + 1 :] for result in _results(turn)),
        limit=integer(config, "maxOutputTokens", 1, FRONT),
        stop=strings(config, "stopSequences", 5, FRONT),
        schema=schema,
        json_mode=json_mode,
        thinking=_thinking(config),
    )
    return ask, config


def camel(holder: Mapping[str, Any], known: frozenset[str], at: str) -> dict[str, Any]:
    """The fields by their camelCase names; raises Problem for a name that is not known."""
    found = {}
    for name, value in holder.items():
        proper = _SNAKE.sub(lambda match: match[1].upper(), name)
        if proper not in known:
            place = f" at '{at}'" if at else ""
            raise Problem(400, f'Invalid JSON payload received. Unknown name "{name}"{place}: Cannot find field.', param=name)
        found[proper] = value
    return found


def _either(holder: Mapping[str, Any], name: str) -> Any:
    """A field by its camelCase name or its snake_case one."""
    return holder.get(name, holder.get(re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), name)))


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value  # protobuf takes one for a list of one


def _parts(content: Mapping[str, Any], index: int) -> list[dict[str, Any]]:
    if content.get("role", "user") not in ("user", "model", "function", "tool"):
        raise Problem(400, "Please use a valid role: user, model.", param=f"contents[{index}].role")
    found = parts(_listed(content.get("parts")))
    if not found:
        raise missing(f"contents[{index}].parts", FRONT)
    return found


def _text(turn: list[dict[str, Any]]) -> str:
    return "".join(str(part["text"]) for part in turn if part.get("text") and not part.get("thought"))


def _mime(part: Mapping[str, Any]) -> str:
    blob = _either(part, "inlineData") or _either(part, "fileData")
    return str(_either(blob, "mimeType") or "application/octet-stream") if isinstance(blob, dict) else ""


def _size(part: Mapping[str, Any]) -> int:
    if "text" in part:
        return estimate(str(part["text"]))
    return IMAGE_TOKENS if _mime(part) else encoded_size(part)


def _results(turn: list[dict[str, Any]]) -> list[str]:
    """Function results: what stands under `result` or `output`, or all of it."""
    found = []
    for part in turn:
        response = _either(part, "functionResponse")
        if isinstance(response, dict):
            said = response.get("response")
            inner = said.get("result", said.get("output", said)) if isinstance(said, dict) else said
            found.append(inner if isinstance(inner, str) else msgspec.json.encode(inner).decode())
    return found


def _tools(request: Mapping[str, Any]) -> tuple[Tool, ...]:
    found = []
    for index, tool in enumerate(objects({"tools": _listed(request.get("tools"))}, "tools", FRONT)):
        declared = _either(tool, "functionDeclarations")
        for number_, function in enumerate(parts(_listed(declared))):
            at = f"tools[{index}].function_declarations[{number_}]"
            if not isinstance(function.get("name"), str):
                raise missing(f"{at}.name", FRONT)
            own = function.get("parameters")
            free = _either(function, "parametersJsonSchema")
            found.append(Tool(name=function["name"], schema=plain(own, f"{at}.parameters") if free is None else free))
    return tuple(found)


def plain(schema: Any, at: str) -> Any:
    """Google's Schema as JSON Schema: types in lower case, null as a type; raises Problem for keywords it does not have."""
    if not isinstance(schema, dict):
        return schema
    made = camel(schema, SCHEMA, at)
    if isinstance(made.get("type"), str):
        made["type"] = made["type"].lower()
    if isinstance(made.get("properties"), dict):
        made["properties"] = {name: plain(value, f"{at}.properties[{name}]") for name, value in made["properties"].items()}
    if "items" in made:
        made["items"] = plain(made["items"], f"{at}.items")
    if isinstance(made.get("anyOf"), list):
        made["anyOf"] = [plain(branch, f"{at}.any_of") for branch in made["anyOf"]]
    return made


def _choice(request: Mapping[str, Any], tools: tuple[Tool, ...]) -> tuple[str, tuple[Tool, ...]]:
    """The choice, and the tools that may be called."""
    config = _either(section(request, "toolConfig", FRONT), "functionCallingConfig") or {}
    mode = str(config.get("mode", "AUTO")).upper() if isinstance(config, dict) else "AUTO"
    if mode not in ("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"):
        raise out_of_range("tool_config.function_calling_config.mode", "unknown mode", FRONT)
    allowed = _either(config, "allowedFunctionNames") if isinstance(config, dict) else None
    if isinstance(allowed, list) and allowed:
        tools = tuple(tool for tool in tools if tool.name in allowed)
    return {"ANY": "any", "NONE": "none"}.get(mode, "auto"), tools


def _format(config: Mapping[str, Any]) -> tuple[Any, bool]:
    free = config.get("responseJsonSchema", config.get("_responseJsonSchema"))
    own = config.get("responseSchema")
    if config.get("responseMimeType") != "application/json":
        if own is not None or free is not None:
            raise out_of_range(
                "generation_config.response_schema", "only allowed with response_mime_type application/json", FRONT
            )
        return None, False
    schema = plain(own, "generation_config.response_schema") if free is None else free
    return schema, schema is None


def _thinking(config: Mapping[str, Any]) -> bool:
    thinking = section(config, "thinkingConfig", FRONT)
    level, budget = _either(thinking, "thinkingLevel"), _either(thinking, "thinkingBudget")
    return bool(_either(thinking, "includeThoughts")) or level is not None or (budget is not None and budget != 0)
