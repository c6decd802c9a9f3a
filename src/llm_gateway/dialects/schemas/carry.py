"""Schemas of a request on their way to a provider: what the renderers of all dialects call.

A caller's own dialect takes his schemas as they are: there they are the provider's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Raw, structs

from llm_gateway.core.chat import ChatRequest, ResponseFormat, Tool
from llm_gateway.core.errors import Unsupported
from llm_gateway.core.json import MalformedJson, decode, encode
from llm_gateway.dialects.arguments import members_of
from llm_gateway.dialects.schemas.adapt import adapt, is_plain
from llm_gateway.dialects.schemas.budget import Budget
from llm_gateway.dialects.schemas.refused import Refused
from llm_gateway.dialects.schemas.rules import OBJECT, OPENAI_STRICT, Rules
from llm_gateway.dialects.schemas.words import ANNOTATIONS, QUIET

_RESPONSES = "openai_responses"
_OPENAI = frozenset({_RESPONSES, "openai_chat", "openai_completions"})
_IN_FUNCTION = "tools[{}].function.{}"
_TOOLS: Mapping[str, str] = MappingProxyType(
    {
        "openai_responses": "tools[{}].{}",
        "anthropic_messages": "tools[{}].{}",
        "gemini": "tools[0].functionDeclarations[{}].{}",
    }
)
_FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "openai_responses": "text.format.schema",
        "anthropic_messages": "output_config.format.schema",
        "gemini": "generationConfig.responseSchema",
        "ollama_chat": "format",
        "ollama_generate": "format",
    }
)
_ALWAYS_STRICT = frozenset({"anthropic_messages", "gemini", "ollama_chat", "ollama_generate"})
"""Dialects in which an answer's schema is followed to the letter without a word about it."""


class Schemas:
    """Those of one request's tools. `dropped` is given the paths of what nobody enforces any more; all raise Unsupported with the
    path of what cannot cross.
    """

    __slots__ = ("_budget", "_dropped", "_request")

    def __init__(self, request: ChatRequest, dropped: list[str]) -> None:
        self._request = request
        self._dropped = dropped
        self._budget: Budget | None = None

    def tool(self, index: int, rules: Rules) -> Tool:
        """The tool at `index` with its schema by `rules`."""
        tool = self._request.tools[index]
        if tool.schema is None:
            return tool
        path = tool_path(self._request, index)
        try:
            schema, note = self._carried(tool.schema, rules, path, self._dropped)
        except Refused as refused:
            raise _unsupported(path, refused) from None
        if schema is tool.schema and not note:
            return tool
        described = "\n".join(text for text in (tool.description, note) if text)
        return structs.replace(tool, schema=schema, description=described or tool.description)

    def strict_tool(self, index: int, strict: Rules, otherwise: Rules) -> Tool:
        """Where a strict tool has rules of its own. One that cannot be strict there is sent without, and that is named."""
        tool = self._request.tools[index]
        if not tool.strict or tool.schema is None:
            return self.tool(index, otherwise)
        lost: list[str] = []
        try:
            schema, _ = self._carried(tool.schema, strict, tool_path(self._request, index), lost)
        except Refused:
            self._dropped.append(tool_member(self._request, index, "strict"))
            return structs.replace(self.tool(index, otherwise), strict=None)
        self._dropped += lost
        return tool if schema is tool.schema else structs.replace(tool, schema=schema)

    def openai_tool(self, index: int) -> Tool:
        """For OpenAI's two dialects. Between them a schema is the provider's business; one that can be strict is strict for a
        caller of Responses, where that is the rule.
        """
        tool = self._request.tools[index]
        if self._request.dialect not in _OPENAI:
            return self.strict_tool(index, OPENAI_STRICT, OBJECT)
        if (
            self._request.dialect == _RESPONSES
            and tool.strict is None
            and tool.schema is not None
            and is_strict(tool.schema, self._shared())
        ):
            return structs.replace(tool, strict=True)
        return tool

    def _carried(self, schema: Raw, rules: Rules, path: str, dropped: list[str]) -> tuple[Raw, str]:
        return _carried(schema, rules, path, dropped, self._shared())

    def _shared(self) -> Budget:
        if self._budget is None:
            self._budget = Budget()
        return self._budget


def carry_format(request: ChatRequest, wanted: ResponseFormat, rules: Rules, dropped: list[str]) -> Raw:
    """The schema of the answer by `rules`. Raises Unsupported."""
    assert wanted.schema is not None  # noqa: S101 - the caller looked
    path = format_path(request)
    try:
        return _carried(wanted.schema, rules, path, dropped)[0]
    except Refused as refused:
        raise _unsupported(path, refused) from None


def strict_format(request: ChatRequest, wanted: ResponseFormat, dropped: list[str]) -> ResponseFormat:
    """For OpenAI's dialects, where a schema binds only if it is strict: so it is for callers whose own dialect always binds, if
    it can be said so; else the part that prevents it is named.
    """
    if wanted.schema is None or wanted.strict is not None:
        return wanted
    if request.dialect == _RESPONSES:
        return structs.replace(wanted, strict=True) if is_strict(wanted.schema) else wanted
    if request.dialect not in _ALWAYS_STRICT:
        return wanted
    lost: list[str] = []
    path = format_path(request)
    try:
        schema, _ = _carried(wanted.schema, OPENAI_STRICT, path, lost)
    except Refused as refused:
        lost.append(_full(path, refused.path))
    if lost:
        dropped.append(lost[0])
        return wanted
    return structs.replace(wanted, schema=schema, strict=True)


def is_any_object(schema: Raw) -> bool:
    """Whether it asks for a JSON object and no more, as a free JSON mode does."""
    document = _members(schema)
    if document is None:
        return False
    said = document.keys() - QUIET - ANNOTATIONS
    return document.get("type") == "object" and said <= {"type", "properties"} and not document.get("properties")


def is_strict(schema: Raw, budget: Budget | None = None) -> bool:
    """Whether OpenAI takes it as strict, as it stands."""
    document = _members(schema)
    if document is None:
        return False
    try:
        adapted = adapt(document, OPENAI_STRICT, budget)
    except Refused:
        return False
    return not adapted.changed and not adapted.dropped


def tool_path(request: ChatRequest, index: int) -> str:
    """Of a tool's schema, in the caller's document."""
    return tool_member(request, index, "input_schema" if request.dialect == "anthropic_messages" else "parameters")


def tool_member(request: ChatRequest, index: int, name: str) -> str:
    """Of a member of a function."""
    return _TOOLS.get(request.dialect, _IN_FUNCTION).format(index, name)


def format_path(request: ChatRequest) -> str:
    """Of the schema of the answer."""
    return _FORMATS.get(request.dialect, "response_format.json_schema.schema")


def _carried(schema: Raw, rules: Rules, path: str, dropped: list[str], budget: Budget | None = None) -> tuple[Raw, str]:
    """`schema` itself where nothing is to be done, and what has to stand in the tool's description. Raises Refused."""
    if rules.keywords is None and rules.top is None and is_plain(members_of(bytes(schema)), rules):
        return schema, ""
    document = _members(schema)
    if document is None:
        return schema, ""
    adapted = adapt(document, rules, budget)
    dropped += [_full(path, lost) for lost in adapted.dropped]
    return (Raw(encode(adapted.schema)), adapted.note) if adapted.changed else (schema, adapted.note)


def _members(schema: Raw) -> dict[str, Any] | None:
    """None for what is no object: what that means is the provider's business."""
    try:
        return decode(bytes(schema), dict[str, Any])
    except (msgspec.ValidationError, MalformedJson):
        return None


def _unsupported(path: str, refused: Refused) -> Unsupported:
    at = _full(path, refused.path)
    return Unsupported(f"The schema cannot be carried to the chosen provider at {at}: {refused.why}", param=at)


def _full(path: str, inner: str) -> str:
    return path if not inner else f"{path}{inner}" if inner.startswith("[") else f"{path}.{inner}"
