"""Who asks."""

from __future__ import annotations

import hmac
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.caller import Caller
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import Forbidden, Unauthenticated
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.scopes import EVERY, granted
from llm_gateway.dialects.base import Operation
from llm_gateway.identity.keys import LONGEST_KEY, REVOKED, Identify, KeyTable, Pepper, authorize, presented
from llm_gateway.identity.roles import scope_of
from serving import connected, run
from whole_gateway import BEARER, CHAT, KEY, chat, one_provider, request, whole_gateway

PEPPER = Pepper(b"pepper")
ALICE = Caller("alice")


class Known(dict[bytes, Caller]):
    """As much of a directory as a table needs."""

    def find(self, digest: bytes) -> Caller | None:
        return self.get(digest)


def table(*callers: tuple[bytes, Caller], anonymous: Caller | None = None, older: tuple[Pepper, ...] = ()) -> KeyTable:
    pepper = older[-1] if older else PEPPER
    return KeyTable((PEPPER, *older), Known((pepper.digest(key), caller) for key, caller in callers), anonymous)


def identify(*callers: tuple[bytes, Caller], anonymous: Caller | None = None, clock: FakeClock | None = None) -> Identify:
    return Identify(table(*callers, anonymous=anonymous), clock or FakeClock())


def refusal(headers: dict[bytes, bytes], who: Identify | None = None) -> tuple[str, str]:
    with pytest.raises(Unauthenticated) as caught:
        (who or identify((b"good", ALICE))).caller(headers)
    return caught.value.code, caught.value.message


@given(st.binary(max_size=200), st.binary(max_size=700))
def test_the_digest_is_hmac_sha256(pepper, key):
    """The pads hashed ahead give what RFC 2104 says, for keys and peppers of any length."""
    assert Pepper(pepper).digest(key) == hmac.new(pepper, key, "sha256").digest()


@pytest.mark.parametrize(
    "headers",
    [
        {b"authorization": b"Bearer good"},
        {b"authorization": b"bearer good"},
        {b"authorization": b"BEARER   good "},
        {b"x-api-key": b"good"},
        {b"x-goog-api-key": b"good"},
        {b"authorization": b"Bearer good", b"x-api-key": b"other"},
    ],
)
def test_a_key_is_found_wherever_sdks_put_it(headers):
    """Bearer in any case (RFC 9110 section 11.1), or the headers of Anthropic's and Google's SDKs; Authorization counts first."""
    assert identify((b"good", ALICE)).caller(headers) is ALICE


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "missing_api_key"),
        ({b"x-api-key": b""}, "missing_api_key"),
        ({b"authorization": b""}, "invalid_auth_header"),
        ({b"authorization": b"Bearer"}, "invalid_auth_header"),
        ({b"authorization": b"Bearer  "}, "invalid_auth_header"),
        ({b"authorization": b"Basic Z29vZDo="}, "invalid_auth_header"),
        ({b"authorization": b"good"}, "invalid_auth_header"),
        ({b"authorization": b"Basic x", b"x-api-key": b"good"}, "invalid_auth_header"),
        ({b"authorization": b"Bearer good, Bearer good"}, "invalid_api_key"),
        ({b"x-api-key": b"good, good"}, "invalid_api_key"),
        ({b"authorization": b"Bearer GOOD"}, "invalid_api_key"),
        ({b"authorization": b"Bearer good\0"}, "invalid_api_key"),
        ({b"authorization": "Bearer gööd".encode()}, "invalid_api_key"),
        ({b"authorization": b"Bearer ' OR 1=1--"}, "invalid_api_key"),
        ({b"authorization": b"Bearer " + b"x" * (1 << 20)}, "invalid_api_key"),
    ],
)
def test_everything_else_is_refused(headers, code):
    """C13: missing, empty, another scheme, two headers joined, huge, NUL and other scripts."""
    assert refusal(headers)[0] == code


def test_no_text_tells_wrong_keys_apart():
    """C14: length, form and nearness to a real key show nowhere."""
    wrong = [b"goo", b"good1", b"g" * LONGEST_KEY, b"g" * (LONGEST_KEY + 1), b"{{7*7}}", b"%0d%0a", b"../../", b"' OR 1=1--"]
    assert len({refusal({b"x-api-key": key}) for key in wrong}) == 1


def test_an_expired_key_is_refused_from_that_moment_on():
    """By the wall clock, to the second."""
    clock = FakeClock(1000.0)
    who = identify((b"good", Caller("old", expires=1010.0)), clock=clock)
    assert who.caller({b"x-api-key": b"good"}).key_name == "old"
    clock.advance(10.0)
    assert refusal({b"x-api-key": b"good"}, who)[0] == "expired_api_key"


def test_anonymous_is_who_brings_no_key():
    """Where a key is not required a wrong one is still wrong: its owner would wonder about his rights."""
    nobody = Caller("anonymous")
    who = identify((b"good", ALICE), anonymous=nobody)
    assert who.caller({}) is nobody
    assert who.caller({b"x-api-key": b"good"}) is ALICE
    assert refusal({b"x-api-key": b"bad"}, who)[0] == "invalid_api_key"


def test_without_any_key_whatever_sdks_send_is_ignored():
    """Most SDKs do not start without some key, so where none exists none is looked at."""
    nobody = Caller("anonymous")
    who = identify(anonymous=nobody)
    for headers in ({}, {b"authorization": b"Bearer dummy"}, {b"authorization": b"Basic x"}):
        assert who.caller(headers) is nobody


def exchange(headers: dict[bytes, bytes], notes: dict[object, object] | None = None) -> Exchange:
    http = SimpleNamespace(path=b"/", headers=headers, notes=notes, body=b"", peer="", reply=None)
    return Exchange("req_1", http, None, 0.0)


def test_a_keys_wishes_are_taken_over():
    """Metadata and strictness come from the key, unless the request said something itself."""
    who = identify((b"good", Caller("k", metadata_in_body=True, strict=True)))
    ex = exchange({b"x-api-key": b"good"})
    who(ex)
    assert (ex.caller.key_name, ex.strict, ex.metadata_wanted) == ("k", True, True)
    said = exchange({b"x-api-key": b"good"})
    said.strict = False
    who(said)
    assert said.strict is False


def test_a_known_head_is_a_known_caller_until_a_reload_or_its_expiry():
    """Requests that share their notes have the same head; another table of keys and the clock decide anew."""
    notes: dict[object, object] = {}
    clock = FakeClock(1000.0)
    headers = {b"x-api-key": b"good"}
    who = identify((b"good", ALICE))
    for _ in range(2):
        ex = exchange(headers, notes)
        who(ex)
        assert ex.caller is ALICE
    assert list(notes.values()) == [ALICE]
    with pytest.raises(Unauthenticated):
        identify((b"other", ALICE))(exchange(headers, notes))
    short = identify((b"good", Caller("old", expires=1010.0)), clock=clock)
    short(exchange(headers, notes))
    clock.advance(10.0)
    with pytest.raises(Unauthenticated):
        short(exchange(headers, notes))


def test_a_refused_key_leaves_nothing_behind():
    """Only who was let in is remembered."""
    notes: dict[object, object] = {}
    with pytest.raises(Unauthenticated):
        identify((b"good", ALICE))(exchange({b"x-api-key": b"bad"}, notes))
    assert not notes


def test_authorize_asks_the_caller():
    """A model that the key may not use, and a request without a caller, are refused with 403."""
    ex = exchange({})
    ex.model = "fast"
    with pytest.raises(Forbidden):
        authorize(ex)
    ex.caller = Caller("k", ["slow"])
    with pytest.raises(Forbidden) as caught:
        authorize(ex)
    assert (caught.value.code, caught.value.param) == ("model_not_accessible", "model")
    ex.caller = Caller("k", ["fast"])
    authorize(ex)


def asking(caller: Caller, model: str = "fast", operation: Operation = Operation.CHAT) -> Exchange:
    ex = exchange({})
    ex.caller, ex.model = caller, model
    ex.front = SimpleNamespace(operation=operation)
    return ex


@pytest.mark.parametrize("operation", list(Operation))
def test_each_operation_needs_its_scope(operation):
    """Who has it may, who has all others may not; that is told before anything about models is."""
    scope = scope_of(operation)
    authorize(asking(Caller("k", scopes=frozenset({scope})), operation=operation))
    with pytest.raises(Forbidden) as caught:
        authorize(asking(Caller("k", (), scopes=EVERY - {scope}), operation=operation))
    assert caught.value.code == "insufficient_permissions"


def test_a_readonly_key_asks_no_model():
    """Nor does an admin key, of which nobody said so."""
    for kind in ("readonly", "admin"):
        for operation in Operation:
            with pytest.raises(Forbidden):
                authorize(asking(Caller("k", scopes=granted(kind, None)), operation=operation))


def test_the_model_default_is_what_the_caller_has_for_it():
    """And it must be allowed, too. Without one it is a name like any other."""
    ex = asking(Caller("k", ["fast"], default_model="fast"), "default")
    authorize(ex)
    assert ex.model == "fast"
    with pytest.raises(Forbidden):
        authorize(asking(Caller("k", ["fast"], default_model="slow"), "default"))
    plain = asking(Caller("k"), "default")
    authorize(plain)
    assert plain.model == "default"


@pytest.mark.parametrize(("said", "code"), [("tenant t", "tenant_disabled"), ("project t/p", "project_disabled")])
def test_who_belongs_to_something_disabled_is_refused(said, code):
    """With 403: the key is a good one. And each time anew, as its head is not remembered for good."""
    who = identify((b"good", Caller("k", disabled=said, expires=0.0)))
    with pytest.raises(Forbidden) as caught:
        who.caller({b"x-api-key": b"good"})
    assert caught.value.code == code


def test_a_revoked_key_is_refused_at_once():
    """Also on a connection where it was accepted, and by the next table until a directory comes without it."""
    notes: dict[object, object] = {}
    headers = {b"x-api-key": b"good"}
    keys = table((b"good", Caller("k", key_id="key_1")), (b"other", ALICE))
    who = Identify(keys, FakeClock())
    who(exchange(headers, notes))
    keys.revoke(["key_1"])
    for seen in (notes, {}):
        with pytest.raises(Unauthenticated):
            who(exchange(headers, seen))
    assert who.caller({b"x-api-key": b"other"}) is ALICE
    again = KeyTable((PEPPER,), Known({PEPPER.digest(b"good"): Caller("k", key_id="key_1")}), None, None, keys.revoked)
    assert again.find(b"good") is None


def test_only_so_many_revoked_ids_are_remembered():
    """The oldest go first: directories have long come without them."""
    keys = table()
    keys.revoke(f"key_{n}" for n in range(REVOKED + 5))
    assert (len(keys.revoked), keys.revoked[0]) == (REVOKED, "key_5")


def test_keys_under_an_older_pepper_are_accepted_and_told():
    """With the digest under the current one, so that it can be kept under that from now on."""
    old = Pepper(b"old")
    keys = table((b"good", Caller("k", key_id="key_1")), older=(Pepper(b"older"), old))
    found = keys.find(b"good")
    assert found is not None
    assert keys.uses.take().renewed == {"key_1": PEPPER.digest(b"good")}
    assert keys.find(b"bad") is None


def test_the_use_of_a_key_is_noted():
    """Once between two reports, also where the head was known."""
    notes: dict[object, object] = {}
    who = identify((b"good", Caller("alice")))
    for _ in range(3):
        who(exchange({b"x-api-key": b"good"}, notes))
    uses = who._uses
    assert uses.take().used == ("alice",)
    who(exchange({b"x-api-key": b"good"}, notes))
    assert uses.take().used == ("alice",)


def test_presented_prefers_anthropics_header_to_googles():
    """Only one key is looked at."""
    assert presented({b"x-goog-api-key": b"g", b"x-api-key": b"a"}) == b"a"


@pytest.mark.parametrize(
    ("lines", "statuses"),
    [
        (f"Authorization: Bearer {KEY}\r\nAuthorization: Bearer {KEY}\r\n", {401}),
        ("Authorization: Basic dGVzdHM6eA==\r\n", {401}),
        ("Authorization:\r\n", {401}),
        ("", {401}),
        (f"X-Api-Key: {'k' * (1 << 20)}\r\n", {431}),
        (f"Authorization: Bearer {KEY}\0\r\n", {400}),
        (f"Authorization: Bearer {KEY}\xe9\r\n", {401}),
        (BEARER.replace("Bearer ", "Bearer\t"), {401}),
    ],
)
def test_through_the_real_server(lines, statuses):
    """The same forms as bytes on the wire: refused in the front's shape, and the key is not echoed."""

    async def test() -> None:
        async with whole_gateway(one_provider("http://127.0.0.1:1")) as gateway, connected(gateway.port) as raw:
            raw.send(request(CHAT, chat(), lines))
            status, _, body = await raw.reply()
            assert status in statuses
            assert b'"error"' in body
            assert KEY.encode() not in body
            assert b"kkkk" not in body

    run(test)
