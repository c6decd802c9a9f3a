"""Who is written down, for how long, and what happens when there is too much."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import msgspec
import pytest

from control.content.pieces import RING, World, said
from llm_gateway.config.schema.content import Content
from llm_gateway.config.values import Duration, Size
from llm_gateway.control.content import files as module
from llm_gateway.control.content.files import ContentFiles
from llm_gateway.credentials.ring import Ring

HELLO = {"messages": [{"content": "hello"}]}


def write(world: World, *requests) -> None:
    async def work() -> None:
        world.tell(*requests)
        await world.log.close()

    asyncio.run(work())


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_who_agreed_is_written_sealed_and_nobody_else(tmp_path: Path):
    """The file is for us alone, and says nothing without the key."""
    world = World(tmp_path)
    now = world.clock.now()
    write(world, said(HELLO, at=now), said(HELLO, at=now, tenant="closed"))
    (file,) = files(tmp_path)
    assert (file.parent.name, stat.S_IMODE(file.stat().st_mode)) == ("open", 0o600)
    assert b"hello" not in file.read_bytes()
    assert [record["request"] for record in world.found()] == [HELLO]
    assert world.log.written == 1
    other = ContentFiles(tmp_path, Ring([bytes([1]) * 32]))
    assert [record for record, _ in other.newest("open", 0, now + 1)] == [None]


def test_a_record_of_one_tenant_does_not_open_as_another_ones(tmp_path: Path):
    """Files that somebody moved are unreadable, and counted so."""
    world = World(tmp_path)
    write(world, said(HELLO, at=world.clock.now()))
    (tmp_path / "content" / "open").rename(tmp_path / "content" / "thief")
    assert world.log.found("thief", 0.0, world.clock.now() + 1, 5, lambda _record: True) == ([], False, 1)


def test_the_switch_stops_writing_at_once(tmp_path: Path):
    """Also for what waits already."""
    world = World(tmp_path)

    async def work() -> None:
        world.tell(said(HELLO))
        world.apply(Content(enabled=False, tenants=("open",)))
        world.tell(said(HELLO))
        await world.log.close()

    asyncio.run(work())
    assert files(tmp_path) == []
    assert list(world.log.samples()) == []


def test_what_is_too_old_is_not_shown_and_goes(tmp_path: Path):
    """Not shown from the moment on; its file goes with the hour."""
    world = World(tmp_path, keep=Duration(7200))
    write(world, said(HELLO, at=world.clock.now()))
    world.clock.advance(7100)
    assert len(world.found()) == 1
    world.clock.advance(101)
    assert world.found() == []
    world.clock.advance(3600)
    asyncio.run(world.log.sweep())
    assert files(tmp_path) == []


def test_who_is_taken_out_of_the_list_is_forgotten(tmp_path: Path):
    """The next sweep deletes all of it; others' stay, and all stay while only the switch is off."""
    world = World(tmp_path, tenants=("open", "other"))
    write(world, *(said(HELLO, at=world.clock.now(), tenant=tenant) for tenant in ("open", "other")))
    world.apply(Content(enabled=False, tenants=("open", "other")))
    asyncio.run(world.log.sweep())
    assert len(files(tmp_path)) == 2
    world.apply(Content(tenants=("other",)))
    asyncio.run(world.log.sweep())
    assert [file.parent.name for file in files(tmp_path)] == ["other"]
    assert world.log.files.forget("other")
    assert not world.log.files.forget("other")


def test_what_is_on_its_way_is_forgotten_too(tmp_path: Path):
    """Once it is said that all of a tenant is deleted, nothing that it said before comes back: not what waits, nor what a worker
    tells later; what is said from then on is kept, and others keep theirs.
    """
    world = World(tmp_path, tenants=("open", "other"))
    now = world.clock.now()

    async def work() -> None:
        world.tell(said({"n": 0}, at=now - 2))
        world.log.start()
        while not world.log.written:
            await asyncio.sleep(0.005)
        world.tell(said({"n": 1}, at=now - 1), said({"n": 2}, at=now - 1, tenant="other"))
        await world.log.forget("open")
        world.tell(said({"n": 3}, at=now), said({"n": 4}, at=now + 0.1))
        await world.log.close()

    asyncio.run(work())
    assert [record["request"] for record in world.found()] == [{"n": 4}]
    assert [record["request"] for record in world.found("other")] == [{"n": 2}]


def test_more_than_its_size_costs_the_oldest_hour(tmp_path: Path):
    """The newest stay."""
    world = World(tmp_path, size=Size(600))
    for _ in range(3):
        write(world, said(HELLO, at=world.clock.now()))
        world.clock.advance(3600)
    asyncio.run(world.log.sweep())
    left = files(tmp_path)
    assert 0 < len(left) < 3
    assert sum(file.stat().st_size for file in left) <= 600
    assert len(world.found()) == len(left)


def test_a_file_that_is_large_has_a_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Looking at one is bounded. The newest record comes first, whichever it is in."""
    monkeypatch.setattr(module, "LARGEST", 500)
    world = World(tmp_path)
    for number in range(6):
        write(world, said(HELLO, at=world.clock.now(), id=f"req_{number}"))
    assert len(files(tmp_path)) > 1
    assert [record["request_id"] for record in world.found()] == [f"req_{number}" for number in reversed(range(6))]
    assert [record["request_id"] for record in world.found(limit=2)] == ["req_5", "req_4"]


def test_too_much_in_a_second_is_dropped_and_counted(tmp_path: Path):
    """What workers dropped counts as well."""
    world = World(tmp_path, rate=Size(500))
    world.log.dropped = 2
    write(world, *(said(HELLO, at=world.clock.now()) for _ in range(10)))
    assert 0 < world.log.written < 10
    assert world.log.written + world.log.dropped == 12


def test_a_disk_that_does_not_take_them_is_said_once(tmp_path: Path):
    """The gateway goes on."""
    (tmp_path / "content").write_text("in the way")
    world = World(tmp_path)
    write(world, *(said(HELLO) for _ in range(100)))
    assert (world.log.written, world.log.failed) == (0, 100)
    assert [event for event, _ in world.lines] == ["content_not_written"]


def test_what_was_written_has_not_failed(tmp_path: Path):
    """One tenant's folder cannot be made: the others' records are there, and counted once."""
    world = World(tmp_path)
    world.apply(Content(tenants=("agreed", "open")))
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "open").write_text("in the way")
    write(world, *(said(HELLO, tenant=tenant, at=world.clock.now()) for tenant in ("open", "agreed", "agreed")))
    assert (world.log.written, world.log.failed, world.log.dropped) == (2, 1, 0)


def test_a_line_that_a_crash_left_half_does_not_take_the_next_one_along(tmp_path: Path):
    """It is unreadable, and alone."""
    world = World(tmp_path)
    now = world.clock.now()
    write(world, said(HELLO, at=now))
    (file,) = files(tmp_path)
    file.write_bytes(file.read_bytes()[:-20])
    write(world, said(HELLO, at=now))
    records, more, unreadable = world.log.found("open", 0.0, now + 1, 5, lambda _record: True)
    assert (len(records), more, unreadable) == (1, False, 1)


@pytest.mark.parametrize("body", [[b"nothing", 0], [msgspec.msgpack.encode([1]), 0], ["x", 0], None])
def test_a_message_that_is_none_is_an_error(tmp_path: Path, body):
    """The hub reports it."""
    with pytest.raises((msgspec.ValidationError, msgspec.DecodeError)):
        World(tmp_path).log.told(None, body)


@pytest.mark.parametrize("name", ["..", "../x", "", ".x", "a/b"])
def test_a_name_is_no_path(tmp_path: Path, name: str):
    """Whatever asks for it."""
    with pytest.raises(ValueError, match="no name"):
        ContentFiles(tmp_path, RING).forget(name)
