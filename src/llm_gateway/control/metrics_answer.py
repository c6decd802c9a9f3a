"""The text of metrics on its way: in pieces, to few at a time, and not for ever.

A text may have many megabytes, and whoever asks decides how fast it is read. In one piece each reader that is slow would have a
copy of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from llm_gateway.core.errors import Overloaded
from llm_gateway.core.within import within

MOST = 16
"""Answers at once: each may hold another text."""
SEND_SECONDS = 30.0
"""Within which one must be read."""
PIECE = 64 << 10
"""Bytes that are given at once: as many wait for a reader who does not read, and no more."""


class Places:
    """How many answers there are now."""

    def __init__(self, most: int = MOST) -> None:
        self.free = most

    def take(self) -> None:
        """Raises Overloaded."""
        if not self.free:
            raise Overloaded("Too many ask for metrics at the same time.", retry_after=1.0)
        self.free -= 1

    def give_back(self) -> None:
        self.free += 1


class Answer(Response):
    """`done` is called once it was sent, or given up."""

    def __init__(self, text: bytes, headers: Mapping[str, str], done: Callable[[], None], seconds: float = SEND_SECONDS) -> None:
        super().__init__(text, headers=headers)
        self._done = done
        self._seconds = seconds

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """An answer that is not read in time is left as it is: then the server ends the connection."""
        try:
            await within(self._sent(send), self._seconds)
        except TimeoutError:
            return
        finally:
            self._done()

    async def _sent(self, send: Send) -> None:
        body = memoryview(self.body)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for at in range(0, len(body), PIECE):
            await send({"type": "http.response.body", "body": bytes(body[at : at + PIECE]), "more_body": True})
        await send({"type": "http.response.body"})
