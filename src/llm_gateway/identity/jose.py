"""Signed tokens: taken apart, and their signatures checked (RFC 7515, RFC 7517, RFC 8725).

What a token says of itself decides nothing: an algorithm is accepted because the configuration lists it and the key is of its
kind, and a key because the issuer publishes it. Keys and addresses of keys in a token's header (`jwk`, `jku`, `x5c`, `x5u`) are
not looked at. joserfc is only imported where a token is really checked.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from llm_gateway.core.json import MalformedJson, decode

LONGEST_TOKEN = 16 << 10
MOST_KEYS = 64
"""Of one issuer; what comes behind them is passed over."""
_WITHOUT_NAME = 4  # keys that are tried for a token which does not say by which it was signed
_SHORTEST_RSA = 2048
_LONGEST_RSA = 8192
_COMPACT = re.compile(rb"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")

FITS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", "")),
        "ES256": ("EC", "P-256"),
        "ES384": ("EC", "P-384"),
        "ES512": ("EC", "P-521"),
        "EdDSA": ("OKP", "Ed25519"),
        "HS256": ("oct", ""),
    }
)
"""Algorithm -> the kind of key and the curve that it needs, and no other."""


class Refused(Exception):
    """A token that is not accepted. The word says why: for the log, never for the caller."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Header(msgspec.Struct, frozen=True):
    """Of a token, unverified. What is not here is not looked at."""

    alg: str
    kid: str = ""
    typ: str = "JWT"
    crit: Any = None
    b64: Any = None


class Token(NamedTuple):
    """Taken apart, nothing of it verified."""

    header: Header
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes


class Key(NamedTuple):
    """One that an issuer signs with."""

    kid: str
    kind: str
    curve: str
    algorithm: str
    """The only one it is for; "": any that its kind fits."""
    key: Any
    """joserfc's."""

    def fits(self, algorithm: str) -> bool:
        """Whether this algorithm may be used with it."""
        return FITS.get(algorithm) == (self.kind, self.curve) and self.algorithm in ("", algorithm)


def looks_signed(token: bytes) -> bool:
    """Whether it has the form of a signed token; a JSON object in base64url begins with `ey`."""
    return token.startswith(b"ey") and len(token) <= LONGEST_TOKEN and _COMPACT.fullmatch(token) is not None


def taken_apart(token: bytes) -> Token:
    """Raises Refused."""
    found = _COMPACT.fullmatch(token) if len(token) <= LONGEST_TOKEN else None
    if found is None:
        raise Refused("form")
    try:
        header = decode(_bytes(found[1]), Header)
        claims = decode(_bytes(found[2]), dict[str, Any])
        signature = _bytes(found[3])
    except (MalformedJson, msgspec.ValidationError, ValueError):
        raise Refused("form") from None
    if header.crit is not None or header.b64 is not None:
        raise Refused("crit")  # RFC 7515 section 4.1.11: what is not understood must be refused; RFC 7797: no other payloads
    return Token(header, claims, token[: found.end(2)], signature)


class KeySet:
    """The keys of one issuer. Immutable."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = tuple(keys)

    def __len__(self) -> int:
        return len(self._keys)

    def named(self, kid: str) -> bool:
        """Whether there is a key of this name; without a name, whether there is any."""
        return any(key.kid == kid for key in self._keys) if kid else bool(self._keys)

    def verifies(self, token: Token) -> bool:
        """Whether one of them signed it. The caller has looked whether the algorithm is accepted at all."""
        from joserfc.jws import JWSRegistry  # noqa: PLC0415 - 20 MB, for those that need it

        algorithm = token.header.alg
        kid = token.header.kid
        fitting = [key for key in self._keys if key.fits(algorithm) and (not kid or key.kid == kid)]
        check = JWSRegistry.algorithms[algorithm].verify
        try:
            return any(check(token.signed, token.signature, key.key) for key in fitting[:_WITHOUT_NAME])
        except (ValueError, TypeError):  # a signature of a length that is none
            return False


class _Jwk(msgspec.Struct):
    kty: str = ""
    kid: str = ""
    use: str = "sig"
    alg: str = ""
    crv: str = ""
    key_ops: list[str] | None = None


class _Jwks(msgspec.Struct):
    keys: list[msgspec.Raw]


def published(document: bytes) -> KeySet:
    """The keys of a JWKS that tokens can be checked with; others are passed over, shared secrets too. Raises ValueError."""
    try:
        raw = decode(document, _Jwks).keys
    except (MalformedJson, msgspec.ValidationError):
        raise ValueError("no JSON Web Key Set") from None
    keys = (_key(bytes(one)) for one in raw[:MOST_KEYS])
    return KeySet(key for key in keys if key is not None)


def shared(secret: str) -> KeySet:
    """The one key of an issuer that shares a secret with us."""
    from joserfc.jwk import OctKey  # noqa: PLC0415 - see above

    return KeySet((Key("", "oct", "", "HS256", OctKey.import_key(secret)),))


def _key(document: bytes) -> Key | None:
    from joserfc.errors import JoseError  # noqa: PLC0415 - see above
    from joserfc.jwk import ECKey, OKPKey, RSAKey  # noqa: PLC0415 - see above

    kinds: dict[str, Any] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
    try:
        seen = decode(document, _Jwk)
        if seen.kty not in kinds or seen.use != "sig" or (seen.key_ops is not None and "verify" not in seen.key_ops):
            return None
        public = {name: value for name, value in decode(document, dict[str, Any]).items() if name in _PUBLIC}
        if (
            seen.kty == "RSA"
            and not _SHORTEST_RSA <= int.from_bytes(_bytes(public["n"].encode()), "big").bit_length() <= _LONGEST_RSA
        ):
            return None
        key = kinds[seen.kty].import_key(public)
    except (MalformedJson, msgspec.ValidationError, JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return Key(seen.kid, seen.kty, seen.crv if seen.kty != "RSA" else "", seen.alg, key)


_PUBLIC = frozenset({"kty", "n", "e", "crv", "x", "y"})  # never the private halves, should a careless issuer publish them


def _bytes(text: bytes) -> bytes:
    return urlsafe_b64decode(text + b"=" * (-len(text) % 4))
