"""Child processes that the gateway runs: a local model, the simulator. Started, watched, restarted with backoff, ended."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from llm_gateway.core.within import within

START_SECONDS = 60.0
STOP_SECONDS = 3.0
STEADY_SECONDS = 60.0
"""Whoever ran for so long begins with the shortest pause again."""
_BACKOFF = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_LINE_LIMIT = 64 << 10


class ChildFailed(Exception):
    """A child did not come up; the message says why, in the child's own words if it had any."""


class Child:
    """One child. It prints a JSON line with its `url` when ready, and ends when its standard input closes."""

    def __init__(self, name: str, module: str, *arguments: str) -> None:
        self.name = name
        self.url = ""
        self._command = (sys.executable, "-m", module, *arguments)
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> str:
        """Start and wait until it is ready; its URL. Raises ChildFailed."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                limit=_LINE_LIMIT,
                # A Ctrl-C at the terminal goes to the whole process group; the gateway alone decides when a child ends.
                start_new_session=True,
            )
        except OSError as error:
            raise ChildFailed(f"{self.name} could not be started: {error.strerror or error}") from None
        self._process = process
        try:
            self.url = await within(self._ready(process), START_SECONDS)
        except TimeoutError:
            await self._end()
            raise ChildFailed(f"{self.name} was not ready after {START_SECONDS:.0f} s") from None
        except ValueError:
            await self._end()
            raise ChildFailed(f"{self.name} printed a line that is too long") from None
        except BaseException:
            await self._end()
            raise
        return self.url

    async def _ready(self, process: asyncio.subprocess.Process) -> str:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        while line := await process.stdout.readline():
            with contextlib.suppress(msgspec.DecodeError):
                said: Any = msgspec.json.decode(line)
                if isinstance(said, dict) and "url" in said:
                    return str(said["url"])
                if isinstance(said, dict) and "error" in said:
                    raise ChildFailed(f"{self.name}: {said['error']}")
        raise ChildFailed(f"{self.name} ended before it was ready (status {await process.wait()})")

    def keep(self, on_restart: Callable[[Child], Awaitable[None]], on_failure: Callable[[Child, str], None]) -> None:
        """Restart it whenever it ends, with backoff. `on_restart` is told its new URL, `on_failure` why it is away."""
        self._watch = asyncio.get_running_loop().create_task(self._keep(on_restart, on_failure))

    async def _keep(self, on_restart: Callable[[Child], Awaitable[None]], on_failure: Callable[[Child, str], None]) -> None:
        failures = 0
        loop = asyncio.get_running_loop()
        while True:
            assert self._process is not None  # noqa: S101 - started before it is kept
            began = loop.time()
            status = await _ended(self._process)
            if loop.time() - began >= STEADY_SECONDS:
                failures = 0
            on_failure(self, f"ended with status {status}")
            while True:
                await asyncio.sleep(_BACKOFF[min(failures, len(_BACKOFF) - 1)])
                failures += 1
                try:
                    await self.start()
                except ChildFailed as error:
                    on_failure(self, str(error))
                else:
                    break
            await on_restart(self)

    async def stop(self) -> None:
        """End it: politely by closing its input, then by force."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        await self._end()

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            await within(_ended(process), STOP_SECONDS)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            with contextlib.suppress(TimeoutError):  # a process of its own may hold the pipe open
                await within(_ended(process), STOP_SECONDS)


async def _ended(process: asyncio.subprocess.Process) -> int:
    """The status it ends with. What it still prints is read and dropped: a full pipe would stop it."""
    assert process.stdout is not None  # noqa: S101 - it was asked for
    while await process.stdout.read(_LINE_LIMIT):
        pass
    return await process.wait()
