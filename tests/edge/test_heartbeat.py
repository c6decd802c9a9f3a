"""Comments that keep a silent stream alive."""

from __future__ import annotations

import asyncio

from llm_gateway.dialects.base import SseFront
from llm_gateway.edge.heartbeat import Heartbeat
from scripted_upstream import ASK
from scripted_upstream import Upstream as Server
from serving import run
from whole_gateway import CHAT, DONE, LAST, SSE_HEAD, chat, chunk, one_provider, piece, whole_gateway

BEAT = 0.02
KEEPALIVE = SseFront.keepalive


class Stream:
    def __init__(self) -> None:
        self.written = 0
        self.paused = False
        self.comments = 0

    def write(self, data: bytes) -> None:
        assert data == KEEPALIVE
        self.comments += 1


def test_a_silent_stream_gets_comments_and_a_busy_one_none():
    """Between two beats nothing was written: a comment. Something was: none. Afterwards none to either."""

    async def main() -> None:
        heartbeat = Heartbeat(BEAT)
        silent, busy = Stream(), Stream()
        with heartbeat.beating(silent, silent, KEEPALIVE), heartbeat.beating(busy, busy, KEEPALIVE):
            for _ in range(20):
                busy.written += 1
                await asyncio.sleep(BEAT / 4)
        assert 2 <= silent.comments <= 6
        assert busy.comments == 0
        before = silent.comments
        await asyncio.sleep(3 * BEAT)
        assert silent.comments == before
        assert heartbeat._timer is None
        assert heartbeat._streams == {}

    run(main)


def test_a_client_that_does_not_read_gets_none():
    """C04: its buffer must not grow by comments."""

    async def main() -> None:
        heartbeat = Heartbeat(BEAT)
        stuck = Stream()
        stuck.paused = True
        with heartbeat.beating(stuck, stuck, KEEPALIVE):
            await asyncio.sleep(4 * BEAT)
        assert stuck.comments == 0

    run(main)


def test_zero_turns_it_off():
    """No timer is ever armed."""

    async def main() -> None:
        heartbeat = Heartbeat(0)
        stream = Stream()
        with heartbeat.beating(stream, stream, KEEPALIVE):
            assert heartbeat._timer is None

    run(main)


def test_a_stream_that_pauses_is_kept_alive():
    """S3: the comment stands between events, and the answer is otherwise what the provider said."""

    async def test() -> None:
        script = [ASK, SSE_HEAD, chunk(piece("a")), 0.15, chunk(piece(finish="stop"), DONE), LAST]
        async with Server(script) as server:
            document = {**one_provider(server.url), "server": {"keepalive": "30ms"}}
            async with whole_gateway(document) as gateway:
                status, _, body = await gateway.post(CHAT, chat(stream=True))
                assert status == 200
                assert body.count(KEEPALIVE) >= 2
                assert body.replace(KEEPALIVE, b"") == piece("a") + piece(finish="stop") + DONE

    run(test)
