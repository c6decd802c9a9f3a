"""The request of a further leg: the conversation with what was shown at its end, as the deployment takes it."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from msgspec import structs

from llm_gateway.core.chat import ChatRequest, Message, ReasoningRequest, Text
from llm_gateway.core.errors import Unsupported
from llm_gateway.core.estimate import CHARS_PER_TOKEN
from llm_gateway.core.json import decode, encode
from llm_gateway.dialects.anthropic_messages.generation import takes_prefill
from llm_gateway.dialects.base import Prefill, Rendered, Target
from llm_gateway.providers.continuing.story import How, Story

_CLAUDES = frozenset({"anthropic_messages", "bedrock_converse"})
_AS_IT_IS = Prefill()
_NO_THINKING = MappingProxyType({"enable_thinking": False, "thinking": False})


def prefill_of(dialect: str, target: Target) -> Prefill | None:
    """How a back dialect's server there goes on with the assistant's own words; None: not at all, or nobody knows."""
    if dialect in _CLAUDES:
        return _AS_IT_IS if "claude" in target.model and takes_prefill(target.model) else None
    prefill = target.prefill
    return prefill if prefill is not None and dialect in prefill.dialects else None


def way(story: Story, prefill: Prefill | None) -> How:
    """How a deployment with this `prefill` is asked to go on."""
    messages = story.request.messages
    own = bool(messages) and messages[-1].role == "assistant"  # the caller's own prefill, which is not told apart from ours
    return "verify" if prefill is None or story.doubted or own else "prefill"


def continued_request(request: ChatRequest, shown: str, how: How) -> ChatRequest:
    """`request` for a leg that goes on from `shown`."""
    if how != "prefill":
        return request
    left = request.max_tokens
    if left is not None:
        left = max(1, left - len(shown) // CHARS_PER_TOKEN)
    reasoning = None if request.reasoning is None else ReasoningRequest(enabled=False)  # it is over
    messages = (*request.messages, Message("assistant", (Text(shown),)))
    places = (*request.places, ()) if request.places else ()
    return structs.replace(request, messages=messages, max_tokens=left, reasoning=reasoning, places=places)


def prefilled(rendered: Rendered, prefill: Prefill, shown: str, *, switch: bool) -> Rendered:
    """A rendered `continued_request` with what the server wants to be told besides. `switch`: its template thinks unless it is
    told not to, and refuses to go on then.

    Raises Unsupported if the text does not stand at its end: a server that is not given it would begin anew.
    """
    document: dict[str, Any] = decode(rendered.body, dict[str, Any])
    messages = document.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    if not isinstance(last, dict) or last.get("role") != "assistant" or _text(last.get("content")) != shown:
        raise Unsupported("The text so far cannot be carried to the chosen provider.", param="messages")
    document.pop("reasoning", None)  # OpenRouter's, whose servers are never asked this way
    if switch:
        document["chat_template_kwargs"] = (document.get("chat_template_kwargs") or {}) | _NO_THINKING
    if prefill.message:
        last[prefill.message] = True
    dropped = [name for name in rendered.dropped if not name.startswith(("thinking", "reasoning"))]
    return Rendered(encode(document | dict(prefill.members)), dropped)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    pieces: Sequence[Any] = content if isinstance(content, list) else ()
    return "".join(piece["text"] for piece in pieces if isinstance(piece, dict) and isinstance(piece.get("text"), str))
