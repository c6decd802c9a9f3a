"""Who is given whose answers: never another tenant's, and nothing that identity, rights or rules forbid."""

from __future__ import annotations

from typing import Any

import pytest

from cache.cached_world import World, document, play
from llm_gateway.core.clock import FakeClock
from scripted_upstream import ASK, Upstream
from serving import run
from whole_gateway import CHAT, chat, said, streamed, whole_gateway

KEYS = {
    "web1": ("acme", "web"),
    "web2": ("acme", "web"),
    "app": ("acme", "app"),
    "other": ("other", "web"),
    "loose1": ("", ""),
    "loose2": ("", ""),
}


def secret(name: str) -> str:
    return f"sk-gateway-{name}-0123456789abcdef"


def who(name: str) -> str:
    return f"Authorization: Bearer {secret(name)}\r\n"


def key(name: str, **more: Any) -> dict[str, Any]:
    tenant, project = KEYS.get(name, ("", ""))
    facts = {"tenant": tenant, "project": project} if tenant else {}
    return {"name": name, "key": secret(name), **facts, **more}


RED = 'header("X-Team") == "red"'
AUTH = {"auth": {"keys": [key(name) for name in KEYS]}}


@pytest.mark.parametrize(
    ("scope", "hits"),
    [
        ("tenant", {"web2", "app", "loose2"}),
        ("project", {"web2", "loose2"}),
        ("key", set()),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_answers_stay_where_they_belong(scope, hits, stream):
    """C25, C29: the same request of every key in turn, and then once more; each is asked for unless one in its scope has it."""

    async def test(world: World) -> None:
        body = chat(stream=stream)
        for name in KEYS:
            cached = "HIT" if name in hits else "MISS"
            assert (await world.post(body, who=who(name))).short == (200, cached), name
        for name in KEYS:
            assert (await world.post(body, who=who(name))).short == (200, "HIT")
        assert world.asked == len(KEYS) - len(hits)

    play([streamed() if stream else said()] * 6, test, {"scope": scope}, sections=AUTH)


def test_a_tenant_cannot_be_put_together_of_anothers_names():
    """Where there are no tenants of their own, a key's tenant and project are any text."""

    async def test(world: World) -> None:
        for name in ("one", "two", "three"):
            assert (await world.post(who=who(name))).cache == "MISS"

    named = {"one": ("a/b", "c"), "two": ("a", "b/c"), "three": ("a", "b")}
    keys = [key(name, tenant=tenant, project=project) for name, (tenant, project) in named.items()]
    play([said()] * 3, test, {"scope": "project"}, sections={"auth": {"keys": keys}})


def test_a_model_that_a_key_may_not_use_is_refused():
    """Though the answer is there: 403 as ever, and no header that tells that it is."""

    async def test(world: World) -> None:
        assert (await world.post(who=who("web1"))).cache == "MISS"
        got = await world.post(who=who("narrow"))
        assert got.short == (403, "")
        assert (await world.post(who="Authorization: Bearer sk-wrong-0123456789abcdef\r\n")).short == (401, "")

    play([said()], test, sections={"auth": {"keys": [key("web1"), key("narrow", tenant="acme", models=["a/other"])]}})


def test_where_a_key_may_be_served_is_part_of_it():
    """What another region or provider has answered is not given to who may not be served there, and the other way round."""

    async def main() -> None:
        async with Upstream([ASK, said("eu")] * 2) as eu, Upstream([ASK, said("us")] * 3) as us:
            configured = document(us.url, deployments=["a/real", "b/real"])
            configured["providers"]["a"]["region"] = "us"
            configured["providers"]["b"] = {"type": "openai_compatible", "base_url": eu.url, "region": "eu"}
            rights = {"any": {}, "eu": {"regions": ["eu"]}, "b": {"providers": ["b"]}, "us": {"regions": ["us"]}}
            configured["auth"] = {"keys": [key(name, **right) for name, right in rights.items()]}
            async with whole_gateway(configured, clock=FakeClock()) as gateway:
                world = World(gateway, us, FakeClock())
                for cached in ("MISS", "HIT"):
                    for name, region in (("any", "us"), ("eu", "eu"), ("b", "eu"), ("us", "us")):
                        got = await world.post(who=who(name))
                        assert (got.cache, got.text) == (cached, region), name
                assert (len(us.requests), len(eu.requests)) == (2, 2)

    run(main)


def test_what_a_caller_wishes_of_routing_is_part_of_it():
    """An answer that was asked for in another way does not pass for this one's: nobody can put it there for others."""

    async def test(world: World) -> None:
        assert (await world.post(says="X-Gateway-Fallback: false\r\n")).text == "one"
        got = await world.post()
        assert (got.cache, got.text) == ("MISS", "two")
        assert (await world.post(says="X-Gateway-Strict: true\r\n")).text == "three"
        assert (await world.post()).text == "two"

    play([said("one"), said("two"), said("three")], test)


def test_rules_that_reject_still_do():
    """A rule stands before what is kept; one that holds for a header refuses only who sends it."""

    async def test(world: World) -> None:
        assert (await world.post()).cache == "MISS"
        got = await world.post(says="X-Team: red\r\n")
        assert (got.short, got.code) == ((403, ""), "rejected_by_rule")
        assert (await world.post(says="X-Team: blue\r\n")).cache == "HIT"

    rule = {"name": "no-red", "when": RED, "then": {"reject": "not for red"}}
    play([said()], test, sections={"routing": {"rules": [rule]}})


def test_what_rules_send_elsewhere_has_answers_of_its_own():
    """The route that answers is part of it, and not only the name that was asked for."""

    async def test(world: World) -> None:
        assert (await world.post()).text == "one"
        assert (await world.post(says="X-Team: red\r\n")).text == "two"
        for says, text in (("", "one"), ("X-Team: red\r\n", "two")):
            got = await world.post(says=says)
            assert (got.cache, got.text) == ("HIT", text)

    rule = {"name": "red", "when": RED, "then": {"route": "a/other"}}
    play([said("one"), said("two")], test, sections={"routing": {"rules": [rule]}})


def test_who_needs_no_key_shares_with_nobody_who_has_one():
    """A key of no tenant and nobody's: each asks for itself."""

    async def test(world: World) -> None:
        assert (await world.post(who="")).short == (200, "MISS")
        assert (await world.post(who="")).short == (200, "HIT")
        assert (await world.post(chat(), "X-Forwarded-User: root\r\n", who="")).short == (200, "HIT")

    play([said()], test, sections={"auth": {"required": False}})


@pytest.mark.parametrize(
    "lines",
    [
        "X-Cache: HIT\r\n",
        "X-Cache-TTL: 99999999\r\nAge: 0\r\n",
        "If-None-Match: *\r\nIf-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n",
        "X-Gateway-Cache: HIT\r\nPragma: no-cache\r\n",
        "X-Tenant: other\r\nX-Project: web\r\nX-Forwarded-For: 10.0.0.1\r\n",
        "Cache-Control: max-age=" + "9" * 2000 + "\r\n",
    ],
)
def test_headers_that_mean_nothing_here(lines):
    """What looks like the gateway's own words, or like another tenant's name, neither finds nor changes anything."""

    async def test(world: World) -> None:
        assert (await world.post(who=who("other"))).short == (200, "MISS")
        got = await world.post(says=lines, who=who("web1"))
        assert got.short == (200, "MISS")
        again = await world.post(who=who("web1"))
        assert (again.short, again.body, again.headers[b"age"]) == ((200, "HIT"), got.body, b"0")

    play([said(), said()], test, sections=AUTH)


def test_cache_control_said_twice_counts_twice():
    """Two lines are one list: the stricter one cannot be hidden behind the other."""

    async def test(world: World) -> None:
        got = await world.post(says="Cache-Control: max-age=60\r\nCache-Control: no-store\r\n")
        assert got.cache == "BYPASS"
        assert len(world.answers.memory) == 0

    play([said()], test)


def test_an_end_user_finds_nothing_of_another():
    """`user` is part of the body; who is blocked is refused, though the answer is there."""

    async def test(world: World) -> None:
        ada, bob = chat(user="ada"), chat(user="bob")
        assert (await world.post(ada, who=who("web1"))).cache == "MISS"
        assert (await world.post(bob, who=who("web1"))).cache == "MISS"
        assert (await world.post(ada, who=who("web2"))).cache == "HIT"
        got = await world.post(chat(user="eve"), who=who("web1"))
        assert (got.status, got.cache) == (403, "")

    tenants = {"acme": {"projects": {"web": {}}, "end_users": {"eve": {"blocked": True}}}}
    play([said()] * 2, test, sections={"tenants": tenants, "auth": {"keys": [key("web1"), key("web2")]}})


def test_a_path_that_is_spelled_otherwise_is_no_other_place():
    """A query, a fragment of another model in the path, or another spelling give no answer of another request."""

    async def test(world: World) -> None:
        assert (await world.post(who=who("web1"))).cache == "MISS"
        assert (await world.post(path=CHAT + "?tenant=other", who=who("other"))).cache == "MISS"
        for path in (CHAT + "/", "/v1//chat/completions", "/v1/chat/../chat/completions"):
            assert (await world.post(path=path, who=who("web1"))).status == 404

    play([said()] * 2, test, sections=AUTH)
