"""What stands in the log."""

from __future__ import annotations

import msgspec

from llm_gateway.accounting.records import Intent, Outcome, Part, Refused, Tried, Try, decoded, encode, fields

INTENT = Intent("01J", 1, "req_1", "key", "acme", "acme/web", "ada", ("a", "b"), "/v1/x", "m", True, "p", "q", 5, 7, 9, "v1")
OUTCOME = Outcome(
    "01J", 64, "failed", 500, "oops", "p", "q", (1, 2, 3), {"images": 1}, 5, "prices", True, ("output",), "v1", "flex", 7, 8
)


def test_records_are_read_as_they_were_written() -> None:
    """Each kind as the tuple that the hot path makes of it."""
    part = Part("01J", 2, "p", "q", (1, 2), {"seconds": 1.5}, 3, "prices", True, ("seconds",), "v1")
    for record in (INTENT, Tried("01J", 2, "p", "q", 3, "v1"), part, OUTCOME):
        assert decoded(encode(fields(record))) == record
    both = Refused(INTENT, OUTCOME)
    assert decoded(encode(("r", fields(INTENT), fields(OUTCOME)))) == both
    tries = msgspec.structs.replace(OUTCOME, attempts=(Try("p", "q", 200, "cut", 5), Try("r", "s", 0, "", 7, True)))
    assert decoded(encode((*fields(OUTCOME)[:-3], (("p", "q", 200, "cut", 5), ("r", "s", 0, "", 7, True))))) == tries


def test_other_versions_are_understood() -> None:
    """What an older one leaves out has its default; what a newer one adds is passed over; a kind that is not known is none."""
    assert decoded(encode(("i", "01J", 1, "req_1"))) == Intent("01J", 1, "req_1")
    assert decoded(encode((*fields(INTENT), "more", 5))) == INTENT
    assert decoded(encode(("z", "01J"))) is None
    assert decoded(b"\xc1") is None
    assert decoded(b"") is None


def test_what_utf8_cannot_hold() -> None:
    """Half a surrogate pair in a name, which JSON can say, does not stop a request."""
    assert decoded(encode(("i", "01J", 1, "req_1", "k", "t", "p", "\ud83d", ("\udc00",)))) == Intent(
        "01J", 1, "req_1", "k", "t", "p", "?", ("?",)
    )


def test_what_64_bits_cannot_hold() -> None:
    """A count that no provider can mean is written as the largest there is: the record is not lost."""
    tried = decoded(encode(("t", "01J", 0, "p", "m", 2**70)))
    assert isinstance(tried, Tried)
    assert tried.cost == 2**63 - 1
