r"""Signed requests (docs/SIGNING.md): HMAC-SHA256 over what is asked, when, and of which body.

    canonical = "v1\n" METHOD "\n" target "\n" timestamp "\n" hex(SHA-256(body))

The target is the path with its query as it was sent. The secret belongs to one key; it is derived from the key under the pepper,
so that there is nothing to store, and who only sees the key on its way cannot make it.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Iterable, Mapping
from hashlib import sha256

from llm_gateway.config.schema.tokens import Signing as Settings
from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import GatewayError, RateLimited, Unauthenticated
from llm_gateway.http.request import Request
from llm_gateway.identity.keys import Pepper

SIGNATURE, TIMESTAMP = b"x-signature", b"x-timestamp"
REPLAYED, FULL = "replayed_signature", "too_many_signatures"
_PURPOSE = b"llm-gateway request signing\0"
_TIME = re.compile(rb"[0-9]{1,12}")
_SIGNATURE = re.compile(rb"(?:v1=)?([0-9a-f]{64})")


def signing_secret(pepper: Pepper, key_digest: bytes) -> str:
    """What the owner of a key signs with: shown once, when the key is made. `key_digest`: as the key is kept."""
    return "sgn-" + urlsafe_b64encode(pepper.digest(_PURPOSE + key_digest)).rstrip(b"=").decode("ascii")


def signature_of(secret: str, method: bytes, target: bytes, timestamp: int, body: bytes) -> str:
    """What goes into X-Signature."""
    return hmac.digest(secret.encode(), canonical(method, target, b"%d" % timestamp, body), "sha256").hex()


def canonical(method: bytes, target: bytes, timestamp: bytes, body: bytes) -> bytes:
    """What is signed."""
    return b"\n".join((b"v1", method, target, timestamp, sha256(body).hexdigest().encode("ascii")))


class Once:
    """Remembers good signatures: what was signed once counts once. Of a process, or of a node."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.most = 0
        self._seen: dict[bytes, float] = {}  # signature -> monotonic time from which on it would be refused for its age anyway

    def take(self, signature: bytes, left: float) -> str:
        """It is not too old for `left` more seconds. The code of what is wrong with taking it; "": nothing."""
        now, seen = self._clock.monotonic(), self._seen
        if seen.get(signature, now) > now:
            return REPLAYED
        if len(seen) >= self.most:
            for old in [one for one, end in seen.items() if end <= now]:
                del seen[old]
            if len(seen) >= self.most:
                return FULL
        seen[signature] = now + left
        return ""


Together = Callable[[bytes, float], Awaitable[str] | None]
"""The same over all workers of a node, to be awaited; None: there is nobody to ask now."""


class Signatures:
    """Checks them. One per process; it outlives reloads."""

    def __init__(self, clock: Clock, once: Once | None = None, together: Together | None = None) -> None:
        """`once` is shared with others in this process, `together` asked after it."""
        self._clock = clock
        self._validity = self._skew = 0.0
        self._own = once is None
        self._once = once or Once(clock)
        self._together = together

    def configure(self, settings: Settings) -> None:
        """From now on."""
        self._validity, self._skew = float(settings.validity), float(settings.skew)
        if self._own:
            self._once.most = settings.remembered

    def check(self, request: Request, secrets: Iterable[str]) -> Awaitable[None] | None:
        """`secrets`: those that are good now (a pepper may be on its way out). What is left to await, where there is somebody to
        ask. Raises Unauthenticated and RateLimited, then too.
        """
        headers: Mapping[bytes, bytes] = request.headers
        given, stamp = headers.get(SIGNATURE), headers.get(TIMESTAMP)
        if given is None or stamp is None:
            raise _refusal("This API key needs signed requests: X-Signature and X-Timestamp are missing.", "missing_signature")
        found = _SIGNATURE.fullmatch(given)
        if found is None or not _TIME.fullmatch(stamp):
            raise _refusal("X-Signature must be 64 hexadecimal digits, and X-Timestamp Unix seconds.", "invalid_signature")
        age = self._clock.now() - int(stamp)
        if not -self._skew <= age < self._validity:
            raise _refusal("X-Timestamp is too old, or too far ahead.", "expired_signature")
        target = (request.sent or request.path) + (b"?" + request.query if request.query else b"")
        said = canonical(request.method, target, stamp, request.body)
        wanted = [hmac.digest(secret.encode(), said, "sha256").hex().encode("ascii") for secret in secrets]
        if not sum(hmac.compare_digest(one, found[1]) for one in wanted):  # all of them: no early end
            raise _refusal("X-Signature does not fit this request.", "invalid_signature")
        signature, left = bytes.fromhex(found[1].decode("ascii")), self._validity - age
        _taken(self._once.take(signature, left))
        asked = None if self._together is None else self._together(signature, left)
        return None if asked is None else _later(asked)


async def _later(asked: Awaitable[str]) -> None:
    _taken(await asked)


def _taken(wrong: str) -> None:
    if wrong == REPLAYED:
        raise _refusal("This signed request was here before. Sign it anew, with the time of now.", "replayed_signature")
    if wrong:
        raise RateLimited("More signed requests than this gateway remembers came in a short time.", retry_after=30.0)


def _refusal(message: str, code: str) -> GatewayError:
    return Unauthenticated(message, code=code)
