"""Signing in and out over HTTP, and who one is. These paths need no permission: they are about oneself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from llm_gateway.control.api.duplicates import refuse_duplicates
from llm_gateway.control.api.frame import request_id_of
from llm_gateway.control.api.refusals import told
from llm_gateway.control.app import body_of, headers_of, response
from llm_gateway.control.objects.documents import moment
from llm_gateway.control.signin import cookies, same_origin
from llm_gateway.control.signin.entering import SIGN_IN, Entering, Visitor
from llm_gateway.control.signin.flows import SECONDS
from llm_gateway.control.signin.sessions import Opened, Session, Sessions
from llm_gateway.core.errors import InvalidRequest, MalformedBody, NotFound, Unauthenticated
from llm_gateway.core.ids import Ids
from llm_gateway.core.json import MalformedJson, decode
from llm_gateway.identity.roles import PERMISSIONS, Principal, allowed

_MOST_BODY = 16 << 10
_JSON = (b"content-type", b"application/json")
Shape = TypeVar("Shape", bound=msgspec.Struct)
Recognise = Callable[[Request], Awaitable[Principal]]


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is sent to sign in."""

    login: str
    password: str


class NewPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is sent to change one's password."""

    current: str
    new: str


class SignInRoutes:
    """The endpoints, and the session's way to be recognised (`principal`)."""

    def __init__(self, entering: Entering, sessions: Sessions, recognise: Recognise, ids: Ids) -> None:
        """`recognise`: who asks, in whatever way he shows it."""
        self._entering = entering
        self._sessions = sessions
        self._recognise = recognise
        self._ids = ids

    def routes(self) -> Sequence[BaseRoute]:
        """All of them."""
        table = (
            ("GET", SIGN_IN, self.ways),
            ("POST", SIGN_IN, self.sign_in),
            ("GET", SIGN_IN + "/oidc/{name}", self.begin),
            ("GET", SIGN_IN + "/oidc/{name}/callback", self.end),
            ("POST", "/admin/v1/signout", self.sign_out),
            ("GET", "/admin/v1/me", self.me),
            ("PUT", "/admin/v1/me/password", self.change_password),
            ("GET", "/admin/v1/me/sessions", self.sessions),
            ("DELETE", "/admin/v1/me/sessions/{id}", self.end_session),
        )
        return [Route(path, _explained(handler), methods=[method], include_in_schema=False) for method, path, handler in table]

    async def principal(self, request: Request) -> Principal | None:
        """Who is signed in; None: nobody is, or other credentials are there, which then count.

        Raises Unauthenticated for a session that is over, Forbidden for what another site's page sent, StoreError.
        """
        if any(name in request.headers for name in ("authorization", "x-api-key", "x-goog-api-key")):
            return None
        if not self._cookie(request, cookies.SESSION):
            return None
        return (await self._session(request)).principal

    async def ways(self, _request: Request) -> Response:
        """GET: how one can sign in."""
        admin = self._entering.auth.admin
        oidc = [{"name": one.name, "label": one.label or one.name, "url": f"{SIGN_IN}/oidc/{one.name}"} for one in admin.oidc]
        return _json({"passwords": admin.passwords, "oidc": oidc})

    async def sign_in(self, request: Request) -> Response:
        """POST a login and a password."""
        same_origin.demand("POST", headers_of(request), self._origin(request), "")
        given = await _body(request, Credentials)
        opened = await self._entering.by_password(given.login, given.password, self._visitor(request))
        return await self._entered(request, opened, _json(_shown(opened.session)))

    async def begin(self, request: Request) -> Response:
        """GET: away to the identity provider. `back`: the path to come back to."""
        url, cookie = await self._entering.begin(request.path_params["name"], request.query_params.get("back", ""))
        line = cookies.set_line(cookies.FLOW, cookie, secure=self._secure(request), seconds=SECONDS)
        return _elsewhere(url, [line])

    async def end(self, request: Request) -> Response:
        """GET: back from the identity provider."""
        query = {name: value for name, value in request.query_params.multi_items() if len(value) <= _MOST_BODY}
        if len(query) != len(request.query_params.multi_items()):
            raise InvalidRequest("This is no answer of an identity provider.")
        flow = self._cookie(request, cookies.FLOW)
        opened, back = await self._entering.end(request.path_params["name"], query, flow, self._visitor(request))
        done = _elsewhere(back, [cookies.clear_line(cookies.FLOW, secure=self._secure(request))])
        return await self._entered(request, opened, done)

    async def sign_out(self, request: Request) -> Response:
        """POST. `?everywhere=true`: all of one's sessions."""
        session = await self._session(request)
        everywhere = request.query_params.get("everywhere") == "true"
        await self._entering.leave(session, self._visitor(request), everywhere=everywhere)
        gone = cookies.clear_line(cookies.SESSION, secure=self._secure(request))
        return response(204, [gone], b"")

    async def me(self, request: Request) -> Response:
        """GET: who one is here, and what one may do; with a session, what its requests must send in X-CSRF-Token."""
        if await self.principal(request) is not None:
            return _json(_shown(await self._session(request)))
        return _json(_who(await self._recognise(request)))

    async def change_password(self, request: Request) -> Response:
        """PUT: one's own password. All of one's sessions end, and this one begins anew."""
        session = await self._session(request)
        given = await _body(request, NewPassword)
        opened = await self._entering.change_password(session, given.current, given.new, self._visitor(request))
        return await self._entered(request, opened, _json(_shown(opened.session)))

    async def sessions(self, request: Request) -> Response:
        """GET: where one is signed in."""
        session = await self._session(request)
        rows = await self._sessions.all_of(session.principal.id)
        data = [
            {
                "id": row.id.hex(),
                "current": row.id == session.id,
                "via": kept.via,
                "ip": kept.ip,
                "user_agent": kept.user_agent,
                "created_at": moment(row.created_at),
                "used_at": moment(row.used_at),
                "expires_at": moment(row.expires_at),
            }
            for row, kept in rows
        ]
        return _json({"data": data})

    async def end_session(self, request: Request) -> Response:
        """DELETE one of one's own."""
        session = await self._session(request)
        mine = {row.id.hex(): row.id for row, _ in await self._sessions.all_of(session.principal.id)}
        wanted = mine.get(request.path_params["id"])
        if wanted is None or not await self._sessions.close(wanted):
            raise NotFound("There is no such session.")
        return Response(status_code=204)

    async def _session(self, request: Request) -> Session:
        """Raises Unauthenticated, Forbidden, StoreError."""
        cookie = self._cookie(request, cookies.SESSION)
        session = await self._sessions.of(cookie) if cookie else None
        if session is None:
            raise Unauthenticated("You are not signed in, or not any more.", code="session_expired")
        same_origin.demand(request.method, headers_of(request), self._origin(request), session.csrf)
        return session

    async def _entered(self, request: Request, opened: Opened, answer: Response) -> Response:
        """With the new session's cookie; what the browser had before ends."""
        before = self._cookie(request, cookies.SESSION)
        if before:
            await self._sessions.close_cookie(before)
        line = cookies.set_line(cookies.SESSION, opened.cookie, secure=self._secure(request), seconds=opened.seconds)
        answer.raw_headers.append(line)
        return answer

    def _cookie(self, request: Request, name: str) -> str:
        return cookies.found(headers_of(request).get(b"cookie", b""), name, secure=self._secure(request))

    def _origin(self, request: Request) -> str:
        return self._entering.auth.admin.url or f"{request.url.scheme}://{request.headers.get('host', '')}"

    def _secure(self, request: Request) -> bool:
        return self._origin(request).startswith("https:")

    def _visitor(self, request: Request) -> Visitor:
        ip = request.client.host if request.client else ""
        return Visitor(ip, request.headers.get("user-agent", ""), request_id_of(request, self._ids))


def _explained(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except Exception as error:
            refusal = told(error)
            if refusal is None:
                raise
            raise refusal from None

    return answer


async def _body(request: Request, shape: type[Shape]) -> Shape:
    """Raises InvalidRequest. Nothing of what was sent is repeated: it is a password."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        error = InvalidRequest("Send JSON, and say so: Content-Type: application/json.", code="unsupported_media_type")
        error.status = 415
        raise error
    data = await body_of(request, _MOST_BODY)
    try:
        made = decode(data, shape)
    except MalformedJson:
        raise MalformedBody("The body is no JSON.") from None
    except msgspec.ValidationError:
        names = ", ".join(field.name for field in msgspec.structs.fields(shape))
        error = InvalidRequest(f"The body must be an object with the texts {names}.", code="validation_error")
        error.status = 422
        raise error from None
    refuse_duplicates(data)
    return made


def _who(principal: Principal) -> dict[str, Any]:
    may = sorted(one for one in PERMISSIONS if allowed(principal, one, principal.tenant))
    return {
        "id": principal.id,
        "name": principal.name,
        "tenant": principal.tenant or None,
        "roles": sorted(principal.roles),
        "permissions": may,
    }


def _shown(session: Session) -> dict[str, Any]:
    told = {
        "via": session.via,
        "csrf_token": session.csrf,
        "created_at": moment(session.created_at),
        "ends_at": moment(session.ends_at),
    }
    return {**_who(session.principal), "session": told}


def _json(data: Any) -> Response:
    return response(200, [_JSON], msgspec.json.encode(data))


def _elsewhere(url: str, lines: Iterable[tuple[bytes, bytes]]) -> Response:
    return response(303, [(b"location", url.encode("ascii", "replace")), *lines], b"")
