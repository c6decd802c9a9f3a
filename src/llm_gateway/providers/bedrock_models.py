"""Which of Bedrock's models are asked in which dialect, by their ids: behind a region (eu.), in an ARN, or as they are."""

from __future__ import annotations

import re
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from llm_gateway.providers.base import ProviderType

if TYPE_CHECKING:
    from llm_gateway.config.schema import Provider

_BEFORE = r"(?:.*[/.])?"
_MAKERS = MappingProxyType(
    {
        "anthropic_messages": re.compile(_BEFORE + r"anthropic\.claude", re.DOTALL),
        "titan_embed": re.compile(_BEFORE + r"amazon\.titan-embed-", re.DOTALL),
        "bedrock_cohere_embed": re.compile(_BEFORE + r"cohere\.embed-", re.DOTALL),
        "openai_chat": re.compile(_BEFORE + r"openai\.gpt-", re.DOTALL),
        "openai_responses": re.compile(_BEFORE + r"openai\.gpt-(?!oss)", re.DOTALL),  # gpt-oss has it at bedrock-mantle only
    }
)
"""The models that are asked in their maker's own dialect."""


def speaks(dialect: str, model: str) -> bool:
    makers = _MAKERS.get(dialect)
    return makers is None or makers.match(model) is not None


def narrow(kind: ProviderType, provider: Provider) -> ProviderType:
    """With the models that the configuration says are Anthropic's."""
    more = frozenset(provider.options.anthropic_models or ())
    if not more:
        return kind
    return replace(
        kind, speaks=lambda dialect, model: (dialect == "anthropic_messages" and model in more) or speaks(dialect, model)
    )
