"""The life of a request: order, failover and retries, every ending seen once, nothing left for the collector."""

from __future__ import annotations

import asyncio
import gc
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import (
    GatewayError,
    Unauthenticated,
    Unsupported,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamUnavailable,
)
from llm_gateway.core.exchange import Exchange
from llm_gateway.dialects.base import View
from llm_gateway.pipeline import LONGEST_WAIT, Pipeline, Tries
from llm_gateway.providers.deployment import Patience, Upstream
from llm_gateway.providers.registry import PROVIDER_TYPES
from llm_gateway.routing.route import Backoff, Route
from scripted_upstream import ASK, CLOSE, RESET
from scripted_upstream import Upstream as Server
from serving import connected, run, until
from whole_gateway import (
    CHAT,
    DONE,
    MESSAGES,
    SSE_HEAD,
    answer,
    chat,
    chunk,
    one_provider,
    piece,
    request,
    said,
    streamed,
    whole_gateway,
)

BACKOFF = Backoff(lambda: 0.5, initial=0.001)


def candidate(name: str):
    upstream = Upstream(name, PROVIDER_TYPES["openai_compatible"], "http://127.0.0.1:1")
    return upstream.deployment("model"), Patience()


def route(*names: str, retries: int = 0, total: float = 60.0) -> Route:
    return Route("m", tuple(map(candidate, names)), retries, total)


def failed(kind: type[UpstreamError] = UpstreamUnavailable, *, after: float | None = None, **marks: Any) -> UpstreamError:
    error = kind("it failed")
    error.retry_after = after
    for name, value in marks.items():
        setattr(error, name, value)
    return error


class Inside:
    """A pipeline of recorded stages; `outcomes` is what asking comes to, one by one."""

    def __init__(self, route_: Route, *outcomes: Any) -> None:
        self.clock = FakeClock()
        self.seen: list[str] = []
        self.outcomes = list(outcomes)
        self.refused: list[GatewayError] = []
        self.bugs: list[Exception] = []
        self.pipeline = Pipeline(
            observe=self.observe,
            identify=lambda ex: self.seen.append("identify"),
            authorize=lambda ex: self.seen.append("authorize"),
            route=lambda ex: self.seen.append("route") or route_,
            ask=self.ask,
            backoff=BACKOFF,
            clock=self.clock,
            edge=self,
            report=lambda ex, bug: self.bugs.append(bug),
        )
        http = SimpleNamespace(path=b"/", headers={}, notes=None, body=b"{}", peer="", reply=None)
        self.ex = Exchange("req_1", http, self, self.clock.monotonic())

    @contextmanager
    def observe(self, ex: Exchange):
        self.seen.append("begin")
        try:
            yield
        finally:
            self.seen.append("end")

    def view(self, body: bytes) -> View:
        self.seen.append("view")
        return View("m", stream=True)

    async def ask(self, ex, deployment, patience, deadline) -> Any:
        self.seen.append(f"ask {deployment.upstream.name}")
        outcome = self.outcomes.pop(0)
        if callable(outcome):
            outcome = outcome()
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def respond(self, ex: Exchange, answer: Any) -> None:
        self.seen.append("respond")

    def refuse(self, ex: Exchange, error: GatewayError) -> None:
        self.seen.append("refuse")
        self.refused.append(error)

    def abandon(self, ex: Exchange) -> None:
        self.seen.append("abandon")

    def serve(self) -> None:
        asyncio.run(self.pipeline.serve(self.ex))

    @property
    def asked(self) -> list[str]:
        return [seen[4:] for seen in self.seen if seen.startswith("ask ")]


def test_the_stages_stand_in_their_order():
    """Identity before the body is looked at, permission before anything is asked, observation around it all."""
    inside = Inside(route("a"), "answer")
    inside.serve()
    assert inside.seen == ["begin", "identify", "view", "authorize", "route", "ask a", "respond", "end"]
    assert (inside.ex.model, inside.ex.stream) == ("m", True)


def test_a_stranger_costs_nothing():
    """Whoever is not known is refused before his body is parsed."""
    inside = Inside(route("a"))

    def identify(ex: Exchange) -> None:
        raise Unauthenticated("no")

    inside.pipeline.identify = identify
    inside.serve()
    assert inside.seen == ["begin", "refuse", "end"]


def test_a_bug_is_one_requests_own():
    """What should not happen is reported, told as an internal error without its text, and seen to end."""
    inside = Inside(route("a"), ValueError("secret"))
    inside.serve()
    assert inside.seen[-2:] == ["refuse", "end"]
    assert "secret" not in inside.refused[0].message
    assert inside.refused[0].status == 500
    assert [str(bug) for bug in inside.bugs] == ["secret"]


@pytest.mark.parametrize("error", [failed(), failed(UpstreamRejected), ValueError("bug")], ids=["retryable", "final", "bug"])
def test_a_handled_error_holds_nothing(error):
    """After the request an error keeps no frames, which would keep the request."""
    inside = Inside(route("a"), error)
    error.__cause__ = KeyError()
    inside.serve()
    assert error.__traceback__ is None
    assert error.__cause__ is None
    assert error.__context__ is None


def test_candidates_are_asked_in_order():
    """A failure goes to the next candidate at once; each attempt keeps why it failed."""
    inside = Inside(route("a", "b", "c"), failed(reason="x"), failed(reason="y"), "answer")
    inside.serve()
    assert inside.asked == ["a", "b", "c"]
    assert [attempt.error for attempt in inside.ex.attempts] == ["x", "y", None]
    assert not inside.refused


def test_retries_begin_at_the_front_again():
    """When all had their turn the first is asked again, as often as retries allow and not once more."""
    inside = Inside(route("a", "b", retries=2), *(failed() for _ in range(4)))
    inside.serve()
    assert inside.asked == ["a", "b", "a", "b"]
    assert [error.status for error in inside.refused] == [503]


def test_without_candidates_it_is_unavailable():
    """A route whose providers are all away is a 503 and not a crash."""
    inside = Inside(route())
    inside.serve()
    assert [(error.status, error.code) for error in inside.refused] == [(503, "no_providers_available")]


def test_a_rejected_request_is_not_repeated():
    """The request's own fault is told at once (U17): no other candidate sees it."""
    inside = Inside(route("a", "b", retries=5), failed(UpstreamRejected))
    inside.serve()
    assert inside.asked == ["a"]


@pytest.mark.parametrize("names", [("a",), ("a", "b")])
def test_what_only_others_can_help_with_is_not_repeated_there(names):
    """Refused credentials or an exhausted quota (U14, U17): that candidate is not asked again, the others are."""
    refusals = [failed(elsewhere_only=True) for _ in names]
    inside = Inside(route(*names, retries=5), *refusals)
    inside.serve()
    assert inside.asked == list(names)
    assert len(inside.refused) == 1


def test_retry_after_is_waited_for():
    """A short Retry-After of the only candidate is slept through (U12)."""
    inside = Inside(route("a", retries=1), failed(UpstreamRateLimited, after=0.05), "answer")

    async def timed() -> float:
        loop = asyncio.get_running_loop()
        before = loop.time()
        await inside.pipeline.serve(inside.ex)
        return loop.time() - before

    assert 0.045 < asyncio.run(timed()) < 1
    assert inside.asked == ["a", "a"]


def test_a_long_retry_after_is_the_callers_to_wait_for():
    """More than LONGEST_WAIT is not slept: the error goes out as it is (U13); other candidates are still asked."""
    long = failed(UpstreamRateLimited, after=LONGEST_WAIT + 1)
    inside = Inside(route("a", "b", retries=3), long, failed(), failed(), "answer")
    inside.serve()
    assert inside.asked == ["a", "b", "b", "b"]
    alone = Inside(route("a", retries=3), long)
    alone.serve()
    assert alone.refused == [long]
    assert alone.refused[0].retry_after == LONGEST_WAIT + 1


def test_the_longest_short_wait_of_a_round_counts():
    """Going round again waits for everyone who asked for a pause, not just for the last."""
    tries = Tries(route("a", "b", retries=2))
    assert tries.next(failed(after=4.0), BACKOFF) == 0.0
    assert tries.next(failed(), BACKOFF) == 4.0
    assert tries.next(failed(), BACKOFF) == 0.0
    assert tries.next(failed(), BACKOFF) is None


def test_no_try_begins_after_the_deadline():
    """Time that is over is not spent on another candidate, nor is a pause begun that would outlast it."""
    inside = Inside(route("a", "b", total=10.0))
    inside.outcomes = [lambda: inside.clock.advance(10.0) or failed(reason="timeout")]
    inside.serve()
    assert inside.asked == ["a"]
    waiting = Inside(route("a", retries=1, total=3.0), failed(after=4.0))
    waiting.serve()
    assert waiting.asked == ["a"]
    assert waiting.refused[0].retry_after == 4.0


def test_who_cannot_be_given_the_request_is_passed_over():
    """A candidate that lacks the operation was not asked: it is no attempt and no failover, and the next one serves."""
    inside = Inside(route("a", "b"), Unsupported("not here"), "answer")
    inside.serve()
    assert inside.asked == ["a", "b"]
    assert [attempt.provider for attempt in inside.ex.attempts] == ["b"]


def test_nobody_can_be_given_the_request():
    """If no candidate can carry it the caller is told so: 400."""
    inside = Inside(route("a", "b", retries=2), Unsupported("not a"), Unsupported("not b"))
    inside.serve()
    assert [error.message for error in inside.refused] == ["not b"]
    assert inside.ex.attempts == []


def test_a_providers_failure_is_told_rather_than_that_the_last_one_could_not():
    """A 503 that may pass is worth repeating, so it must not be hidden behind a 400."""
    broken = failed()
    inside = Inside(route("a", "b"), broken, Unsupported("not b"))
    inside.serve()
    assert inside.refused == [broken]


def test_a_cancelled_request_is_abandoned_and_seen():
    """Cancelling while it waits to try again ends it at once, through the edge and the observer."""
    inside = Inside(route("a", retries=1), failed(after=4.0))

    async def cancelled() -> None:
        task = asyncio.get_running_loop().create_task(inside.pipeline.serve(inside.ex))
        await until(lambda: inside.asked == ["a"])
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert inside.seen[-2:] == ["abandon", "end"]
    assert inside.ex.attempts[0].ended == inside.clock.monotonic()


# ---- through the real stages, server and client


BROKEN = SSE_HEAD + chunk(piece("half"))

ENDINGS = {
    "whole": ([ASK, said()], chat(), 200, "completed", None),
    "stream": ([ASK, streamed()], chat(stream=True), 200, "completed", None),
    "upstream_500": ([ASK, answer({}, "500 Oops")], chat(), 502, "failed", "upstream_error"),
    "refused_by_provider": (
        [ASK, answer({"error": {"message": "bad"}}, "400 Bad")],
        chat(),
        400,
        "failed",
        "invalid_parameter_value",
    ),
    "reset": ([ASK, RESET], chat(), 502, "failed", "upstream_error"),
    "cut_before_content": ([ASK, SSE_HEAD, CLOSE], chat(stream=True), 502, "failed", "upstream_error"),
    "cut": ([ASK, BROKEN, CLOSE], chat(stream=True), 200, "cut", "upstream_error"),
    "in_band": (
        [ASK, BROKEN, 0.05, chunk(b'data: {"error":{"message":"no"}}\n\n')],
        chat(stream=True),
        200,
        "cut",
        "upstream_error",
    ),
    "unknown_model": ([], chat("none"), 404, "failed", "model_not_found"),
    "bad_body": ([], b"{", 400, "failed", "json_parse_error"),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_every_ending_is_recorded_once(name):
    """One access line with the status that went out, how it ended and why; the provider's failure counts as one."""
    script, body, status, outcome, code = ENDINGS[name]

    async def test() -> None:
        async with Server(script) as server, whole_gateway(one_provider(server.url)) as gateway:
            got = await gateway.post(CHAT, body)
            assert got[0] == status
            (line,) = gateway.access()
            assert (line["status"], line["outcome"], line.get("error")) == (status, outcome, code)
            assert line["request_id"].encode() == got[1][b"x-request-id"]
            asked = gateway.stats.provider("a", 1e9)
            assert asked.requests == (1 if script else 0)
            assert asked.errors == (0 if outcome == "completed" or status == 400 else len(server.requests))
            assert "key" in line
            assert gateway.app.world.pipeline.observe.active == 0

    run(test)


def test_an_unknown_caller_is_recorded():
    """A 401 has its access line, without a key's name."""

    async def test() -> None:
        async with whole_gateway(one_provider("http://127.0.0.1:1")) as gateway:
            status, headers, _ = await gateway.post(CHAT, chat(), "Authorization: Bearer wrong\r\n")
            assert status == 401
            assert headers[b"www-authenticate"].startswith(b"Bearer")
            (line,) = gateway.access()
            assert (line["status"], line["outcome"], line["error"]) == (401, "failed", "invalid_api_key")
            assert "key" not in line

    run(test)


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_cancels_the_provider(stream):
    """C01, C02: the upstream connection is closed at once, the ending is the client's and tells nothing about the provider."""

    async def test() -> None:
        script = [ASK, BROKEN] if stream else [ASK]
        async with Server(script) as server, whole_gateway(one_provider(server.url)) as gateway:
            async with connected(gateway.port) as raw:
                raw.send(request(CHAT, chat(stream=stream)))
                await until(lambda: len(server.requests) == 1)
                if stream:
                    await raw.reader.readuntil(b"half")
            await server.until_left(1)
            await until(lambda: gateway.access() != [])
            (line,) = gateway.access()
            assert line["outcome"] == "client_gone"
            assert line["status"] == (200 if stream else 499)
            assert gateway.stats.provider("a", 1e9).errors == 0
            assert gateway.stats.provider("a", 1e9).requests == (1 if stream else 0)

    run(test)


@pytest.mark.parametrize("stream", [False, True])
def test_a_drain_tells_whoever_still_waits(stream):
    """C30: when the grace is over a stream ends with an error event and never [DONE], a waiting request with a 503."""

    async def test() -> None:
        script = [ASK, BROKEN] if stream else [ASK]
        async with Server(script) as server, whole_gateway(one_provider(server.url)) as gateway:
            async with connected(gateway.port) as raw:
                raw.send(request(CHAT, chat(stream=stream)))
                await until(lambda: len(server.requests) == 1)
                if stream:
                    await raw.reader.readuntil(b"half")
                await gateway.server.drain(0.05)
                rest = await raw.rest()
            assert b'"code":"draining"' in rest
            assert b"[DONE]" not in rest
            assert rest.endswith(b"0\r\n\r\n") if stream else rest.startswith(b"HTTP/1.1 503 ")
            (line,) = gateway.access()
            assert (line["outcome"], line["error"]) == ("drained", "draining")

    run(test)


def test_a_reload_leaves_running_requests_their_world():
    """C31: a stream goes on over a reload that changes everything; the next request meets the new world."""

    async def test() -> None:
        script = [ASK, BROKEN, 0.1, chunk(piece(finish="stop"), DONE) + b"0\r\n\r\n"]
        async with Server(script) as server, whole_gateway(one_provider(server.url)) as gateway:
            async with connected(gateway.port) as raw:
                raw.send(request(CHAT, chat(stream=True)))
                head = await raw.reader.readuntil(b"half")
                gateway.reload({**one_provider("http://127.0.0.1:1"), "models": {"other": "a/x"}})
                assert (await gateway.post(CHAT, chat()))[0] == 404
                rest = await raw.reader.readuntil(b"0\r\n\r\n")
            assert b"[DONE]" in head + rest

    run(test)


LIVES = {
    "whole": ([ASK, said()], CHAT, chat(), 200),
    "stream": ([ASK, streamed()], CHAT, chat(stream=True), 200),
    "translated_whole": ([ASK, said()], MESSAGES, chat(max_tokens=5), 200),
    "translated_stream": ([ASK, streamed()], MESSAGES, chat(stream=True, max_tokens=5), 200),
    "failed": ([ASK, answer({}, "500 Oops")], CHAT, chat(), 502),
    "in_band_before_content": (
        [ASK, SSE_HEAD + chunk(b'data: {"error":{"message":"no"}}\n\n') + b"0\r\n\r\n"],
        CHAT,
        chat(stream=True),
        502,
    ),
    "in_band": (
        [ASK, BROKEN, 0.001, chunk(b'data: {"error":{"message":"no"}}\n\n') + b"0\r\n\r\n"],
        CHAT,
        chat(stream=True),
        200,
    ),
    "refused": ([], CHAT, chat("none"), 404),
    "failover": ([ASK, answer({}, "500 Oops"), ASK, said()], CHAT, chat(), 200),
}


@pytest.mark.parametrize("name", LIVES)
def test_a_thousand_requests_leave_the_collector_nothing(name):
    """No ring through an Exchange: with the collector off everything of a request is freed when it ends, errors included."""
    script, path, body, status = LIVES[name]
    times = 1000

    async def test() -> None:
        deployments = ["a/real", "a/other"] if name == "failover" else ["a/real"]
        async with Server(script * times) as server, whole_gateway(one_provider(server.url, deployments=deployments)) as gateway:
            async with connected(gateway.port) as raw:
                data = request(path, body)

                async def one() -> None:
                    raw.send(data)
                    head = await raw.reader.readuntil(b"\r\n\r\n")
                    assert int(head[9:12]) == status
                    if b"chunked" in head:
                        await raw.reader.readuntil(b"0\r\n\r\n")
                    else:
                        await raw.reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]))

                await one()
                gc.collect()
                gc.disable()
                try:
                    for _ in range(times - 1):
                        await one()
                    found = gc.collect()
                finally:
                    gc.enable()
            assert found < times / 2

    run(test)
