"""What of the chart can be checked without Helm: values fit their schema, and copies are copies."""

from __future__ import annotations

import msgspec
import pytest
import yaml

from kubernetes_support import CHART, K8S


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("pepper.py", "base/pepper.py"),
        ("redis.conf", "components/redis/redis.conf"),
        ("redis-start.sh", "components/redis/start.sh"),
    ],
)
def test_files_are_those_of_kustomize(ours, theirs) -> None:
    """A chart cannot reach outside its folder, so it has copies; they say the same."""
    assert (CHART / "files" / ours).read_text() == (K8S / theirs).read_text()


def test_every_value_is_in_the_schema_and_the_other_way_round() -> None:
    """values.yaml and values.schema.json name the same keys at the top and one below."""
    schema = msgspec.json.decode((CHART / "values.schema.json").read_bytes())["properties"]
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(schema) - {"global"} == set(values)
    for key, value in values.items():
        if schema[key].get("additionalProperties") is False:
            assert set(schema[key]["properties"]) == set(value), key


def test_examples_change_values_that_there_are() -> None:
    """values-small.yaml and values-production.yaml name no key that values.yaml lacks."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    for name in ("small", "production"):
        given = yaml.safe_load((CHART / f"values-{name}.yaml").read_text())
        assert set(given) <= set(values)
        for key in set(given) - {"config"}:
            assert not isinstance(given[key], dict) or set(given[key]) <= set(values[key]), key
