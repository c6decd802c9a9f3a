"""What fronts have in common whose errors are OpenAI's."""

from __future__ import annotations

from llm_gateway.core.errors import GatewayError
from llm_gateway.dialects.base import SseFront
from llm_gateway.dialects.openai_chat import errors


class OpenAIFront(SseFront):
    __slots__ = ()

    def render_error(self, error: GatewayError, request_id: str) -> bytes:
        return errors.render_error(error, request_id)

    def frame_error(self, error: GatewayError, request_id: str) -> bytes:
        return errors.frame_error(error, request_id)
