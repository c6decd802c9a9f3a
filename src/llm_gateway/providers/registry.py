"""The one list of provider types that are compiled in."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from llm_gateway.providers.anthropic import ANTHROPIC
from llm_gateway.providers.base import ProviderType
from llm_gateway.providers.local import LOCAL
from llm_gateway.providers.openai import OPENAI
from llm_gateway.providers.openai_compatible import OPENAI_COMPATIBLE
from llm_gateway.providers.simulator import SIMULATOR
from llm_gateway.providers.together import TOGETHER
from llm_gateway.providers.vllm import VLLM

PROVIDER_TYPES: Mapping[str, ProviderType] = MappingProxyType(
    {kind.name: kind for kind in (OPENAI, ANTHROPIC, TOGETHER, VLLM, OPENAI_COMPATIBLE, LOCAL, SIMULATOR)}
)
