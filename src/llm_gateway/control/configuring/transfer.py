"""/admin/v1/config: the effective configuration, what the API owns of it as a file would say it, and taking over such a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec

from llm_gateway.config.load import redacted
from llm_gateway.config.schema.base import about
from llm_gateway.control.api.refusals import invalid
from llm_gateway.control.api.route import Answer, Asked, Route
from llm_gateway.control.configuring import foreign
from llm_gateway.control.configuring.compare import MOST, Difference, differences, fingerprinted
from llm_gateway.control.configuring.documents import completed, shown
from llm_gateway.control.configuring.kinds import KINDS, LIMIT, MODEL, NAMED, PROVIDER, RULE, SINGLE, Kind
from llm_gateway.control.configuring.layer import Held
from llm_gateway.control.configuring.overlay import POSITION, in_order, written
from llm_gateway.control.configuring.service import Configuring, Edit, Intent
from llm_gateway.core.redact import HIDDEN

ALL = "/admin/v1/config"
_NOT_WORD = re.compile(r"[^A-Za-z0-9]+")
Found = tuple[Kind, str, Any]


class Import(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to become the API's."""

    config: Annotated[dict[str, Any], about("providers, models, routing.rules and limits, in the notation of the file.")]
    dry_run: Annotated[bool, about("Check everything and say what would change, and change nothing.")] = False
    replace: Annotated[bool, about("Whether objects of the API that are not in it are deleted.")] = False
    reason: Annotated[str, about("Why, for the history of snapshots.", max_length=500)] = ""


class ExportQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much."""

    everything: Annotated[bool, about("Everything that holds, whoever owns it.")] = False


class Imported(msgspec.Struct, frozen=True):
    """What came of it, or would."""

    dry_run: bool
    created: list[str]
    changed: list[str]
    deleted: list[str]
    unchanged: list[str]
    differences: list[Difference]
    """Of the effective configuration, the first thousand."""


class Effective(msgspec.Struct, frozen=True):
    """Everything that holds, secrets as `***`."""

    config: dict[str, Any]
    digest: str
    sources: list[str]
    api: dict[str, list[str]]
    """By kind, which objects are the API's; all else is the file's."""


class Exported(msgspec.Struct, frozen=True):
    """As a file would have it; a secret is `${NAME}`, a variable to be set."""

    config: dict[str, Any]
    variables: list[str]


class Transfer:
    """The resource."""

    def __init__(self, configuring: Configuring) -> None:
        self._configuring = configuring

    def routes(self) -> tuple[Route, ...]:
        """All of them."""
        tag = "configuration"
        return (
            Route("GET", ALL, "config:read", "Show the effective configuration", self.show, answer=Effective, tag=tag),
            Route("GET", f"{ALL}/objects", "config:read", "Export what the API owns", self.export, query=ExportQuery,
                  answer=Exported, tag=tag),
            Route("POST", f"{ALL}/import", "config:write", "Take over objects", self.take, body=Import, answer=Imported, tag=tag,
                  about="All of it as one change, or nothing. What the file defines is refused.",
                  example={"config": {"models": {"fast": "openai/gpt-4o-mini"}}, "dry_run": True}, conflicts=(409, 422)),
        )  # fmt: skip

    async def show(self, _asked: Asked) -> Answer:
        """What holds."""
        config = self._configuring.config
        mine: dict[str, list[str]] = {}
        for one in in_order(self._configuring.layer.objects):
            mine.setdefault(one.kind, []).append(one.name)
        return Answer(Effective(redacted(config), config.digest, list(config.sources), mine))

    async def export(self, asked: Asked) -> Answer:
        """To be written into a file."""
        if asked.query.everything:
            tree = redacted(self._configuring.config)
        else:
            _, held = await self._configuring.layer.everything()
            tree = exported(held)
        variables: list[str] = []
        return Answer(Exported(referring(tree, variables), variables))

    async def take(self, asked: Asked) -> Answer:
        """What a file has becomes the API's."""
        body: Import = asked.body
        wanted = list(objects_of(body.config))
        sorted_into: dict[str, list[str]] = {}

        def edits(held: Held) -> list[Edit]:
            found = []
            sorted_into.clear()
            for kind, name, document in wanted:
                old = held.get((kind.name, name))
                made = completed(document, None if old is None else old.document)
                if kind is PROVIDER and old is not None:
                    foreign.check(document, made, old.document, f"config.providers.{name}.")
                did = "created" if old is None else "unchanged" if old.document == made else "changed"
                sorted_into.setdefault(did, []).append(f"{kind.many}/{name}")
                if did != "unchanged":
                    found.append(Edit(kind, name, made))
            if body.replace:
                named = {(kind.name, name) for kind, name, _ in wanted}
                gone = [Edit(KINDS[kind], name, None) for kind, name in held if (kind, name) not in named]
                sorted_into["deleted"] = [f"{edit.kind.many}/{edit.name}" for edit in gone]
                found += gone
            return found

        def answer(_held: Held) -> Answer:
            key = self._configuring.history.fingerprints
            now, then = self._configuring.config, self._configuring.checked or self._configuring.config
            found = differences(fingerprinted(now, key), fingerprinted(then, key))[:MOST]
            parts = {did: sorted_into.get(did, []) for did in ("created", "changed", "deleted", "unchanged")}
            return Answer(Imported(body.dry_run, differences=found, **parts))

        intent = Intent("config.imported", "config", edits, answer, body.reason)
        return await (self._configuring.preview if body.dry_run else self._configuring.change)(asked, intent)


def objects_of(tree: Mapping[str, Any]) -> Iterator[Found]:
    """The objects in a document of the file's notation. Raises InvalidRequest for what can only stand in a file."""
    for section, value in tree.items():
        if section not in ("providers", "models", "routing", "limits") or not isinstance(value, dict):
            raise invalid([(f"config.{section}", "only providers, models, routing.rules and limits can be the API's")])
        match section:
            case "providers" | "models":
                for name, document in value.items():
                    yield _named(PROVIDER if section == "providers" else MODEL, name, _whole(document))
            case "routing":
                yield from _rules(value)
            case _:
                yield from _limits(value)


def _rules(routing: Mapping[str, Any]) -> Iterator[Found]:
    rules = routing.get("rules", [])
    if routing.keys() - {"rules"} or not isinstance(rules, list):
        raise invalid([("config.routing", "only its list of rules can be the API's")])
    for at, rule in enumerate(rules):
        if not isinstance(rule, dict) or not isinstance(rule.get("name"), str):
            raise invalid([(f"config.routing.rules[{at}]", "needs a name")])
        yield _named(RULE, rule["name"], {**{key: value for key, value in rule.items() if key != "name"}, POSITION: at})


def _limits(limits: Mapping[str, Any]) -> Iterator[Found]:
    for piece, value in limits.items():
        if piece in SINGLE and isinstance(value, dict):
            yield LIMIT, piece, value
        elif piece in NAMED and isinstance(value, dict):
            for name, document in value.items():
                yield _named(LIMIT, f"{piece}/{name}", document)
        else:
            raise invalid([(f"config.limits.{piece}", f"only {', '.join((*SINGLE, *NAMED))} can be the API's")])


def _whole(document: Any) -> Any:
    """A model's short form, written out: documents are objects."""
    if isinstance(document, str):
        return {"deployments": [document]}
    return {} if document is None else document


def _named(kind: Kind, name: str, document: Any) -> Found:
    kind.path(name)
    if not isinstance(document, dict):
        raise invalid([(f"config.{kind.many}.{name}", "expected a mapping")])
    return kind, name, document


def exported(held: Held) -> dict[str, Any]:
    """What the API owns as a file would have it, secrets as `***`."""
    tree: dict[str, Any] = {}
    for one in in_order(held.values()):
        kind = KINDS[one.kind]
        document = shown(kind, written(one))
        if kind is RULE:
            tree.setdefault("routing", {}).setdefault("rules", []).append(document)
            continue
        *sections, name = map(str, kind.path(one.name))
        inner = tree
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[name] = document
    return tree


def referring(value: Any, variables: list[str], path: tuple[str, ...] = ()) -> Any:
    """The same with a variable's name in the place of each secret; the names are added to `variables`."""
    if isinstance(value, dict):
        return {key: referring(item, variables, (*path, str(key))) for key, item in value.items()}
    if isinstance(value, list):
        return [referring(item, variables, (*path, str(at))) for at, item in enumerate(value)]
    if value == HIDDEN:
        name = _NOT_WORD.sub("_", "_".join(path)).upper().strip("_")
        variables.append(name)
        return f"${{{name}}}"
    return value
