"""Which part of the API a model takes, by the family in its id. Data: only what changes the rendering stands here.

Sources: the API's own validation messages ("This model doesn't support the ... field"), the user guide's pages on supported
models and features, prompt caching, structured outputs and tool choice, and the pages of the models' own parameters.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

import msgspec

_ANY_CHOICE = frozenset({"auto", "any", "tool"})


class Family(msgspec.Struct, frozen=True):
    name: str
    thinking: Literal["", "anthropic", "nova", "effort"] = ""
    """How additionalModelRequestFields ask for thinking: `thinking`, `reasoningConfig`, `reasoning_effort`, or not at all."""
    top_k: tuple[str, ...] = ()
    """Where top_k stands in additionalModelRequestFields; nowhere if empty."""
    choices: frozenset[str] = _ANY_CHOICE
    """Of toolChoice."""
    stop: bool = True
    """Takes stopSequences, and says in its answer which one it met if it has `stop_fields`."""
    stop_fields: bool = False
    system: bool = True
    caches: frozenset[str] = frozenset()
    """Where cachePoint may stand: system, messages, tools."""
    hour: bool = False
    """Takes the time to live of one hour."""
    schema: bool = False
    """Structured outputs: outputConfig.textFormat, and strict tools."""
    plain_schemas: bool = False
    """Tools' schemas have a type, properties and what is required at their top, and no other member."""
    status: bool = False
    """Takes the status of a tool's result."""
    thoughts: bool = False
    """Takes earlier thinking back."""
    audio: bool = False
    nine: bool = False
    """Ids of tool calls have nine letters or digits, unless Bedrock made them."""


_EVERYWHERE = frozenset({"system", "messages", "tools"})
_CLAUDE = Family(
    "anthropic",
    thinking="anthropic",
    top_k=("top_k",),
    stop_fields=True,
    caches=_EVERYWHERE,
    status=True,
    thoughts=True,
)
_NEW_CLAUDE = msgspec.structs.replace(_CLAUDE, hour=True, schema=True)
_NOVA = Family(
    "nova", top_k=("inferenceConfig", "topK"), caches=frozenset({"system", "messages"}), status=True, plain_schemas=True
)
_MISTRAL = Family("mistral", choices=frozenset({"auto", "any"}), nine=True)
_AUTO_ONLY = frozenset({"auto"})

UNKNOWN = Family("unknown", caches=_EVERYWHERE, hour=True, schema=True, status=True, thoughts=True)
"""An application inference profile, an imported model ...: all that is the API's own, and nothing that is a model's."""

# The first that fits the id without its region.
_TABLE: tuple[tuple[re.Pattern[str], Family], ...] = tuple(
    (re.compile(pattern), family)
    for pattern, family in (
        (r"anthropic\.claude-(?:v2|instant)", Family("claude-2", top_k=("top_k",), stop_fields=True, choices=frozenset())),
        (r"anthropic\.claude-(?:3|(?:opus|sonnet)-4-(?:20|[01]\b))", _CLAUDE),
        (r"anthropic\.", _NEW_CLAUDE),
        (r"amazon\.nova-2", msgspec.structs.replace(_NOVA, name="nova-2", thinking="nova")),
        (r"amazon\.nova", _NOVA),
        (r"amazon\.titan", Family("titan", choices=frozenset(), system=False)),
        (r"meta\.", Family("llama", choices=_AUTO_ONLY, stop=False)),
        (r"mistral\.(?:mistral-7b|mixtral)", msgspec.structs.replace(_MISTRAL, top_k=("top_k",), system=False)),
        (r"mistral\.(?:mistral-(?:large-2402|large-2407|small-2402)|pixtral)", _MISTRAL),
        (r"mistral\.voxtral", msgspec.structs.replace(_MISTRAL, schema=True, audio=True)),
        (r"mistral\.", msgspec.structs.replace(_MISTRAL, schema=True)),
        (r"cohere\.command-r", Family("command-r", top_k=("k",), choices=_AUTO_ONLY)),
        (r"cohere\.", Family("command", top_k=("k",), choices=frozenset(), system=False)),
        (r"ai21\.jamba", Family("jamba", choices=_AUTO_ONLY)),
        (r"ai21\.", Family("jurassic", choices=frozenset(), system=False)),
        (r"deepseek\.r1", Family("deepseek-r1", choices=_AUTO_ONLY)),
        (r"openai\.gpt-oss", Family("gpt-oss", thinking="effort", stop=False, schema=True)),
        (r"qwen\.", Family("qwen", stop=False, schema=True)),
        (r"(?:deepseek|google|minimax|moonshot|moonshotai|nvidia|zai)\.", Family("open", schema=True)),
    )
)

_REGION = re.compile(r"(?:us|eu|apac|jp|au|ca|us-gov|global)\.")


@lru_cache(maxsize=256)  # of what deployments are called, which are few
def family_of(model: str) -> Family:
    """`model`: an id (amazon.nova-lite-v1:0), an inference profile (eu.anthropic...), or the ARN of either."""
    name = model.rpartition("/")[2].lower()
    region = _REGION.match(name)
    if region:
        name = name[region.end() :]
    return next((family for pattern, family in _TABLE if pattern.match(name)), UNKNOWN)
