"""Limits and budgets under attack, before a real gateway: C26, C27, C28 of faults.md (lies of a provider: test_usage_lies.py)."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from faults.answers import Got
from faults.spent import BIG, INPUT, OUTPUT, ask, configuration, priced, row, rows, simulator
from faults.world import FRONTS, Client, eventually, payload, question, request_bytes
from gateway_process import KEY, GatewayProcess, running_gateway
from llm_gateway.simulator import RunningSimulator
from servers import RedisServer, redis_server

__all__ = ["redis_server", "simulator"]
pytestmark = pytest.mark.timeout(90)


def many(gateway: GatewayProcess, key: str, count: int, body: bytes) -> list[Got]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: ask(gateway, key, body), range(count)))


# C26


@pytest.mark.parametrize("workers", [1, 2])
def test_a_rate_lets_exactly_so_many_by(
    simulator: RunningSimulator, redis_server: RedisServer, tmp_path: Path, workers: int
) -> None:
    """C26: of 60 at once exactly 10 pass a limit of 10, by one worker and by two that share a Redis; the others are told when to
    come back, and those that have the limit to themselves do not notice."""
    keys = [{"name": "ten", "key": BIG, "limits": {"requests": {"day": 10}}}]
    more: dict[str, Any] = (
        {"redis": {"url": redis_server.url, "timeout": "3s"}, "server": {"workers": workers}} if workers > 1 else {}
    )
    with running_gateway(configuration(simulator, keys, **more), tmp_path) as gateway:
        got = many(gateway, BIG, 60, payload("openai", "openai-m", question()))
        assert Counter(one.status for one in got) == {200: 10, 429: 50}
        for one in got:
            if one.status == 429:
                assert one.error["code"] == "rate_limit_exceeded"
                assert int(one.header("retry-after") or 0) > 0
                assert one.header("x-ratelimit-remaining") == "0"
        assert ask(gateway, KEY, payload("openai", "openai-m", question())).status == 200


def test_places_are_free_again_whatever_happens(simulator: RunningSimulator, tmp_path: Path) -> None:
    """C26 (peers L#5783): after callers that left, errors and streams that were cut, all places are there again."""
    keys = [{"name": "three", "key": BIG, "limits": {"concurrent": 3, "streams": 2}}]
    config = configuration(simulator, keys)
    config["models"]["broken"] = {"deployments": ["openai/priced@@reset_mid:after=400"], "retries": 0}
    config["models"]["failing"] = {"deployments": ["openai/priced@@500"], "retries": 0}
    with running_gateway(config, tmp_path) as gateway:
        for _ in range(4):
            for model in ("broken", "failing", "openai-m"):
                for stream in (True, False):
                    body = payload("openai", model, question(), stream=stream)
                    assert ask(gateway, BIG, body).status in (200, 500, 502, 503)
            leaving = request_bytes("openai", payload("openai", "openai-m", stream=True, tokens=200)).replace(
                KEY.encode(), BIG.encode()
            )
            with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as sock:
                sock.sendall(leaving)
                assert sock.recv(1 << 12)
        time.sleep(0.3)
        with ThreadPoolExecutor(3) as pool:
            bodies = [payload("openai", "openai-m", tokens=60, stream=stream) for stream in (True, True, False)]
            assert [got.status for got in pool.map(lambda body: ask(gateway, BIG, body), bodies)] == [200, 200, 200]


# C27


def test_streams_at_once_cannot_share_the_last_dollar(simulator: RunningSimulator, tmp_path: Path) -> None:
    """C27: fifty streams race for a budget that is enough for one: it is exceeded by no more than one reservation was too small."""
    cost = 100 * OUTPUT + 40 * INPUT
    keys = [{"name": "one", "key": BIG, "budgets": [{"amount": cost * 1.2 / 1e9, "period": "total"}]}]
    with running_gateway(configuration(simulator, keys), tmp_path) as gateway:
        body = payload("openai", "openai-m", stream=True, tokens=100, more={"max_tokens": 100})
        got = many(gateway, BIG, 50, body)
        assert Counter(one.status for one in got)[200] == 1
        assert {one.status for one in got} <= {200, 402, 429}
        for one in got:
            if one.status != 200:
                details = one.error["details"]
                assert {"limit", "settled", "reserved", "remaining", "reset"} <= details.keys()
                assert details["remaining"] >= 0
        assert eventually(lambda: sum(one.cost for one in rows(gateway)) > 0)  # the row is written behind the last byte
        assert sum(one.cost for one in rows(gateway)) <= cost * 1.2


@pytest.mark.long
def test_a_budget_is_never_earned_back(simulator: RunningSimulator, tmp_path: Path) -> None:
    """C27: requests that fail, or are left, give back what they had reserved and not a nano-dollar more."""
    keys = [{"name": "some", "key": BIG, "budgets": [{"amount": 0.01, "period": "total"}]}]
    config = configuration(simulator, keys)
    config["models"]["failing"] = {"deployments": ["openai/priced@@500"], "retries": 0}
    with running_gateway(config, tmp_path) as gateway:
        for _ in range(20):
            assert ask(gateway, BIG, payload("openai", "failing", tokens=50, more={"max_tokens": 50})).status == 502
        asked = 0
        while (got := ask(gateway, BIG, payload("openai", "openai-m", tokens=100, more={"max_tokens": 100}))).status == 200:
            asked += 1
            assert asked < 20
        assert got.status == 402
        assert got.error["details"]["settled"] * 1e9 == pytest.approx(sum(one.cost for one in rows(gateway)), abs=1)
        assert asked in (8, 9)


# C28


@pytest.fixture(scope="module")
def spending(simulator: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    keys = [{"name": "big", "key": BIG, "budgets": [{"amount": 1000, "period": "total"}]}]
    with running_gateway(configuration(simulator, keys), tmp_path_factory.mktemp("spending")) as made:
        yield made


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("back", FRONTS)
@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_without_usage_costs_what_was_written(spending: GatewayProcess, front: str, back: str, stream: bool) -> None:
    """C28 (peers E#680, litellm #14457): the provider tells nothing; what was written is charged, and marked as estimated."""
    got = ask(spending, BIG, payload(front, f"{back}-silent", stream=stream, tokens=80), front)
    assert got.status == 200
    found = priced(spending, got, 30)
    assert found.estimated
    assert found.cost <= 400 * OUTPUT


@pytest.mark.parametrize("more", [{}, {"stream_options": {"include_usage": False}}, {"stream_options": {"include_usage": True}}])
def test_a_stream_whose_caller_wants_no_usage_costs_the_same(spending: GatewayProcess, more: dict[str, Any]) -> None:
    """C28: leaving `stream_options` out, or refusing it, is no way around a budget."""
    got = ask(spending, BIG, payload("openai", "openai-m", stream=True, tokens=100, more=more))
    found = priced(spending, got, 50)
    assert found.cost <= 300 * OUTPUT


def test_many_choices_cost_what_they_are(spending: GatewayProcess) -> None:
    """C28: n=128 is counted 128 times, before and after."""
    body = payload("openai", "openai-m", tokens=5, more={"n": 128, "max_tokens": 5})
    got = ask(spending, BIG, body)
    assert got.status == 200, got
    assert len(got.document["choices"]) == 128
    priced(spending, got, 128 * 4)


def test_many_choices_are_reserved_before(simulator: RunningSimulator, tmp_path: Path) -> None:
    """C28: a budget that is enough for one answer refuses 128 of them at once."""
    keys = [{"name": "one", "key": BIG, "budgets": [{"amount": 50 * OUTPUT / 1e9, "period": "total"}]}]
    with running_gateway(configuration(simulator, keys), tmp_path) as gateway:
        assert ask(gateway, BIG, payload("openai", "openai-m", tokens=5, more={"n": 128, "max_tokens": 5})).status == 402
        assert ask(gateway, BIG, payload("openai", "openai-m", tokens=5, more={"max_tokens": 5})).status == 200


def test_a_huge_prompt_is_reserved_before(simulator: RunningSimulator, tmp_path: Path) -> None:
    """C28: a megabyte of prompt does not fit in a small budget, whatever max_tokens says; and nobody is asked."""
    keys = [{"name": "small", "key": BIG, "budgets": [{"amount": 0.01, "period": "total"}]}]
    with running_gateway(configuration(simulator, keys), tmp_path) as gateway:
        before = len(simulator.requests)
        body = payload("openai", "openai-m", "word " * 200_000, more={"max_tokens": 1})
        assert ask(gateway, BIG, body).status == 402
        assert len(simulator.requests) == before


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("model", ["m", "silent"])
def test_leaving_before_the_usage_comes_costs_what_was_written(spending: GatewayProcess, front: str, model: str) -> None:
    """C28 (peers N#4168, O#256): the caller leaves in the middle of a stream; what came until then is charged, not all of it,
    not nothing."""
    marked = f"leaving-{front}-{model}"
    body = payload(front, f"openai-{model}", stream=True, tokens=400)
    data = request_bytes(front, body, f"X-Request-ID: {marked}").replace(KEY.encode(), BIG.encode())
    with socket.create_connection(("127.0.0.1", spending.port), timeout=10) as sock:
        sock.sendall(data)
        got = b""
        while len(got) < 20_000:
            got += sock.recv(1 << 16)
    found = row(spending, marked)
    assert found.status == "client_gone", found
    assert found.estimated
    assert 20 * OUTPUT < found.cost < 399 * OUTPUT, found


@pytest.mark.long
def test_a_path_of_the_providers_own_is_paid_for(simulator: RunningSimulator, tmp_path: Path) -> None:
    """C28 (peers B#2873, L#33210): what passes through unread has a row with its cost, and stops when the budget is used up."""
    keys = [{"name": "big", "key": BIG, "passthrough": ["*"], "budgets": [{"amount": 0.012, "period": "total"}]}]
    config = configuration(simulator, keys)
    config["providers"]["openai"]["passthrough"] = {"paths": ["/v1/chat/completions"], "methods": ["POST"]}
    statuses = []
    with running_gateway(config, tmp_path) as gateway:
        body = payload("openai", "priced", tokens=100).replace(b'"openai-m"', b'"priced"')
        while (not statuses or statuses[-1] == 200) and len(statuses) < 20:
            client = Client(gateway.port)
            headers = {"Authorization": f"Bearer {BIG}", "Content-Type": "application/json"}
            client.connection.request("POST", "/passthrough/openai/v1/chat/completions", body, headers)
            answer = client.connection.getresponse()
            answer.read()
            statuses.append(answer.status)
            if answer.status == 200:
                found = row(gateway, answer.headers["x-request-id"])
                assert found.cost >= 90 * OUTPUT, found
            client.close()
    assert statuses[-1] == 402
    assert 2 <= statuses.count(200) <= 12
