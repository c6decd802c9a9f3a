"""What held: listed, shown, compared, gone back to."""

from __future__ import annotations

import asyncio

from control.configuring.node import FILE, Node, living, with_node
from llm_gateway.credentials.ring import Ring
from llm_gateway.identity.roles import OPERATOR, SYSTEM_ADMIN, Principal
from serving import run

ALL = "/admin/v1/snapshots"


async def until_kept(node: Node, count: int) -> list[dict]:
    """The list, once it has so many."""
    for _ in range(100):
        found = (await node.asked("GET", ALL))["data"]
        if len(found) >= count:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(found)


def test_each_change_is_one_with_who_and_why(tmp_path, each_store):
    """Numbered as the workers number them, newest first; the places that changed are named."""

    async def test(node: Node) -> None:
        await until_kept(node, 1)
        async with node.client as client:
            body = {"name": "fast", "deployments": ["a/x"]}
            answer = await client.post("/admin/v1/models?reason=for%20the%20launch", json=body)
        newest, first = (await node.asked("GET", ALL))["data"]
        assert newest["number"] == int(answer.headers["x-gateway-snapshot"]) == node.worker.worker.number
        assert (newest["created_by"], newest["reason"], newest["current"]) == ("boss", "for the launch", True)
        assert newest["changed"] == ["models.fast"]
        assert newest["causes"] == [
            {"by": "boss", "reason": "for the launch", "action": "model.created", "resource": "models/fast"}
        ]
        assert (first["created_by"], first["current"]) == ("file", False)
        shown = await node.asked("GET", f"{ALL}/{newest['number']}")
        assert shown["config"]["models"]["fast"]["deployments"][0]["model"] == "a/x"
        assert shown["config"]["providers"]["a"]["api_key"] == "***"
        assert shown["objects"] == [{"kind": "model", "name": "fast", "deployments": ["a/x"]}]
        page = await node.asked("GET", f"{ALL}?limit=1")
        assert page["has_more"]
        rest = await node.asked("GET", f"{ALL}?limit=1&before={newest['number']}")
        assert [one["number"] for one in rest["data"]] == [first["number"]]

    with_node(tmp_path, each_store, test)


def test_any_two_are_compared_by_place(tmp_path, store):
    """A secret that is another one differs, and is not shown."""

    async def test(node: Node) -> None:
        await until_kept(node, 1)
        first = await node.made("providers", "b", type="openai", api_key="sk-one-0123456789")
        await node.asked("PATCH", "/admin/v1/providers/b", json={"api_key": "sk-two-0123456789"}, headers={"If-Match": "*"})
        second = (await node.asked("GET", ALL))["data"][0]["number"]
        told = await node.asked("GET", f"{ALL}/{second}/diff")
        assert told["before"] == int(first.headers["x-gateway-snapshot"])
        assert told["differences"] == [{"path": "providers.b.api_key", "change": "changed", "before": "***", "after": "***"}]
        oldest = (await node.asked("GET", ALL))["data"][-1]["number"]
        told = await node.asked("GET", f"{ALL}/{oldest}/diff?against={second}")
        assert [(one["path"], one["change"]) for one in told["differences"]] == [("providers.b", "removed")]
        await node.asked("GET", f"{ALL}/{oldest}/diff", 400)
        await node.asked("GET", f"{ALL}/999/diff", 404)
        await node.asked("GET", f"{ALL}/x", 404)

    with_node(tmp_path, store, test)


def test_going_back_is_a_new_one_with_the_old_objects(tmp_path, each_store):
    """What was made since goes, what was deleted is there again with its secrets, what was changed is as it was."""

    async def test(node: Node) -> None:
        await until_kept(node, 1)
        await node.made("providers", "b", type="openai", api_key="sk-one-0123456789")
        there = await node.made("models", "fast", deployments=["b/x"])
        wanted = node.builder.config.digest
        number = there.headers["x-gateway-snapshot"]
        await node.made("models", "more", deployments=["a/z"])
        await node.asked("DELETE", "/admin/v1/models/fast", 204)
        await node.asked("DELETE", "/admin/v1/providers/b", 204)
        told = await node.asked("POST", f"{ALL}/{number}/rollback", json={"reason": "errors"})
        assert sorted(told["changed"]) == ["models/fast", "models/more", "providers/b"]
        assert told["not_changed"] == []
        assert node.builder.config.digest == wanted
        assert node.builder.config.providers["b"].api_key.reveal() == "sk-one-0123456789"
        newest = (await node.asked("GET", ALL))["data"][0]
        assert newest["number"] > int(number)
        assert newest["reason"] == "errors"
        assert node.audit.events[-1].action == "snapshot.rolled_back"
        again = await node.asked("POST", f"{ALL}/{number}/rollback", json={})
        assert again["changed"] == []

    with_node(tmp_path, each_store, test)


def test_what_the_file_says_cannot_be_gone_back_to(tmp_path, store):
    """It stays, and the answer says what differs therefore."""

    async def test(node: Node) -> None:
        await until_kept(node, 1)
        answer = await node.made("models", "fast", deployments=["a/x"])
        number = answer.headers["x-gateway-snapshot"]
        node.write({**FILE, "models": {"m": "a/another"}})
        assert await node.builder.renewed(5)
        await node.asked("DELETE", "/admin/v1/models/fast", 204)
        told = await node.asked("POST", f"{ALL}/{number}/rollback", json={})
        assert told["changed"] == ["models/fast"]
        (left,) = told["not_changed"]
        assert left["path"] == "models.m.deployments"
        assert "in the file" in told["note"]

    with_node(tmp_path, store, test)


def test_going_back_to_what_does_not_fit_the_file_any_more_is_refused(tmp_path, store):
    """The file has a model of that name by now."""

    async def test(node: Node) -> None:
        await until_kept(node, 1)
        answer = await node.made("models", "fast", deployments=["a/x"])
        await node.asked("DELETE", "/admin/v1/models/fast", 204)
        node.write({**FILE, "models": {"m": "a/x", "fast": "a/x"}})
        assert await node.builder.renewed(5)
        told = await node.asked("POST", f"{ALL}/{answer.headers['x-gateway-snapshot']}/rollback", 409, json={})
        assert told["error"]["code"] == "owned_by_file"

    with_node(tmp_path, store, test)


def test_the_newest_are_kept(tmp_path, store):
    """As many as state.history says; they are sealed."""

    async def test(node: Node) -> None:
        for number in range(13):
            await node.made("models", f"m{number}", deployments=["a/x"])
        found = (await node.asked("GET", ALL))["data"]
        assert len(found) == 10
        node.configured._history.ring = Ring([b"x" * 32])
        await node.asked("GET", f"{ALL}/{found[0]['number']}", 404)
        assert "snapshot_unreadable" in [event for event, _ in node.lines]

    with_node(tmp_path, store, test, file={"state": {"history": 10}})


def test_of_two_nodes_one_keeps_it(tmp_path, each_store):
    """The same thing is not kept twice, and it has the name of who changed it."""

    async def main() -> None:
        others = tmp_path / "other"
        others.mkdir()
        async with living(Node(tmp_path, each_store)) as one, living(Node(others, each_store)) as two:
            await until_kept(one, 1)
            await one.made("models", "fast", deployments=["a/x"])
            for _ in range(100):
                if "fast" in two.models:
                    break
                await asyncio.sleep(0.05)
            await two.configured._history.settled()
            found = (await two.asked("GET", ALL))["data"]
            assert [row["created_by"] for row in found] == ["boss", "file"]

    run(main)


def test_what_held_while_the_store_was_away_is_kept_when_it_is_back(tmp_path, store, monkeypatch):
    """The newest of it."""
    monkeypatch.setattr("llm_gateway.control.configuring.history.RETRY_SECONDS", 0.02)

    async def test(node: Node) -> None:
        await until_kept(node, 1)
        node.store.away = True
        node.write({**FILE, "models": {"m": "a/second"}})
        assert await node.builder.renewed(5)
        node.store.away = False
        newest = (await until_kept(node, 2))[0]
        assert newest["changed"] == ["models.m.deployments"]
        for _ in range(100):
            told = node.audit.of_files[-1]
            if told.resource == f"snapshots/{newest['number']}":  # it is told once it is kept
                break
            await asyncio.sleep(0.02)
        assert (told.action, told.actor, told.resource) == ("config.changed", "file", f"snapshots/{newest['number']}")
        assert told.after["changed"] == ["models.m.deployments"]

    with_node(tmp_path, store, test)


def test_going_back_changes_only_what_the_role_may_change(tmp_path, store):
    """An operator writes models and no providers or limits: he is told what he may not change, and nothing is changed."""

    async def test(node: Node) -> None:
        number = (await until_kept(node, 1))[0]["number"]
        await node.made("models", "fast", deployments=["a/x"])
        node.principal = Principal("op", "op", frozenset({OPERATOR}))
        told = await node.asked("POST", f"{ALL}/{number}/rollback", json={})
        assert told["changed"] == ["models/fast"]
        node.principal = Principal("boss", "boss", frozenset({SYSTEM_ADMIN}))
        await node.made("models", "fast", deployments=["a/x"])
        await node.made("providers", "b", type="openai", api_key="sk-one-0123456789")
        await node.made("limits", "everyone", limits={"requests": {"minute": 5}})
        events = len(node.audit.events)
        node.principal = Principal("op", "op", frozenset({OPERATOR}))
        error = (await node.asked("POST", f"{ALL}/{number}/rollback", 403, json={}))["error"]
        assert error["code"] == "insufficient_permissions"
        assert sorted(error["details"]["would_change"]) == ["limits/everyone", "providers/b"]
        assert error["details"]["permissions"] == ["limits:write", "providers:write"]
        assert "providers/b" in error["message"]
        assert "fast" in node.models
        assert len(node.audit.events) == events

    with_node(tmp_path, store, test)
