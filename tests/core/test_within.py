"""Waiting with a bound."""

from __future__ import annotations

import asyncio

import pytest

from llm_gateway.core.within import within


def test_what_comes_in_time_is_given_and_what_does_not_is_cancelled() -> None:
    """Its result or its error; TimeoutError, and an end of what was waited for."""

    async def main() -> None:
        async def fails() -> None:
            raise KeyError("mine")

        assert await within(asyncio.sleep(0, "result"), 10) == "result"
        with pytest.raises(KeyError):
            await within(fails(), 10)
        never = asyncio.get_running_loop().create_future()
        with pytest.raises(TimeoutError):
            await within(never, 0.001)
        assert never.cancelled()

    asyncio.run(main())


def test_a_cancellation_is_never_kept() -> None:
    """Even if what is waited for is done at that very moment: a loop that is told to end does."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        task = loop.create_task(within(done, 10))
        await asyncio.sleep(0)
        done.set_result("at the last moment")
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(main())
