"""The sections aws, google and entra of a provider, as they are read from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.jsonschema import schema
from llm_gateway.config.load import load, redacted
from llm_gateway.config.schema import Aws, Config, Google

TYPES = {"bedrock": frozenset({"aws"}), "vertex": frozenset({"google"}), "azure": frozenset({"entra"}), "openai": frozenset()}
SECRET = "s3cret-value"
ARN = "arn:aws:iam::1:role/x"


def loaded(folder: Path, text: str, **environ: str) -> Config:
    file = folder / "gateway.yaml"
    file.write_text(text)
    return load(file, environ=environ, provider_types=TYPES)


def told(folder: Path, kind: str, section: str) -> str:
    with pytest.raises(ConfigErrors) as caught:
        loaded(folder, f"providers:\n  mine:\n    type: {kind}\n    {section}\n")
    assert len(caught.value.problems) == 1
    assert SECRET not in str(caught.value)
    return str(caught.value.problems[0]).removeprefix(str(folder / "gateway.yaml"))


def test_a_section_of_the_provider(tmp_path: Path) -> None:
    """It stands beside the other keys; an empty one is there, too; secrets do not show."""
    text = f"""
providers:
  a: {{type: bedrock, region: eu-central-1, aws: {{profile: work, role_arn: "{ARN}", external_id: {SECRET}, role_duration: 30m}}}}
  b: {{type: vertex, google: {{}}}}
  c: {{type: azure, entra: {{tenant_id: t, client_id: c, client_secret: "${{X}}"}}}}
  d: {{type: bedrock}}
"""
    config = loaded(tmp_path, text, X=SECRET)
    options = {name: provider.options for name, provider in config.providers.items()}
    assert options["a"].aws is not None
    assert (options["a"].aws.profile, options["a"].aws.role_duration) == ("work", 1800)
    assert options["b"].google == Google()
    assert options["c"].entra is not None
    assert options["c"].entra.client_secret is not None
    assert options["c"].entra.client_secret.reveal() == SECRET
    assert options["d"].aws is None
    assert SECRET not in str(redacted(config))
    assert SECRET not in repr(config)


def test_a_document_may_have_lines(tmp_path: Path) -> None:
    """A key file's content from a secret store, as it is; it shows no more than other secrets."""
    document = '{\n  "type": "service_account",\n  "private_key": "s3cret-value"\n}\n'
    config = loaded(tmp_path, "providers: {a: {type: vertex, google: {credentials_json: '${KEY}'}}}", KEY=document)
    google = config.providers["a"].options.google
    assert google is not None
    assert google.credentials_json is not None
    assert google.credentials_json.reveal() == document
    assert SECRET not in str(redacted(config))
    assert SECRET not in repr(google)
    assert "is empty" in told(tmp_path, "vertex", 'google: {credentials_json: " "}')
    assert "is longer than 65536" in told(tmp_path, "vertex", f"google: {{credentials_json: {'x' * 70_000}}}")
    assert "expected text" in told(tmp_path, "vertex", "google: {credentials_json: {type: x}}")


def test_variables_reach_into_it(tmp_path: Path) -> None:
    """As into every other section."""
    text = "providers: {a: {type: bedrock, aws: {profile: work}}}"
    config = loaded(tmp_path, text, GATEWAY_PROVIDERS__A__AWS__PROFILE="home")
    assert config.providers["a"].options.aws == Aws(profile="home")


def test_only_types_that_know_it(tmp_path: Path) -> None:
    """Anywhere else it is an unknown key."""
    assert told(tmp_path, "openai", "aws: {}") == (
        ":4:5: providers.mine.aws: unknown key; only providers of type bedrock know it"
    )
    assert "only providers of type azure know it" in told(tmp_path, "vertex", "entra: {}")
    assert 'did you mean "profile"?' in told(tmp_path, "bedrock", "aws: {profil: x}")


@pytest.mark.parametrize(
    ("kind", "section", "message"),
    [
        ("bedrock", "aws: {access_key_id: AKID}", "needs both access_key_id and secret_access_key"),
        ("bedrock", f"aws: {{secret_access_key: {SECRET}}}", "needs both access_key_id and secret_access_key"),
        ("bedrock", f"aws: {{session_token: {SECRET}}}", "needs access_key_id and secret_access_key"),
        ("bedrock", "aws: {profile: x, credential_source: Environment}", "contradicts profile: say one of them"),
        ("bedrock", "aws: {credential_source: Elsewhere}", "expected Ec2InstanceMetadata, EcsContainer or Environment"),
        ("bedrock", f"aws: {{external_id: {SECRET}}}", "needs role_arn"),
        ("bedrock", "aws: {web_identity_token_file: /x}", "needs role_arn"),
        ("bedrock", f'aws: {{role_arn: "{ARN}", web_identity_token_file: /x, profile: y}}', "contradicts profile"),
        ("bedrock", f'aws: {{role_arn: "{ARN}", web_identity_token_file: /x, external_id: {SECRET}}}', "no meaning for a web"),
        ("bedrock", f'aws: {{role_arn: "{ARN}", role_duration: 1m}}', "must be from 15m to 12h"),
        ("bedrock", "aws: {role_duration: 30m}", "needs role_arn"),
        (
            "bedrock",
            f'aws: {{access_key_id: A, secret_access_key: {SECRET}, sts_endpoint: "https://x"}}',
            "nothing else is asked of STS",
        ),
        ("bedrock", 'aws: {sts_endpoint: "http://sts.example.com"}', "must begin with https://"),
        ("bedrock", f'aws: {{sts_endpoint: "https://u:{SECRET}@sts.example.com"}}', "expected a URL"),
        ("vertex", f'google: {{credentials_file: /x, credentials_json: "{SECRET}"}}', "contradicts credentials_file"),
        ("vertex", "google: {service_account: somebody}", "expected an e-mail address"),
        ("vertex", 'google: {scopes: ["a b"]}', "a scope has no spaces"),
        ("vertex", "google: {scopes: []}", "needs at least one entry"),
        ("azure", f"entra: {{client_secret: {SECRET}, certificate_file: /x}}", "contradicts client_secret"),
        ("azure", f"entra: {{client_secret: {SECRET}, managed_identity: true}}", "contradicts client_secret"),
        ("azure", f"entra: {{certificate_password: {SECRET}}}", "needs certificate_file"),
        ("azure", "entra: {managed_identity: true, tenant_id: t}", "no meaning for a managed identity"),
        ("azure", "entra: {tenant_id: a/b}", "expected an id or a domain name"),
        ("azure", 'entra: {scope: "a b"}', "expected one scope"),
        ("azure", "entra: {authority: login.microsoftonline.com}", "expected a URL such as https://host"),
        ("azure", 'entra: {authority: "http://login.example.com"}', "must begin with https://"),
    ],
)
def test_contradictions_have_their_place(tmp_path: Path, kind: str, section: str, message: str) -> None:
    """Each with line and column and its way out."""
    line = told(tmp_path, kind, section)
    assert line.startswith(":4:")
    assert f"providers.mine.{section.partition(':')[0]}" in line
    assert message in line


def test_this_machine_may_speak_plain_http(tmp_path: Path) -> None:
    """For tests and sidecars."""
    assert loaded(tmp_path, 'providers: {a: {type: bedrock, aws: {sts_endpoint: "http://127.0.0.1:4566"}}}')
    assert loaded(tmp_path, 'providers: {a: {type: azure, entra: {authority: "http://localhost:1"}}}')


def test_editors_know_it() -> None:
    """The JSON Schema has the sections, for the types that know them only."""
    provider = schema(TYPES)["$defs"]["Provider"]
    assert {"aws", "google", "entra"} <= set(provider["properties"])
    others = {rule["if"]["properties"]["type"]["const"]: rule["then"]["properties"] for rule in provider["allOf"]}
    assert set(others["openai"]) == {"aws", "google", "entra"}
    assert set(others["bedrock"]) == {"google", "entra"}
