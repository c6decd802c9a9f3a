"""Amazon Bedrock (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html), with a Bedrock API key."""

from __future__ import annotations

from llm_gateway.providers.base import Endpoint, ProviderType

BEDROCK = ProviderType(
    name="bedrock",
    title="Amazon Bedrock",
    key_variable="AWS_BEARER_TOKEN_BEDROCK",
    endpoints={"bedrock_converse": Endpoint("/model/{model}/converse", "/model/{model}/converse-stream")},
    version="",
    models_path="",
)
