"""Spans as OTLP carries them."""

from __future__ import annotations

import gzip
from random import Random

import msgspec
import pytest

from control.tracing_support import facts
from fakes.collector import partial, read
from llm_gateway.control.tracing_otlp import NotOtlp, made, rejected
from llm_gateway.telemetry.trace_facts import Stage, Try

BITS = Random(1).getrandbits
PROTOBUF = b"application/x-protobuf"


def test_every_kind_of_value():
    """Texts, whole numbers, fractions and truths arrive as what they are."""
    one = Try("a" * 16, "a", "m", 0.1, 0.1, 0.2, 0.4, 200, "", True, False)
    sent = facts(attempts=[one], status=200, outcome="completed", error="", error_type="")
    batch = made([msgspec.msgpack.encode(sent)], {"service.name": "t"}, {"a": "openai"}, BITS, zipped=True)
    spans = list(read(gzip.decompress(batch.body)))
    assert (batch.traces, batch.spans, batch.unread) == (1, 3, 0)
    told = spans[1].attributes
    assert told["gen_ai.provider.name"] == "openai"
    assert told["gateway.own_key"] is True
    assert told["gateway.attempt.number"] == 1
    assert told["gen_ai.response.time_to_first_chunk"] == pytest.approx(0.1)
    assert spans[1].events == (("first_content", 1_700_000_000_200_000_000),)
    assert spans[0].resource == {"service.name": "t"}


def test_a_failure_has_a_status():
    """Its span says error, and why."""
    sent = facts(stages=[Stage("middleware.auth", 0.0, 0.5, failed=True)])
    _, stage = read(made([msgspec.msgpack.encode(sent)], {}, {}, BITS, zipped=False).body)
    assert (stage.status, stage.message) == (2, "invalid_api_key")
    assert stage.attributes["error.type"] == "invalid_api_key"


@pytest.mark.parametrize("bad", [b"", b"\xc1", b"\x90", msgspec.msgpack.encode(facts(trace_id="nonsense"))])
def test_facts_of_another_version(bad: bytes):
    """What cannot be read is counted; the rest of the batch goes on."""
    batch = made([bad, msgspec.msgpack.encode(facts())], {}, {}, BITS, zipped=False)
    assert (batch.traces, batch.unread) == (1, 1)
    assert len(list(read(batch.body))) == 1


def test_what_a_collector_says():
    """How many spans it did not take; what is no answer of OTLP's is told apart."""
    assert rejected(PROTOBUF, b"") == 0
    assert rejected(PROTOBUF, partial(7).body) == 7
    assert rejected(b"application/json; charset=utf-8", b"{}") == 0
    for content_type, body in ((PROTOBUF, b"\xff\xff"), (b"text/html", b"<html>")):
        with pytest.raises(NotOtlp):
            rejected(content_type, body)
