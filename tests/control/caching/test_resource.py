"""The cache on the admin API: workers are played, their answers and all the rest are real."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from admin_support import CONFIG, World, admin_world, sync
from control.caching.played import Hub
from llm_gateway.config.schema import Config
from llm_gateway.control.api.frame import Frame
from llm_gateway.control.app import application
from llm_gateway.control.caching.resource import KeptAnswers
from llm_gateway.control.caching.workers import Keepers
from llm_gateway.core.ids import Ids
from llm_gateway.identity.roles import (
    ANALYST,
    AUDITOR,
    DEVELOPER,
    OPERATOR,
    SERVICE,
    SYSTEM_ADMIN,
    TENANT_ADMIN,
    Principal,
)

NOW = 1_800_000_000.0
LOOKS = ("/admin/v1/cache", "/admin/v1/cache/entries", "/admin/v1/cache/config")
ALIASES = ("/api/v1/cache/stats", "/api/v1/cache/entries", "/api/v1/cache/config")
CLEARS = (("DELETE", "/admin/v1/cache"), ("POST", "/api/v1/cache/clear"))
KEEPING = {
    **CONFIG,
    "cache": {"enabled": True, "ttl": "1h", "stale": "30m", "size": "1MB", "entry": "64KB"},
    "models": {
        "fast": {"deployments": ["sim/gpt-sim"], "cache": {"ttl": "10m"}},
        "slow": {"deployments": ["sim/gpt-slow"], "cache": {"enabled": False}},
    },
}


class Api:
    """The routes over a world, with two workers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.hub = Hub(world.clock)
        self.config: Config | None = world.config
        self.routes = KeptAnswers(Keepers(lambda: self.hub), lambda: self.config).routes()
        ids = Ids(world.clock.now)
        self.app = application(Frame(world.desk, world.principals, ids).served(self.routes), ids, world.bugs.append)

    def as_(self, *roles: str, tenant: str = "") -> None:
        self.world.sign_in(Principal("kim", "kim", frozenset(roles), tenant))

    async def ask(self, method: str, path: str, **query: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.request(method, path, params=query)
        assert not self.world.bugs, self.world.bugs
        return answer

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.ask("GET", path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()


@asynccontextmanager
async def api(folder: Path, config: dict[str, Any] = KEEPING) -> AsyncIterator[Api]:
    async with admin_world(folder, config=config) as world:
        made = Api(world)
        made.as_(SYSTEM_ADMIN)
        yield made


@sync
async def test_statistics_of_all_workers_and_of_each(tmp_path: Path):
    """Sums, the ratio of the sums, and how much there is room for; each worker by itself if that is asked for."""
    async with api(tmp_path) as made:
        made.hub.keep(0, 1, NOW - 5)
        made.hub.answers[0].results.update({"hit": 3, "miss": 1, "bypass": 9})
        made.hub.answers[1].results.update({"miss": 2, "stale": 1, "coalesced": 1})
        whole = await made.get(LOOKS[0])
        counts = {"hits": 3, "misses": 3, "stale": 1, "coalesced": 1, "bypassed": 9, "hit_ratio": 0.625}
        assert {name: whole[name] for name in counts} == counts
        assert (whole["entries"], whole["limit_bytes"], whole["backend"], whole["enabled"]) == (1, 2 << 20, "memory", True)
        assert not {"workers", "missing"} & whole.keys()
        detailed = await made.get(LOOKS[0], detailed="true")
        assert [(one["worker"], one["entries"], one["hit_ratio"]) for one in detailed["workers"]] == [(0, 1, 0.75), (1, 0, 0.5)]
        made.hub.silent = {1}
        partly = await made.get(LOOKS[0])
        assert (partly["misses"], partly["limit_bytes"], partly["missing"][0]["worker"]) == (1, 1 << 20, 1)
        made.hub.silent = {0, 1}
        answer = await made.ask("GET", LOOKS[0])
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "workers_unavailable")


@sync
async def test_entries_say_how_long_they_have_left(tmp_path: Path):
    """As the configuration holds now: within the alias's time, as stale after it, and not at all where nothing is kept any more."""
    async with api(tmp_path) as made:
        made.hub.keep(0, 1, NOW - 60.5, until=NOW + 2339.5, body=b"0123456789")
        made.hub.keep(0, 2, NOW - 700, until=NOW + 1700)
        made.hub.keep(1, 3, NOW - 800, "slow", until=NOW + 100)
        made.hub.keep(1, 4, NOW - 900, "sim/gpt-sim", until=NOW + 4500)
        made.hub.keep(1, 5, NOW - 950, until=NOW - 1)
        young, stale, off, direct = (await made.get(LOOKS[1]))["data"]
        assert young == {
            "key": "01",
            "model": "fast",
            "provider": "sim",
            "served_model": "gpt-sim",
            "stream": False,
            "bytes": 10,
            "answered_at": "2027-01-15T07:58:59.500Z",
            "age_seconds": 60.5,
            "ttl_left_seconds": 539.5,
            "kept_seconds": 2339.5,
            "workers": [0],
        }
        assert (stale["ttl_left_seconds"], stale["kept_seconds"]) == (0.0, 1700.0)
        assert (off["model"], off["ttl_left_seconds"]) == ("slow", 0.0)
        assert (direct["model"], direct["ttl_left_seconds"]) == ("sim/gpt-sim", 2700.0)


@sync
async def test_entries_come_page_by_page(tmp_path: Path):
    """Each once, of all workers, those of one name if that is asked for; a cursor that is none is refused."""
    async with api(tmp_path) as made:
        for number in range(7):
            made.hub.keep(number % 2, number, NOW - number, "fast" if number % 3 else "slow")
        found, query = [], {"limit": 3}
        while True:
            page = await made.get(LOOKS[1], **query)
            found += [one["key"] for one in page["data"]]
            if not page["has_more"]:
                break
            query = {"limit": 3, "cursor": page["next_cursor"]}
        assert found == [f"{number:02x}" for number in range(7)]
        assert page["next_cursor"] is None
        assert [one["key"] for one in (await made.get(LOOKS[1], model="slow"))["data"]] == ["00", "03", "06"]
        for wrong in ("x", "e30", "WzEsMl0", "WzEsInp6Il0"):
            answer = await made.ask("GET", LOOKS[1], cursor=wrong)
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_cursor")
        assert (await made.ask("GET", LOOKS[1], limit=101)).status_code == 400


@pytest.mark.parametrize(("method", "path"), CLEARS)
@sync
async def test_answers_are_forgotten_in_every_worker(tmp_path: Path, method: str, path: str):
    """Of one name, older than a while, both, or all; each has an entry of the audit log, also where nothing was there."""
    async with api(tmp_path) as made:
        for number in range(8):
            made.hub.keep(number % 2, number, NOW - 60 * number, "fast" if number < 4 else "slow")

        async def cleared(**query: str) -> Any:
            answer = await made.ask(method, path, **query)
            assert answer.status_code == 200, answer.text
            return answer.json()

        assert await cleared(model="none") == {"cleared": 0}
        assert await cleared(model="slow", older_than="5m30s") == {"cleared": 2}
        assert await cleared(older_than="3m30s") == {"cleared": 2}
        assert await cleared(model="fast", older_than="2m30s") == {"cleared": 1}
        made.hub.silent = {1}
        partly = await cleared()
        assert (partly["cleared"], partly["missing"][0]["worker"]) == (2, 1)
        assert [len(one.memory) for one in made.hub.answers] == [0, 1]
        entries = await made.world.entries()
        assert [(one.action, one.actor, one.resource) for one in entries] == [("cache.cleared", "kim", "cache")] * 5
        told = [msgspec.json.decode(one.after or "null") for one in entries]
        assert told[1:3] == [{"model": "slow", "older_than": "5m30s"}, {"older_than": "3m30s"}]


@sync
async def test_what_is_not_well_said_forgets_nothing(tmp_path: Path):
    """A time that is none, a parameter that there is not, a body: nothing is taken for "all"."""
    async with api(tmp_path) as made:
        made.hub.keep(0, 1, NOW)
        for query in ({"older_than": "1 fortnight"}, {"older_than": "60"}, {"older_than": ""}, {"models": "fast"}, {"model": ""}):
            for method, path in CLEARS:
                answer = await made.ask(method, path, **query)
                assert (answer.status_code, answer.json()["error"]["param"]) == (400, next(iter(query))), answer.text
        assert len(made.hub.answers[0].memory) == 1
        assert await made.world.entries() == []


@sync
async def test_the_configuration_as_it_holds(tmp_path: Path):
    """The section in its own notation, and what comes of it for each alias."""
    async with api(tmp_path) as made:
        found = await made.get(LOOKS[2])
        models = found.pop("models")
        assert found == {
            "enabled": True,
            "ttl": "1h",
            "stale": "30m",
            "scope": "tenant",
            "streams": True,
            "only_deterministic": False,
            "coalesce": False,
            "size": "1MB",
            "entry": "64KB",
            "backend": "memory",
        }
        assert models["fast"] == {"enabled": True, "ttl": "10m", "stale": "30m"}
        assert models["slow"]["enabled"] is False
        made.config = None
        for path in (LOOKS[0], LOOKS[1], LOOKS[2]):
            assert (await made.ask("GET", path)).json()["error"]["code"] == "starting"


@sync
async def test_where_nothing_is_kept(tmp_path: Path):
    """Off, without room; workers are asked all the same."""
    async with api(tmp_path, CONFIG) as made:
        found = await made.get(LOOKS[0])
        assert (found["enabled"], found["limit_bytes"], found["hit_ratio"]) == (False, 0, None)
        assert not (await made.get(LOOKS[2]))["models"]["fast"]["enabled"]


@sync
async def test_the_paths_of_the_requirements_are_the_same(tmp_path: Path):
    """/api/v1/cache/{stats,entries,config} answer what /admin/v1/cache does."""
    async with api(tmp_path) as made:
        made.hub.keep(0, 1, NOW - 5)
        for ours, alias in zip(LOOKS, ALIASES, strict=True):
            assert await made.get(alias) == await made.get(ours)


@pytest.mark.parametrize(
    ("role", "looks", "clears"),
    [
        (SYSTEM_ADMIN, True, True),
        (OPERATOR, True, True),
        (DEVELOPER, True, False),
        (AUDITOR, True, False),
        (ANALYST, False, False),
        (SERVICE, False, False),
        (TENANT_ADMIN, False, False),
    ],
)
@sync
async def test_who_may_look_and_who_may_clear(tmp_path: Path, role: str, looks: bool, clears: bool):
    """By role over the whole gateway; whoever belongs to a tenant sees nothing, whatever the role: others' answers lie there too."""
    async with api(tmp_path) as made:
        made.as_(role)
        for path in (*LOOKS, *ALIASES):
            assert (await made.ask("GET", path)).status_code == (200 if looks else 403)
        for method, path in CLEARS:
            assert (await made.ask(method, path)).status_code == (200 if clears else 403)
        made.hub.keep(0, 1, NOW)
        made.as_(role, tenant="filed")
        for method, path in (*(("GET", path) for path in (*LOOKS, *ALIASES)), *CLEARS):
            assert (await made.ask(method, path)).status_code == 403
        assert len(made.hub.answers[0].memory) == 1
