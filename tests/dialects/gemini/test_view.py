"""The look at a request that may pass through."""

from __future__ import annotations

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_gateway.core.errors import InvalidRequest, MalformedBody
from llm_gateway.dialects.base import Operation
from llm_gateway.dialects.gemini import GeminiFront

FRONT = GeminiFront("gemini-x")
HI = {"role": "user", "parts": [{"text": "hi"}]}


def body(**members: object) -> bytes:
    return msgspec.json.encode({"contents": [HI], **members})


def refusal(data: bytes) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        FRONT.view(data)
    with pytest.raises(InvalidRequest) as parsed:
        FRONT.parse_request(data)
    assert (parsed.value.param, parsed.value.code) == (caught.value.param, caught.value.code)
    return caught.value


@pytest.mark.parametrize("stream", [True, False])
def test_model_and_stream_are_the_urls(stream):
    """The body names neither, and is not searched for them."""
    front = GeminiFront("gemini-x", stream)
    seen = front.view(body())
    assert (seen.model, seen.stream, seen.model_at) == ("gemini-x", stream, -1)
    assert (front.name, front.operation, front.model_in_body) == ("gemini", Operation.CHAT, False)
    request = front.parse_request(body())
    assert (request.model, request.stream, request.dialect) == ("gemini-x", stream, "gemini")


@pytest.mark.parametrize(
    "data",
    [
        body(system_instruction={"parts": [{"text": "S"}]}, generation_config={"max_output_tokens": 5, "topP": 1}),
        body(systemInstruction={"parts": {"text": "S"}}, unknown=[1]),
        msgspec.json.encode({"contents": HI}),
        msgspec.json.encode({"contents": [{"parts": {"text": "hi"}}]}),
        body(generationConfig={"topK": 40.0, "responseModalities": ["TEXT"]}),
    ],
)
def test_what_google_reads_passes(data):
    """Both spellings, single objects instead of lists, no role, members that nobody here knows."""
    assert FRONT.view(data).model == "gemini-x"
    assert FRONT.parse_request(data).messages[-1].parts[0].text == "hi"


@pytest.mark.parametrize(
    ("data", "param", "code"),
    [
        (b"{}", "contents", "missing_field"),
        (b'{"contents":"hi"}', "contents", "invalid_messages"),
        (b'{"contents":[]}', "contents", "empty_messages"),
        (b'{"contents":[1]}', "contents[0]", "invalid_messages"),
        (b'{"contents":[{"role":"user","parts":"hi"}]}', "contents[0].parts", "invalid_messages"),
        (b'{"contents":[{"role":"robot","parts":[{"text":"x"}]}]}', "contents[0].role", "invalid_messages"),
        (body(tools="all"), "tools", "invalid_parameter_value"),
        (body(generationConfig={"temperature": 3}), "generationConfig.temperature", "invalid_temperature"),
        (body(generationConfig={"temperature": []}), "generationConfig.temperature", "invalid_parameter_value"),
        (body(generationConfig={"topP": 1.5}), "generationConfig.topP", "invalid_top_p"),
        (body(generationConfig={"maxOutputTokens": 10**9}), "generationConfig.maxOutputTokens", "invalid_max_tokens"),
        (body(generation_config={"max_output_tokens": -1}), "generationConfig.maxOutputTokens", "invalid_max_tokens"),
        (body(generationConfig={"candidateCount": -1}), "generationConfig.candidateCount", "invalid_parameter_value"),
        (b'{"contents":[{}],"contents":[{}]}', "contents", "invalid_parameter_value"),
        (b'{"contents":[{}],"con\\u0074ents":[{}]}', "contents", "invalid_parameter_value"),
    ],
)
def test_what_is_certainly_wrong_is_refused(data, param, code):
    """With the path of what is wrong and its code, the same by both ways in."""
    error = refusal(data)
    assert (error.param, error.code) == (param, code)


def test_a_model_that_can_be_none_is_refused():
    """Whatever the URL says."""
    for model in ("", "x" * 257, "a\nb"):
        with pytest.raises(InvalidRequest) as caught:
            GeminiFront(model).view(body())
        assert (caught.value.param, caught.value.code) == ("model", "invalid_model_id")


@pytest.mark.parametrize(
    "data", [b"", b"{", b"NaN", b'{"contents":[{}],"x":1e}', b'\xff{"contents":[]}', b"\xef\xbb\xbf{}", b'{"x":' + b"[" * 100_000]
)
def test_what_is_no_json_is_malformed(data):
    """And says so."""
    for look in (FRONT.view, FRONT.parse_request):
        with pytest.raises(MalformedBody):
            look(data)


@pytest.mark.parametrize("data", [b"[]", b'"x"', b"null", b"3"])
def test_what_is_no_object_is_refused(data):
    """JSON, but no request."""
    assert refusal(data).param is None


@settings(max_examples=150, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["user", "model", "hi", "ANY", ""]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "contents",
                        "parts",
                        "text",
                        "role",
                        "functionCall",
                        "function_response",
                        "name",
                        "args",
                        "response",
                        "tools",
                        "functionDeclarations",
                        "parameters",
                        "type",
                        "generationConfig",
                        "thinkingConfig",
                        "thoughtSignature",
                        "x_y",
                        "inlineData",
                        "data",
                        "mimeType",
                        "systemInstruction",
                        "toolConfig",
                        "responseSchema",
                        "thinking_budget",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=25,
    )
)
def test_any_document_is_read_or_refused(document):
    """Nothing but the documented errors, whatever stands where; what parses can be rendered for every provider."""
    data = msgspec.json.encode(
        {"contents": [{"parts": [document]}, document], **(document if isinstance(document, dict) else {})}
    )
    for look in (FRONT.view, FRONT.parse_request):
        with suppress(InvalidRequest):
            look(data)


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_read(data):
    """Noise is a malformed body or an invalid request."""
    for look in (FRONT.view, FRONT.parse_request):
        with suppress(InvalidRequest):
            look(data)
