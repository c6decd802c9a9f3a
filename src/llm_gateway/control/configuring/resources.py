"""/admin/v1/providers, models, routing/rules and limits: the same five methods for each kind of object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Annotated, Any

import msgspec

from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.load import redacted
from llm_gateway.config.schema.base import about
from llm_gateway.control.api.paging import fields, listed
from llm_gateway.control.api.reading import merged
from llm_gateway.control.api.refusals import invalid, not_found, owned_by_file, refused
from llm_gateway.control.api.route import Answer, Asked, Many, NoQuery, PageQuery, Patched, Route
from llm_gateway.control.configuring import foreign
from llm_gateway.control.configuring.documents import completed, shown
from llm_gateway.control.configuring.kinds import LIMIT, MODEL, PROVIDER, RULE, Kind, Made
from llm_gateway.control.configuring.layer import Held
from llm_gateway.control.configuring.overlay import POSITION, in_order
from llm_gateway.control.configuring.service import Configuring, Edit, Intent
from llm_gateway.control.configuring.service import refused as told
from llm_gateway.control.objects.documents import moment
from llm_gateway.control.objects.scopes import Owned
from llm_gateway.core.errors import Conflict, Forbidden, InvalidRequest, NotFound
from llm_gateway.snapshot import NotServable

Reason = Annotated[str, about("Why it is changed, for the history of snapshots.", max_length=500)]
_EXAMPLES: Mapping[str, Any] = MappingProxyType({
    "provider": {"name": "openai-eu", "type": "openai", "api_key": "sk-...", "base_url": "https://eu.api.openai.com/v1"},
    "model": {"name": "fast", "deployments": ["openai-eu/gpt-4o-mini"], "fallback": ["openai/gpt-4o-mini"]},
    "rule": {"name": "long-prompts", "when": "tokens > 100000", "then": {"route": "big"}, "position": 0},
    "limit": {"name": "models/fast", "requests": {"minute": 600}},
})  # fmt: skip
_ABOUT: Mapping[str, str] = MappingProxyType({
    "provider": "A document as under `providers` in the file. Secrets are sealed, and shown as `***`, which keeps them.",
    "model": "A document as under `models` in the file: deployments, strategy, fallback ...",
    "rule": "A document as under `routing.rules` in the file. Those of the API come behind the file's, by `position`.",
    "limit": "A piece of `limits`: everyone, sources, users, tiers/NAME, models/NAME or tags/NAME, as in the file.",
})  # fmt: skip


class ReasonQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of a change."""

    reason: Reason = ""


class ConfiguredObject(Owned, frozen=True, kw_only=True):
    """Its name and owner, with the keys that the configuration file has for it beside them (docs/CONFIGURATION.md)."""

    name: Annotated[str, about("Its name; it stays as it is.")]
    position: Annotated[int, about("Of a rule of the API: its place among them.")] | None = None


class Document(msgspec.Struct, frozen=True):
    """Keys as the configuration file has them (docs/CONFIGURATION.md)."""


class Resource:
    """One kind."""

    def __init__(self, kind: Kind, configuring: Configuring) -> None:
        self.kind = kind
        self._configuring = configuring

    def routes(self) -> tuple[Route, ...]:
        """All of them."""
        kind = self.kind
        every = f"/admin/v1/{kind.many}"
        one = f"{every}/{{name:path}}" if kind in (MODEL, LIMIT) else f"{every}/{{name}}"
        reads, writes, tag = f"{kind.permission}:read", f"{kind.permission}:write", kind.many.replace("/", " ")
        filters = fields(name="text", owner="text", type="text", created_at="text", updated_at="text")
        shape, because, what = ConfiguredObject, ReasonQuery, kind.name
        example, more = _EXAMPLES[what], _ABOUT[what]
        plain = {key: value for key, value in example.items() if key != "name"}
        return (
            Route("GET", every, reads, f"List {tag}", self.all, query=PageQuery, filters=filters, answer=Many(shape), tag=tag),
            Route("POST", every, writes, f"Make a {what}", self.create, body=dict, query=because, answer=shape, status=201,
                  tag=tag, about=more, example=example, conflicts=(409, 422)),
            Route("GET", one, reads, f"Show a {what}", self.show, answer=shape, query=NoQuery, tag=tag),
            Route("PUT", one, writes, f"Make or replace a {what}", self.put, body=dict, query=because, answer=shape,
                  status=201, tag=tag,
                  about=more, example=plain, conflicts=(409, 412, 422)),
            Route("PATCH", one, writes, f"Change a {what}", self.patch, body=Patched(Document), query=because, answer=shape,
                  tag=tag, about=more, example=plain, conflicts=(409, 412, 422, 428)),
            Route("DELETE", one, writes, f"Delete a {what} that nothing needs", self.delete, query=because, status=204, tag=tag,
                  conflicts=(409, 412)),
        )  # fmt: skip

    # Looking

    async def all(self, asked: Asked) -> Answer:
        """Those of the file and of the API."""
        self._mine(asked)
        _, held = await self._configuring.layer.everything()
        views = [self._of_file(name, where) for name, where in self._of_the_file()]
        views += [self.view(one) for one in in_order(held.values()) if one.kind == self.kind.name]
        return listed(views, asked, "name")

    async def show(self, asked: Asked) -> Answer:
        self._mine(asked)
        name = asked.path["name"]
        where = self._where(name)
        if where is not None and name in self.kind.defined(self._configuring.config):
            return Answer(self._of_file(name, where))
        _, held = await self._configuring.layer.everything()
        return self._answer(held, name)

    def view(self, made: Made) -> dict[str, Any]:
        """An object of the API, shown."""
        return {
            "name": made.name,
            "owner": "api",
            "version": made.version,
            "created_at": moment(made.created_at),
            "updated_at": moment(made.updated_at),
            "updated_by": made.updated_by,
            **shown(self.kind, made.document),
        }

    def _of_the_file(self) -> list[tuple[str, str]]:
        names = self.kind.defined(self._configuring.config)
        return [(name, where) for name in names if (where := self._where(name)) is not None]

    def _of_file(self, name: str, where: str) -> dict[str, Any]:
        """The effective one: variables and flags, too, may say something of it."""
        return {"name": name, "owner": "file", "where": where, **in_plain(redacted(self._configuring.config), self.kind, name)}

    def _where(self, name: str) -> str | None:
        try:
            return self._configuring.where(self.kind, name)
        except InvalidRequest:
            return None

    def _answer(self, held: Held, name: str, status: int | None = None) -> Answer:
        made = held.get((self.kind.name, name))
        if made is None:
            raise not_found(self.kind.name)
        return Answer(self.view(made), status, version=made.version)

    def _mine(self, asked: Asked) -> None:
        """What callers of a tenant may see of models is said by /v1/models; deployments and where they are is the gateway's."""
        if asked.only is not None:
            raise Forbidden(f"Who belongs to a tenant does not see {self.kind.many}.", code="insufficient_permissions")

    # Changing

    async def create(self, asked: Asked) -> Answer:
        document = dict(asked.body)
        name = document.pop("name", None)
        if not isinstance(name, str):
            raise invalid([("name", "is missing: what it is to be called")])
        return await self.make(asked, {"name": name, **document})

    async def make(self, asked: Asked, document: dict[str, Any], answer: Answer | None = None) -> Answer:
        """`document` has its name. `answer` None: the object."""
        name = document.pop("name")
        self.kind.path(name)

        def edits(held: Held) -> list[Edit]:
            if (self.kind.name, name) in held:
                raise Conflict(f"There is a {self.kind.name} of this name already.", code="already_exists", param="name")
            return [Edit(self.kind, name, self._understood(document, None, held, document))]

        return await self._change(asked, name, "created", edits, 201, answer)

    async def put(self, asked: Asked) -> Answer:
        name = asked.path["name"]
        self.kind.path(name)
        document = dict(asked.body)
        if document.pop("name", name) != name:
            raise invalid([("name", "is not the one in the path; names stay as they are")])

        def edits(held: Held) -> list[Edit]:
            old = held.get((self.kind.name, name))
            if old is None and asked.version is not None:
                raise refused(412, "precondition_failed", "There is none of this name, so that it has no version.")
            return [Edit(self.kind, name, self._understood(document, old, held, document), asked.version)]

        answer = await self._change(asked, name, "replaced", edits, 201)
        return answer if answer.version == 1 else replace(answer, status=200)

    async def patch(self, asked: Asked) -> Answer:
        """A merge patch: what is null goes away."""
        name = asked.path["name"]
        patch = dict(asked.body)
        if patch.pop("name", name) != name:
            raise invalid([("name", "is not the one in the path; names stay as they are")])

        def edits(held: Held) -> list[Edit]:
            old = held.get((self.kind.name, name))
            if old is None:
                raise self._absent(name)
            version = old.version if asked.version is None else asked.version
            return [Edit(self.kind, name, self._understood(merged(old.document, patch), old, held, patch), version)]

        return await self._change(asked, name, "changed", edits, 200)

    async def delete(self, asked: Asked) -> Answer:
        """Only what nothing needs."""
        name = asked.path["name"]
        return await self.remove(asked, name, Answer(status=204))

    async def remove(self, asked: Asked, name: str, answer: Answer) -> Answer:
        """Raises Conflict: the file owns it, or something needs it."""

        def edits(held: Held) -> list[Edit]:
            if (self.kind.name, name) not in held:
                raise self._absent(name)
            return [Edit(self.kind, name, None, asked.version)]

        resource = f"{self.kind.many}/{name}"
        intent = Intent(f"{self.kind.name}.deleted", resource, edits, lambda _held: answer, _reason(asked), self._in_use)
        return await self._configuring.change(asked, intent)

    async def _change(
        self, asked: Asked, name: str, did: str, edits: Any, status: int | None, answer: Answer | None = None
    ) -> Answer:
        def why(error: ConfigErrors | NotServable, held: Held) -> InvalidRequest:
            return told(error, {self._configuring.place(held, self.kind, name): ""})

        resource = f"{self.kind.many}/{name}"
        intent = Intent(
            f"{self.kind.name}.{did}",
            resource,
            edits,
            lambda held: answer or self._answer(held, name, status),
            _reason(asked),
            why,
        )
        return await self._configuring.change(asked, intent)

    def _understood(self, document: dict[str, Any], old: Made | None, held: Held, sent: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = completed(document, None if old is None else old.document)
        if self.kind is PROVIDER:
            foreign.check(sent, made, None if old is None else old.document)
        if self.kind is not RULE:
            return made
        position = made.pop(POSITION, None if old is None else old.document[POSITION])
        if position is None:
            position = max((one.document[POSITION] for one in held.values() if one.kind == RULE.name), default=-1) + 1
        if not isinstance(position, int) or isinstance(position, bool) or not 0 <= position <= 1_000_000:
            raise invalid([(POSITION, "expected a whole number from 0 to 1000000")])
        return {**made, POSITION: position}

    def _absent(self, name: str) -> Conflict | NotFound:
        """It is the file's, or there is none."""
        where = self._where(name)
        return not_found(self.kind.name) if where is None else owned_by_file(self.kind.name, where)

    def _in_use(self, error: ConfigErrors | NotServable, _held: Held) -> Conflict:
        """What does not fit any more without it."""
        used_by = [str(error)] if isinstance(error, NotServable) else [problem.path for problem in error.problems]
        message = f"This {self.kind.name} is in use: {', '.join(used_by[:5])}. Change that first."
        return Conflict(message, code=f"{self.kind.name}_in_use", details={"used_by": used_by})


def in_plain(config: dict[str, Any], kind: Kind, name: str) -> dict[str, Any]:
    """One object of a configuration that is plain data."""
    if kind is RULE:
        return next((dict(rule) for rule in config["routing"]["rules"] if rule["name"] == name), {})
    found: Any = config
    for part in kind.path(name):
        found = found[part]
    return dict(found)


def _reason(asked: Asked) -> str:
    return str(getattr(asked.query, "reason", ""))


def resources(configuring: Configuring) -> tuple[Resource, ...]:
    """All kinds."""
    return tuple(Resource(kind, configuring) for kind in (PROVIDER, MODEL, RULE, LIMIT))
