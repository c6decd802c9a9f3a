"""Who there is, as control knows it: what the file defines, and what the store has beside it.

Workers are given the store's part as one directory (identity/directory.py), which they join with that of their configuration. It
is built again when the store's counters of changes say that something is another, whoever changed it: this control process, that
of another node, or a command. Where only keys are, those that are another are put into the one before. Keys that were revoked are
told to the workers before anything is built.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import msgspec
from sqlalchemy import Connection

from llm_gateway.config.schema import Config
from llm_gateway.config.schema.tenants import EndUser, Project, Tenant
from llm_gateway.config.tree import Node, locate
from llm_gateway.config.values import Secret
from llm_gateway.control.objects.documents import parsed
from llm_gateway.control.storing import Transactions
from llm_gateway.core.clock import Clock
from llm_gateway.credentials.ring import Ring, Unsealable
from llm_gateway.identity.building import Building
from llm_gateway.identity.rows import Grant, Key, User
from llm_gateway.identity.table import Unusable
from llm_gateway.store import end_users, keys, marks, objects, provider_keys
from llm_gateway.store.errors import StoreError
from llm_gateway.store.rows import EndUserRow, ObjectRow, ProviderKeyRow
from llm_gateway.telemetry.journal import Log

TENANT, PROJECT = "tenant", "project"
"""Kinds of the store's objects. A project's name is `tenant/project`."""
POLL_SECONDS = 0.5
"""Between two looks at the counters: what another node revoked is refused here within a second."""
_PARTS = ("objects", "keys", "end_users", "provider_keys")
_MARGIN_MS = 5_000
"""Clocks of nodes differ."""
_GRANTS = 10_000
_FEW = 2_000
"""Keys that are another, of which it is not made anew."""

Push = Callable[[list[str]], None]
"""Tells all workers which keys are refused from now on."""


@dataclass(frozen=True)
class Rows:
    """What the store has, as one look found it."""

    counters: Mapping[str, int]
    objects: list[ObjectRow]
    keys: list[Any]
    users: list[EndUserRow]
    accounts: list[ProviderKeyRow]


@dataclass
class Stored:
    """The same, understood."""

    tenants: dict[str, Tenant] = field(default_factory=dict)
    projects: dict[tuple[str, str], Project] = field(default_factory=dict)
    keys: int = 0


@dataclass
class Made:
    """The directory that the workers have, and the keys that it was made from."""

    building: Building
    file: Mapping[str, Tenant]
    known: dict[str, keys.Seen]
    sums: keys.Sums


class Roster:
    """One per control process."""

    def __init__(
        self, store: Transactions, ring: Ring, clock: Clock, log: Log, *, built: Callable[[bytes | None], None], push: Push
    ) -> None:
        """`built` is given each new directory; None: there is nothing in the store."""
        self._store = store
        self._ring = ring
        self._clock = clock
        self._log = log
        self._built = built
        self._push = push
        self._config: Config | None = None
        self._tree: Node | None = None
        self._counters: Mapping[str, int] = MappingProxyType({})
        self._since = 0
        self._soon = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failing = ""
        self._made: Made | None = None
        self.stored = Stored()
        self.problem = ""
        """Why what the store has cannot be given to the workers; empty: it was."""

    # The file's part

    def file(self, config: Config, tree: Node) -> None:
        """What the file says from now on."""
        again = self._config is not None and self._config.tenants != config.tenants
        self._config, self._tree = config, tree
        if again:
            self._counters = {}
            self._soon.set()

    @property
    def config(self) -> Config:
        assert self._config is not None  # noqa: S101 - before anything is asked
        return self._config

    @property
    def tree(self) -> Node:
        assert self._tree is not None  # noqa: S101 - see above
        return self._tree

    def where(self, *path: str | int) -> str | None:
        """File and line of what stands at a path; None: the file says nothing of it."""
        node, found = locate(self.tree, path)
        return str(node.where) if found == path else None

    # Following the store

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._follow())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def soon(self) -> None:
        """Look now: something was changed here."""
        self._soon.set()

    async def _follow(self) -> None:
        while True:
            self._soon.clear()
            try:
                await self.look()
                self._failing = ""
            except StoreError as error:
                self._told("store_away", str(error))
            except Exception as bug:  # noqa: BLE001 - what the workers have goes on
                self._told("bug", f"{type(bug).__name__}: {bug}")
            waiting = asyncio.ensure_future(self._soon.wait())
            await asyncio.wait((waiting,), timeout=POLL_SECONDS)
            waiting.cancel()

    def _told(self, event: str, why: str) -> None:
        if why != self._failing:
            self._failing = why
            self._log("warning" if event == "store_away" else "error", event, part="roster", why=why)

    async def look(self) -> bool:
        """Whether something had changed, and was given to the workers. Raises StoreError."""
        before = self._counters
        now = int(self._clock.now() * 1000)
        counters: Mapping[str, int] = await self._store.read(_counters)
        if counters == before:
            return False
        if self._since:
            since = self._since - _MARGIN_MS
            revoked = await self._store.read(lambda connection: keys.revoked_since(connection, since))
            if revoked:
                self._push(revoked)
        made, self._made = self._made, None  # of no use any more if something goes wrong meanwhile
        blob = None
        if made is not None and self._only_keys(made, counters):
            blob = await self._changed(made, now)
        if made is None or blob is None:
            rows = await self._store.read(lambda connection: _rows(connection, now))
            counters = rows.counters
            blob, self.stored, made = await asyncio.to_thread(self._understood, rows)
        self._counters, self._since, self._made = counters, now, made
        self._built(blob)
        return True

    def _only_keys(self, made: Made, counters: Mapping[str, int]) -> bool:
        """Whether nothing else is another since `made` was."""
        others = (number == self._counters.get(part) for part, number in counters.items() if part != "keys")
        return self._config is not None and made.file is self._config.tenants and all(others)

    async def _changed(self, made: Made, now: int) -> bytes | None:
        """The directory with what has become of its keys; None: it is made anew. Raises StoreError."""
        since = self._since - _MARGIN_MS
        found = await self._store.read(lambda connection: keys.difference(connection, now, since, made.known, made.sums, _FEW))
        return None if found is None else await asyncio.to_thread(self._with, made, *found)

    def _with(self, made: Made, rows: Sequence[Any], gone: Sequence[str]) -> bytes | None:
        old = [made.known[ident].digest for ident in (*gone, *(row.id for row in rows)) if ident in made.known]
        if not made.building.change(self._keys(rows, self.stored, made.file), old):
            return None
        for ident in gone:
            del made.known[ident]
        made.known.update((row.id, keys.seen(row)) for row in rows)
        made.sums = keys.sums_of(made.known.values())
        self.stored.keys = len(made.known)
        return made.building.blob() if len(made.building) else None

    def _understood(self, rows: Rows) -> tuple[bytes | None, Stored, Made | None]:
        """In a thread: a hundred thousand keys take seconds."""
        accounts = self._accounts(rows.accounts)
        stored = Stored(keys=len(rows.keys))
        for row in rows.objects:
            if row.kind == TENANT:
                stored.tenants[row.name] = self._tenant(row, accounts.pop(row.name, {}))
            elif row.kind == PROJECT:
                tenant, _, name = row.name.partition("/")
                stored.projects[tenant, name] = parsed(row.document, Project)
        for tenant in accounts:
            self._log("warning", "provider_keys_ignored", tenant=tenant, why="the tenant is defined by the file, or is gone")
        users = [User(row.tenant, row.name, parsed(row.document, EndUser)) for row in rows.users]
        if not (stored.tenants or stored.projects or rows.keys or users):
            return None, stored, None
        file = self._config.tenants if self._config is not None else {}
        try:
            found = self._keys(rows.keys, stored, file)
            building = Building(stored.tenants, found, users, projects=stored.projects, beside=file)
            blob, self.problem = building.blob(), ""
        except Unusable as error:
            self.problem = str(error)
            raise
        known = {row.id: keys.seen(row) for row in rows.keys}
        return blob, stored, Made(building, file, known, keys.sums_of(known.values()))

    def _tenant(self, row: ObjectRow, accounts: dict[str, Secret]) -> Tenant:
        tenant = parsed(row.document, Tenant)
        return msgspec.structs.replace(tenant, provider_keys=accounts) if accounts else tenant

    def _accounts(self, rows: Iterable[ProviderKeyRow]) -> dict[str, dict[str, Secret]]:
        """Opened keys at providers by tenant and provider; the newest of a provider counts."""
        opened: dict[str, dict[str, Secret]] = {}
        for row in sorted(rows, key=lambda row: (row.created_at, row.id)):
            try:
                secret = self._ring.open(row.sealed, f"provider_keys/{row.id}").decode()
            except Unsealable as error:
                self._log("error", "provider_key_unreadable", id=row.id, tenant=row.tenant, why=str(error))
                continue
            opened.setdefault(row.tenant, {})[row.provider] = Secret(secret)
        return opened

    def _keys(self, rows: Iterable[Any], stored: Stored, file: Mapping[str, Tenant]) -> Iterator[Key]:
        """Keys of what is gone are left out, and named: one of them must not keep all others from the workers."""
        grants: dict[str, Grant] = {}
        labels = not stored.tenants and not file
        for ident, digest, name, kind, tenant, project, document, expires_at, *_ in rows:
            if not labels and not _known(stored, file, tenant, project):
                self._log("warning", "key_ignored", key=ident, why="its tenant or project is gone")
                continue
            grant = grants.get(document)
            if grant is None:
                grant = parsed(document, Grant)
                if len(grants) < _GRANTS:
                    grants[document] = grant
            if grant.kind != kind:
                grant = msgspec.structs.replace(grant, kind=kind)
            owner = _owner(document)
            yield Key(ident, digest, name, tenant, project, grant, None if expires_at is None else expires_at / 1000, owner)


def _known(stored: Stored, file: Mapping[str, Tenant], tenant: str, project: str) -> bool:
    if tenant and tenant != "default" and tenant not in stored.tenants and tenant not in file:
        return False
    return not project or (tenant, project) in stored.projects or (tenant in file and project in file[tenant].projects)


def _counters(connection: Connection) -> dict[str, int]:
    found = marks.changes(connection)
    return {part: found[part] for part in _PARTS} | {"digests": marks.get(connection, keys.REDIGESTED)}


def _rows(connection: Connection, now: int) -> Rows:
    """All of one moment."""
    return Rows(
        _counters(connection),
        [row for row in objects.everything(connection) if row.kind in (TENANT, PROJECT)],
        list(keys.directory(connection, now)),
        end_users.everything(connection),
        provider_keys.everything(connection),
    )


class _Owner(msgspec.Struct):
    owner: str | None = None


_owner_of = msgspec.json.Decoder(_Owner).decode


def _owner(document: str) -> str | None:
    return _owner_of(document).owner if '"owner"' in document else None
