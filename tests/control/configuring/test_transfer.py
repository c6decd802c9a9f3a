"""Between files and the API: the effective configuration, exports, imports."""

from __future__ import annotations

import pytest

from control.configuring.node import FILE, Node, with_node
from llm_gateway.config.load import load_tree
from llm_gateway.control.configuring.transfer import objects_of, referring
from llm_gateway.core.errors import InvalidRequest
from llm_gateway.providers.registry import option_names

CONFIG = "/admin/v1/config"
TREE = {
    "providers": {"b": {"type": "openai", "api_key": "sk-one-0123456789"}},
    "models": {"fast": "b/y", "big": {"deployments": ["b/z"], "retries": 4}},
    "routing": {"rules": [{"name": "r", "when": "tokens > 9000", "then": {"route": "big"}}]},
    "limits": {"everyone": {"limits": {"requests": {"minute": 60}}}, "models": {"fast": {"requests": {"minute": 5}}}},
}


def test_a_whole_file_is_taken_over_as_one_change(tmp_path, each_store):
    """One snapshot, one entry in the audit log; a second time nothing changes; `replace` deletes what is not in it."""

    async def test(node: Node) -> None:
        number = node.builder.current.number
        done = await node.asked("POST", f"{CONFIG}/import", json={"config": TREE, "reason": "moved"})
        assert len(done["created"]) == 6
        assert node.builder.current.number == number + 1
        assert len(node.audit.events) == 1
        assert node.builder.config.limits.models["fast"].requests.minute == 5
        assert [rule.name for rule in node.builder.config.routing.rules] == ["first", "r"]
        again = await node.asked("POST", f"{CONFIG}/import", json={"config": TREE})
        assert (again["created"], again["changed"], len(again["unchanged"])) == ([], [], 6)
        less = {"config": {"providers": TREE["providers"], "models": {"fast": "b/other"}}, "replace": True}
        done = await node.asked("POST", f"{CONFIG}/import", json=less)
        assert done["changed"] == ["models/fast"]
        assert sorted(done["deleted"]) == ["limits/everyone", "limits/models/fast", "models/big", "routing/rules/r"]
        assert set(node.models) == {"m", "fast"}

    with_node(tmp_path, each_store, test)


def test_a_dry_run_says_everything_and_does_nothing(tmp_path, store):
    """The same checks, the same answer."""

    async def test(node: Node) -> None:
        done = await node.asked("POST", f"{CONFIG}/import", json={"config": TREE, "dry_run": True})
        assert done["dry_run"]
        assert {one["path"] for one in done["differences"]} >= {"providers.b", "models.fast", "routing.rules.r"}
        assert "sk-one" not in str(done)
        assert "fast" not in node.models
        assert node.audit.events == []
        wrong = {"models": {"fast": "nobody/x"}}
        told = await node.asked("POST", f"{CONFIG}/import", 422, json={"config": wrong, "dry_run": True})
        assert told["error"]["param"] == "models.fast.deployments[0]"

    with_node(tmp_path, store, test)


def test_what_the_file_owns_is_refused_until_it_is_taken_out_of_it(tmp_path, store):
    """Moving: take it out of the file (which is refused while something needs it), import it, and it holds all the while."""

    async def test(node: Node) -> None:
        mine = {"providers": FILE["providers"]}
        told = await node.asked("POST", f"{CONFIG}/import", 409, json={"config": mine})
        assert told["error"]["details"]["paths"] == ["providers.a"]
        node.write({**FILE, "providers": {}})
        assert await node.builder.renewed(5)
        assert "there is no" in node.builder.problem
        assert "a" in node.builder.config.providers
        await node.asked("POST", f"{CONFIG}/import", json={"config": mine})
        assert node.builder.problem == ""
        assert "a" in node.builder.config.providers

    with_node(tmp_path, store, test)


def test_an_export_can_be_used_as_a_file(tmp_path, store):
    """Secrets are variables; with these set it says the same."""

    async def test(node: Node) -> None:
        await node.asked("POST", f"{CONFIG}/import", json={"config": TREE})
        found = await node.asked("GET", f"{CONFIG}/objects")
        assert found["variables"] == ["PROVIDERS_B_API_KEY"]
        node.write({**FILE, **found["config"], "providers": {**FILE["providers"], **found["config"]["providers"]},
                    "models": {**FILE["models"], **found["config"]["models"]},
                    "routing": {"rules": FILE["routing"]["rules"] + found["config"]["routing"]["rules"]}})  # fmt: skip
        environ = {"PROVIDERS_B_API_KEY": "sk-one-0123456789"}
        assert load_tree(node.file, environ=environ, provider_types=option_names()).config.digest == node.builder.config.digest
        whole = await node.asked("GET", f"{CONFIG}/objects?everything=true")
        assert set(whole["config"]["models"]) == {"m", "fast", "big"}
        shown = await node.asked("GET", CONFIG)
        assert shown["api"]["model"] == ["big", "fast"]
        assert shown["config"]["providers"]["b"]["api_key"] == "***"

    with_node(tmp_path, store, test)


@pytest.mark.parametrize(
    ("tree", "where"),
    [
        ({"server": {}}, "config.server"),
        ({"models": []}, "config.models"),
        ({"models": {"x": 5}}, "config.models.x"),
        ({"routing": {"strategy": "random"}}, "config.routing"),
        ({"routing": {"rules": [{"then": {}}]}}, "config.routing.rules[0]"),
        ({"limits": {"lease": "5s"}}, "config.limits.lease"),
    ],
)
def test_what_can_only_stand_in_a_file(tree, where):
    """Told with its place."""
    with pytest.raises(InvalidRequest) as error:
        list(objects_of(tree))
    assert (error.value.param, error.value.status) == (where, 422)


def test_secrets_become_variables():
    """Names of variables are made from their places."""
    names: list[str] = []
    assert referring({"a": {"b-c": ["x", "***"]}}, names) == {"a": {"b-c": ["x", "${A_B_C_1}"]}}
    assert names == ["A_B_C_1"]
