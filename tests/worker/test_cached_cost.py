"""What kept answers saved: what they cost when they were made."""

from __future__ import annotations

from typing import Any

import pytest

from scripted_upstream import ASK, Upstream
from serving import run, until
from whole_gateway import CHAT, answer, chat, one_provider, said, streamed, whole_gateway

PRICES = {"catalogue": {"models": {"a/real": {"prices": {"input": 1000, "output": 2000}}}}}
"""Dollars of a million tokens: 1,000,000 and 2,000,000 nano-dollars of one."""
ONCE = 3 * 1_000_000 + 2 * 2_000_000
STREAM = streamed(
    b'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\n',
    b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n',
)


def using(usage: dict[str, Any] | None) -> bytes:
    """A whole answer that says this of its use."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
    return answer({"id": "1", "object": "chat.completion", "model": "real", "choices": [choice], "usage": usage})


@pytest.mark.parametrize(
    ("provider", "more", "cost"),
    [
        (said(), PRICES, ONCE),
        (said(), {}, 0),
        (using(None), PRICES, 0),
        (using({"prompt_tokens": -9, "completion_tokens": 2, "total_tokens": 2}), PRICES, 0),
        (using({"prompt_tokens": 10**15, "completion_tokens": 2, "total_tokens": 10**15}), PRICES, 0),
    ],
    ids=["priced", "without_a_price", "untold", "negative", "absurd"],
)
def test_a_hit_saves_what_the_answer_had_cost(provider: bytes, more: dict[str, Any], cost: int) -> None:
    """Each time that it is given again; nothing where that is not known, or what is told cannot be."""

    async def test() -> None:
        async with Upstream([ASK, provider]) as upstream:
            async with whole_gateway({**one_provider(upstream.url), **more, "cache": {"enabled": True}}) as gateway:
                for number in range(4):
                    status, headers, _ = await gateway.post(CHAT, chat())
                    assert (status, headers[b"x-cache"]) == (200, b"HIT" if number else b"MISS")
                    assert gateway.shared.answers.saved_cost == number * cost
            assert len(upstream.requests) == 1

    run(test)


def test_a_stream_saves_as_much() -> None:
    """Its use is known at its end only."""

    async def test() -> None:
        async with (
            Upstream([ASK, STREAM]) as upstream,
            whole_gateway({**one_provider(upstream.url), **PRICES, "cache": {"enabled": True}}) as gateway,
        ):
            await gateway.post(CHAT, chat(stream=True))
            _, headers, _ = await gateway.post(CHAT, chat(stream=True))
            assert (headers[b"x-cache"], gateway.shared.answers.saved_cost) == (b"HIT", ONCE)

    run(test)


def test_a_stale_answer_saves_nothing() -> None:
    """Somebody was asked, and failed."""

    async def test() -> None:
        down = answer({"error": {"message": "no"}}, "503 Service Unavailable")
        async with Upstream([ASK, said(), ASK, down]) as upstream:
            cache = {"enabled": True, "ttl": "1ms", "stale": "1h"}
            async with whole_gateway({**one_provider(upstream.url), **PRICES, "cache": cache}) as gateway:
                await gateway.post(CHAT, chat())
                answers = gateway.shared.answers
                ((_, entry),) = answers.memory.everything()
                await until(lambda: answers.now() > entry.at + 0.001)
                _, headers, _ = await gateway.post(CHAT, chat())
                assert (headers[b"x-cache"], entry.cost, answers.saved_cost) == (b"STALE", ONCE, 0)

    run(test)
