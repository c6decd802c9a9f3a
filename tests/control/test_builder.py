"""Snapshots as control builds them: numbered, checked, given out, kept."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import msgspec
import pytest

from control.pieces import FakeWorker
from llm_gateway.channel.sealed import last_good
from llm_gateway.channel.snapshot import CONFIG, MANAGED, Managed, Snapshot
from llm_gateway.config.document import pack
from llm_gateway.config.load import load_tree
from llm_gateway.control import builder as building
from llm_gateway.control.builder import Builder
from llm_gateway.core.clock import SystemClock
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.providers.registry import option_names
from serving import run, until

SECRET = b"s" * 32


class World:
    """A builder, the file it reads, and its workers."""

    def __init__(self, folder, workers: int = 1) -> None:
        self.file = folder / "gateway.json"
        self.state = folder / "state"
        self.state.mkdir()
        self.write("one")
        loaded = self.read()
        parts = {CONFIG: pack(loaded.tree), MANAGED: msgspec.msgpack.encode(Managed())}
        begin = Snapshot(7, 1, parts)
        self.lines: list[tuple[str, dict]] = []
        self.accepted: list[str] = []
        self.workers = [FakeWorker(SECRET, begin, slot) for slot in range(workers)]
        self.builder = Builder(
            begin,
            (SECRET,),
            self.state,
            {},
            load=self._load,
            managed=self._managed,
            hub=lambda: [one.worker for one in self.workers],
            log=lambda level, event, **facts: self.lines.append((event, facts)),
            clock=SystemClock(),
            accepted=lambda loaded: self.accepted.append(next(iter(loaded.config.models))),
        )
        for one in self.workers:
            one.builder = self.builder

    def write(self, model: str, **more) -> None:
        document = {"providers": {"a": {"type": "openai", "api_key": "sk-0123456789"}}, "models": {model: "a/x"}, **more}
        self.file.write_bytes(msgspec.json.encode(document))

    def read(self):
        return load_tree(self.file, environ={}, provider_types=option_names(), dialects=DIALECTS)

    async def _load(self):
        return self.read()

    async def _managed(self, _document):
        return Managed()

    def events(self) -> list[str]:
        return [event for event, _ in self.lines]

    async def rebuilt(self, event: str) -> dict:
        """After a rebuild that ends with this line of the log."""
        before = self.events().count(event)
        self.builder.rebuild()
        await until(lambda: self.events().count(event) > before)
        await asyncio.sleep(0.02)
        return self.lines[-1][1]


@asynccontextmanager
async def started(world: World):
    world.builder.start()
    await until(lambda: world.accepted)
    try:
        yield world
    finally:
        await world.builder.close()


def test_what_workers_have_already_is_not_pushed_at_the_start(tmp_path):
    """The supervisor read the same file: control only keeps it."""

    async def test() -> None:
        async with started(World(tmp_path)) as world:
            assert world.workers[0].got == []
            assert last_good(world.state, SECRET).number == 7
            assert world.builder.built is not None

    run(test)


def test_a_change_is_pushed_in_parts_and_kept(tmp_path):
    """The next number, to everyone, without what they have; on disk when all of them have it."""

    async def test() -> None:
        world = World(tmp_path, 2)
        world.builder.extra["prices"] = b"d" * 100_000
        async with started(world):
            assert [one.got for one in world.workers] == [[8], [8]]
            world.write("two")
            await world.rebuilt("snapshot")
            assert [one.got for one in world.workers] == [[8, 9], [8, 9]]
            assert world.workers[0].sizes[0] == 100_000
            assert world.workers[0].sizes[1] < 10_000
            assert last_good(world.state, SECRET) == world.builder.current == world.workers[1].snapshot
            assert world.accepted == ["one", "two"]

    run(test)


def test_a_mistake_reaches_no_worker(tmp_path):
    """What cannot be read, or not be served; the next good one is taken, and its number follows."""

    async def test() -> None:
        async with started(World(tmp_path)) as world:
            for bad in (
                {"servr": {}},
                {"models": {"m": {"deployments": ["sim/x"]}}, "providers": {"sim": {"type": "openai_compatible"}}},
            ):
                world.write("two", **bad)
                await world.rebuilt("reload_refused")
                assert world.builder.problem
            assert world.workers[0].got == []
            world.write("two")
            await world.rebuilt("snapshot")
            assert world.workers[0].got == [8]
            assert not world.builder.problem

    run(test)


def test_what_a_worker_refuses_is_put_back(tmp_path):
    """Everyone goes on with what was good, and that is what stays on disk."""

    async def test() -> None:
        async with started(World(tmp_path, 2)) as world:
            good = last_good(world.state, SECRET)
            world.workers[1].refuses = "no such file"
            world.write("two")
            facts = await world.rebuilt("snapshot_refused_by_worker")
            assert (facts["worker"], facts["why"]) == (1, "no such file")
            await until(lambda: world.workers[0].got == [8, 9])
            assert world.workers[0].snapshot.parts == world.workers[1].snapshot.parts == good.parts
            assert last_good(world.state, SECRET) == good
            assert world.accepted == ["one"]

    run(test)


def test_a_worker_that_is_slow_holds_up_nobody(tmp_path, monkeypatch):
    """It is given its time, then the snapshot is kept without it."""
    monkeypatch.setattr(building, "TAKEN_SECONDS", 0.05)

    async def test() -> None:
        async with started(World(tmp_path, 2)) as world:
            world.workers[1].silent = True
            world.write("two")
            await world.rebuilt("snapshot")
            assert "worker_slow" in world.events()
            assert last_good(world.state, SECRET).number == 8

    run(test)


@pytest.mark.parametrize(("has", "gets"), [(6, [7]), (7, []), (12, [13])])
def test_a_worker_that_joins_gets_what_it_lacks(tmp_path, has, gets):
    """An older one the current snapshot; one that is ahead of us, whose control lost its disk, a number beyond its own."""

    async def test() -> None:
        async with started(World(tmp_path)) as world:
            one = world.workers[0]
            one.snapshot = Snapshot(has, 1, one.snapshot.parts)
            one.worker.number = has
            world.builder.joined(one.worker)
            assert one.got == gets

    run(test)


def test_a_full_disk_stops_no_reload(tmp_path, monkeypatch):
    """It is logged, and the workers have it all the same."""

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(building, "save", full)

    async def test() -> None:
        async with started(World(tmp_path)) as world:
            world.write("two")
            await world.rebuilt("snapshot_not_kept")
            assert world.workers[0].got == [8]
            await until(lambda: world.accepted == ["one", "two"])

    run(test)


def test_control_begins_with_what_workers_act_on(tmp_path):
    """Also when the file is broken meanwhile: operators are let in by the keys that hold."""
    world = World(tmp_path)
    world.file.write_text("{ broken")
    assert "one" in world.builder.restore().models
    assert world.builder.built is not None


def test_who_asks_for_a_build_can_wait_for_it(tmp_path):
    """Its number and its problem are there then; what is the same is no new snapshot unless it is wanted anyway."""

    async def test():
        world = World(tmp_path)
        world.builder.start()
        assert await world.builder.renewed(5)
        number = world.builder.current.number
        assert await world.builder.renewed(5)
        assert world.builder.current.number == number
        assert await world.builder.renewed(5, anyway=True)
        assert world.builder.current.number == number + 1
        world.write("two", server={"port": "x"})
        assert await world.builder.renewed(5)
        assert "server.port" in world.builder.problem
        assert world.builder.current.number == number + 1
        await world.builder.close()
        assert not await world.builder.renewed(0.02)

    run(test)


def test_what_a_configuration_probably_does_not_mean_is_told_once(tmp_path):
    """With its place, when it is used; again only after it was mended in between."""

    async def test() -> None:
        async with started(World(tmp_path)) as world:
            assert "config_warning" not in world.events()
            tracing = {"endpoint": "http://collector:4318", "headers": {"x-key": "k"}}
            world.write("one", telemetry={"tracing": tracing})
            facts = await world.rebuilt("config_warning")
            assert (facts["key"], facts["at"].startswith(str(world.file))) == ("telemetry.tracing.headers", True)
            await world.rebuilt("snapshot")
            assert world.events().count("config_warning") == 1
            world.write("one")
            await world.rebuilt("snapshot")
            world.write("one", telemetry={"tracing": tracing})
            await world.rebuilt("config_warning")

    run(test)
