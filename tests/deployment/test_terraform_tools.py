"""deployment/terraform under Terraform and checkov themselves. Each of them is seen to catch a planted mistake."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

pytestmark = [pytest.mark.deployment, pytest.mark.timeout(300)]

Tool = Callable[[str], str]
ROOT = Path(__file__).parents[2]
TERRAFORM = ROOT / "deployment" / "terraform"
HERE = Path(__file__).parent
FOLDERS = [".", "examples/staging", "examples/production", "examples/two-regions"]
SCHEMA = HERE / "aws_schema.json"


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for the stand-in: Terraform speaks TLS with its providers."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


@pytest.fixture(scope="module")
def environment(tool: Tool, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables under which Terraform finds the stand-in where it looks for the AWS provider."""
    folder = tmp_path_factory.mktemp("provider")
    version = json.loads(SCHEMA.read_text())["provider"]
    machine = json.loads(subprocess.check_output([tool("terraform"), "version", "-json"], text=True))["platform"]
    where = subprocess.check_output(
        [tool("terraform"), "providers", "-no-color"], cwd=TERRAFORM / "modules" / "network", text=True
    )
    source = re.findall(r"provider\[([\w./-]+/hashicorp/aws)\]", where)[0]
    home = folder / source / version / machine
    home.mkdir(parents=True)
    certificate, key = _certificate(folder)
    plugin = home / f"terraform-provider-aws_v{version}"
    python = tool("python")
    plugin.write_text(f"#!/bin/sh\nexec '{python}' '{HERE / 'terraform_provider.py'}' '{SCHEMA}' '{certificate}' '{key}'\n")
    plugin.chmod(0o755)
    settings = folder / "terraform.rc"
    settings.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{folder}"\n  }}\n}}\n')
    return {**os.environ, "TF_CLI_CONFIG_FILE": str(settings), "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files, to be changed and initialised without a trace in the tree."""
    return shutil.copytree(TERRAFORM, tmp_path / "terraform", ignore=shutil.ignore_patterns(".terraform*"))


def _plant(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def _terraform(tool: Tool, environment: dict[str, str], folder: Path, *words: str) -> str:
    """What a command says, its status in front."""
    done = subprocess.run(
        [tool("terraform"), *words, "-no-color"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return f"{done.returncode}\n{done.stdout}{done.stderr}"


def _initialised(tool: Tool, environment: dict[str, str], folder: Path) -> None:
    said = _terraform(tool, environment, folder, "init", "-backend=false", "-input=false")
    assert said.startswith("0\n"), said


def test_everything_is_formatted(tool: Tool, environment: dict[str, str], copy: Path) -> None:
    """`terraform fmt -check` has nothing to say, and has when something is not in line."""
    command = [tool("terraform"), "fmt", "-check", "-recursive"]

    assert subprocess.run(command, cwd=copy, env=environment, check=False, capture_output=True).returncode == 0
    _plant(copy / "versions.tf", "  required_version = ", "  required_version    = ")
    assert subprocess.run(command, cwd=copy, env=environment, check=False, capture_output=True).returncode != 0


@pytest.mark.parametrize("folder", FOLDERS)
def test_terraform_finds_it_valid(tool: Tool, environment: dict[str, str], copy: Path, folder: str) -> None:
    """`terraform validate` with the provider's schema: every argument, type and reference of root module and examples."""
    _initialised(tool, environment, copy / folder)

    said = _terraform(tool, environment, copy / folder, "validate")

    assert "The configuration is valid." in said, said


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            "modules/data/redis.tf",
            "  description                = ",
            "  replication_group_description = ",
            "Unsupported argument",
        ),
        ("modules/data/redis.tf", "  description                = ", "  # ", 'argument "description" is required'),
        ("modules/data/outputs.tf", "this.primary_endpoint_address", "this.primary_address", "Unsupported attribute"),
        ("modules/edge/main.tf", "  certificate_arn   = aws", "  certificate_arm   = aws", "Unsupported argument"),
        ("modules/cluster/main.tf", "  vpc_config {", "  vpc_settings {", "Unsupported block type"),
        ("modules/cluster/nodes.tf", "    min_size     = var.node_min", '    min_size     = "few"', "a number is required"),
    ],
)
def test_terraform_finds_a_planted_mistake(
    tool: Tool, environment: dict[str, str], copy: Path, file: str, old: str, new: str, told: str
) -> None:
    """The stand-in's schema is enough for Terraform to notice wrong names, types, and what is missing."""
    _plant(copy / file, old, new)
    _initialised(tool, environment, copy)

    said = _terraform(tool, environment, copy, "validate")

    assert told in said, said


def test_plans_are_what_is_expected(tool: Tool, environment: dict[str, str], copy: Path) -> None:
    """`terraform test` plans and applies the module in several shapes with AWS mocked, and sees that wrong input is refused."""
    _initialised(tool, environment, copy)

    said = _terraform(tool, environment, copy, "test")

    assert said.startswith("0\n"), said
    assert re.search(r"Success! [1-9]\d* passed, 0 failed", said)


def test_a_plan_that_is_not_expected_fails(tool: Tool, environment: dict[str, str], copy: Path) -> None:
    """A module that no longer refuses an unsupported Kubernetes fails `terraform test`."""
    _plant(copy / "variables_cluster.tf", ">= 33", ">= 20")
    _initialised(tool, environment, copy)

    said = _terraform(tool, environment, copy, "test")

    assert said.startswith("1\n")
    assert 'run "unsupported_kubernetes"... fail' in said


def _checkov(tool: Tool, folder: Path) -> list[dict[str, str]]:
    """What checkov does not accept. It ends with a status of its own, so its JSON counts."""
    command = [
        tool("checkov"),
        "-d",
        str(folder),
        "--framework",
        "terraform",
        "--skip-download",
        "--compact",
        "--quiet",
        "-o",
        "json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    found = json.loads(done.stdout)
    assert found["summary"]["parsing_errors"] == 0
    assert found["summary"]["passed"] > 0
    failed: list[dict[str, str]] = found["results"]["failed_checks"]
    return failed


def test_checkov_accepts_it(tool: Tool, copy: Path) -> None:
    """No policy is broken but those that are skipped with a reason."""
    assert [(one["check_id"], one["resource"]) for one in _checkov(tool, copy)] == []


def test_checkov_finds_planted_mistakes(tool: Tool, copy: Path) -> None:
    """A database on the internet and a key that is never renewed are found."""
    _plant(copy / "modules/data/postgres.tf", "publicly_accessible                 = false", "publicly_accessible = true")
    _plant(copy / "modules/data/main.tf", "enable_key_rotation     = true", "enable_key_rotation     = false")

    found = {one["check_id"] for one in _checkov(tool, copy / "modules" / "data")}

    assert {"CKV_AWS_17", "CKV_AWS_7"} <= found


def test_the_load_balancer_finds_the_pods(tool: Tool, tmp_path: Path) -> None:
    """With the component, the Service has the node port that the target group asks, and its pods let the network's addresses in."""
    for name, source in (("k8s", ROOT / "deployment" / "k8s"), ("component", TERRAFORM / "kubernetes")):
        shutil.copytree(source, tmp_path / name)
    mine = tmp_path / "mine"
    mine.mkdir()
    head = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
    (mine / "kustomization.yaml").write_text(head + "resources: [../k8s/overlays/production]\ncomponents: [../component]\n")

    objects = list(yaml.safe_load_all(subprocess.check_output([tool("kubectl"), "kustomize", str(mine)], text=True)))

    known = {(one["kind"], one["metadata"]["name"]): one["spec"] for one in objects if "spec" in one}
    edge, network = ((TERRAFORM / f"variables_{name}.tf").read_text() for name in ("edge", "network"))
    service = known["Service", "llm-gateway"]
    assert service["type"] == "NodePort"
    assert f"default     = {service['ports'][0]['nodePort']}\n" in edge
    allowed = known["NetworkPolicy", "llm-gateway-load-balancer"]["ingress"][0]["from"][0]["ipBlock"]["cidr"]
    assert f'default     = "{allowed}"\n' in network


def test_skipped_policies_have_a_reason() -> None:
    """Each skip stands at its resource and says why."""
    skips = [line for file in TERRAFORM.rglob("*.tf") for line in re.findall(r"#\s*checkov:skip.*", file.read_text())]

    assert skips
    for line in skips:
        assert re.fullmatch(r"#checkov:skip=CKV2?_AWS_\d+:.{20,}", line), line


@pytest.mark.skipif(not os.environ.get("TERRAFORM_REGISTRY"), reason="needs the provider from its registry: TERRAFORM_REGISTRY=1")
@pytest.mark.parametrize("folder", FOLDERS)
def test_the_real_provider_finds_it_valid(tool: Tool, copy: Path, folder: str) -> None:
    """`terraform validate` with the AWS provider itself, which also looks into values."""
    real = {**os.environ, "CHECKPOINT_DISABLE": "1"}
    _initialised(tool, real, copy / folder)

    said = _terraform(tool, real, copy / folder, "validate")

    assert "The configuration is valid." in said, said
