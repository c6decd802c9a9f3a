"""The providers that the gateway runs itself."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from llm_gateway.worker import children
from llm_gateway.worker.managed import Managed
from serving import connected, run, until
from whole_gateway import config_of


def providers(**named: dict[str, Any]) -> dict[str, Any]:
    return {"providers": {name: {"type": "simulator", **options} for name, options in named.items()}}


class World:
    def __init__(self) -> None:
        self.changes = 0
        self.events: list[tuple[str, str]] = []
        self.managed = Managed(self._changed, lambda *event: self.events.append(event))

    def _changed(self) -> None:
        self.changes += 1

    @property
    def pids(self) -> list[int]:
        return sorted(child.pid for child in self.managed._children.values())


def inside(test) -> None:
    async def main() -> None:
        world = World()
        try:
            await test(world)
        finally:
            await world.managed.stop()
        assert world.managed._children == {}

    run(main)


def test_equal_simulators_share_a_process():
    """One port, told apart by the fault in their path; another seed or pace is another process."""

    async def test(world: World) -> None:
        urls = await world.managed.urls(config_of(providers(a={}, b={"fault": "503:times=2"}, c={"seed": 7})))
        assert urls["a"].endswith("/v1")
        assert urls["b"] == urls["a"].removesuffix("/v1") + "/f/503:times=2/v1"
        assert urls["c"].partition("/v1")[0] != urls["a"].partition("/v1")[0]
        assert len(world.pids) == 2
        async with connected(int(urls["a"].split(":")[2].partition("/")[0])) as raw:
            raw.send(b"GET /v1/models HTTP/1.1\r\nHost: t\r\n\r\n")
            assert (await raw.reply())[0] == 200

    inside(test)


def test_a_reload_keeps_what_is_needed_and_ends_the_rest_when_told():
    """Asking for the new addresses ends nothing: the old world still uses it, and the new one may never come."""

    async def test(world: World) -> None:
        one, other = config_of(providers(a={}, b={"seed": 1})), config_of(providers(a={}, c={"seed": 2}))
        first = await world.managed.urls(one)
        before = world.pids
        second = await world.managed.urls(other)
        assert second["a"] == first["a"]
        assert set(before) < set(world.pids)
        await world.managed.trim(other)
        assert len(world.pids) == 2
        assert len(set(before) & set(world.pids)) == 1

    inside(test)


@pytest.mark.parametrize("options", [{"enabled": False}, {"base_url": "http://127.0.0.1:1"}])
def test_what_is_off_or_elsewhere_is_not_started(options):
    """A disabled provider, and one whose address is configured."""

    async def test(world: World) -> None:
        assert await world.managed.urls(config_of(providers(a=options))) == {}
        assert world.pids == []

    inside(test)


def test_one_that_does_not_start_is_missing_and_the_others_are_served(monkeypatch):
    """With the reason; the next reload tries again."""

    async def test(world: World) -> None:
        document = {"providers": {"model": {"type": "local", "file": "/nowhere.gguf"}, "sim": {"type": "simulator"}}}
        urls = await world.managed.urls(config_of(document))
        assert list(urls) == ["sim"]
        assert list(world.managed.missing) == ["model"]
        assert await world.managed.urls(config_of(providers(sim={}))) == urls
        assert world.managed.missing == {}

    inside(test)


def test_a_new_address_is_told(monkeypatch):
    """The world has to be built again when a child came back on another port."""
    monkeypatch.setattr(children, "_BACKOFF", (0.01,))

    async def test(world: World) -> None:
        config = config_of(providers(a={}))
        before = await world.managed.urls(config)
        os.kill(world.pids[0], signal.SIGKILL)
        await until(lambda: world.changes == 1, 10)
        assert [what for _, what in world.events] == ["ended with status -9", "restarted"]
        assert await world.managed.urls(config) != before

    inside(test)
