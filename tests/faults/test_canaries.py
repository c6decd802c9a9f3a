"""No secret and nothing that was said is in anything that comes out: logs, metrics, traces, errors, what a crash leaves.

Unlike test_secrecy.py, which asks every dialect, this one asks for trouble: a provider that repeats what it hears, stores that
are away, a bug in a stage, a worker that is killed by SIGABRT with Python's fault handler on.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.collector import Collector, collecting
from fakes.talkative import talkative
from faults.world import NO_GUARDS, eventually
from gateway_process import GatewayProcess, running_gateway

pytestmark = pytest.mark.timeout(120)
KEY = "sk-gateway-CANARYKEY-0123456789abcdef"
AGREED = "sk-gateway-CANARYAGREED-0123456789abcdef"
ADMIN = "sk-admin-CANARYADMIN-0123456789abcdef"
SAID = {
    "prompt": "CANARYPROMPT who said this",
    "answer": "CANARYANSWER is what was answered",
    "arguments": "CANARYARGUMENT",
    "image": "https://img.test/x.png?X-Amz-Signature=CANARYIMAGE0123456789",
    "email": "canaryuser@mail.example",
    "system": "CANARYSYSTEM text",
}
SECRETS = {
    "gateway key": KEY,
    "agreed key": AGREED,
    "admin key": ADMIN,
    "wrong key": "sk-gateway-CANARYWRONG-0123456789abcdef",
    "provider key": "sk-provider-CANARYPROVIDER-0123456789",
    "provider header": "CANARYHEADER-0123456789",
    "cookie": "CANARYCOOKIE-0123456789",
    "baggage": "CANARYBAGGAGE-0123456789",
    "database password": "CANARYDATABASE0123456789",
    "redis password": "CANARYREDIS0123456789",
    "collector key": "CANARYCOLLECTOR-0123456789",
}
PLAIN: dict[str, Any] = {"timeout": 30, "verify": False}
"""For httpx: reading certificates takes longer than the request."""
CARD = "4111 1111 1111 1111"
USAGE = ("state/ledger/", "state/gateway.db")
BUG = """
import sys
from llm_gateway.edge.respond import Respond

before = Respond.respond

def respond(self, ex, answer):
    if ex.model == "buggy":
        raise RuntimeError(f"{ex.body!r} {ex.headers!r} {answer!r} {getattr(answer, 'body', b'')!r}")
    return before(self, ex, answer)

Respond.respond = respond
"""


def configuration(provider: str, collector: str, folder: Path) -> dict[str, Any]:
    keys = [
        {"name": "admin", "key": ADMIN, "kind": "admin"},
        {"name": "caller", "key": KEY, "tenant": "acme"},
        {"name": "agreed", "key": AGREED, "tenant": "open"},
    ]
    models = ("good", "failing", "refusing", "malformed", "cut", "buggy")
    return {
        "auth": {"keys": keys},
        "tenants": {"acme": {}, "open": {}},
        "providers": {
            "p": {
                "type": "openai",
                "base_url": f"{provider}/v1",
                "api_key": SECRETS["provider key"],
                "headers": {"x-more": SECRETS["provider header"]},
            }
        },
        "models": {name: {"deployments": [f"p/{name}"], "retries": 0} for name in models},
        "resilience": NO_GUARDS,
        "redis": {"url": f"redis://:{SECRETS['redis password']}@127.0.0.1:1"},
        "logging": {"level": "debug", "access": str(folder / "access.log")},
        "telemetry": {
            "tracing": {
                "endpoint": collector,
                "sample": 1,
                "interval": "50ms",
                "headers": {"x-key": SECRETS["collector key"]},
            },
            "content": {"tenants": ["open"]},
        },
    }


def ask(gateway: GatewayProcess, model: str, key: str = KEY, *, stream: bool = False, raw: bytes | None = None) -> bytes:
    """One request with everything in it that must not come out; head and body of the answer."""
    content = [
        {"type": "text", "text": f"{SAID['prompt']} {CARD}"},
        {"type": "image_url", "image_url": {"url": SAID["image"]}},
    ]
    messages = [{"role": "system", "content": SAID["system"]}, {"role": "user", "content": content}]
    document = {"model": model, "stream": stream, "user": SAID["email"], "messages": messages}
    headers = {
        "Authorization": f"Bearer {key}",
        "Cookie": f"session={SECRETS['cookie']}",
        "baggage": f"a={SECRETS['baggage']}",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    }
    body = httpx.Request("POST", "http://x", json=document).content if raw is None else raw
    head = {**headers, "Content-Type": "application/json"}
    try:
        answer = httpx.post(f"{gateway.url}/v1/chat/completions", content=body, headers=head, **PLAIN)
    except httpx.RemoteProtocolError:
        return b""  # a stream that was cut
    return str(answer.headers).encode() + answer.content


def shown(gateway: GatewayProcess) -> dict[str, bytes]:
    """What operators are shown."""
    paths = (
        "/metrics",
        "/health",
        "/health/providers",
        "/admin/config",
        "/admin/v1/config",
        "/admin/v1/providers",
        "/admin/v1/keys",
        "/admin/v1/audit",
        "/admin/v1/snapshots",
        "/admin/v1/system",
        "/admin/v1/tenants/acme/content",
    )
    headers = {"Authorization": f"Bearer {ADMIN}"}
    return {path: httpx.get(f"{gateway.admin}{path}", headers=headers, **PLAIN).content for path in paths}


@contextmanager
def gateway(folder: Path, collector: Collector, **more: Any) -> Iterator[GatewayProcess]:
    """With a bug in a stage, and Python's fault handler on."""
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(BUG)
    environ = {"PYTHONPATH": str(folder / "site"), "PYTHONFAULTHANDLER": "1"}
    with (
        talkative(SAID["answer"], f'{{"secret": "{SAID["arguments"]}"}}') as provider,
        pytest.raises(AssertionError, match='"event":"bug"'),  # what running_gateway makes of it
        running_gateway({**configuration(provider, collector.url, folder), **more}, folder, environ) as made,
    ):
        yield made


def trouble(made: GatewayProcess) -> list[bytes]:
    """Everything that may go well or wrong; what callers without a right to the answer were told."""
    for stream in (False, True):
        ask(made, "good", stream=stream)
        ask(made, "good", AGREED, stream=stream)
    told = []
    for model in ("failing", "malformed", "buggy", "nothing"):
        told += [ask(made, model, stream=stream) for stream in (False, True)]
    ask(made, "cut", stream=True)
    told.append(ask(made, "refusing"))  # the last: the account then has a pause
    told.append(ask(made, "good", SECRETS["wrong key"]))
    told.append(ask(made, "good", raw=b'{"model": "good", "messages": "' + SAID["prompt"].encode()))
    told.append(ask(made, "good", raw=b'{"model": 7, "messages": [{"role": "' + SAID["prompt"].encode() + b'"}]}'))
    return told


def written(folder: Path) -> dict[str, bytes]:
    """Every file but the configuration, where secrets stand, and the bug."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: data for name, data in found.items() if name != "gateway.json" and not name.startswith("site/")}


def leaks(found: dict[str, bytes], canaries: dict[str, str]) -> list[tuple[str, str]]:
    """Where, and what. Usage is kept by the end users' names: in the ledger's log and in the store, and nowhere else."""
    short = {name: value.rpartition("=")[2] if "://" in value else value for name, value in canaries.items()}
    places = [(where, name) for where, data in found.items() for name, value in short.items() if value.encode() in data]
    return [(where, name) for where, name in places if name != "email" or not where.startswith(USAGE)]


def test_no_canary_comes_out(tmp_path: Path) -> None:
    """Whole, streamed, cut, failing, malformed, refused, with a bug, and with a worker that crashes."""
    with collecting() as collector:
        with gateway(tmp_path, collector) as made:
            told = trouble(made)
            assert eventually(lambda: len(made.access_lines()) >= len(told) + 5, 20)
            found = {f"answer {at}": answer for at, answer in enumerate(told)}
            assert eventually(lambda: len([span for span in collector.spans if span.name == "gateway.request"]) >= 10, 20)
            headers = {"Authorization": f"Bearer {ADMIN}"}
            contents = f"{made.admin}/admin/v1/tenants/open/content"
            assert eventually(lambda: len(httpx.get(contents, headers=headers, **PLAIN).json()["data"]) == 2, 20)
            kept = httpx.get(contents, headers=headers, **PLAIN).content
            found |= shown(made)
            assert httpx.get(contents, headers={"Authorization": f"Bearer {AGREED}"}, **PLAIN).status_code == 403
            assert httpx.get(contents.replace("open", "acme"), headers=headers, **PLAIN).status_code == 404
            os.kill(made.worker, signal.SIGABRT)
            assert eventually(lambda: '"event":"worker_left"' in made.events(), 20)
            assert eventually(lambda: b"CANARYANSWER" in ask_patiently(made), 30)
        found |= written(tmp_path) | {f"trace {at}": body for at, body in enumerate(collector.bodies)}
    assert b"Fatal Python error: Aborted" in found["stderr"]
    assert b'"event":"bug"' in found["stderr"]
    assert any(name.startswith("state/content/open/") for name in found)
    assert b"content.read" in b"".join(data for name, data in found.items() if name.startswith("state/audit/audit-"))
    assert leaks(found, SECRETS | SAID) == []
    assert SAID["prompt"].encode() in kept  # who agreed finds what was said, and no secret in it
    assert SAID["answer"].encode() in kept
    assert leaks({"content": kept}, SECRETS | {name: SAID[name] for name in ("arguments", "image", "email")}) == []
    assert CARD.encode() not in kept


def test_the_search_finds_what_it_looks_for() -> None:
    """Each canary, wherever it stands; an end user's name is expected in the ledger, and nowhere else."""
    canaries = SECRETS | SAID
    planted = {name: b"x" + value.encode() + b"y" for name, value in canaries.items()}
    assert sorted(leaks(planted, canaries)) == sorted((name, name) for name in canaries)
    assert leaks({"state/ledger/0/1.wal": SAID["email"].encode()}, canaries) == []


def ask_patiently(made: GatewayProcess) -> bytes:
    """A worker may not be there yet."""
    try:
        return ask(made, "good")
    except httpx.TransportError:
        time.sleep(0.1)
        return b""


@pytest.mark.long
def test_no_canary_comes_out_of_a_database_that_is_away(tmp_path: Path) -> None:
    """Its password stands in its URL, and libraries like to quote URLs."""
    url = f"postgresql://gateway:{SECRETS['database password']}@127.0.0.1:1/gateway"
    with collecting() as collector:
        with gateway(tmp_path, collector, database={"url": url}) as made:
            told = [ask(made, "buggy"), ask(made, "good", SECRETS["wrong key"])]
            found = {f"answer {at}": answer for at, answer in enumerate(told)} | shown(made)
            assert eventually(lambda: '"event":"bug"' in made.events(), 20)
        found |= written(tmp_path)
    assert leaks(found, SECRETS | SAID) == []
