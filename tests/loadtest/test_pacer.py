"""Waking up in time."""

from __future__ import annotations

import asyncio
import time

import pytest

from llm_gateway.loadtest import pacer as module
from llm_gateway.loadtest.pacer import Pacer


@pytest.mark.parametrize("kernel", [True, False])
def test_wakes_when_it_was_asked_to_and_not_before(monkeypatch, kernel):
    """With the kernel's timer and with the loop's: the later request replaces the earlier one, a time that is over is at once."""
    if not kernel:
        monkeypatch.setattr(module, "_timer", lambda: (None, -1))
    woken: list[float] = []

    async def run() -> float:
        loop = asyncio.get_running_loop()
        over = loop.create_future()

        def wake() -> None:
            woken.append(time.monotonic())
            if len(woken) == 1:
                pacer.at(time.monotonic() - 5)
            elif not over.done():
                over.set_result(None)

        pacer = Pacer(loop, time.monotonic, wake)
        assert pacer.exact is (kernel and pacer.exact)
        due = time.monotonic() + 0.05
        pacer.at(due + 100)
        pacer.at(due)
        await asyncio.wait_for(over, 20)
        pacer.close()
        return due

    due = asyncio.run(run())
    assert woken[0] >= due - 0.002
    assert len(woken) == 2


def test_a_closed_one_stays_quiet():
    """Nothing of it is left in the loop."""

    async def run() -> None:
        pacer = Pacer(asyncio.get_running_loop(), time.monotonic, lambda: woken.append(1))
        pacer.at(time.monotonic() + 0.01)
        pacer.close()
        await asyncio.sleep(0.05)

    woken: list[int] = []
    asyncio.run(run())
    assert woken == []
