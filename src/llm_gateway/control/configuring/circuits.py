"""/admin/v1/circuit-breakers: as the workers have them (requirements E20)."""

from __future__ import annotations

from typing import Any, Protocol

from llm_gateway.control.api.route import Answer, Asked, Route

ALL = "/admin/v1/circuit-breakers"


class Breakers(Protocol):
    """control.operators.Operators."""

    async def all_breakers(self) -> dict[str, Any]: ...

    async def reset_breaker(self, name: str) -> dict[str, Any]: ...


class Circuits:
    """The resource."""

    def __init__(self, breakers: Breakers) -> None:
        self._breakers = breakers

    def routes(self) -> tuple[Route, ...]:
        """All of them."""
        tag = "circuit breakers"
        more = "Closed in every worker, its failures forgotten. 204; or 200 with the workers that could not be told."
        return (
            Route("GET", ALL, "circuits:read", "List circuit breakers", self.all, answer=dict[str, Any], tag=tag),
            Route("POST", ALL + "/{name:path}/reset", "circuits:write", "Reset a circuit breaker", self.reset, status=204,
                  tag=tag, about=more),
        )  # fmt: skip

    async def all(self, _asked: Asked) -> Answer:
        """Each as its worst worker has it, those that are not closed first."""
        return Answer(await self._breakers.all_breakers())

    async def reset(self, asked: Asked) -> Answer:
        """All workers are told."""
        name = asked.path["name"]
        await asked.record("circuit.reset", f"circuit-breakers/{name}")
        missing = await self._breakers.reset_breaker(name)
        return Answer(missing, 200) if missing else Answer(status=204)
