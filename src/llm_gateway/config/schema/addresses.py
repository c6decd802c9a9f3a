"""URLs in the configuration: what each kind of them must be."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from llm_gateway.config.schema.base import Fault


def is_near(host: str) -> bool:
    """Whether it is this machine: what is sent there in the clear leaves it nowhere."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def parts_of(url: str) -> SplitResult | None:
    """None: it is no address of an HTTP server, or one that two readers may read differently."""
    if any(character <= " " or character == "\\" for character in url):
        return None
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if good else None


def is_secure(url: str) -> bool:
    """Whether nobody can read or change on the way what is sent there: https://, or http:// on this machine."""
    parts = parts_of(url)
    return parts is not None and parts.username is None and (parts.scheme == "https" or is_near(parts.hostname or ""))


def base_fault(url: str, example: str, instead: str) -> str:
    """What is wrong with an address below which paths are asked, "" if nothing is. `instead`: where credentials belong."""
    parts = parts_of(url)
    if parts is None:
        return f"expected a URL such as {example}"
    if parts.username is not None or parts.query or parts.fragment:
        return f"must not hold credentials, a query or a fragment; credentials go into {instead}"
    return ""


def secrets_fault(field: str, url: str | None) -> Iterator[Fault]:
    """What is wrong with an address that secrets come from, or are sent to."""
    if url is None:
        return
    parts = parts_of(url)
    if parts is None or parts.username is not None or parts.query or parts.fragment:
        yield field, "expected a URL such as https://host"
    elif parts.scheme == "http" and not is_near(parts.hostname or ""):
        yield field, "must begin with https://: secrets are sent there"
