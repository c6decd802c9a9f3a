"""No configuration key is accepted and then ignored."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import trustme
from msgspec import inspect as mi

from llm_gateway.config.load import load
from llm_gateway.config.schema import Section, Sections
from llm_gateway.providers.registry import option_names
from llm_gateway.worker.serve import Gateway

ONE_VALUE = {
    ("Server", "workers"): "only 1 is accepted until there is a supervisor",
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
server: {{port: 0, admin: {{port: 0}}, tls: {{cert: {cert}, key: {key}, client_ca: {ca}, client_auth: optional}}}}
providers:
  openai: {{api_key: sk-test, organization: org, project: proj, region: eu, tls: {{ca_file: {ca}}}}}
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
models: {{a: {{deployments: [{{model: openai/x, timeouts: {{idle: 3s}}}}], fallback: [b], hedge: {{after: 2s}}}}, b: anthropic/y}}
auth: {{keys: [{{name: one, key: sk-gateway-0123456789}}, {{name: two, key_hash: "{"0" * 64}"}}]}}
translation: {{fetch: {{enabled: true}}}}
routing:
  rules:
  - {{name: canary, when: stream, then: {{split: [{{route: a, percent: 90}}, {{route: b, percent: 10}}], mirror: {{to: b, percent: 1}}}}}}
resilience: {{bulkhead: {{adaptive: gradient}}}}
api: {{versions: {{v1: {{deprecated: 2020-01-01}}}}}}
logging: {{access: "off"}}
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
        gateway = Gateway(config, lambda: config, {})
        await gateway.start()
        await gateway.stop()

    monkeypatch.setattr(Section, "__getattribute__", noted)
    asyncio.run(start_and_stop())
    monkeypatch.undo()
    # Overrides are laid over the alias's timeouts field by field, in one go, whatever they are called.
    read |= {("TimeoutOverrides", name) for owner, name in read if owner == "RouteTimeouts"}
    read |= {("Sections", name) for owner, name in read if owner == "Config"}
    assert sorted(set(fields(mi.type_info(Sections))) - read - set(ONE_VALUE)) == []
