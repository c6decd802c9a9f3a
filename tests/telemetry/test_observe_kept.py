"""What is seen of requests that were answered by what was kept: access line, trace, content log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from llm_gateway.config.schema.content import Content
from llm_gateway.core.clock import FakeClock, SystemClock
from llm_gateway.core.exchange import Attempt
from llm_gateway.telemetry.access import as_text, rendered
from llm_gateway.telemetry.content import Contents, Said
from llm_gateway.telemetry.trace_facts import AUTH, CACHE, LIMITS, VALIDATION
from llm_gateway.telemetry.traces import Traces
from scripted_upstream import ASK, Upstream
from serving import run, until
from telemetry.test_access import finished
from telemetry.traced import SAMPLED, arrived, traced
from whole_gateway import BEARER, CHAT, KEY, Gateway, answer, chat, one_provider, piece, said, streamed, whole_gateway

DOWN = answer({"error": {"message": "no"}}, "503 Service Unavailable")
STREAM = streamed(piece("hel"), piece("lo"), piece(finish="stop"))
WANTED = BEARER + SAMPLED


def keeping(url: str, **cache: Any) -> dict[str, Any]:
    """The model "m" at one provider, whose answers are kept, for the tenant "acme"."""
    document = one_provider(url)
    document["tenants"] = {"acme": {}}
    document["auth"]["keys"] = [{"name": "tests", "key": KEY, "tenant": "acme"}]
    return {**document, "cache": {"enabled": True, **cache}}


@asynccontextmanager
async def logged(document: dict[str, Any]) -> AsyncIterator[tuple[Gateway, Contents]]:
    """A gateway whose tenant agreed to be in the content log."""
    async with whole_gateway(document) as gateway:
        contents = Contents(SystemClock(), lambda _ex: "")
        gateway.shared.observe.content = contents.configure(Content(tenants=("acme",)))
        yield gateway, contents


def told(contents: Contents) -> list[Said]:
    found: list[Said] = []
    contents.tell(lambda _topic, body: not found.extend(msgspec.msgpack.decode(body[0], type=list[Said])))
    return found


@pytest.mark.parametrize("stream", [False, True])
def test_a_kept_answer_is_an_answer_to_the_content_log(stream: bool):
    """The same bytes as the provider's, with the request that it was given to, and how."""

    async def test() -> None:
        async with (
            Upstream([ASK, STREAM if stream else said()]) as upstream,
            logged(keeping(upstream.url)) as (gateway, contents),
        ):
            bodies = [(await gateway.post(CHAT, chat(stream=stream)))[2] for _ in range(2)]
            await until(lambda: gateway.shared.observe.active == 0)
            first, second = told(contents)
        assert bodies[0] == bodies[1]
        assert (first.cached, first.provider, second.cached, second.provider) == ("", "a", "hit", "")
        assert first.answer == second.answer == bodies[0]
        assert (second.answer_size, second.request_size) == (first.answer_size, first.request_size)

    run(test)


def test_the_trace_of_a_hit():
    """It says that it was one, and that what was kept was looked up where a provider would have been asked."""

    async def test() -> None:
        async with Upstream([ASK, said()]) as upstream, traced(keeping(upstream.url)) as world:
            await world.gateway.post(CHAT, chat())
            await world.gateway.post(CHAT, chat(), WANTED)
            spans = arrived(await world.facts())
        assert [span.name for span in spans] == ["gateway.request", AUTH, VALIDATION, LIMITS, CACHE]
        told = spans[0].attributes
        assert (told["gateway.cache.result"], told["response.cached"], told["response.status"]) == ("hit", True, 200)
        assert (told["gateway.attempts"], told["gateway.outcome"]) == (0, "completed")
        assert not {"request.provider", "gateway.cost_usd", "response.tokens.total"} & set(told)

    run(test)


def test_the_trace_and_the_access_line_of_a_stale_answer():
    """Who failed before it is named in both, though it was one attempt only; it is recorded though nobody samples."""

    async def test() -> None:
        async with (
            Upstream([ASK, said(), ASK, DOWN]) as upstream,
            traced(keeping(upstream.url, ttl="1ms", stale="1h")) as world,
        ):
            await world.gateway.post(CHAT, chat())
            await until(lambda: world.gateway.shared.answers.now() > _kept_at(world.gateway) + 0.001)
            status, headers, _ = await world.gateway.post(CHAT, chat())
            assert (status, headers[b"x-cache"]) == (200, b"STALE")
            (facts,) = await world.facts()
            spans = arrived([facts])
            line = world.gateway.access()[-1]
        assert (facts.why, facts.cached) == ("error", "stale")
        assert [span.name for span in spans if span.status == 2] == ["provider.a.request", "http.client.request"]
        assert (line["cached"], line["status"], line["outcome"], line.get("provider")) == ("stale", 200, "completed", None)
        assert [(one["provider"], one["status"]) for one in line["attempts"]] == [("a", 503)]

    run(test)


def _kept_at(gateway: Gateway) -> float:
    return next(entry.at for _, entry in gateway.shared.answers.memory.everything())


def test_a_quick_hit_is_not_recorded_where_nobody_samples():
    """It is neither slow nor wrong, though it has no attempt that succeeded."""
    clock = FakeClock()
    traces = Traces(clock, SimpleNamespace(getrandbits=lambda _bits: 1, random=lambda: 1.0), lambda _ex: "", lambda *_: None)
    settings = SimpleNamespace(on=True, sample=0.0, slow=10.0, parent="follow")
    assert traces.configure(settings) is traces
    ex = finished()
    ex.received, ex.cached = clock.monotonic(), "hit"
    ex.attempts.clear()
    traces.ended(ex, clock.monotonic())
    traces.tell(lambda _topic, _body: pytest.fail("it was recorded"))


def test_a_line_for_people_says_that_it_was_kept():
    """In the place of who served it."""
    ex = finished()
    ex.served_provider, ex.cached = "", "stale"
    ex.attempts = [Attempt("p", "s", 100.0, 100.1, 500, "server_error")]
    assert b" m <- cache (stale) " in rendered([as_text(ex, 1_700_000_000.0, 101.0)])
