"""Which providers there are for this caller: GET /v1/providers (requirements E6). How they are doing is said elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from llm_gateway.core.caller import Caller
from llm_gateway.edge.listing import page, parse_query
from llm_gateway.edge.models import CACHING, Models
from llm_gateway.edge.plain import Plain, cached
from llm_gateway.routing.router import Router

PATH = b"/v1/providers"


class Providers:
    """The endpoint, for one snapshot."""

    def __init__(self, router: Router, models: Models) -> None:
        self._router = router
        self._models = models

    async def listing(self, caller: Caller, query: bytes, headers: Mapping[bytes, bytes]) -> Plain:
        """Those that the caller's requests may be sent to, with how many of his model names each serves. `query` is raw.

        Raises InvalidRequest for a page that makes no sense.
        """
        served = Counter(name for row in await self._models.rows(caller) for name in row["x_gateway_info"]["providers"])
        rows: list[dict[str, Any]] = [
            {
                "id": name,
                "object": "provider",
                "created": 0,
                "type": upstream.kind.name,
                "region": upstream.region,
                "models": count,
            }
            for name, upstream in sorted(self._router.upstreams.items())
            if ((count := served[name]) or caller.all_models) and (caller.providers is None or name in caller.providers)
        ]
        found = page(rows, parse_query(query))
        data = [{key: value for key, value in row.items() if key != "created"} for row in found.rows]
        return cached({"object": "list", "data": data, **found.paging}, CACHING, headers)
