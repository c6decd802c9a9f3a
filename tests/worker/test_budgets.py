"""What a worker asks and tells control about budgets."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from llm_gateway.channel.peer import Failed, Unanswered
from llm_gateway.limits.alerts import Alert
from llm_gateway.limits.remembered import Answer, Later, Question
from llm_gateway.worker import budgets as module
from llm_gateway.worker.budgets import Budgets
from resilience_support import Noted

QUESTION = Question("key:k:cost:day", "key", "k", "day", "UTC", 5)


class Control:
    def __init__(self) -> None:
        self.away = 0
        self.refuses: Failed | None = None
        self.got: list[Any] = []
        self.answer: Any = [[7, 3, 1]]

    async def __call__(self, method: str, body: Any, _seconds: float) -> Any:
        if self.refuses is not None:
            raise self.refuses
        if self.away:
            self.away -= 1
            raise Unanswered("it is away")
        self.got.append((method, body))
        return self.answer


def test_it_asks_again_what_others_spent() -> None:
    """As of when, and of which budgets control can tell; why it does not answer is said once, and again after it did."""
    control, log = Control(), Noted()
    made = Budgets(control, "node", log)
    control.answer = [["key:k:cost:day", 30, 9, 1.5]]
    assert asyncio.run(made.ask_again([QUESTION])) == [Later("key:k:cost:day", 30, 9, 1.5)]
    assert control.got == [("spent_by_others", ["node", [["key:k:cost:day", "key", "k", "day", "UTC", 5]]])]
    for _ in range(2):
        control.refuses = Failed("away", "there is no store")
        assert asyncio.run(made.ask_again([QUESTION])) == []
        assert asyncio.run(made.ask_again([QUESTION])) == []
        control.refuses = None
        assert asyncio.run(made.ask_again([])) != []
    assert [event for _, event, _ in log.lines] == ["budgets_of_others_unheard"] * 2
    control.answer = "what"
    assert asyncio.run(made.ask_again([QUESTION])) == []


def test_it_asks_what_was_spent() -> None:
    """With its own name, so that control can leave out what it counted itself; nobody there, or nonsense: no answer."""
    control = Control()
    made = Budgets(control, "node", Noted())
    assert asyncio.run(made.ask([QUESTION])) == [Answer(7, 3, 1)]
    assert control.got == [("spent", ["node", [["key:k:cost:day", "key", "k", "day", "UTC", 5]]])]
    control.answer = "what"
    assert asyncio.run(made.ask([QUESTION])) is None
    control.away = 1
    assert asyncio.run(made.ask([QUESTION])) is None
    control.refuses = Failed("away", "there is no store")
    assert asyncio.run(made.ask([QUESTION])) == ()


def test_alerts_wait_for_control(monkeypatch: Any) -> None:
    """Those that come while it is away are told when it is back, each once."""
    monkeypatch.setattr(module, "RETRY", 0.001)

    async def run() -> None:
        control = Control()
        control.away = 2
        made = Budgets(control, "node", Noted())
        alerts = [Alert("key", "k", percent, 1, 2, True, 0, 1, "c") for percent in (50, 80)]
        for alert in alerts:
            made.alert(alert)
        while not control.got:
            await asyncio.sleep(0.001)
        assert msgspec.convert([one for _, body in control.got for one in body], list[Alert]) == alerts
        await made.close()

    asyncio.run(run())
