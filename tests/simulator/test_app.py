"""The whole of an App without sockets: it answers anything, and the same with the same seed."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_gateway.core.clock import FakeClock
from llm_gateway.simulator import SimulatorOptions
from llm_gateway.simulator.app import REMEMBERED, App
from llm_gateway.simulator.log import Log
from llm_gateway.simulator.routes import Received
from simulator.support import (
    CHAT,
    COHERE,
    CONVERSE,
    CONVERSE_STREAM,
    GEMINI,
    GEMINI_ARRAY,
    MESSAGES,
    OLLAMA,
    RESPONSES,
    chat,
)

PATHS = (
    *(CHAT, "/v1/completions", "/v1/embeddings", RESPONSES, MESSAGES, "/v1/messages/count_tokens"),
    *(
        GEMINI,
        GEMINI_ARRAY,
        "/v1beta/models/m:countTokens",
        "/v1beta/models/m:embedContent",
        "/v1beta/models/m:batchEmbedContents",
    ),
    *(OLLAMA, "/api/generate", "/api/embed", "/api/show", COHERE, "/v2/embed", "/v2/rerank", CONVERSE, CONVERSE_STREAM),
)
FIELDS = (
    *("model", "messages", "prompt", "input", "role", "content", "type", "text", "tools", "tool_choice", "function", "name"),
    *("parameters", "input_schema", "stream", "stream_options", "n", "max_tokens", "stop", "response_format", "json_schema"),
    *(
        "schema",
        "logprobs",
        "top_logprobs",
        "thinking",
        "system",
        "temperature",
        "dimensions",
        "encoding_format",
        "cache_control",
    ),
    *("contents", "parts", "functionDeclarations", "generationConfig", "thinkingConfig", "includeThoughts", "toolConfig"),
    *("functionResponse", "response", "inlineData", "systemInstruction", "responseSchema", "responseMimeType", "requests"),
    *("options", "format", "think", "images", "suffix", "stop_sequences", "documents", "query", "input_type", "texts", "inputs"),
    *("embedding_types", "toolSpec", "inputSchema", "json", "toolResult", "inferenceConfig", "stopSequences", "outputConfig"),
    *("textFormat", "structure", "jsonSchema", "guardContent", "cachePoint", "instructions", "reasoning", "include", "output"),
    *("metadata", "effort", "summary", "call_id", "file_data", "additionalModelRequestFields"),
)
OWN = frozenset({"model", "contents", "input", "messages"})
WORDS = (
    "user",
    "assistant",
    "tool",
    "system",
    "m",
    "call f",
    "[refuse]",
    "[cached]",
    "[tokens=3]",
    "text",
    "json_schema",
    "auto",
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 200) | st.floats() | st.sampled_from(WORDS) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6),
    max_leaves=25,
)
turns = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "model", "tool"])},
        optional={"parts": values, "content": values, "tool_calls": values, "type": values, "output": values},
    ),
    min_size=1,
    max_size=3,
)
shaped = st.fixed_dictionaries(
    {"model": st.just("m")},
    optional={"contents": turns, "input": turns, "messages": turns} | {name: values for name in FIELDS if name not in OWN},
)
likely = st.fixed_dictionaries(
    {
        "model": st.just("m"),
        "max_tokens": st.integers(1, 50),
        "messages": st.lists(
            st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": st.sampled_from(WORDS) | values}),
            min_size=1,
            max_size=3,
        ),
    },
    optional={name: values for name in FIELDS if name not in ("model", "max_tokens", "messages")},
)


def app(**options):
    made = SimulatorOptions(**options)
    return App(made, FakeClock(), Log(made.log_size))


def ask(application, document, path=CHAT, *headers):
    body = document if isinstance(document, bytes) else msgspec.json.encode(document)
    return application.respond(Received("POST", path, "", list(headers), body))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(PATHS), values | likely | shaped)
def test_any_document_gets_an_answer(path, document):
    """Whatever JSON is sent, the answer is 200 or an error of the client's, never an exception."""
    seen, answer = ask(app(), document, path)
    assert answer.status in (200, 400)
    assert answer.status == 200 or msgspec.json.decode(answer.body).keys() & {"error", "message"}
    assert seen.status == answer.status


@given(st.binary(max_size=60))
def test_any_bytes_get_an_answer(body):
    """Whatever bytes are sent, likewise."""
    assert ask(app(), body)[1].status == 400


def test_deep_documents_are_refused():
    """A hundred thousand nested lists are a bad request, not a crash."""
    assert ask(app(), b"[" * 100_000 + b"]" * 100_000)[1].status == 400


def test_same_seed_same_bytes():
    """Two simulators with one seed send the same head and body; another seed another id."""

    def sent(seed):
        _, answer = ask(app(seed=seed), chat("x", n=2, stream=True))
        return answer.headers, answer.body

    assert sent(1) == sent(1) != sent(2)


def test_remembered_answers_are_right_and_bounded():
    """An answer that is remembered is the answer to this body, key and path, and old ones are forgotten."""
    application = app(keys=("good",))
    bearer = (b"authorization", b"Bearer good")
    for _ in range(2):
        assert ask(application, chat("one"), CHAT, bearer)[1].status == 200
        assert ask(application, chat("one"))[1].status == 401
        assert b"two" in ask(application, chat("two"), CHAT, bearer)[1].body
    for number in range(REMEMBERED + 50):
        ask(application, chat(str(number)), CHAT, bearer)
    assert len(application._remembered) == REMEMBERED


def test_pace():
    """Pauses come before tokens: the first delay once, each token its share; the head of a stream does not wait."""
    application = app(tokens_per_second=100, first_token_delay=0.5, tokens=20)
    _, stream = ask(application, chat(stream=True))
    pauses = [pause for pause, _ in stream.parts]
    assert pauses[0] == 0
    assert pauses[1] == 0.51
    assert round(sum(pauses), 6) == 0.7
    assert round(ask(application, chat())[1].wait, 6) == 0.7


def test_headers_that_must_not_pass():
    """Answers carry what a gateway must not hand on: a cookie and the provider's organization."""
    own = {CHAT: b"openai-organization", MESSAGES: b"anthropic-organization-id", COHERE: b"x-trial-endpoint-call-limit"}
    for path, name in own.items():
        names = {key for key, _ in ask(app(), {}, path)[1].headers}
        assert {b"set-cookie", name} <= names
