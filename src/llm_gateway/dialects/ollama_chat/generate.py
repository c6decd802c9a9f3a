"""A request of /api/generate as a conversation, for providers that only chat."""

from __future__ import annotations

from msgspec import Raw

from llm_gateway.core.chat import ChatRequest, Message, Part, Text
from llm_gateway.core.errors import Unsupported
from llm_gateway.dialects.invalid import check_model, read, refuse, refuse_duplicates
from llm_gateway.dialects.ollama_chat.media import parse_image
from llm_gateway.dialects.ollama_chat.opened import Opened
from llm_gateway.dialects.ollama_chat.request_in import maximum, parse_format, parse_options, parse_think
from llm_gateway.dialects.ollama_chat.view import WATCHED_GENERATE
from llm_gateway.dialects.ollama_chat.wire import GENERATE, GenerateWire
from llm_gateway.dialects.openai_chat.request_in import others

_KNOWN = frozenset(GenerateWire.__struct_fields__)
_NOTHING = frozenset({b'""', b"[]", b"false"})
"""How clients say that they want none of a member."""


def parse_generate(body: bytes) -> ChatRequest:
    """Raises InvalidRequest, MalformedBody, and Unsupported for a suffix, before which only some servers fill in text.

    A template, a raw prompt and the tokens of an earlier answer (`context`) go to `extra`, where a renderer names them.
    """
    request = read(body, GenerateWire)
    refuse_duplicates(body, WATCHED_GENERATE)
    check_model(request.model)
    if request.suffix:
        raise Unsupported("The chosen provider chats: it cannot fill in text before a suffix", param="suffix")
    if not request.prompt and not request.images:
        raise refuse("prompt", "it is required: the chosen provider has no models to load", "missing_field")
    opened = Opened(_more(body))
    options = parse_options(request.options, opened)
    asked: dict[str, Part] = {"prompt": Text(request.prompt or "")}
    for place, image in enumerate(request.images or ()):
        asked[f"images[{place}]"] = parse_image(image)
    system = (Message("system", (Text(request.system),)),) if request.system else ()
    return ChatRequest(
        model=request.model,
        messages=(*system, Message("user", tuple(asked.values()))),
        max_tokens=maximum(options, opened),
        temperature=options.temperature,
        top_p=options.top_p,
        top_k=options.top_k,
        stop=tuple(options.stop or ()),
        seed=options.seed,
        presence_penalty=options.presence_penalty,
        frequency_penalty=options.frequency_penalty,
        logprobs=request.logprobs,
        top_logprobs=request.top_logprobs,
        response_format=parse_format(request.format),
        reasoning=parse_think(request.think),
        stream=request.stream is not False,
        include_usage=True,
        extra=opened.extra,
        dialect=GENERATE,
        places=(*((("system",),) if system else ()), tuple(asked)),
    )


def _more(body: bytes) -> dict[str, Raw]:
    return {name: value for name, value in others(body, _KNOWN).items() if bytes(value) not in _NOTHING}
