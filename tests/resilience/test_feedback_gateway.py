"""What a whole gateway learns from its requests, and does about it."""

from __future__ import annotations

import msgspec

from llm_gateway.routing.standing import CLOSED, OPEN
from scripted_upstream import ASK, Upstream
from serving import run
from whole_gateway import CHAT, answer, chat, one_provider, said, whole_gateway


def test_rate_limit_headers_reach_the_standing():
    """As the provider's answer had them, in its own spelling."""

    async def main() -> None:
        limited = said().replace(b"\r\n", b"\r\nX-RateLimit-Remaining-Requests: 7\r\nX-RateLimit-Reset-Requests: 6s\r\n", 1)
        async with Upstream([ASK, limited]) as upstream, whole_gateway(one_provider(upstream.url)) as gateway:
            assert (await gateway.post(CHAT, chat()))[0] == 200
            standing = gateway.shared.defences.standings.of("a/real")
            assert (standing.requests_left, standing.running, standing.samples) == (7.0, 0, 1)
            assert standing.latency > 0.0

    run(main)


def test_an_open_circuit_is_told_without_asking():
    """Failures in a row open it; the next caller is answered 503 at once, with when to come back, and the provider is left alone."""

    async def main() -> None:
        broken = answer({"error": {"message": "no"}}, "500 Internal Server Error")
        async with Upstream([ASK, broken] * 9) as upstream, whole_gateway(one_provider(upstream.url, retries=0)) as gateway:
            for _ in range(5):
                assert (await gateway.post(CHAT, chat()))[0] == 502
            standings = gateway.shared.defences.standings
            assert (standings.of("a/real").state, standings.account("a").state) == (OPEN, CLOSED)
            status, headers, body = await gateway.post(CHAT, chat())
            assert (status, msgspec.json.decode(body)["error"]["code"]) == (503, "circuit_breaker_open")
            assert headers[b"retry-after"] == b"1"
            assert len(upstream.requests) == 5

    run(main)
