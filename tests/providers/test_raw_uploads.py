"""Uploads on their way to a provider: large, too large, hostile, and refused before they are read."""

from __future__ import annotations

import pytest

from llm_gateway.http.limits import ServerLimits
from llm_gateway.worker.relays import UPLOADS
from providers.raw_asked import HEARD, SAY, SPEECH, form, posted
from scripted_upstream import ASK, Upstream
from serving import connected, run
from whole_gateway import BEARER, KEY, answer, one_provider, whole_gateway


def test_a_large_upload():
    """Byte for byte but for the model, with the right length, though it is sent in pieces; more than other bodies may have."""

    async def main():
        data = bytes(range(256)) * 16_000
        body = form(("file", data), ("model", b"m"))
        limits = ServerLimits(body_bytes=1 << 20, upload_bytes=8 << 20, uploads=UPLOADS)
        async with Upstream([ASK, answer({"text": "hi", "usage": {"type": "duration", "seconds": 3}})]) as upstream:
            async with whole_gateway(one_provider(upstream.url), limits=limits) as gateway, connected(gateway.port) as raw:
                raw.send(posted(HEARD, body))
                assert (await raw.reply())[0] == 200
                assert gateway.access()[0]["units"] == {"seconds": 3.0}
            head, _, sent = upstream.requests[0][1].partition(b"\r\n\r\n")
            assert sent == body.replace(b"\r\n\r\nm\r\n", b"\r\n\r\nreal\r\n")
            assert b"content-type: multipart/form-data; boundary=xyz" in head.lower()
            assert KEY.encode() not in head

    run(main)


@pytest.mark.parametrize("chunked", [False, True])
def test_an_upload_that_is_too_large(chunked):
    """413 before it is read; and other paths have their own limit."""

    async def main():
        limits = ServerLimits(body_bytes=1000, upload_bytes=2000, uploads=UPLOADS)
        async with whole_gateway(one_provider("http://127.0.0.1:1"), limits=limits) as gateway:
            for path, size, status in ((HEARD, 2001, 413), (SPEECH, 1001, 413), (HEARD, 2000, 400)):
                body = b"x" * size
                sized = posted(path, body)
                if chunked:
                    sized = sized.replace(b"Content-Length: %d" % size, b"Transfer-Encoding: chunked")
                    sized = sized[: -size or None] + b"%x\r\n%b\r\n0\r\n\r\n" % (size, body)
                async with connected(gateway.port) as raw:
                    raw.send(sized)
                    assert (await raw.reply())[0] == status, (path, size)

    run(main)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        form(("file", b"x")),
        form(("model", b"m"), ("model", b"n")),
        b"--xyz\r\nX: " + b"y" * 10_000,
        b"--xyz--\r\n",
        form(*[("a", b"b")] * 300),
    ],
)
def test_hostile_forms(body):
    """400 with a word about why; nobody is asked."""

    async def main():
        async with whole_gateway(one_provider("http://127.0.0.1:1")) as gateway, connected(gateway.port) as raw:
            raw.send(posted(HEARD, body))
            status, _, told = await raw.reply()
            assert status == 400
            assert b"invalid_request_error" in told
            assert gateway.access()[0].get("attempts") in (None, [])

    run(main)


def test_what_is_refused_before():
    """Another method, no key, and a form that some web page sent without being asked."""

    async def main():
        document = one_provider("http://127.0.0.1:1")
        async with whole_gateway(document) as gateway:
            async with connected(gateway.port) as raw:
                raw.send(f"GET {SPEECH} HTTP/1.1\r\nHost: t\r\n{BEARER}\r\n".encode())
                status, headers, _ = await raw.reply()
                assert (status, headers[b"allow"]) == (405, b"POST, OPTIONS")
            assert (await gateway.post(SPEECH, SAY, ""))[0] == 401
        document["auth"] = {"keys": []}
        async with whole_gateway(document) as gateway, connected(gateway.port) as raw:
            raw.send(posted(HEARD, form(("model", b"m")), headers="Origin: https://evil.example\r\n"))
            status, _, told = await raw.reply()
            assert status == 400
            assert b"invalid_content_type" in told

    run(main)
