from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llm_gateway.routing.record import from_json, outcome_of, recompute
from scripted_upstream import ASK, Upstream
from serving import connected, run
from whole_gateway import BEARER, CHAT, KEY, MESSAGES, answer, chat, request, said, whole_gateway

EXPLAIN = "/v1/routing/explain"
DECISIONS = "/v1/routing/decisions"
OTHER_KEY = "sk-gateway-others-0123456789"
OTHER = f"Authorization: Bearer {OTHER_KEY}\r\n"


def configuration(url: str = "http://127.0.0.1:1", **routing: Any) -> dict[str, Any]:
    """Two providers, of which `a` is at `url`; `m` is at both, `dear` has prices, and one key may not steer."""
    price = {"context_window": 100_000, "prices": {"input": 1, "output": 2}}
    return {
        "providers": {
            "a": {"type": "openai_compatible", "base_url": url, "region": "eu"},
            "b": {"type": "openai_compatible", "base_url": url, "region": "us"},
        },
        "models": {
            "m": {"deployments": ["a/real", "b/real"], "retries": 1},
            "dear": {"deployments": ["a/dear", "b/cheap"], "strategy": "lowest_cost", "fallback": ["m"]},
        },
        "catalogue": {"models": {"a/dear": price, "b/cheap": {**price, "prices": {"input": 0.5, "output": 1}}}},
        "auth": {
            "keys": [
                {"name": "tests", "key": KEY},
                {"name": "others", "key": OTHER_KEY, "models": ["m"], "routing_hints": False},
            ]
        },
        "routing": {"decisions": {"sample": 1.0}, **routing},
    }


def play(test: Any, *answers: bytes, **routing: Any) -> None:
    """Runs `test(gateway, upstream)` before a provider that gives these answers in turn."""

    async def main() -> None:
        script = [step for one in answers for step in (ASK, one)]
        async with Upstream(script) as upstream, whole_gateway(configuration(upstream.url, **routing)) as gateway:
            await test(gateway, upstream)

    run(main)


async def explained(gateway: Any, body: Any, headers: str = BEARER) -> dict[str, Any]:
    status, _, answered = await gateway.post(EXPLAIN, body, headers)
    assert status == 200, answered
    told: dict[str, Any] = msgspec.json.decode(answered)
    return told


async def refused(gateway: Any, body: Any, headers: str = BEARER) -> tuple[int, str, str | None]:
    status, _, answered = await gateway.post(EXPLAIN, body, headers)
    error = msgspec.json.decode(answered)["error"]
    return status, error["code"], error["param"]


async def looked_up(gateway: Any, path: str, headers: str = BEARER) -> tuple[int, Any]:
    async with connected(gateway.port) as raw:
        raw.send(f"GET {path} HTTP/1.1\r\nHost: t\r\n{headers}\r\n".encode())
        status, _, body = await raw.reply()
    return status, msgspec.json.decode(body)


# ---- explain


def test_nobody_is_asked():
    """The provider hears nothing, no attempt is counted, and everybody is there with what put him where he is."""

    async def test(gateway: Any, upstream: Upstream) -> None:
        told = await explained(gateway, chat("dear"))
        assert (told["route"], told["strategy"], told["chosen"]) == ("dear", "lowest_cost", "b/cheap")
        assert [(one["deployment"], one["place"], one["leg"]) for one in told["candidates"]] == [
            ("b/cheap", 1, "dear"),
            ("a/dear", 2, "dear"),
            ("a/real", 3, "m"),
            ("b/real", 4, "m"),
        ]
        cheap, dear = told["candidates"][:2]
        assert 0 < cheap["estimated_cost"] == told["estimated_cost"] < dear["estimated_cost"]
        assert cheap["terms"]["tokens"] == told["request"]["tokens"] > 0
        assert [step["deployment"] for step in told["failover"]["steps"]] == ["b/cheap", "a/dear", "a/real", "b/real"]
        assert upstream.requests == []
        assert gateway.shared.stats.models((("b", "cheap"),), 0.0).success_rate is None

    play(test)


def test_a_reason_for_everybody_who_is_not_asked():
    """Excluded by the caller, or behind a fallback that it does not want."""
    wishes = {"excluded_providers": ["b"], "fallback_enabled": False, "max_retries": 0}

    async def test(gateway: Any, _upstream: Upstream) -> None:
        told = await explained(gateway, chat("dear", x_gateway_routing=wishes))
        reasons = {one["deployment"]: one["refused"] for one in told["candidates"]}
        assert reasons == {"a/dear": None, "b/cheap": "excluded", "a/real": "no_fallback", "b/real": "no_fallback"}
        assert told["request"]["wishes"] == {"exclude": ["b"], "fallback": False, "retries": 0}
        assert [step["deployment"] for step in told["failover"]["steps"]] == ["a/dear"]

    play(test)


def test_a_request_of_another_dialect():
    """In an envelope, with headers of its own; what stands outside counts where it says nothing."""
    body = {"model": "m", "max_tokens": 7, "messages": [{"role": "user", "content": "hi"}]}

    async def test(gateway: Any, _upstream: Upstream) -> None:
        asked = {"path": MESSAGES, "headers": {"X-Gateway-Providers": "b"}, "request": body}
        told = await explained(gateway, asked, BEARER + "X-Gateway-Strategy: random\r\nX-Gateway-Providers: a\r\n")
        assert (told["path"], told["chosen"], told["strategy"]) == (MESSAGES, "b/real", "random")
        assert told["request"]["max_output"] == 7
        google = {"path": "/v1beta/models/m:streamGenerateContent", "request": {"contents": [{"parts": [{"text": "hi"}]}]}}
        assert (await explained(gateway, google))["request"]["needs"] == ["streaming"]

    play(test)


def test_regions_that_are_preferred():
    """They order equal choices, and are no reason to ask another model."""

    async def test(gateway: Any, _upstream: Upstream) -> None:
        told = await explained(gateway, chat("m", x_gateway_routing={"region_preference": ["us"]}))
        assert [one["deployment"] for one in told["candidates"]] == ["b/real", "a/real"]

    play(test)


def test_rules():
    """Those that matched by name; a rejection is what would happen, and no error of explaining."""
    rules = [
        {"name": "label", "when": 'metadata.team == "ml"', "then": {"strategy": "random"}, "continue": True},
        {"name": "eu", "when": 'header("x-zone") == "eu"', "then": {"route": "dear"}},
        {"name": "no", "when": "needs tools", "then": {"reject": "no tools here"}},
    ]

    async def test(gateway: Any, _upstream: Upstream) -> None:
        told = await explained(gateway, chat(x_gateway_metadata={"team": "ml"}), BEARER + "X-Zone: eu\r\n")
        assert (told["rules"], told["route"], told["strategy"]) == (["label", "eu"], "dear", "random")
        assert told["request"]["headers"] == {"x-zone": "eu"}
        tools = [{"type": "function", "function": {"name": "f"}}]
        told = await explained(gateway, chat(tools=tools))
        assert told["rejected"] == {"rule": "no", "reason": "no tools here", "status": 403, "code": "rejected_by_rule"}

    play(test, rules=rules)


@pytest.mark.parametrize(
    ("body", "headers", "error"),
    [
        (chat("dear"), OTHER, (403, "model_not_accessible", "model")),
        (chat(), OTHER + "X-Gateway-Priority: high\r\n", (403, "routing_hints_not_allowed", "X-Gateway-Priority")),
        (chat(), "", (401, "missing_api_key", None)),
        (chat("nowhere"), BEARER, (404, "model_not_found", "model")),
        (chat(x_gateway_routing={"x": 1}), BEARER, (400, "invalid_parameter_value", "x_gateway_routing.x")),
        ({"path": "/v1/models", "request": chat()}, BEARER, (400, "invalid_parameter_value", "path")),
        ({"path": CHAT, "request": chat(), "other": 1}, BEARER, (400, "invalid_parameter_value", None)),
        ({"request": chat(), "headers": {"a b": "c"}}, BEARER, (400, "invalid_parameter_value", "headers")),
        ({"request": chat(), "headers": {f"x{n}": "" for n in range(51)}}, BEARER, (400, "invalid_parameter_value", "headers")),
        ({"model": "m"}, BEARER, (400, "missing_field", "messages")),
        (b"{", BEARER, (400, "json_parse_error", None)),
    ],
)
def test_what_the_request_would_meet_before_it_is_routed(body, headers, error):
    """The same right, the same errors."""

    async def test(gateway: Any, _upstream: Upstream) -> None:
        assert await refused(gateway, body, headers) == error

    play(test)


def test_headers_cannot_change_who_asks():
    """A key in the envelope is none: the rights are those of the key that asks."""

    async def test(gateway: Any, _upstream: Upstream) -> None:
        told = await explained(gateway, {"request": chat(), "headers": {"Authorization": f"Bearer {KEY}"}}, OTHER)
        assert told["request"]["key"] == "others"

    play(test)


# ---- what real requests say and see


def test_our_members_never_reach_a_provider():
    """Neither as they came nor translated, and nobody is told that they were dropped."""
    wishes = {"x_gateway_routing": {"strategy": "priority"}, "x_gateway_metadata": {"team": "ml"}}

    async def test(gateway: Any, upstream: Upstream) -> None:
        status, headers, _ = await gateway.post(CHAT, {**wishes, **chat()})
        assert status == 200
        status, headers, body = await gateway.post(MESSAGES, {**wishes, **chat(), "max_tokens": 5})
        assert status == 200, body
        assert b"x-gateway-dropped" not in headers
        assert [b"x_gateway" in sent for _, sent in upstream.requests] == [False, False]
        assert b'"real"' in upstream.requests[0][1]

    play(test, said(), said())


def test_the_decision_in_the_headers():
    """Of an answer and of an error, whole and streamed."""

    async def test(gateway: Any, _upstream: Upstream) -> None:
        _, headers, _ = await gateway.post(CHAT, chat())
        assert headers[b"x-gateway-decision"] == b"route=m; strategy=priority; chosen=a/real; candidates=2; attempts=1"
        assert headers[b"x-gateway-requested-model"] == b"m"
        status, headers, _ = await gateway.post(CHAT, chat("a/real"))
        assert status == 400
        assert headers[b"x-gateway-decision"] == b"route=a/real; strategy=priority; chosen=a/real; candidates=1; attempts=1"
        assert b"x-gateway-requested-model" not in headers
        _, headers, _ = await gateway.post(CHAT, chat("nowhere"))
        assert b"x-gateway-decision" not in headers

    play(test, said(), answer({"error": {"message": "no"}}, "400 Bad"))


def test_decisions_can_be_looked_up():
    """With what became of every attempt, by the key that asked and by nobody else."""

    async def test(gateway: Any, _upstream: Upstream) -> None:
        for ident in ("one", "two"):
            await gateway.post(CHAT, chat(), BEARER + f"X-Request-ID: {ident}\r\n")
        status, found = await looked_up(gateway, f"{DECISIONS}/one")
        assert status == 200
        assert found["order"] == [{"leg": "m", "deployments": ["a/real", "b/real"]}]
        assert [(one["provider"], one["status"], one["error"]) for one in found["attempts"]] == [
            ("a", 500, "server_error"),
            ("b", 200, None),
        ]
        assert (await looked_up(gateway, f"{DECISIONS}/one", OTHER))[0] == 404
        status, listed = await looked_up(gateway, DECISIONS)
        assert ([one["request_id"] for one in listed["data"]], listed["has_more"]) == (["two", "one"], False)
        status, listed = await looked_up(gateway, f"{DECISIONS}?limit=1")
        assert ([one["request_id"] for one in listed["data"]], listed["has_more"]) == (["two"], True)
        assert (await looked_up(gateway, DECISIONS, OTHER))[1]["data"] == []
        assert (await looked_up(gateway, f"{DECISIONS}?limit=101"))[0] == 400
        assert (await looked_up(gateway, DECISIONS, ""))[0] == 401

    play(test, answer({}, "500 Broken"), said(), said())


def test_a_sampled_decision_can_be_made_again():
    """What is shown of it is enough to come to the same one offline, and holds nothing of the prompt."""

    async def test(gateway: Any, _upstream: Upstream) -> None:
        secret = "nobody may read this"
        body = chat("dear", messages=[{"role": "user", "content": secret}])
        await gateway.post(CHAT, body, BEARER + "X-Request-ID: one\r\n")
        _, found = await looked_up(gateway, f"{DECISIONS}/one")
        line = msgspec.json.encode(found["record"])
        record = from_json(line)
        assert outcome_of(recompute(record)) == record.outcome
        assert record.outcome.legs[0] == ("dear", ("b/cheap", "a/dear"))
        assert secret not in str(found)

    play(test, said())


def test_a_prompt_goes_where_it_is_cached():
    """What a deployment was sent is expected to lie in its prompt cache, and the next one like it is told so."""
    prompt = chat("dear", messages=[{"role": "user", "content": "x" * 8000}])

    async def test(gateway: Any, _upstream: Upstream) -> None:
        wishes = {**prompt, "x_gateway_routing": {"strategy": "prefix_affinity"}}
        await gateway.post(CHAT, {**wishes, "x_gateway_routing": {"strategy": "prefix_affinity", "provider_preference": ["a"]}})
        told = await explained(gateway, wishes)
        cached = {one["deployment"]: one["terms"].get("cached") for one in told["candidates"]}
        assert cached["a/dear"] > 0
        assert cached["b/cheap"] == 0

    play(test, said())


def test_what_is_kept_can_be_switched_off():
    """`keep: 0`."""

    async def test(gateway: Any, _upstream: Upstream) -> None:
        await gateway.post(CHAT, chat())
        assert (await looked_up(gateway, DECISIONS))[1]["data"] == []

    play(test, said(), decisions={"keep": 0})


def test_a_request_that_says_nothing_is_not_changed():
    """Its bytes reach a provider of the same dialect as they came, but for the model."""

    async def test(gateway: Any, upstream: Upstream) -> None:
        body = b'{ "model" : "a/real", "messages":[ {"role":"user","content":"hi"} ], "odd":  1.0 }'
        async with connected(gateway.port) as raw:
            raw.send(request(CHAT, body))
            await raw.reply()
        assert upstream.requests[0][1].partition(b"\r\n\r\n")[2] == body.replace(b"a/real", b"real")

    play(test, said())
