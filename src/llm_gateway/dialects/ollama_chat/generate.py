"""A request of /api/generate as a conversation, for providers that only chat."""

from __future__ import annotations

from msgspec import Raw

from llm_gateway.core.chat import ChatRequest, Message, Part, Text
from llm_gateway.core.errors import Unsupported
from llm_gateway.dialects.invalid import check_model, read, refuse, refuse_duplicates
from llm_gateway.dialects.ollama_chat.media import parse_image
from llm_gateway.dialects.ollama_chat.opened import Opened
from llm_gateway.dialects.ollama_chat.request_in import neutral, parse_options
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
    messages = (*system, Message("user", tuple(asked.values())))
    places = (*((("system",),) if system else ()), tuple(asked))
    return neutral(request, options, opened, messages, places, dialect=GENERATE)


def _more(body: bytes) -> dict[str, Raw]:
    return {name: value for name, value in others(body, _KNOWN).items() if bytes(value) not in _NOTHING}
