"""What is told of a change is what became of it: to who asked first, and to who asks again with the same Idempotency-Key."""

from __future__ import annotations

from typing import Any

import pytest

from control.configuring.node import FILE, Node, with_node
from llm_gateway.control.configuring import paths

MODELS = "/admin/v1/models"
KEY = {"Idempotency-Key": "once"}


async def post(node: Node, path: str, body: Any = None) -> tuple[int, bool, Any]:
    """Status, whether it is the answer of an earlier one, body."""
    async with node.client as client:
        answer = await client.post(path, json=body, headers=KEY)
    return answer.status_code, "idempotent-replayed" in answer.headers, answer.json()


def test_a_change_that_was_taken_back_is_not_told_as_done(tmp_path, store):
    """A worker refused it, so that it was undone: the same request again is tried again, and not answered with what was made."""

    async def test(node: Node) -> None:
        body = {"name": "fast", "deployments": ["a/x"]}
        node.worker.refuses = "the certificate is gone"
        status, _, told = await post(node, MODELS, body)
        assert (status, "stored no more" in told["error"]["message"]) == (422, True)
        status, again, told = await post(node, MODELS, body)
        assert (status, again, "stored no more" in told["error"]["message"]) == (422, False, True)
        node.worker.refuses = ""
        assert (await post(node, MODELS, body))[:2] == (201, False)
        assert (await post(node, MODELS, body))[:2] == (200, True)

    with_node(tmp_path, store, test)


def test_a_failure_is_not_kept_as_a_success(tmp_path, store):
    """A reload with a mistake is 400; with the same Idempotency-Key it is read again and is 400 again, until it is mended."""

    async def test(node: Node) -> None:
        node.write({**FILE, "models": {"m": "nobody/x"}})
        for _ in range(2):
            status, again, told = await post(node, "/admin/config/reload")
            assert (status, again, told["status"]) == (400, False, "error")
        node.write(FILE)
        status, again, told = await post(node, "/admin/config/reload")
        assert (status, again, told["status"]) == (200, False, "success")
        assert await post(node, "/admin/config/reload") == (200, True, told)

    with_node(tmp_path, store, test)


def test_what_was_done_is_told_though_the_answer_cannot_be_kept(tmp_path, store):
    """The store goes away while something is done that is not in it: that it was done is answered, and not 503."""

    async def test(node: Node) -> None:
        reset = node.breakers.reset_breaker

        async def and_then(name: str) -> dict[str, Any]:
            node.store.away = True
            await reset(name)
            return {"missing": []}

        node.breakers.reset_breaker = and_then  # type: ignore[method-assign]
        assert await post(node, "/admin/v1/circuit-breakers/a/reset") == (200, False, {"missing": []})
        assert node.breakers.told == ["a"]
        node.store.away = False

    with_node(tmp_path, store, test)


def test_what_is_not_done_yet_is_pending(tmp_path, store, monkeypatch: pytest.MonkeyPatch):
    """A worker that is slow to act on a configuration without mistakes makes it no mistake: it holds a little later."""
    monkeypatch.setattr(paths, "EFFECT_SECONDS", 0.0)

    async def test(node: Node) -> None:
        node.write({**FILE, "providers": {**FILE["providers"], "c": {"type": "openai", "api_key": "sk-of-the-file-2"}}})
        told = await node.asked("POST", "/admin/config/reload")
        assert (told["status"], told["changes"]["providers_added"]) == ("pending", [])
        assert await node.builder.renewed(5)
        assert "c" in node.builder.config.providers

    with_node(tmp_path, store, test)
