"""Paths of the requirements (E14 to E18) beside /admin/v1, for who knows those: the configuration, and providers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Protocol

import msgspec

from llm_gateway._version import __version__
from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.load import redacted
from llm_gateway.config.schema.base import about
from llm_gateway.control.api.refusals import invalid
from llm_gateway.control.api.route import Answer, Asked, Route
from llm_gateway.control.configuring.history import Cause
from llm_gateway.control.configuring.kinds import PROVIDER
from llm_gateway.control.configuring.resources import Resource
from llm_gateway.control.configuring.service import EFFECT_SECONDS, Configuring
from llm_gateway.control.objects.documents import moment
from llm_gateway.edge.plain import Plain
from llm_gateway.snapshot import NotServable
from llm_gateway.telemetry.stats import Summary, milliseconds

CONFIG, PROVIDERS = "/admin/config", "/admin/providers"
_PENDING = (
    f"It was read again, and is being put to use: not all workers had it after {EFFECT_SECONDS:.0f} seconds."
    " GET /admin/config shows what holds."
)


class Numbers(Protocol):
    """control.statistics.Statistics."""

    def provider(self, provider: str, now: float) -> Summary: ...


class Judging(Protocol):
    """edge.health.Health."""

    def report(self) -> Plain: ...


class ProviderConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of a provider. Time limits and retries are said by models (`timeouts`, `retries`): they are no keys of a provider here."""

    api_key: Annotated[str, about("Sealed in the store, and never shown again.", min_length=1)] | None = None
    base_url: Annotated[str, about("Where it is; absent: the provider's public address.", min_length=1)] | None = None


class NewProvider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A provider to be registered."""

    id: Annotated[str, about("What models name it by.", pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    type: Annotated[str, about("Such as openai, anthropic, vllm.")]
    name: Annotated[str, about("The same as id, if it is said.")] | None = None
    enabled: bool = True
    config: ProviderConfig = ProviderConfig()


class Registered(msgspec.Struct, frozen=True):
    """It is in use."""

    status: str
    message: str
    provider_id: str


class Reloaded(msgspec.Struct, frozen=True):
    """It was read again."""

    status: Annotated[str, about("success; or pending: there is no mistake in it, and not all workers act on it yet.")]
    message: str
    timestamp: str
    changes: dict[str, list[str]]


class Paths:
    """The routes."""

    def __init__(
        self,
        configuring: Configuring,
        providers: Resource,
        numbers: Numbers,
        health: Judging,
        monotonic: Callable[[], float],
    ) -> None:
        self._configuring = configuring
        self._builder = configuring.builder
        self._providers = providers
        self._numbers = numbers
        self._health = health
        self._now = monotonic

    def routes(self) -> tuple[Route, ...]:
        """All of them."""
        tag = "paths of the requirements"
        example = {"id": "openai-eu", "type": "openai", "config": {"api_key": "sk-...", "base_url": "https://eu.api.openai.com"}}
        any_ = dict[str, Any]
        return (
            Route("GET", CONFIG, "config:read", "Show the configuration", self.config, answer=any_, tag=tag),
            Route("POST", f"{CONFIG}/reload", "config:write", "Read the configuration again", self.reload, answer=Reloaded,
                  tag=tag, conflicts=(400,)),
            Route("POST", "/admin/reload", "config:write", "Read the configuration again", self.reload, answer=Reloaded, tag=tag,
                  conflicts=(400,)),
            Route("GET", PROVIDERS, "providers:read", "List providers and how they are", self.all, answer=any_, tag=tag),
            Route("POST", PROVIDERS, "providers:write", "Register a provider", self.register, body=NewProvider,
                  answer=Registered, status=201, tag=tag, example=example, conflicts=(409, 422)),
            Route("DELETE", f"{PROVIDERS}/{{name}}", "providers:write", "Remove a provider that nothing needs", self.remove,
                  answer=Registered, tag=tag, conflicts=(409,)),
        )  # fmt: skip

    async def config(self, _asked: Asked) -> Answer:
        """E14: what holds, secrets as `***`."""
        config = self._configuring.config
        facts: dict[str, Any] = {"version": __version__, "digest": config.digest, "sources": list(config.sources)}
        if self._builder.problem:
            facts["refused"] = self._builder.problem
        return Answer({**facts, **redacted(config)})

    async def reload(self, asked: Asked) -> Answer:
        """E15. What is wrong is answered with 400, and what held goes on to."""
        before, now = self._configuring.config, moment(asked.now) or ""
        try:
            await self._configuring.check_anew()
        except ConfigErrors as wrong:
            errors = [{"field": problem.path, "message": str(problem)} for problem in wrong.problems]
            return Answer(_refused("The configuration has mistakes; what held goes on to.", now, errors), 400)
        except NotServable as wrong:
            return Answer(_refused(str(wrong), now, [{"field": "", "message": str(wrong)}]), 400)
        await asked.record("config.reloaded", "config")
        self._configuring.history.because(Cause(asked.principal.id, "read again by request", "config.reloaded", "config"))
        if not await self._builder.renewed(EFFECT_SECONDS, anyway=True):
            return Answer(Reloaded("pending", _PENDING, now, _changes({}, {})))
        if self._builder.problem:
            self._configuring.history.because(None)
            return Answer(_refused("It could not be put to use.", now, [{"field": "", "message": self._builder.problem}]), 400)
        changes = _changes(redacted(before), redacted(self._configuring.config))
        message = "The configuration was read again." if any(changes.values()) else "Read again: nothing that is listed differs."
        return Answer(Reloaded("success", message, now, changes))

    async def all(self, _asked: Asked) -> Answer:
        """E16."""
        config, plain = self._configuring.config, redacted(self._configuring.config)["providers"]
        report = msgspec.json.decode((await asyncio.to_thread(self._health.report)).body)
        health = {row["id"]: row for row in report["providers"]}
        rows = []
        for name, provider in config.providers.items():
            where = self._configuring.where(PROVIDER, name)
            seen = health.get(name, {})
            numbers = self._numbers.provider(name, self._now())
            row = {
                "id": name,
                "name": name,
                "type": provider.type,
                "enabled": provider.enabled,
                "owner": "api" if where is None else "file",
                "config": plain[name],
                "health": seen.get("status"),
                "metrics": {
                    "requests_total": numbers.requests,
                    "errors_total": numbers.errors,
                    "avg_latency_ms": milliseconds(numbers.avg_latency),
                },
            }
            rows.append(row)
        return Answer({"providers": rows, "total": len(rows)})

    async def register(self, asked: Asked) -> Answer:
        """E17."""
        body: NewProvider = asked.body
        if body.name not in (None, body.id):
            raise invalid([("name", "is not its id: a provider has one name")])
        document = {"name": body.id, "type": body.type, "enabled": body.enabled}
        given = {"api_key": body.config.api_key, "base_url": body.config.base_url}
        document |= {key: value for key, value in given.items() if value is not None}
        told = Registered("success", f"The provider {body.id} is registered.", body.id)
        return await self._providers.make(asked, document, Answer(told, 201))

    async def remove(self, asked: Asked) -> Answer:
        """E18."""
        name = asked.path["name"]
        return await self._providers.remove(asked, name, Answer(Registered("success", f"The provider {name} is removed.", name)))


def _refused(message: str, now: str, errors: list[dict[str, str]]) -> dict[str, Any]:
    return {"status": "error", "message": message, "timestamp": now, "errors": errors}


def _changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[str]]:
    """Between two configurations; {} for none."""
    providers, were = after.get("providers", {}), before.get("providers", {})
    rules, rules_were = ({rule["name"]: rule for rule in one.get("routing", {}).get("rules", ())} for one in (after, before))
    return {
        "providers_added": [name for name in providers if name not in were],
        "providers_removed": [name for name in were if name not in providers],
        "providers_updated": [name for name in providers if name in were and providers[name] != were[name]],
        "routing_rules_updated": [name for name in {**rules_were, **rules} if rules.get(name) != rules_were.get(name)],
    }
