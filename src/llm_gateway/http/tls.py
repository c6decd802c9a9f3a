"""TLS of the server: certificates that can be replaced without a restart, and optional client certificates."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Literal

ClientAuth = Literal["none", "optional", "required"]
_VERIFY = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}
_MINIMUM = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of PEM files. cert holds the chain, leaf first; client_ca the roots that client certificates must lead to.

    client_auth: "none", "optional" (a certificate that is shown must be valid) or "required". minimum: "1.2" or "1.3".
    """

    cert: str
    key: str
    client_ca: str | None = None
    client_auth: ClientAuth = "none"
    minimum: str = "1.2"

    def context(self) -> ssl.SSLContext:
        """A server context of what the files hold now. Raises OSError (ssl.SSLError is one) and ValueError."""
        if self.client_auth != "none" and self.client_ca is None:
            raise ValueError("client certificates are asked for, but client_ca is not set")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _MINIMUM[self.minimum]
        context.load_cert_chain(self.cert, self.key)
        context.set_alpn_protocols(["http/1.1"])
        if self.client_ca is not None:
            context.load_verify_locations(self.client_ca)
            context.verify_mode = _VERIFY[self.client_auth]
        if self.client_auth != "none":
            # A resumed session is not verified again: after a reload it would outlive the CA it was checked against.
            context.options |= ssl.OP_NO_TICKET
            context.num_tickets = 0
        return context


class ServerTls:
    """The context the listener is given, and behind it the one every new handshake is moved to.

    The listener keeps one context for its life; the servername callback, which OpenSSL calls in every handshake with or
    without a name, swaps in the current one: its certificate, key and client roots. Running connections keep theirs.
    """

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._current = files.context()
        self.listener = files.context()
        self.listener.sni_callback = self._choose

    def reload(self) -> None:
        """Read the files again. Raises as TlsFiles.context does, and then the old certificates stay in use."""
        self._current = self._files.context()

    def _choose(self, connection: ssl.SSLObject, name: str | None, listener: ssl.SSLContext) -> None:  # noqa: ARG002
        connection.context = self._current
