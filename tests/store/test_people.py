"""People who sign in, and their sessions."""

from __future__ import annotations

import msgspec
import pytest

from llm_gateway.store import people
from llm_gateway.store.errors import Conflict, NotThere
from llm_gateway.store.rows import PersonRow, SessionRow

ANN = PersonRow("p1", "ann", "Ann", "$argon2id$x", '["operator"]', "", "active", 0, None, None, 5)


def session(ident: bytes, person: str = "p1", expires: int = 100) -> SessionRow:
    return SessionRow(ident, person, "{}", 1, 1, expires)


def test_a_person_is_found_by_id_and_login(store):
    """Whole; a login is one person's; a login that no database can hold is nobody's."""
    store.write(lambda c: people.create(c, ANN))
    assert store.read(lambda c: people.get(c, "p1")) == store.read(lambda c: people.by_login(c, "ann")) == ANN
    assert store.read(lambda c: people.by_login(c, "an\0n")) is None
    with pytest.raises(Conflict):
        store.write(lambda c: people.create(c, msgspec.structs.replace(ANN, id="p2")))
    store.write(lambda c: people.create(c, msgspec.structs.replace(ANN, id="p2", login="bob", tenant="acme")))
    assert [row.id for row in store.read(lambda c: people.listed(c, tenant="acme")).rows] == ["p2"]
    assert [row.id for row in store.read(people.listed).rows] == ["p1", "p2"]
    with pytest.raises(Conflict):
        store.write(lambda c: people.change_person(c, "p2", {"login": "ann"}))


def test_wrong_passwords_are_counted(store):
    """Until a right one; neither is a change that somebody with an older version would run into."""
    store.write(lambda c: people.create(c, ANN))
    assert [store.write(lambda c, until=until: people.failed(c, "p1", until)) for until in (None, 900)] == [1, 2]
    row = store.read(lambda c: people.get(c, "p1"))
    assert (row.failures, row.locked_until, row.version) == (2, 900, 1)
    store.write(lambda c: people.signed_in(c, "p1", 50))
    row = store.read(lambda c: people.get(c, "p1"))
    assert (row.failures, row.locked_until, row.last_login_at, row.version) == (0, None, 50, 1)
    assert store.write(lambda c: people.failed(c, "nobody", None)) == 0


def test_a_session_lasts_as_long_as_it_says(store):
    """Used it lasts longer; expired or closed it is not there."""
    store.write(lambda c: people.open_session(c, session(b"s\0")))
    assert store.read(lambda c: people.session(c, b"s\0", 99)) == session(b"s\0")
    assert store.read(lambda c: people.session(c, b"s\0", 100)) is None
    store.write(lambda c: people.touch_session(c, b"s\0", 50, 300))
    assert store.read(lambda c: people.session(c, b"s\0", 299)).used_at == 50
    assert store.write(lambda c: people.expire_sessions(c, 299)) == 0
    assert store.write(lambda c: people.close_session(c, b"s\0"))
    assert not store.write(lambda c: people.close_session(c, b"s\0"))
    store.write(lambda c: people.open_session(c, session(b"t", expires=7)))
    assert store.write(lambda c: people.expire_sessions(c, 7)) == 1


@pytest.mark.parametrize(
    ("values", "stays"),
    [({"name": "A"}, True), ({"password": "x"}, False), ({"status": "disabled"}, False), ({"roles": "[]"}, False)],
)
def test_who_may_do_less_is_signed_out(store, values, stays):
    """A changed password, role, tenant or status ends all sessions of that person, and nobody else's."""
    store.write(lambda c: people.create(c, ANN))
    for ident, person in ((b"1", "p1"), (b"2", "p1"), (b"3", "p9")):
        store.write(lambda c, ident=ident, person=person: people.open_session(c, session(ident, person)))
    assert store.write(lambda c: people.change_person(c, "p1", values, version=1)).version == 2
    there = [store.read(lambda c, ident=ident: people.session(c, ident, 1)) is not None for ident in (b"1", b"2", b"3")]
    assert there == [stays, stays, True]


def test_a_person_goes_with_their_sessions(store):
    """Under the version that was seen; what may not be changed is refused."""
    store.write(lambda c: people.create(c, ANN))
    store.write(lambda c: people.open_session(c, session(b"1")))
    with pytest.raises(ValueError, match="failures"):
        store.write(lambda c: people.change_person(c, "p1", {"failures": 0}))
    with pytest.raises(Conflict):
        store.write(lambda c: people.delete(c, "p1", version=9))
    store.write(lambda c: people.delete(c, "p1", version=1))
    assert store.read(lambda c: people.session(c, b"1", 1)) is None
    with pytest.raises(NotThere):
        store.write(lambda c: people.delete(c, "p1"))


def test_sessions_of_a_person_and_a_renewed_password(store):
    """The newest first, nobody else's; a password that is kept in another way signs nobody out."""
    store.write(lambda c: people.create(c, ANN))
    for number in (1, 3, 2):
        row = msgspec.structs.replace(session(bytes([number])), created_at=number)
        store.write(lambda c, row=row: people.open_session(c, row))
    store.write(lambda c: people.open_session(c, session(b"other", person="p2")))
    store.write(lambda c: people.renew_password(c, "p1", "$argon2id$y"))
    assert [row.id for row in store.read(lambda c: people.sessions_of(c, "p1"))] == [b"\3", b"\2", b"\1"]
    found = store.read(lambda c: people.get(c, "p1"))
    assert (found.password, found.version) == ("$argon2id$y", ANN.version)
