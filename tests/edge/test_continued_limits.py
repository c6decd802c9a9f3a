"""What is kept and joined of conversations is bounded, and what is not kept is said."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from edge.continued_world import LAST, play, stream_of
from edge.responses_world import call, configuration, create, error_of, said
from llm_gateway.core.clock import FakeClock
from scripted_upstream import ASK, Upstream
from serving import run, until
from whole_gateway import SSE_HEAD, answer, chunk, whole_gateway
from whole_gateway import said as said_in_chat


def test_what_is_evicted_or_expired_is_unknown():
    """A conversation whose beginning had to go is not continued without it."""
    clock = FakeClock()

    async def test(gateway: Any, upstream: Upstream) -> None:
        await create(gateway)
        clock.advance(31 * 86_400)
        answered = await create(gateway, previous_response_id="resp_1")
        assert answered[0] == 404
        assert (await call(gateway, "GET", "/v1/responses/resp_1"))[0] == 404
        await create(gateway)
        for _ in range(4):
            await create(gateway, input="x" * 1500)
        assert (await create(gateway, previous_response_id="resp_1"))[0] == 404

    answers = [said(f"resp_{number}") for number in range(1, 6)]
    play([said(), *answers], test, clock=clock, keys=2, responses={"size": "6KB"})


def test_what_does_not_fit_is_said_not_to_be_stored():
    """In a header, and it is true."""

    async def test(gateway: Any, _upstream: Upstream) -> None:
        _, headers, _ = await create(gateway, input="x" * 5000)
        assert headers[b"x-gateway-stored"] == b"false"
        assert (await call(gateway, "GET", "/v1/responses/resp_1"))[0] == 404

    play([said()], test, responses={"size": "4KB"})


def test_a_conversation_may_not_grow_without_end():
    """Joined it is held to the limit of a body."""

    async def test(gateway: Any, upstream: Upstream) -> None:
        await create(gateway, input="x" * 3000)
        assert (await create(gateway, input="x" * 3000, previous_response_id="resp_1"))[0] == 200
        answered = await create(gateway, previous_response_id="resp_2")
        assert (answered[0], error_of(answered)["param"]) == (413, "previous_response_id")
        assert len(upstream.requests) == 2

    play([said(), said("resp_2")], test, server={"limits": {"body": "5KB"}})


def test_what_requests_under_way_go_on_from_is_bounded():
    """A hundred bytes may ask for ten megabytes to be joined, and many may at once: the last is told to wait, and then served."""

    async def test(gateway: Any, upstream: Upstream) -> None:
        await create(gateway, input="x" * 3000)
        slow = asyncio.create_task(create(gateway, previous_response_id="resp_1"))
        await until(lambda: len(upstream.requests) == 2)
        status, headers, body = await create(gateway, previous_response_id="resp_1")
        assert (status, error_of((status, headers, body))["code"]) == (503, "overloaded")
        assert headers[b"retry-after"] == b"1"
        assert (await slow)[0] == 200
        for _ in range(3):  # however a request ends
            assert (await create(gateway, previous_response_id="resp_1"))[0] == 502
        assert (await create(gateway, previous_response_id="resp_1", stream=True))[0] == 200
        assert (await create(gateway, previous_response_id="resp_1"))[0] == 200

    async def main() -> None:
        broken = answer({}, "500 Broken")
        stream = SSE_HEAD + chunk(*stream_of("resp_4", "hello")) + LAST
        answers = [said("resp_2"), broken, broken, broken, stream, said("resp_5")]
        script = [ASK, said(), ASK, 0.2, *[step for one in answers for step in (ASK, one)][1:]]
        async with Upstream(script) as upstream:
            limits = {"body": "5KB", "upload": "5KB", "buffered": "5KB"}
            async with whole_gateway(configuration(upstream.url, server={"limits": limits})) as gateway:
                await test(gateway, upstream)

    run(main)


def test_background_without_a_store_is_refused():
    """The answer could never be fetched."""

    async def test(gateway: Any, upstream: Upstream) -> None:
        answered = await create(gateway, background=True)
        assert (answered[0], error_of(answered)["param"]) == (400, "background")
        assert upstream.requests == []

    play([said()], test, responses={"store": "none"})


def test_what_is_not_finished_cannot_be_continued():
    """A response in the background, before it is done."""

    async def test(gateway: Any, _upstream: Upstream) -> None:
        await create(gateway, background=True)
        assert error_of(await create(gateway, previous_response_id="resp_1"))["param"] == "previous_response_id"

    play([said(status="queued")], test)


def test_conversation_and_previous_response_exclude_each_other():
    """Joined here, the provider could not see it."""

    async def test(gateway: Any, _upstream: Upstream) -> None:
        await create(gateway)
        answered = await create(gateway, previous_response_id="resp_1", conversation="conv_1")
        assert (answered[0], error_of(answered)["param"]) == (400, "conversation")

    play([said()], test)


def test_references_do_not_grow_a_request_without_end():
    """Many short references to one long item are bound as a conversation is."""

    async def test(gateway: Any, _upstream: Upstream) -> None:
        ident = msgspec.json.decode((await create(gateway, "c"))[2])["output"][0]["id"]
        words = [{"type": "item_reference", "id": ident}] * 400
        assert (await create(gateway, "c", input=words))[0] == 413

    play([said_in_chat("x" * 40_000)], test)
