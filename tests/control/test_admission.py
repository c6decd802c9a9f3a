"""Who may use the operators' port."""

from __future__ import annotations

import pytest

from llm_gateway.control.admission import Admission
from llm_gateway.core.clock import SystemClock
from llm_gateway.core.errors import Forbidden, Overloaded, Unauthenticated
from llm_gateway.snapshot import compile_snapshot
from whole_gateway import PEPPER, config_of

GATEWAY, ADMIN, LOOKS = "sk-gateway-0123456789abcdef", "sk-admin-0123456789abcdef", "sk-readonly-0123456789abcdef"


def admission(**auth) -> Admission:
    snapshot = compile_snapshot(config_of({"auth": auth}), pepper=PEPPER, environ={}, managed={})
    return Admission(lambda: snapshot, SystemClock())


def bearer(key: str) -> dict[bytes, bytes]:
    return {b"authorization": f"Bearer {key}".encode()}


KEYS = [
    {"name": "g", "key": GATEWAY},
    {"name": "a", "key": ADMIN, "kind": "admin"},
    {"name": "r", "key": LOOKS, "kind": "readonly"},
]


@pytest.mark.parametrize(
    ("key", "scope", "may"), [(ADMIN, "admin:write", True), (GATEWAY, "admin:read", False), (LOOKS, "health:read", True)]
)
def test_scopes_decide(key, scope, may):
    """By the table of identity; a data plane's key is not an administrator's."""
    ours = admission(keys=KEYS)
    if may:
        assert ours.demand(bearer(key), scope).key_name
    else:
        with pytest.raises(Forbidden):
            ours.demand(bearer(key), scope)


def test_nobody_is_let_in_by_chance():
    """No key, a wrong key, or nothing known yet."""
    with pytest.raises(Unauthenticated):
        admission(keys=KEYS).demand({}, "admin:read")
    with pytest.raises(Unauthenticated):
        admission(keys=KEYS).demand(bearer("sk-wrong-0123456789"), "admin:read")
    with pytest.raises(Overloaded):
        Admission(lambda: None, SystemClock()).demand(bearer(ADMIN), "admin:read")


def test_without_any_key_the_port_is_open():
    """For whoever wants to look; nobody may change anything, as docs/ADMIN-API.md says."""
    assert admission().demand({}, "admin:read").kind == "anonymous"
    with pytest.raises(Forbidden):
        admission().demand({}, "admin:write")
