"""Objects of the configuration over the API: made, seen, changed, deleted; what does not fit is never stored."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from control.configuring.node import FILE, Node, living, with_node
from llm_gateway.identity.roles import OPERATOR, TENANT_ADMIN, Principal
from llm_gateway.store import objects
from serving import run

SECRET_KEY = "sk-very-secret-0123456789"
PROVIDERS, MODELS, RULES, LIMITS = (f"/admin/v1/{kind}" for kind in ("providers", "models", "routing/rules", "limits"))


def test_made_over_the_api_it_holds_in_the_worker(tmp_path, each_store):
    """The answer comes when the worker has it, and names the snapshot; the audit log has who and what."""

    async def test(node: Node) -> None:
        await node.made("providers", "b", type="openai", api_key=SECRET_KEY)
        answer = await node.made("models", "fast", deployments=["b/y", "a/x"], retries=5)
        assert answer.headers["etag"] == '"1"'
        assert int(answer.headers["x-gateway-snapshot"]) == node.worker.worker.number
        assert node.models["fast"].retries == 5
        assert node.worker.snapshot.config == node.builder.current.config
        assert [(event.action, event.actor, event.resource) for event in node.audit.events] == [
            ("provider.created", "boss", "providers/b"),
            ("model.created", "boss", "models/fast"),
        ]
        await node.asked("DELETE", f"{MODELS}/fast", 204)
        assert "fast" not in node.models

    with_node(tmp_path, each_store, test)


def test_a_secret_is_sealed_and_never_shown(tmp_path, each_store):
    """Not in the store, not in an answer, not in a snapshot shown; in the worker it is."""

    async def test(node: Node) -> None:
        answer = await node.made("providers", "b", type="openai", api_key=SECRET_KEY, headers={"x-org": "hush-hush"})
        assert answer.json()["api_key"] == "***"
        assert answer.json()["headers"] == {"x-org": "***"}
        (row,) = await node.threads.read(objects.everything)
        assert SECRET_KEY not in row.document
        assert "hush" not in row.document
        for path in (
            f"{PROVIDERS}/b",
            PROVIDERS,
            "/admin/v1/config",
            "/admin/config",
            "/admin/v1/config/objects",
            "/admin/providers",
        ):
            text = str(await node.asked("GET", path))
            assert "very-secret" not in text
            assert "hush" not in text
        number = answer.headers["x-gateway-snapshot"]
        assert "very-secret" not in str(await node.asked("GET", f"/admin/v1/snapshots/{number}"))
        assert "very-secret" not in str(await node.asked("GET", f"/admin/v1/snapshots/{number}/diff"))
        assert node.builder.config.providers["b"].api_key.reveal() == SECRET_KEY

    with_node(tmp_path, each_store, test)


def test_three_stars_keep_a_secret(tmp_path, store):
    """What was shown can be sent back; where there is nothing to keep it is refused, and so is a reference."""

    async def test(node: Node) -> None:
        await node.made("providers", "b", type="openai", api_key=SECRET_KEY, headers={"x-org": "hush-hush"})
        shown = await node.asked("GET", f"{PROVIDERS}/b")
        document = {key: shown[key] for key in ("type", "api_key", "headers")}
        await node.asked("PUT", f"{PROVIDERS}/b", json={**document, "max_concurrent": 3})
        provider = node.builder.config.providers["b"]
        assert (provider.api_key.reveal(), provider.max_concurrent) == (SECRET_KEY, 3)
        assert provider.headers["x-org"].reveal() == "hush-hush"
        told = await node.asked("PUT", f"{PROVIDERS}/c", 422, json={"type": "openai", "api_key": "***"})
        assert told["error"]["param"] == "api_key"
        told = await node.asked("PUT", f"{PROVIDERS}/c", 422, json={"type": "openai", "api_key": "${HOME}"})
        assert "only a file can" in told["error"]["message"]

    with_node(tmp_path, store, test)


def test_every_mistake_is_told_with_its_place_in_the_object(tmp_path, store):
    """In the words of `config check`; nothing is stored, no snapshot is made."""

    async def test(node: Node) -> None:
        number = node.builder.current.number
        told = await node.asked("POST", MODELS, 422, json={"name": "bad", "deployments": ["a/x", "nobody/y"], "retrys": 1})
        errors = told["error"]["details"]["validation_errors"]
        assert [error["field"] for error in errors] == ["deployments[1]", "retrys"]
        assert 'did you mean "retries"?' in errors[1]["message"]
        told = await node.asked("POST", RULES, 422, json={"name": "r", "when": "tokens > 5", "then": {"route": "none"}})
        assert told["error"]["param"] == "then.route"
        told = await node.asked("POST", LIMITS, 422, json={"name": "models/none", "requests": {"minute": 0}})
        assert {error["field"] for error in told["error"]["details"]["validation_errors"]} == {"", "requests.minute"}
        told = await node.asked("POST", MODELS, 422, json={"deployments": ["a/x"]})
        assert told["error"]["param"] == "name"
        assert await node.threads.read(objects.everything) == []
        assert node.builder.current.number == number

    with_node(tmp_path, store, test)


def test_what_the_file_defines_is_the_files(tmp_path, store):
    """Shown with its line, and refused with 409 whatever is tried."""

    async def test(node: Node) -> None:
        shown = await node.asked("GET", f"{MODELS}/m")
        assert (shown["owner"], shown["where"].rpartition("gateway.json:")[2].split(":")[0]) == ("file", "1")
        for method, path, body in (
            ("POST", MODELS, {"name": "m", "deployments": ["a/z"]}),
            ("PUT", f"{MODELS}/m", {"deployments": ["a/z"]}),
            ("PATCH", f"{MODELS}/m", {"retries": 1}),
            ("DELETE", f"{MODELS}/m", None),
            ("DELETE", f"{PROVIDERS}/a", None),
            ("PUT", f"{RULES}/first", {"then": {"priority": "low"}}),
        ):
            told = await node.asked(method, path, 409, json=body, headers={"If-Match": "*"})
            assert told["error"]["code"] == "owned_by_file"
            assert "gateway.json" in told["error"]["details"]["where"]
        node.write({**FILE, "models": {"m": "a/x", "new": "a/z"}})  # written, and not read yet
        told = await node.asked("POST", MODELS, 409, json={"name": "new", "deployments": ["a/z"]})
        assert told["error"]["code"] == "owned_by_file"

    with_node(tmp_path, store, test)


def test_nobody_undoes_what_somebody_else_changed(tmp_path, each_store):
    """ETag and If-Match: 428 without, 412 with an older one; the patch is a merge patch."""

    async def test(node: Node) -> None:
        await node.made("models", "fast", deployments=["a/y"], retries=5, fallback=["m"])
        await node.asked("PATCH", f"{MODELS}/fast", 428, json={"retries": 1})
        changed = await node.asked("PATCH", f"{MODELS}/fast", json={"retries": 1, "fallback": None}, headers={"If-Match": '"1"'})
        assert (changed["version"], changed["retries"], "fallback" in changed) == (2, 1, False)
        await node.asked("PATCH", f"{MODELS}/fast", 412, json={"retries": 2}, headers={"If-Match": '"1"'})
        await node.asked("PUT", f"{MODELS}/fast", 412, json={"deployments": ["a/x"]}, headers={"If-Match": '"1"'})
        await node.asked("DELETE", f"{MODELS}/fast", 412, headers={"If-Match": '"1"'})
        assert node.models["fast"].retries == 1
        await node.asked("PATCH", f"{MODELS}/none", 404, json={"retries": 1}, headers={"If-Match": "*"})
        await node.asked("PUT", f"{MODELS}/none", 412, json={"deployments": ["a/x"]}, headers={"If-Match": '"1"'})
        await node.asked("POST", MODELS, 409, json={"name": "fast", "deployments": ["a/x"]})

    with_node(tmp_path, each_store, test)


def test_what_is_needed_is_not_deleted(tmp_path, store):
    """409 provider_in_use (requirements E18), naming who needs it; afterwards it can be."""

    async def test(node: Node) -> None:
        await node.made("providers", "b", type="openai", api_key=SECRET_KEY)
        await node.made("models", "fast", deployments=["b/y"])
        await node.made("routing/rules", "r", when="tokens > 9000", then={"route": "fast"})
        told = await node.asked("DELETE", f"{PROVIDERS}/b", 409)
        assert (told["error"]["code"], told["error"]["details"]["used_by"]) == ("provider_in_use", ["models.fast.deployments[0]"])
        told = await node.asked("DELETE", f"{MODELS}/fast", 409)
        assert told["error"]["code"] == "model_in_use"
        for path in (f"{RULES}/r", f"{MODELS}/fast", f"{PROVIDERS}/b"):
            await node.asked("DELETE", path, 204)
        await node.asked("DELETE", f"{PROVIDERS}/b", 404)

    with_node(tmp_path, store, test)


def test_rules_come_behind_the_files_in_their_order(tmp_path, store):
    """By position; a new one is last."""

    async def test(node: Node) -> None:
        def names() -> list[str]:
            return [rule.name for rule in node.builder.config.routing.rules]

        await node.made("routing/rules", "b", when="tokens > 9000", then={"strategy": "random"})
        answer = await node.made("routing/rules", "c", when="tokens < 5", then={"strategy": "random"}, position=0)
        assert answer.json()["position"] == 0
        assert names() == ["first", "b", "c"]  # the same position: the older one first
        await node.asked("PATCH", f"{RULES}/b", json={"position": 7}, headers={"If-Match": '"1"'})
        assert names() == ["first", "c", "b"]
        told = await node.asked("POST", RULES, 422, json={"name": "e", "then": {"strategy": "random"}, "position": -1})
        assert told["error"]["param"] == "position"

    with_node(tmp_path, store, test)


def test_pieces_of_the_limits(tmp_path, store):
    """By name: one of each of three, and those that have names of their own."""

    async def test(node: Node) -> None:
        await node.asked("PUT", f"{LIMITS}/everyone", 201, json={"limits": {"requests": {"minute": 100}}})
        await node.asked("PUT", f"{LIMITS}/models/m", 201, json={"requests": {"minute": 60}})
        await node.asked("PUT", f"{LIMITS}/models/m", 200, json={"requests": {"minute": 61}})
        assert node.builder.config.limits.models["m"].requests.minute == 61
        listed = await node.asked("GET", LIMITS)
        assert [row["name"] for row in listed["data"]] == ["everyone", "models/m"]
        assert (await node.asked("GET", f"{LIMITS}/models/m"))["requests"] == {"minute": 61}
        told = await node.asked("PUT", f"{LIMITS}/whatever", 400, json={})
        assert told["error"]["code"] == "invalid_name"

    with_node(tmp_path, store, test)


def test_limits_that_several_workers_cannot_count_are_refused(tmp_path, store):
    """Without Redis each worker would allow as much again."""

    async def test(node: Node) -> None:
        told = await node.asked("PUT", f"{LIMITS}/everyone", 422, json={"limits": {"requests": {"minute": 100}}})
        assert told["error"]["param"] == "server.workers"
        assert "redis.url" in told["error"]["message"]

    with_node(tmp_path, store, test, file={"server": {"workers": 4}})


def test_who_may_not(tmp_path, store):
    """Operators change models and no providers; who belongs to a tenant sees none of it."""

    async def test(node: Node) -> None:
        node.principal = Principal("op", "op", frozenset({OPERATOR}))
        await node.made("models", "fast", deployments=["a/x"])
        await node.asked("POST", PROVIDERS, 403, json={"name": "b", "type": "openai"})
        await node.asked("PUT", f"{LIMITS}/everyone", 403, json={})
        node.principal = Principal("t", "t", frozenset({TENANT_ADMIN}), "acme")
        for path in (PROVIDERS, MODELS, f"{MODELS}/m", RULES, LIMITS, "/admin/v1/config", "/admin/v1/snapshots", "/admin/stats"):
            await node.asked("GET", path, 403)
        await node.asked("POST", MODELS, 403, json={"name": "x", "deployments": ["a/x"]})

    with_node(tmp_path, store, test)


def test_without_a_store_nothing_can_be_changed_and_everything_is_served(tmp_path, store):
    """503, and what holds goes on to."""

    async def test(node: Node) -> None:
        await node.made("models", "fast", deployments=["a/x"])
        node.store.away = True
        told = await node.asked("POST", MODELS, 503, json={"name": "x", "deployments": ["a/x"]})
        assert told["error"]["code"] == "store_unavailable"
        assert await node.builder.renewed(5)
        assert "fast" in node.models

    with_node(tmp_path, store, test)


def test_changes_at_once_are_made_one_after_the_other(tmp_path, each_store):
    """Two nodes with one store: what each checked is what there is when it is stored, and both come to have all of it."""

    async def main() -> None:
        others = tmp_path / "other"
        others.mkdir()
        async with living(Node(tmp_path, each_store)) as one, living(Node(others, each_store)) as two:
            await one.made("providers", "b", type="openai", api_key=SECRET_KEY)
            wanted = [(node, f"m{number}") for number in range(4) for node in (one, two)]
            answers = await asyncio.gather(*(_post(node, name) for node, name in wanted), _delete(two, f"{PROVIDERS}/b"))
            good = {name for (_, name), answer in zip(wanted, answers, strict=False) if answer.status_code == 201}
            if answers[-1].status_code == 204:
                assert len(good) < len(wanted)  # what came behind it had no provider any more
            for _ in range(100):
                if set(one.models) == set(two.models) == {"m", *good}:
                    break
                await asyncio.sleep(0.05)
            assert set(one.models) == set(two.models) == {"m", *good}
            assert one.builder.config.digest == two.builder.config.digest
            assert one.builder.problem == two.builder.problem == ""

    run(main)


async def _post(node: Node, name: str) -> httpx.Response:
    async with node.client as client:
        return await client.post(MODELS, json={"name": name, "deployments": ["b/y"]})


async def _delete(node: Node, path: str) -> httpx.Response:
    async with node.client as client:
        return await client.delete(path)


def test_a_worker_that_cannot_act_on_it_undoes_it(tmp_path, store):
    """What only a worker sees is told, and the store has what it had."""

    async def test(node: Node) -> None:
        await node.made("models", "fast", deployments=["a/x"])
        node.worker.refuses = "the certificate is gone"
        told = await node.asked("PATCH", f"{MODELS}/fast", 422, json={"retries": 9}, headers={"If-Match": "*"})
        assert "the certificate is gone" in told["error"]["message"]
        node.worker.refuses = ""
        assert "retries" not in await node.asked("GET", f"{MODELS}/fast")
        assert node.audit.events[-1].action == "model.changed.undone"
        assert await node.builder.renewed(5)
        assert node.models["fast"].retries == 2

    with_node(tmp_path, store, test)


@pytest.mark.parametrize("name", ["", "x" * 129, "a\nb", 5, None])
def test_a_name_that_is_none(tmp_path, store, name):
    """Refused before anything else."""

    async def test(node: Node) -> None:
        async with node.client as client:
            answer = await client.post(MODELS, json={"name": name, "deployments": ["a/x"]})
        assert answer.status_code in (400, 422)
        assert answer.json()["error"]["param"] == "name"

    with_node(tmp_path, store, test)
