"""Signing in as a browser does it, and what others would like to do with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from control.signin.house import HERE, PASSWORD, House, house
from llm_gateway.config.schema.signin import SignInSession
from llm_gateway.config.values import Duration
from llm_gateway.store import people

Test = Callable[[House], Awaitable[None]]


@pytest.fixture
def inside(tmp_path: Path) -> Callable[[Test], None]:
    def runs(test: Test) -> None:
        async def main() -> None:
            async with house(tmp_path) as made:
                await test(made)

        asyncio.run(main())

    return runs


def test_a_person_signs_in_looks_and_signs_out(inside):
    """The right password opens a session, which says who one is and ends when one says so; all of it is in the audit log."""

    async def test(made: House) -> None:
        await made.person()
        browser = await made.signed_in(" Ann ")
        me = (await browser.get("/admin/v1/me")).json()
        assert (me["id"], me["name"], me["roles"], me["tenant"]) == ("per_ann", "ann", ["operator"], None)
        assert "models:write" in me["permissions"]
        assert "tenants:write" not in me["permissions"]
        assert (await browser.get("/admin/v1/things")).text == "ann"
        cookie = browser.cookies["gateway_session"]
        assert (await browser.post("/admin/v1/signout")).status_code == 204
        assert "gateway_session" not in browser.cookies
        after = await browser.get("/admin/v1/things", headers={"Cookie": f"gateway_session={cookie}"})
        assert (after.status_code, after.json()["error"]["code"]) == (401, "session_expired")
        assert made.audit.actions == ["auth.signed_in", "auth.signed_out"]

    inside(test)


def test_the_cookie_is_kept_from_scripts_and_other_sites(inside):
    """HttpOnly and SameSite always; Secure, and a name that only this host can set, where browsers come over HTTPS."""

    async def test(made: House) -> None:
        await made.person()
        plain = await made.browser().post("/admin/v1/signin", json={"login": "ann", "password": PASSWORD})
        parts = plain.headers["set-cookie"].split("; ")
        assert parts[0].startswith("gateway_session=")
        assert parts[1:] == ["Path=/", "Max-Age=43200", "HttpOnly", "SameSite=Lax"]
        made.admin(url="https://gateway.test")
        browser = made.browser(origin="https://gateway.test")
        secure = await browser.post("/admin/v1/signin", json={"login": "ann", "password": PASSWORD})
        assert secure.headers["set-cookie"].startswith("__Host-gateway_session=")
        assert secure.headers["set-cookie"].endswith("; Secure")
        cookie = secure.cookies["__Host-gateway_session"]
        planted = await made.browser(origin="https://gateway.test").get(
            "/admin/v1/me", headers={"Cookie": f"gateway_session={cookie}"}
        )
        assert planted.status_code == 401

    inside(test)


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("ann", "wrong"),
        ("nobody", PASSWORD),
        ("bob", PASSWORD),
        ("carl", PASSWORD),
        ("a\0b", PASSWORD),
        ("", ""),
        ("ann", PASSWORD + " "),
    ],
    ids=["wrong", "unknown", "disabled", "elsewhere", "no login", "empty", "longer"],
)
def test_all_that_is_wrong_is_told_in_one_wording(inside, login, password):
    """A wrong password, nobody of the name, somebody who is disabled or has no password here: 401 with the same text."""

    async def test(made: House) -> None:
        await made.person()
        await made.person("bob", status="disabled")
        await made.person("carl", password=None)
        answer = await made.browser().post("/admin/v1/signin", json={"login": login, "password": password})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_login")
        assert answer.json()["error"]["message"] == "The login or the password is wrong."
        assert "set-cookie" not in answer.headers
        [event] = made.audit.failures(made.notes)
        assert event.action == "auth.failed"
        assert event.ip == "192.0.2.1"
        assert login == "" or login not in str(event.after)
        assert PASSWORD not in str(msgspec.structs.astuple(event))

    inside(test)


def test_who_guesses_waits_and_locks_out_nobody_else(inside):
    """Five wrong passwords for a login from an address, then 429, also for the right one; elsewhere it works; later it does again."""

    async def test(made: House) -> None:
        await made.person()
        await made.person("bob")
        guesser = made.browser(ip="198.51.100.7")
        guesses = [await guesser.post("/admin/v1/signin", json={"login": "ann", "password": "no"}) for _ in range(6)]
        assert [one.status_code for one in guesses] == [401] * 5 + [429]
        assert 0 < int(guesses[-1].headers["retry-after"]) <= 300
        right = await guesser.post("/admin/v1/signin", json={"login": "ANN", "password": PASSWORD})
        assert right.status_code == 429
        await made.signed_in("ann", ip="192.0.2.1")
        await made.signed_in("bob", ip="198.51.100.7")
        events = made.audit.failures(made.notes)
        assert [(one.action, one.after["count"]) for one in events] == [("auth.failed", 5), ("auth.locked_out", 1)]
        made.clock.advance(301)
        await made.signed_in("ann", ip="198.51.100.7")

    inside(test)


def test_guesses_at_once_are_no_more_than_guesses_in_turn(inside):
    """Twenty at the same moment: five are looked at."""

    async def test(made: House) -> None:
        await made.person()
        browser = made.browser()
        answers = await asyncio.gather(
            *(browser.post("/admin/v1/signin", json={"login": "ann", "password": f"no{n}"}) for n in range(20))
        )
        assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429] * 15

    inside(test)


def test_a_planted_session_is_worth_nothing(inside):
    """Fixation: whatever cookie a browser had before, signing in makes another one, and ends the session of the one before."""

    async def test(made: House) -> None:
        await made.person()
        await made.person("eve")
        eve = await made.signed_in("eve")
        planted = eve.cookies["gateway_session"]
        victim = made.browser()
        victim.cookies.set("gateway_session", planted)
        answer = await victim.post("/admin/v1/signin", json={"login": "ann", "password": PASSWORD})
        assert answer.status_code == 200
        assert answer.cookies["gateway_session"] != planted
        assert (await eve.get("/admin/v1/me")).status_code == 401
        made_up = made.browser()
        made_up.cookies.set("gateway_session", "A" * 43 + "." + "B" * 43)
        assert (await made_up.get("/admin/v1/me")).status_code == 401

    inside(test)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": HERE}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"X-CSRF-Token": "TOKEN"}, 200),
        ({"X-CSRF-Token": "other"}, 403),
        ({}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": HERE + ".evil.example"}, 403),
        ({"Origin": "https://evil.example", "X-CSRF-Token": "TOKEN"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": HERE}, 403),
    ],
)
def test_another_site_cannot_have_anything_done(inside, headers, status):
    """CSRF: a change with a cookie needs the session's token or the browser's word that it comes from here; looking does not."""

    async def test(made: House) -> None:
        await made.person()
        browser = await made.signed_in()
        token = (await browser.get("/admin/v1/me")).json()["session"]["csrf_token"]
        del browser.headers["Origin"]
        said = {name: token if value == "TOKEN" else value for name, value in headers.items()}
        assert (await browser.post("/admin/v1/things", headers=said)).status_code == status
        assert (await browser.get("/admin/v1/things", headers=said)).status_code == 200
        assert (await browser.post("/admin/v1/signout", headers=said)).status_code == (204 if status == 200 else 403)

    inside(test)


def test_another_site_cannot_sign_somebody_in(inside):
    """Login CSRF: a page of elsewhere does not get a browser signed in as the attacker, neither by script nor by form."""

    async def test(made: House) -> None:
        await made.person()
        given = {"login": "ann", "password": PASSWORD}
        foreign = await made.browser().post("/admin/v1/signin", json=given, headers={"Origin": "https://evil.example"})
        assert foreign.status_code == 403
        form = await made.browser().post(
            "/admin/v1/signin", content=msgspec.json.encode(given), headers={"Content-Type": "text/plain"}
        )
        assert form.status_code == 415

    inside(test)


def test_sessions_end_by_themselves(inside):
    """After half an hour without a request, and after twelve hours whatever was done; shorter settings hold at once."""

    async def test(made: House) -> None:
        await made.person()
        idle = await made.signed_in()
        made.clock.advance(1799)
        assert (await idle.get("/admin/v1/me")).status_code == 200
        made.clock.advance(1799)
        assert (await idle.get("/admin/v1/me")).status_code == 200
        made.clock.advance(1801)
        assert (await idle.get("/admin/v1/me")).status_code == 401
        busy = await made.signed_in()
        for _ in range(28):
            made.clock.advance(1500)
            assert (await busy.get("/admin/v1/me")).status_code == 200
        made.clock.advance(1300)
        assert (await busy.get("/admin/v1/me")).status_code == 401
        short = await made.signed_in()
        made.admin(session=SignInSession(idle=Duration(60), longest=Duration(60)))
        made.clock.advance(61)
        assert (await short.get("/admin/v1/me")).status_code == 401

    inside(test)


def test_who_is_changed_is_signed_out(inside):
    """Other roles, another tenant, disabled, deleted: the next request is nobody's."""

    async def test(made: House) -> None:
        await made.person()
        for change in ({"roles": '["auditor"]'}, {"tenant": "acme"}, {"status": "disabled"}):
            browser = await made.signed_in()
            await made.threads.write(lambda connection, change=change: people.change_person(connection, "per_ann", change))
            assert (await browser.get("/admin/v1/me")).status_code == 401
            await made.threads.write(lambda connection: people.change_person(connection, "per_ann", {"status": "active"}))
        browser = await made.signed_in()
        await made.threads.write(lambda connection: people.delete(connection, "per_ann"))
        assert (await browser.get("/admin/v1/me")).status_code == 401

    inside(test)


def test_ones_own_sessions_can_be_seen_and_ended(inside):
    """Where one is signed in, which of it is here; any of them can be ended, nobody else's, or all at once."""

    async def test(made: House) -> None:
        await made.person()
        await made.person("bob")
        here, there, bob = await made.signed_in(), await made.signed_in(ip="192.0.2.9"), await made.signed_in("bob")
        rows = (await here.get("/admin/v1/me/sessions")).json()["data"]
        assert sorted((row["ip"], row["current"]) for row in rows) == [("192.0.2.1", True), ("192.0.2.9", False)]
        other = next(row["id"] for row in rows if not row["current"])
        assert (await bob.delete(f"/admin/v1/me/sessions/{other}")).status_code == 404
        assert (await here.delete(f"/admin/v1/me/sessions/{other}")).status_code == 204
        assert (await there.get("/admin/v1/me")).status_code == 401
        again = await made.signed_in()
        assert (await here.post("/admin/v1/signout?everywhere=true")).status_code == 204
        assert (await again.get("/admin/v1/me")).status_code == 401
        assert (await bob.get("/admin/v1/me")).status_code == 200

    inside(test)


def test_a_password_is_changed_by_who_knows_it(inside):
    """The old one is asked for, the new one must be fit; every other session ends, this one goes on."""

    async def test(made: House) -> None:
        await made.person()
        browser, other = await made.signed_in(), await made.signed_in()

        async def change(current: str, new: str) -> int:
            return (await browser.put("/admin/v1/me/password", json={"current": current, "new": new})).status_code

        assert await change("wrong", "another good password") == 401
        assert await change(PASSWORD, "short") == 422
        assert await change(PASSWORD, PASSWORD) == 422
        assert await change(PASSWORD, "another good password") == 200
        assert (await other.get("/admin/v1/me")).status_code == 401
        assert (await browser.get("/admin/v1/me")).status_code == 200
        await made.signed_in("ann", "another good password")
        assert "people.password_changed" in made.audit.actions

    inside(test)


def test_a_key_beside_a_cookie_counts_alone(inside):
    """Who sends a key is asked about the key: a cookie does not make a wrong one good."""

    async def test(made: House) -> None:
        await made.person()
        browser = await made.signed_in()
        assert (await browser.get("/admin/v1/things", headers={"Authorization": "Bearer sk-admin-wrong"})).status_code == 401
        assert (await browser.get("/admin/v1/me", headers={"X-API-Key": "sk-admin-wrong"})).status_code == 401

    inside(test)


def test_passwords_can_be_off(inside):
    """Where all sign in elsewhere there is no way to guess here; the ways to sign in say so."""

    async def test(made: House) -> None:
        await made.person()
        assert (await made.browser().get("/admin/v1/signin")).json() == {"passwords": True, "oidc": []}
        made.admin(passwords=False)
        assert (await made.browser().get("/admin/v1/signin")).json()["passwords"] is False
        answer = await made.browser().post("/admin/v1/signin", json={"login": "ann", "password": PASSWORD})
        assert answer.status_code == 404

    inside(test)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"login": 1, "password": "x"}', b'{"login": "a"}', b"{" * 20_000])
def test_what_is_no_sign_in_is_told_without_repeating_it(inside, body):
    """400, 413 or 422; a password that was sent in a wrong place does not come back."""

    async def test(made: House) -> None:
        answer = await made.browser().post("/admin/v1/signin", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 413, 422)
        assert answer.json()["error"]["type"] == "invalid_request_error"

    inside(test)
