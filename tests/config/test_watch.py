"""Changes of files are seen, once, after things have calmed down."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from llm_gateway.config.watch import Watch


class Stop(Exception):
    """Ends a watch that would go on for ever."""


def watched(paths: list[str], *steps: Callable[[], object]) -> list[int]:
    """Run a watch whose sleeps each do the next step; the number of the sleep before each call."""
    calls: list[int] = []
    done = 0

    async def sleep(seconds: float) -> None:
        nonlocal done
        assert seconds == 0.5
        if done == len(steps):
            raise Stop
        steps[done]()
        done += 1

    async def run() -> None:
        with contextlib.suppress(Stop):
            await Watch(paths, lambda: calls.append(done), sleep=sleep).run()

    asyncio.run(run())
    return calls


def nothing() -> None:
    """A sleep in which nothing happens."""


def test_a_change_is_told_once_after_it_is_quiet(tmp_path: Path) -> None:
    """Three writes in a row are one change; without a change there is no call."""
    file = tmp_path / "f"
    file.write_text("a")
    writes = [lambda n=n: file.write_text("a" * n) for n in (2, 3, 4)]
    assert watched([str(file)], nothing, nothing, *writes, nothing, nothing, nothing) == [6]
    assert watched([str(file)], nothing, nothing, nothing) == []


def test_the_rename_of_an_editor_is_seen(tmp_path: Path) -> None:
    """A new file of the same size and time is another file; its moment of absence is not told apart."""
    file, fresh = tmp_path / "f", tmp_path / "new"
    file.write_text("a")
    fresh.write_text("b")
    stat = file.stat()
    os.utime(fresh, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert watched([str(file)], nothing, lambda: fresh.replace(file), nothing, nothing) == [3]
    again = [file.unlink, lambda: file.write_text("c"), nothing, nothing]
    assert watched([str(file)], *again) == [3]


def test_a_configmap_swap_is_seen(tmp_path: Path) -> None:
    """Kubernetes swaps a symbolic link two levels up; the path itself stays the same."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "gateway.yaml").write_text("same")
    (tmp_path / "..data").symlink_to("one")
    (tmp_path / "gateway.yaml").symlink_to("..data/gateway.yaml")

    def swap() -> None:
        (tmp_path / "tmp").symlink_to("two")
        (tmp_path / "tmp").replace(tmp_path / "..data")

    assert watched([str(tmp_path / "gateway.yaml")], nothing, swap, nothing, nothing) == [3]


def test_a_file_that_stays_away_is_a_change(tmp_path: Path) -> None:
    """Whoever reloads then says what is missing; and its return is another change."""
    file = tmp_path / "f"
    file.write_text("a")
    assert watched([str(file)], file.unlink, nothing, nothing, lambda: file.write_text("b"), nothing, nothing) == [2, 5]


def test_a_file_that_never_rests_is_told_all_the_same(tmp_path: Path) -> None:
    """After ten rounds."""
    file = tmp_path / "f"
    file.write_text("")
    assert watched([str(file)], *[lambda n=n: file.write_text("a" * n) for n in range(1, 14)])[:1] == [11]


def test_the_files_may_be_replaced(tmp_path: Path) -> None:
    """A reload may have read others; what appears in the set is no change by itself."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("a")
    two.write_text("a")
    calls: list[str] = []
    sleeps = 0

    async def sleep(_seconds: float) -> None:
        nonlocal sleeps
        sleeps += 1
        if sleeps == 1:
            watch.paths = (str(two),)
        elif sleeps == 3:
            assert calls == []
            one.write_text("changed")
            two.write_text("changed")
        elif sleeps == 6:
            raise Stop

    async def run() -> None:
        with contextlib.suppress(Stop):
            await watch.run()

    watch = Watch([str(one)], lambda: calls.append("changed"), sleep=sleep)
    asyncio.run(run())
    assert calls == ["changed"]


def test_the_real_clock(tmp_path: Path) -> None:
    """With real sleeps, on the loop, and ended by cancelling."""
    file = tmp_path / "f"
    file.write_text("a")

    async def run() -> None:
        seen = asyncio.Event()
        task = asyncio.get_running_loop().create_task(Watch([str(file)], seen.set, interval=0.01, settle=0.01).run())
        await asyncio.sleep(0.03)
        file.write_text("other")
        await asyncio.wait_for(seen.wait(), 5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())


def test_what_was_just_read_is_watched_before_anybody_acts_on_it(tmp_path: Path) -> None:
    """A file that a new configuration names may change while workers take that configuration: that is not missed."""
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("1")
    second.write_text("1")
    watch = Watch([str(first)], lambda: None)
    watch.also([str(second), str(first)])
    before = dict(watch._seen)
    second.write_text("22")
    watch.paths = (str(first), str(second))
    assert watch._seen == before
    assert watch.paths == (str(first), str(second))
