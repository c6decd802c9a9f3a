"""Which Google credentials are meant."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from credentials.google.test_metadata import PATH as METADATA
from credentials.google.test_metadata import google
from credentials.support import SECRETS, Cloud, cloud, means, token
from llm_gateway.config.schema import Google
from llm_gateway.config.values import SecretText
from llm_gateway.credentials.google import chain
from llm_gateway.credentials.google.token import CLOUD
from llm_gateway.credentials.refreshing import Unavailable
from serving import run


def user(c: Cloud, name: str, **more: object) -> bytes:
    """A file whose token says where it came from."""
    c.answer(f"/{name}", token(name))
    document = {"type": "authorized_user", "client_id": "i", "client_secret": SECRETS[2], "refresh_token": "r"}
    return msgspec.json.encode({**document, "token_uri": f"{c.url}/{name}", **more})


async def fetched(section: Google, environ: dict[str, str]) -> bytes:
    async with means(environ) as m:
        return (await chain.fetch_of(section, m)()).value


def test_the_usual_order(tmp_path: Path):
    """The file that the variable names, gcloud's, the metadata server: one by one taken away."""

    async def test() -> None:
        async with cloud() as c:
            (tmp_path / "named.json").write_bytes(user(c, "named"))
            folder = tmp_path / ".config" / "gcloud"
            folder.mkdir(parents=True)
            (folder / "application_default_credentials.json").write_bytes(user(c, "gcloud", quota_project_id="payer"))
            c.answer(METADATA, google(token("machine")))
            environ = {
                "GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "named.json"),
                "HOME": str(tmp_path),
                "GCE_METADATA_HOST": c.url.removeprefix("http://"),
            }
            found = [await fetched(Google(), environ)]
            del environ["GOOGLE_APPLICATION_CREDENTIALS"]
            found.append(await fetched(Google(), environ))
            found.append(
                await fetched(Google(quota_project="other"), {**environ, "CLOUDSDK_CONFIG": str(folder), "HOME": "/none"})
            )
            del environ["HOME"]
            found.append(await fetched(Google(scopes=("a",)), environ))
            bearer = b"Authorization: Bearer SECRET-TOKEN-4567-"
            assert found == [
                bearer + b"named\r\n",
                bearer + b"gcloud\r\nX-Goog-User-Project: payer\r\n",
                bearer + b"gcloud\r\nX-Goog-User-Project: other\r\n",
                bearer + b"machine\r\n",
            ]
            assert c.seen[-1].query == {"scopes": "a"}

    run(test)


def test_a_file_or_its_content(tmp_path: Path):
    """Of the configuration: they win over everything around; the file is read anew for each fetch."""

    async def test() -> None:
        async with cloud() as c:
            file = tmp_path / "mine.json"
            file.write_bytes(user(c, "mine"))
            around = {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "none")}
            assert b"-mine" in await fetched(Google(credentials_file=str(file)), around)
            file.write_bytes(user(c, "rotated"))
            assert b"-rotated" in await fetched(Google(credentials_file=str(file)), around)
            inline = Google(credentials_json=SecretText(user(c, "inline").decode()))
            assert b"-inline" in await fetched(inline, around)

    run(test)


def test_impersonation(tmp_path: Path, monkeypatch):
    """Of a service account with whatever credentials there are: they have the cloud's scope, it has those that are wanted."""

    async def test() -> None:
        async with cloud() as c:
            monkeypatch.setattr(chain, "impersonation_url", lambda email: f"{c.url}/as/{email}")
            c.answer(METADATA, google(token("machine")))
            c.answer("/as/x@p", (200, b"", b'{"accessToken": "as-x", "expireTime": "2099-01-01T00:00:00Z"}'))
            section = Google(service_account="x@p", scopes=("a",))
            lines = await fetched(section, {"GCE_METADATA_HOST": c.url.removeprefix("http://")})
            assert lines == b"Authorization: Bearer as-x\r\n"
            assert c.seen[0].query == {"scopes": CLOUD}
            assert c.seen[1].json["scope"] == ["a"]

    run(test)


def test_nothing_anywhere(tmp_path: Path):
    """The text says where was looked; a file that is named and missing does not give way to the next place."""

    async def test() -> None:
        with pytest.raises(
            Unavailable, match=r"GOOGLE_APPLICATION_CREDENTIALS is not set, gcloud left no credentials, and .*NO_GCE"
        ):
            await fetched(Google(), {"NO_GCE_CHECK": "true"})
        with pytest.raises(Unavailable, match="GOOGLE_APPLICATION_CREDENTIALS names cannot be read"):
            await fetched(Google(), {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "none")})

    run(test)
