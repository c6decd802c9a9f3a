"""Which credentials are meant: by the configuration, and in the usual order."""

from __future__ import annotations

from pathlib import Path

import pytest

from credentials.aws.test_instance import play
from credentials.aws.test_sts import ARN, answer
from credentials.support import SECRETS, cloud, means, said, shows_no_secret
from llm_gateway.config.schema import Aws
from llm_gateway.config.values import Secret
from llm_gateway.credentials.aws.chain import source_of
from llm_gateway.credentials.aws.container import FULL
from llm_gateway.credentials.refreshing import Unavailable
from serving import run

ENV = {"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": SECRETS[0]}


async def key(section: Aws, environ: dict[str, str]) -> str:
    async with means(environ) as m:
        return (await source_of(section, "eu-central-1", m)()).value.access_key


def test_keys_of_the_configuration():
    """They win over everything around."""

    async def test() -> None:
        section = Aws(access_key_id="AKIACONF", secret_access_key=Secret(SECRETS[0]), session_token=Secret("t"))
        assert await key(section, ENV) == "AKIACONF"

    run(test)


def test_the_usual_order(tmp_path: Path):
    """Environment, web identity, profile, container, instance: what comes first counts, one by one taken away."""

    async def test() -> None:
        async with cloud() as c, means() as plain:
            c.answer("/", answer(plain.clock, "AssumeRoleWithWebIdentity"))
            c.answer("/pod", said({"AccessKeyId": "ASIAPOD", "SecretAccessKey": "s", "Token": "t"}))
            (tmp_path / "token").write_text("a.b.c")
            (tmp_path / "keys").write_text("[default]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = s\n")
            environ = {
                **ENV,
                "AWS_ROLE_ARN": ARN,
                "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
                "AWS_ENDPOINT_URL_STS": c.url,
                "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "keys"),
                FULL: f"{c.url}/pod",
                **play(c, plain.clock),
            }
            found = [await key(Aws(), environ)]
            for taken in ("AWS_ACCESS_KEY_ID", "AWS_ROLE_ARN", "AWS_SHARED_CREDENTIALS_FILE", FULL):
                del environ[taken]
                found.append(await key(Aws(), environ))
            assert found == ["AKIAENV", "ASIAROLE", "AKIAPROFILE", "ASIAPOD", "ASIA"]
            assert c.seen[0].form["RoleArn"] == ARN

    run(test)


def test_nobody_acts_as_someone_else(tmp_path: Path):
    """What is found first and fails does not give way to the next."""

    async def test() -> None:
        async with cloud() as c, means() as plain:
            environ = {"AWS_PROFILE": "gone", "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"), **play(c, plain.clock)}
            with pytest.raises(Unavailable, match="no AWS profile of the name"):
                await key(Aws(), environ)
            with pytest.raises(Unavailable, match="answered 404"):
                await key(Aws(), {FULL: f"{c.url}/gone", **play(c, plain.clock)})

    run(test)


def test_nothing_anywhere():
    """The text says where was looked."""

    async def test() -> None:
        with pytest.raises(Unavailable) as caught:
            await key(Aws(), {"AWS_EC2_METADATA_DISABLED": "true"})
        for word in ("AWS_ACCESS_KEY_ID", "web identity", "profile", "container", "AWS_EC2_METADATA_DISABLED"):
            assert word in str(caught.value)
        shows_no_secret(caught.value)

    run(test)


def test_a_role_of_the_configuration(tmp_path: Path):
    """Assumed with what the section or the environment has; or with a web identity in place of both."""

    async def test() -> None:
        async with cloud() as c, means() as plain:
            c.answer("/", answer(plain.clock))
            role = Aws(role_arn=ARN, external_id=Secret(SECRETS[2]), role_session_name="me", sts_endpoint=c.url)
            assert await key(role, ENV) == "ASIAROLE"
            assert "Credential=AKIAENV/" in c.seen[0].headers["authorization"]
            assert "/eu-central-1/sts/" in c.seen[0].headers["authorization"]
            assert (c.seen[0].form["ExternalId"], c.seen[0].form["RoleSessionName"]) == (SECRETS[2], "me")
            (tmp_path / "token").write_text("a.b.c")
            identity = Aws(role_arn=ARN, web_identity_token_file=str(tmp_path / "token"), sts_endpoint=c.url)
            assert await key(identity, {**ENV, "AWS_ROLE_SESSION_NAME": "theirs"}) == "ASIAROLE"
            assert c.seen[1].form["WebIdentityToken"] == "a.b.c"
            assert c.seen[1].form["RoleSessionName"] == "theirs"

    run(test)


def test_one_place_only(tmp_path: Path):
    """A profile or credential_source that is configured is not mixed with the environment."""

    async def test() -> None:
        (tmp_path / "keys").write_text("[work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = s\n")
        async with cloud() as c, means() as plain:
            environ = {**ENV, "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "keys"), **play(c, plain.clock)}
            assert await key(Aws(profile="work"), environ) == "AKIAWORK"
            assert await key(Aws(credential_source="Ec2InstanceMetadata"), environ) == "ASIA"
            assert await key(Aws(credential_source="Environment"), environ) == "AKIAENV"
            with pytest.raises(Unavailable, match="no ECS task"):
                await key(Aws(credential_source="EcsContainer"), environ)

    run(test)
