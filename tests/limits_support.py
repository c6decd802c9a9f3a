"""What tests of limits share: exchanges without a network, and a limiter on a fake clock."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from llm_gateway.config.schema import Allowance, Budget, Limiting, Rate
from llm_gateway.config.values import Money
from llm_gateway.core.caller import Caller, Spending
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import GatewayError
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import View
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.limits.alerts import Alert, Alerts
from llm_gateway.limits.estimate import Estimates
from llm_gateway.limits.limiter import Limiter
from llm_gateway.limits.memory import MemoryBook
from llm_gateway.limits.meter import Meter

CENT = 10**7
"""In nano-dollars."""


def caller(limits: Allowance | None = None, *budgets: Budget, scope: str = "key", name: str = "k", **more: Any) -> Caller:
    """A key with these limits."""
    spending = (Spending(scope, name, limits or Allowance(), budgets),)
    return Caller("k", spending=spending, **more)


def budget(dollars: float, **more: Any) -> Budget:
    return Budget(Money.parse(dollars), **more)


def rpm(minute: int, burst: int | None = None) -> Allowance:
    return Allowance(requests=Rate(minute=minute, burst=burst))


class Limited:
    """A limiter in memory, and what can be asked of it."""

    def __init__(
        self,
        limiting: Limiting | None = None,
        *,
        prices: tuple[int, int, int] | None = (10**9, 10**9, 10**9),
        context: int = 0,
        book: Any = None,
        foresee: Any = lambda _model, _wanted: None,
        now: float = 1_700_000_000.0,
    ) -> None:
        """`prices`: nano-dollars of a million tokens; the default is a thousand nano-dollars a token."""
        self.clock = FakeClock(now)
        self.alerts: list[Alert] = []
        self.book = book or MemoryBook(self.clock, Alerts(self.alerts.append))
        self.estimates = Estimates()
        self.limiter = Limiter(
            limiting or Limiting(),
            self.book,
            self.estimates,
            self.clock,
            prices=lambda _model: (prices, context),
            name=lambda ex: ex.id,
            foresee=foresee,
        )
        self._count = 0

    def exchange(self, who: Caller, *, stream: bool = False, model: str = "m", body: bytes = b"x" * 400, **view: Any) -> Exchange:
        self._count += 1
        headers = view.pop("headers", {})
        peer = view.pop("peer", "192.0.2.1")
        front = view.pop("front", OPENAI_CHAT)
        http = SimpleNamespace(path=b"/v1/chat/completions", headers=headers, body=body, notes=None, peer=peer, reply=None)
        ex = Exchange(f"id-{self._count}", http, front, self.clock.monotonic())
        ex.caller, ex.model, ex.stream = who, model, stream
        ex.view = View(model, stream, **view)
        return ex

    def hold(self, who: Caller, **more: Any) -> Exchange:
        """A request that was let by. Raises what it was refused with."""
        ex = self.exchange(who, **more)
        assert self.limiter.hold(ex) is None
        return ex

    def refused(self, who: Caller, **more: Any) -> GatewayError:
        """What a request is refused with."""
        ex = self.exchange(who, **more)
        try:
            self.limiter.hold(ex)
        except GatewayError as error:
            error.ex = ex  # type: ignore[attr-defined]
            return error
        raise AssertionError("it was let by")

    def settle(self, ex: Exchange, usage: Usage | None = None, cost: int = 0, **more: Any) -> None:
        self.limiter.settle(ex, usage, cost, **more)

    def use(self, who: Caller, tokens: int = 100, cost: int = 0, **more: Any) -> Exchange:
        """A request from its beginning to its end."""
        ex = self.hold(who, **more)
        self.settle(ex, Usage(input=tokens // 2, output=tokens - tokens // 2), cost)
        return ex


def meter(unit: str = "requests", most: int = 10, period: float = 60.0, **more: Any) -> Meter:
    return Meter("key", "k", unit, most, period, **more)  # type: ignore[arg-type]


def left(ex: Exchange, index: int = 0) -> int:
    return int(ex.hold.states[index].left)
