"""The ways of using the gateway that are measured, and the configuration they need."""

from __future__ import annotations

from dataclasses import dataclass

KEY = "sk-gateway-benchmark-0123456789"
COUNTED = "sk-gateway-benchmark-counted-0123"
UP = 9811  # upstream.c: whole, burst, paced, message
TLS, PROXY, GATEWAY = 9815, 9816, 9818
SHARING, REDIS = 9819, 9820
"""A second gateway, which counts in Redis."""
OBSERVING, COLLECTOR = 9821, 9822
"""A third one, which traces, and who takes its traces."""
ENGINE = 9823
"""No gateway: its engine alone (engine.py)."""
KEEPING = 9824
"""A gateway that gives kept answers again."""


@dataclass(frozen=True)
class Case:
    """One way of using the gateway, and what nginx does meanwhile."""

    name: str
    title: str
    model: str
    prefix: str  # nginx location
    goal: float  # times nginx; 0: none
    size: int = 1500
    stream: bool = False
    connections: int = 32
    events: int = 1
    path: str = "/v1/chat/completions"
    key: str = KEY
    port: int = GATEWAY


CASES = (
    Case("engine", "the floor: this HTTP server and client alone, 1.5 KB", "whole", "/whole", 0, port=ENGINE),
    Case("whole", "1.5 KB chat, whole answer", "whole", "/whole", 2.4),
    Case(
        "limited", "the same, a key with limits on requests, tokens and places, and a budget", "whole", "/whole", 3.0, key=COUNTED
    ),
    Case(
        "observed",
        "the same, with 1 % of requests traced (metrics, access log and ledger are always on)",
        "whole",
        "/whole",
        3.2,
        key=COUNTED,
        port=OBSERVING,
    ),
    Case(
        "redis",
        "the same without traces, counted in Redis (its own CPU left out)",
        "whole",
        "/whole",
        5.0,
        key=COUNTED,
        port=SHARING,
    ),
    Case(
        "cached",
        "the same, answered by the cache in memory (nginx asks the provider)",
        "whole",
        "/whole",
        0,
        key=COUNTED,
        port=KEEPING,
    ),
    Case("big", "100 KB chat, whole answer", "whole", "/whole", 3.0, size=100_000),
    Case(
        "paced",
        "stream, 51 events 10 ms apart, 200 at once (per event)",
        "paced",
        "/paced",
        1.5,
        stream=True,
        connections=200,
        events=51,
    ),
    Case(
        "observed-paced",
        "the same, a key with limits, and 1 % of requests traced",
        "paced",
        "/paced",
        1.5,
        stream=True,
        connections=200,
        events=51,
        key=COUNTED,
        port=OBSERVING,
    ),
    Case("burst", "stream, 51 events at once (per event)", "burst", "/burst", 1.5, stream=True, events=51),
    Case("tls", "1.5 KB chat, TLS to the provider", "tls", "/tls", 3.3),
    Case("translated", "1.5 KB chat, OpenAI front to Anthropic provider", "message", "/message", 4.0),
    Case(
        "translated-paced",
        "stream, Anthropic front to OpenAI provider, 51 events 10 ms apart, 200 at once (per event)",
        "paced",
        "/paced",
        2.5,
        stream=True,
        connections=200,
        events=51,
        path="/v1/messages",
    ),
    Case(
        "translated-burst",
        "stream, Anthropic front to OpenAI provider, 51 events at once (per event)",
        "burst",
        "/burst",
        2.5,
        stream=True,
        events=51,
        path="/v1/messages",
    ),
)

CONFIG = f"""
server: {{port: PORT, admin: {{port: 0}}, limits: {{connections: 20000}}, timeouts: {{idle: 10m}}}}
network: {{connections_per_provider: 1024, idle_connections: 1024}}
providers:
  whole: {{type: openai_compatible, base_url: "http://127.0.0.1:{UP}/v1", api_key: sk-upstream}}
  burst: {{type: openai_compatible, base_url: "http://127.0.0.1:{UP + 1}/v1", api_key: sk-upstream}}
  paced: {{type: openai_compatible, base_url: "http://127.0.0.1:{UP + 2}/v1", api_key: sk-upstream}}
  message: {{type: anthropic, base_url: "http://127.0.0.1:{UP + 3}/v1", api_key: sk-upstream}}
  tls: {{type: openai_compatible, base_url: "https://localhost:{TLS}/v1", api_key: sk-upstream, tls: {{ca_file: CERT}}}}
models: {{whole: whole/bench, burst: burst/bench, paced: paced/bench, message: message/bench, tls: tls/bench}}
auth:
  keys:
  - {{name: bench, key: {KEY}}}
  - name: counted
    key: {COUNTED}
    limits: {{requests: {{minute: 100000000}}, tokens: {{minute: 10000000000}}, concurrent: 100000}}
    budgets: [{{amount: 900000, period: month}}]
catalogue:
  models:
    whole/bench: &priced {{prices: {{input: 2.5, cache_read: 1.25, output: 10}}}}
    burst/bench: *priced
    paced/bench: *priced
    message/bench: *priced
    tls/bench: *priced
logging: {{access: LOG}}
state: {{dir: STATE}}
"""

TRACING = f"telemetry: {{tracing: {{endpoint: 'http://127.0.0.1:{COLLECTOR}', sample: 0.01}}}}\n"
CACHING = "cache: {enabled: true}\n"
COUNTING = f"redis: {{url: 'redis://127.0.0.1:{REDIS}'}}\n"
