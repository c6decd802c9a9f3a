"""Signing in to a gateway that runs: on the admin port, through the main port, and with tokens."""

from __future__ import annotations

import time

import httpx
from click.testing import CliRunner
from joserfc.jwk import OctKey

from fakes.oidc import signed
from gateway_process import running_gateway
from llm_gateway.cli.main import main

PASSWORD = "correct horse battery"
SECRET = "a secret of thirty-two characters"
JWT = {"issuers": [{"issuer": "https://acme.example", "audiences": ["gateway"], "secret": SECRET, "claims": {"roles": "roles"}}]}


def token(**claims):
    said = {"iss": "https://acme.example", "sub": "ann", "aud": "gateway", "exp": int(time.time()) + 600, **claims}
    return signed({"alg": "HS256", "typ": "JWT"}, said, OctKey.import_key(SECRET)).decode()


def test_a_gateway_that_runs(tmp_path):
    """A person signs in on either port and administrates; a token does what its roles allow; both end with their reason."""
    state = {"dir": str(tmp_path / "state")}
    arguments = ["people", "add", "ann", "--role", "admin", "--set", f"state.dir={state['dir']}"]
    assert CliRunner().invoke(main, arguments, input=PASSWORD + "\n").exit_code == 0
    config = {"state": state, "server": {"expose_admin": True}, "auth": {"jwt": JWT}}
    with running_gateway(config, tmp_path) as gateway:
        for base in (gateway.admin, gateway.url):
            with httpx.Client(base_url=base, headers={"Origin": base}, timeout=30) as browser:
                given = {"login": "ann", "password": PASSWORD}
                assert browser.post("/admin/v1/signin", json=given).status_code == 200
                assert browser.post("/admin/v1/tenants", json={"name": f"t{base[-5:]}"}).status_code == 201
                foreign = browser.post("/admin/v1/tenants", json={"name": "x"}, headers={"Origin": "https://evil.example"})
                assert (foreign.status_code, foreign.json()["error"]["code"]) == (403, "cross_site_request")
                assert browser.post("/admin/v1/signout").status_code == 204
                assert browser.get("/admin/v1/tenants").status_code in (401, 403)
        with httpx.Client(base_url=gateway.admin, timeout=30) as program:
            operator = {"Authorization": f"Bearer {token(roles=['operator'])}"}
            assert program.get("/admin/v1/me", headers=operator).json()["roles"] == ["operator"]
            assert program.get("/admin/v1/providers", headers=operator).status_code == 200
            assert program.post("/admin/v1/tenants", json={"name": "y"}, headers=operator).status_code == 403
            expired = {"Authorization": f"Bearer {token(exp=1)}"}
            assert program.get("/admin/v1/me", headers=expired).json()["error"]["code"] == "expired_token"
