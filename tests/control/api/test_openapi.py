"""The document that is made from the routes: whole, and true of a real gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from admin_support import admin_world, sync
from gateway_process import running_gateway
from llm_gateway.control.api.openapi import document, postman

ADMIN = "sk-admin-tests-0123456789abcdef"
EXAMPLES = 2
"""Of each operation. More of them were run by hand."""
BEFORE: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/admin/v1/tenants", {"name": "acme", "tags": ["x"]}),
    ("POST", "/admin/v1/tenants/acme/projects", {"name": "web"}),
    ("PUT", "/admin/v1/tenants/acme/users/joe", {"blocked": True}),
    ("POST", "/admin/v1/tenants/acme/provider-keys", {"provider": "sim", "key": "secret"}),
    ("POST", "/admin/v1/keys", {"name": "k", "tenant": "acme"}),
    ("POST", "/admin/v1/people", {"login": "kim", "roles": ["analyst"]}),
]
KNOWN = {"tenant": "acme", "project": "web", "user": "joe"}


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_gateway_keeps_to_its_document(tmp_path: Path):
    """schemathesis: nothing is answered with 5xx, or with what the document does not say; nothing malformed is accepted."""
    config = {
        "auth": {"keys": [{"name": "root", "kind": "admin", "key": ADMIN}]},
        "providers": {"sim": {"type": "simulator"}},
        "models": {"m": {"deployments": ["sim/gpt-sim"]}},
    }
    headers = {"Authorization": f"Bearer {ADMIN}"}
    with running_gateway(config, tmp_path) as gateway:
        assert gateway.admin is not None
        with httpx.Client(base_url=gateway.admin, headers=headers, trust_env=False) as client:
            known = dict(KNOWN)
            for method, path, body in BEFORE:
                made = client.request(method, path, json=body)
                assert made.status_code < 300, made.text
                name = {"/admin/v1/keys": "key", "/admin/v1/people": "person"}.get(path, "id")
                known |= {name: made.json().get("id", "")}
        schema = schemathesis.openapi.from_url(f"{gateway.admin}/openapi.json")
        for found in schema.get_all_operations():
            check_operation(found.ok(), gateway.admin, headers, known)


def check_operation(operation: Any, url: str, headers: dict[str, str], known: dict[str, str]) -> None:
    """Some requests, half of them for what there is."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    @given(case=operation.as_strategy())
    def check(case: Any) -> None:
        if len(str(case.path_parameters)) % 2 and case.meta.generation.mode.is_positive:
            case.path_parameters = {name: known.get(name, value) for name, value in (case.path_parameters or {}).items()}
        # What is well formed may still name what there is not: whether it is accepted says nothing.
        answer = case.call(base_url=url, headers=headers)
        assert answer.status_code < 500, answer.text
        case.validate_response(answer, excluded_checks=[positive_data_acceptance])

    check()


@sync
async def test_every_route_is_described(tmp_path: Path):
    """Each path and method with a summary, its permission, an answer and the errors that all have."""
    async with admin_world(tmp_path) as world:
        described = document(world.table)
        for route in world.table:
            operation = described["paths"][route.path.replace(":path}", "}")][route.method.lower()]
            assert operation["summary"]
            assert route.permission in operation["description"]
            assert {str(route.status), "401", "403", "503"} <= operation["responses"].keys()
        assert len({one["operationId"] for path in described["paths"].values() for one in path.values()}) == len(world.table)
        served = (await world.ask("GET", "/openapi.json", key=None)).json()
        assert (served, served["openapi"]) == (described, "3.1.0")


@sync
async def test_pages_work_offline(tmp_path: Path):
    """No script and nothing from elsewhere: all that is said stands in the page."""
    async with admin_world(tmp_path) as world:
        page = await world.ask("GET", "/docs", key=None)
        assert page.headers["content-type"].startswith("text/html")
        assert "<script" not in page.text
        assert "://" not in page.text.replace("http://www.w3.org", "")
        assert "/admin/v1/tenants/{tenant}/projects" in page.text
        assert "script-src" not in page.headers["content-security-policy"]


@sync
async def test_a_postman_collection(tmp_path: Path):
    """Every route once, with its example."""
    async with admin_world(tmp_path) as world:
        collection = (await world.ask("GET", "/postman-collection.json", key=None)).json()
        assert collection == postman(document(world.table))
        items = [item for folder in collection["item"] for item in folder["item"]]
        assert len(items) == len(world.table)
        made = next(item for item in items if item["name"] == "Make a tenant")
        assert '"acme"' in made["request"]["body"]["raw"]
