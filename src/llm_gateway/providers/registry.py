"""The one list of provider types: those that are modules, the files in declared/, and a configuration's own."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from llm_gateway.config.schema import Sections
from llm_gateway.providers.anthropic import ANTHROPIC
from llm_gateway.providers.azure import AZURE
from llm_gateway.providers.base import ProviderType
from llm_gateway.providers.bedrock import BEDROCK
from llm_gateway.providers.bedrock_mantle import BEDROCK_MANTLE
from llm_gateway.providers.cohere import COHERE
from llm_gateway.providers.declared import provider_type, read_folder
from llm_gateway.providers.gemini import GEMINI
from llm_gateway.providers.local import LOCAL
from llm_gateway.providers.mistral import MISTRAL
from llm_gateway.providers.ollama import OLLAMA
from llm_gateway.providers.openai import OPENAI
from llm_gateway.providers.openai_compatible import OPENAI_COMPATIBLE
from llm_gateway.providers.simulator import SIMULATOR
from llm_gateway.providers.together import TOGETHER
from llm_gateway.providers.vertex import VERTEX
from llm_gateway.providers.vllm import VLLM

COMPILED_TYPES: Mapping[str, ProviderType] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            OPENAI,
            ANTHROPIC,
            AZURE,
            GEMINI,
            VERTEX,
            BEDROCK,
            BEDROCK_MANTLE,
            MISTRAL,
            COHERE,
            OLLAMA,
            TOGETHER,
            VLLM,
            OPENAI_COMPATIBLE,
            LOCAL,
            SIMULATOR,
        )
    }
)
"""Those that need Python."""

PROVIDER_TYPES: Mapping[str, ProviderType] = MappingProxyType({kind.name: kind for kind in read_folder()} | dict(COMPILED_TYPES))
"""Every type that is built in."""


def types_of(config: Sections) -> Mapping[str, ProviderType]:
    """Every type that this configuration's providers may be of."""
    if not config.provider_types:
        return PROVIDER_TYPES
    own = {name: provider_type(name, declared) for name, declared in config.provider_types.items()}
    return MappingProxyType(own | dict(PROVIDER_TYPES))


def option_names() -> Mapping[str, frozenset[str]]:
    """The types that are built in and the configuration keys that each alone knows, for the configuration's checks."""
    return {name: kind.options | kind.credentials for name, kind in PROVIDER_TYPES.items()}
