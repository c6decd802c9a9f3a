"""Amazon Bedrock's second endpoint, in OpenAI's shape, with a Bedrock API key
(https://docs.aws.amazon.com/bedrock/latest/userguide/bedrock-mantle.html).

Most models are below /v1 there; some are below /openai/v1, for which base_url has to say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from llm_gateway.providers.base import ProviderType

if TYPE_CHECKING:
    from llm_gateway.config.schema import Provider


def account_url(provider: Provider, environ: Mapping[str, str]) -> str | None:
    """The region's. Raises ValueError without one."""
    region = provider.region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    if provider.base_url is None and not region:
        raise ValueError("a provider of type bedrock_mantle needs region, AWS_REGION or base_url")
    return provider.base_url or f"https://bedrock-mantle.{region}.api.aws/v1"


BEDROCK_MANTLE = ProviderType(
    name="bedrock_mantle",
    title="Amazon Bedrock (OpenAI's API)",
    key_variable="AWS_BEARER_TOKEN_BEDROCK",
    endpoints={"openai_chat": "/chat/completions", "openai_responses": "/responses"},
    account_url=account_url,
    located_by="region",
)
