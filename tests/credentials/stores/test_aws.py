"""AWS Secrets Manager: signatures that botocore finds right, regions, stages."""

from __future__ import annotations

from typing import Any

import pytest

from credentials.stores.support import opened, run, told
from fakes.secret_stores import FakeAws, running
from llm_gateway.config.schema import Secrets
from llm_gateway.config.schema.secrets import AwsStore
from llm_gateway.config.values import Secret
from llm_gateway.credentials.refreshing import Unavailable

ARN = "arn:aws:secretsmanager:ap-south-1:123456789012:secret:prod/openai-AbCdEf"


def said(url: str, **fields: Any) -> Secrets:
    keys = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": Secret("secret-of-aws")}
    return Secrets(aws=AwsStore(**{"endpoint": url, "region": "eu-central-1", **keys, **fields}))


def test_secrets_are_read_with_a_good_signature() -> None:
    """By name and by ARN, in its own region; the current version and another one; text, fields of JSON, and bytes."""

    async def main() -> None:
        secrets: dict[tuple[str, str], str | bytes] = {
            ("prod/openai", "AWSCURRENT"): '{"key": "value"}',
            ("prod/openai", "AWSPREVIOUS"): "old\n",
            (ARN, "AWSCURRENT"): b"bytes",
        }
        async with running(FakeAws(secrets=secrets)) as aws, opened("aws-sm", said(aws.url)) as store:
            assert (await store.fetch("prod/openai")).value.value("key") == "value"
            assert (await store.fetch("prod/openai#AWSPREVIOUS")).value.value("") == "old"
            assert (await store.fetch(ARN)).value.value("") == "bytes"
            assert [aws.signed_for(asked) for asked in aws.seen] == ["eu-central-1", "eu-central-1", "ap-south-1"]

    run(main())


def test_keys_of_a_role_are_signed_for() -> None:
    """The session token is part of what is signed; keys and region come from the environment."""

    async def main() -> None:
        environ = {
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "secret-of-aws",
            "AWS_SESSION_TOKEN": "session",
            "AWS_REGION": "us-east-1",
        }
        async with running(FakeAws(secrets={("x", "AWSCURRENT"): "value"})) as aws:
            async with opened("aws-sm", Secrets(aws=AwsStore(endpoint=aws.url)), environ) as store:
                assert (await store.fetch("x")).value.value("") == "value"
            assert aws.seen[0].headers["x-amz-security-token"] == "session"

    run(main())


def test_refusals_say_what_to_do() -> None:
    """A secret that is not there, keys that are wrong, no region, a field of what is no object, bytes that are no text."""

    async def main() -> None:
        secrets: dict[tuple[str, str], str | bytes] = {("x", "AWSCURRENT"): "text", ("b", "AWSCURRENT"): b"\xff"}
        async with running(FakeAws(secrets=secrets)) as aws:
            async with opened("aws-sm", said(aws.url)) as store:
                assert "ResourceNotFoundException" in await told(store.fetch("nothing"))
                assert "not text" in await told(store.fetch("b"))
                with pytest.raises(Unavailable, match="no JSON object"):
                    (await store.fetch("x")).value.value("key")
            async with opened("aws-sm", said(aws.url, secret_access_key=Secret("another"))) as store:
                assert "InvalidSignatureException" in await told(store.fetch("x"))
            async with opened("aws-sm", said(aws.url, region=None)) as store:
                assert "secrets.aws.region" in await told(store.fetch("x"))

    run(main())
