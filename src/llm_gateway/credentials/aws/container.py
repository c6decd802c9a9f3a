"""Credentials of a container: ECS task roles and EKS pod identities.

AWS SDKs reference guide, "Container credential provider". A full URI may name any host over HTTPS, but over plain HTTP only this
machine and the agents of ECS and EKS: whoever could set it elsewhere would get the authorization token.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from llm_gateway.credentials.aws.keys import KeysAnswer, Source
from llm_gateway.credentials.aws.sigv4 import Credentials
from llm_gateway.credentials.bearer import refused
from llm_gateway.credentials.means import Means, read_secret
from llm_gateway.credentials.refreshing import Fetched, Unavailable

WHAT = "the container's credentials endpoint"
RELATIVE = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
FULL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
_TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"  # noqa: S105 - a variable's name
_ECS = "http://169.254.170.2"
_AGENTS = frozenset({"localhost", "169.254.170.2", "169.254.170.23", "fd00:ec2::23"})


def in_container(means: Means) -> bool:
    """Whether ECS or EKS said where credentials are."""
    return bool(means.variable(RELATIVE) or means.variable(FULL))


def from_container(means: Means) -> Source:
    """Asks the endpoint that the environment names. The token's file is read each time: it is rotated."""

    async def source() -> Fetched[Credentials]:
        url = _url(means)
        headers = {"Accept": "application/json"}
        if file := means.variable(f"{_TOKEN}_FILE"):
            headers["Authorization"] = await read_secret(file, f"the file that {_TOKEN}_FILE names")
        elif token := means.variable(_TOKEN):
            headers["Authorization"] = token
        answer = await means.http.send(WHAT, b"GET", url, headers, metadata=not url.startswith("https:"))
        if answer.status != 200:
            raise refused(answer, WHAT, "look at the role of the task or pod")
        return answer.json(KeysAnswer, WHAT).fetched(WHAT, means.clock.now())

    return source


def _url(means: Means) -> str:
    relative = means.variable(RELATIVE)
    if relative:
        if not relative.startswith("/"):
            raise Unavailable(f"{RELATIVE} must begin with a slash")
        return _ECS + relative
    url = means.variable(FULL)
    if not url:
        raise Unavailable(f"this is no ECS task and no EKS pod with an identity: neither {RELATIVE} nor {FULL} is set")
    if not _allowed(url):
        raise Unavailable(
            f"{FULL} may name only this machine, 169.254.170.2, 169.254.170.23 or [fd00:ec2::23], or begin with https://"
        )
    return url


def _allowed(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme == "https" or host in _AGENTS:
            return True
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
