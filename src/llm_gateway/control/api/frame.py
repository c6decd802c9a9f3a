"""Routes as an application has them: who asks, what he may, what he sent, and what he is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.routing import Route as Served
from starlette.types import Scope

from llm_gateway.control.api import replays
from llm_gateway.control.api.desk import Desk
from llm_gateway.control.api.reading import body_of, query_of, version_of, whole
from llm_gateway.control.api.refusals import not_found, told
from llm_gateway.control.api.route import Answer, Asked, Route
from llm_gateway.control.api.written import status_of, written
from llm_gateway.control.app import response
from llm_gateway.core.errors import Forbidden, GatewayError
from llm_gateway.core.ids import Ids
from llm_gateway.core.security_event import SecurityEvent
from llm_gateway.identity.roles import OF_TENANTS, Principal, allowed
from llm_gateway.store.errors import StoreError

LONGEST_ID = 128
_FAILURE = 400
"""Statuses from here on."""
Recognise = Callable[[Request], Awaitable[Principal]]


class Frame:
    """Serves a table of routes."""

    def __init__(self, desk: Desk, recognise: Recognise, ids: Ids) -> None:
        self._desk = desk
        self._recognise = recognise
        self._ids = ids

    def served(self, routes: Sequence[Route]) -> list[BaseRoute]:
        """Each path once, its methods behind it. Paths without parameters come first."""
        paths: dict[str, dict[str, Route]] = {}
        for route in routes:
            methods = paths.setdefault(route.path, {})
            if route.method in methods:
                raise ValueError(f"{route.method} {route.path} is there twice")
            methods[route.method] = route
        ordered = sorted(paths.items(), key=lambda item: (":path}" in item[0], item[0].count("{")))
        return [_Path(path, self._endpoint(methods), sorted(methods)) for path, methods in ordered]

    def _endpoint(self, methods: Mapping[str, Route]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return await self._answer(methods["GET" if request.method == "HEAD" else request.method], request)

        return answer

    async def _answer(self, route: Route, request: Request) -> Response:
        try:
            principal = await self._recognise(request)
            asked = await self._asked(route, request, principal)
            if asked.claim is not None:
                replayed = await self._begin(asked)
                if replayed is not None:
                    return replayed
            return self._given(await self._handled(route, asked), route, request)
        except GatewayError:
            raise
        except Exception as error:
            refusal = told(error, conditional=route.method in ("PUT", "PATCH", "DELETE"))
            if refusal is None:
                raise
            raise refusal from None

    async def _asked(self, route: Route, request: Request, principal: Principal) -> Asked:
        """Raises GatewayError: not allowed, or not well said."""
        path = {name: str(value) for name, value in request.path_params.items()}
        if any("\0" in value for value in path.values()):
            raise not_found("object")
        self._allowed(route, request, principal, path.get("tenant"))
        query, params = query_of(route, request.url.query.encode())
        version = version_of(route, request.headers.get("if-match"))
        data = await whole(request) if route.changes else b""
        body = body_of(route, data, request.headers.get("content-type", "")) if route.changes else None
        claim = None
        if route.method in ("POST", "PATCH") and (key := replays.key_of(request.headers.get("idempotency-key"))) is not None:
            target: bytes = request.scope.get("raw_path") or request.url.path.encode()
            claim = key, replays.request_hash(self._desk.ring, route.method, target + b"?" + request.url.query.encode(), data)
        return Asked(
            self._desk,
            principal,
            path,
            body,
            query,
            self._desk.now,
            request_id_of(request, self._ids),
            request.client.host if request.client else "",
            request.headers.get("user-agent", ""),
            params,
            version,
            claim,
            route,
        )

    def _allowed(self, route: Route, request: Request, principal: Principal, tenant: str | None) -> None:
        """Raises Forbidden; NotFound for what is another tenant's."""
        place = principal.tenant
        if tenant is not None and route.permission in OF_TENANTS:
            if principal.tenant and principal.tenant != tenant:
                raise not_found("tenant")
            place = tenant
        if allowed(principal, route.permission, place):
            return
        self._desk.noted.add(
            SecurityEvent(
                self._desk.now,
                "permission.denied",
                principal.id,
                request.client.host if request.client else "",
                f"{route.method} {request.url.path}",
                route.permission,
                user_agent=request.headers.get("user-agent", ""),
                tenant=principal.tenant,
            )
        )
        hint = ""
        if principal.id == "anonymous":
            hint = " There is no admin key yet: llm-gateway admin-key create makes the first one."
        raise Forbidden(f"This needs the permission {route.permission}.{hint}", details={"permission": route.permission})

    async def _begin(self, asked: Asked) -> Response | None:
        """What was answered before. Raises Conflict, InvalidRequest, StoreError."""
        claim, desk = asked.claim, self._desk
        assert claim is not None  # noqa: S101 - the caller looked
        found = await desk.store.write(
            lambda connection: replays.begin(connection, claim, asked.principal.id, desk.ring, asked.now)
        )
        if found is None:
            return None
        headers = {**found.headers, "Idempotency-Key": claim[0], "Idempotent-Replayed": "true"}
        return _response(200, headers, found.body)

    async def _handled(self, route: Route, asked: Asked) -> Answer:
        claim = asked.claim
        try:
            answer = await route.handler(asked)
        except BaseException as error:
            # A refusal behind a change that was stored says that it was taken back: who repeats it is not told that it is done.
            if claim is not None and (asked.claim is not None or isinstance(error, GatewayError)):
                await self._forget(claim[0], asked.principal.id)
            raise
        if asked.claim is not None:  # nothing in the store was changed: what was done is done
            await self._keep(asked, answer, route)
        if claim is not None:
            answer = Answer(
                answer.body, answer.status, answer.version, (*answer.headers, ("Idempotency-Key", claim[0])), answer.raw
            )
        return answer

    async def _keep(self, asked: Asked, answer: Answer, route: Route) -> None:
        """For who repeats the request, who is answered with 200: not what was a failure."""
        assert asked.claim is not None  # noqa: S101 - the caller looked
        if status_of(answer, route) >= _FAILURE:
            await self._forget(asked.claim[0], asked.principal.id)
            return
        with suppress(StoreError):  # it is done all the same, and that is what is answered
            await self._desk.store.write(
                lambda connection: replays.finish(connection, asked, answer, self._desk.ring, self._desk.now)
            )

    async def _forget(self, key: str, principal: str) -> None:
        try:
            await self._desk.store.write(lambda connection: replays.forget(connection, key, principal))
        except StoreError:
            return  # it is free again by itself, a little later

    def _given(self, answer: Answer, route: Route, request: Request) -> Response:
        headers, body = written(answer, route)
        status = status_of(answer, route)
        tag = headers.get("ETag")
        if tag is not None and request.method in ("GET", "HEAD") and tag in _tags(request.headers.get("if-none-match", "")):
            return _response(304, {"ETag": tag}, b"")
        return _response(status, headers, b"" if request.method == "HEAD" else body)


class _Path(Served):
    """A path with all of its methods, so that one that it does not take is told 405 with all that it does."""

    def __init__(self, path: str, endpoint: Callable[[Request], Awaitable[Response]], methods: list[str]) -> None:
        super().__init__(path, endpoint, methods=methods, include_in_schema=False)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Names are bounded, whatever they are names of."""
        match, child = super().matches(scope)
        if match is not Match.NONE and any(
            isinstance(value, str) and not 0 < len(value) <= LONGEST_ID for value in child.get("path_params", {}).values()
        ):
            return Match.NONE, {}
        return match, child


def request_id_of(request: Request, ids: Ids) -> str:
    """The caller's X-Request-ID, if it is one; else a new one."""
    given = request.headers.get("x-request-id", "")
    return given if given.isascii() and given.isprintable() and 0 < len(given) <= LONGEST_ID else ids.request_id()


def _response(status: int, headers: Mapping[str, str], body: bytes) -> Response:
    return response(status, [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()], body)


def _tags(header: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}
