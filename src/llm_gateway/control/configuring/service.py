"""Changes of the configuration by the API: checked as a whole with the file, stored, given to the workers, or not done at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from sqlalchemy import Connection

from llm_gateway.config.errors import ConfigErrors, Where, render
from llm_gateway.config.load import API_OBJECT, TWO_OWNERS, Loaded, Overlay, owned
from llm_gateway.config.schema import Config
from llm_gateway.config.tree import Node, locate
from llm_gateway.control.api.desk import Change
from llm_gateway.control.api.refusals import invalid
from llm_gateway.control.api.route import Answer, Asked
from llm_gateway.control.configuring import ambient
from llm_gateway.control.configuring.documents import guarded, stored
from llm_gateway.control.configuring.history import Cause, History
from llm_gateway.control.configuring.kinds import PROVIDER, RULE, Kind, Made
from llm_gateway.control.configuring.layer import Held, Layer, counted
from llm_gateway.control.configuring.overlay import in_order, overlay_of
from llm_gateway.core.errors import Conflict, InvalidRequest, Overloaded
from llm_gateway.credentials.ring import Ring
from llm_gateway.providers.registry import types_of
from llm_gateway.snapshot import NotServable
from llm_gateway.store import objects

TRIES = 5
"""How often somebody else, on another node, may be first."""
EFFECT_SECONDS = 15.0
"""How long an answer waits until the change holds in the workers."""
NUMBER = "X-Gateway-Snapshot"
"""The header that says since which snapshot a change holds."""


@dataclass(frozen=True)
class Edit:
    """What becomes of one object."""

    kind: Kind
    name: str
    document: Any
    """None: it is deleted."""
    version: int | None = None
    """The one that it is made from; None: whatever there is."""


@dataclass(frozen=True)
class Intent:
    """A change as whoever asked for it means it."""

    action: str
    """`model.created`"""
    resource: str
    edits: Callable[[Held], Sequence[Edit]]
    """From what there is. Raises GatewayError."""
    answer: Callable[[Held], Answer]
    """From what there is then."""
    reason: str = ""
    refusal: Callable[[ConfigErrors | NotServable, Held], InvalidRequest | Conflict] | None = None
    """What is told of what does not fit; None: as `refused` has it."""


class Building(Protocol):
    """control.builder.Builder."""

    problem: str
    config: Config | None
    environ: Mapping[str, str]

    async def renewed(self, seconds: float, *, anyway: bool = False) -> bool: ...

    async def check(self, config: Config) -> object: ...


class Moved(Exception):
    """Somebody else changed something between the check and the change."""


@dataclass
class Configuring:
    """One per control process."""

    layer: Layer
    ring: Ring
    builder: Building
    history: History
    load: Callable[[Overlay], Awaitable[Loaded]]
    """Reads files, variables and flags, with objects of the API beside them. Raises ConfigErrors."""
    tree: Node = field(default_factory=lambda: Node({}, Where("nothing")))
    """Of the configuration that holds."""
    checked: Config | None = None
    """What was checked last."""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def accepted(self, loaded: Loaded) -> None:
        """Another configuration holds from now on."""
        self.tree = loaded.tree
        self.history.note(loaded.config, self.layer.objects)

    @property
    def config(self) -> Config:
        """Raises Overloaded while nothing is known yet."""
        if self.builder.config is None:
            raise Overloaded("The control process is starting.", code="starting", retry_after=1.0)
        return self.builder.config

    def where(self, kind: Kind, name: str) -> str | None:
        """Where the file (or a variable, or a flag) defines it; None: it does not."""
        found = owned(self.tree, kind.path(name))
        return None if found is None or found.source.startswith(API_OBJECT) else str(found)

    async def check(self, held: Held, edits: Sequence[Edit] = ()) -> Loaded:
        """The whole configuration with these objects, and whether `edits` may come to that. Raises ConfigErrors, NotServable."""
        loaded = await self.load(overlay_of(held.values()))
        changed = [edit.name for edit in edits if edit.kind is PROVIDER and edit.document is not None]
        of_api = {name for kind, name in held if kind == PROVIDER.name}
        ambient.demand(changed, of_api, loaded.config, types_of(loaded.config), self.builder.environ)
        await self.builder.check(loaded.config)
        self.checked = loaded.config
        return loaded

    async def check_anew(self) -> None:
        """What would be read now, whether it could hold. Raises ConfigErrors, NotServable."""
        loaded = await self.load(await self.layer.overlay())
        await self.builder.check(loaded.config)

    async def change(self, asked: Asked, intent: Intent) -> Answer:
        """Check, store, and wait until it holds. Raises GatewayError, StoreError, AuditUnavailable."""
        async with self._lock:
            for _ in range(TRIES):
                mark, before = await self.layer.everything()
                edits = intent.edits(before)
                after = edited(before, edits, asked)
                await self._fits(intent, after, edits)
                try:
                    answer = await asked.change(partial(self._stored, asked, intent, mark, before, edits))
                except Moved:
                    continue
                return await self._holds(asked, intent, before, edits, answer)
        raise Conflict("Others change the configuration at the same time. Try again.", code="busy")

    async def preview(self, asked: Asked, intent: Intent) -> Answer:
        """Everything but doing it. Raises GatewayError, StoreError."""
        async with self._lock:
            _, before = await self.layer.everything()
            edits = intent.edits(before)
            after = edited(before, edits, asked)
            await self._fits(intent, after, edits)
            return intent.answer(after)

    async def _fits(self, intent: Intent, after: Held, edits: Sequence[Edit]) -> None:
        """Raises InvalidRequest (422), Conflict."""
        try:
            await self.check(after, edits)
        except (ConfigErrors, NotServable) as wrong:
            if (owner := _owned_by_file(wrong)) is not None:
                raise owner from None
            if intent.refusal is not None:
                raise intent.refusal(wrong, after) from None
            raise refused(wrong, {}) from None

    def _stored(
        self, asked: Asked, intent: Intent, mark: int, before: Held, edits: Sequence[Edit], connection: Connection
    ) -> Change:
        after = dict(before)
        for edit in edits:
            self._one(connection, asked, edit, after)
        if counted(connection) != mark + len(edits):
            raise Moved
        told = _for_audit(edits, before), _for_audit(edits, after)
        return Change(intent.answer(after), intent.action, intent.resource, *told)

    def _one(self, connection: Connection, asked: Asked, edit: Edit, after: dict[tuple[str, str], Made]) -> None:
        kind, name, ident = edit.kind, edit.name, (edit.kind.name, edit.name)
        if edit.document is None:
            objects.delete(connection, kind.name, name, version=edit.version)
            after.pop(ident, None)
            return
        text, by = stored(kind, name, edit.document, self.ring), asked.principal.id
        if ident in after:
            row = objects.update(connection, kind.name, name, text, by=by, now=asked.now, version=edit.version)
        else:
            row = objects.create(connection, kind.name, name, text, by=by, now=asked.now)
        after[ident] = Made(kind.name, name, edit.document, row.version, row.created_at, row.updated_at, row.updated_by)

    async def _holds(self, asked: Asked, intent: Intent, before: Held, edits: Sequence[Edit], answer: Answer) -> Answer:
        """What is stored is to hold in the workers, or not to be stored: one of them may refuse what only it can see."""
        self.history.because(Cause(asked.principal.id, intent.reason, intent.action, intent.resource))
        in_time = await self.builder.renewed(EFFECT_SECONDS)
        problem = self.builder.problem
        if in_time and problem:
            await self._undone(asked, intent, before, edits)
            raise invalid([("", f"It is stored no more, because it could not be put to use: {problem}")])
        number = await self.history.settled() if in_time else None
        return Answer(
            answer.body, answer.status, answer.version, (*answer.headers, (NUMBER, str(number or "pending"))), answer.raw
        )

    async def _undone(self, asked: Asked, intent: Intent, before: Held, edits: Sequence[Edit]) -> None:
        """Put back what there was, unless somebody changed it again meanwhile."""
        back = [Edit(edit.kind, edit.name, found and found.document) for edit in edits for found in (before.get(_id(edit)),)]
        _, now = await self.layer.everything()
        undone = [edit for edit in back if _id(edit) in now or edit.document is not None]
        intent = Intent(f"{intent.action}.undone", intent.resource, lambda _held: undone, lambda _held: Answer(status=204))

        def work(connection: Connection) -> Change:
            after = dict(now)
            for edit in undone:
                self._one(connection, asked, edit, after)
            return Change(Answer(status=204), intent.action, intent.resource, _for_audit(edits, now), _for_audit(edits, after))

        await asked.change(work)
        self.history.because(None)
        await self.builder.renewed(EFFECT_SECONDS)

    def place(self, held: Held, kind: Kind, name: str) -> str:
        """Where an object stands in the configuration, as errors name it."""
        path = kind.path(name)
        if kind is RULE:
            ours = [one.name for one in in_order(held.values()) if one.kind == RULE.name]
            path = (*RULE.section, _rules_of_file(self.tree) + ours.index(name))
        return render(path)


def _rules_of_file(tree: Node) -> int:
    node, reached = locate(tree, RULE.section)
    entries = node.value if reached == RULE.section and isinstance(node.value, list) else []
    return sum(1 for entry in entries if not entry.where.source.startswith(API_OBJECT))


def _id(edit: Edit) -> tuple[str, str]:
    return edit.kind.name, edit.name


def edited(before: Held, edits: Sequence[Edit], asked: Asked) -> Held:
    """What there would be."""
    after = dict(before)
    for edit in edits:
        ident = _id(edit)
        if edit.document is None:
            after.pop(ident, None)
            continue
        old = before.get(ident)
        created = asked.now if old is None else old.created_at
        after[ident] = Made(*ident, edit.document, (old.version if old else 0) + 1, created, asked.now, asked.principal.id)
    return after


def _for_audit(edits: Sequence[Edit], held: Held) -> Mapping[str, Any] | None:
    found = {
        f"{edit.kind.many}/{edit.name}": guarded(edit.kind, one.document)
        for edit in edits
        if (one := held.get(_id(edit))) is not None
    }
    return found or None


def _owned_by_file(error: ConfigErrors | NotServable) -> Conflict | None:
    """409 for what the file defines, as it is on disk now."""
    problems = () if isinstance(error, NotServable) else error.problems
    both = [problem for problem in problems if problem.message == TWO_OWNERS]
    if not both:
        return None
    names = ", ".join(problem.path for problem in both[:5])
    message = f"{names}: defined by the configuration file ({both[0].where}), which alone can change it."
    details = {"owner": "file", "where": str(both[0].where), "paths": [problem.path for problem in both]}
    return Conflict(message, code="owned_by_file", details=details)


def refused(error: ConfigErrors | NotServable, inside: Mapping[str, str]) -> InvalidRequest:
    """422 with every problem and its place. `inside`: beginnings of places, and what stands for them in what was sent."""
    if isinstance(error, NotServable):
        return invalid([("", str(error))])
    told = []
    for problem in error.problems:
        text = f"{problem.message}; {problem.suggestion}" if problem.suggestion else problem.message
        told.append((_inside(problem.path, inside), text))
    return invalid(told)


def _inside(path: str, inside: Mapping[str, str]) -> str:
    for begin, instead in inside.items():
        if path == begin or path.startswith((f"{begin}.", f"{begin}[")):
            return (instead + path[len(begin) :]).lstrip(".")
    return path
