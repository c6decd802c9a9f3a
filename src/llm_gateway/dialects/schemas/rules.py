"""What each provider takes of JSON Schema, as data.

Sources, as read in 2026:
- Gemini: responseJsonSchema and parametersJsonSchema (https://ai.google.dev/api/generate-content#generationconfig).
- OpenAI strict: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas; else any schema of an object.
- Anthropic strict: https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations; else any
  schema of an object without a union at its top. Bedrock's structured outputs have the same limits for every model.
- Amazon Nova: at the top nothing but type, properties and required, and as its answers show a title and additionalProperties
  (https://docs.aws.amazon.com/nova/latest/userguide/tool-use-definition.html).
- Cohere: https://docs.cohere.com/docs/structured-outputs#parameter-types-support.
- Ollama: of tools it shows its model what its Go types ToolFunctionParameters and ToolProperty hold, and overlooks the rest; the
  schema of an answer becomes a grammar (llama.cpp's json-schema-to-grammar).
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

_CORE = frozenset({"type", "title", "description", "properties", "required", "additionalProperties", "items", "enum", "anyOf"})
_REFERENCES = frozenset({"$ref", "$defs"})
_NUMBERS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_SIZES = frozenset({"minItems", "maxItems"})
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})

Scalar = Literal["string", "number", "boolean", "null"]


class Rules(msgspec.Struct, frozen=True):
    """`keywords` None: all of them, and only the top and references are looked at."""

    keywords: frozenset[str] | None = None
    top: frozenset[str] | None = None
    """Keywords of the outermost schema; None: no others than inside."""
    top_object: bool = True
    """The outermost schema must say `type: object`, without a union beside it."""
    inline: bool = False
    """References are replaced by what they mean."""
    recursive: Literal["never", "optional", "always"] = "always"
    """Whether a schema may hold itself; optional: not through required properties only."""
    type_lists: Literal["any", "nullable"] = "any"
    """Lists of types; nullable: of one type and null."""
    enums: frozenset[Scalar] | None = None
    """Types of the values of an enum; None: all."""
    formats: frozenset[str] | None = None
    few_items: bool = False
    """Of minItems 0 and 1 only."""
    patterns: re.Pattern[str] | None = None
    """What no regular expression may hold."""
    closed: bool = False
    """Objects must say additionalProperties: false."""
    all_required: bool = False
    told: bool = False
    """The provider only shows the schema to its model, so a text says as much as a keyword."""


ANY = Rules(top_object=False)
"""Whatever is a schema."""
OBJECT = Rules()
"""Any schema of an object."""
GEMINI = Rules(
    keywords=_CORE
    | _REFERENCES
    | _SIZES
    | {"$id", "$anchor", "default", "format", "prefixItems", "minimum", "maximum", "propertyOrdering"},
    top_object=False,
    recursive="optional",
    type_lists="nullable",
    enums=frozenset({"string", "number"}),
)
OPENAI_STRICT = Rules(
    keywords=_CORE | _REFERENCES | _NUMBERS | _SIZES | {"const", "default", "pattern", "format"},
    formats=_FORMATS,
    closed=True,
    all_required=True,
)
ANTHROPIC_STRICT = Rules(
    keywords=_CORE | _REFERENCES | {"const", "default", "pattern", "format", "minItems"},
    recursive="never",
    enums=frozenset({"string", "number", "boolean", "null"}),
    formats=_FORMATS | {"uri"},
    few_items=True,
    patterns=re.compile(r"\(\?[=!<]|\\[bB1-9]"),
    closed=True,
)
ANTHROPIC_OUTPUT = msgspec.structs.replace(ANTHROPIC_STRICT, top_object=False)
NOVA = Rules(top=frozenset({"type", "title", "properties", "required", "additionalProperties"}), inline=True, recursive="never")
COHERE = Rules(
    keywords=_CORE | _REFERENCES | {"const", "pattern", "format"},
    type_lists="nullable",
    enums=frozenset({"string", "number", "boolean", "null"}),
    formats=frozenset({"date-time", "uuid", "date", "time"}),
    patterns=re.compile(r"(?<!\\)[\^$]|\(\?[=!]"),
)
OLLAMA_TOOL = Rules(
    keywords=_CORE,
    top=frozenset({"type", "title", "properties", "required", "additionalProperties"}),
    inline=True,
    recursive="never",
    told=True,
)
OLLAMA_OUTPUT = ANY
