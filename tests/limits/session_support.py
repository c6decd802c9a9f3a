"""Sessions without a network, on a limiter that tests can look into."""

from __future__ import annotations

from limits_support import CENT, Limited
from llm_gateway.core.caller import Caller
from llm_gateway.core.errors import GatewayError
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.openai_realtime import RealtimeFront
from llm_gateway.limits.meter import State
from llm_gateway.limits.sessions import SessionHold


class Session:
    """One session, and what became of it."""

    def __init__(self, limited: Limited, who: Caller) -> None:
        self.limited = limited
        self.ended: list[GatewayError] = []
        self.ex = limited.exchange(who, stream=True, body=b"", front=RealtimeFront("m"))
        self.ex.ledger_id = self.ex.id
        waiting = limited.limiter.hold(self.ex)
        assert waiting is None
        self.hold = SessionHold(self.ex, self.ended.append)

    def told(self, cost: int = CENT, *, tokens: int = 10, answer: bool = True, running: int = 0) -> None:
        usage = Usage(input=tokens - tokens // 2, output=tokens // 2)
        self.hold.told(self.limited.limiter, usage, cost, answer=answer, running=running, guessed=False)

    def end(self) -> None:
        self.hold.end()
        self.limited.settle(self.ex, Usage(), 0, estimated=True)

    def state(self, index: int = 0) -> State:
        """Of the key's meters, in order."""
        measured, _ = self.limited.limiter.meters(self.ex)
        return self.limited.book.state(measured[index][0])
