"""How commands find the gateway, and what they say when it is away or says no."""

from __future__ import annotations

import socket

import msgspec
import pytest

from cli.conftest import ROOT
from gateway_process import KEY


@pytest.fixture
def nowhere():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    "command", [("tenants", "list"), ("cost",), ("health",), ("keys", "create", "x"), ("budgets",), ("snapshots", "list")]
)
def test_a_gateway_that_is_away(alone, nowhere, command):
    """Status 1, one line with the address and what to do, nothing on standard output; the same as JSON for scripts."""
    done = alone(*command, "-u", nowhere, GATEWAY_ADMIN_URL=nowhere)
    assert (done.exit_code, done.stdout) == (1, "")
    assert nowhere in done.stderr
    assert "llm-gateway serve" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    told = alone("--json", *command, "-u", nowhere, GATEWAY_ADMIN_URL=nowhere)
    assert nowhere in msgspec.json.decode(told.stderr)["error"]["message"]


def test_what_the_gateway_refuses(asking, gateway):
    """Its own words, and what to do: a wrong key, none, one that may not. No key is repeated."""
    wrong = asking("tenants", "list", "-k", "sk-admin-wrong-wrong")
    assert wrong.exit_code == 1
    assert "401 invalid_api_key" in wrong.stderr
    assert "sk-admin-wrong" not in wrong.stderr
    none = asking("tenants", "list", GATEWAY_API_KEY="")
    assert "-k" in none.stderr
    forbidden = asking("tenants", "create", "x", "-k", KEY)
    assert forbidden.exit_code == 1
    assert "403" in forbidden.stderr


def test_the_admin_port_is_found(alone, gateway):
    """The main port has no admin API: it says so, and the admin port is tried; -u may name that one, too."""
    on_admin = alone("tenants", "list", "-u", gateway.admin, "-k", ROOT)
    assert on_admin.exit_code == 0, on_admin.stderr
    lost = alone("tenants", "list", "-u", gateway.url, "--admin-url", gateway.url, "-k", ROOT)
    assert lost.exit_code == 1
    assert "--admin-url" in lost.stderr


def test_options_before_and_behind_the_command(alone, gateway):
    """-u, -k and --json count in both places; the one behind goes first."""
    before = alone("-u", gateway.admin, "-k", ROOT, "--json", "tenants", "list")
    behind = alone("-u", "http://127.0.0.1:1", "-k", "wrong", "tenants", "list", "-u", gateway.admin, "-k", ROOT, "--json")
    assert msgspec.json.decode(before.stdout) == msgspec.json.decode(behind.stdout)


def test_verbose_shows_requests_and_no_key(asking):
    """-v: method, address, status and time; -vv headers; -vvv bodies. The key is in none of it; standard output is as ever."""
    for flag, wanted in (("-v", "-> 200 in"), ("-vv", "content-type: application/json"), ("-vvv", '< {"data":')):
        done = asking(flag, "tenants", "list")
        assert wanted in done.stderr
        assert ROOT not in done.stderr
        assert done.stdout == asking("tenants", "list").stdout
    assert asking("tenants", "list").stderr == ""
