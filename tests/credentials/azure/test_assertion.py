"""The client credentials flow of Entra ID with each of its three proofs."""

from __future__ import annotations

from pathlib import Path

import pytest

from credentials.keys import certificate_pem, pem, read
from credentials.support import SECRETS, cloud, means, said, shows_no_secret, token
from llm_gateway.credentials.azure.assertion import Application, Certificate, with_certificate, with_federation, with_secret
from llm_gateway.credentials.jwt import thumbprint
from llm_gateway.credentials.refreshing import Unavailable
from serving import run

SCOPE = "https://cognitiveservices.azure.com/.default"
PATH = "/my-tenant/oauth2/v2.0/token"
COMMON = {"grant_type": "client_credentials", "client_id": "my-client", "scope": SCOPE}
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def application(url: str) -> Application:
    return Application(url + "/", "my-tenant", "my-client", SCOPE)


def test_a_secret():
    """In the form, as Microsoft's documentation has it."""

    async def test() -> None:
        async with cloud() as c, means() as m:
            c.answer(PATH, token(seconds=3599))
            fetched = await with_secret(m, application(c.url), SECRETS[2])()
            assert (fetched.value, fetched.lifetime) == (f"{SECRETS[1]}-one", 3599)
            assert c.seen[0].form == {**COMMON, "client_secret": SECRETS[2]}

    run(test)


def test_a_certificate(tmp_path: Path):
    """An assertion for this endpoint, ten minutes long, with the certificate's thumbprint; the file is read each time."""

    async def test() -> None:
        file = tmp_path / "client.pem"
        async with cloud() as c, means() as m:
            c.answer(PATH, token())
            source = with_certificate(m, application(c.url), Certificate(str(file), "pass"))
            file.write_bytes(certificate_pem() + pem(password="pass"))
            await source()
            form = c.seen[0].form
            header, claims = read(form.pop("client_assertion"))
            assert form == {**COMMON, "client_assertion_type": JWT_BEARER}
            assert header == {"alg": "RS256", "typ": "JWT", "x5t#S256": thumbprint(certificate_pem(), "it")}
            now = int(m.clock.now())
            assert claims == {
                "aud": c.url + PATH,
                "iss": "my-client",
                "sub": "my-client",
                "jti": "an-id",
                "iat": now,
                "nbf": now,
                "exp": now + 600,
            }
            for content, match in [(pem(), "no certificate"), (certificate_pem(), "no private key"), (b"", "no certificate")]:
                file.write_bytes(content)
                with pytest.raises(Unavailable, match=f"the client certificate's file holds {match}"):
                    await source()
            assert len(c.seen) == 1
            shows_no_secret(Certificate("f", SECRETS[2]))

    run(test)


def test_a_workload_identity(tmp_path: Path):
    """The cluster's token takes the place of an assertion; its file is read each time."""

    async def test() -> None:
        file = tmp_path / "token"
        async with cloud() as c, means() as m:
            c.answer(PATH, token())
            source = with_federation(m, application(c.url), str(file))
            for text in ("a.b.c", "d.e.f"):
                file.write_text(text + "\n")
                await source()
            forms = [seen.form for seen in c.seen]
            assert forms == [
                {**COMMON, "client_assertion_type": JWT_BEARER, "client_assertion": text} for text in ("a.b.c", "d.e.f")
            ]

    run(test)


def test_refusals():
    """The code and what to look at; not the description."""

    async def test() -> None:
        async with cloud() as c, means() as m:
            c.answer(PATH, said({"error": "invalid_client", "error_description": f"AADSTS7000215 {SECRETS[2]}"}, 401))
            with pytest.raises(Unavailable, match=r"Entra ID answered 401 \(invalid_client\); the client secret") as caught:
                await with_secret(m, application(c.url), SECRETS[2])()
            shows_no_secret(caught.value)
            c.answer(PATH, (200, b"", b"<html>sign in</html>"))
            with pytest.raises(Unavailable, match="not the expected JSON"):
                await with_secret(m, application(c.url), SECRETS[2])()

    run(test)


def test_a_tenant_stays_in_its_segment():
    """Whatever it is called."""
    assert Application("https://a", "x?y#z", "c", "s").url == "https://a/x%3Fy%23z/oauth2/v2.0/token"
