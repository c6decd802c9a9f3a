"""An EC2 instance's role, by IMDSv2."""

from __future__ import annotations

import pytest

from credentials.support import SECRETS, Cloud, at, cloud, means, said, shows_no_secret
from llm_gateway.credentials import fetch
from llm_gateway.credentials.aws import instance
from llm_gateway.credentials.aws.instance import from_instance
from llm_gateway.credentials.aws.sigv4 import Credentials
from llm_gateway.credentials.fetch import Timeouts
from llm_gateway.credentials.means import Variables
from llm_gateway.credentials.refreshing import Unavailable
from serving import run

ROLES = "/latest/meta-data/iam/security-credentials/"


def play(c: Cloud, clock, **more: object) -> dict[str, str]:
    """A metadata service with one role; the environment that finds it."""
    document = {
        "Code": "Success",
        "Type": "AWS-HMAC",
        "AccessKeyId": "ASIA",
        "SecretAccessKey": SECRETS[0],
        "Token": SECRETS[1],
        "Expiration": at(clock, 6 * 3600),
    }
    c.answer("/latest/api/token", lambda seen: (200, b"", b"SESSION") if seen.method == "PUT" else (405, b"", b""))
    guarded = {ROLES: (200, b"", b"my-role"), f"{ROLES}my-role": said({**document, **more})}
    for path, reply in guarded.items():
        c.answer(
            path,
            lambda seen, reply=reply: reply if seen.headers.get("x-aws-ec2-metadata-token") == "SESSION" else (401, b"", b""),
        )
    return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": c.url + "/"}


def test_three_steps():
    """A session token by PUT, the role's name, its keys; each with the token."""

    async def test() -> None:
        async with cloud() as c, means() as plain:
            async with means(play(c, plain.clock)) as m:
                fetched = await from_instance(m)()
            assert (fetched.value, fetched.lifetime) == (Credentials("ASIA", SECRETS[0], SECRETS[1]), 6 * 3600)
            assert [(seen.method, seen.path) for seen in c.seen] == [
                ("PUT", "/latest/api/token"),
                ("GET", ROLES),
                ("GET", f"{ROLES}my-role"),
            ]
            assert c.seen[0].headers["x-aws-ec2-metadata-token-ttl-seconds"] == "21600"

    run(test)


def test_botocore_asks_the_same():
    """The same paths and headers as AWS's own library."""
    utils = pytest.importorskip("botocore.utils")
    fetcher = utils.InstanceMetadataFetcher
    assert fetcher._TOKEN_PATH == "latest/api/token"
    assert f"/{fetcher._URL_PATH}" == ROLES


def test_it_can_be_switched_off():
    """Nothing is asked then."""

    async def test() -> None:
        async with cloud() as c, means() as plain:
            environ = {**play(c, plain.clock), "AWS_EC2_METADATA_DISABLED": "True"}
            async with means(environ) as m:
                with pytest.raises(Unavailable, match="switched off by AWS_EC2_METADATA_DISABLED"):
                    await from_instance(m)()
            assert c.seen == []

    run(test)


def test_a_hop_limit_of_one(monkeypatch):
    """Inside a container the answer to PUT never arrives: the text says what to change, and it does not take long."""
    monkeypatch.setattr(fetch, "NEAR", Timeouts(0.1, 0.1, 0.1, 0.1, 0.1))

    async def test() -> None:
        async with cloud() as c, means() as plain:
            c.delay = 0.3
            async with means(play(c, plain.clock)) as m:
                with pytest.raises(Unavailable, match=r"did not answer in time.*hop limit must be 2"):
                    await from_instance(m)()

    run(test)


def test_no_role_and_no_sense():
    """Each says what is wrong; nothing of an answer is repeated."""

    async def test() -> None:
        async with cloud() as c, means() as plain, means(play(c, plain.clock)) as m:
            for path, reply, match in [
                (f"{ROLES}my-role", said({"Code": "AssumeRoleUnauthorizedAccess", "Message": SECRETS[0]}), "trust policy"),
                (f"{ROLES}my-role", (200, b"", b"<html>" + SECRETS[0].encode()), "not the expected JSON"),
                (f"{ROLES}my-role", (500, b"", b""), "answered 500"),
                (ROLES, (200, b"", b"../../secret"), "names no role"),
                (ROLES, (200, b"", b""), "names no role"),
                (ROLES, (404, b"", b""), "attach one to the instance"),
                ("/latest/api/token", (403, b"", b""), "answered 403; inside a container"),
                ("/latest/api/token", (200, b"", b"a b"), "gave a token that cannot be sent"),
            ]:
                c.answer(path, reply)
                with pytest.raises(Unavailable, match=match) as caught:
                    await from_instance(m)()
                shows_no_secret(caught.value)

    run(test)


def test_where_it_is():
    """The usual address, IPv6, or as said."""
    assert instance._base(Variables({})) == "http://169.254.169.254"
    assert instance._base(Variables({"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6"})) == "http://[fd00:ec2::254]"
    assert instance._base(Variables({"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://x/"})) == "http://x"
