"""ECS task roles and EKS pod identities."""

from __future__ import annotations

import pytest

from credentials.support import SECRETS, at, cloud, means, said, shows_no_secret
from llm_gateway.credentials.aws import container
from llm_gateway.credentials.aws.container import FULL, RELATIVE, from_container, in_container
from llm_gateway.credentials.aws.sigv4 import Credentials
from llm_gateway.credentials.refreshing import Unavailable
from serving import run


def keys(clock):
    return said(
        {
            "RoleArn": "arn:aws:iam::1:role/x",
            "AccessKeyId": "ASIA",
            "SecretAccessKey": SECRETS[0],
            "Token": SECRETS[1],
            "Expiration": at(clock, 3600),
        }
    )


def test_an_ecs_task(monkeypatch):
    """The relative URI is asked of the agent's fixed address."""

    async def test() -> None:
        async with cloud() as c, means({RELATIVE: "/v2/credentials/1", FULL: "http://127.0.0.1:1/other"}) as m:
            monkeypatch.setattr(container, "_ECS", c.url)
            c.answer("/v2/credentials/1", keys(m.clock))
            fetched = await from_container(m)()
            assert (fetched.value, fetched.lifetime) == (Credentials("ASIA", SECRETS[0], SECRETS[1]), 3600)
            assert "authorization" not in c.seen[0].headers

    run(test)


def test_an_eks_pod(tmp_path):
    """The full URI, with the token of a file that is read anew each time: it is rotated. The file wins over the variable."""

    async def test() -> None:
        file = tmp_path / "token"
        async with cloud() as c:
            environ = {
                FULL: f"{c.url}/v1/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file),
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": "other",
            }
            async with means(environ) as m:
                c.answer("/v1/credentials", keys(m.clock))
                for token in ("first", "second"):
                    file.write_text(f"{token}\n")
                    await from_container(m)()
                assert [seen.headers["authorization"] for seen in c.seen] == ["first", "second"]
                file.unlink()
                with pytest.raises(Unavailable, match="AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names cannot be read"):
                    await from_container(m)()

    run(test)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/x",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/x",
        "http://127.0.0.1.example.com/x",
        "http://[::2]/x",
        "file:///etc/passwd",
        "nonsense",
    ],
)
def test_hosts_that_must_not_get_the_token(url):
    """Over plain HTTP only this machine and the agents of ECS and EKS, as AWS's own SDKs have it."""

    async def test() -> None:
        async with means({FULL: url, "AWS_CONTAINER_AUTHORIZATION_TOKEN": SECRETS[1]}) as m:
            with pytest.raises(Unavailable, match="may name only this machine") as caught:
                await from_container(m)()
            shows_no_secret(caught.value)

    run(test)


def test_the_same_hosts_as_botocore():
    """Both accept and refuse alike."""
    fetcher = pytest.importorskip("botocore.utils").ContainerMetadataFetcher()
    urls = [
        "http://localhost/x",
        "http://127.0.0.1:8080/x",
        "http://127.4.5.6/x",
        "http://[::1]:1/x",
        "http://169.254.170.2/x",
        "http://169.254.170.23/v1",
        "http://[fd00:ec2::23]/v1",
        "https://example.com/x",
        "http://example.com/x",
        "http://169.254.170.3/x",
        "http://[fd00:ec2::254]/x",
    ]
    for url in urls:
        try:
            fetcher._validate_allowed_url(url)
            theirs = True
        except ValueError:
            theirs = False
        assert container._allowed(url) is theirs, url


def test_refusals_and_nonsense():
    """Named, without their content."""

    async def test() -> None:
        async with cloud() as c, means({FULL: f"{c.url}/x", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "a\r\nb"}) as m:
            with pytest.raises(Unavailable, match="cannot be asked"):
                await from_container(m)()
        async with cloud() as c, means({FULL: f"{c.url}/x"}) as m:
            for reply, match in [
                ((403, b"", b'{"code": "AccessDenied", "message": "SECRET-KEY-0123"}'), r"answered 403 \(AccessDenied\)"),
                ((200, b"", b"<html>SECRET-KEY-0123"), "not the expected JSON"),
                (said({"AccessKeyId": "A"}), "not the expected JSON"),
                ((302, b"Location: /y\r\n", b""), "answered 302"),
            ]:
                c.answer("/x", reply)
                with pytest.raises(Unavailable, match=match) as caught:
                    await from_container(m)()
                shows_no_secret(caught.value)

    run(test)


def test_not_in_a_container():
    """Nothing said, or half: told."""

    async def test() -> None:
        async with means({}) as m:
            assert not in_container(m)
            with pytest.raises(Unavailable, match="no ECS task"):
                await from_container(m)()
        async with means({RELATIVE: "v2/x"}) as m:
            assert in_container(m)
            with pytest.raises(Unavailable, match="begin with a slash"):
                await from_container(m)()

    run(test)
