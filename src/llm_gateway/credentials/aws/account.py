"""The region that a provider's account is in, and with it the address of Bedrock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress

from llm_gateway.config.schema import Provider
from llm_gateway.credentials.aws.profile import profile_name, read_profiles
from llm_gateway.credentials.aws.region import endpoint, region_of
from llm_gateway.credentials.means import Variables
from llm_gateway.credentials.refreshing import Unavailable

_REGION = re.compile(r"[a-z0-9-]{2,32}")


def account_region(provider: Provider, environ: Mapping[str, str]) -> str | None:
    """What the configuration, the address, the environment and the profile say, in this order; None if nothing does.

    Reads the profile's file if it comes to that. Raises ValueError for what cannot be a region.
    """
    variables = Variables(environ)
    region = region_of(provider.region, provider.base_url, variables) or _of_profile(provider, variables)
    if region is not None and not _REGION.fullmatch(region):
        raise ValueError("region is not the name of a region such as eu-central-1")
    return region


def bedrock_url(provider: Provider, environ: Mapping[str, str]) -> str | None:
    """`base_url`, or the public address in the account's region. Raises ValueError."""
    if provider.base_url is not None:
        return provider.base_url
    region = account_region(provider, environ)
    if region is None:
        raise ValueError("needs region or base_url, or AWS_REGION in the environment")
    return endpoint("bedrock-runtime", region)


def _of_profile(provider: Provider, variables: Variables) -> str | None:
    said = provider.options.aws
    with suppress(Unavailable):  # told when credentials are fetched from it
        return read_profiles(variables).get((said and said.profile) or profile_name(variables), {}).get("region")
    return None
