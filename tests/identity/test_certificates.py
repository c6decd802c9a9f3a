"""Who a client certificate stands for."""

from __future__ import annotations

from typing import Any

import pytest

from identity.token_world import plain
from llm_gateway.config.schema import CertificateRule, Grants, Mtls
from llm_gateway.identity.certificates import Certificates

WEB = CertificateRule({"CN": "web-*", "O": "acme"}, grants=Grants("acme", "web"))
MESH = CertificateRule(san="spiffe://mesh/ns/*", grants=Grants("mesh"))


def shown(*subject: tuple[str, str], names: tuple[tuple[str, str], ...] = ()) -> dict[str, Any]:
    return {"subject": tuple((part,) for part in subject), "subjectAltName": names}


CN, ORG = "commonName", "organizationName"


@pytest.mark.parametrize(
    ("certificate", "tenant"),
    [
        (shown((ORG, "acme"), (CN, "web-1")), "acme"),
        (shown((CN, "web-1")), None),
        (shown((ORG, "other"), (CN, "web-1")), None),
        (shown((ORG, "acme"), (CN, "web-1"), (CN, "admin")), None),
        (shown((ORG, "acme"), (CN, "my-web-1")), None),
        (shown((CN, "x"), names=(("DNS", "a"), ("URI", "spiffe://mesh/ns/a"))), "mesh"),
        (shown((CN, "spiffe://mesh/ns/a")), None),
        (shown(), None),
        ({}, None),
    ],
)
def test_rules(certificate, tenant):
    """Every part that a rule names must fit, and each one of that kind; other names are found among the other names only."""
    caller = Certificates(Mtls((WEB, MESH)), plain).caller_of(certificate)
    assert (caller.tenant if caller else None) == tenant


def test_the_same_certificate_is_the_same_caller():
    """A renewed certificate of the same name has the same id; another name has another one."""
    certificates = Certificates(Mtls((WEB,)), plain)
    first = certificates.caller_of(shown((ORG, "acme"), (CN, "web-1")))
    again = certificates.caller_of({**shown((ORG, "acme"), (CN, "web-1")), "serialNumber": "2"})
    other = certificates.caller_of(shown((ORG, "acme"), (CN, "web-2")))
    assert first is again
    assert first is not None
    assert other is not None
    assert first.kind == "mtls"
    assert first.key_id != other.key_id
