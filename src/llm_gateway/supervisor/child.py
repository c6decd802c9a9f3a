"""One process that is kept running: started, watched, started again with growing pauses, ended."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from llm_gateway.channel.messages import Boot, Serving, Unfit, plain, read
from llm_gateway.channel.peer import Answering, Handlers, Peer, Unanswered
from llm_gateway.snapshot import NotServable
from llm_gateway.worker.pepper import StateUnusable

PAUSES = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before it is started again, by failures in a row."""
STEADY_SECONDS = 60.0
"""Whoever ran for so long begins with the shortest pause again."""
LOUD = 3
"""From so many failures in a row on the log calls it an error."""


class Process(Protocol):
    """subprocess.Popen, as far as it is needed, or Forked."""

    pid: int

    def poll(self) -> int | None: ...

    def send_signal(self, sig: int) -> None: ...


class Forked:
    """A process that `fork` made."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None

    def poll(self) -> int | None:
        """Its exit status, negative for a signal; None: it runs."""
        if self._status is None:
            with contextlib.suppress(ChildProcessError):
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)


class Child:
    """What is started: `python -m module arguments --leash FD --listen FD,FD`. One leash for each time that it runs."""

    def __init__(
        self,
        name: str,
        module: str,
        arguments: Sequence[str],
        sockets: Sequence[socket.socket],
        *,
        asked: Mapping[str, Answering] | None = None,
        told: Mapping[str, Callable[[Any], None]] | None = None,
    ) -> None:
        """`asked`, `told`: what it may ask and tell besides `serving` and `unfit`."""
        self.name = name
        self.sockets = sockets
        self.drain = 0.0
        """Seconds that it may take to end."""
        self.process: Process | None = None
        self.peer: Peer | None = None
        self.failures = 0
        self.starts = 0
        self.began = 0.0
        self.unfit: Unfit | None = None
        """Why it said that it cannot do its work."""
        self.ready: asyncio.Future[None] | None = None
        self._module = module
        self._arguments = tuple(arguments)
        self._asked = dict(asked or {})
        self._told = dict(told or {})
        self._leash: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None else None

    def fork(self, run: Callable[[socket.socket], int], forget: Callable[[], None]) -> None:
        """Begin as a copy of this process, which has not started an event loop or a thread yet: nothing is imported again, and
        memory is shared. `run` is what it does; `forget` closes what is not its own.
        """
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid:
            theirs.close()
            self._leash, self.process = ours, Forked(pid)
            self.starts += 1
            return
        status = 1
        try:
            os.setsid()  # a Ctrl-C at the terminal goes to the whole process group; the supervisor alone decides who ends
            ours.close()
            forget()
            status = run(theirs)
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)

    def spawn(self, environ: Mapping[str, str], lock: int) -> None:
        """Begin as a process of its own. Raises OSError."""
        ours, theirs = socket.socketpair()
        fds = [theirs.fileno(), *(sock.fileno() for sock in self.sockets)]
        listen = ",".join(map(str, fds[1:]))
        command = [sys.executable, "-m", self._module, *self._arguments, "--leash", str(fds[0]), "--listen", listen]
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own module
                command,
                stdin=subprocess.DEVNULL,
                pass_fds=(*fds, lock),
                start_new_session=True,
                env=dict(environ),
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._leash = ours
        self.starts += 1

    async def connect(self) -> None:
        """Listen to what it says."""
        assert self._leash is not None  # noqa: S101 - begun
        loop = asyncio.get_running_loop()
        self.unfit, self.began = None, loop.time()
        self.ready = loop.create_future()
        told = {name: _heard(listening) for name, listening in self._told.items()}
        told |= {"serving": _heard(self._serving), "unfit": _heard(self._is_unfit)}
        leash, self._leash = self._leash, None
        self.peer = await Peer.over(leash, Handlers(self._asked, told, lost=self._lost))

    def boot(self, boot: Boot) -> None:
        """Say what it begins with."""
        if self.peer is not None:
            with contextlib.suppress(Unanswered):  # it has ended already, which is seen elsewhere
                self.peer.tell_bulk("boot", plain(boot))

    def tell(self, topic: str, body: Any = None) -> None:
        if self.peer is not None:
            self.peer.tell(topic, body)

    def kill(self, sig: int = signal.SIGKILL) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(sig)

    def ended(self) -> int | None:
        """Its exit status, once it has ended and everything that it said was heard; None: it runs, or there is none."""
        if self.process is None or (self.peer is not None and not self.peer.gone.is_set()):
            return None
        return self.process.poll()

    def forget(self) -> None:
        """It has ended."""
        self.process = self.peer = None

    def pause(self, now: float) -> float:
        """Seconds until it is to be started again, counting one more failure."""
        if now - self.began >= STEADY_SECONDS:
            self.failures = 0
        wait = PAUSES[min(self.failures, len(PAUSES) - 1)]
        self.failures += 1
        return wait

    def close_leash(self) -> None:
        """In a forked process: this one belongs to another."""
        if self._leash is not None:
            self._leash.close()

    def _serving(self, body: Any) -> None:
        self.drain = read(body, Serving).drain
        if self.ready is not None and not self.ready.done():
            self.ready.set_result(None)

    def _is_unfit(self, body: Any) -> None:
        self.unfit = read(body, Unfit)

    def _lost(self, _peer: Peer) -> None:
        if self.ready is not None and not self.ready.done():
            self.ready.set_result(None)  # whoever waits for it looks at the rest


def _heard(listening: Callable[[Any], None]) -> Callable[[Peer, Any], None]:
    def heard(_peer: Peer, body: Any) -> None:
        listening(body)

    return heard


def told_why(unfit: Unfit | None, status: int | None) -> dict[str, Any]:
    """For the log."""
    found: dict[str, Any] = {"status": status}
    if status is not None and status < 0:
        with contextlib.suppress(ValueError):
            found["signal"] = signal.Signals(-status).name
    if unfit is not None:
        found["why"] = unfit.text
    return found


def as_error(unfit: Unfit) -> Exception:
    """What a worker said, as `serve` tells it."""
    match unfit.kind:
        case "not_servable":
            return NotServable(unfit.text)
        case "state":
            return StateUnusable(unfit.text)
        case "tls":
            error = ssl.SSLError(unfit.text)
            error.reason = unfit.text
            return error
        case _:
            return OSError(unfit.errno or errno.EIO, unfit.text)
