"""Which models there are for this caller: GET /v1/models and /v1/models/{id} (E4, E5), in OpenAI's or Anthropic's shape.

Only what is known is told: null is "nobody said". What is known comes from the configuration, the provider itself and the
catalogue, in this order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from llm_gateway.catalogue.lookup import Catalogue
from llm_gateway.core.caller import Caller
from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import NotFound
from llm_gateway.edge.listing import Field, Params, Row, Schema, arrange, page, page_by_id, parse_query, select
from llm_gateway.edge.model_info import PRICES, released, shared_by
from llm_gateway.edge.plain import Plain, cached
from llm_gateway.providers.discovery import Listed, ListedModel
from llm_gateway.routing.route import Route
from llm_gateway.routing.router import Router
from llm_gateway.telemetry.journal import timestamp
from llm_gateway.telemetry.stats import Stats, Summary, milliseconds

# A list belongs to one key: no shared cache may keep it (C21), and a browser must ask whether it still holds.
CACHING = (
    b"Cache-Control: private, no-cache\r\n"
    b"Vary: Authorization, X-API-Key, X-Goog-Api-Key, X-Goog-Api-Client, Anthropic-Version\r\n"
)
MINUTE = 60.0
_UNTOLD = ListedModel("")


class Asked(NamedTuple):
    """A name that can be asked for, and the (provider, model) pairs behind it, first choice first."""

    name: str
    pairs: tuple[tuple[str, str], ...]


Discover = Callable[[], Awaitable[Listed]]


def _schema() -> Schema:
    """Each field by its whole path, and those of x_gateway_info by their short one too."""
    own = {
        "id": Field(("id",)),
        "object": Field(("object",)),
        "created": Field(("created",), "number"),
        "owned_by": Field(("owned_by",)),
    }
    info = {
        "providers": Field(("x_gateway_info", "providers"), "list"),
        "capabilities": Field(("x_gateway_info", "capabilities"), "list"),
        "context_window": Field(("x_gateway_info", "context_window"), "number"),
        "max_output_tokens": Field(("x_gateway_info", "max_output_tokens"), "number"),
        "modalities.input": Field(("x_gateway_info", "modalities", "input"), "list"),
        "modalities.output": Field(("x_gateway_info", "modalities", "output"), "list"),
        "deprecated": Field(("x_gateway_info", "deprecated"), "flag"),
        "deprecation_date": Field(("x_gateway_info", "deprecation_date")),
        "release_date": Field(("x_gateway_info", "release_date")),
        "knowledge_cutoff": Field(("x_gateway_info", "knowledge_cutoff")),
        **{f"pricing.{name}": Field(("x_gateway_info", "pricing", name), "number") for name in PRICES},
    }
    long = {f"x_gateway_info.{name}": field for name, field in info.items()}
    return Schema(
        fields={**own, **info, **long},
        shortcuts={
            "provider": "providers",
            "capability": "capabilities",
            "min_context": "context_window__gte",
            "modality": "modalities.input",
        },
    )


class Models:
    """The two endpoints, for one snapshot."""

    def __init__(
        self,
        router: Router,
        discover: Discover,
        stats: Stats,
        clock: Clock,
        catalogue: Catalogue,
    ) -> None:
        self._router = router
        self._discover = discover
        self._stats = stats
        self._clock = clock
        self._catalogue = catalogue
        self._schema = _schema()
        self._made: list[Row] = []
        self._made_of: tuple[float, Listed] | None = None

    async def listing(self, caller: Caller, query: bytes, headers: Mapping[bytes, bytes]) -> Plain:
        """What the caller may ask for. `query` is raw. Raises InvalidRequest for a filter, order or page that makes no sense."""
        params = parse_query(query)
        rows = arrange(select(await self.rows(caller), params, self._schema), params, self._schema)
        render = _anthropic_list if b"anthropic-version" in headers else _openai_list
        return cached(render(rows, params), CACHING, headers)

    async def one(self, caller: Caller, rest: str, headers: Mapping[bytes, bytes]) -> Plain:
        """One model; `rest` is the path behind /v1/models/, percent-encoded.

        Raises NotFound (model_not_found), in the same words for a model that is not there and one that is not for this caller.
        """
        asked, row = await self._asked_for(caller, unquoted(rest))
        if b"anthropic-version" in headers:
            return cached(_anthropic(row), CACHING, headers)
        row["x_gateway_info"]["performance"] = _performance(self._stats.models(asked.pairs, self._clock.monotonic()))
        return cached(_openai(row), CACHING, headers)

    async def rows(self, caller: Caller) -> list[Row]:
        """All that the caller may ask for, neutral (`_row`), for the lists of other dialects."""
        known = await self._discover()
        return [row for row in self._every(known) if caller.allows(row["id"])]

    async def row(self, caller: Caller, name: str) -> Row:
        """One of them. Raises NotFound as `one` does."""
        return (await self._asked_for(caller, name))[1]

    async def _asked_for(self, caller: Caller, name: str) -> tuple[Asked, Row]:
        known = await self._discover()
        asked = self._find(name, known) if caller.allows(name) else None
        if asked is None:
            message = "There is no such model here. GET /v1/models lists what there is."
            raise NotFound(message, code="model_not_found", param="model_id")
        return asked, self._row(asked, known)

    def _every(self, known: Listed) -> list[Row]:
        """The rows of all models, which nobody changes. A thousand take a while to make, so that they are made anew only when a
        provider said something new, and each minute: prices depend on the hour.
        """
        made_of = (self._clock.now() // MINUTE, known)
        if self._made_of != made_of:
            self._made = [self._row(asked, known) for asked in self._names(known)]
            self._made_of = made_of
        return self._made

    def _names(self, known: Listed) -> Iterable[Asked]:
        """Aliases as configured, then each provider's models."""
        names = {name: _asked(route) for name, route in self._router.routes.items()}
        for provider, upstream in self._router.upstreams.items():
            for model in known.get(provider, ()) if upstream.models is None else upstream.models:
                name = f"{provider}/{model}"
                names.setdefault(name, Asked(name, ((provider, model),)))
        return names.values()

    def _find(self, name: str, known: Listed) -> Asked | None:
        for asked in self._names(known):
            if asked.name == name:
                return asked
        # A provider that could not be asked for its list may well have the model: it is denied only where that is known.
        route = self._router.route(name)
        return None if route is None or name.partition("/")[0] in known else _asked(route)

    def _row(self, asked: Asked, known: Listed) -> Row:
        """A neutral row: OpenAI's members, what the gateway adds, and `display_name`, which only Anthropic's shape shows."""
        listed = [known.get(provider, {}).get(model, _UNTOLD) for provider, model in asked.pairs]
        first = listed[0]
        models = [self._catalogue.seen(*pair, told) for pair, told in zip(asked.pairs, listed, strict=True)]
        return {
            "id": asked.name,
            "object": "model",
            "created": first.created or released(models[0]),
            "owned_by": first.owned_by or asked.pairs[0][0],
            "display_name": models[0].name or asked.name,
            "x_gateway_info": {
                "providers": list(dict.fromkeys(provider for provider, _ in asked.pairs)),
                **shared_by(models, self._clock.now()),
            },
        }


def _asked(route: Route) -> Asked:
    return Asked(route.name, tuple((deployment.upstream.name, deployment.model) for deployment, _ in route.candidates))


def unquoted(rest: str) -> str:
    """What the end of a path says; "" if that is not UTF-8, which names nothing."""
    try:
        return unquote(rest, errors="strict")
    except UnicodeDecodeError:
        return ""


def _performance(summary: Summary) -> dict[str, float | None]:
    return {
        "avg_latency_ms": milliseconds(summary.avg_latency),
        "p95_latency_ms": milliseconds(summary.p95_latency),
        "success_rate": summary.success_rate,
    }


def _openai(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "display_name"}


def _openai_list(rows: list[Row], params: Params) -> dict[str, Any]:
    """https://platform.openai.com/docs/api-reference/models/list, with the paging of requirements G1 and G2 beside it."""
    shown = page(rows, params)
    return {"object": "list", "data": [_openai(row) for row in shown.rows], **shown.paging}


def _anthropic(row: Row) -> dict[str, Any]:
    """https://docs.anthropic.com/en/api/models. A creation date that is not known is the epoch, as that page says."""
    info = row["x_gateway_info"]
    day = info["deprecation_date"] if info["deprecated"] else None  # theirs has one only for who is on the way out
    return {
        "type": "model",
        "id": row["id"],
        "display_name": row["display_name"],
        "created_at": timestamp(row["created"])[:19] + "Z",
        "max_input_tokens": info["context_window"],
        "max_tokens": info["max_output_tokens"],
        "lifecycle": "deprecated" if info["deprecated"] else "active",
        "retires_at": f"{day}T00:00:00Z" if day is not None else None,
    }


def _anthropic_list(rows: list[Row], params: Params) -> dict[str, Any]:
    shown = page_by_id(rows, params)
    return {"data": [_anthropic(row) for row in shown.rows], **shown.paging}
