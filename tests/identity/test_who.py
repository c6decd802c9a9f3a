"""Who asks, by whatever a request carries."""

from __future__ import annotations

import timeit
from collections.abc import Awaitable, Callable
from statistics import quantiles
from types import SimpleNamespace
from typing import Any

import pytest

from identity.token_world import Lines, issuing, plain
from llm_gateway.config.schema import Grants, Introspection, Lockout, Mtls, Signing
from llm_gateway.config.schema.tokens import CertificateRule
from llm_gateway.config.values import Secret
from llm_gateway.core.caller import Caller
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import GatewayError
from llm_gateway.core.exchange import Exchange
from llm_gateway.http.request import Request
from llm_gateway.identity.certificates import Certificates
from llm_gateway.identity.introspection import Introspect
from llm_gateway.identity.keys import Identify, KeyTable, Pepper
from llm_gateway.identity.lockout import Lockout as Locking
from llm_gateway.identity.signing import Signatures, signature_of, signing_secret
from llm_gateway.identity.tokens import Tokens
from llm_gateway.identity.who import Who
from serving import run

PEPPER = Pepper(b"pepper")
KEY = b"sk-gateway-0123456789"
CERT = {"subject": ((("commonName", "web"),),)}


class Known(dict[bytes, Caller]):
    """A directory of keys in memory."""

    def find(self, digest: bytes) -> Caller | None:
        return self.get(digest)


class Door:
    """A Who with all that it can have, and requests to it."""

    def __init__(self, *, tokens: Tokens | None = None, certificates: bool = False, anonymous: bool = False, keys: bool = True):
        self.clock = FakeClock()
        self.log = Lines()
        self.locked: list[Any] = []
        known = Known(
            {PEPPER.digest(KEY): Caller("one"), PEPPER.digest(b"sk-signed"): Caller("two", require_signature=True)}
            if keys
            else {}
        )
        table = KeyTable([PEPPER], known, Caller("anonymous") if anonymous else None)
        lockout = Locking(self.clock, lambda *told: self.locked.append(told))
        lockout.configure(Lockout())
        signatures = Signatures(self.clock)
        signatures.configure(Signing())
        rules = Mtls((CertificateRule({"CN": "web"}, grants=Grants("mesh")),))
        self.who = Who(
            Identify(table, self.clock),
            table,
            self.clock,
            signatures,
            lockout,
            tokens=tokens,
            certificates=Certificates(rules, plain) if certificates else None,
            log=self.log,
        )

    async def ask(
        self, headers: dict[bytes, bytes], cert: Any = None, notes: Any = None, peer: str = "198.51.100.1", **more: Any
    ) -> str:
        """Who it is; a refusal's code in its place."""
        request = Request(b"POST", b"/v1/chat/completions", b"", headers, peer, 0.0, cert, more.get("body", b""), notes)
        ex = Exchange("req", request, SimpleNamespace(), 0.0)
        try:
            waiting = self.who(ex)
            if isinstance(waiting, Awaitable):
                await waiting
        except GatewayError as refusal:
            return refusal.code
        assert ex.caller is not None
        return ex.caller.key_name


def bearer(token: bytes) -> dict[bytes, bytes]:
    return {b"authorization": b"Bearer " + token}


def test_what_counts_where_several_are_sent():
    """Authorization, x-api-key, x-goog-api-key, certificate, nobody: the first that is there decides, right or wrong."""

    async def main() -> None:
        async with issuing() as world:
            door = Door(tokens=world.tokens(), certificates=True, anonymous=True)
            token = world.provider.token(world.claims())
            assert await door.ask(bearer(KEY)) == "one"
            assert await door.ask(bearer(token)) == "jwt:alice"
            assert await door.ask({b"x-api-key": token}) == "jwt:alice"
            assert await door.ask({**bearer(token), b"x-api-key": KEY}, CERT) == "jwt:alice"
            assert await door.ask({**bearer(b"wrong"), b"x-api-key": KEY}, CERT) == "invalid_api_key"
            assert await door.ask({b"authorization": b"Basic eDp5", b"x-api-key": KEY}, CERT) == "invalid_auth_header"
            assert await door.ask({b"x-api-key": b"wrong", b"x-goog-api-key": KEY}) == "invalid_api_key"
            assert await door.ask({}, CERT) == "mtls:commonName=web"
            assert await door.ask({b"x-api-key": b""}, CERT) == "mtls:commonName=web"
            assert await door.ask({}, {"subject": ((("commonName", "other"),),)}) == "anonymous"
            assert await door.ask({}) == "anonymous"

    run(main)


def test_to_look_once_more():
    """Who a request that takes long belongs to now, whatever it carried; a refusal is no try to come in, nor an old signature one."""

    async def main() -> None:
        async with issuing() as world:
            door = Door(tokens=world.tokens(), certificates=True)

            async def again(headers: dict[bytes, bytes], cert: Any = None) -> str:
                request = Request(b"GET", b"/v1/realtime", b"", headers, "198.51.100.1", 0.0, cert, b"", None)
                try:
                    found = door.who.again(Exchange("req", request, SimpleNamespace(), 0.0))
                    return (found if isinstance(found, Caller) else await found).key_name
                except GatewayError as refusal:
                    return refusal.code

            assert await again(bearer(KEY)) == "one"
            assert await again(bearer(world.provider.token(world.claims()))) == "jwt:alice"
            assert await again({}, CERT) == "mtls:commonName=web"
            assert await again({b"x-api-key": b"sk-signed"}) == "two"
            for _ in range(50):
                assert await again(bearer(b"wrong")) == "invalid_api_key"
            assert await door.ask(bearer(b"wrong")) == "invalid_api_key"
            assert door.locked == []

    run(main)


def test_heads_that_are_the_same_are_not_the_same_connection():
    """What follows from the head is remembered with it; what follows from the certificate is not."""

    async def main() -> None:
        async with issuing() as world:
            door = Door(tokens=world.tokens(), certificates=True, anonymous=True)
            notes: dict[Any, Any] = {}
            assert await door.ask({}, CERT, notes) == "mtls:commonName=web"
            assert await door.ask({}, None, notes) == "anonymous"
            assert notes == {}
            assert await door.ask(bearer(KEY), None, notes) == "one"
            assert len(notes) == 1

    run(main)


def test_a_remembered_token_ends_on_an_open_connection():
    """A head that is known does not make a token last longer than it says."""

    async def main() -> None:
        async with issuing() as world:
            door = Door(tokens=world.tokens())
            door.clock = world.clock
            notes: dict[Any, Any] = {}
            token = world.provider.token(world.claims())
            assert await door.ask(bearer(token), None, notes) == "jwt:alice"
            world.clock.advance(700)
            assert await door.ask(bearer(token), None, notes) == "expired_token"

    run(main)


@pytest.mark.parametrize(
    "value",
    [
        b"wrong",
        b"' OR 1=1--",
        b"{{7*7}}",
        b"../../etc/passwd",
        b"%0d%0aX: y",
        b"\xff\xfe",
        b"k" * 512,
        b"k" * 100_000,
        b"eyJhbGciOiJub25lIn0.e30.AAAA",
        b"eyJ.eyJ.eyJ",
        b"sk-gateway-unknown",
        b"Bearer " + KEY,
        KEY + b", " + KEY,
        KEY + b"\0",
        b"\xc3\xa9",
    ],
)
def test_all_wrong_credentials_are_told_the_same(value):
    """C13, C14: one code, one text, and nothing of what was sent in it."""

    async def main() -> None:
        async with issuing() as world:
            door = Door(tokens=world.tokens())
            request = Request(b"POST", b"/", b"", bearer(value), "127.0.0.1", 0.0, None)
            with pytest.raises(GatewayError) as caught:
                await door.who.caller(request)
            assert (caught.value.status, caught.value.code) == (401, "invalid_api_key")
            assert caught.value.message == "The API key is not known here."

    run(main)


def test_where_no_key_is_known_a_token_still_counts():
    """SDKs send some key because they must: it says nothing then. A signed token of a known issuer is more than that."""

    async def main() -> None:
        async with issuing() as world:
            door = Door(tokens=world.tokens(), anonymous=True, keys=False)
            assert await door.ask(bearer(b"sk-anything")) == "anonymous"
            assert await door.ask(bearer(world.provider.token(world.claims()))) == "jwt:alice"
            assert await door.ask(bearer(world.provider.token(world.claims(aud="other")))) == "invalid_api_key"

    run(main)


def test_keys_are_never_sent_to_an_introspection_endpoint():
    """What begins like a key of ours is refused here; other tokens are asked about, and waited for."""

    async def main() -> None:
        async with issuing() as world:
            settings = Introspection(world.provider.url + "/introspect", "c", Secret("s"))
            introspect = Introspect(settings, world.keysets.http, plain, world.clock)
            world.provider.answers["opaque-1"] = {"active": True, "sub": "bob"}
            door = Door(tokens=world.tokens(introspect=introspect))
            assert await door.ask(bearer(b"sk-gateway-mistyped")) == "invalid_api_key"
            assert await door.ask(bearer(b"opaque-1")) == "jwt:bob"
            assert await door.ask(bearer(b"opaque-2")) == "invalid_api_key"
            assert [fields["token"] for fields in world.provider.bodies] == [["opaque-1"], ["opaque-2"]]
            world.provider.down = True
            assert await door.ask(bearer(b"opaque-3")) == "identity_provider_unavailable"

    run(main)


def test_a_lockout_does_not_lock_out_the_right_key():
    """After many failures from one address: 429 for wrong ones, 200 for the right one, 401 for who sent none at all."""

    async def main() -> None:
        door = Door()
        for _ in range(5):
            assert await door.ask(bearer(b"wrong")) == "invalid_api_key"
        assert await door.ask(bearer(b"wrong")) == "too_many_failed_authentications"
        assert await door.ask(bearer(KEY)) == "one"
        assert await door.ask({}) == "missing_api_key"
        assert await door.ask(bearer(b"wrong"), peer="198.51.100.2") == "invalid_api_key"
        assert door.locked == [("198.51.100.1", 6)]

    run(main)


def test_a_key_can_need_signed_requests():
    """Without a signature, with a wrong one, and with a good one that works once."""

    async def main() -> None:
        door = Door()
        secret = signing_secret(PEPPER, PEPPER.digest(b"sk-signed"))
        now = int(door.clock.now())
        signed = {
            b"authorization": b"Bearer sk-signed",
            b"x-timestamp": b"%d" % now,
            b"x-signature": signature_of(secret, b"POST", b"/v1/chat/completions", now, b"{}").encode(),
        }
        assert await door.ask(bearer(b"sk-signed")) == "missing_signature"
        request = Request(b"POST", b"/v1/chat/completions", b"", signed, "", 0.0, None, b"{}")
        assert (await door.who.caller(request)).key_name == "two"
        assert await door.ask(signed, body=b"{}") == "replayed_signature"
        assert await door.ask(signed, body=b"{} ") == "invalid_signature"
        assert await door.ask({**signed, b"authorization": b"Bearer " + KEY}) == "one"

    run(main)


def test_operators_are_told_why_but_not_too_often():
    """One line for each reason in ten seconds; it holds no token."""

    async def main() -> None:
        async with issuing() as world:
            door = Door(tokens=world.tokens())
            for n in range(20):
                await door.ask(bearer(world.provider.token(world.claims(aud=f"other-{n}"))), peer="127.0.0.1")
            assert door.log == [("info", "token_refused", {"why": "audience", "source": "127.0.0.1"})]

    run(main)


def test_wrong_keys_cost_the_same_however_much_of_them_is_right():
    """C15: 5,000 tries with prefixes of a good key of each length show no slope: the digest decides, not the text."""
    door = Door()
    good = b"sk-gateway-" + b"0123456789abcdef" * 3
    door.who._keys._find = Known({PEPPER.digest(good): Caller("one")}).find

    def attempt(length: int) -> Callable[[], None]:
        headers = bearer(good[:length] + b"x" * (len(good) - length))
        request = Request(b"POST", b"/", b"", headers, "", 0.0, None)

        def once() -> None:
            with pytest.raises(GatewayError):
                door.who._find(request, "")

        return once

    lengths = (0, len(good) // 2, len(good) - 1)
    tries = [attempt(length) for length in lengths]
    times: list[list[float]] = [[] for _ in lengths]
    for _ in range(1700):  # one after the other: what else the machine does then meets all of them
        for found, once in zip(times, tries, strict=True):
            found.append(timeit.timeit(once, number=1))
    quick = [quantiles(found, n=10)[0] for found in times]  # a busy machine has two speeds, and a median falls into either
    assert max(quick) < 1.15 * min(quick)
