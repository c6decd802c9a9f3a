from __future__ import annotations

import pytest

from llm_gateway.edge.cors import Cors

APP = b"https://app.example"


def test_without_origins_nothing_is_said():
    """CORS that is not configured adds no line: no Vary either, since no answer depends on the origin."""
    cors = Cors()
    assert cors.lines(APP) == b""
    answer = cors.preflight({b"origin": APP, b"access-control-request-method": b"POST"})
    assert answer.status == 204
    assert b"Access-Control" not in answer.headers


def test_a_listed_origin_is_named():
    """An exact origin is allowed in mixed case lines (C24), the gateway's headers can be read, and caches are told."""
    lines = Cors([APP.decode(), "http://localhost:3000"]).lines(APP)
    assert b"Access-Control-Allow-Origin: https://app.example\r\n" in lines
    assert b"Vary: Origin\r\n" in lines
    exposed = next(line for line in lines.split(b"\r\n") if line.startswith(b"Access-Control-Expose-Headers: "))
    assert {b"X-Request-ID", b"X-Gateway-Provider", b"X-Gateway-Dropped"} <= set(exposed.partition(b": ")[2].split(b", "))
    assert b"Credentials" not in lines


@pytest.mark.parametrize(
    "origin",
    [b"https://app.example.evil", b"http://app.example", b"https://APP.example", b"null", b"", b"*", b"https://app.example:444"],
)
def test_another_origin_gets_vary_alone(origin):
    """No other origin is allowed, however alike; the answer still says that it depends on it."""
    assert Cors([APP.decode()]).lines(origin) == b"Vary: Origin\r\n"


def test_any_origin():
    """A star allows everyone, without repeating what was sent."""
    lines = Cors(["*"]).lines(b"https://x\xff.example")
    assert b"Access-Control-Allow-Origin: *\r\n" in lines
    assert b"x\xff" not in lines


def test_a_star_beside_names_is_a_star():
    """With a star the listed names say nothing more, so everyone gets the same lines."""
    cors = Cors([APP.decode(), "*"])
    assert cors.lines(APP) == cors.lines(b"https://b.example")


def test_credentials_need_names():
    """Credentials are allowed to named origins only, never with a star."""
    assert b"Access-Control-Allow-Credentials: true\r\n" in Cors([APP.decode()], credentials=True).lines(APP)
    with pytest.raises(ValueError, match="credentials"):
        Cors(["*"], credentials=True)


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example/",
        "app.example",
        "https://*.example",
        "HTTPS://app.example",
        "https://a b",
        "https://a\r\nX: y",
        "null",
    ],
)
def test_an_origin_no_browser_sends_is_refused(origin):
    """A configured origin that could never match is a mistake, and is called one."""
    with pytest.raises(ValueError, match="origin"):
        Cors([origin])


def test_a_preflight_allows_what_was_asked():
    """The answer to a preflight names the methods, echoes the asked headers and may be remembered; the rest comes with lines()."""
    asked = b"authorization,x-stainless-lang,content-type"
    headers = {b"origin": APP, b"access-control-request-method": b"POST", b"access-control-request-headers": asked}
    answer = Cors([APP.decode()], max_age=60).preflight(headers)
    assert (answer.status, answer.body) == (204, b"")
    assert b"Access-Control-Allow-Methods: GET, HEAD, POST, OPTIONS\r\n" in answer.headers
    assert b"Access-Control-Allow-Headers: " + asked + b"\r\n" in answer.headers
    assert b"Access-Control-Max-Age: 60\r\n" in answer.headers
    assert b"Vary: Access-Control-Request-Headers\r\n" in answer.headers
    assert b"Allow-Origin" not in answer.headers, "it would stand there twice"


@pytest.mark.parametrize("asked", [b"a\0b", b"x: y", b"a" * 3000, b""])
def test_odd_names_are_not_echoed(asked):
    """What is no list of header names is not repeated: our own list stands there."""
    answer = Cors(["*"]).preflight({b"origin": APP, b"access-control-request-headers": asked})
    assert b"Access-Control-Allow-Headers: Authorization, Content-Type, " in answer.headers


def test_a_strangers_preflight():
    """An origin that is not listed learns the methods of HTTP and nothing that would allow it anything."""
    answer = Cors([APP.decode()]).preflight({b"origin": b"https://evil.example", b"access-control-request-method": b"POST"})
    assert answer == (204, b"Allow: GET, HEAD, POST, OPTIONS\r\n", b"")


def test_options_without_an_origin():
    """A plain OPTIONS is told the methods, and that everyone may read where everyone may (E24: scripts look for that line)."""
    assert b"Access-Control-Allow-Origin: *\r\n" in Cors(["*"]).preflight({}).headers
    assert b"Access-Control" not in Cors([APP.decode()]).preflight({}).headers
