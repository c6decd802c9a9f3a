"""Whom the client trusts over TLS, and who it says it is."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

_MINIMUM = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


@dataclass(frozen=True, slots=True)
class TlsTrust:
    """Certificates for outgoing TLS. Paths name PEM files.

    ca_file: further roots, beside the system's unless `system_roots` is False. cert_file and key_file: our own
    certificate for upstreams that ask for one. minimum: "1.2" or "1.3". insecure: accept any certificate; for a
    laboratory only, and it is the caller's duty to say loudly that it is on.
    """

    ca_file: str | None = None
    system_roots: bool = True
    cert_file: str | None = None
    key_file: str | None = None
    key_password: str | None = field(default=None, repr=False)
    minimum: str = "1.2"
    insecure: bool = False

    def context(self) -> ssl.SSLContext:
        """A context for all connections of one client. Raises OSError (ssl.SSLError) and ValueError."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.minimum not in _MINIMUM:
            raise ValueError('the minimum TLS version is "1.2" or "1.3"')
        context.minimum_version = _MINIMUM[self.minimum]
        context.set_alpn_protocols(["http/1.1"])
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.system_roots:
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        if self.ca_file is not None:
            context.load_verify_locations(cafile=self.ca_file)
        if self.cert_file is not None:
            context.load_cert_chain(self.cert_file, self.key_file, self.key_password)
        return context


def why_tls_failed(error: BaseException) -> str:
    """One line about a failed handshake. OpenSSL's own words for a wrong name contain that name, so they are not used."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in {62, 63, 64}:  # X509_V_ERR_HOSTNAME, EMAIL, IP_ADDRESS _MISMATCH
            return "the certificate is for another host"
        return f"the certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason:
        return f"the TLS handshake failed: {error.reason.lower().replace('_', ' ')}"
    return "the TLS handshake failed: the connection was closed"
