"""Kept responses by their id: GET, DELETE, the input they answered, cancel
(https://platform.openai.com/docs/api-reference/responses).

Only the key that asked for a response finds it; everyone else is told what who asks for nothing is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Raw

from llm_gateway.core.caller import Caller
from llm_gateway.core.errors import (
    GatewayError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    UnknownResponse,
    Unsupported,
    UpstreamError,
)
from llm_gateway.core.json import MalformedJson, decode_lenient, encode
from llm_gateway.dialects.openai_responses.wire import NAME
from llm_gateway.edge.conversation import UNFINISHED, conversation, facts, items_of
from llm_gateway.edge.listing import Params, parse_query, whole
from llm_gateway.edge.models import unquoted
from llm_gateway.edge.plain import JSON, Plain, json
from llm_gateway.edge.stored import LONGEST_ID, ResponseStore, Stored
from llm_gateway.http.request import Request
from llm_gateway.providers.beside import Beside, Said

METHODS = (b"GET", b"HEAD", b"DELETE", b"POST")
_READS = (b"GET", b"HEAD")
_PAGE, _LARGEST_PAGE = 20, 100
_TRUE = ("true", "1")


class Responses:
    """What is below /v1/responses/."""

    def __init__(self, store: ResponseStore | None, beside: Beside, longest: int) -> None:
        """`store` None: nothing is kept, and nothing is found. `longest`: bytes of a conversation that is listed."""
        self._store = store
        self._beside = beside
        self._longest = longest

    async def __call__(self, caller: Caller, request: Request, rest: str) -> Plain:
        """`rest`: the path behind /v1/responses/. Raises NotFound, MethodNotAllowed, InvalidRequest, UpstreamError."""
        quoted, slash, what = rest.partition("/")
        allowed = _READS if what == "input_items" else (b"POST",) if what == "cancel" else (*_READS, b"DELETE")
        if slash and what not in ("input_items", "cancel"):
            raise NotFound("There is nothing at this path. The README lists the endpoints.", code="not_found")
        if request.method not in allowed:
            allow = b", ".join((*allowed, b"OPTIONS")).decode()
            raise MethodNotAllowed(f"This path takes {allow}.", details={"allow": allow})
        ident = unquoted(quoted)
        stored = await self._find(caller, ident)
        if what == "input_items":
            return await self._input_items(caller, ident, stored, parse_query(request.query))
        if what == "cancel":
            return await self._cancel(caller, ident, stored)
        if request.method == b"DELETE":
            return await self._delete(caller, ident, stored)
        return await self._get(caller, ident, stored, parse_query(request.query))

    async def _find(self, caller: Caller, ident: str) -> Stored:
        store = self._store
        found = None if store is None or not 0 < len(ident) <= LONGEST_ID else await store.get(caller.owner, ident)
        if found is None:
            raise _unknown(ident)
        return found

    async def _get(self, caller: Caller, ident: str, stored: Stored, params: Params) -> Plain:
        if params.get("stream", ("",))[-1].lower() in _TRUE:
            raise Unsupported("A kept response is given whole, not as a stream.", param="stream")
        if not stored.finished:
            said = await self._ask(caller, b"GET", ident, stored)
            return await self._renewed(caller, ident, stored, said)
        return Plain(200, JSON, stored.response)

    async def _cancel(self, caller: Caller, ident: str, stored: Stored) -> Plain:
        if stored.finished:
            raise InvalidRequest("Only a response that is being made in the background can be cancelled.", param="response_id")
        return await self._renewed(caller, ident, stored, await self._ask(caller, b"POST", ident, stored, "/cancel"))

    async def _renewed(self, caller: Caller, ident: str, stored: Stored, said: Said) -> Plain:
        """The provider's word on a response that it works on; kept as it is now."""
        if said.status != 200:
            return _passed(said)
        seen = facts(said.body)
        if seen.id == ident and self._store is not None:
            now = msgspec.structs.replace(stored, response=said.body, finished=seen.status not in UNFINISHED)
            await self._store.put(caller.owner, ident, now)
        return Plain(200, JSON, said.body)

    async def _delete(self, caller: Caller, ident: str, stored: Stored) -> Plain:
        """Where the provider keeps it too it is deleted there first: what is said to be deleted is."""
        path = self._path(stored, ident, "") if stored.at_provider else None
        if path is not None:
            said = await self._beside(stored.provider, b"DELETE", path, keys=caller.accounts)
            if not (200 <= said.status < 300 or said.status in (400, 404, 405, 501)):  # those do not have it
                raise UpstreamError("The provider did not delete its copy of this response. Try again.")
        if self._store is not None:
            await self._store.delete(caller.owner, ident)
        return json(200, {"id": ident, "object": "response.deleted", "deleted": True})

    async def _input_items(self, caller: Caller, ident: str, stored: Stored, params: Params) -> Plain:
        """All that the model was given, the conversation before included."""
        if stored.partial:
            query = "&".join(
                f"{quote(name, safe='')}={quote(value, safe='')}" for name, values in params.items() for value in values
            )
            return _passed(await self._ask(caller, b"GET", ident, stored, "/input_items", query))
        assert self._store is not None  # noqa: S101 - it has found something
        chain = await conversation(self._store, caller.owner, ident, stored, self._longest)
        if chain is None:
            raise NotFound("A part of the conversation before this response is no longer kept.", param="response_id")
        items = [item for link in chain[:-1] for item in items_of(link)]
        items += msgspec.json.decode(stored.items, type=list[Raw])
        return json(200, _page(items, ident, params))

    async def _ask(self, caller: Caller, method: bytes, ident: str, stored: Stored, below: str = "", query: str = "") -> Said:
        path = self._path(stored, ident, below)
        if path is None:
            raise NotFound("The provider that works on this response is not configured any more.", param="response_id")
        if query:
            path += ("&" if "?" in path else "?") + query
        return await self._beside(stored.provider, method, path, keys=caller.accounts)

    def _path(self, stored: Stored, ident: str, below: str) -> str | None:
        return self._beside.path(stored.provider, NAME, quote(ident, safe="") + below)


def _unknown(ident: str) -> GatewayError:
    return UnknownResponse(f"Response with id {encode(ident[:LONGEST_ID]).decode()} not found.", param="response_id")


def _passed(said: Said) -> Plain:
    """The provider's answer, in its words where it is about the request."""
    if said.status >= 500 or said.status in (401, 403, 429) or not said.body.lstrip().startswith(b"{"):
        raise UpstreamError(f"The provider that keeps this response answered {said.status}.")
    return Plain(said.status, JSON, said.body)


_PREFIXES: Mapping[str, str] = MappingProxyType({"message": "msg", "function_call": "fc", "reasoning": "rs"})


class _Item(msgspec.Struct, gc=False):
    """What of an item is read to list it."""

    type: str = "message"
    id: str | None = None
    role: str | None = None


def _seen(item: Raw) -> _Item:
    try:
        return decode_lenient(bytes(item), _Item)
    except (MalformedJson, msgspec.ValidationError):
        return _Item("unknown")


def _ident(seen: _Item, response: str, place: int) -> str:
    """Its own id, or one that is the same whenever it is listed."""
    return seen.id or f"{_PREFIXES.get(seen.type, 'item')}_{response.removeprefix('resp_')}_{place}"


def _row(item: Raw, response: str, place: int) -> dict[str, Any]:
    """An item as it is listed: with an id, and content in parts."""
    seen = _seen(item)
    try:
        row = decode_lenient(bytes(item), dict[str, Any])
    except (MalformedJson, msgspec.ValidationError):
        row = {}
    row |= {"type": seen.type, "id": _ident(seen, response, place)}
    if seen.type == "message" and isinstance(row.get("content"), str):
        part = "output_text" if seen.role == "assistant" else "input_text"
        more: dict[str, Any] = {"annotations": []} if part == "output_text" else {}
        row["content"] = [{"type": part, "text": row["content"], **more}]
    return row


def _page(items: list[Raw], response: str, params: Params) -> dict[str, Any]:
    """Only what is shown is read as a whole: a conversation may have a million items."""
    limit = whole(params, "limit", _PAGE, 1, _LARGEST_PAGE)
    order = params.get("order", ("desc",))[-1]
    if order not in ("asc", "desc"):
        raise InvalidRequest("order must be asc or desc.", param="order")
    places = range(len(items))
    if order == "desc":
        places = places[::-1]
    if "after" in params:
        after = params["after"][-1]
        found = next((at for at, place in enumerate(places) if _ident(_seen(items[place]), response, place) == after), None)
        if found is None:
            raise InvalidRequest("There is no such item in this list.", param="after")
        places = places[found + 1 :]
    rows = [_row(items[place], response, place) for place in places[:limit]]
    first, last = (rows[0]["id"], rows[-1]["id"]) if rows else (None, None)
    return {"object": "list", "data": rows, "first_id": first, "last_id": last, "has_more": limit < len(places)}
