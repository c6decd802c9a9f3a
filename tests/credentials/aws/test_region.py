"""Which region is meant, and where its endpoints are."""

from __future__ import annotations

import pytest

from llm_gateway.credentials.aws.region import endpoint, region_of
from llm_gateway.credentials.means import Variables

BOTH = {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}


@pytest.mark.parametrize(
    ("configured", "url", "environ", "region"),
    [
        ("us-east-1", "https://bedrock-runtime.us-west-2.amazonaws.com", BOTH, "us-east-1"),
        (None, "https://bedrock-runtime.us-west-2.amazonaws.com/", BOTH, "us-west-2"),
        (None, "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com", BOTH, "us-gov-west-1"),
        (None, "https://vpce-1-2.bedrock-runtime.ap-south-1.vpce.amazonaws.com", BOTH, "ap-south-1"),
        (None, "https://proxy.example.com/bedrock-runtime.xx.", BOTH, "eu-west-1"),
        (None, None, BOTH, "eu-west-1"),
        (None, None, {"AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
        (None, None, {}, None),
    ],
)
def test_who_says_it_first(configured, url, environ, region):
    """The configuration, the endpoint's own name, AWS_REGION, AWS_DEFAULT_REGION."""
    assert region_of(configured, url, Variables(environ)) == region


@pytest.mark.parametrize("region", ["eu-central-1", "us-gov-west-1", "cn-north-1", "us-iso-east-1", "us-isob-east-1"])
def test_endpoints_are_botocores(region):
    """In every partition where botocore knows one."""
    session = pytest.importorskip("botocore.session").Session()
    session.set_credentials("AKID", "secret")
    assert endpoint("sts", region) == session.create_client("sts", region_name=region).meta.endpoint_url
