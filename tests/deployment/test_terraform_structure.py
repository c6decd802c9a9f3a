"""deployment/terraform: everything refers to what is there, and has the figures that were asked for."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from terraform_support import Folder, arguments, mistakes

ROOT = Path(__file__).parents[2]
TERRAFORM = ROOT / "deployment" / "terraform"
SCHEMA = json.loads((Path(__file__).parent / "aws_schema.json").read_text())
ENVIRONMENTS = sorted((TERRAFORM / "environments").glob("*.tfvars"))


def test_everything_fits_together() -> None:
    """Variables are declared, described, typed and used; references, inputs and outputs exist."""
    assert mistakes(TERRAFORM) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("outputs.tf", "module.edge.url", "module.edge.uri", "root: module edge has no output uri"),
        ("main.tf", "  zones              = var.zones\n", "", "root: module network is not given zones"),
        ("main.tf", "var.vpc_cidr", "var.vpc_cider", "root: var.vpc_cider is not declared"),
        ("variables.tf", '  description = "Region', '  nothing = "Region', "root: variable region has no description"),
        (
            "modules/data/redis.tf",
            "aws_kms_key.this.arn",
            "aws_kms_key.other.arn",
            "modules/data: aws_kms_key.other does not exist",
        ),
        ("modules/edge/main.tf", "local.target_port", "local.port", "modules/edge: local.port does not exist"),
        ("modules/cluster/nodes.tf", "var.node_disk_gb", "100", "modules/cluster: variable node_disk_gb is not used"),
    ],
)
def test_a_planted_mistake_is_found(tmp_path: Path, file: str, old: str, new: str, told: str) -> None:
    """Each kind of mistake is noticed when it is made on purpose."""
    copy = tmp_path / "terraform"
    shutil.copytree(TERRAFORM, copy, ignore=shutil.ignore_patterns(".terraform*"))
    text = (copy / file).read_text()
    assert old in text
    (copy / file).write_text(text.replace(old, new))

    assert told in mistakes(copy)


def test_numbers_and_words_from_a_list_are_validated() -> None:
    """A number of the root module has its range checked before anything is planned."""
    unchecked = [
        name
        for name, inside in Folder(TERRAFORM).of("variable").items()
        if arguments(inside)["type"] == "number" and "validation {" not in inside
    ]

    assert unchecked == []


@pytest.mark.parametrize("file", ENVIRONMENTS, ids=lambda file: file.stem)
def test_an_environment_says_what_is_needed_and_no_secret(file: Path) -> None:
    """Every key is a variable of the root module, all that have no default are there but the password, and the region fits."""
    variables = Folder(TERRAFORM).of("variable")
    said = dict(re.findall(r"^(\w+) += (.*)$", file.read_text(), re.MULTILINE))
    needed = {name for name, inside in variables.items() if "default" not in arguments(inside)}

    assert set(said) <= set(variables)
    assert needed - set(said) == {"redis_auth_token"}
    if file.stem.count("-") == 2:
        assert said["region"] == f'"{file.stem}"'


def test_regions_have_addresses_of_their_own() -> None:
    """The networks of the three regions do not overlap, so that they could be connected."""
    regions = [file for file in ENVIRONMENTS if file.stem.count("-") == 2]
    blocks = [re.findall(r'^vpc_cidr += "(.*)"', file.read_text(), re.MULTILINE)[0] for file in regions]

    assert len(regions) == 3
    assert len(set(blocks)) == 3


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("variables_network.tf", {"vpc_cidr": '"10.0.0.0/16"', "zones": "3"}),
        ("variables_cluster.tf", {"node_min": "3", "node_desired": "4", "node_max": "20", "node_disk_gb": "100"}),
        ("variables_cluster.tf", {"node_instance_types": '["t3.xlarge"]', "namespace": '"llm-gateway"'}),
        ("variables_data.tf", {"redis_nodes": "3", "redis_node_type": '"cache.t3.medium"', "postgres_multi_az": "true"}),
        ("variables_edge.tf", {"access_log_days": "90", "pod_port": "8080"}),
        ("variables_observability.tf", {"log_retention_days": "30"}),
    ],
)
def test_defaults_are_those_that_were_asked_for(file: str, said: dict[str, str]) -> None:
    """The figures of the requirements (K11) are the defaults."""
    text = (TERRAFORM / file).read_text()
    for name, value in said.items():
        inside = re.findall(rf'^variable "{name}" \{{\n(.*?)^\}}$', text, re.MULTILINE | re.DOTALL)[0]
        assert arguments(inside)["default"] == value


@pytest.mark.parametrize(
    ("folder", "resource", "lines"),
    [
        ("edge", "aws_lb_target_group.this", ['path = "/health"', "healthy_threshold = 2", "unhealthy_threshold = 3"]),
        ("edge", "aws_lb_target_group.this", ["timeout = 5", "interval = 30"]),
        ("edge", "aws_lb_listener.http", ['status_code = "HTTP_301"', 'protocol = "HTTPS"']),
        ("edge", "aws_route53_health_check.endpoint", ["failure_threshold = 3", 'resource_path = "/health"']),
        ("edge", "aws_cloudwatch_metric_alarm.errors", ["evaluation_periods = 2", "period = 60"]),
        ("edge", "aws_cloudwatch_metric_alarm.latency", ["evaluation_periods = 5", "period = 60", 'statistic = "Average"']),
        ("edge", "aws_cloudwatch_metric_alarm.failures", ["evaluation_periods = 2", "period = 60", 'statistic = "Sum"']),
        ("edge", "aws_s3_bucket_lifecycle_configuration.logs", ["days = var.access_log_days"]),
        ("edge", "aws_autoscaling_attachment.nodes", ["lb_target_group_arn = aws_lb_target_group.this.arn"]),
        ("cluster", "aws_kms_key.secrets", ["enable_key_rotation = true"]),
        ("cluster", "aws_launch_template.node", ['volume_type = "gp3"', 'http_tokens = "required"']),
        (
            "data",
            "aws_elasticache_replication_group.this",
            ["at_rest_encryption_enabled = true", "transit_encryption_enabled = true"],
        ),
        ("data", "aws_elasticache_parameter_group.this", ['value = "noeviction"']),
        ("data", "aws_db_instance.this", ["storage_encrypted = true", "publicly_accessible = false"]),
        ("data", "aws_s3_bucket_versioning.backups", ['status = "Enabled"']),
    ],
)
def test_resources_have_what_was_asked_for(folder: str, resource: str, lines: list[str]) -> None:
    """Figures and protections that are not variables stand in the resources."""
    inside = re.sub(r" +", " ", Folder(TERRAFORM / "modules" / folder).of("resource")[resource])
    for line in lines:
        assert re.search(rf"^ {re.escape(line)}$", inside, re.MULTILINE), line


def test_names_that_changed_are_the_new_ones() -> None:
    """C20: `description` of a replication group, its primary endpoint (the other is null without clusters), and no old argument."""
    group = SCHEMA["resource"]["aws_elasticache_replication_group"]["attributes"]
    outputs = Folder(TERRAFORM / "modules" / "data").of("output")

    assert group["description"][1] == "r"
    assert "replication_group_description" not in group
    assert "primary_endpoint_address" in outputs["redis_host"]


def test_services_may_do_what_they_are_asked_to() -> None:
    """C20: the load balancer may write its log, CloudWatch may use the key of log groups; and neither for other accounts."""
    bucket = Folder(TERRAFORM / "modules" / "edge").of("data")["aws_iam_policy_document.logs"]
    key = Folder(TERRAFORM / "modules" / "observability").of("data")["aws_iam_policy_document.key"]

    assert "logdelivery.elasticloadbalancing.amazonaws.com" in bucket
    assert "aws:SourceArn" in bucket
    assert "logs.${var.region}.amazonaws.com" in key
    assert "kms:EncryptionContext:aws:logs:arn" in key


def test_no_security_group_is_open_but_the_load_balancers() -> None:
    """Nodes, Redis and PostgreSQL let other groups in, never addresses of the internet."""
    for folder in (TERRAFORM / "modules").iterdir():
        for name, inside in Folder(folder).of("resource").items():
            if "security_group_ingress_rule" in name and "cidr_ipv4" in inside:
                assert name.rpartition(".")[2] in {"callers", "endpoints"}


def test_nothing_is_cached_in_front_of_the_gateway() -> None:
    """C21: no CloudFront, which would answer one caller's /v1/models to another one."""
    assert not [file for file in TERRAFORM.rglob("*.tf") if "aws_cloudfront" in file.read_text()]


def test_every_resource_is_in_the_schema() -> None:
    """aws_schema.json was made for all that is used (scripts/terraform_schema.py), so that nothing escapes `terraform validate`."""
    texts = "\n".join(file.read_text() for file in TERRAFORM.rglob("*.tf"))
    used = set(re.findall(r'^(resource|data) "(aws_\w+)"', texts, re.MULTILINE))

    assert {(kind, name) for kind in ("resource", "data") for name in SCHEMA[kind]} == used
