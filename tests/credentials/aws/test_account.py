"""The region of an account, and Bedrock's address in it."""

from __future__ import annotations

import pytest

from llm_gateway.config.schema import Aws, Options, Provider
from llm_gateway.credentials.aws.account import account_region, bedrock_url


def provider(**said: object) -> Provider:
    return Provider(type="bedrock", **said)


def test_the_profile_comes_last(tmp_path):
    """Its region counts when nothing else is said; that of the profile which is configured, not of another."""
    config = tmp_path / "config"
    config.write_text("[default]\nregion = eu-west-3\n[profile work]\nregion = ap-northeast-1\n")
    environ = {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")}
    assert account_region(provider(), environ) == "eu-west-3"
    assert account_region(provider(), {**environ, "AWS_PROFILE": "work"}) == "ap-northeast-1"
    assert account_region(provider(options=Options(aws=Aws(profile="work"))), environ) == "ap-northeast-1"
    assert account_region(provider(region="sa-east-1"), environ) == "sa-east-1"
    assert account_region(provider(), {}) is None


def test_bedrocks_address():
    """As configured, or public; without either there is none."""
    assert bedrock_url(provider(base_url="http://127.0.0.1:1"), {}) == "http://127.0.0.1:1"
    assert bedrock_url(provider(region="eu-central-1"), {}) == "https://bedrock-runtime.eu-central-1.amazonaws.com"
    assert bedrock_url(provider(), {"AWS_REGION": "cn-north-1"}) == "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"
    with pytest.raises(ValueError, match="needs region or base_url"):
        bedrock_url(provider(), {})


def test_a_region_becomes_part_of_a_host_name():
    """So nothing else may stand in it."""
    for bad in ("eu-central-1.evil.example", "EU", "a/b", "x@y"):
        with pytest.raises(ValueError, match="not the name of a region"):
            bedrock_url(provider(region=bad), {})
