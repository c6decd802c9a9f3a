"""Members that are there twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from admin_support import admin_world, sync
from control.signin.house import PASSWORD, house
from llm_gateway.control.api.duplicates import duplicate

TENANTS = "/admin/v1/tenants"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b'{"tenant": "a", "tenant": "b"}', "tenant"),
        (b'{"a": 1, "b": {"a": 1}, "c": [{"a": 1}, {"a": 1}]}', None),
        (b'{"limits": {"requests": {"minute": 1, "hour": 2, "minute": 3}}}', "limits.requests.minute"),
        (b'{"deployments": [1, [], {"x": {}}, {"model": "a", "model": "b"}]}', "deployments[3].model"),
        (b'{"tenant": 1, "te\\u006eant": 2}', "tenant"),
        (b'{"a": "\\"a\\": 1, {", "b": "\\\\", "c": "a"}', None),
        (b'[{"a": 1}, {"a": 1, "a": 1}]', "[1].a"),
        (b'{"": 1, "": 2}', ""),
        (b'"text"', None),
    ],
)
def test_where_the_second_one_stands(data: bytes, where: str | None):
    """However the name is spelled, at any depth; the same name in another object is another member."""
    assert duplicate(data) == where


def told_by_another_reader(data: str) -> bool:
    found = False

    def members(pairs: list[tuple[str, Any]]) -> None:
        nonlocal found
        found = found or len(dict(pairs)) != len(pairs)

    json.loads(data, object_pairs_hook=members)
    return found


NAMES = st.sampled_from(['"a"', '"b"', '"\\u0061"', '"\\\\"', '"\\""', '"{"'])
VALUES = st.recursive(
    st.one_of(NAMES, st.sampled_from(["1", "null", "[]", "{}"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.lists(st.tuples(NAMES, inner), max_size=3).map(
            lambda items: f"{{{','.join(f'{name} :{value}' for name, value in items)}}}"
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=50, deadline=None)
@given(VALUES)
def test_no_document_is_judged_otherwise_than_by_another_reader(data: str):
    """Against the standard library's, which gives every member as it stands."""
    assert (duplicate(data.encode()) is not None) == told_by_another_reader(data)


@sync
async def test_a_body_with_two_of_one_name_changes_nothing(tmp_path: Path):
    """400 that names the member, for structs, for patches and for documents of the configuration; one parameter has one value."""
    async with admin_world(tmp_path) as world:
        twice = await world.send("POST", TENANTS, b'{"name": "acme", "name": "other"}', JSON)
        assert (twice.status_code, twice.json()["error"]["code"], twice.json()["error"]["param"]) == (
            400,
            "duplicate_member",
            "name",
        )
        assert "name: stands in its object more than once" in twice.json()["error"]["message"]
        made = await world.ask("POST", TENANTS, {"name": "acme"})
        patch = b'{"limits": {"requests": {"minute": 1, "minute": 2}}}'
        refused = await world.send("PATCH", TENANTS + "/acme", patch, {**JSON, "If-Match": made.headers["etag"]})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "limits.requests.minute")
        assert (await world.ask("GET", TENANTS + "/acme")).json() == made.json()
        parameters = await world.ask("GET", TENANTS + "?limit=1&limit=2")
        assert (parameters.status_code, parameters.json()["error"]["param"]) == (400, "limit")


@sync
async def test_a_login_that_is_there_twice_is_nobodys(tmp_path: Path):
    """Which of two logins is meant is not guessed when somebody signs in; what else was sent is not repeated."""
    async with house(tmp_path) as made:
        await made.person()
        body = f'{{"login": "root", "login": "ann", "password": "{PASSWORD}"}}'
        answer = await made.browser().post("/admin/v1/signin", content=body, headers=JSON)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (400, "duplicate_member", "login")
        assert PASSWORD not in answer.text
