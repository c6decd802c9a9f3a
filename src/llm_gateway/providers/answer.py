"""An answer on its way: whole, or a stream that is pushed from the upstream's connection to the caller's.

A stream is not a generator: the upstream connection calls `feed` once per read, the transform turns bytes into bytes, and one
write goes to the caller (pipeline.md section 2: a task wake-up per chunk costs more than everything else). The request's
coroutine sleeps on `committed()` and then on `over`, inside the `with` blocks that settle every ending in one place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf
from typing import Any, Protocol

import msgspec

from llm_gateway.core.errors import UpstreamError, UpstreamMalformed
from llm_gateway.core.usage import Usage
from llm_gateway.http.errors import DeadlineExceeded, HttpError
from llm_gateway.providers.continuing.story import Story
from llm_gateway.providers.deployment import Deployment, Lane
from llm_gateway.providers.faults import first_token_late, from_failure, from_http, masked
from llm_gateway.providers.transform import Transform

PRECOMMIT_BYTES = 1 << 20
"""A provider that sends more than this without any content is not answering."""
FAREWELL_SECONDS = 0.5
"""How long an upstream that has said everything may take to end its message, so that its connection can be used again."""

SAMPLE_BYTES = 4 << 10
"""Of an answer's beginning, for an estimate of its use where nobody tells it."""
OPENING_BYTES = 4 << 10
"""Empty lines before the first event are passed on as they came, up to here."""


class Source(Protocol):
    """The upstream's side: http.client's Response."""

    def stream(self, sink: StreamAnswer) -> None: ...
    def limit(self, at: float | None) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def close(self) -> None: ...


class Reply(Protocol):
    """The caller's side: http.server's Reply."""

    source: object | None

    def write(self, data: bytes) -> None: ...


class Metered(Protocol):
    """What the request holds of its caller's limits."""

    due: float

    def more(self, written: int, /) -> Exception | None:
        """`written` bytes went to the caller, no fewer than `due`. What the stream is to be ended with, None: it may go on."""
        ...


class Onward(Protocol):
    """Whoever dispatches: after a cut, another leg of the answer (docs/STREAM-CONTRACT.md)."""

    async def __call__(self, ex: Any, cut: StreamAnswer, /) -> StreamAnswer:
        """The leg, begun and not attached. Raises what the stream is to end with: nobody may or can go on."""
        ...


class WholeAnswer(msgspec.Struct, eq=False, gc=False):
    """A complete JSON body in the caller's dialect."""

    body: bytes
    usage: Usage | None
    deployment: Deployment
    lane: Lane

    __repr__ = object.__repr__  # a Struct shows its fields, and this one is what a model said


class Sink:
    """Between an upstream response and the caller. Until `attach`, what would go to the caller is held."""

    __slots__ = ("_begun", "_due", "_held", "_metered", "_reply", "_source", "error", "onward", "over", "written")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._source: Source | None = None
        self._reply: Reply | None = None
        self._held: list[bytes] = []
        self._begun: asyncio.Future[None] = loop.create_future()
        self.over: asyncio.Future[None] = loop.create_future()
        """Done when nothing more will come; `error` says whether the answer is complete."""
        self.error: Exception | None = None
        self.written = 0
        """Bytes given to the caller; the heartbeat looks whether it moves."""
        self.onward: Onward | None = None
        """Asks somebody to go on, if the stream breaks."""
        self._metered: tuple[Metered, int] | None = None
        self._due = inf

    def meter(self, metered: Metered, before: int = 0) -> None:
        """From now on `metered` is asked whether the stream may go on, whenever as much as it wants was written. `before`: bytes
        of the answer's earlier legs.
        """
        self._metered = metered, before
        self._due = metered.due - before

    def _look(self) -> None:
        """As much is written as was reserved."""
        metered, before = self._metered  # type: ignore[misc]  # there is one, or nothing would be due
        error = metered.more(before + self.written)
        self._due = metered.due - before
        if error is not None:
            self._finish(error)

    def attach(self, reply: Reply) -> None:
        """From now on bytes go to `reply`; what was held goes first, in one write."""
        self._reply = reply
        reply.source = self._source
        held = b"".join(self._held)
        self._held.clear()
        if held:
            self._write(reply, held)

    def close(self) -> None:
        """Lets go of both sides. An upstream that said everything may end its message; one that did not is cut."""
        source, self._source, self._reply = self._source, None, None
        self._held.clear()
        if source is None:
            return
        if self.over.done() and not self.over.cancelled() and self.error is None:
            source.limit(self.over.get_loop().time() + FAREWELL_SECONDS)
            source.resume()
        else:
            source.close()

    def _write(self, reply: Reply, data: bytes) -> None:
        self.written += len(data)
        reply.write(data)
        if self.written >= self._due:
            self._look()

    def _finish(self, error: Exception | None) -> None:
        if self.over.done():
            return
        self.error = error
        if error is not None and self._source is not None:
            self._source.pause()  # the rest is not wanted: not even of this read, which may unpack to megabytes (faults U24)
        if not self._begun.done():
            self._begun.set_result(None)
        self.over.set_result(None)


class StreamAnswer(Sink):
    """Through a transform. What is held is bounded."""

    __slots__ = ("_choose", "_held_bytes", "_opening", "_transform", "deployment", "keep", "lane", "sample", "story")

    def __init__(
        self,
        choose: Callable[[bytes], Transform],
        deployment: Deployment,
        lane: Lane,
        loop: asyncio.AbstractEventLoop,
        story: Story | None = None,
    ) -> None:
        """`choose` makes the transform from the first bytes: some providers answer a stream request with plain JSON.

        `story`: what another leg could go on with, if the stream breaks; None: none will.
        """
        super().__init__(loop)
        self._choose = choose
        self._transform: Transform | None = None
        self.deployment = deployment
        self.lane = lane
        self._held_bytes = 0
        self._opening = b""
        self.story = story
        self.sample: bytes | bytearray = b""
        """How what was given to the caller began."""
        self.keep = SAMPLE_BYTES
        """How much of it is remembered."""

    def remember(self, size: int) -> None:
        """At least so many bytes are to be there in `sample` at the end. To be called before anything is given to the caller."""
        if size > self.keep:
            self.keep = size
            self.sample = bytearray(b"".join(self._held)[:size])  # grows in place; it was cut off at less, and all of it is held

    @property
    def usage(self) -> Usage | None:
        return None if self._transform is None else self._transform.usage

    async def committed(self, source: Source) -> None:
        """Takes the stream and sleeps until the first valid content is here. Raises UpstreamError if it failed before that."""
        self._source = source
        source.stream(self)
        if not self._begun.done():
            await self._begun
        if self.error is not None and not self._added:
            raise self.error
        source.limit(None)

    @property
    def _added(self) -> bool:
        """Whether a further leg has added to its story what the caller must be given, though it failed in the same read."""
        return self.story is not None and self.story.seams > 0 and bool(self._held)

    def feed(self, data: bytes) -> None:
        """One read of the upstream. Never raises."""
        if self.over.done():
            return
        try:
            transform = self._transform
            if transform is None:
                data = self._open(data)
                transform = self._transform
                if transform is None:
                    return
            out = transform.feed(data)
        except Exception as error:  # noqa: BLE001 - also a bug of ours is raised where the request can be told
            self._finish(masked(error))
            return
        if out:
            self._put(out)
        if transform.done or transform.failure is not None:
            self._settle()
        elif transform.committed and not self._begun.done():
            self._begun.set_result(None)

    def end(self) -> None:
        """The upstream's message is complete."""
        if self.over.done():
            return
        if self._transform is None:
            self._finish(UpstreamMalformed("The provider's answer is empty."))
            return
        try:
            out = self._transform.end()
        except Exception as error:  # noqa: BLE001 - as above
            self._finish(masked(error))
            return
        if out:
            self._put(out)
        self._settle()

    def broken(self, error: HttpError) -> None:
        """The upstream's message will never be complete."""
        if not self.over.done():
            waiting = not self._begun.done()
            self._finish(first_token_late(error) if waiting and isinstance(error, DeadlineExceeded) else from_http(error))

    def _open(self, data: bytes) -> bytes:
        """Chooses the transform at the first byte that is not blank; gives what it is to be fed."""
        seen = data.lstrip(b"\xef\xbb\xbf \t\r\n")
        if not seen:
            self._held_bytes += len(data)
            if self._held_bytes > PRECOMMIT_BYTES:
                self._finish(UpstreamMalformed("The provider sent much without any content."))
            elif len(self._opening) < OPENING_BYTES:
                self._opening += data
            return b""
        blank = self._opening + data[: len(data) - len(seen)]
        self._transform = self._choose(seen)
        del self._choose  # it holds the Exchange, which nobody needs while a connection is read to its end
        return blank + seen if not blank.strip(b"\n ") else seen  # blanks go on as they came; a BOM does not

    def _put(self, out: bytes) -> None:
        if len(self.sample) < self.keep:
            self.sample += out[: self.keep]
        reply = self._reply
        if reply is not None:
            self.written += len(out)
            reply.write(out)
            if self.written >= self._due:
                self._look()
            return
        self._held.append(out)
        self._held_bytes += len(out)
        if self._held_bytes > PRECOMMIT_BYTES and self._transform is not None and not self._transform.committed:
            self._finish(UpstreamMalformed("The provider sent much without any content."))

    def _settle(self) -> None:
        """The transform knows how it ended."""
        transform = self._transform
        assert transform is not None  # noqa: S101 - both callers have it
        if transform.failure is not None:
            self._finish(from_failure(transform.failure))
        elif transform.done and not transform.committed:
            self._finish(UpstreamMalformed("The provider's answer has no content."))
        elif not transform.done:
            cut = UpstreamError("The provider ended its answer before it was complete.")
            cut.reason = "cut"
            self._finish(cut)
        else:
            self._finish(None)
