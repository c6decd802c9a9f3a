"""More parsers that meet bytes of strangers: forms, what providers and clouds say beside answers, files that operators are given.

As in targets.py: what else than the documented errors they raise is a bug.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple
from unittest.mock import Mock

import msgspec

from llm_gateway.catalogue.format import Unusable
from llm_gateway.catalogue.format import read as read_catalogue
from llm_gateway.config.errors import ConfigErrors, Problems
from llm_gateway.config.json_tree import read_json
from llm_gateway.config.toml_tree import read_toml
from llm_gateway.config.yaml_tree import Unreadable
from llm_gateway.core.errors import GatewayError, InvalidRequest, UpstreamMalformed
from llm_gateway.core.multipart import MalformedForm, boundary_of, parts_of, value_of
from llm_gateway.credentials.aws.sts import texts
from llm_gateway.credentials.google.document import quota_project_in, source_in
from llm_gateway.credentials.refreshing import Unavailable
from llm_gateway.dialects import metering
from llm_gateway.dialects.openai_realtime import Meter
from llm_gateway.dialects.schemas import rules
from llm_gateway.dialects.schemas.adapt import adapt
from llm_gateway.dialects.schemas.refused import Refused
from llm_gateway.edge.passthrough import clean
from llm_gateway.edge.query import parameters, without
from llm_gateway.providers.eventstream_sse import EventStreamSse
from llm_gateway.providers.load import read as read_load

_RULES = tuple(value for value in vars(rules).values() if isinstance(value, rules.Rules))


class Other(NamedTuple):
    """As targets.Fuzzed."""

    name: str
    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...] = ()


def others() -> Iterator[Other]:
    form = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--b--\r\n'
    schema = b'{"type":"object","properties":{"a":{"$ref":"#/$defs/A"}},"$defs":{"A":{"anyOf":[{"type":"null"},{"allOf":[{"minLength":1}]}]}}}'
    usage = b'"usage":{"input_tokens":3,"output_tokens":2,"input_token_details":{"cached_tokens":1}}'
    keys = b"<R><C><AccessKeyId>A</AccessKeyId><SecretAccessKey>s</SecretAccessKey><Expiration>2030-01-01T00:00:00Z</Expiration></C></R>"
    yield Other("multipart/body", _form, (form,))
    yield Other("multipart/type", _boundary, (b'multipart/form-data; boundary="a b"', b"multipart/form-data;boundary=x"))
    yield Other("schemas/adapt", _adapt, (schema, b'{"type":["string","null"],"enum":["a",null],"pattern":"^a"}'))
    yield Other("eventstream/sse", _unframe, (bytes(16),))
    yield Other("realtime/event", _look, (b'{"type":"response.done","response":{%b}}' % usage,))
    yield Other("metering", _meter, (b'{"id":"x",%b}' % usage, b"event: x\ndata: {%b}\n\n" % usage))
    yield Other("prometheus", _load, (b'vllm:num_requests_running{model_name="m"} 3.0\nvllm:num_requests_waiting 1e2\n',))
    yield Other("sts", _sts, (keys,))
    yield Other("google credentials", _google, (b'{"type":"service_account","client_email":"a@b","private_key":"k"}',))
    yield Other("catalogue", _catalogue, (b'{"format":2,"providers":{}}',))
    yield Other("toml", _toml, (b'[providers.openai]\napi_key = "x"\n', b"a = [1, {b = 2}]\n"))
    yield Other("json config", _json, (b'{"providers":{"openai":{"api_key":"x"}}}',))
    yield Other("passthrough/path", _path, (b"/v1/fine_tuning/jobs", b"/v1/%2e%2e/x", b"/v1/models/a%20b"))
    yield Other("url/query", _query, (b"key=a&alt=sse&include[]=x", b"%ff=%zz&&="))


def _boundary(data: bytes) -> None:
    with suppress(MalformedForm):
        assert 1 <= len(boundary_of(data)) <= 70


def _form(data: bytes) -> None:
    end = 0
    with suppress(MalformedForm):
        for part in parts_of(data, b"b", (b"model",)):
            assert end <= part.start <= part.end <= len(data)
            end = part.end
            value_of(data, part)


def _adapt(data: bytes) -> None:
    try:
        schema = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    if not isinstance(schema, dict):
        return
    for each in _RULES:
        before = msgspec.json.encode(schema)
        with suppress(Refused):
            msgspec.json.encode(adapt(schema, each).schema)
        assert msgspec.json.encode(schema) == before  # what is refused or adapted is not changed in its place


def _unframe(data: bytes) -> None:
    reader = EventStreamSse()
    with suppress(UpstreamMalformed):
        middle = len(data) // 2
        reader.feed(data[:middle])
        reader.feed(data[middle:])
        reader.end()


def _look(data: bytes) -> None:
    meter = Meter()
    meter.look(data)
    meter.look(bytearray(data))
    assert meter.seconds >= 0


def _meter(data: bytes) -> None:
    meter = metering.Meter(counts_images=True)
    meter.feed(data[: len(data) // 3])
    meter.feed(data[len(data) // 3 :])
    meter.usage()


def _load(data: bytes) -> None:
    with suppress(ValueError):
        load = read_load(data, 0.0)
        assert load.running >= 0
        assert load.waiting >= 0


def _sts(data: bytes) -> None:
    with suppress(Unavailable):
        texts(data)


def _google(data: bytes) -> None:
    with suppress(Unavailable):
        source_in(Mock(), data, ("scope",), "the file")
    with suppress(Unavailable):
        quota_project_in(data, "the file")


def _catalogue(data: bytes) -> None:
    with suppress(Unusable):
        read_catalogue(data)


def _toml(data: bytes) -> None:
    with suppress(UnicodeDecodeError, ConfigErrors, Unreadable):
        read_toml(data.decode(), "fuzzed")


def _json(data: bytes) -> None:
    with suppress(UnicodeDecodeError, ConfigErrors, Unreadable):
        read_json(data.decode(), "fuzzed", Problems())


def _path(data: bytes) -> None:
    with suppress(GatewayError):
        plain = clean(data)
        assert plain.startswith("/")
        assert not {"", ".", ".."} & set(plain.split("/")[1:])
        assert "\\" not in plain


def _query(data: bytes) -> None:
    with suppress(InvalidRequest):
        parameters(data)
    with suppress(InvalidRequest):
        kept = without(data, lambda name, _value: name == "key")
        with suppress(InvalidRequest):
            assert "key" not in parameters(kept)
