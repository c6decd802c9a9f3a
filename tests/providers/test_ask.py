"""One attempt at one deployment: what is sent, what comes back, how long is waited."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from llm_gateway.providers.deployment import Patience
from providers.signing import Signing
from scripted_upstream import ASK
from scripted_upstream import Upstream as Server
from serving import run
from whole_gateway import (
    BEARER,
    CHAT,
    DONE,
    KEY,
    MESSAGES,
    SSE_HEAD,
    Answered,
    answer,
    chat,
    chunk,
    one_provider,
    piece,
    said,
    whole_gateway,
)

OPENAI_BODY = {"model": "m", "stream": False, "messages": [{"role": "user", "content": "hi"}]}


def through(
    *script: Any, path: str = CHAT, body: Any = None, headers: str = BEARER, kind: str = "openai_compatible", **alias: Any
) -> tuple[Answered, list[bytes]]:
    """What one request is answered, and the requests that the provider saw."""
    got: list[Any] = []

    async def test() -> None:
        async with Server([ASK, *script]) as server, whole_gateway(one_provider(server.url, kind=kind, **alias)) as gateway:
            got.append(await gateway.post(path, OPENAI_BODY if body is None else body, headers))
            got.append([data for _, data in server.requests])

    run(test)
    return got[0], got[1]


def test_the_body_passes_through_but_for_the_model():
    """Same dialect: order, spacing and unknown members stay; only the alias becomes the provider's name."""
    body = b'{ "messages":[{"role":"user","content":"hi"}],\n "x_unknown": {"b":1,"a":2}, "model" : "m" }'
    _, (sent,) = through(said(), body=body)
    assert sent.endswith(b"\r\n\r\n" + body.replace(b'"m"', b'"real"'))
    assert sent.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")


def test_nothing_of_the_callers_headers_reaches_the_provider():
    """C16, C18: no credential, cookie, forwarding or custom header of his; the provider's own key instead."""
    secret = f"{BEARER}Cookie: session=1\r\nX-Forwarded-For: 10.0.0.1\r\nX-Api-Key: {KEY}\r\nX-Internal: 1\r\nOpenAI-Organization: org-1\r\n"
    _, (sent,) = through(said(), headers=secret + "Accept-Encoding: gzip\r\nUser-Agent: spy\r\n")
    head = sent.partition(b"\r\n\r\n")[0].lower()
    names = {line.partition(b":")[0] for line in head.split(b"\r\n")[1:]}
    assert names == {b"host", b"content-length", b"content-type", b"accept-encoding", b"user-agent", b"authorization"}
    assert b"authorization: bearer sk-provider-secret" in head
    assert b"accept-encoding: identity" in head
    assert KEY.encode() not in sent


def test_allowed_headers_are_passed_on():
    """What a type lists goes on as it came, and replaces the gateway's own line of that name; other types do not get it."""
    body = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
    lines = f"{BEARER}Anthropic-Version: 2099-01-01\r\nAnthropic-Beta: x-1\r\nOpenAI-Beta: no\r\n"
    _, (sent,) = through(answer({}, "500 Oops"), path=MESSAGES, body=body, headers=lines, kind="anthropic")
    assert b"anthropic-version: 2099-01-01\r\n" in sent
    assert sent.lower().count(b"anthropic-version") == 1
    assert b"anthropic-beta: x-1\r\n" in sent
    assert b"openai-beta" not in sent.lower()
    _, (sent,) = through(said(), headers=lines)
    assert b"-beta" not in sent.lower()


def test_nothing_of_the_providers_headers_reaches_the_caller():
    """C18, U35: cookies, organizations, request ids and limits of the provider stay here."""
    leaks = "Set-Cookie: a=1\r\nOpenai-Organization: org-1\r\nX-Ratelimit-Remaining-Requests: 5\r\nX-Secret: s\r\nServer: x\r\n"
    (_, headers, _), _ = through(said().replace(b"\r\n\r\n", b"\r\n" + leaks.encode() + b"\r\n", 1))
    assert set(headers) == {
        b"date",
        b"content-type",
        b"content-length",
        b"cache-control",
        b"x-provider",
        b"x-gateway-provider",
        b"x-gateway-model",
        b"x-gateway-version",
        b"x-request-id",
        b"x-latency-ms",
        b"x-gateway-latency-ms",
        b"x-gateway-retries",
        b"x-gateway-decision",
        b"x-gateway-requested-model",
    }


def test_a_redirect_is_not_followed():
    """U36: the key must not travel to another host."""
    (status, headers, _), sent = through(b"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
    assert status == 502
    assert b"location" not in headers
    assert len(sent) == 1


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/v1/embeddings", {"model": "m", "input": "x"}, b"unsupported_feature"),
        (MESSAGES, {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]}, b""),
    ],
)
def test_what_a_provider_does_not_offer_is_refused(path, body, code):
    """Embeddings of a provider that has none are a 400 and not a chat request; what can be translated is."""
    kind = "anthropic" if "embeddings" in path else "openai_compatible"
    (status, _, told), sent = through(said(), path=path, body=body, kind=kind)
    assert status == (400 if code else 200)
    assert code in told
    assert len(sent) == (0 if code else 1)


LOSSY = {"model": "m", "max_tokens": 5, "top_k": 3, "messages": [{"role": "user", "content": "hi"}]}


def test_what_cannot_be_carried_is_named():
    """X-Gateway-Dropped lists it; strict mode refuses instead, by header, and nothing is sent."""
    (status, headers, _), sent = through(said(), path=MESSAGES, body=LOSSY)
    assert (status, headers[b"x-gateway-dropped"]) == (200, b"top_k")
    assert len(sent) == 1
    (status, _, body), sent = through(said(), path=MESSAGES, body=LOSSY, headers=BEARER + "X-Gateway-Strict: true\r\n")
    assert (status, len(sent)) == (400, 0)
    assert b"top_k" in body


def test_a_dropped_name_cannot_split_the_head():
    """CWE-113: the path of what is dropped holds the caller's words; they are shown with "?" for what no header can hold."""
    body = {**LOSSY, "a\r\nX-Injected: 1": 1, "ключ": 2}
    del body["top_k"]
    (status, headers, _), _ = through(said(), path=MESSAGES, body=body)
    assert status == 200
    assert b"x-injected" not in headers
    assert b"X-Injected: 1" in headers[b"x-gateway-dropped"]


def test_a_failed_candidates_loss_is_not_the_next_ones():
    """The header tells what was lost on the way to who answered."""

    async def test() -> None:
        document = {
            "providers": {},
            "models": {"m": {"deployments": ["a/one", "b/two"], "retries": 0}},
            "auth": {"keys": [{"name": "t", "key": KEY}]},
        }
        good = {"id": "1", "type": "message", "role": "assistant", "model": "x", "content": [{"type": "text", "text": "hi"}]}
        good |= {"stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}
        async with Server([ASK, answer({}, "500 Oops")]) as first, Server([ASK, answer(good)]) as second:
            document["providers"] = {
                "a": {"type": "openai_compatible", "base_url": first.url},
                "b": {"type": "anthropic", "base_url": second.url, "api_key": "sk-x"},
            }
            async with whole_gateway(document) as gateway:
                status, headers, _ = await gateway.post(MESSAGES, LOSSY)
                assert (status, headers[b"x-failover"], headers[b"x-provider"]) == (200, b"true", b"b")
                assert b"x-gateway-dropped" not in headers
                assert b"top_k" in second.requests[0][1]

    run(test)


@pytest.mark.parametrize(
    ("body", "valid"),
    [
        (b'\xef\xbb\xbf{"choices":[{"message":{"content":"x"}}]}', b'{"choices":[{"message":{"content":"x"}}]}'),
        (b'{"choices":[{"message":{"content":"\xff"}}]}', '{"choices":[{"message":{"content":"\ufffd"}}]}'.encode()),
        (
            '{"choices":[{"message":{"content":"\U0001f600é"}}]}'.encode(),
            '{"choices":[{"message":{"content":"\U0001f600é"}}]}'.encode(),
        ),
    ],
)
def test_a_whole_answer_goes_out_as_utf8(body, valid):
    """U26, C34: a BOM is dropped and broken bytes become U+FFFD; what is right stays byte for byte."""
    (status, _, told), _ = through(answer(body))
    assert (status, told) == (200, valid)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"{", b"<html>", b"[]", b'{"choices":[]}', b'{"error":{"message":"no sk-abcdef123456"}}']
)
def test_what_is_no_answer_is_a_502(body):
    """U20: never a 200 with nothing in it; and an error's text is shown without its key."""
    (status, _, told), _ = through(answer(body))
    assert status == 502
    assert b"sk-abc" not in told
    assert msgspec.json.decode(told)["error"]["type"] == "provider_error"


def test_json_in_place_of_a_stream_becomes_one():
    """U21: judged by its bytes, whatever the Content-Type says."""
    (status, headers, body), _ = through(said("hello"), body=chat(stream=True))
    assert status == 200
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert b'"content":"hello"' in body
    assert body.endswith(DONE)


def test_html_in_place_of_a_stream_is_a_502():
    """U21: a proxy's page is not passed on."""
    (status, _, body), _ = through(answer(b"<html><body>hello"), body=chat(stream=True))
    assert status == 502
    assert b"<html>" not in body


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("status", "refused"), [("401 No", 1), ("403 No", 1), ("404 Gone", 0)])
def test_credentials_that_a_provider_refuses_are_fetched_anew(status, refused, stream):
    """Signed with what is at hand, after waiting for it if there is nothing; whose fault a 404 is, no credentials can change."""
    signing = Signing()

    async def test() -> None:
        async with Server([ASK, answer({}, status)]) as server, whole_gateway(one_provider(server.url)) as gateway:
            gateway.app.world.pipeline.decide.router.upstreams["a"].authorizer = signing
            await gateway.post(CHAT, OPENAI_BODY | {"stream": stream}, BEARER)
            assert b"X-Signed: yes\r\n" in server.requests[0][1]

    run(test)
    method, target, body = signing.signed[-1]
    assert (method, target, b'"real"' in body) == (b"POST", b"/v1/chat/completions", True)
    assert (signing.waits, signing.refused) == (1, refused)


def test_the_providers_own_words_about_a_bad_request():
    """Same dialect: its body as it is; another dialect: its message in the caller's shape; in both with its status."""
    error = {"error": {"message": "too long", "type": "invalid_request_error", "param": "messages", "code": "c", "more": 1}}
    (status, _, body), _ = through(answer(error, "422 Bad"))
    assert (status, msgspec.json.decode(body)) == (422, error)
    (status, _, body), _ = through(answer(error, "422 Bad"), path=MESSAGES, body={**LOSSY, "top_k": None})
    assert msgspec.json.decode(body)["error"]["message"] == "messages: too long"
    assert msgspec.json.decode(body)["type"] == "error"


def test_retry_after_reaches_the_caller():
    """U13: a pause too long to wait here is told in whole seconds, never less than was asked for."""
    (status, headers, _), sent = through(answer({}, "429 Slow", "Retry-After: 29.5\r\n"), retries=3)
    assert (status, headers[b"retry-after"], len(sent)) == (429, b"30", 1)


# ---- how long is waited


@pytest.mark.parametrize(
    ("patience", "left", "stream", "times"),
    [
        (Patience(), 100.0, False, (5.0, 100.0, 30.0, 100.0, 5.0)),
        (Patience(total=40.0), 100.0, False, (5.0, 40.0, 30.0, 40.0, 5.0)),
        (Patience(head=7.0), 100.0, False, (5.0, 7.0, 30.0, 100.0, 5.0)),
        (Patience(), 100.0, True, (5.0, 30.0, 30.0, None, 5.0)),
        (Patience(head=60.0, first_token=60.0), 100.0, True, (5.0, 60.0, 30.0, None, 5.0)),
        (Patience(head=60.0, first_token=10.0), 100.0, True, (5.0, 10.0, 30.0, None, 5.0)),
        (Patience(first_token=2.0, idle=1.0), 100.0, True, (5.0, 2.0, 1.0, None, 5.0)),
        (Patience(), 0.5, True, (0.5, 0.5, 30.0, None, 0.5)),
    ],
)
def test_deadlines(patience, left, stream, times):
    """Whole answers have a total, the deployment's own or what is left; a stream's head comes no later than its first token may."""
    made = patience.timeouts(left, stream=stream)
    assert (made.connect, made.head, made.idle, made.total, made.pool) == times


@pytest.mark.parametrize(
    ("script", "timeouts", "body", "reason"),
    [
        ([], {"total": "100ms"}, chat(), "deadline"),
        (
            [SSE_HEAD.replace(b"event-stream", b"x"), chunk(b"{"), 0.06, chunk(b" "), 0.06, chunk(b" ")],
            {"total": "100ms"},
            chat(),
            "deadline",
        ),
        ([], {"first_token": "100ms"}, chat(stream=True), "head_timeout"),
        ([SSE_HEAD], {"first_token": "100ms"}, chat(stream=True), "first_token_timeout"),
        (
            [SSE_HEAD, chunk(b": hi\n\n"), 0.06, chunk(b": hi\n\n"), 0.06, chunk(b": hi\n\n")],
            {"first_token": "100ms"},
            chat(stream=True),
            "first_token_timeout",
        ),
        ([SSE_HEAD, chunk(b": hi\n\n")], {"idle": "100ms"}, chat(stream=True), "idle_timeout"),
        (
            [b"HTTP/1.1 500 X\r\nContent-Length: 99\r\n\r\n", b"a", 0.06, b"a", 0.06, b"a"],
            {"first_token": "100ms"},
            chat(stream=True),
            "server_error",
        ),
    ],
    ids=["no_head", "drip", "no_stream_head", "no_token", "comments_only", "stall", "error_body_drips"],
)
def test_every_wait_has_an_end(script, timeouts, body, reason):
    """U08, U09, U11: the provider that is silent, stalls or drips costs no more than its limit, and is let go of."""

    async def test() -> None:
        async with Server([ASK, *script]) as server, whole_gateway(one_provider(server.url, timeouts=timeouts)) as gateway:
            loop = asyncio.get_running_loop()
            began = loop.time()
            status, _, _ = await gateway.post(CHAT, body)
            assert 0.08 < loop.time() - began < 4.5
            assert status == (502 if reason == "server_error" else 504)
            assert gateway.access()[0]["attempts"][0]["error"] == reason
            await server.until_left(1)

    run(test)


def test_comments_keep_a_stream_alive():
    """U10: a provider that says it is alive does not run into the idle limit."""
    beats = [step for _ in range(4) for step in (0.06, chunk(b": beat\n\n"))]
    script = [SSE_HEAD, chunk(piece("a")), *beats, chunk(piece(finish="stop"), DONE), b"0\r\n\r\n"]
    (status, _, body), _ = through(*script, body=chat(stream=True), timeouts={"idle": "100ms"})
    assert status == 200
    assert body.endswith(DONE)
    assert b'"error"' not in body
