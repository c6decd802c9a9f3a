"""What a worker and the others know together."""

from __future__ import annotations

import asyncio
from typing import Any

from admin_support import sync
from llm_gateway.channel.peer import Unanswered
from llm_gateway.worker.node import MOST_FAILED, TOGETHER_SECONDS, Node


class Link:
    """To a control process that answers as it is told."""

    def __init__(self, answer: Any = "") -> None:
        self.connected = True
        self.told: list[tuple[str, Any]] = []
        self.asked: list[tuple[str, Any]] = []
        self._answer = answer

    def tell(self, topic: str, body: Any) -> bool:
        self.told.append((topic, body))
        return True

    async def ask(self, method: str, body: Any, seconds: float) -> Any:
        self.asked.append((method, body))
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


@sync
async def test_failures_are_told_together():
    """A flood of them is one message with as many addresses as it may have; for more the worker counts by itself."""
    node, link = Node(), Link()
    assert not node.failed("198.51.100.1")
    node.join(link)
    assert [node.failed("198.51.100.1") for _ in range(3)] == [True] * 3
    assert all(node.failed(f"10.0.{n // 256}.{n % 256}") for n in range(MOST_FAILED - 1))
    assert not node.failed("198.51.100.2")
    assert link.told == []
    await asyncio.sleep(2 * TOGETHER_SECONDS)
    [(topic, body)] = link.told
    assert (topic, body["198.51.100.1"], len(body)) == ("failed", 3, MOST_FAILED)
    link.connected = False
    assert not node.failed("198.51.100.1")


@sync
async def test_a_signature_is_asked_about_where_somebody_is():
    """What control says counts; where it says nothing, what was seen here does."""
    for answer, wanted in (("", ""), ("replayed_signature",) * 2, (Unanswered("away"), ""), (7, "")):
        node, link = Node(), Link(answer)
        assert node.once(b"s", 3.0) is None
        node.join(link)
        asked = node.once(b"s", 3.0)
        assert asked is not None
        assert (await asked, link.asked) == (wanted, [("once", [b"s", 3.0])])
        link.connected = False
        assert node.once(b"s", 3.0) is None


def test_who_is_locked_out_is_told():
    """By control, as often as it says so."""
    node, told = Node(), []
    node.locked = lambda peer, seconds: told.append((peer, seconds))
    node.told(None, [["198.51.100.1", 12.5], ["198.51.100.2", 3]])
    assert told == [("198.51.100.1", 12.5), ("198.51.100.2", 3)]
