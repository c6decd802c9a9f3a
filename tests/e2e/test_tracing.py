"""Traces of a real gateway: from a caller's traceparent to a collector, past a provider, whatever the collector does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.collector import Answer, Collector, Seen, check_nesting, collecting
from gateway_process import KEY, GatewayProcess, running_gateway
from llm_gateway.simulator import RunningSimulator, SimulatorOptions, running_simulator

pytestmark = pytest.mark.timeout(120)
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CANARIES = {
    "provider": "sk-provider-canary-0123456789",
    "collector": "collector-canary-0123456789",
    "prompt": "prompt-canary-0123456789",
    "user": "user-canary@example.com",
    "baggage": "baggage-canary",
}


def configuration(simulator: RunningSimulator, collector: str, **tracing: Any) -> dict[str, Any]:
    headers = {"x-key": CANARIES["collector"]}
    return {
        "server": {"admin": {"port": 0}, "workers": 2},
        "providers": {
            name: {"type": "openai", "base_url": f"{simulator.url}/v1", "api_key": CANARIES["provider"]} for name in ("a", "b")
        },
        "models": {
            "m": {"deployments": ["a/first@@503", "b/second"], "retries": 0},
            "cut": {"deployments": ["b/third@@mid_error+rechunk:mode=event,delay=0.03"], "retries": 0},
            "good": "b/fourth",
        },
        "resilience": {"circuit_breaker": {"enabled": False}},
        "telemetry": {"tracing": {"endpoint": collector, "sample": 0, "interval": "50ms", "headers": headers, **tracing}},
    }


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator(SimulatorOptions()) as made:
        yield made


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as made:
        yield made


def ask(gateway: GatewayProcess, model: str, *, key: str = KEY, sampled: bool = True, **body: Any) -> httpx.Response:
    headers = {
        "Authorization": f"Bearer {key}",
        "traceparent": f"00-{TRACE}-{PARENT}-0{sampled:d}",
        "baggage": "a=" + CANARIES["baggage"],
    }
    document = {"model": model, "messages": [{"role": "user", "content": CANARIES["prompt"]}], "user": CANARIES["user"], **body}
    return httpx.post(f"{gateway.url}/v1/chat/completions", headers=headers, json=document, timeout=30)


def eventually(condition: Callable[[], Any], seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not arrive"
        time.sleep(0.05)
    return found


def attempts(spans: list[Seen]) -> list[tuple[str, str]]:
    return [(span.name, span.attributes["gateway.attempt.result"]) for span in spans if span.name.startswith("provider.")]


def test_a_trace_with_its_attempts_arrives(simulator: RunningSimulator, collector: Collector, tmp_path: Path):
    """Failover, cut and refusal, each whole; the access log names the same trace; no secret is in any of it."""
    with running_gateway(configuration(simulator, collector.url), tmp_path) as gateway:
        answered = ask(gateway, "m")
        assert answered.status_code == 200
        assert ask(gateway, "cut", stream=True, sampled=False).status_code == 200
        assert ask(gateway, "m", key="sk-nobody-0123456789abcdef", sampled=False).status_code == 401
        assert ask(gateway, "good", sampled=False).status_code == 200
        eventually(lambda: len([span for span in collector.spans if span.name == "gateway.request"]) == 3)
        lines = {line["request_id"]: line for line in gateway.access_lines(4, 30)}
    told = collector.spans
    by_request = [
        [span for span in told if root.id in {span.id, span.parent} or _within(span, root, told)]
        for root in told
        if root.kind == 2
    ]
    for spans in by_request:
        check_nesting(spans)
    first = next(spans for spans in by_request if spans[0].attributes["request.id"] == answered.headers["x-request-id"])
    root = next(span for span in first if span.name == "gateway.request")
    assert (root.trace, root.parent) == (TRACE, PARENT)
    assert attempts(first) == [("provider.a.request", "failed"), ("provider.b.request", "answered")]
    line = lines[answered.headers["x-request-id"]]
    assert (line["trace_id"], line["span_id"]) == (root.trace, root.id)
    cut = next(spans for spans in by_request if any(span.attributes.get("gateway.attempt.result") == "cut" for span in spans))
    assert attempts(cut) == [("provider.b.request", "cut")]
    sent = dict(simulator.requests[1].headers)
    (answering,) = (span for span in first if span.name == "provider.b.request")
    assert sent["traceparent"] == f"00-{TRACE}-{answering.id}-01"
    assert "baggage" not in sent
    everything = b"".join(collector.bodies)
    found = [name for name, canary in CANARIES.items() if canary.encode() in everything]
    assert found == []
    assert KEY.encode() not in everything


def _within(span: Seen, root: Seen, spans: list[Seen]) -> bool:
    return any(parent.id == span.parent and parent.parent == root.id for parent in spans)


@pytest.mark.long
@pytest.mark.parametrize(
    "answers",
    [[Answer(seconds=60)], [Answer(500)], [Answer(200, b"\xff\xff")], []],
    ids=["slow", "broken", "garbage", "gone"],
)
def test_callers_do_not_notice(answers: list[Answer], simulator: RunningSimulator, collector: Collector, tmp_path: Path):
    """Whatever the collector does, requests take what they take, and the gateway ends in time."""
    collector.answers = answers
    url = collector.url if answers else "http://127.0.0.1:1"
    headers = {"Authorization": f"Bearer {KEY}"}
    body = {"model": "good", "messages": [{"role": "user", "content": "hi"}]}
    with (
        running_gateway(configuration(simulator, url, sample=1, queue=8, batch=4), tmp_path) as gateway,
        httpx.Client() as client,
    ):
        end = time.monotonic() + 1.5  # longer than a worker waits until it tells
        while time.monotonic() < end:
            asked = time.monotonic()
            response = client.post(f"{gateway.url}/v1/chat/completions", headers=headers, json=body, timeout=30)
            assert response.status_code == 200
            assert time.monotonic() - asked < 5
        assert httpx.get(f"{gateway.url}/health/ready", timeout=30).status_code == 200
        ending = time.monotonic()
    assert time.monotonic() - ending < 20
