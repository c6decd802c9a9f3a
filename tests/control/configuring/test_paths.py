"""The paths of the requirements."""

from __future__ import annotations

from control.configuring.node import FILE, Node, with_node


def test_the_configuration_is_shown_without_secrets(tmp_path, store):
    """E14."""

    async def test(node: Node) -> None:
        shown = await node.asked("GET", "/admin/config")
        assert {"version", "digest", "server", "routing", "limits", "providers"} <= shown.keys()
        assert shown["providers"]["a"]["api_key"] == "***"
        assert "sk-of-the-file" not in str(shown)

    with_node(tmp_path, store, test)


def test_it_is_read_again_by_request(tmp_path, store):
    """E15: what changed is told; a mistake is 400 with its place, and what held goes on to."""

    async def test(node: Node) -> None:
        providers = {
            "c": {"type": "openai", "api_key": "sk-of-the-file-2"},
            "a": {"type": "openai", "api_key": "sk-of-the-file-1"},
        }
        node.write({**FILE, "providers": providers, "routing": {"rules": []}})
        told = await node.asked("POST", "/admin/config/reload")
        assert told["status"] == "success"
        assert told["changes"]["providers_added"] == ["c"]
        assert told["changes"]["routing_rules_updated"] == ["first"]
        assert "c" in node.builder.config.providers
        node.write({**FILE, "models": {"m": "nobody/x"}})
        told = await node.asked("POST", "/admin/reload", 400)
        assert (told["status"], told["errors"][0]["field"]) == ("error", "models.m")
        assert "c" in node.builder.config.providers
        assert [event.action for event in node.audit.events] == ["config.reloaded"]

    with_node(tmp_path, store, test)


def test_providers_are_listed_registered_and_removed(tmp_path, store):
    """E16 to E18; what the gateway does not do is refused and not ignored."""

    async def test(node: Node) -> None:
        body = {"id": "b", "name": "b", "type": "openai", "enabled": True, "config": {"api_key": "sk-one-0123456789"}}
        told = await node.asked("POST", "/admin/providers", 201, json=body)
        assert told == {"status": "success", "message": "The provider b is registered.", "provider_id": "b"}
        found = await node.asked("GET", "/admin/providers")
        rows = {row["id"]: row for row in found["providers"]}
        assert (rows["a"]["owner"], rows["b"]["owner"]) == ("file", "api")
        assert rows["a"]["metrics"] == {"requests_total": 0, "errors_total": 0, "avg_latency_ms": None}
        assert rows["a"]["health"] == "healthy"
        await node.asked("POST", "/admin/providers", 409, json=body)
        await node.asked("POST", "/admin/providers", 422, json={**body, "id": "c"})
        slow = {**body, "id": "c", "name": "c", "config": {"timeout_ms": 5}}
        assert "timeout_ms" in (await node.asked("POST", "/admin/providers", 422, json=slow))["error"]["message"]
        await node.made("models", "fast", deployments=["b/x"])
        told = await node.asked("DELETE", "/admin/providers/b", 409)
        assert told["error"]["code"] == "provider_in_use"
        await node.asked("DELETE", "/admin/v1/models/fast", 204)
        assert (await node.asked("DELETE", "/admin/providers/b"))["provider_id"] == "b"
        assert set(node.builder.config.providers) == {"a"}

    with_node(tmp_path, store, test)
