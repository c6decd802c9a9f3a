"""Signed requests to Bedrock, compared with botocore's own."""

from __future__ import annotations

from unittest.mock import patch
from urllib.parse import unquote

import pytest

from credentials.support import SECRETS, Lines, shows_no_secret
from llm_gateway.core.clock import FakeClock
from llm_gateway.credentials.aws.authorizer import SigV4Authorizer
from llm_gateway.credentials.aws.keys import fixed
from llm_gateway.credentials.aws.sigv4 import Credentials
from llm_gateway.credentials.refreshing import Refreshing
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.http.origin import Origin
from llm_gateway.providers.bedrock import BEDROCK
from llm_gateway.providers.deployment import Upstream
from serving import run

MODELS = [
    "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
    "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.amazon.nova-pro-v1:0",
    "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc123",
    "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan~text+x",
]
KEYS = Credentials("ASIA", SECRETS[0], SECRETS[1])


def authorizer(clock: FakeClock) -> SigV4Authorizer:
    return SigV4Authorizer(Refreshing(fixed(KEYS), clock, lambda: 0.0, Lines()), "eu-central-1", clock)


@pytest.mark.parametrize("model", MODELS)
def test_a_converse_request_is_signed_as_botocore_signs_it(model):
    """From the model's id to the signature: names with colons, ARNs with slashes, inference profiles."""
    session = pytest.importorskip("botocore.session").Session()
    session.set_credentials(KEYS.access_key, KEYS.secret_key, KEYS.session_token)
    client = session.create_client("bedrock-runtime", region_name="eu-central-1")
    caught = []

    def stop(request, **_: object):
        caught.append(request)
        raise KeyboardInterrupt

    client.meta.events.register("before-send.bedrock-runtime", stop)
    clock = FakeClock()
    from datetime import UTC, datetime

    import botocore.auth

    moment = datetime.fromtimestamp(clock.now(), UTC)
    with patch.object(botocore.auth, "get_current_datetime", return_value=moment), pytest.raises(KeyboardInterrupt):
        client.converse(modelId=model, messages=[{"role": "user", "content": [{"text": "hi"}]}])
    theirs = caught[0]

    async def test() -> None:
        ours = authorizer(clock)
        await ours.ready(1)
        upstream = Upstream("b", BEDROCK, "https://bedrock-runtime.eu-central-1.amazonaws.com")
        target = upstream.deployment(model).lane(OPENAI_CHAT).target
        origin = Origin("https", "bedrock-runtime.eu-central-1.amazonaws.com", 443)
        lines = ours.lines(b"POST", origin, target, theirs.body)
        await ours.close()
        made = dict(line.split(": ", 1) for line in lines.decode().split("\r\n") if line)
        assert unquote(theirs.url).endswith(unquote(target.decode()))
        assert made["X-Amz-Date"] == theirs.headers["X-Amz-Date"].decode()
        assert made["X-Amz-Security-Token"] == theirs.headers["X-Amz-Security-Token"].decode()
        assert made["Authorization"] == resigned(theirs, target, clock)

    run(test)


def resigned(theirs, target: bytes, clock: FakeClock) -> str:
    """botocore's signature of the same request with our spelling of the path and without the content type, which it signs too."""
    from datetime import UTC, datetime

    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials

    url = f"https://bedrock-runtime.eu-central-1.amazonaws.com{target.decode()}"
    again = botocore.awsrequest.AWSRequest("POST", url, {}, theirs.body)
    owner = botocore.credentials.Credentials(KEYS.access_key, KEYS.secret_key, KEYS.session_token)
    moment = datetime.fromtimestamp(clock.now(), UTC)
    with patch.object(botocore.auth, "get_current_datetime", return_value=moment):
        botocore.auth.SigV4Auth(owner, "bedrock", "eu-central-1").add_auth(again)
    return again.headers["Authorization"]


def test_nothing_is_signed_without_keys():
    """None, and after `ready` there are lines; a query is signed too; nothing shows."""

    async def test() -> None:
        clock = FakeClock()
        ours = authorizer(clock)
        origin = Origin("http", "127.0.0.1", 8080)
        assert ours.lines(b"GET", origin, b"/x", b"") is None
        await ours.ready(1)
        plain, asked = ours.lines(b"GET", origin, b"/x", b""), ours.lines(b"GET", origin, b"/x?a=1", b"")
        assert plain != asked
        ours.stale()
        await ours.close()
        shows_no_secret(ours, ours._held)

    run(test)
