"""The pipeline's stage for /v1/files and /v1/batches: a request goes to the provider that keeps them, if they are the caller's.

What a caller made is his: ids are noted as the provider gives them, the files that a batch writes among them. A list is the
provider's, less what is not the caller's; as many of its pages are read as that takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any
from urllib.parse import quote_plus

from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import Forbidden, InvalidRequest, Unsupported, UpstreamMalformed
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.json import MalformedJson, decode_lenient, encode
from llm_gateway.dialects.invalid import Watched, read, refuse_duplicates
from llm_gateway.edge.owned import OwnedFront, unknown
from llm_gateway.edge.ownership import Owners, Place
from llm_gateway.edge.query import parameters, without
from llm_gateway.http.client import Response
from llm_gateway.http.errors import HttpError
from llm_gateway.providers.answer import WholeAnswer
from llm_gateway.providers.ask import forward, refusal
from llm_gateway.providers.deployment import Deployment, Lane, Patience, served_by
from llm_gateway.providers.faults import from_http
from llm_gateway.providers.raw import AskRaw, RawAnswer, RawCall

FILES, BATCHES = "openai_files", "openai_batches"
PAGES = 50
"""Of a provider's list that are read for one of ours."""
_PAGE = MappingProxyType({FILES: 1000, BATCHES: 100})
_DEFAULT = MappingProxyType({FILES: 1000, BATCHES: 20})
_INPUTS = ("input_file_id", "input_files")
_WATCHED = Watched(b"model", b"input_file_id", b"input_files", b"requests")
_OUTPUTS = ("output_file_id", "error_file_id", "output_file", "error_file")


class AskOwned:
    """Files and batches. `ask` sends; `show_unknown`: what nobody is known to have made is everybody's; `uncounted`: batches are
    made whatever budgets there are.
    """

    def __init__(self, ask: AskRaw, owners: Owners, clock: Clock, *, show_unknown: bool, uncounted: bool) -> None:
        self._ask = ask
        self._owners = owners
        self._clock = clock
        self._show_unknown = show_unknown
        self._uncounted = uncounted

    async def __call__(
        self, ex: Exchange, deployment: Deployment, patience: Patience, deadline: float
    ) -> WholeAnswer | RawAnswer:
        """Raises GatewayError."""
        front: OwnedFront = ex.front
        lane = deployment.lane(front)
        if lane is None or not lane.same:
            raise Unsupported(f"{deployment.upstream.name} keeps no {front.operation.value}.", param="provider")
        place = (deployment.upstream.name, front.name)
        if front.item and not await self._mine(ex, place, (front.item,)):
            raise unknown(front.operation.value)
        asking = _Asking(self._ask, ex, deployment, lane, patience, deadline, self._clock)
        if front.action == "content":
            return await asking.content()
        if front.action == "all" and front.method == b"GET":
            return asking.answer(await self._listed(ex, place, asking))
        if front.name == BATCHES and front.action == "all":
            self._check_budgets(ex)
            await self._check_inputs(ex, place[0])
        document = await asking.document(front.method, _below(front), front.query, ex.body)
        await self._note(ex, place, front, document)
        return asking.answer(document)

    async def _mine(self, ex: Exchange, place: Place, ids: Iterable[str]) -> set[str]:
        """Those of `ids` that this caller may see."""
        ids = list(ids)
        owners = await self._owners.owners(place, ids)
        me = _owner(ex)
        return {item for item in ids if owners.get(item, me if self._show_unknown else None) == me}

    def _check_budgets(self, ex: Exchange) -> None:
        """A hard budget that thousands of requests can be made past is none. Raises Forbidden."""
        if self._uncounted or ex.hold is None:
            return
        for meter, *_ in ex.hold.measured:
            if meter.calendar is not None and meter.hard:
                raise Forbidden(
                    f"What a batch costs is not seen here, and there is a hard budget ({meter.scope}) that it would not be in.",
                    code="batch_not_counted",
                    details={"scope": meter.scope, "setting": "files.uncounted_batches"},
                )

    async def _check_inputs(self, ex: Exchange, provider: str) -> None:
        """A batch reads its maker's own files. Raises InvalidRequest."""
        asked = read(ex.body, dict[str, Any])
        refuse_duplicates(ex.body, _WATCHED)
        named = {item for name in _INPUTS for item in _ids(asked.get(name))}
        if named - await self._mine(ex, (provider, FILES), named):
            raise InvalidRequest("There is no such file of this API key.", param="input_file_id", code="resource_not_found")
        if not named and not isinstance(asked.get("requests"), list):
            raise InvalidRequest("Missing required field: input_file_id", param="input_file_id", code="missing_field")

    async def _note(self, ex: Exchange, place: Place, front: OwnedFront, document: dict[str, Any]) -> None:
        """What the caller made, he owns; what a batch of his wrote, too."""
        if front.method == b"DELETE":
            await self._owners.forget(place, front.item)
            return
        if front.method == b"POST" and front.action == "all":
            made = _ids(document.get("id"))
            if not made:
                raise UpstreamMalformed("The provider's answer has no id")
            await self._owners.add(place, made, _owner(ex))
        if place[1] == BATCHES and _owner(ex) in (await self._owners.owners(place, _ids(document.get("id")))).values():
            written = [item for name in _OUTPUTS for item in _ids(document.get(name))]
            await self._owners.add((place[0], FILES), written, _owner(ex))

    async def _listed(self, ex: Exchange, place: Place, asking: _Asking) -> dict[str, Any]:
        """The caller's own, in the provider's order. Raises NotFound for an `after` that is not his."""
        asked = parameters(ex.front.query)
        after = asked.get("after")
        if after is not None and not await self._mine(ex, place, (after,)):
            raise unknown(ex.front.operation.value)
        wanted = _limit(asked.get("limit"), _DEFAULT[place[1]])
        rest = without(ex.front.query, lambda name, _value: name in ("after", "limit"))
        rows: list[dict[str, Any]] = []
        more, page = True, {}
        for _ in range(PAGES):
            cursor = b"" if after is None else b"&after=" + quote_plus(after).encode()
            query = b"limit=%d%b%b" % (_PAGE[place[1]], cursor, b"&" + rest if rest else b"")
            page = await asking.document(b"GET", "", query)
            found = [row for row in page.get("data") or () if isinstance(row, dict) and isinstance(row.get("id"), str)]
            mine = await self._mine(ex, place, [row["id"] for row in found])
            rows += [row for row in found if row["id"] in mine]
            more = page.get("has_more") is True and bool(found)
            if not more or len(rows) > wanted:
                break
            after = found[-1]["id"]
        if place[1] == BATCHES:
            for row in rows:
                await self._note(ex, place, ex.front, row)
        shown = rows[:wanted]
        listed: dict[str, Any] = {"object": "list", "data": shown, "has_more": more or len(rows) > wanted}
        listed["first_id"], listed["last_id"] = (shown[0]["id"], shown[-1]["id"]) if shown else (None, None)
        return listed | ({"total": len(rows)} if "total" in page else {})


class _Asking:
    """One caller's requests to a provider, of which a list may take several."""

    def __init__(
        self, ask: AskRaw, ex: Exchange, deployment: Deployment, lane: Lane, patience: Patience, deadline: float, clock: Clock
    ) -> None:
        self._ask = ask
        self._ex = ex
        self._deployment = deployment
        self._lane = lane
        self._patience = patience
        self._deadline = deadline
        self._clock = clock

    def answer(self, document: dict[str, Any]) -> WholeAnswer:
        return WholeAnswer(encode(document), None, self._deployment, self._lane)

    async def document(self, method: bytes, below: str, query: bytes, body: bytes = b"") -> dict[str, Any]:
        """A JSON object. Raises UpstreamError."""
        response = await self._send(method, below, query, body)
        try:
            text = await response.read()
        except HttpError as error:
            raise from_http(error) from error
        finally:
            response.close()
        try:
            document: dict[str, Any] = decode_lenient(text, dict[str, Any])
        except (MalformedJson, ValueError):
            raise UpstreamMalformed("The provider's answer is no JSON object.") from None
        if document.get("error"):
            raise UpstreamMalformed("The provider reported an error in an answer whose status said success.")
        return document

    async def content(self) -> RawAnswer:
        """A file's bytes, as they come."""
        front: OwnedFront = self._ex.front
        response = await self._send(b"GET", _below(front), front.query, b"")
        try:
            answer = RawAnswer(response, served_by(self._deployment.upstream.name), None, None, None)
            await answer.begun(response)
        except BaseException:
            response.close()
            raise
        return answer

    async def _send(self, method: bytes, below: str, query: bytes, body: bytes) -> Response:
        """Raises UpstreamError for every status but 2xx."""
        ex, lane, upstream = self._ex, self._lane, self._deployment.upstream
        front: OwnedFront = ex.front
        caller = {**ex.headers, b"content-type": front.content_type}
        headers = forward(lane.headers, caller, (*upstream.forwarded, b"content-type"))
        path, _, own = lane.target.partition(b"?")
        target = path + below.encode("ascii")
        target += b"?" + b"&".join(filter(None, (own, query))) if own or query else b""
        response = await self._ask.send(ex, upstream, RawCall(method, target, headers, body), self._patience, self._deadline)
        if 200 <= response.status < 300:
            return response
        try:
            upstream.refused(response.status)
            raise await refusal(response, lane.parse_error, self._clock, shown=lane.own_errors)
        finally:
            response.close()


def _owner(ex: Exchange) -> str:
    return ex.caller.owner if ex.caller is not None else ""


def _below(front: OwnedFront) -> str:
    if not front.item:
        return ""
    return f"/{front.item}" if front.action == "one" else f"/{front.item}/{front.action}"


def _ids(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _limit(given: str | None, default: int) -> int:
    if given is None:
        return default
    if not given.isdecimal() or not 1 <= int(given[:6]) <= 10_000:
        raise InvalidRequest("limit must be a whole number from 1 to 10000", param="limit")
    return int(given)
