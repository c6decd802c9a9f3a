"""Signing in at an identity provider: a real one, and what people and providers with bad intentions make of it."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from control.signin.house import HERE, House, house
from fakes.oidc import Provider, key_of, providing, signed
from llm_gateway.config.schema.signin import Oidc, SignInClaims
from llm_gateway.config.values import Secret

START = "/admin/v1/signin/oidc/okta"
CALLBACK = START + "/callback"
Test = Callable[[House, Provider], Awaitable[None]]


def of(provider: Provider, **changes: Any) -> Oidc:
    settings = {"client_secret": Secret("a:b c"), "roles": {"admins": ("system_admin",), "ops": ("operator",)}, **changes}
    return Oidc("okta", provider.url, "client/1", **settings)


@pytest.fixture
def inside(tmp_path: Path) -> Callable[[Test], None]:
    def runs(test: Test, **changes: Any) -> None:
        async def main() -> None:
            async with providing() as provider, house(tmp_path) as made:
                made.admin(url=HERE.replace("http:", "https:"), oidc=(of(provider, **changes),))
                await test(made, provider)

        asyncio.run(main())

    return runs


def browser_of(made: House, ip: str = "192.0.2.1") -> httpx.AsyncClient:
    browser = made.browser(origin="https://gateway.test", ip=ip)
    del browser.headers["Origin"]  # browsers send none when they follow a link
    return browser


async def sent(browser: httpx.AsyncClient, back: str = "") -> str:
    """Where the browser is sent to sign in."""
    answer = await browser.get(START, params={"back": back} if back else {})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def refused(made: House, provider: Provider, **claims: Any) -> tuple[int, str]:
    """What comes of an ID token that says this."""
    browser = browser_of(made)
    answer = await browser.get(CALLBACK, params=provider.code(await sent(browser), **{"groups": ["ops"], **claims}))
    assert "__Host-gateway_session" not in browser.cookies
    return answer.status_code, answer.json()["error"]["code"]


def test_a_person_signs_in_elsewhere(inside):
    """Code, PKCE, state, nonce and the exact address to come back to; roles by what the provider says; then a session."""

    async def test(made: House, provider: Provider) -> None:
        browser = browser_of(made)
        url = await sent(browser, "/console/keys?page=2")
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert url.startswith(provider.url + "/authorize?")
        assert asked["redirect_uri"] == "https://gateway.test" + CALLBACK
        assert (asked["response_type"], asked["code_challenge_method"], asked["scope"]) == (
            "code",
            "S256",
            "openid profile email",
        )
        assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
        answer = await browser.get(CALLBACK, params=provider.code(url, groups=["ops", "others"], email="ann@acme.example"))
        assert (answer.status_code, answer.headers["location"]) == (303, "/console/keys?page=2"), answer.text
        basic = b64decode(provider.authorizations[-1].removeprefix(b"Basic ")).decode()
        assert basic == "client%2F1:a%3Ab%20c"
        assert "__Host-gateway_signin" not in browser.cookies
        me = (await browser.get("/admin/v1/me")).json()
        assert (me["name"], me["roles"], me["session"]["via"]) == ("okta:ann@acme.example", ["operator"], "okta")
        assert me["id"].startswith("oidc:")
        assert [(event.action, event.actor) for event in made.audit.events] == [("auth.signed_in", me["id"])]
        again = browser_of(made)
        await again.get(CALLBACK, params=provider.code(await sent(again), groups="admins", email="new@acme.example"))
        assert (await again.get("/admin/v1/me")).json()["id"] == me["id"], "the subject says who it is, not the address"

    inside(test)


def test_a_public_client_and_one_that_sends_its_secret_in_the_body(inside):
    """Without a secret the client's id goes with the code; with one, it goes where the provider takes it."""

    async def test(made: House, provider: Provider) -> None:
        browser = browser_of(made)
        await browser.get(CALLBACK, params=provider.code(await sent(browser), groups=["ops"]))
        assert provider.bodies[-1]["client_id"] == ["client/1"]
        assert provider.authorizations[-1] == b""
        made.admin(url="https://gateway.test", oidc=(of(provider),))
        provider.methods = ["client_secret_post"]
        await browser.get(CALLBACK, params=provider.code(await sent(browser), groups=["ops"]))
        assert provider.bodies[-1]["client_secret"] == ["a:b c"]
        assert provider.authorizations[-1] == b""

    inside(test, client_secret=None)


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"nonce": "another"}, "signin_refused"),
        ({"nonce": None}, "signin_refused"),
        ({"aud": "another client"}, "signin_refused"),
        ({"aud": ["client/1", "another"]}, "signin_refused"),
        ({"aud": ["client/1", "another"], "azp": "another"}, "signin_refused"),
        ({"iss": "https://evil.example"}, "signin_refused"),
        ({"exp": 1_600_000_000}, "signin_refused"),
        ({"exp": None}, "signin_refused"),
        ({"iat": 3_900_000_000}, "signin_refused"),
        ({"sub": ""}, "signin_refused"),
        ({"groups": ["strangers"]}, "no_role"),
        ({"groups": {"ops": True}}, "no_role"),
        ({"groups": None}, "no_role"),
    ],
    ids=str,
)
def test_an_id_token_that_is_not_for_this_sign_in(inside, claims, code):
    """Wrong nonce, audience, issuer, times, subject, or no role: nobody is signed in, and it is written down."""

    async def test(made: House, provider: Provider) -> None:
        assert await refused(made, provider, **claims) == (403 if code == "no_role" else 401, code)
        [event] = made.audit.failures(made.notes)
        assert (event.action, event.after["reason"]) == ("auth.failed", f"okta: {code}")

    inside(test)


@pytest.mark.parametrize("kind", ["unsigned", "other key", "public key as secret"])
def test_an_id_token_that_the_provider_did_not_sign(inside, kind):
    """`alg: none`, another key under the same name, HS256 with the public key: refused."""

    async def test(made: House, provider: Provider) -> None:
        browser = browser_of(made)
        url = await sent(browser)
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        said = {"iss": provider.url, "sub": "eve", "aud": "client/1", "nonce": asked["nonce"], "exp": 4e9, "groups": ["admins"]}
        header = {"alg": {"unsigned": "none", "other key": "RS256"}.get(kind, "HS256"), "kid": "one"}
        token = signed(header, said, key_of("RSA", 2048, 7), "RS256")
        answer = await browser.get(CALLBACK, params=provider.code(url, token=token))
        assert answer.status_code == 401
        assert "__Host-gateway_session" not in browser.cookies

    inside(test)


def test_a_code_counts_in_the_browser_that_asked_and_once(inside):
    """Another browser's code, a state that is not ours, a replay of the whole answer, and one that took too long: 401."""

    async def test(made: House, provider: Provider) -> None:
        victim, attacker = browser_of(made), browser_of(made)
        stolen = provider.code(await sent(attacker), groups=["admins"])
        assert (await victim.get(CALLBACK, params=stolen)).status_code == 401, "no sign-in was begun here"
        await sent(victim)
        assert (await victim.get(CALLBACK, params=stolen)).status_code == 401, "login CSRF: the state is of another browser"
        assert (await attacker.get(CALLBACK, params={**stolen, "state": "x"})).status_code == 401
        cookie = attacker.cookies["__Host-gateway_signin"]
        assert (await attacker.get(CALLBACK, params=stolen)).status_code == 303
        provider.codes[stolen["code"]] = ({}, b"")
        replay = await browser_of(made).get(CALLBACK, params=stolen, headers={"Cookie": f"__Host-gateway_signin={cookie}"})
        assert (replay.status_code, replay.json()["error"]["code"]) == (401, "signin_expired")
        late = browser_of(made)
        given = provider.code(await sent(late), groups=["ops"])
        made.clock.advance(601)
        assert (await late.get(CALLBACK, params=given)).status_code == 401

    inside(test)


def test_a_code_of_another_challenge_is_refused_by_the_provider(inside):
    """PKCE: a code that was asked for with another verifier is worth nothing with ours."""

    async def test(made: House, provider: Provider) -> None:
        one, other = browser_of(made), browser_of(made)
        mine, injected = provider.code(await sent(one), groups=["ops"]), provider.code(await sent(other), groups=["admins"])
        answer = await one.get(CALLBACK, params={**mine, "code": injected["code"]})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "signin_refused")

    inside(test)


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "evil",
        "/a\r\nSet-Cookie: x=y",
        "/" + "a" * 5000,
    ],
)
def test_nobody_is_sent_elsewhere(inside, back):
    """Open redirect: only a path on this host is gone back to."""

    async def test(made: House, provider: Provider) -> None:
        browser = browser_of(made)
        url = await sent(browser, back)
        answer = await browser.get(CALLBACK, params=provider.code(url, groups=["ops"]))
        assert (answer.status_code, answer.headers["location"]) == (303, "/admin/v1/me")

    inside(test)


def test_an_answer_of_another_provider_is_refused(inside):
    """RFC 9207: `iss` beside the code must be the provider's; an error of the provider is told without its text."""

    async def test(made: House, provider: Provider) -> None:
        browser = browser_of(made)
        given = provider.code(await sent(browser), groups=["ops"])
        assert (await browser.get(CALLBACK, params={**given, "iss": "https://evil.example"})).status_code == 401
        url = await sent(browser)
        state = parse_qs(urlsplit(url).query)["state"][0]
        error = {"error": "access_denied", "error_description": "<script>", "state": state}
        answer = await browser.get(CALLBACK, params=error)
        assert answer.status_code == 401
        assert "<script>" not in answer.text
        twice = await browser.get(CALLBACK + "?code=a&code=b&state=c")
        assert twice.status_code == 400

    inside(test)


def test_a_provider_that_is_away_is_told_so(inside):
    """503 while it cannot be asked, never 401; what was asked once is remembered; unknown names are 404."""

    async def test(made: House, provider: Provider) -> None:
        browser = browser_of(made)
        provider.down = True
        answer = await browser.get(START)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "identity_provider_unavailable")
        provider.down = False
        url = await sent(browser)
        provider.down = True
        answer = await browser.get(CALLBACK, params=provider.code(url, groups=["ops"]))
        assert answer.status_code == 503
        made.clock.advance(3700)
        assert (await sent(browser)).startswith(provider.url)
        assert (await browser.get("/admin/v1/signin/oidc/other")).status_code == 404
        ways = (await browser.get("/admin/v1/signin")).json()
        assert ways["oidc"] == [{"name": "okta", "label": "okta", "url": START}]

    inside(test)


def test_a_discovery_document_of_somebody_else_is_not_believed(inside):
    """It must name the configured issuer (OpenID Connect Discovery section 4.3)."""

    async def test(made: House, provider: Provider) -> None:
        provider.issuer = "https://evil.example"
        assert (await browser_of(made).get(START)).status_code == 503

    inside(test)


def test_a_tenant_by_claim(inside):
    """Who administers a tenant is no administrator of the whole, whatever the provider says; without the claim nobody gets in."""

    async def test(made: House, provider: Provider) -> None:
        browser = browser_of(made)
        await browser.get(CALLBACK, params=provider.code(await sent(browser), groups=["admins", "ops"], org="acme"))
        me = (await browser.get("/admin/v1/me")).json()
        assert (me["tenant"], me["roles"]) == ("acme", ["operator"])
        assert await refused(made, provider) == (403, "no_tenant")

    inside(test, claims=SignInClaims(tenant="org"))
