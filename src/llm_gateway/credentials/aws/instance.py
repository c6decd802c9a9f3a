"""Credentials of an EC2 instance's role, by version 2 of its metadata service only (EC2 user guide, "Use IMDSv2").

A session token is fetched with PUT, then the role's name, then its keys. Version 1 needs no token, so that any request forged
from inside could get the keys: it is not spoken.
"""

from __future__ import annotations

import re
from urllib.parse import quote

import msgspec

from llm_gateway.credentials.aws.keys import KeysAnswer, Source
from llm_gateway.credentials.aws.sigv4 import Credentials
from llm_gateway.credentials.bearer import refused, usable
from llm_gateway.credentials.means import Means
from llm_gateway.credentials.refreshing import Fetched, Unavailable

WHAT = "the instance's metadata service (IMDSv2)"
DISABLED = "AWS_EC2_METADATA_DISABLED"
_LIFE = "21600"
_ROLES = "/latest/meta-data/iam/security-credentials/"
_ROLE = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_HOP = "inside a container the instance's hop limit must be 2 (aws ec2 modify-instance-metadata-options)"


class _Status(msgspec.Struct, frozen=True, rename="pascal"):
    code: str = "Success"


def from_instance(means: Means) -> Source:
    """Asks the metadata service: AWS_EC2_METADATA_SERVICE_ENDPOINT, or its usual address for IPv4 or IPv6."""

    async def source() -> Fetched[Credentials]:
        if means.variable(DISABLED).lower() == "true":
            raise Unavailable(f"{WHAT} is switched off by {DISABLED}")
        base = _base(means)
        session = await _session(means, base)
        role = await _get(means, f"{base}{_ROLES}", session)
        name = role.decode("ascii", "replace").strip().partition("\n")[0].strip()
        if not _ROLE.fullmatch(name):
            raise Unavailable(f"{WHAT} names no role: attach one to the instance")
        document = await _get(means, f"{base}{_ROLES}{quote(name)}", session)
        return _keys(document, means.clock.now())

    return source


async def _session(means: Means, base: str) -> str:
    headers = {"X-aws-ec2-metadata-token-ttl-seconds": _LIFE}
    try:
        answer = await means.http.send(WHAT, b"PUT", f"{base}/latest/api/token", headers, metadata=True)
    except Unavailable as error:
        raise Unavailable(f"{error}; {_HOP}") from None
    if answer.status != 200:
        raise refused(answer, WHAT, _HOP)
    return usable(answer.body.decode("latin-1").strip(), WHAT)


async def _get(means: Means, url: str, session: str) -> bytes:
    answer = await means.http.send(WHAT, b"GET", url, {"X-aws-ec2-metadata-token": session}, metadata=True)
    if answer.status == 404:
        raise Unavailable(f"{WHAT} knows of no role: attach one to the instance")
    if answer.status != 200:
        raise refused(answer, WHAT)
    return answer.body


def _keys(document: bytes, now: float) -> Fetched[Credentials]:
    try:
        code = msgspec.json.decode(document, type=_Status).code
        if code != "Success":
            raise Unavailable(f"{WHAT} has no keys for the role: look at its trust policy")
        return msgspec.json.decode(document, type=KeysAnswer).fetched(WHAT, now)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Unavailable(f"{WHAT} gave an answer that is not the expected JSON") from None


def _base(means: Means) -> str:
    said = means.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT")
    if said:
        return said.rstrip("/")
    six = means.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE").lower() == "ipv6"
    return "http://[fd00:ec2::254]" if six else "http://169.254.169.254"
