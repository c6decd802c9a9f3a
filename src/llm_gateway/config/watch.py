"""Tells when files have changed, by looking at them.

No threads and no inotify, so it works on every file system and for the symbolic links that Kubernetes swaps under a mounted
ConfigMap.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

_Print = tuple[int, int, int, int] | None


class Watch:
    """Calls `changed` when one of the files is another than it was, once things have been quiet for `settle` seconds.

    `paths` may be replaced at any time; a new set is looked at from then on. A file that is gone counts as changed, after
    the same quiet time, in which an editor has long renamed its new version into place.
    """

    def __init__(
        self,
        paths: Iterable[str],
        changed: Callable[[], object],
        *,
        interval: float = 0.5,
        settle: float = 0.5,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._paths = tuple(paths)
        self._changed = changed
        self._interval = interval
        self._settle = settle
        self._sleep = sleep
        self._seen = self._look()  # taken here: what changes before `run` begins is not missed

    @property
    def paths(self) -> tuple[str, ...]:
        return self._paths

    @paths.setter
    def paths(self, paths: Iterable[str]) -> None:
        """New ones are looked at now: what changes between this and the next look is not missed."""
        self._paths = tuple(paths)
        self._seen |= {path: _fingerprint(path) for path in self._paths if path not in self._seen}

    def also(self, paths: Iterable[str]) -> None:
        """These too, from now on: for files that were just read, before anybody acts on what stood in them."""
        self.paths = tuple(dict.fromkeys((*self._paths, *paths)))

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await self._sleep(self._interval)
            before, now = self._seen, self._look()
            if not _differ(before, now):
                self._seen = now
                continue
            await self._calm()
            self._changed()

    async def _calm(self) -> None:
        """Wait until nothing changes any more; a file that never rests is reported after ten rounds all the same."""
        self._seen = self._look()
        for _ in range(10):
            await self._sleep(self._settle)
            before, self._seen = self._seen, self._look()
            if not _differ(before, self._seen):
                return

    def _look(self) -> dict[str, _Print]:
        return {path: _fingerprint(path) for path in self._paths}


def _differ(before: dict[str, _Print], now: dict[str, _Print]) -> bool:
    return any(now[path] != before[path] for path in now.keys() & before.keys())


def _fingerprint(path: str) -> _Print:
    """What identifies a file's content without reading it; links are followed. None: it is not there."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
