"""Amazon Bedrock's Converse API (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html), as back.

Its streams are AWS event streams, not Server-Sent Events. The model and whether a stream is wanted stand in the URL alone; an
answer names neither its id nor its model.

What its conventions and ours do not share:

- A caller's marks of what to cache are blocks here (cachePoint), behind the part that carried them.
- Roles alternate, the user begins, and no text is blank: turns.py and parts_out.py make it so.
- Each model takes a part of the API only: families.py. What the target's family does not take is left out, and named as dropped.
- Redacted thinking is a blob whose bytes are Anthropic's own text: it crosses to and from that dialect unchanged.
- Sources of a text have Anthropic's shape outside of here (citations.py), which callers' dialects know.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import NoReturn

from llm_gateway.core.chat import ChatReply, ChatRequest
from llm_gateway.core.errors import Unsupported
from llm_gateway.dialects.base import Operation, ProviderFault, Rendered, ReplyFacts, Target, Wants
from llm_gateway.dialects.bedrock_converse import errors, request_out, wire
from llm_gateway.dialects.bedrock_converse import reply as replies
from llm_gateway.dialects.bedrock_converse.stream_in import Reader


class BedrockConverse:
    """POST /model/{modelId}/converse and /converse-stream. Implements ChatBack."""

    name = wire.NAME
    operation = Operation.CHAT
    whole_starts: bytes = b"{[<"
    """A stream begins with the length of a frame, whose first byte is 0 in every frame that we read."""
    wants_bytes: Wants = MappingProxyType(
        {
            "image": frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"}),
            "document": frozenset({"application/pdf", "text/plain", "text/markdown", "text/html", "text/csv"}),
        }
    )

    def parse_error(self, status: int, body: bytes) -> ProviderFault:
        return errors.parse_error(status, body)

    def check_reply(self, body: bytes) -> ReplyFacts:
        return replies.check_reply(body)

    def relay(self) -> NoReturn:
        """No caller speaks this dialect to us. Raises Unsupported."""
        raise Unsupported("Streams of the Converse API cannot be passed through as they are")

    def render_request(self, request: ChatRequest, target: Target) -> Rendered:
        return request_out.render_request(request, target)

    def parse_reply(self, body: bytes) -> ChatReply:
        return replies.parse_reply(body)

    def stream_reader(self) -> Reader:
        return Reader()


BEDROCK_CONVERSE = BedrockConverse()
