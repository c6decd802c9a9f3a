"""What a kept response says of itself, and the conversation that it ends."""

from __future__ import annotations

import msgspec
from msgspec import Raw

from llm_gateway.core.errors import PayloadTooLarge
from llm_gateway.core.json import MalformedJson, decode_lenient
from llm_gateway.dialects.openai_responses.state import output_items
from llm_gateway.edge.stored import ResponseStore, Stored

LONGEST_CHAIN = 1000
"""Responses of one conversation."""
UNFINISHED = frozenset({"queued", "in_progress"})


class Facts(msgspec.Struct, gc=False):
    """What is read of a response."""

    id: str = ""
    status: str | None = None


def facts(response: bytes) -> Facts:
    try:
        return decode_lenient(response, Facts)
    except (MalformedJson, msgspec.ValidationError):
        return Facts()


def items_of(stored: Stored) -> list[Raw]:
    """What a request said and what it was answered."""
    return [*msgspec.json.decode(stored.items, type=list[Raw]), *output_items(stored.response)]


async def conversation(store: ResponseStore, owner: str, ident: str, last: Stored, longest: int) -> list[Stored] | None:
    """The responses that `last`, called `ident`, goes on from, oldest first, and itself; None if one of them is gone.

    Raises PayloadTooLarge for more than `longest` bytes, StorageUnavailable.
    """
    chain = [last]
    if last.previous is not None and last.previous != ident:
        chain += await store.chain(owner, last.previous, LONGEST_CHAIN - 1, longest)
    if sum(len(link.items) + len(link.response) for link in chain) > longest:
        raise PayloadTooLarge("The conversation has become longer than the gateway takes.", param="previous_response_id")
    if chain[-1].previous is not None:
        return None
    chain.reverse()
    return chain
