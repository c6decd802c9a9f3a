"""Spans as OTLP carries them over HTTP: protobuf, and what a collector says of it.

https://opentelemetry.io/docs/specs/otlp/#otlphttp. The library is only read where tracing is on.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping, MutableSequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from llm_gateway._version import __version__
from llm_gateway.core.trace import Bits
from llm_gateway.telemetry.trace_facts import Facts
from llm_gateway.telemetry.trace_spans import SERVER, Attributes, Span, spans_of

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span as Message

PATH = "/v1/traces"
"""Below the collector's address."""
ERROR = 2
"""Status code of a span that failed."""
HAS_REMOTE, IS_REMOTE = 0x100, 0x200
"""Flags of a span whose parent is known to be in another process."""
_LEVEL = 5  # gzip: most of the gain

_decode = msgspec.msgpack.Decoder(Facts).decode


class Made(NamedTuple):
    """What is sent. `traces`: how many are in it; `unread`: of those that were given, how many could not be read."""

    body: bytes
    traces: int
    spans: int
    unread: int


def made(facts: Iterable[bytes], resource: Mapping[str, str], types: Mapping[str, str], bits: Bits, *, zipped: bool) -> Made:
    """An ExportTraceServiceRequest of what workers told. Takes a while: for a thread."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest  # noqa: PLC0415 - see above

    request = ExportTraceServiceRequest()
    told = request.resource_spans.add()
    _tell(told.resource.attributes, dict(resource))
    scope = told.scope_spans.add()
    scope.scope.name, scope.scope.version = "llm_gateway", __version__
    traces = spans = unread = 0
    for one in facts:
        try:
            fact = _decode(one)
            trace = bytes.fromhex(fact.trace_id)
        except (msgspec.DecodeError, ValueError):  # of a worker of another version
            unread += 1
            continue
        traces += 1
        for span in spans_of(fact, types, bits):
            _fill(scope.spans.add(), span, trace)
            spans += 1
    body = request.SerializeToString()
    return Made(gzip.compress(body, _LEVEL) if zipped else body, traces, spans, unread)


def _fill(message: Message, span: Span, trace: bytes) -> None:
    message.trace_id, message.span_id = trace, bytes.fromhex(span.span_id)
    message.parent_span_id = bytes.fromhex(span.parent_id)
    message.name, message.kind = span.name, span.kind  # type: ignore[assignment]  # an enumeration's number
    message.start_time_unix_nano, message.end_time_unix_nano = span.start, span.end
    message.flags = 1 | HAS_REMOTE | (IS_REMOTE if span.kind == SERVER and span.parent_id else 0)
    _tell(message.attributes, span.attributes)
    for name, at in span.events:
        event = message.events.add()
        event.name, event.time_unix_nano = name, at
    if span.error is not None:
        message.status.code = ERROR  # type: ignore[assignment]  # as above
        message.status.message = span.error


def _tell(into: MutableSequence[KeyValue], attributes: Attributes | dict[str, str]) -> None:
    for name, value in attributes.items():
        pair = into.add()  # type: ignore[attr-defined]  # a repeated field has it
        pair.key = name
        if isinstance(value, str):
            pair.value.string_value = value
        elif isinstance(value, bool):
            pair.value.bool_value = value
        elif isinstance(value, int):
            pair.value.int_value = value
        else:
            pair.value.double_value = value


class NotOtlp(Exception):
    """An answer that no collector gives: there is something else at this address."""


def rejected(content_type: bytes, body: bytes) -> int:
    """How many spans of a request that succeeded the collector did not take. Raises NotOtlp."""
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # noqa: PLC0415 - see above
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse  # noqa: PLC0415

    media = content_type.partition(b";")[0].strip().lower()
    if not body or media == b"application/json":  # not what was asked for; some proxies answer so all the same
        return 0
    if media and media not in {b"application/x-protobuf", b"application/octet-stream"}:
        raise NotOtlp
    try:
        return int(ExportTraceServiceResponse.FromString(body).partial_success.rejected_spans)
    except DecodeError:
        raise NotOtlp from None
