"""Traces on their way to a collector that does what collectors do."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from control.tracing_support import World, config, exporting, message
from fakes.collector import Answer, collecting, partial
from llm_gateway.config.values import Duration, Secret
from llm_gateway.control.tracing import MOST_BYTES, RETRY_SECONDS, Exporter
from serving import run, until


def counts(exporter: Exporter) -> tuple[int, int, int]:
    return exporter.exported, exporter.dropped, exporter.failed


def test_what_is_told_arrives():
    """With the service's name, the attributes that were configured, and the collector's key; packed."""

    async def test() -> None:
        with collecting() as collector:
            said = {
                "headers": {"x-key": Secret("s3cret")},
                "service": "edge",
                "resource": {"deployment.environment.name": "test"},
            }
            async with exporting(collector.url, **said) as world:
                world.exporter.told(None, message(1, 2, dropped=3))
                await until(lambda: world.exporter.exported == 2)
                assert counts(world.exporter) == (2, 3, 0)
            ((path, headers),) = collector.requests
            assert (path, headers["x-key"], headers["content-type"]) == ("/v1/traces", "s3cret", "application/x-protobuf")
            assert headers["content-encoding"] == "gzip"
            assert [span.trace for span in collector.spans] == [f"{number:032x}" for number in (1, 2)]
            resource = collector.spans[0].resource
            assert (resource["service.name"], resource["service.instance.id"]) == ("edge", "here")
            assert resource["deployment.environment.name"] == "test"
            assert world.events == []

    run(test)


def test_a_full_batch_does_not_wait():
    """Others wait for the interval, to be sent together."""

    async def test() -> None:
        with collecting() as collector:
            async with exporting(collector.url, batch=2, interval=Duration(30), compression="none") as world:
                world.exporter.told(None, message(1))
                world.exporter.told(None, message(2, 3))
                await until(lambda: world.exporter.exported == 2)
                assert world.exporter.waiting == 1
            assert world.exporter.exported == 3, "at the end what waits is sent"
            assert len(collector.requests) == 2
            assert "content-encoding" not in collector.requests[0][1]

    run(test)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_trouble_that_passes(status: int):
    """It is tried again with growing pauses, or as the collector says; nothing is lost or sent twice."""

    async def test() -> None:
        with collecting() as collector:
            asked = Answer(status, headers=(("Retry-After", "7"),))
            collector.answers = [Answer(status), Answer(status), asked, Answer()]
            async with exporting(collector.url) as world:
                world.exporter.told(None, message(1))
                await until(lambda: world.exporter.exported == 1)
                assert counts(world.exporter) == (1, 0, 0)
                assert world.exporter.retried == 3
            first, second, third = world.waits
            assert 0.5 <= first <= 1.5
            assert 1.0 <= second <= 3.0
            assert third == 7.0
            assert len(collector.spans) == 1
            assert [event for event, _ in world.events] == ["traces_not_sent"], "said once"

    run(test)


@pytest.mark.parametrize(
    "answer", [Answer(400), Answer(401), Answer(404), Answer(500), Answer(302, headers=(("Location", "/x"),))]
)
def test_what_will_never_be_taken(answer: Answer):
    """It is not tried again, and counted as failed."""

    async def test() -> None:
        with collecting() as collector:
            collector.answers = [answer]
            async with exporting(collector.url) as world:
                world.exporter.told(None, message(1, 2))
                await until(lambda: world.exporter.failed == 2)
            assert counts(world.exporter) == (0, 0, 2)
            assert len(collector.requests) == 1

    run(test)


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        (Answer(200, b"<html>Welcome</html>", (("Content-Type", "text/html"),)), False),
        (Answer(200, b"\xff\xff\xff garbage"), False),
        (Answer(200, b"{}", (("Content-Type", "application/json"),)), True),
        (Answer(200, b"", ()), True),
    ],
    ids=["a page", "garbage", "json", "empty"],
)
def test_what_answers_may_be_no_collector(answer: Answer, taken: bool):
    """A page that answers 200 has taken nothing."""

    async def test() -> None:
        with collecting() as collector:
            collector.answers = [answer]
            async with exporting(collector.url) as world:
                world.exporter.told(None, message(1))
                await until(lambda: counts(world.exporter) != (0, 0, 0))
            assert counts(world.exporter) == ((1, 0, 0) if taken else (0, 0, 1))

    run(test)


@pytest.mark.parametrize(("said", "counted"), [(1, 1), (10**15, 2), (-5, 0)])
def test_spans_that_are_rejected_are_told(said: int, counted: int):
    """Part of a batch may not be taken; that is said and counted, not tried again. A counter never goes back."""

    async def test() -> None:
        with collecting() as collector:
            collector.answers = [partial(said)]
            async with exporting(collector.url) as world:
                world.exporter.told(None, message(1, 2))
                await until(lambda: world.exporter.exported == 2)
            assert world.exporter.rejected == counted
            assert [facts["why"] for _, facts in world.events] == ([f"it rejected {said} spans"] if counted else [])
            assert len(collector.requests) == 1

    run(test)


def test_nobody_is_there():
    """It is given up after a minute; what came meanwhile waits as long as there is room."""

    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        async with exporting(url, queue=3, batch=1) as world:
            world.exporter.told(None, message(1))
            await until(lambda: world.exporter.failed == 1)
            assert RETRY_SECONDS - 20 <= sum(world.waits) <= RETRY_SECONDS
            assert world.exporter.exported == 0

    run(test)


def test_a_collector_that_says_nothing():
    """It has so much time; then the batch is tried again, and what arrives meanwhile is bounded."""

    async def test() -> None:
        with collecting() as collector:
            collector.answers = [Answer(seconds=20), Answer()]
            async with exporting(collector.url, queue=4, batch=2, timeout=Duration(0.1)) as world:
                world.exporter.told(None, message(1, 2))
                await until(lambda: len(collector.requests) == 1)
                world.exporter.told(None, message(*range(3, 13)))
                assert world.exporter.waiting == 4
                assert world.exporter.dropped == 6
                await until(lambda: world.exporter.exported == 6)
                assert counts(world.exporter) == (6, 6, 0)

    run(test)


def test_bytes_are_bounded_too():
    """Whatever the queue's length allows."""

    async def test() -> None:
        async with exporting("http://127.0.0.1:1", queue=1_000_000, interval=Duration(60)) as world:
            most = MOST_BYTES >> 20
            for _ in range(2 * most):
                world.exporter.told(None, [[bytes(1 << 20)], 0])
            assert (world.exporter.waiting, world.exporter.dropped) == (most, most)
            world.exporter.use(config("http://127.0.0.1:1", enabled=False))
            assert world.exporter.waiting == 0

    run(test)


def test_another_collector_while_it_runs():
    """A reload sends to the new one from then on, and what waits, too; turned off, nothing is kept."""

    async def test() -> None:
        with collecting() as one, collecting() as other:
            async with exporting(one.url, interval=Duration(30)) as world:
                world.exporter.told(None, message(1))
                world.exporter.use(config(other.url, batch=1))
                world.exporter.told(None, message(2))
                await until(lambda: world.exporter.exported == 2)
                assert one.requests == []
                world.exporter.use(config(other.url, enabled=False))
                world.exporter.told(None, message(3))
                assert world.exporter.dropped == 1

    run(test)


def test_nothing_is_sent_of_nothing():
    """Turned off with something waiting and on again: no empty batch goes out."""

    async def test() -> None:
        with collecting() as collector:
            async with exporting(collector.url, interval=Duration(30)) as world:
                world.exporter.told(None, message(1))
                world.exporter.use(config(collector.url, enabled=False))
                world.exporter.use(config(collector.url))
                await asyncio.sleep(0.1)
            assert collector.requests == []
            assert counts(world.exporter) == (0, 1, 0)

    run(test)


def test_settings_that_cannot_be_used_are_said():
    """A file of authorities that is not there: tracing is off, and nothing else is."""

    async def test() -> None:
        async with exporting("https://127.0.0.1:1", ca_file="/nowhere/ca.pem") as world:
            world.exporter.told(None, message(1))
            assert world.exporter.dropped == 1
            assert [event for event, _ in world.events] == ["tracing_off"]

    run(test)


def test_the_end_is_not_held_up():
    """A collector that is away costs the end two seconds at most; what was not sent is counted."""

    async def test() -> None:
        with collecting() as collector:
            collector.answers = [Answer(503)]
            world = World()
            world.exporter.use(config(collector.url, batch=1, timeout=Duration(0.2)))
            world.exporter.told(None, message(1, 2))
            await world.exporter.close()
            exporter: Any = world.exporter
            assert exporter.exported + exporter.failed + exporter.dropped == 2
            assert exporter.exported == 0

    run(test)
