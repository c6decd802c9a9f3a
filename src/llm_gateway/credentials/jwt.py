"""A signed assertion: a JSON Web Token with RS256 (RFC 7515, RFC 7518 section 3.3, RFC 7523), by the library `cryptography`.

It is imported here alone, and when the first assertion is made: most gateways never make one. Signing takes a millisecond and
importing more, so callers run these in a thread.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from llm_gateway.core.json import encode
from llm_gateway.credentials.refreshing import Unavailable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_SHORTEST_KEY = 2048


def signed(key_pem: bytes, header: Mapping[str, str], claims: Mapping[str, Any], what: str, password: str | None = None) -> str:
    """The token. `what` is where the key came from, for the text of Unavailable."""
    key = _private_key(key_pem, what, password)
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - see above

    said = b".".join((_text(encode({"alg": "RS256", "typ": "JWT", **header})), _text(encode(dict(claims)))))
    return (said + b"." + _text(key.sign(said, PKCS1v15(), SHA256()))).decode("ascii")


def thumbprint(certificate_pem: bytes, what: str) -> str:
    """The SHA-256 of the first certificate, as the header x5t#S256 has it (RFC 7515 section 4.1.8). Raises Unavailable."""
    try:
        from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415 - see above
        from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415 - see above
    except ImportError:
        raise _missing() from None
    try:
        certificate = load_pem_x509_certificate(certificate_pem)
    except ValueError:
        raise Unavailable(f"{what} holds no certificate in PEM form") from None
    return _text(sha256(certificate.public_bytes(Encoding.DER)).digest()).decode("ascii")


def _private_key(pem: bytes, what: str, password: str | None) -> RSAPrivateKey:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - see above
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415 - see above
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - see above
    except ImportError:
        raise _missing() from None
    try:
        key = load_pem_private_key(pem, password.encode() if password else None)
    except TypeError:
        needs = "takes no password" if password else "needs a password"
        raise Unavailable(f"the private key of {what} {needs}") from None
    except (ValueError, UnsupportedAlgorithm):  # its text can quote the key
        raise Unavailable(f"{what} holds no private key that can be read, or the password is wrong") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < _SHORTEST_KEY:
        raise Unavailable(f"the private key of {what} must be RSA with {_SHORTEST_KEY} bits or more")
    return key


def _missing() -> Unavailable:
    return Unavailable("signing needs the Python package cryptography, which is not installed")


def _text(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")
