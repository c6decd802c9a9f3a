"""What the fronts and the backs of operations have in common that answer with one document and have no conversation."""

from __future__ import annotations

from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.dialects.base import ProviderFault, Relay, SseBack
from llm_gateway.dialects.openai_chat import errors
from llm_gateway.dialects.openai_chat.front import OpenAIFront


class WholeFront(OpenAIFront):
    """Errors are OpenAI's."""

    __slots__ = ()

    shows_usage = False
    """Whether an answer must tell its usage: an estimate, with a header that says so, where the provider tells none."""

    def holds_foreign(self, body: bytes) -> bool:  # noqa: ARG002 - the Protocol's
        """There is nothing opaque in what such an operation is asked."""
        return False


class WholeBack(SseBack):
    """Errors of all the shapes that openai_chat/errors.py reads."""

    __slots__ = ()

    def parse_error(self, status: int, body: bytes) -> ProviderFault:
        return errors.parse_error(status, body)

    def relay(self) -> Relay:
        """Raises UpstreamMalformed: there are no streams."""
        raise UpstreamMalformed("The provider streams where no stream was asked for")
