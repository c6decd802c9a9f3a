"""A gateway that keeps answers, before a provider that gives its own in turn, under a clock that moves when told to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from llm_gateway.core.clock import FakeClock
from scripted_upstream import ASK, Step, Upstream
from serving import run
from whole_gateway import BEARER, CHAT, Gateway, answer, chat, one_provider, whole_gateway

OOPS = answer({"error": {"message": "no"}}, "500 Internal Server Error")
CALM = {"circuit_breaker": {"enabled": False}}
"""For tests in which a provider fails more often than its circuit would bear."""


class World:
    """`gateway` in front of `upstream`."""

    def __init__(self, gateway: Gateway, upstream: Upstream, clock: FakeClock) -> None:
        self.gateway = gateway
        self.upstream = upstream
        self.clock = clock
        self.answers = gateway.shared.answers

    @property
    def asked(self) -> int:
        """Requests that the provider got."""
        return len(self.upstream.requests)

    async def post(self, body: Any = None, says: str = "", *, path: str = CHAT, who: str = BEARER) -> Got:
        """One request. `says`: header lines, or the value of Cache-Control."""
        lines = says if says.endswith("\r\n") or not says else f"Cache-Control: {says}\r\n"
        return Got(*await self.gateway.post(path, chat() if body is None else body, who + lines))


class Got:
    """What a caller was given."""

    def __init__(self, status: int, headers: dict[bytes, bytes], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def cache(self) -> str:
        """X-Cache; "": there was none."""
        return self.headers.get(b"x-cache", b"").decode()

    @property
    def short(self) -> tuple[int, str]:
        return self.status, self.cache

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def text(self) -> str:
        """What the model said."""
        said: str = self.json["choices"][0]["message"]["content"]
        return said

    @property
    def code(self) -> str:
        """Of an error."""
        code: str = self.json["error"].get("code", "")
        return code


def document(url: str, kept: Mapping[str, Any] | None = None, **alias: Any) -> dict[str, Any]:
    """The model "m" at one provider, whose answers are kept for a minute; `kept` is the section `cache` otherwise."""
    return {**one_provider(url, **alias), "cache": {"enabled": True, "ttl": "60s", **(kept or {})}, "resilience": CALM}


def play(
    answers: Sequence[bytes | Sequence[Step]],
    test: Callable[[World], Awaitable[None]],
    kept: Mapping[str, Any] | None = None,
    *,
    sections: Mapping[str, Any] | None = None,
    **alias: Any,
) -> None:
    """Runs `test` before a provider that gives these answers in turn, some of them piece by piece. `kept`: the section `cache`, `alias`: of the model "m"."""

    async def main() -> None:
        clock = FakeClock()
        script = [step for one in answers for step in (ASK, *([one] if isinstance(one, bytes) else one))]
        async with Upstream(script) as upstream:
            configured = {**document(upstream.url, kept, **alias), **(sections or {})}
            async with whole_gateway(configured, clock=clock) as gateway:
                await test(World(gateway, upstream, clock))

    run(main)
