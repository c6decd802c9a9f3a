"""A simulator for callers that are not asynchronous: in a thread for tests, in the foreground for the command line."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

from llm_gateway.simulator.log import Seen
from llm_gateway.simulator.options import SimulatorOptions
from llm_gateway.simulator.server import Simulator

T = TypeVar("T")
PATIENCE = 10.0  # seconds to wait for the thread


class RunningSimulator:
    """A simulator in another thread, as seen from this one."""

    def __init__(self, simulator: Simulator, loop: asyncio.AbstractEventLoop) -> None:
        self._simulator = simulator
        self._loop = loop
        self.url = simulator.url
        self.port = simulator.port

    @property
    def requests(self) -> tuple[Seen, ...]:
        """The log as it stands now, oldest first."""
        return self._call(lambda: tuple(self._simulator.log.entries))

    def stats(self) -> dict[str, Any]:
        """As GET /__simulator/stats."""
        return self._call(self._simulator.log.stats)

    def reset(self) -> None:
        """Forget the log and what the faults have counted."""
        self._call(self._simulator.reset)

    def refuse(self) -> None:
        """Refuse new connections until `accept`."""
        self._call(self._simulator.refuse)

    def accept(self) -> None:
        """Listen again."""
        asyncio.run_coroutine_threadsafe(self._simulator.accept(), self._loop).result(PATIENCE)

    def _call(self, function: Callable[[], T]) -> T:
        result: Future[T] = Future()

        def run() -> None:
            try:
                result.set_result(function())
            except BaseException as error:  # noqa: BLE001 - handed to the thread that asked
                result.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return result.result(PATIENCE)


@contextmanager
def running_simulator(options: SimulatorOptions | None = None, port: int = 0) -> Iterator[RunningSimulator]:
    """A simulator in a thread of its own for the length of a `with` block; `serve` is its counterpart for processes."""
    started: Future[tuple[Simulator, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def main() -> None:
        try:
            simulator = await Simulator.start(options, port)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            started.set_exception(error)
            return
        over = asyncio.Event()
        started.set_result((simulator, asyncio.get_running_loop(), over))
        await over.wait()
        await simulator.stop()

    thread = threading.Thread(target=lambda: run(main()), name="simulator", daemon=True)
    thread.start()
    simulator, loop, over = started.result(PATIENCE)
    try:
        yield RunningSimulator(simulator, loop)
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(PATIENCE)


def serve(
    options: SimulatorOptions | None = None,
    port: int = 0,
    announce: Callable[[str], None] = lambda _url: None,
    *,
    host: str = "127.0.0.1",
) -> None:
    """Run until SIGINT or SIGTERM (main thread only). `announce` is called with the base URL once it listens."""

    async def main() -> None:
        simulator = await Simulator.start(options, port, host=host)
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, over.set)
        announce(simulator.url)
        await over.wait()
        await simulator.stop()

    run(main())


def run(main: Any) -> None:
    """Run a coroutine to its end on uvloop, or on asyncio's own loop where uvloop is not to be had."""
    try:
        import uvloop  # noqa: PLC0415 - absent on some platforms
    except ImportError:
        asyncio.run(main)
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main)
