"""A stream and its caller, for the tests of what is passed on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.providers.answer import StreamAnswer
from llm_gateway.providers.deployment import Upstream
from llm_gateway.providers.registry import PROVIDER_TYPES
from whole_gateway import piece

DEPLOYMENT = Upstream("a", PROVIDER_TYPES["openai"], "http://127.0.0.1:1").deployment("m")
TEXT = piece("hello")
FINISH = piece(finish="stop")


class Reply:
    """The caller's side: what was written."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.source: Any = None

    def write(self, data: bytes) -> None:
        self.writes.append(data)


def fresh(choose: Callable[[bytes], Any] = lambda _: OPENAI_CHAT.relay()) -> StreamAnswer:
    return StreamAnswer(choose, DEPLOYMENT, DEPLOYMENT.lane(OPENAI_CHAT), asyncio.get_running_loop())
