"""Which Entra ID credentials are meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from credentials.azure.test_managed import IMDS
from credentials.keys import certificate_pem, pem
from credentials.support import SECRETS, cloud, means, shows_no_secret, token
from llm_gateway.config.schema import Entra
from llm_gateway.config.values import Secret
from llm_gateway.credentials.azure.chain import PUBLIC, _authority, fetch_of
from llm_gateway.credentials.means import Variables
from llm_gateway.credentials.refreshing import Unavailable
from serving import run

WHO = {"AZURE_TENANT_ID": "env-tenant", "AZURE_CLIENT_ID": "env-client"}


async def fetched(section: Entra, environ: dict[str, str]) -> bytes:
    async with means(environ) as m:
        return (await fetch_of(section, m)()).value


def test_the_variables_of_azure_identity(tmp_path: Path):
    """Secret, certificate, workload identity, managed identity: one by one taken away."""

    async def test() -> None:
        (tmp_path / "client.pem").write_bytes(certificate_pem() + pem(password="pass"))
        (tmp_path / "token").write_text("a.b.c")
        async with cloud() as c:
            path = "/env-tenant/oauth2/v2.0/token"
            c.answer(path, token())
            c.answer(IMDS, token("machine"))
            environ = {
                **WHO,
                "AZURE_AUTHORITY_HOST": c.url,
                "AZURE_CLIENT_SECRET": SECRETS[2],
                "AZURE_CLIENT_CERTIFICATE_PATH": str(tmp_path / "client.pem"),
                "AZURE_CLIENT_CERTIFICATE_PASSWORD": "pass",
                "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token"),
                "AZURE_POD_IDENTITY_AUTHORITY_HOST": c.url,
            }
            for taken in ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE", None):
                await fetched(Entra(), environ)
                if taken:
                    del environ[taken]
            first, second, third, fourth = c.seen
            assert first.form["client_secret"] == SECRETS[2]
            assert second.form["client_assertion"].count(".") == 2
            assert third.form["client_assertion"] == "a.b.c"
            assert (fourth.path, fourth.query["client_id"]) == (IMDS, "env-client")

    run(test)


def test_the_section_wins(tmp_path: Path):
    """What is configured is not mixed with another proof of the environment."""

    async def test() -> None:
        (tmp_path / "token").write_text("a.b.c")
        async with cloud() as c:
            c.answer("/t/oauth2/v2.0/token", token())
            environ = {**WHO, "AZURE_CLIENT_SECRET": "other", "AZURE_AUTHORITY_HOST": "https://none.invalid"}
            base = {"tenant_id": "t", "client_id": "c", "authority": c.url, "scope": "api://x/.default"}
            assert await fetched(Entra(**base, client_secret=Secret(SECRETS[2])), environ) == (
                b"Authorization: Bearer SECRET-TOKEN-4567-one\r\n"
            )
            await fetched(Entra(**base, federated_token_file=str(tmp_path / "token")), environ)
            assert [seen.form.get("client_secret") for seen in c.seen] == [SECRETS[2], None]
            assert {seen.form["client_id"] for seen in c.seen} == {"c"}
            assert {seen.form["scope"] for seen in c.seen} == {"api://x/.default"}

    run(test)


def test_managed_and_nothing_else():
    """The environment's secrets are left alone, and its client too: that is another application."""

    async def test() -> None:
        async with cloud() as c:
            c.answer(IMDS, token())
            environ = {**WHO, "AZURE_CLIENT_SECRET": "other", "AZURE_POD_IDENTITY_AUTHORITY_HOST": c.url}
            await fetched(Entra(managed_identity=True), environ)
            assert "client_id" not in c.seen[0].query

    run(test)


def test_sovereign_clouds():
    """By authority; a bare host name is completed."""
    assert _authority(Entra(), Variables({})) == PUBLIC
    assert _authority(Entra(), Variables({"AZURE_AUTHORITY_HOST": "login.chinacloudapi.cn"})) == "https://login.chinacloudapi.cn"
    assert _authority(Entra(authority="https://login.microsoftonline.us"), Variables({})) == "https://login.microsoftonline.us"


def test_what_cannot_work():
    """Told when the configuration is loaded, where it shows; the rest when there is nothing anywhere."""

    async def test() -> None:
        async with means({}) as m:
            with pytest.raises(Unavailable, match="needs tenant_id and client_id"):
                fetch_of(Entra(client_secret=Secret(SECRETS[2])), m)
            with pytest.raises(Unavailable, match="neither client_secret, certificate_file nor"):
                fetch_of(Entra(tenant_id="t"), m)
        with pytest.raises(Unavailable, match=r"AZURE_CLIENT_SECRET.*and .*IMDS.* cannot be reached") as caught:
            await fetched(Entra(), {"AZURE_POD_IDENTITY_AUTHORITY_HOST": "http://127.0.0.1:1"})
        shows_no_secret(caught.value)

    run(test)
