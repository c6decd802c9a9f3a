"""Objects of the API beside those of the file, the operators' port, and the number of workers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.load import load_tree
from llm_gateway.config.schema import Config
from llm_gateway.providers.registry import option_names

ADMIN = {"name": "a", "key": "sk-admin-0123456789abcdef", "kind": "admin"}
PLAIN = {"name": "g", "key": "sk-gateway-0123456789abcdef"}


def loaded(folder: Path, document: dict[str, Any], overlay: dict[Any, Any] | None = None, **environ: str) -> Config:
    file = folder / "gateway.json"
    file.write_bytes(msgspec.json.encode(document))
    return load_tree(file, environ=environ, provider_types=option_names(), overlay=overlay or {}).config


def problems(folder: Path, document: dict[str, Any], overlay: dict[Any, Any] | None = None) -> str:
    with pytest.raises(ConfigErrors) as caught:
        loaded(folder, document, overlay)
    return str(caught.value)


FILE = {"providers": {"a": {"type": "openai"}}, "models": {"m": "a/x"}}


def test_objects_of_the_api_stand_beside_those_of_the_file(tmp_path):
    """They may name each other, and count for the digest."""
    both = loaded(tmp_path, FILE, {("providers", "b"): {"type": "anthropic"}, ("models", "n"): {"deployments": ["b/y", "a/x"]}})
    assert set(both.providers) == {"a", "b"}
    assert [entry.model for entry in both.models["n"].deployments] == ["b/y", "a/x"]
    assert both.digest != loaded(tmp_path, FILE).digest
    assert (
        both.digest
        == loaded(
            tmp_path,
            {
                "providers": {"a": {"type": "openai"}, "b": {"type": "anthropic"}},
                "models": {"m": "a/x", "n": {"deployments": ["b/y", "a/x"]}},
            },
        ).digest
    )


def test_a_mistake_in_one_names_the_object(tmp_path):
    """Not a line of a file."""
    text = problems(tmp_path, FILE, {("models", "n"): {"deployments": ["nobody/y"], "retrys": 1}})
    assert "API object models.n: models.n.retrys: unknown key" in text
    assert "API object models.n: models.n.deployments[0]: there is no provider" in text


def test_an_object_has_one_owner(tmp_path):
    """What the file defines is not the API's, and the other way round."""
    text = problems(tmp_path, FILE, {("models", "m"): "a/z"})
    assert "models.m: is defined by the file and by the API" in text
    assert "gateway.json:1:" in text


@pytest.mark.parametrize(("written", "count"), [("auto", 0), (1, 1), ("4", 4), (256, 256)])
def test_workers(tmp_path, written, count):
    """auto, or a number; the same from a variable."""
    assert loaded(tmp_path, {"server": {"workers": written}}).server.workers == count
    assert loaded(tmp_path, {}, GATEWAY_SERVER__WORKERS=str(written)).server.workers == count


@pytest.mark.parametrize("written", [0, 257, -1, "many", True, 1.5, None])
def test_workers_that_are_no_number(tmp_path, written):
    """Said what is expected."""
    assert "server.workers: " in problems(tmp_path, {"server": {"workers": written}})


@pytest.mark.parametrize("off", [False, None])
def test_the_operators_port_is_on_unless_it_is_turned_off(tmp_path, off):
    """9090 on loopback; false or null for none."""
    config = loaded(tmp_path, {})
    assert config.server.admin is not None
    assert (config.server.admin.host, config.server.admin.port) == ("127.0.0.1", 9090)
    assert loaded(tmp_path, {"server": {"admin": off}}).server.admin is None
    assert loaded(tmp_path, {}, GATEWAY_SERVER__ADMIN="false").server.admin is None


@pytest.mark.parametrize("server", [{"admin": {"host": "0.0.0.0"}}, {"host": "0.0.0.0", "expose_admin": True}])
def test_operators_paths_on_a_network_need_an_admin_key(tmp_path, server):
    """A gateway's key is not enough."""
    assert "would let everyone administer" in problems(tmp_path, {"server": server, "auth": {"keys": [PLAIN]}})
    assert loaded(tmp_path, {"server": server, "auth": {"keys": [PLAIN, ADMIN]}})


RULES = {"routing": {"rules": [{"name": "first", "when": "tokens > 9000", "then": {"strategy": "random"}}]}}
RULE = {"name": "second", "when": "tokens < 5", "then": {"strategy": "random"}}


def test_rules_of_the_api_come_behind_the_files(tmp_path):
    """In their order, whether the file has any or not; a name has one owner, and a mistake its index."""
    overlay = {("routing", "rules", name): {**RULE, "name": name, "when": f"tokens < {3 + at}"} for at, name in enumerate("zy")}
    assert [rule.name for rule in loaded(tmp_path, FILE | RULES, overlay).routing.rules] == ["first", "z", "y"]
    assert [rule.name for rule in loaded(tmp_path, FILE, overlay).routing.rules] == ["z", "y"]
    text = problems(tmp_path, FILE | RULES, {("routing", "rules", "first"): {**RULE, "name": "first"}})
    assert "is defined by the file and by the API" in text
    text = problems(tmp_path, FILE | RULES, {("routing", "rules", "second"): {**RULE, "then": {"route": "none"}}})
    assert "API object routing.rules.second: routing.rules[1].then.route: there is no alias" in text
