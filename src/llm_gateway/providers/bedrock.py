"""Amazon Bedrock (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html), with a
Bedrock API key or AWS credentials that sign each request.

Callers of Anthropic's API reach Anthropic's models as they are made, by InvokeModel, as everyone does embedding models; everyone
else, and every other model, goes by Converse. An application inference profile does not say whose model it is: `anthropic_models`
does.
"""

from __future__ import annotations

from llm_gateway.credentials.aws.account import bedrock_url
from llm_gateway.dialects.bedrock_converse.errors import parse_error
from llm_gateway.providers.anthropic_elsewhere import WANTS, for_bedrock
from llm_gateway.providers.base import Endpoint, ProviderType
from llm_gateway.providers.bedrock_models import narrow, speaks
from llm_gateway.providers.eventstream_sse import EventStreamSse

BEDROCK = ProviderType(
    name="bedrock",
    title="Amazon Bedrock",
    key_variable="AWS_BEARER_TOKEN_BEDROCK",
    endpoints={
        "bedrock_converse": Endpoint("/model/{model}/converse", "/model/{model}/converse-stream"),
        "anthropic_messages": Endpoint(
            "/model/{model}/invoke",
            "/model/{model}/invoke-with-response-stream",
            adapt=for_bedrock,
            unframe=EventStreamSse,
            parse_error=parse_error,
            wants_bytes=WANTS,
        ),
        "openai_chat": "/openai/v1/chat/completions",
        "openai_responses": "/openai/v1/responses",
        "titan_embed": Endpoint("/model/{model}/invoke", parse_error=parse_error),
        "bedrock_cohere_embed": Endpoint("/model/{model}/invoke", parse_error=parse_error),
    },
    version="",
    models_path="",
    speaks=speaks,
    narrow=narrow,
    options=frozenset({"anthropic_models"}),
    credentials=frozenset({"aws"}),
    account_url=bedrock_url,
    located_by="region",
)
