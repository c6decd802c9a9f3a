"""A text completion request as a conversation of one user message, for providers that only chat."""

from __future__ import annotations

from typing import Any

from msgspec import Raw

from llm_gateway.core.chat import ChatRequest, Message, Text
from llm_gateway.core.errors import InvalidRequest, Unsupported
from llm_gateway.core.json import decode
from llm_gateway.dialects.invalid import check_model, read
from llm_gateway.dialects.openai_chat.request_in import others, present
from llm_gateway.dialects.openai_chat.view import StreamOptions
from llm_gateway.dialects.openai_completions.view import Body

NAME = "openai_completions"

_NULL = Raw(b"null")


class RequestWire(Body, gc=False, kw_only=True):
    top_k: int | None = None
    metadata: Raw = _NULL
    service_tier: str | None = None


# best_of and logprobs (a number here) have no like in chat: they go to `extra`, where a renderer names them. logit_bias has.
_KNOWN = frozenset(RequestWire.__struct_fields__) - {"best_of", "logit_bias"}


def parse_request(body: bytes) -> ChatRequest:
    """Raises InvalidRequest, MalformedBody, and Unsupported for what makes no sense in a chat: several prompts, tokens, a
    suffix, the prompt's echo.
    """
    request = read(body, RequestWire)
    check_model(request.model)
    if request.suffix:
        raise Unsupported("The chosen provider chats: it cannot fill in text before a suffix", param="suffix")
    if request.echo:
        raise Unsupported("The chosen provider chats: it does not echo the prompt", param="echo")
    options = request.stream_options
    return ChatRequest(
        model=request.model,
        messages=(Message("user", (Text(_prompt(request.prompt)),)),),
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        stop=(request.stop,) if isinstance(request.stop, str) else tuple(request.stop or ()),
        n=request.n,
        seed=request.seed,
        presence_penalty=request.presence_penalty,
        frequency_penalty=request.frequency_penalty,
        stream=request.stream is True,
        include_usage=isinstance(options, StreamOptions) and options.include_usage is True,
        user=request.user,
        metadata=present(request.metadata),
        service_tier=request.service_tier,
        extra=others(body, _KNOWN),
        dialect=NAME,
    )


def _prompt(raw: Raw) -> str:
    prompt: Any = decode(bytes(raw), Any)
    if prompt is None:
        raise InvalidRequest("Missing required field: prompt", code="missing_field", param="prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if isinstance(prompt, str):
        return prompt
    if isinstance(prompt, list) and prompt and all(isinstance(item, str) for item in prompt):
        raise Unsupported("The chosen provider chats: it takes one prompt at a time", param="prompt")
    raise Unsupported("The chosen provider chats: its prompt must be a string, not tokens", param="prompt")
