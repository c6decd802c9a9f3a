"""Workload identity federation, compared with google-auth's exchange."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs

import msgspec
import pytest

from credentials.support import SECRETS, at, cloud, means, said, shows_no_secret, token
from llm_gateway.credentials.google.external import ExternalAccount, external_account
from llm_gateway.credentials.google.token import CLOUD
from llm_gateway.credentials.refreshing import Unavailable
from serving import run

AUDIENCE = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/oidc"


def account(url: str, source: dict, **more: object) -> ExternalAccount:
    document = {
        "audience": AUDIENCE,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{url}/v1/token",
        "credential_source": source,
        **more,
    }
    return msgspec.convert(document, ExternalAccount)


def test_a_token_in_a_file(tmp_path: Path):
    """Text or JSON, read anew each time; the exchange is that of RFC 8693 and of Google's own library."""

    async def test() -> None:
        file = tmp_path / "token"
        async with cloud() as c, means() as m:
            c.answer("/v1/token", token())
            plain = external_account(m, account(c.url, {"file": str(file)}), ("scope-a", "scope-b"))
            file.write_text("a.b.c")
            assert (await plain()).value == f"{SECRETS[1]}-one"
            form = c.seen[0].form
            assert form == {key: values[0] for key, values in by_google_auth(file).items()}
            shape = {"type": "json", "subject_token_field_name": "id_token"}
            json = external_account(m, account(c.url, {"file": str(file), "format": shape}), ("a",))
            file.write_text('{"id_token": "d.e.f"}')
            await json()
            assert c.seen[1].form["subject_token"] == "d.e.f"

    run(test)


def by_google_auth(file: Path) -> dict[str, list[str]]:
    """The form that Google's own library sends."""
    library = pytest.importorskip("google.auth.identity_pool")
    made = []

    class Response:
        status = 200
        headers = ()
        data = b'{"access_token": "t", "expires_in": 3600, "token_type": "Bearer"}'

    def ask(url, method, headers, body, **_):
        made.append(parse_qs(body.decode() if isinstance(body, bytes) else body))
        return Response()

    credentials = library.Credentials(
        audience=AUDIENCE,
        subject_token_type="urn:ietf:params:oauth:token-type:jwt",
        token_url="https://sts.googleapis.com/v1/token",
        credential_source={"file": str(file)},
        scopes=["scope-a", "scope-b"],
    )
    credentials.refresh(ask)
    return made[0]


def test_a_token_behind_a_url():
    """With the headers that the file names; a client of its own signs in with Basic."""

    async def test() -> None:
        async with cloud() as c, means() as m:
            c.answer("/v1/token", token())
            c.answer("/subject", said({"value": "a.b.c"}))
            source = {
                "url": f"{c.url}/subject",
                "headers": {"Metadata": "True"},
                "format": {"type": "json", "subject_token_field_name": "value"},
            }
            await external_account(m, account(c.url, source, client_id="me", client_secret=SECRETS[2]), ("a",))()
            assert c.seen[0].headers["metadata"] == "True"
            assert c.seen[1].form["subject_token"] == "a.b.c"
            assert c.seen[1].headers["authorization"].startswith("Basic ")
            pool = external_account(m, account(c.url, source, workforce_pool_user_project="p"), ("a",))
            await pool()
            assert c.seen[-1].form["options"] == '{"userProject":"p"}'

    run(test)


def test_as_a_service_account(tmp_path: Path):
    """The exchanged token has the cloud's scope; the service account's token has those that are wanted, and its own lifetime."""

    async def test() -> None:
        (tmp_path / "token").write_text("a.b.c")
        async with cloud() as c, means() as m:
            c.answer("/v1/token", token("federated"))
            c.answer("/sa", said({"accessToken": f"{SECRETS[1]}-sa", "expireTime": at(m.clock, 600)}))
            made = account(
                c.url,
                {"file": str(tmp_path / "token")},
                service_account_impersonation_url=f"{c.url}/sa",
                service_account_impersonation={"token_lifetime_seconds": 600},
            )
            fetched = await external_account(m, made, ("a",))()
            assert (fetched.value, fetched.lifetime) == (f"{SECRETS[1]}-sa", 600)
            assert c.seen[0].form["scope"] == CLOUD
            assert c.seen[1].headers["authorization"] == f"Bearer {SECRETS[1]}-federated"
            assert c.seen[1].json == {"scope": ["a"], "lifetime": "600s"}

    run(test)


def test_what_cannot_work(tmp_path: Path):
    """Sources that are not supported, tokens that are none, refusals."""

    async def test() -> None:
        file = tmp_path / "token"
        file.write_text(f'{{"other": "{SECRETS[1]}"}}')
        shape = {"type": "json", "subject_token_field_name": "id_token"}
        async with cloud() as c, means() as m:
            c.answer("/gone", (410, b"", b""))
            for source, match in [
                ({"environment_id": "aws1", "url": "http://169.254.169.254/x"}, "AWS are not supported"),
                ({"executable": {"command": "x"}}, "commands and AWS are not supported"),
                ({"file": str(tmp_path / "none")}, "subject token's file cannot be read"),
                ({"file": str(file), "format": shape}, "without the field"),
                ({"file": str(file)}, "cannot be sent"),
                ({"url": f"{c.url}/gone"}, "answered 410"),
                ({"url": "http://example.com/x"}, "must begin with https://"),
            ]:
                with pytest.raises(Unavailable, match=match) as caught:
                    await external_account(m, account(c.url, source), ("a",))()
                shows_no_secret(caught.value)
            file.write_text("not json")
            with pytest.raises(Unavailable, match="did not give JSON"):
                await external_account(m, account(c.url, {"file": str(file), "format": shape}), ("a",))()
            file.write_text("a.b.c")
            c.answer("/v1/token", said({"error": "invalid_grant", "error_description": SECRETS[1]}, 400))
            with pytest.raises(Unavailable, match=r"\(invalid_grant\); look at the pool") as caught:
                await external_account(m, account(c.url, {"file": str(file)}, client_id="x", client_secret=SECRETS[2]), ("a",))()
            shows_no_secret(caught.value, account(c.url, {"file": "x"}, client_secret=SECRETS[2]))

    run(test)
