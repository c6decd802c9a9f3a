"""No configuration key is accepted and then ignored."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import SimpleNamespace

import msgspec
import pytest
import trustme
from msgspec import inspect as mi
from starlette.requests import Request

from control.signin.house import house
from fakes.oidc import providing
from fakes.secret_stores import FakeVault, running
from llm_gateway.accounting.scan import Position
from llm_gateway.config.gather import Gathered, Reference
from llm_gateway.config.load import load
from llm_gateway.config.schema import Allowance, Budget, Config, Limiting, Rate, Secrets, Section, Sections
from llm_gateway.config.schema.secrets import AwsStore, AzureStore, GoogleStore, VaultAppRole, VaultKubernetes, VaultStore
from llm_gateway.config.schema.signin import Oidc
from llm_gateway.config.values import Money, Secret
from llm_gateway.control.admission import Admission
from llm_gateway.control.audit import Event
from llm_gateway.control.audit_log import PRUNE_SECONDS
from llm_gateway.control.audit_open import open_log
from llm_gateway.control.configuring.history import History
from llm_gateway.control.content.log import ContentLog
from llm_gateway.control.ledger.alerts import message_of
from llm_gateway.control.ledger.slot import Slot
from llm_gateway.control.ledger.wired import Keeping as LedgerKeeping
from llm_gateway.control.metrics import Metrics
from llm_gateway.control.metrics_tally import Tally
from llm_gateway.control.tracing import Exporter
from llm_gateway.core.caller import Spending
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.ids import Ids
from llm_gateway.credentials.ring import Ring, load_ring
from llm_gateway.credentials.stores.keeper import Keeper
from llm_gateway.identity.access import admin_doors
from llm_gateway.limits.alerts import Alert
from llm_gateway.limits.compile import meters_of, of_everyone, of_source, of_tag
from llm_gateway.providers.registry import option_names
from llm_gateway.store.ready import ready_store
from llm_gateway.store.threads import Threads
from llm_gateway.supervisor.listeners import listening
from llm_gateway.telemetry.content import Contents
from llm_gateway.telemetry.traces import Traces
from llm_gateway.worker.serve import Gateway

ONE_VALUE = {
    ("Provider", "enabled"): "read by the loader too",
}
"""Keys that stand in the schema because their name is fixed, and have one value yet."""


def fields(kind: mi.Type) -> Iterator[tuple[str, str]]:
    """Every key of the schema: its section's class and its name."""
    match kind:
        case mi.Metadata():
            yield from fields(kind.type)
        case mi.UnionType():
            for one in kind.types:
                yield from fields(one)
        case mi.DictType():
            yield from fields(kind.value_type)
        case mi.VarTupleType():
            yield from fields(kind.item_type)
        case mi.StructType():
            for field in kind.fields:
                yield kind.cls.__name__, field.name
                yield from fields(field.type)


async def ask_secret_stores(file: Path) -> None:
    """What control reads of `secrets`: every store, with the ways to sign in that exclude each other."""
    references = ("vault:a/b#c", "aws-sm:x", "gcp-sm:projects/p/secrets/s", "azure-kv:vault/x")
    asked = tuple(Reference(*text.split(":", 1)) for text in references)
    near, key, token = "http://127.0.0.1:1", Secret("x" * 43 + "="), file.with_name("token")
    role = AwsStore(credential_source="EcsContainer", role_arn="arn:aws:iam::1:role/x", endpoint=near)
    ways = (
        (VaultStore(approle=VaultAppRole("r")), AwsStore(access_key_id="a", secret_access_key=key, endpoint=near)),
        (VaultStore(kubernetes=VaultKubernetes("r", token_file=str(token))), role),
        (VaultStore(token=key), role),
    )
    environ = {"AWS_REGION": "eu-central-1"}
    token.write_text("jwt")
    async with running(FakeVault(roles={"r": None})) as vault:
        for way, cloud in ways:
            said = Secrets(
                vault=msgspec.structs.replace(way, address=vault.url),
                aws=cloud,
                google=GoogleStore(endpoint=near, credentials_file=str(file)),
                azure=AzureStore(
                    url=near + "/{vault}", tenant_id="t", client_id="c", federated_token_file=str(file), authority=near
                ),
                master_key=key,
            )
            keeper = Keeper(FakeClock())
            await keeper.fetch(Gathered(asked, said), environ)
            await keeper.close()
    load_ring(file.parent, said)


async def sign_people_in(folder: Path) -> None:
    """What control reads of `auth.admin`."""
    async with providing() as provider, house(folder) as made:
        settings = {"client_secret": Secret("s"), "default_roles": ("operator",)}
        made.admin(url="https://gateway.test", oidc=(Oidc("one", provider.url, "client", **settings),))
        browser = made.browser(origin="https://gateway.test")
        await browser.get("/admin/v1/signin")
        sent = await browser.get("/admin/v1/signin/oidc/one")
        back = provider.code(sent.headers["location"], groups=["x"])
        assert (await browser.get("/admin/v1/signin/oidc/one/callback", params=back)).status_code == 303
        assert (await browser.get("/admin/v1/me")).status_code == 200


async def send_traces(config: Config) -> None:
    """What a worker and control read of `telemetry.tracing`."""
    assert Traces(FakeClock(), Random(1), lambda _ex: "", lambda _ex, _bug: None).configure(config.telemetry.tracing) is not None
    exporter = Exporter(FakeClock(), lambda *_, **__: None, {}, "here", Random(1))
    exporter.use(config)
    exporter.told(None, [[b"no facts"], 0])
    await asyncio.sleep(0.01)
    await exporter.close()
    assert exporter.failed == 1


async def log_contents(config: Config, folder: Path) -> None:
    """What a worker and control read of `telemetry.content`."""
    settings = msgspec.structs.replace(config.telemetry.content, tenants=("t",))
    telemetry = msgspec.structs.replace(config.telemetry, content=settings)
    said = msgspec.structs.replace(config, telemetry=telemetry)
    assert Contents(FakeClock(), lambda _ex: "").configure(settings) is not None
    log = ContentLog(folder, Ring([bytes(32)]), FakeClock(), lambda *_, **__: None, lambda: said)
    facts = (1.0, "id", "t", "", "k", "", "/", "m", "p", "s", 200, "completed", "", False, b"{}", 2, b"{}", 2)
    log.told(None, [msgspec.msgpack.encode([facts]), 0])
    await log.close()
    await log.sweep()
    assert log.written == 1


def limits_of_a_request(limiting: Limiting) -> None:
    """What the limiter reads when a caller comes for the first time."""
    rate = Rate(minute=1, burst=1)
    allowed = Allowance(
        requests=rate, tokens=rate, fresh_tokens=rate, cached_tokens=rate, output_tokens=rate, concurrent=1, streams=1
    )
    budget = Budget(Money.parse("1"))
    assert len(meters_of((Spending("key", "k", allowed, (budget,)),))) == 8
    assert [of_everyone(limiting), of_tag(limiting, "t"), of_source(limiting, "s"), *limiting.models] == [(), (), ()]


async def keep_an_audit_log(config: Config) -> None:
    """What control reads of `audit`."""
    clock = FakeClock()
    log = open_log(config, Ids(clock.now), clock, lambda *_, **__: None)
    await log.start()
    for _ in range(2):
        await log.record(Event(action="a", actor="b"))
        clock.advance(2 * PRUNE_SECONDS)
    await log.close()


async def show_metrics(config: Config) -> None:
    """What control reads of `telemetry.metrics`."""
    clock = FakeClock()
    metrics = Metrics(clock, Tally(clock), list, SimpleNamespace(config=config), Admission(lambda: None, clock))
    scope = {"type": "http", "method": "GET", "path": "/metrics", "headers": [], "server": ("127.0.0.1", 9090)}
    assert (await metrics.answer(Request(scope))).status_code == 200


async def keep_a_ledger(config: Config, folder: Path) -> None:
    """What control reads of `ledger`, and of `limits.alerts`."""
    clock = FakeClock()
    threads = Threads(ready_store(config.database, folder, clock))
    kept = LedgerKeeping(folder, threads, clock, lambda *_, **__: None, config=lambda: config, environ={})
    await kept.retention.once()
    Slot(folder, "node/0", Position(2)).expire(config.ledger, clock.now())
    alert = Alert("key", "k", 50, 1, 2, True, -1, -1, "key:k:cost:total")
    await kept.alerting.send(message_of(alert, clock.now()))
    threads.close()


async def keep_configurations(config: Config, folder: Path) -> None:
    """What control reads of `state.history`."""
    clock = FakeClock()
    threads = Threads(ready_store(config.database, folder, clock))
    builder = SimpleNamespace(current=SimpleNamespace(number=1))
    history = History(threads, Ring([bytes(32)]), clock, lambda *_, **__: None, builder, lambda _event: None)
    history.note(config, ())
    assert await history.settled() == 1
    threads.close()


def test_every_key_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting a gateway that uses every section asks for each field of the schema; an unread key would be a lie."""
    authority = trustme.CA()
    cert, key, ca = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "ca.pem"
    issued = authority.issue_cert("localhost")
    issued.private_key_and_cert_chain_pem.write_to_path(str(cert))
    issued.private_key_pem.write_to_path(str(key))
    authority.cert_pem.write_to_path(str(ca))
    token_uri = "http://127.0.0.1:1/"
    google = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r", "token_uri": token_uri}
    (tmp_path / "google.json").write_bytes(msgspec.json.encode(google))
    file = tmp_path / "gateway.yaml"
    file.write_text(f"""
server: {{port: 0, admin: {{port: 0}}, tls: {{cert: {cert}, key: {key}, client_ca: {ca}, client_auth: optional}}, access: {{trusted_proxies: [10.0.0.1]}}}}
providers:
  openai: {{api_key: sk-test, organization: org, project: proj, region: eu, tls: {{ca_file: {ca}}}, rate_limit: {{requests: {{minute: 5, burst: 2}}}}}}
  anthropic: {{api_key: sk-test, api_version: "2023-06-01"}}
  local: {{file: {tmp_path}/none.gguf, threads: 1}}
  keys: {{type: bedrock, region: us-east-1, aws: {{access_key_id: AKID, secret_access_key: x, session_token: y}}}}
  role: {{type: bedrock, region: us-east-1, aws: {{credential_source: EcsContainer, role_arn: "arn:aws:iam::1:role/x"}}}}
  vertex: {{project: p, region: us-central1, google: {{credentials_file: {tmp_path}/google.json}}}}
  azure: {{base_url: "http://127.0.0.1:1", entra: {{tenant_id: t, client_id: c, federated_token_file: {ca}, authority: "http://127.0.0.1:1"}}}}
  sim: {{type: simulator, fault: "503", tokens_per_second: 5}}
  mine: {{base_url: "http://127.0.0.1:1", passthrough: {{paths: [/v1/x/*]}}}}
provider_types:
  mine: {{endpoints: {{openai_chat: /chat}}, docs: "https://example.com", quirks: {{prefill: {{message: prefix}}}}}}
models: {{a: {{deployments: [{{model: openai/x, timeouts: {{idle: 3s}}}}], fallback: [b], hedge: {{after: 2s}}, cache: {{enabled: true}}}}, b: anthropic/y}}
tenants: {{t: {{provider_keys: {{openai: k}}, end_users: {{u: {{blocked: true}}}}, projects: {{p: {{}}}}}}}}
auth: {{keys: [{{name: one, key: sk-gateway-0123456789, tenant: t, project: p}}, {{name: two, key_hash: "{"0" * 64}"}}],
  jwt: {{issuers: [{{issuer: "http://127.0.0.1:1", audiences: [a]}}]}},
  introspection: {{url: "http://127.0.0.1:1/", client_id: c, client_secret: s}},
  mtls: {{rules: [{{san: a}}]}}}}
cache: {{backend: redis}}
translation: {{fetch: {{enabled: true}}}}
routing:
  rules:
  - {{name: canary, when: stream, then: {{split: [{{route: a, percent: 90}}, {{route: b, percent: 10}}], mirror: {{to: b, percent: 1}}}}}}
resilience: {{bulkhead: {{adaptive: gradient}}}}
api: {{versions: {{v1: {{deprecated: 2020-01-01}}}}}}
logging: {{access: "off"}}
telemetry: {{tracing: {{endpoint: "https://127.0.0.1:1", headers: {{x-key: k}}, resource: {{a: b}}}}}}
limits: {{alerts: {{url: "http://127.0.0.1:1/", secret: s}}}}
redis: {{url: "redis://127.0.0.1:1"}}
state: {{dir: {tmp_path}/state}}
catalogue: {{models: {{"openai/x": {{prices: {{input: 1}}}}}}}}
""")
    config = load(file, environ={}, provider_types=option_names())
    read: set[tuple[str, str]] = set()
    plain = Section.__getattribute__

    def noted(self: Section, name: str) -> object:
        read.add((type(self).__name__, name))
        return plain(self, name)

    async def start_and_stop() -> None:
        slots, operators = listening(config)  # what the supervisor reads
        for sock in (*slots[0], *operators):
            sock.close()
        admin_doors(config.server, config.auth.admin.url)
        gateway = Gateway(config, lambda: config, {})
        await gateway.start()
        limits_of_a_request(gateway.config.limits)
        await gateway.stop()

    monkeypatch.setattr(Section, "__getattribute__", noted)
    asyncio.run(start_and_stop())
    asyncio.run(ask_secret_stores(ca))
    asyncio.run(keep_an_audit_log(config))
    asyncio.run(send_traces(config))
    asyncio.run(log_contents(config, tmp_path))
    asyncio.run(show_metrics(config))
    asyncio.run(sign_people_in(tmp_path / "people"))
    asyncio.run(keep_configurations(config, tmp_path))
    (tmp_path / "000000000001.wal").touch()
    asyncio.run(keep_a_ledger(config, tmp_path))
    ready_store(config.database, tmp_path, FakeClock()).close()  # what control reads of `database`
    monkeypatch.undo()
    # Overrides are laid over the alias's timeouts field by field, in one go, whatever they are called.
    read |= {("TimeoutOverrides", name) for owner, name in read if owner == "RouteTimeouts"}
    read |= {("Sections", name) for owner, name in read if owner == "Config"}
    unread = sorted(set(fields(mi.type_info(Sections))) - read - set(ONE_VALUE))
    assert not unread, unread
