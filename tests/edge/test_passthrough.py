"""A provider's own paths: which path is meant, who may ask for it, and what goes out and comes back."""

from __future__ import annotations

from typing import Any

import pytest

from llm_gateway.core.errors import InvalidRequest
from llm_gateway.edge.passthrough import Policy, clean
from scripted_upstream import ASK, CLOSE, Upstream
from serving import connected, run
from whole_gateway import KEY, LAST, SSE_HEAD, answer, chunk, config_of, event, whole_gateway

PLAIN_KEY = "sk-gateway-plain-0123456789"
NARROW_KEY = "sk-gateway-narrow-0123456789"
USED = {"id": "x", "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}


def document(url: str, **passthrough: Any) -> dict[str, Any]:
    allowed = {"paths": ["/v1/fine_tuning/*", "/v1/chat/completions"], "methods": ["GET", "POST", "DELETE"], **passthrough}
    return {
        "providers": {
            "a": {"type": "openai_compatible", "base_url": f"{url}/v1", "api_key": "sk-provider-secret", "passthrough": allowed},
            "b": {"type": "openai_compatible", "base_url": url},
        },
        "auth": {
            "keys": [
                {"name": "tests", "key": KEY, "passthrough": ["*"]},
                {"name": "plain", "key": PLAIN_KEY},
                {"name": "narrow", "key": NARROW_KEY, "models": ["a/small"], "passthrough": ["a"]},
            ]
        },
    }


def asked(target: str, method: str = "GET", body: bytes = b"", key: str = KEY, headers: str = "") -> bytes:
    """A request as bytes."""
    sized = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{method} {target} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {key}\r\n{sized}{headers}\r\n".encode() + body


@pytest.mark.parametrize(
    "path", [b"/v1/fine_tuning/jobs", b"/model/a%3Ab/converse", b"/a/b.c", b"/a/...", b"/a/%C3%A9", b"/a/b+c~d"]
)
def test_a_path_that_can_be_read_in_one_way(path):
    """Taken, and compared without its escapes."""
    assert clean(path).startswith("/")


@pytest.mark.parametrize(
    "path",
    [
        b"",
        b"/",
        b"v1",
        b"//v1",
        b"/v1//x",
        b"/v1/x/",
        b"/v1/../x",
        b"/v1/./x",
        b"/v1/..",
        b"/v1/%2e%2e/x",
        b"/v1/%2E./x",
        b"/v1/.%2e/x",
        b"/v1%2fx",
        b"/v1%2Fx",
        b"/v1/%5c..",
        b"/v1\\x",
        b"/v1/..;/x",
        b"/v1/x;y",
        b"/v1/%3b",
        b"/v1/%252e%252e/x",
        b"/v1/%00",
        b"/v1/%0d%0a",
        b"/v1/%7f",
        b"/v1/%3Fx",
        b"/v1/%23",
        b"/v1/%",
        b"/v1/%4",
        b"/v1/%zz",
        b"/v1/%ff",
    ],
)
def test_a_path_that_could_be_read_in_two_ways(path):
    """Refused, never tidied."""
    with pytest.raises(InvalidRequest):
        clean(path)


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("/v1/fine_tuning/*", "/v1/fine_tuning/jobs/1/cancel", True),
        ("/v1/fine_tuning/*", "/v1/fine_tuning", False),
        ("/v1/fine_tuning/*", "/v1/fine_tuning_secrets", False),
        ("/v1/jobs", "/v1/jobs", True),
        ("/v1/jobs", "/v1/jobs/1", False),
        ("/model/*/converse", "/model/a:b/converse", True),
        ("/model/*/converse", "/model/a/b/converse", False),
        ("/v1/a.b", "/v1/axb", False),
        ("/*", "/anything/at/all", True),
        ("/v1/a*b/c*d", "/v1/axb/cyd", True),
        ("/v1/a*b*c", "/v1/abbc", True),
        ("/v1/a*b*c", "/v1/ac", False),
        ("/v1/a*b*b", "/v1/ab", False),
        ("/v1/a*-*/*", "/v1/a-x-y/z/w", True),
        ("/*a*a*a*a*a*a*b", "/" + "a" * 8000, False),
    ],
)
def test_patterns(pattern, path, fits):
    """A * is one part or some of it, a last /* everything below."""
    assert Policy([pattern], ["GET"]).allows(path) is fits


def test_what_goes_out_and_what_comes_back():
    """The provider's key and nothing of the caller's; the query less our key; the answer raw, metered, with few of its headers."""

    async def main():
        told = answer(USED, "201 Created", "Set-Cookie: a=b\r\nRequest-Id: r1\r\nServer: x\r\n")
        async with Upstream([ASK, told]) as upstream, whole_gateway(document(upstream.url)) as gateway:
            target = f"/passthrough/a/v1/fine_tuning/jobs?limit=2&key={KEY}&after=%2F&other={KEY}"
            headers = "Cookie: secret\r\nX-Forwarded-For: 1.2.3.4\r\nAccept: application/json\r\nConnection: keep-alive, X-A\r\nX-A: 1\r\n"
            async with connected(gateway.port) as raw:
                raw.send(asked(target, headers=headers))
                status, headers, body = await raw.reply()
            assert (status, headers[b"request-id"]) == (201, b"r1")
            assert not headers.keys() & {b"set-cookie", b"server"}
            assert b'"prompt_tokens":3' in body
            sent = upstream.requests[0][1].decode().lower()
            assert sent.startswith("get /v1/fine_tuning/jobs?limit=2&after=%2f http/1.1\r\n")
            assert "authorization: bearer sk-provider-secret\r\n" in sent
            assert "accept: application/json\r\n" in sent
            for secret in (KEY, "cookie", "x-forwarded", "x-a:", "content-type"):
                assert secret not in sent
            (line,) = gateway.access()
            assert (line["operation"], line["tokens"]["input"], line["path"]) == (
                "passthrough",
                3,
                "/passthrough/a/v1/fine_tuning/jobs",
            )

    run(main)


@pytest.mark.parametrize(
    ("target", "method", "key", "status"),
    [
        ("/passthrough/a/v1/fine_tuning/jobs", "GET", PLAIN_KEY, 403),
        ("/passthrough/b/v1/fine_tuning/jobs", "GET", PLAIN_KEY, 403),
        ("/passthrough/nobody/v1/x", "GET", PLAIN_KEY, 403),
        ("/passthrough/a/v1/fine_tuning/jobs", "GET", "sk-gateway-wrong-0123456789", 401),
        ("/passthrough/a/v1/files", "GET", KEY, 404),
        ("/passthrough/b/v1/fine_tuning/jobs", "GET", KEY, 404),
        ("/passthrough/nobody/v1/x", "GET", KEY, 404),
        ("/passthrough/a/v1/fine_tuning/jobs", "PUT", KEY, 405),
        ("/passthrough/a/v1/fine_tuning/../files", "GET", KEY, 400),
        ("/passthrough/a/v1/fine_tuning/%2e%2e/files", "GET", KEY, 400),
        ("/passthrough/a", "GET", KEY, 400),
        ("/passthrough/", "GET", KEY, 400),
    ],
)
def test_who_may_ask_for_what(target, method, key, status):
    """No right, no such path, no such provider, another method: refused without asking anyone."""

    async def main():
        async with whole_gateway(document("http://127.0.0.1:1")) as gateway, connected(gateway.port) as raw:
            raw.send(asked(target, method, key=key))
            assert (await raw.reply())[0] == status

    run(main)


JSON = "Content-Type: application/json\r\n"
FORM = "Content-Type: multipart/form-data; boundary=xyz\r\n"


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b'{"model":"small"}', JSON, 200),
        (b'{"model":"large"}', JSON, 403),
        (b'{"model":"large"}', "Content-Type: text/plain\r\n", 403),
        (b'{"model":"small","model":"large"}', JSON, 400),
        (b'{"model"', JSON, 400),
        (b"", "", 200),
        (b"{}", JSON, 403),
        (b'[{"model":"large"}]', JSON, 403),
        (b'{"requests":[{"params":{"model":"large"}}]}', JSON, 403),
        (b'{"input_file_id":"file-1"}', JSON, 403),
        (b"model=large", "Content-Type: application/x-www-form-urlencoded\r\n", 403),
        (b'--xyz\r\nContent-Disposition: form-data; name="model"\r\n\r\nlarge\r\n--xyz--', FORM, 403),
        (b'--xyz\r\nContent-Disposition: form-data; name="model"\r\n\r\nsmall\r\n--xyz--', FORM, 200),
    ],
)
def test_the_models_of_a_key_hold_here_too(body, headers, status):
    """A model that the body names is checked; a body that names none may run any, so it needs a key that may use all."""

    async def main():
        async with Upstream([ASK, answer(USED)]) as upstream, whole_gateway(document(upstream.url)) as gateway:
            async with connected(gateway.port) as raw:
                raw.send(asked("/passthrough/a/v1/fine_tuning/jobs", "POST", body, NARROW_KEY, headers))
                assert (await raw.reply())[0] == status
            assert len(upstream.requests) == (status == 200)

    run(main)


@pytest.mark.parametrize(
    ("query", "body", "status"),
    [
        ("model=small", b"", 200),
        ("model=large", b"", 403),
        ("m%6fdel=large", b"", 403),
        ("model=large", b'{"model":"small"}', 400),
        ("model=small&model=large", b"", 400),
        ("include=a&include=b", b"", 200),
    ],
)
def test_a_model_in_the_query(query, body, status):
    """Is checked as one in the body is, and must be the same."""

    async def main():
        async with Upstream([ASK, answer(USED)]) as upstream, whole_gateway(document(upstream.url)) as gateway:
            async with connected(gateway.port) as raw:
                method = "POST" if body else "GET"
                raw.send(asked(f"/passthrough/a/v1/fine_tuning/jobs?{query}", method, body, NARROW_KEY, JSON if body else ""))
                assert (await raw.reply())[0] == status
            assert len(upstream.requests) == (status == 200)

    run(main)


@pytest.mark.parametrize("target", ["/passthrough/a/v1/fine_tuning/jobs", "/v1/images/edits"])
def test_json_is_bound_as_everywhere(target):
    """What is only passed through may be larger than limits.body; what everyone waits for while it is read may not."""

    async def main():
        config = document("http://127.0.0.1:1") | {"server": {"limits": {"body": 1000, "upload": 5000}}}
        body = b'{"model":"a/small","x":"%b"}' % (b"y" * 2000)
        async with whole_gateway(config) as gateway:
            for kind, status in (("application/json", 413), ("text/plain", 413), ("image/png", 413)):
                async with connected(gateway.port) as raw:
                    raw.send(asked(target, "POST", body, headers=f"Content-Type: {kind}\r\n"))
                    assert (await raw.reply())[0] == status

    run(main)


def test_what_the_caller_has_already():
    """A 304 to his If-None-Match is no error."""

    async def main():
        unchanged = b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n'
        async with Upstream([ASK, unchanged]) as upstream, whole_gateway(document(upstream.url)) as gateway:
            async with connected(gateway.port) as raw:
                raw.send(asked("/passthrough/a/v1/fine_tuning/jobs", headers='If-None-Match: "1"\r\n'))
                status, headers, body = await raw.reply()
            assert (status, headers[b"etag"], body) == (304, b'"1"', b"")
            assert b'if-none-match: "1"' in upstream.requests[0][1].lower()

    run(main)


def test_a_provider_s_errors():
    """As they came, with their status; but its refusal of our key, and a redirect, are told as ours."""

    async def main():
        steps = [
            answer(
                {"message": "too fast"}, "429 Too Many Requests", "x-amzn-errortype: ThrottlingException\r\nRetry-After: 7\r\n"
            ),
            answer({"message": "key sk-provider-secret is wrong"}, "403 Forbidden"),
            answer({"message": "account zeta is not yours"}, "403 Forbidden"),
            answer({"message": "account zeta is unknown"}, "401 Unauthorized"),
            answer(b"", "302 Found", "Location: http://169.254.169.254/\r\n"),
            answer(b"<html>oops</html>", "500 Internal Server Error"),
        ]
        for step, status in zip(steps, (429, 502, 502, 502, 502, 502), strict=True):
            async with Upstream([ASK, step]) as upstream, whole_gateway(document(upstream.url)) as gateway:
                async with connected(gateway.port) as raw:
                    raw.send(asked("/passthrough/a/v1/fine_tuning/jobs"))
                    told = await raw.reply()
                assert told[0] == status
                assert len(upstream.requests) == 1
                if status == 429:
                    assert told[2] == b'{"message":"too fast"}'
                    assert (told[1][b"x-amzn-errortype"], told[1][b"retry-after"]) == (b"ThrottlingException", b"7")
                assert b"sk-provider" not in told[2]
                assert b"zeta" not in told[2]
                assert b"169.254" not in str(told).encode()
                assert b"oops" not in told[2]

    run(main)


def test_a_stream_that_breaks():
    """It is cut, though it stood between two events: its clients do not know ours, and would take its end for the end."""

    async def main():
        upstream = Upstream([ASK, SSE_HEAD, chunk(event({"type": "content-delta", "text": "a" * 40})), 0.05, CLOSE])
        async with upstream, whole_gateway(document(upstream.url)) as gateway, connected(gateway.port) as raw:
            raw.send(asked("/passthrough/a/v1/chat/completions", "POST", b'{"model":"m","stream":true}'))
            told = await raw.rest()
            assert b"content-delta" in told
            assert b"event: error" not in told
            assert not told.endswith(LAST)
            assert gateway.access()[0]["outcome"] == "cut"

    run(main)


def test_it_is_off_by_default():
    """Without a provider that lists paths there is no such route."""

    async def main():
        off = {"providers": {"a": {"type": "openai_compatible", "base_url": "http://127.0.0.1:1"}}}
        async with whole_gateway(off) as gateway, connected(gateway.port) as raw:
            raw.send(asked("/passthrough/a/v1/x"))
            assert (await raw.reply())[0] == 404

    run(main)


@pytest.mark.parametrize("path", ["v1/x", "/v1/../x", "/v1/x?y", "//x", "/"])
def test_patterns_that_make_no_sense(path):
    """Said when the configuration is read."""
    with pytest.raises(Exception, match="is not a path"):
        config_of(document("http://127.0.0.1:1", paths=[path]))


def test_without_keys():
    """Where no key is needed, what is listed is for everyone who reaches the gateway."""

    async def main():
        async with Upstream([ASK, answer(USED)]) as upstream:
            config = document(upstream.url)
            del config["auth"]
            async with whole_gateway(config) as gateway, connected(gateway.port) as raw:
                raw.send(asked("/passthrough/a/v1/fine_tuning/jobs"))
                assert (await raw.reply())[0] == 200

    run(main)
