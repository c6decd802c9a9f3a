"""Where somebody is on the way to an identity provider and back.

What must be remembered meanwhile goes with the browser, sealed and for ten minutes: nothing here grows with people who never come
back. What they come back with counts in this browser only, and once.
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256

import msgspec

from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import Unauthenticated
from llm_gateway.credentials.ring import Ring, Unsealable

SECONDS = 600
MOST_USED = 10_000
HOME = "/admin/v1/me"
"""Where people are when they are signed in, if they did not say."""
_PATH = re.compile(r"/(?![/\\])[A-Za-z0-9/._~!$&'()*+,;=:@%?#-]{0,2000}")
_ROW = "signin/flow"


class Flow(msgspec.Struct, frozen=True):
    """One sign-in under way."""

    provider: str
    state: str
    nonce: str
    verifier: str
    back: str
    ends: float

    @property
    def challenge(self) -> str:
        """Of the verifier (RFC 7636 section 4.2, S256)."""
        return _text(sha256(self.verifier.encode()).digest())


class Flows:
    """One per control process."""

    def __init__(self, ring: Ring, clock: Clock, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._ring = ring
        self._clock = clock
        self._random_bytes = random_bytes
        self._used: OrderedDict[str, float] = OrderedDict()

    def begin(self, provider: str, back: str) -> tuple[Flow, str]:
        """A new one, and what the browser's cookie is to hold. `back`: a path here, anything else is passed over."""
        state, nonce, verifier = (_text(self._random_bytes(32)) for _ in range(3))
        flow = Flow(provider, state, nonce, verifier, home(back), self._clock.now() + SECONDS)
        return flow, _text(self._ring.seal(msgspec.msgpack.encode(flow), _ROW))

    def end(self, cookie: str, provider: str, state: str) -> Flow:
        """The one that this browser began, with this provider. Raises Unauthenticated; it cannot be ended twice."""
        flow = self._opened(cookie)
        now = self._clock.now()
        if (
            flow is None
            or flow.provider != provider
            or not hmac.compare_digest(flow.state.encode(), state.encode("utf-8", "replace"))
            or now >= flow.ends
            or flow.state in self._used
        ):
            raise Unauthenticated("This sign-in was not begun here, or took too long. Begin it again.", code="signin_expired")
        while self._used and (next(iter(self._used.values())) <= now or len(self._used) >= MOST_USED):
            self._used.popitem(last=False)
        self._used[flow.state] = flow.ends
        return flow

    def _opened(self, cookie: str) -> Flow | None:
        try:
            blob = urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4))
            return msgspec.msgpack.decode(self._ring.open(blob, _ROW), type=Flow)
        except (ValueError, Unsealable, msgspec.DecodeError):
            return None


def home(path: str) -> str:
    """`path` if it is one on this very host, else HOME: nobody is sent elsewhere from here."""
    return path if _PATH.fullmatch(path) else HOME


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
