"""What a client sends is wrong or hostile (C09-C12, C16, C18): 400 in the front's shape, the provider is not asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from faults.answers import Got
from faults.world import (
    ANTHROPIC_KEY,
    FRONTS,
    KEY,
    LANES,
    OPENAI_KEY,
    World,
    head,
    nothing_leaked,
    payload,
    question,
    refused,
    request_bytes,
    running_world,
)
from llm_gateway.simulator import fingerprint, running_simulator

fronts = pytest.mark.parametrize("front", FRONTS)
lanes = pytest.mark.parametrize(("front", "back"), LANES)
MESSAGES = b'"messages":[{"role":"user","content":"hi"}],"max_tokens":10'
NO_JSON = {
    "a brace": b"{",
    "nothing": b"",
    "spaces": b"  \n ",
    "a list": b"[]",
    "a text": b'"x"',
    "a number": b"1",
    "null": b"null",
    "NaN": b'{"model":"openai-well","temperature":NaN,%b}' % MESSAGES,
    "Infinity": b'{"model":"openai-well","temperature":-Infinity,%b}' % MESSAGES,
    "UTF-16": '{"model":"openai-well"}'.encode("utf-16"),
    "bad UTF-8": b'{"model":"openai-well\xff",%b}' % MESSAGES,
    "cut off": b'{"model":"openai-well",%b' % MESSAGES,
    "single quotes": b"{'model':'openai-well'}",
    "two documents": b'{"model":"openai-well",%b}{}' % MESSAGES,
    "trailing comma": b'{"model":"openai-well",%b,}' % MESSAGES,
    "a comment": b'{"model":"openai-well",%b}//x' % MESSAGES,
    "raw control": b'{"model":"openai-well","user":"a\x01b",%b}' % MESSAGES,
    "form": b"model=openai-well&messages=hi",
    "deep list": b"[" * 100_000 + b"]" * 100_000,
    "deep object": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep in a field": b'{"model":"openai-well",%b,"metadata":' % MESSAGES + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep unfinished": b'{"a":[' * 100_000,
}
DOUBTFUL = {
    "two models": b'{"model":"openai-well","model":"nothing-here",%b}' % MESSAGES,
    "a huge number": b'{"model":"%b-well","temperature":1e400,%b}',
    "lone surrogate": b'{"model":"%b-well","messages":[{"role":"user","content":"\\ud800"}],"max_tokens":10}',
    "BOM": b'\xef\xbb\xbf{"model":"%b-well",%b}',
    "bigint": b'{"model":"%b-well","seed":' + b"9" * 10_000 + b",%b}",
    "long float": b'{"model":"%b-well","temperature":0.' + b"1" * 100_000 + b",%b}",
}
CONFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "messages text": ({"messages": "hi"}, "messages"),
    "messages null": ({"messages": None}, "messages"),
    "messages object": ({"messages": {}}, "messages"),
    "messages empty": ({"messages": []}, "messages"),
    "messages of texts": ({"messages": ["hi"]}, "messages"),
    "unknown role": ({"messages": [{"role": "wizard", "content": "hi"}]}, "messages"),
    "role number": ({"messages": [{"role": 1, "content": "hi"}]}, "messages"),
    "no role": ({"messages": [{"content": "hi"}]}, "messages"),
    "content number": ({"messages": [{"role": "user", "content": 5}]}, "messages"),
    "content of numbers": ({"messages": [{"role": "user", "content": [1]}]}, "messages"),
    "tools text": ({"tools": "all"}, "tools"),
    "tools of texts": ({"tools": ["weather"]}, "tools"),
    "stream text": ({"stream": "true"}, "stream"),
    "stream number": ({"stream": 1}, "stream"),
    "max_tokens huge": ({"max_tokens": 1e99}, "max_tokens"),
    "max_tokens negative": ({"max_tokens": -1}, "max_tokens"),
    "max_tokens text": ({"max_tokens": "10"}, "max_tokens"),
    "temperature list": ({"temperature": []}, "temperature"),
    "temperature text": ({"temperature": "hot"}, "temperature"),
    "model number": ({"model": 5}, "model"),
    "model list": ({"model": ["openai-well"]}, "model"),
    "model null": ({"model": None}, "model"),
    "model empty": ({"model": ""}, "model"),
}
ELSEWHERE = (
    "api_base",
    "base_url",
    "api_key",
    "extra_headers",
    "headers",
    "api_version",
    "organization",
    "proxy",
    "url",
    "endpoint",
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("input"), {}) as made:
        yield made


def asked(world: World) -> int:
    return int(world.simulator.stats()["requests"])


def send(world: World, front: str, body: bytes) -> Got:
    with world.client() as client:
        return client.send(front, body)


@fronts
@pytest.mark.parametrize("what", NO_JSON)
def test_c09_c10_a_body_that_is_no_request(world: World, front: str, what: str, slack: float) -> None:
    """400 in the front's shape at once, and the provider is not asked."""
    before = asked(world)
    started = time.monotonic()
    got = send(world, front, NO_JSON[what])
    refused(world, got, 400)
    assert time.monotonic() - started < 0.5 * slack
    assert got.error["type"] == "invalid_request_error"
    assert asked(world) == before


@lanes
@pytest.mark.parametrize("what", DOUBTFUL)
def test_c09_json_that_readers_disagree_about(world: World, front: str, back: str, what: str) -> None:
    """Taken in one meaning or refused, never a 500; what goes to the provider is what was checked."""
    body = DOUBTFUL[what]
    got = send(world, front, body % ((back.encode(), MESSAGES)[: body.count(b"%b")]) if b"%b" in body else body)
    assert got.status in {200, 400, 404}, got
    assert got.complete
    if got.status != 200:
        assert got.error
    nothing_leaked(world, got)


@lanes
def test_c09_a_field_given_twice(world: World, front: str, back: str) -> None:
    """One of the two models is the request's, and it is the one that is asked, whichever the provider's reader would take."""
    text = question()
    body = b'{"model":"nothing-here","model":"%b-well","messages":[{"role":"user","content":"%b"}],"max_tokens":10}'
    got = send(world, front, body % (back.encode(), text.encode()))
    for seen in world.seen(text):
        assert seen.model == "sim-model"
        assert b"nothing-here" not in seen.body
    assert (got.status, len(world.seen(text))) in {(200, 1), (400, 0), (404, 0)}


@lanes
@pytest.mark.parametrize("what", CONFUSED)
def test_c11_values_of_the_wrong_type(world: World, front: str, back: str, what: str) -> None:
    """400 that names the field; in a same-dialect lane the provider may be the one to say so. Never a 500 or an answer."""
    change, param = CONFUSED[what]
    got = send(world, front, payload(front, f"{back}-well", "hi", more=change))
    refused(world, got, 400)
    error = got.error
    assert error["type"] == "invalid_request_error"
    where = error["param"] if front == "openai" else error["message"]
    assert param in where, error


@lanes
def test_c11_a_kind_of_content_nobody_knows(world: World, front: str, back: str) -> None:
    """A provider of the same dialect may know it and is asked; it cannot be translated, and is not left out in silence."""
    smell = {"messages": [{"role": "user", "content": [{"type": "smell", "smell": "x"}]}]}
    before = asked(world)
    got = world.ask(front, f"{back}-well", more=smell)
    assert asked(world) - before == (front == back)
    if front != back:
        refused(world, got, 400)
        assert "messages" in (got.error["param"] if front == "openai" else got.error["message"])


@pytest.mark.parametrize("back", FRONTS)
def test_c11_a_negative_number_of_answers(world: World, back: str) -> None:
    """n is OpenAI's alone."""
    got = send(world, "openai", payload("openai", f"{back}-well", "hi", more={"n": -1}))
    refused(world, got, 400)
    assert got.error["param"] == "n"


@lanes
def test_c12_fields_nobody_knows(world: World, front: str, back: str) -> None:
    """Passed on to a provider of the same dialect, named as dropped for another one."""
    text = question()
    got = world.ask(front, f"{back}-well", text, more={"brand_new": {"a": [1, 2]}})
    assert got.status == 200
    (seen,) = world.seen(text)
    sent = msgspec.json.decode(seen.body)
    if front == back:
        assert sent["brand_new"] == {"a": [1, 2]}
        assert got.header("x-gateway-dropped") is None
    else:
        assert "brand_new" not in sent
        assert "brand_new" in (got.header("x-gateway-dropped") or "")


@fronts
@pytest.mark.parametrize(
    "model", ["gpt-99", "", "openai/", "../../etc", "' OR 1=1--", "{{7*7}}", "a\r\nb: c", "x" * 5000, "🦊", "openai-well "]
)
def test_c12_a_model_nobody_knows(world: World, front: str, model: str) -> None:
    """404 in the front's shape (400 for a name that cannot be one), the same for every name; the provider is not asked."""
    before = asked(world)
    got = world.ask(front, model)
    refused(world, got, 404, 400)
    if got.status == 404:
        assert got.error["type"] == "not_found_error"
        if front == "openai":
            assert got.error["code"] == "model_not_found"
    assert asked(world) == before


@lanes
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_c16_where_to_go_is_not_the_callers_choice(world: World, front: str, back: str, stream: bool) -> None:
    """api_base, headers and keys in the body change neither the provider's address nor its key."""
    text = question()
    with running_simulator() as elsewhere:
        more = dict.fromkeys(ELSEWHERE, elsewhere.url) | {
            "extra_headers": {"x-evil": "1"},
            "headers": {"x-evil": "1"},
            "api_key": "sk-mine",
        }
        got = world.ask(front, f"{back}-well", text, stream=stream, more=more)
        assert elsewhere.stats()["connections_total"] == 0
    assert got.status in {200, 400}
    for seen in world.seen(text):
        names = dict(seen.headers)
        assert "x-evil" not in names
        assert "sk-mine" not in repr(seen.headers)
        assert fingerprint("sk-mine") not in repr(seen.headers)
        key = ANTHROPIC_KEY if back == "anthropic" else OPENAI_KEY
        assert fingerprint(key) in (names.get("x-api-key") or names.get("authorization") or "")


@lanes
def test_c18_headers_that_stay_here(world: World, front: str, back: str) -> None:
    """Cookies, forwarding and hop-by-hop headers, and the caller's credentials end at the gateway."""
    text = question()
    mine = {
        "Cookie": "session=1",
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Host": "evil.example",
        "Forwarded": "for=6.6.6.6",
        "X-Real-IP": "6.6.6.6",
        "Connection": "x-internal",
        "X-Internal": "1",
        "TE": "trailers",
        "Via": "1.1 evil",
        "X-Custom": "1",
        "Proxy-Authorization": "Basic x",
        "Origin-Agent": "x",
        "Organization": "org-mine",
        "OpenAI-Organization": "org-mine",
    }
    with world.client() as client:
        got = client.send(front, payload(front, f"{back}-well", text), mine)
    assert got.status == 200
    nothing_leaked(world, got)
    (seen,) = world.seen(text)
    names = dict(seen.headers)
    assert not {name.lower() for name in mine} - {"connection"} & names.keys()
    assert fingerprint(KEY) not in repr(seen.headers)
    assert names["host"] == f"127.0.0.1:{world.simulator.port}"
    assert names.keys() <= {
        "host", "content-type", "content-length", "accept-encoding", "user-agent", "authorization", "x-api-key", "anthropic-version",
    }  # fmt: skip


@lanes
@pytest.mark.parametrize("name", ["anthropic-beta", "openai-beta", "idempotency-key", "x-request-id"])
def test_c18_nothing_can_be_smuggled_in_a_forwarded_header(world: World, front: str, back: str, name: str) -> None:
    """A bare CR, LF or NUL within a value is refused; nothing of it reaches the provider as a line of its own."""
    for junk in (b"a\rx-evil: 1", b"a\nx-evil: 1", b"a\0b"):
        text = question()
        lines = request_bytes(front, payload(front, f"{back}-well", text))
        with world.raw() as sock:
            sock.sendall(lines.replace(b"Host: gateway", b"Host: gateway\r\n" + name.encode() + b": " + junk, 1))
            answer = sock.recv(65536)
        assert not any(seen.header("x-evil") for seen in world.seen(text))
        if b"\n" not in junk or world.seen(text) == []:
            assert answer.startswith(b"HTTP/1.1 400"), answer
        assert b"x-evil" not in answer


@fronts
def test_the_table_sends_what_it_says(world: World, front: str) -> None:
    """The same requests without their fault are answered: the refusals above are about the fault."""
    assert send(world, front, b'{"model":"openai-well",%b}' % MESSAGES).status == 200
    assert head(front)
