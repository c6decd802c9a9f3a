"""What operators can see and do of this node without a store: health, circuit breakers, and what workers can be asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from llm_gateway.channel.hub import Worker
from llm_gateway.channel.messages import Web, WebAnswer, plain, read
from llm_gateway.channel.peer import Unanswered
from llm_gateway.control.admission import Admission
from llm_gateway.control.app import body_of, headers_of, response, response_of
from llm_gateway.core.errors import NotFound, Overloaded
from llm_gateway.edge.health import PATHS, Health
from llm_gateway.edge.plain import json
from llm_gateway.resilience.standings import Row

ASK_SECONDS = 2.0
"""A worker that does not answer within this is named as missing; nobody waits for it longer."""
BREAKERS = "/admin/circuit-breakers"
_LARGEST = 900_000
_WORST = 3


class Workers(Protocol):
    """channel.hub.Hub."""

    @property
    def workers(self) -> list[Worker]: ...

    async def someone(self, seconds: float) -> bool: ...

    async def ask_all(self, method: str, body: Any, seconds: float) -> list[tuple[Worker, Any]]: ...


@dataclass
class Operators:
    """The endpoints."""

    hub: Workers
    health: Health
    admission: Admission

    def routes(self) -> Sequence[BaseRoute]:
        """All of them."""
        return (
            *(Route(path.decode(), self.answer_health, methods=["GET"]) for path in PATHS),
            Route("/health/providers", self.providers, methods=["GET"]),
            Route(BREAKERS, self.breakers, methods=["GET"]),
            Route(BREAKERS + "/{name:path}/reset", self.reset, methods=["POST"]),
        )

    async def answer_health(self, request: Request) -> Response:
        """GET /health and its kin, over all workers, and which of them are there."""
        self.health.started = bool(self.hub.workers)
        found = self.health.answer(request.url.path.encode(), request.url.query.encode())
        document = msgspec.json.decode(found.body)
        document["workers"] = [{"slot": worker.slot, "pid": worker.pid, "snapshot": worker.number} for worker in self.hub.workers]
        return response_of(json(found.status, document))

    async def providers(self, request: Request) -> Response:
        """GET /health/providers."""
        await self.admission.demand(request, "health:read")
        return response_of(self.health.report())

    async def breakers(self, request: Request) -> Response:
        """GET: all of them, each as its worst worker has it, those that are not closed first (requirements E20)."""
        await self.admission.demand(request, "admin:read")
        return response_of(json(200, await self.all_breakers()))

    async def all_breakers(self) -> dict[str, Any]:
        """The same for whoever was let in."""
        await self.hub.someone(ASK_SECONDS)
        answers = await self.hub.ask_all("circuits", None, ASK_SECONDS)
        rows: dict[str, list[tuple[int, Row]]] = {}
        for worker, answer in answers:
            for row in () if isinstance(answer, Unanswered) else answer:
                rows.setdefault(row[0], []).append((worker.slot, Row(*row)))
        data = [_shown(held, several=len(answers) > 1) for held in rows.values()]
        data.sort(key=lambda row: (row["state"] == "closed" and "reason" not in row, row["id"]))
        return {"data": data, **missing_of(answers)}

    async def reset(self, request: Request) -> Response:
        """POST .../{provider/model or provider}/reset: closed in every worker, without a pause, its failures forgotten. 204, or
        200 that names the workers that could not be told.
        """
        await self.admission.demand(request, "admin:write")
        missing = await self.reset_breaker(unquote(request.path_params["name"]))
        return response_of(json(200, missing)) if missing else Response(status_code=204)

    async def reset_breaker(self, name: str) -> dict[str, Any]:
        """The workers that could not be told. Raises NotFound, Overloaded."""
        await self.hub.someone(ASK_SECONDS)
        answers = await self.hub.ask_all("reset", name, ASK_SECONDS)
        if not any(answer is True for _, answer in answers):
            if not answers or missing_of(answers):
                raise Overloaded("No worker could be asked.", code="workers_unavailable", details=missing_of(answers) or None)
            raise NotFound("There is no circuit breaker of this name. GET /admin/circuit-breakers lists them.")
        return missing_of(answers)

    async def of_a_worker(self, request: Request) -> Response:
        """What one worker alone can answer, and any of them: models, routing. Raises NotFound, Overloaded."""
        path: bytes = request.scope["raw_path"] or request.url.path.encode()
        path = path.partition(b"?")[0]
        if path.startswith((b"/admin", b"/metrics")):  # ours: a worker that exposes them would ask us again
            raise NotFound("There is nothing at this path.", code="not_found")
        if not await self.hub.someone(ASK_SECONDS):
            raise Overloaded("No worker is there.", code="workers_unavailable", retry_after=1.0)
        body = await body_of(request, _LARGEST)
        client = request.client.host if request.client else ""
        asked = Web(request.method, path, request.url.query.encode(), [*headers_of(request).items()], body, client)
        why = ""
        for worker in self.hub.workers[:_WORST]:
            try:
                answer = read(await worker.peer.ask("web", plain(asked), ASK_SECONDS), WebAnswer)
            except Unanswered as error:
                why = str(error)
                if getattr(error, "kind", "") == "method":
                    raise NotFound("There is nothing at this path, or not with this method.", code="not_found") from None
                continue
            return response(answer.status, answer.headers, answer.body)
        raise Overloaded(f"No worker answers: {why}.", code="workers_unavailable")


def missing_of(answers: Sequence[tuple[Worker, Any]]) -> dict[str, Any]:
    """Which workers' answer is not in this one."""
    missing = [{"worker": worker.slot, "reason": str(answer)} for worker, answer in answers if isinstance(answer, Unanswered)]
    return {"missing": missing} if missing else {}


def _shown(held: list[tuple[int, Row]], *, several: bool) -> dict[str, Any]:
    """One breaker. Where there are several workers, how it stands in each."""
    worst = max((row for _, row in held), key=lambda row: (row.gauge, row.seconds))
    shown: dict[str, Any] = {
        "id": worst.name,
        "state": worst.state,
        "consecutive_failures": worst.failures,
        "success_rate": round(worst.success, 4),
        "running": sum(row.running for _, row in held),
    }
    if worst.seconds:
        shown |= {"reason": worst.reason, "seconds_left": round(worst.seconds, 3)}
    if several:
        shown["workers"] = {str(slot): row.state for slot, row in held}
    return shown
