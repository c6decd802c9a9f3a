"""/admin/v1/usage, costs and ledger."""

from __future__ import annotations

import asyncio
import csv
import io
from pathlib import Path
from typing import Any

import httpx
import pytest

from admin_support import ROOT, World, admin_world, sync
from control.ledger.books import noted, row
from llm_gateway.config.schema.ledger import Ledger as Section
from llm_gateway.control.api.frame import Frame
from llm_gateway.control.app import application
from llm_gateway.control.ledger.bring import bring
from llm_gateway.control.ledger.budgets import Budgets
from llm_gateway.control.ledger.resources import Usage
from llm_gateway.control.ledger.shipper import Shipper
from llm_gateway.core.ids import Ids
from llm_gateway.identity.roles import ANALYST, TENANT_ADMIN, Principal
from store_support import DIALECTS

NOW = 1_800_000_000


class Api:
    """The routes over a world's store, with a few requests in it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.budgets = Budgets(world.clock)
        shipper = Shipper(world.folder, "n", world.storing, self.budgets, Section, world.clock, noted())
        ids = Ids(world.clock.now)
        self.routes = Usage(world.desk, self.budgets, shipper.status).routes()
        frame = Frame(world.desk, world.principals, ids)
        self.app = application(frame.served(self.routes), ids, world.bugs.append)

    async def fill(self) -> None:
        rows = [
            row("A1", 100, NOW - 60, input=5, output=7, provider="p", served_model="x", latency_ms=10.0, ttft_ms=2.0),
            row("A2", 200, NOW - 4000, provider="p", served_model="y", latency_ms=30.0, tags=("red", "blue")),
            row(
                "B1", 1_000_000_000, NOW - 90_000, tenant="other", project="", user="=x", key="k9", provider="q", served_model="x"
            ),
        ]
        await self.world.storing.write(lambda connection: bring(connection, rows, self.budgets))

    async def ask(self, path: str, method: str = "GET", body: Any = None) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app, client=("127.0.0.1", 1))
        headers = {"Authorization": f"Bearer {ROOT}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.request(method, path, headers=headers, json=body)
        assert not self.world.bugs, self.world.bugs
        return answer


@pytest.mark.parametrize("dialect", DIALECTS)
@sync
async def test_usage_in_groups(tmp_path: Path, dialect: str):
    """O#256, dam#2876: sums by whatever is asked for, with their scope and what each cost, exactly."""
    async with admin_world(tmp_path, dialect) as world:
        api = Api(world)
        await api.fill()
        whole = (await api.ask("/admin/v1/usage")).json()
        assert (whole["total"]["cost"], whole["total"]["requests"], whole["total"]["tokens"]) == ("1.0000003", 3, 12)
        assert (whole["incomplete"], whole["has_more"], whole["until"]) == (False, False, "2027-01-15T08:00:00.000Z")
        by = (await api.ask("/admin/v1/costs")).json()["data"]
        assert [(one["group"]["provider"], one["group"]["served_model"], one["cost_nanodollars"]) for one in by] == [
            ("q", "x", 1_000_000_000),
            ("p", "y", 200),
            ("p", "x", 100),
        ]
        hours = (await api.ask("/admin/v1/usage?group_by=hour&window=3h")).json()
        assert [one["group"]["hour"][11:16] for one in hours["data"]] == ["06:00", "07:00"]
        tags = (await api.ask("/admin/v1/usage?group_by=tag&tenant=acme")).json()
        assert [(one["group"]["tag"], one["requests"]) for one in tags["data"]] == [("blue", 2), ("red", 1)]
        assert tags["total"]["requests"] == 2
        page = (await api.ask("/admin/v1/usage?group_by=key,served_model&limit=1&offset=1")).json()
        assert (len(page["data"]), page["has_more"], page["total_groups"]) == (1, True, 3)
        text = (await api.ask("/api/v1/metrics/cost?group_by=user&format=csv")).text
        assert {one["user"]: one["cost"] for one in csv.DictReader(io.StringIO(text))} == {"'=x": "1", "ada": "0.0000003"}
        part = await api.ask("/api/v1/metrics/cost?group_by=user&format=csv&limit=1")
        assert len(list(csv.DictReader(io.StringIO(part.text)))) == 1
        told = [part.headers[name] for name in ("x-total-groups", "x-has-more", "x-incomplete")]
        assert told == ["2", "true", "false"], "a file that is no more than a part says so"


@pytest.mark.parametrize("dialect", DIALECTS)
@sync
async def test_rows_in_pages(tmp_path: Path, dialect: str):
    """The newest first; each by its id; filters hold."""
    async with admin_world(tmp_path, dialect) as world:
        api = Api(world)
        await api.fill()
        first = (await api.ask("/admin/v1/ledger?limit=2")).json()
        rest = (await api.ask(f"/admin/v1/ledger?limit=2&cursor={first['next_cursor']}")).json()
        assert [one["id"] for one in first["data"] + rest["data"]] == ["A1", "A2", "B1"]
        assert (first["has_more"], rest["has_more"]) == (True, False)
        assert (await api.ask("/admin/v1/ledger/B1")).json()["cost"] == "1"
        assert (await api.ask("/admin/v1/ledger/%00")).status_code == 404
        assert [one["id"] for one in (await api.ask("/admin/v1/ledger?tag=red")).json()["data"]] == ["A2"]
        latency = (await api.ask("/api/v1/metrics/latency?tenant=acme")).json()
        assert (latency["requests"], latency["mean_ms"], latency["percentiles"]["p50"], latency["ttft_percentiles"]["p99"]) == (
            2,
            20.0,
            10.0,
            2.0,
        )
        none = (await api.ask("/api/v1/metrics/latency?tenant=nobody")).json()
        assert (none["requests"], none["mean_ms"], none["percentiles"]["p50"]) == (0, None, None)


@sync
async def test_a_tenant_sees_its_own(tmp_path: Path):
    """C25: sums, rows, one row, a filter by another tenant; what is another's is not there."""
    async with admin_world(tmp_path) as world:
        api = Api(world)
        await api.fill()
        world.sign_in(Principal("p", "p", frozenset({ANALYST}), "acme"))
        assert (await api.ask("/admin/v1/usage")).json()["total"]["requests"] == 2
        assert {one["tenant"] for one in (await api.ask("/admin/v1/ledger")).json()["data"]} == {"acme"}
        assert (await api.ask("/admin/v1/ledger/B1")).status_code == 404
        assert (await api.ask("/admin/v1/usage?tenant=other")).status_code == 404
        assert (await api.ask("/admin/v1/ledger/status")).status_code == 403
        world.sign_in(Principal("p", "p", frozenset({TENANT_ADMIN}), "acme"))
        body = {"cost": "0", "reason": "I like it cheap"}
        assert (await api.ask("/admin/v1/ledger/A1/corrections", "POST", body)).status_code == 403


@sync
async def test_a_correction_is_recorded(tmp_path: Path):
    """With who and why in the audit log; what cannot be is refused with its reason."""
    async with admin_world(tmp_path) as world:
        api = Api(world)
        await api.fill()
        path = "/admin/v1/ledger/A1/corrections"
        made = await api.ask(path, "POST", {"cost": "0.5", "reason": "invoice"})
        assert (made.status_code, made.json()["corrects"], made.json()["status"]) == (201, "A1", "correction")
        again = await api.ask(path, "POST", {"cost": "0.5", "reason": "invoice"})
        assert (again.status_code, again.json()["error"]["param"]) == (422, "cost")
        assert (await api.ask(path, "POST", {"cost": "x", "reason": "y"})).status_code == 422
        assert (await api.ask("/admin/v1/ledger/ZZ/corrections", "POST", {"cost": "1", "reason": "y"})).status_code == 404
        assert (await api.ask("/admin/v1/usage?tenant=acme")).json()["total"]["cost"] == "0.5000002"
        entry = (await world.entries())[-1]
        assert (entry.action, entry.resource) == ("ledger.corrected", "tenants/acme/ledger/A1")
        assert "invoice" in str(entry.after)


@pytest.mark.parametrize(
    "query",
    [
        "group_by=moon",
        "group_by=day,hour,key,user,tag",
        "since=x",
        "window=x",
        "since=5&window=1h",
        "since=20&until=10",
        "limit=0",
        "what=1",
        "format=xml",
    ],
)
@sync
async def test_what_makes_no_sense_is_refused(tmp_path: Path, query: str):
    """With the parameter's name, and never an answer to another question."""
    async with admin_world(tmp_path) as world:
        answer = await Api(world).ask(f"/admin/v1/usage?{query}")
        assert answer.status_code in (400, 422)
        assert answer.json()["error"]["param"]


@sync
async def test_status_says_how_far_it_is(tmp_path: Path):
    """Of every log there is."""
    async with admin_world(tmp_path) as world:
        status = (await Api(world).ask("/admin/v1/ledger/status")).json()
        assert (status["waiting_bytes"], status["problem"], status["logs"]) == (0, "", [])
        await asyncio.sleep(0)
