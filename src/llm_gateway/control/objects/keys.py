"""/admin/v1/keys, and POST /admin/api-keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection

from llm_gateway.control.api.desk import Change
from llm_gateway.control.api.paging import sorting, stored
from llm_gateway.control.api.reading import bound, merged
from llm_gateway.control.api.refusals import not_found, owned_by_file, refused
from llm_gateway.control.api.route import Answer, Asked, Route
from llm_gateway.control.audit import placed
from llm_gateway.control.objects.key_listing import Listing
from llm_gateway.control.objects.key_rights import KeyChecks
from llm_gateway.control.objects.key_routes import key_routes
from llm_gateway.control.objects.key_shapes import (
    ChangedKey,
    KeyQuery,
    NewApiKey,
    NewKey,
    of_file,
    shown,
)
from llm_gateway.control.objects.scopes import Scopes
from llm_gateway.control.objects.uses import Uses
from llm_gateway.core.errors import Conflict
from llm_gateway.identity.keys import Pepper
from llm_gateway.identity.minting import Minted, mint
from llm_gateway.identity.signing import signing_secret
from llm_gateway.store import keys
from llm_gateway.store.rows import KeyRow


class Keys:
    """The resource."""

    def __init__(
        self, scopes: Scopes, pepper: Pepper, ulid: Callable[[], str], uses: Uses, revoked: Callable[[list[str]], None]
    ) -> None:
        """`revoked` tells all workers which keys are refused from now on."""
        self._scopes = scopes
        self._roster = scopes.roster
        self._checks = KeyChecks(scopes, ulid)
        self._pepper = pepper
        self._ulid = ulid
        self._uses = uses
        self._revoked = revoked

    def routes(self) -> tuple[Route, ...]:
        """All of them."""
        return key_routes(self)

    async def list(self, asked: Asked) -> Answer:
        """Those that who asks may see."""
        query: KeyQuery = asked.query
        tenant = asked.only or query.tenant
        if asked.only is not None and query.tenant not in (None, asked.only):
            return Answer({"data": [], "has_more": False})
        wanted = {"tenant": tenant, "project": query.project, "status": query.status, "kind": query.kind, "name": query.name}
        descending = sorting(asked)
        listing = Listing(self._roster.config.auth.keys, wanted)

        def read(connection: Connection) -> Answer:
            show = lambda row: self._view(row, asked)  # noqa: E731 - of this request
            return stored(asked, listing.by_cursor(connection), listing.by_offset(connection), show, descending=descending)

        return await asked.read(read)

    async def show(self, asked: Asked) -> Answer:
        ident = asked.path["key"]
        for key in self._roster.config.auth.keys:
            if key.name == ident:
                asked.mine(key.tenant, "key")
                return Answer(of_file(key, self._where(ident) or "", asked.now, self._uses.last(ident)))
        row = await asked.read(lambda connection: keys.get(connection, ident))
        return self._shown(_mine(row, asked), asked)

    async def create(self, asked: Asked) -> Answer:
        """The answer is the one place where the key stands."""
        body: NewKey = asked.body
        row, new = await self._made(asked, body)
        return await asked.change(lambda connection: self._added(connection, asked, row, new))

    async def create_alias(self, asked: Asked) -> Answer:
        """Requirements E19."""
        body: NewApiKey = asked.body
        said: dict[str, Any] = {"name": body.name}
        if body.scopes is not None:
            said["scopes"] = list(body.scopes)
        if body.rate_limit_tier is not None:
            said["tier"] = body.rate_limit_tier
        if body.expires_at is not None:
            said["expires_at"] = body.expires_at
        row, new = await self._made(asked, bound(NewKey, said))

        def make(connection: Connection) -> Change:
            done = self._added(connection, asked, row, new)
            view = done.answer.body
            facts = {"name": row.name, "created_at": view["created_at"], "expires_at": view["expires_at"]}
            answer = Answer({"id": row.id, "api_key": new.key.reveal(), **facts}, version=row.version)
            return Change(answer, done.action, done.resource, done.before, done.after)

        return await asked.change(make)

    async def change(self, asked: Asked) -> Answer:
        """A merge patch: what is null goes back to its default."""
        ident = asked.path["key"]
        self._refuse_file(ident, asked)
        row = _mine(await asked.read(lambda connection: keys.get(connection, ident)), asked)
        before = self._document(row)
        body = bound(ChangedKey, merged(before, asked.body))
        had = before.get("passthrough", ())
        document = await self._checks.document(asked, body, row.kind, row.tenant, row.project, _owner(row), had)
        expires = None if body.expires_at is None else int(body.expires_at.timestamp() * 1000)
        values = {
            "name": body.name,
            "document": document,
            "expires_at": expires,
            "status": "disabled" if body.disabled else "active",
        }

        def put(connection: Connection) -> Change:
            now = _mine(keys.get(connection, ident), asked)
            if now.status == "revoked":
                raise Conflict("It is revoked, for ever. Make another one.", code="key_revoked")
            version = row.version if asked.version is None else asked.version
            new = keys.change_key(connection, ident, values, version=version)
            return Change(self._shown(new, asked), "key.changed", _place(row), before, self._document(new))

        return await asked.change(put)

    async def rotate(self, asked: Asked) -> Answer:
        """The new key owns, and has used up, what the old one did."""
        ident = asked.path["key"]
        self._refuse_file(ident, asked)
        found = _mine(await asked.read(lambda connection: keys.get(connection, ident)), asked)
        self._checks.may_make(asked, found.kind, self._checks.roles(found), found.tenant)
        new = mint(_kind(found), self._pepper, self._ulid)
        until = asked.now + int(float(asked.body.overlap) * 1000)

        def replace(connection: Connection) -> Change:
            old = _mine(keys.get(connection, ident), asked)
            if old.status != "active" or (old.expires_at is not None and old.expires_at <= asked.now):
                raise Conflict("Only a key that is accepted can be rotated. Make another one.", code="key_not_active")
            document = {**msgspec.json.decode(old.document), "owner": _owner(old) or old.id}
            row = msgspec.structs.replace(
                old,
                id=new.id,
                digest=new.digest,
                prefix=new.shown,
                document=msgspec.json.encode(document).decode(),
                created_at=asked.now,
                created_by=asked.principal.id,
                rotated_from=old.id,
                last_used_at=None,
                version=1,
            )
            ends = until if old.expires_at is None else min(until, old.expires_at)
            version = old.version if asked.version is None else asked.version
            keys.change_key(connection, ident, {"expires_at": ends}, version=version)
            keys.create(connection, row)
            facts = {"replaced_by": new.id, "accepted_until": ends}
            return Change(self._once(row, new, asked), "key.rotated", _place(found), None, facts)

        return await asked.change(replace)

    async def revoke(self, asked: Asked) -> Answer:
        """Workers are told at once; what they are given afterwards does not have it any more."""
        ident = asked.path["key"]
        self._refuse_file(ident, asked)

        def end(connection: Connection) -> Change:
            old = _mine(keys.get(connection, ident), asked)
            if ident != asked.principal.id:
                self._checks.may_make(asked, old.kind, self._checks.roles(old), old.tenant)
            if asked.version is not None and old.version != asked.version:
                raise refused(412, "precondition_failed", "It was changed meanwhile: get it again.")
            row = keys.revoke(connection, ident, asked.now)
            facts = {"status": old.status}, {"status": row.status}
            return Change(self._shown(row, asked), "key.revoked", _place(row), *facts)

        answer = await asked.change(end)
        self._revoked([ident])
        return answer

    async def delete(self, asked: Asked) -> Answer:
        """As `revoke`."""
        await self.revoke(asked)
        return Answer()

    async def _made(self, asked: Asked, body: NewKey) -> tuple[KeyRow, Minted]:
        """Raises InvalidRequest, Forbidden, NotFound."""
        tenant = body.tenant or asked.principal.tenant
        asked.mine(tenant, "tenant")
        document = await self._checks.document(asked, body, body.kind, tenant, body.project, None)
        new = mint(body.kind, self._pepper, self._ulid)
        expires = None if body.expires_at is None else int(body.expires_at.timestamp() * 1000)
        row = KeyRow(
            id=new.id,
            digest=new.digest,
            prefix=new.shown,
            name=body.name,
            kind=body.kind,
            tenant=tenant,
            project=body.project,
            document=document,
            status="active",
            expires_at=expires,
            created_at=asked.now,
            created_by=asked.principal.id,
        )
        return row, new

    def _added(self, connection: Connection, asked: Asked, row: KeyRow, new: Minted) -> Change:
        self._checks.place(connection, row.tenant, row.project)
        keys.create(connection, row)
        return Change(self._once(row, new, asked), "key.created", _place(row), None, self._document(row))

    def _once(self, row: KeyRow, new: Minted, asked: Asked) -> Answer:
        view = self._view(row, asked)
        once = {"key": new.key.reveal()}
        if view.get("require_signature"):
            once["signing_secret"] = signing_secret(self._pepper, new.digest)
        return Answer({**view, **once}, status=201, version=row.version)

    def _shown(self, row: KeyRow, asked: Asked) -> Answer:
        return Answer(self._view(row, asked), version=row.version)

    def _view(self, row: KeyRow, asked: Asked) -> dict[str, Any]:
        if not row.version:  # of the file (key_listing.py)
            known = next(key for key in self._roster.config.auth.keys if key.name == row.id)
            return of_file(known, self._where(row.id) or "", asked.now, self._uses.last(row.id))
        return shown(row, self._uses.last(row.id), asked.now)

    def _document(self, row: KeyRow) -> Mapping[str, Any]:
        """What of it can be changed, as it is sent."""
        facts: dict[str, Any] = {"name": row.name, **msgspec.json.decode(row.document)}
        facts.pop("owner", None)
        if row.status != "active":
            facts["disabled"] = True
        if row.expires_at is not None:
            facts["expires_at"] = shown(row, None, 0)["expires_at"]
        return facts

    def _refuse_file(self, ident: str, asked: Asked) -> None:
        """Raises Conflict for a key of the file; NotFound for one that is another tenant's."""
        for key in self._roster.config.auth.keys:
            if key.name == ident:
                asked.mine(key.tenant, "key")
                raise owned_by_file("key", self._where(ident) or "auth.keys")

    def _where(self, ident: str) -> str | None:
        names = [key.name for key in self._roster.config.auth.keys]
        return self._roster.where("auth", "keys", names.index(ident)) if ident in names else None


def _mine(row: KeyRow | None, asked: Asked) -> KeyRow:
    """Raises NotFound."""
    if row is None:
        raise not_found("key")
    asked.mine(row.tenant, "key")
    return row


def _place(row: KeyRow) -> str:
    return placed(row.tenant, f"keys/{row.id}")


def _owner(row: KeyRow) -> str | None:
    owner: str | None = msgspec.json.decode(row.document).get("owner")
    return owner


def _kind(row: KeyRow) -> Any:
    return row.kind
