"""Client certificates in one shape, whoever they were shown to: that of `ssl.SSLSocket.getpeercert()`.

    {"subject": ((("commonName", "web"),), ...), "subjectAltName": (("DNS", "web.example.com"), ...), "issuer": ..., ...}

Proxies tell them as PEM (percent-encoded, or its lines joined by tabs or blanks), as the base64 of the DER (RFC 9440 has it
between colons), or only the subject's name: `CN=web,O=acme` (RFC 4514) or `/O=acme/CN=web`.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, Name

LONGEST = 16 << 10
"""Bytes of a header that is looked at."""

LONG_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "CN": "commonName",
        "O": "organizationName",
        "OU": "organizationalUnitName",
        "C": "countryName",
        "L": "localityName",
        "ST": "stateOrProvinceName",
        "DC": "domainComponent",
        "UID": "userId",
        "SERIALNUMBER": "serialNumber",
        "E": "emailAddress",
        "EMAILADDRESS": "emailAddress",
    }
)
"""Short names of a subject's parts to those that Python has."""
_OIDS: Mapping[str, str] = MappingProxyType(
    {
        "2.5.4.3": "commonName",
        "2.5.4.10": "organizationName",
        "2.5.4.11": "organizationalUnitName",
        "2.5.4.6": "countryName",
        "2.5.4.7": "localityName",
        "2.5.4.8": "stateOrProvinceName",
        "0.9.2342.19200300.100.1.25": "domainComponent",
        "0.9.2342.19200300.100.1.1": "userId",
        "2.5.4.5": "serialNumber",
        "1.2.840.113549.1.9.1": "emailAddress",
    }
)
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_ESCAPED = re.compile(r"\\([0-9a-fA-F]{2}|.)")
_COMMA = re.compile(r"(?:[^,\\]|\\.)+")
_SLASH = re.compile(r"/([A-Za-z][A-Za-z0-9.]*)=((?:[^/\\]|\\.|/(?![A-Za-z][A-Za-z0-9.]*=))*)")


def told_certificate(certificate: bytes, name: bytes) -> dict[str, Any] | None:
    """What a proxy's headers say; the certificate itself counts before the mere name. None: nothing that can be read."""
    if certificate.strip():
        return _read(certificate) if len(certificate) <= LONGEST else None
    if not name.strip() or len(name) > LONGEST:
        return None
    subject = subject_of(name.decode("utf-8", "replace").strip())
    return {"subject": tuple((part,) for part in subject)} if subject else None


def subject_of(text: str) -> tuple[tuple[str, str], ...]:
    """The parts of a distinguished name, by their long names; () if it is none."""
    if text.startswith("/"):
        parts = [(found[1], found[2]) for found in _SLASH.finditer(text)]
    else:
        parts = [(key.strip(), value.strip()) for part in _COMMA.findall(text) for key, _, value in [part.partition("=")]]
    if not parts or any(not key or not value for key, value in parts):
        return ()
    return tuple((LONG_NAMES.get(key.upper(), key), _unescaped(value)) for key, value in parts)


def _unescaped(value: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)) if len(found[1]) > 1 else found[1], value.strip('"'))


def _read(told: bytes) -> dict[str, Any] | None:
    from cryptography.x509 import load_der_x509_certificate  # noqa: PLC0415 - 20 ms, for those that need it

    text = unquote_to_bytes(told) if b"%" in told else told
    found = _PEM.search(text)
    inner = (found[1] if found else text.strip().strip(b":")).translate(None, b" \t\r\n")
    try:
        certificate = load_der_x509_certificate(b64decode(inner, validate=True))
        return {
            "subject": _named(certificate.subject),
            "issuer": _named(certificate.issuer),
            "serialNumber": f"{certificate.serial_number:X}",
            "subjectAltName": _others(certificate),
        }
    except ValueError:
        return None


def _named(name: Name) -> tuple[tuple[tuple[str, str], ...], ...]:
    return tuple(
        tuple((_OIDS.get(one.oid.dotted_string, one.oid.dotted_string), str(one.value)) for one in rdn) for rdn in name.rdns
    )


def _others(certificate: Certificate) -> tuple[tuple[str, str], ...]:
    from cryptography import x509  # noqa: PLC0415 - see above

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    kinds = (
        (x509.DNSName, "DNS"),
        (x509.UniformResourceIdentifier, "URI"),
        (x509.RFC822Name, "email"),
        (x509.IPAddress, "IP Address"),
    )
    return tuple((word, str(one.value)) for one in names for kind, word in kinds if isinstance(one, kind))
