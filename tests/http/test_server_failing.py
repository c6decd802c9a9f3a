"""Handlers that fail: before an answer, within one, or by answering twice."""

from __future__ import annotations

import asyncio

import pytest

from http_support.servers import GET
from llm_gateway.http.request import Request
from serving import ask, connected, run, serving


def test_a_handler_that_fails_gives_a_bare_500() -> None:
    """Raising, or returning without an answer: 500 without a word of the error, on_error is told, the connection closes."""

    async def main() -> None:
        errors: list[BaseException] = []

        async def handler(request: Request) -> None:
            if request.path == b"/raise":
                raise ValueError("secret")
            if request.path == b"/begun":
                request.reply.start(200, b"")
                raise ValueError("secret")

        async with serving(handler, on_error=errors.append) as server:
            for path in (b"raise", b"nothing", b"begun"):
                answer = await ask(server.port, GET % path)
                assert answer.startswith(b"HTTP/1.1 500")
                assert b"Connection: close" in answer
                assert b"secret" not in answer
        assert [type(error) for error in errors] == [ValueError, RuntimeError, ValueError]

    run(main)


def test_a_refusal_that_cannot_be_rendered_is_still_one() -> None:
    """A bug in the renderer is reported, and the client gets the bare status instead of silence."""

    async def main() -> None:
        errors: list[BaseException] = []

        async def handler(request: Request) -> None:
            raise ValueError

        def render(*_: object) -> tuple[bytes, bytes]:
            raise TypeError

        async with serving(handler, on_error=errors.append, render_refusal=render) as server:
            answer = await ask(server.port, GET % b"")
            assert answer.startswith(b"HTTP/1.1 500 ")
            assert answer.endswith(b"\r\n\r\n")
            assert (await ask(server.port, b"nonsense\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
        assert {type(error) for error in errors} == {TypeError, ValueError}

    run(main)


def test_a_stream_that_fails_is_cut() -> None:
    """Once bytes have left there is no honest 500: the client sees a stream without an end."""

    async def main() -> None:
        errors: list[BaseException] = []

        async def handler(request: Request) -> None:
            request.reply.start(200, b"")
            request.reply.write(b"one")
            await asyncio.sleep(0.02)
            raise ValueError

        async with serving(handler, on_error=errors.append) as server:
            answer = await ask(server.port, GET % b"")
            assert answer.endswith(b"3\r\none\r\n")
        assert len(errors) == 1

    run(main)


def test_answering_twice_is_an_error_of_the_handler() -> None:
    """A second answer cannot reach the next request: it raises."""

    async def main() -> None:
        wrong: list[str] = []

        async def handler(request: Request) -> None:
            reply = request.reply
            for call in (lambda: reply.write(b"x"), reply.end):
                with pytest.raises(RuntimeError):
                    call()
            reply.whole(200, b"", b"ok")
            for call in (lambda: reply.whole(200, b"", b""), lambda: reply.start(200, b""), lambda: reply.write(b"x"), reply.end):
                try:
                    call()
                except RuntimeError:
                    continue
                wrong.append("no error")

        async with serving(handler) as server, connected(server.port) as raw:
            raw.send(GET % b"")
            assert (await raw.reply())[2] == b"ok"
        assert wrong == []

    run(main)
