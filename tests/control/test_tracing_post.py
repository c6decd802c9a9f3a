"""One batch to the collector, and what its answers mean."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from fakes.collector import Answer, collecting
from llm_gateway.config.schema import Network, Tracing
from llm_gateway.config.values import Duration, Secret
from llm_gateway.control.tracing_post import LONGEST_WAIT, Collector, Refused, Unavailable
from llm_gateway.core.clock import FakeClock
from serving import run

KEY = "canary-collector-key"


def collector(url: str, **tracing: Any) -> Collector:
    settings = Tracing(**{"endpoint": url, "timeout": Duration(5), "headers": {"Authorization": Secret(KEY)}, **tracing})
    return Collector(settings, Network(), {"NO_PROXY": "*"}, FakeClock())


@pytest.mark.parametrize(
    ("below", "path"), [("", "/v1/traces"), ("/", "/v1/traces"), ("/otlp", "/otlp/v1/traces"), ("/v1/traces", "/v1/traces")]
)
def test_where_it_goes(below: str, path: str):
    """/v1/traces below the address, unless the address already ends so."""

    async def test() -> None:
        with collecting() as there:
            made = collector(there.url + below, compression="none")
            assert await made.send(b"") == 0
            await made.close()
            ((seen, headers),) = there.requests
            assert (seen, headers["authorization"]) == (path, KEY)

    run(test)


@pytest.mark.parametrize(("said", "seconds"), [("3", 3.0), ("99999", LONGEST_WAIT), ("soon", None), (None, None)])
def test_a_pause_that_is_asked_for(said: str | None, seconds: float | None):
    """Retry-After in seconds, within reason."""

    async def test() -> None:
        with collecting() as there:
            there.answers = [Answer(429, headers=() if said is None else (("Retry-After", said),))]
            made = collector(there.url, compression="none")
            with pytest.raises(Unavailable) as caught:
                await made.send(b"")
            await made.close()
            assert caught.value.retry_after == seconds

    run(test)


def test_texts_hold_no_secret_and_nothing_of_the_answer():
    """They go into the log."""

    async def test() -> None:
        with collecting() as there:
            there.answers = [Answer(401, f"wrong key {KEY}".encode(), (("X-Key", KEY),))]
            made = collector(there.url, compression="none")
            with pytest.raises(Refused) as caught:
                await made.send(b"")
            await made.close()
            assert KEY not in str(caught.value)
            assert "401" in str(caught.value)

    run(test)


def test_who_takes_too_long():
    """The whole exchange has `timeout`."""

    async def test() -> None:
        with collecting() as there:
            there.answers = [Answer(seconds=10)]
            made = collector(there.url, compression="none", timeout=Duration(0.1))
            with pytest.raises(Unavailable, match="in time"):
                await made.send(b"")
            await made.close()

    run(test)


def test_who_is_not_there():
    """Nor who hangs up."""

    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            port = sock.getsockname()[1]
        made = collector(f"http://127.0.0.1:{port}")
        with pytest.raises(Unavailable, match="cannot be reached"):
            await made.send(b"")
        await made.close()

    run(test)


def test_what_cannot_be_used_is_refused_at_once():
    """A header that no request can carry."""
    with pytest.raises(ValueError, match="header"):
        collector("http://127.0.0.1:1", headers={"x": Secret("a\r\nb")})
