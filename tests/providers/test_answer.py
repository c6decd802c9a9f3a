"""A stream on its way: what commits it, what ends it, and what becomes of the connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from llm_gateway.core.errors import InvalidRequest, UpstreamError, UpstreamMalformed
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.http.errors import ConnectionLost, DeadlineExceeded
from llm_gateway.providers import answer as module
from llm_gateway.providers.answer import StreamAnswer
from providers.one_stream import FINISH, TEXT, Reply, fresh
from serving import run
from whole_gateway import DONE, event, piece

ROLE = event(b'{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}')
FAULT = event(b'{"error":{"message":"busy","type":"overloaded_error"}}')


class Source:
    """The upstream's side, as a record."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def stream(self, sink: StreamAnswer) -> None:
        assert sink.error is None or sink.over.done()

    def limit(self, at: float | None) -> None:
        self.calls.append("limit" if at is not None else "unlimited")

    def pause(self) -> None:
        self.calls.append("pause")

    def resume(self) -> None:
        self.calls.append("resume")

    def close(self) -> None:
        self.calls.append("close")


def inside(
    test: Callable[[StreamAnswer, Source, Reply], Any], choose: Callable[[bytes], Any] = lambda _: OPENAI_CHAT.relay()
) -> None:
    async def main() -> None:
        await test(fresh(choose), Source(), Reply())

    run(main)


def test_content_commits_and_not_before():
    """The role alone is held (U07); the first text wakes the request and lifts the limit; all of it goes in one write."""

    async def test(answer, source, reply):
        waiting = asyncio.ensure_future(answer.committed(source))
        answer.feed(ROLE)
        await asyncio.sleep(0)
        assert not waiting.done()
        answer.feed(TEXT)
        await waiting
        assert source.calls == ["unlimited"]
        answer.feed(piece("more"))
        answer.attach(reply)
        assert reply.source is source
        assert reply.writes == [ROLE + TEXT + piece("more")]
        answer.feed(FINISH)
        assert reply.writes[1:] == [FINISH]
        assert answer.written == sum(map(len, reply.writes))

    inside(test)


@pytest.mark.parametrize(
    ("pieces", "kind", "reason"),
    [
        ([], UpstreamMalformed, "malformed"),
        ([ROLE], UpstreamError, "cut"),
        ([DONE], UpstreamMalformed, "malformed"),
        ([ROLE, FAULT], UpstreamError, "in_band"),
        ([ROLE, TEXT + FAULT], UpstreamError, "in_band"),
        ([b"data: {nonsense\n\n"], UpstreamMalformed, "malformed"),
        ([b"\n", b"\r\n "], UpstreamMalformed, "malformed"),
    ],
    ids=["empty", "role_only", "done_only", "error", "content_and_error_in_one_read", "no_json", "blank"],
)
def test_what_fails_before_the_commit_is_a_failure_of_the_attempt(pieces, kind, reason):
    """U06, U07, U20, U31: nothing was sent, so it is raised, and another candidate may be asked."""

    async def test(answer, source, reply):
        for data in pieces:
            answer.feed(data)
        answer.end()
        with pytest.raises(kind) as caught:
            await answer.committed(source)
        assert caught.value.reason == reason
        assert caught.value.retryable
        assert "unlimited" not in source.calls

    inside(test)


@pytest.mark.parametrize("opening", [b"\xef\xbb\xbf", b"\r\n", b" \n\xef\xbb\xbf"])
def test_blanks_and_a_bom_before_the_stream_are_dropped(opening):
    """U26: they say nothing, also when they come in a read of their own, and the choice falls on what follows."""

    async def test(answer, source, reply):
        answer.feed(opening)
        answer.feed(TEXT)
        await answer.committed(source)
        answer.attach(reply)
        assert reply.writes == [TEXT]

    seen: list[bytes] = []
    inside(test, lambda first: seen.append(first) or OPENAI_CHAT.relay())
    assert seen == [TEXT]


def test_empty_lines_before_the_stream_go_on():
    """Bytes pass through, also those that say nothing, in however many reads they come."""

    async def test(answer, source, reply):
        answer.feed(b"\n")
        answer.feed(b"\n" + TEXT)
        await answer.committed(source)
        answer.attach(reply)
        assert reply.writes == [b"\n\n" + TEXT]

    inside(test, lambda _first: OPENAI_CHAT.relay())


def test_the_end_is_the_terminal_event():
    """U29: the answer is over with [DONE]; what comes behind it, bytes, end or break, changes nothing."""

    async def test(answer, source, reply):
        answer.feed(TEXT + FINISH + DONE + TEXT)
        assert answer.over.done()
        answer.feed(TEXT)
        answer.feed(FAULT)
        answer.end()
        answer.broken(ConnectionLost("x"))
        await answer.committed(source)
        answer.attach(reply)
        assert reply.writes == [TEXT + FINISH + DONE]
        assert answer.error is None

    inside(test)


@pytest.mark.parametrize("ending", ["end", "broken"])
def test_an_ending_without_the_terminal_event_is_an_error(ending):
    """U05, U06: text without a finish reason is a cut answer, however the connection ended."""

    async def test(answer, source, reply):
        answer.feed(TEXT)
        await answer.committed(source)
        answer.attach(reply)
        answer.end() if ending == "end" else answer.broken(ConnectionLost("x"))
        assert answer.over.done()
        assert answer.error.reason == ("cut" if ending == "end" else "reset")
        assert DONE not in b"".join(reply.writes)

    inside(test)


def test_only_the_marker_missing_is_supplied():
    """U29: every choice has its finish reason, so the stream is complete without [DONE], and gets one."""

    async def test(answer, source, reply):
        answer.feed(TEXT + FINISH)
        await answer.committed(source)
        answer.attach(reply)
        answer.end()
        assert answer.error is None
        assert b"".join(reply.writes) == TEXT + FINISH + DONE

    inside(test)


def test_a_failure_after_the_commit_holds_its_event_back():
    """U31: the provider's own error event is not passed on: the edge writes it in the caller's shape."""

    async def test(answer, source, reply):
        answer.feed(TEXT)
        await answer.committed(source)
        answer.attach(reply)
        answer.feed(piece("more") + FAULT)
        assert reply.writes == [TEXT, piece("more")]
        assert (answer.error.status, answer.error.message) == (503, "busy")

    inside(test)


def test_a_failure_between_commit_and_attach_still_fails_over():
    """The request had not woken yet: nothing was sent, so it is not too late."""

    async def test(answer, source, reply):
        waiting = asyncio.ensure_future(answer.committed(source))
        await asyncio.sleep(0)
        answer.feed(TEXT)
        answer.broken(ConnectionLost("x"))
        with pytest.raises(UpstreamError):
            await waiting

    inside(test)


def test_the_first_token_being_late_is_called_so():
    """Before content the deadline is the first token's, after it that of the answer."""

    async def test(answer, source, reply):
        answer.broken(DeadlineExceeded("x"))
        assert answer.error.reason == "first_token_timeout"
        begun = fresh()
        begun.feed(TEXT)
        begun.broken(DeadlineExceeded("x"))
        assert begun.error.reason == "deadline"

    inside(test)


def test_much_without_content_is_no_answer(monkeypatch):
    """What is held before the commit is bounded."""
    monkeypatch.setattr(module, "PRECOMMIT_BYTES", 100)

    async def test(answer, source, reply):
        for _ in range(3):
            answer.feed(b": " + b"x" * 40 + b"\n\n")
        with pytest.raises(UpstreamMalformed):
            await answer.committed(source)

    inside(test)


def test_a_large_first_event_is_an_answer(monkeypatch):
    """U25: the bound is for what has no content; one that has it commits, however large it is."""
    monkeypatch.setattr(module, "PRECOMMIT_BYTES", 100)

    async def test(answer, source, reply):
        answer.feed(piece("x" * 500))
        await answer.committed(source)
        assert answer.error is None

    inside(test)


@pytest.mark.parametrize("kind", [InvalidRequest, ValueError])
@pytest.mark.parametrize("where", ["choose", "feed", "end"])
def test_nothing_is_raised_into_the_connection(kind, where):
    """What goes wrong in a transform, a bug of ours included, ends the request that it belongs to, where it is told."""

    class Wrong:
        usage = failure = None
        committed = done = False

        def feed(self, data: bytes) -> bytes:
            if where == "feed":
                raise kind("x")
            return b""

        def end(self) -> bytes:
            raise kind("x")

    def choose(first: bytes) -> Any:
        if where == "choose":
            raise kind("x")
        return Wrong()

    async def test(answer, source, reply):
        answer.feed(b"x")
        answer.end()
        with pytest.raises(kind):
            await answer.committed(source)

    inside(test, choose)


def test_close_lets_a_finished_upstream_say_goodbye():
    """Everything was said, so the connection has a moment to end its message and serve again."""

    async def test(answer, source, reply):
        answer.feed(TEXT + FINISH + DONE)
        await answer.committed(source)
        answer.attach(reply)
        answer.close()
        answer.close()
        assert source.calls == ["unlimited", "limit", "resume"]

    inside(test)


@pytest.mark.parametrize("how", ["cut", "cancelled", "running"])
def test_close_cuts_every_other_upstream(how):
    """A failed, cancelled or unfinished answer takes its connection with it; a second close does nothing."""

    async def test(answer, source, reply):
        answer.feed(TEXT)
        await answer.committed(source)
        if how == "cut":
            answer.feed(FAULT)
        elif how == "cancelled":
            answer.over.cancel()
        answer.close()
        answer.close()
        assert source.calls == ["unlimited", *(["pause"] if how == "cut" else []), "close"]

    inside(test)
