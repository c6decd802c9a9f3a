"""A stream on its way from a real upstream to a real caller."""

from __future__ import annotations

from llm_gateway.http.client import Client, Origin, Timeouts
from llm_gateway.providers import answer as module
from providers.one_stream import FINISH, TEXT, Reply, fresh
from scripted_upstream import ASK, CLOSE
from scripted_upstream import Upstream as Server
from serving import run, until
from whole_gateway import CHAT, DONE, LAST, SSE_HEAD, chat, chunk, one_provider, piece, streamed, whole_gateway


def test_the_connection_serves_the_next_stream():
    """[DONE] in one packet and the end of the message in a later one: the connection is read to its end and used again."""

    async def test() -> None:
        late = SSE_HEAD + chunk(TEXT, FINISH, DONE)
        async with (
            Server([ASK, late, 0.05, LAST, ASK, late, 0.05, LAST]) as server,
            whole_gateway(one_provider(server.url)) as gateway,
        ):
            for _ in range(2):
                assert (await gateway.post(CHAT, chat(stream=True)))[0] == 200
                await until(lambda: gateway.clients.by_name[""].stats()[Origin("http", "127.0.0.1", server.port)]["idle"] == 1)
            assert server.connections == 1

    run(test)


def test_an_upstream_that_does_not_end_is_cut(monkeypatch):
    """It has FAREWELL_SECONDS; the answer is complete for the caller long before."""
    monkeypatch.setattr(module, "FAREWELL_SECONDS", 0.05)

    async def test() -> None:
        async with (
            Server([ASK, SSE_HEAD + chunk(TEXT, FINISH, DONE)]) as server,
            whole_gateway(one_provider(server.url)) as gateway,
        ):
            status, _, body = await gateway.post(CHAT, chat(stream=True))
            assert (status, body.endswith(DONE)) == (200, True)
            await server.until_left(1)
            (counts,) = gateway.clients.by_name[""].stats().values()
            assert counts["active"] == 0

    run(test)


def test_a_stream_can_be_told_from_its_bytes():
    """The pieces arrive at the caller as events, each at once, not when the stream ends."""

    async def test() -> None:
        async with Server([ASK, SSE_HEAD, chunk(TEXT), 0.2, chunk(FINISH, DONE), LAST]) as server:
            client = Client()
            response = await client.send(Origin("http", "127.0.0.1", server.port), b"POST", b"/", b"", b"{}", Timeouts())
            answer, reply = fresh(), Reply()
            await answer.committed(response)
            answer.attach(reply)
            assert reply.writes == [TEXT]
            await answer.over
            assert b"".join(reply.writes) == TEXT + FINISH + DONE
            answer.close()
            await client.close()

    run(test)


def test_a_cut_stream_ends_with_an_error_event():
    """U05: the client's text stands once, then the error, and the message ends as HTTP says."""

    async def test() -> None:
        async with (
            Server([ASK, SSE_HEAD, chunk(TEXT), 0.02, CLOSE]) as server,
            whole_gateway(one_provider(server.url)) as gateway,
        ):
            _, _, body = await gateway.post(CHAT, chat(stream=True))
            assert body.count(b"hello") == 1
            assert body.startswith(TEXT + b"event: error\ndata: {")
            assert b"[DONE]" not in body
            assert len(server.requests) == 1

    run(test)


def test_the_streamed_helper_is_a_complete_answer():
    """What the other tests call a good stream passes byte for byte."""

    async def test() -> None:
        async with Server([ASK, streamed()]) as server, whole_gateway(one_provider(server.url)) as gateway:
            assert (await gateway.post(CHAT, chat(stream=True)))[2] == piece("hello") + FINISH + DONE

    run(test)
