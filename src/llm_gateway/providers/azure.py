"""Azure OpenAI (https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle). A model is a deployment's name."""

from __future__ import annotations

from collections.abc import Mapping

from llm_gateway.dialects.base import Target
from llm_gateway.providers.base import ProviderType

DEPLOYMENT = "/openai/deployments/{model}"


def api_key(key: str) -> Mapping[str, str]:
    """Azure's own header; Authorization is for Entra ID."""
    return {"api-key": key}


def target(model: str) -> Target:
    """As at OpenAI, whose models these are."""
    return Target(model, max_tokens_field="max_completion_tokens", developer_role=True)


AZURE = ProviderType(
    name="azure",
    title="Azure OpenAI",
    key_variable="AZURE_OPENAI_API_KEY",
    sign=api_key,
    endpoints={"openai_chat": "/chat/completions", "openai_responses": "/responses", "embeddings": "/embeddings"},
    version="/openai/v1",
    versioned={
        "openai_chat": f"{DEPLOYMENT}/chat/completions?api-version={{api_version}}",
        "embeddings": f"{DEPLOYMENT}/embeddings?api-version={{api_version}}",
    },
    models_path="",  # its list has what could be deployed, not what is
    target=target,
)
