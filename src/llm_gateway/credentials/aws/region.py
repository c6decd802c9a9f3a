"""Regions: which one is meant, and the domain its endpoints are in."""

from __future__ import annotations

import re

from llm_gateway.credentials.means import Variables

_HOST = re.compile(r"(?:^|\.)(?:bedrock-runtime|bedrock)(?:-fips)?\.([a-z0-9-]+)\.")
_DOMAINS = (
    ("cn-", "amazonaws.com.cn"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("eusc-", "amazonaws.eu"),
)


def domain(region: str) -> str:
    """Behind `service.region.`: by partition."""
    return next((name for prefix, name in _DOMAINS if region.startswith(prefix)), "amazonaws.com")


def region_of(configured: str | None, base_url: str | None, variables: Variables) -> str | None:
    """The configuration's; that of an endpoint's own name, which must match; AWS_REGION; AWS_DEFAULT_REGION."""
    host = (base_url or "").partition("://")[2].partition("/")[0].lower()
    named = _HOST.search(host)
    said = (configured, named and named[1], variables.variable("AWS_REGION"), variables.variable("AWS_DEFAULT_REGION"))
    return next((str(region) for region in said if region), None)


def endpoint(service: str, region: str) -> str:
    """The public address of a service in a region."""
    return f"https://{service}.{region}.{domain(region)}"
