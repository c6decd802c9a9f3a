"""A raw HTTP client that shows exactly what came over the wire, the smallest requests, and the grammars of the streams."""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec

from llm_gateway.http.framing.eventstream import EventStreamReader

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
RESPONSES = "/v1/responses"
GEMINI = "/v1beta/models/gemini-test:generateContent"
GEMINI_SSE = "/v1beta/models/gemini-test:streamGenerateContent?alt=sse"
GEMINI_ARRAY = "/v1beta/models/gemini-test:streamGenerateContent"
OLLAMA = "/api/chat"
COHERE = "/v2/chat"
CONVERSE = "/model/us.test-v1%3A0/converse"
CONVERSE_STREAM = "/model/us.test-v1%3A0/converse-stream"

OBJECT = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTIONS = [{"type": "function", "function": {"name": name, "parameters": OBJECT}} for name in ("weather", "clock")]


def user(text):
    return [{"role": "user", "content": text}]


def chat(text="hello", **fields):
    return {"model": "gpt-test", "messages": user(text), **fields}


def message(text="hello", **fields):
    return {"model": "claude-test", "max_tokens": 500, "messages": user(text), **fields}


def response(said="hello", **fields):
    return {"model": "gpt-test", "input": said, **fields}


def gemini(text="hello", **fields):
    """A body of generateContent: the model stands in the path; tests without a path put it here."""
    return {"model": "gemini-test", "contents": [{"role": "user", "parts": [{"text": text}]}], **fields}


def ollama(text="hello", **fields):
    return {"model": "llama-test", "messages": user(text), **fields}


def cohere(text="hello", **fields):
    return {"model": "command-test", "messages": user(text), **fields}


def converse(text="hello", **fields):
    return {"model": "us.test-v1:0", "messages": [{"role": "user", "content": [{"text": text}]}], **fields}


STREAMS = {
    "chat": (CHAT, chat(stream=True)),
    "messages": (MESSAGES, message(stream=True)),
    "responses": (RESPONSES, response(stream=True)),
    "gemini": (GEMINI_SSE, gemini()),
    "array": (GEMINI_ARRAY, gemini()),
    "ollama": (OLLAMA, ollama()),
    "cohere": (COHERE, cohere(stream=True)),
    "converse": (CONVERSE_STREAM, converse()),
}
"""A plain streamed request in every dialect."""


def post(path, document, *headers, close=True):
    """The bytes of a POST."""
    body = document if isinstance(document, bytes) else msgspec.json.encode(document)
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers]
    lines += ["Connection: close"] * close
    return "\r\n".join([*lines, "", ""]).encode() + body


def get(path, *headers):
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", "Connection: close", *headers, "", ""]).encode()


@dataclass
class Raw:
    """What a peer received: all bytes, how it ended ("eof", "reset", "open"), when the first and last byte came, reads."""

    data: bytes
    ending: str
    first: float
    last: float
    reads: int

    @property
    def head(self):
        return re.split(rb"\r\n\r\n|\n\n", self.data, maxsplit=1)[0]

    @property
    def payload(self):
        """Everything behind the head, framing included."""
        return re.split(rb"\r\n\r\n|\n\n", self.data, maxsplit=1)[1]

    @property
    def status(self):
        return int(self.data.split(b" ", 2)[1])

    @property
    def headers(self):
        rows = [line.split(b":", 1) for line in re.split(rb"\r?\n", self.head)[1:] if b":" in line]
        return [(name.lower().decode(), value.strip().decode("latin-1")) for name, value in rows]

    def header(self, name):
        return next((value for key, value in self.headers if key == name), None)

    @property
    def chunks(self):
        """The chunks of a chunked body; raises ValueError when it is not complete and in order."""
        rest, found = self.payload, []
        while True:
            size, mark, rest = rest.partition(b"\r\n")
            if not mark:
                raise ValueError("no terminal chunk")
            count = int(size, 16)
            if len(rest) < count + 2 or rest[count : count + 2] != b"\r\n":
                raise ValueError("chunk cut")
            if not count:
                return found
            found.append(rest[:count])
            rest = rest[count + 2 :]

    @property
    def body(self):
        if self.header("transfer-encoding") == "chunked":
            return b"".join(self.chunks)
        return self.payload

    @property
    def json(self):
        return msgspec.json.decode(self.body)


def exchange(url, request, timeout=3.0):
    """Send bytes, read until the peer is done or `timeout` seconds without a byte have passed."""
    parts = urlsplit(url)
    began = time.monotonic()
    data, first, last, reads, ending = b"", 0.0, 0.0, 0, "eof"
    with socket.create_connection((parts.hostname, parts.port), timeout=timeout) as peer:
        peer.sendall(request)
        while True:
            try:
                got = peer.recv(65536)
            except ConnectionResetError:
                ending = "reset"
                break
            except TimeoutError:
                ending = "open"
                break
            if not got:
                break
            last = time.monotonic() - began
            first, reads, data = first or last, reads + 1, data + got
    return Raw(data, ending, first, last, reads)


def events(body):
    """(name, data) of each event of a stream (WHATWG SSE); the stream must be complete UTF-8."""
    found, name, data = [], None, []
    for line in re.split(r"\r\n|\n|\r", body.decode().removeprefix("\ufeff")):
        if not line:
            if data:
                found.append((name, "\n".join(data)))
            name, data = None, []
        elif not line.startswith(":"):
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "data":
                data.append(value)
            elif field == "event":
                name = value
    return found


def check_chat_stream(body):
    """Assert the grammar of an OpenAI stream; returns the chunks."""
    rows = [data for _, data in events(body)]
    assert rows[-1] == "[DONE]"
    assert rows.count("[DONE]") == 1
    chunks = [msgspec.json.decode(row) for row in rows[:-1]]
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    opened, finished, calls = set(), set(), {}
    for choice in (choice for chunk in chunks for choice in chunk["choices"]):
        index, delta = choice["index"], choice["delta"]
        assert index not in finished, "something after finish_reason"
        assert (delta.get("role") == "assistant") is (index not in opened), "the role stands in the first delta"
        opened.add(index)
        for call in delta.get("tool_calls") or ():
            key = (index, call["index"])
            if key not in calls:
                assert call["id"], "the first delta of a call names it"
                assert call["function"]["name"]
                calls[key] = ""
            calls[key] += call["function"]["arguments"]
        if choice["finish_reason"]:
            finished.add(index)
    assert opened == finished
    for arguments in calls.values():
        msgspec.json.decode(arguments)
    return chunks


def check_messages_stream(body):
    """Assert the grammar of an Anthropic stream; returns the events."""
    found = []
    for name, data in events(body):
        document = msgspec.json.decode(data)
        assert name == document["type"]
        found.append(document)
    kinds = [document["type"] for document in found]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("message_start") == kinds.count("message_stop") == kinds.count("message_delta") == 1
    opened, count = None, 0
    for document in found:
        match document["type"]:
            case "content_block_start":
                assert opened is None
                assert document["index"] == count
                opened, count = count, count + 1
            case "content_block_delta":
                assert document["index"] == opened
            case "content_block_stop":
                assert document["index"] == opened
                opened = None
    assert opened is None
    assert found[-2]["delta"]["stop_reason"]
    return found


def lines(body):
    """The documents of NDJSON; every line must be whole."""
    assert body.endswith(b"\n")
    return [msgspec.json.decode(line) for line in body.splitlines() if line.strip()]


def frames(body):
    """(event or exception name, payload) of each message, as the gateway's own reader sees them."""
    reader = EventStreamReader()
    found = reader.feed(body)
    reader.end()
    names = [message.headers.get(":event-type") or f"!{message.headers[':exception-type']}" for message in found]
    return [(name, msgspec.json.decode(message.payload)) for name, message in zip(names, found, strict=True)]


def check_responses_stream(body):
    """Assert the grammar of a Responses stream; returns the events."""
    found = []
    for name, data in events(body):
        document = msgspec.json.decode(data)
        assert name == document["type"]
        found.append(document)
    assert [document["sequence_number"] for document in found] == list(range(len(found)))
    kinds = [document["type"] for document in found]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] in ("response.completed", "response.incomplete")
    assert sum(kind in ("response.completed", "response.incomplete") for kind in kinds) == 1
    opened, text = None, ""
    for document in found[2:-1]:
        kind = document["type"].removeprefix("response.")
        if kind == "output_item.added":
            assert opened is None
            opened, text = document, ""
            continue
        assert opened is not None
        assert document["output_index"] == opened["output_index"]
        if kind == "output_item.done":
            assert document["item"]["id"] == opened["item"]["id"]
            assert found[-1]["response"]["output"][document["output_index"]] == document["item"]
            opened = None
            continue
        assert document["item_id"] == opened["item"]["id"]
        if kind.endswith(".delta"):
            text += document["delta"]
        elif kind.endswith(("text.done", "refusal.done", "arguments.done")):
            assert document.get("text", document.get("refusal", document.get("arguments"))) == text
    assert opened is None
    return found


def folded(kind, body):
    """The text of a stream, put together from its elements."""
    match kind:
        case "chat":
            return "".join(c["delta"].get("content") or "" for chunk in check_chat_stream(body) for c in chunk["choices"])
        case "messages":
            return "".join(event.get("delta", {}).get("text", "") for event in check_messages_stream(body))
        case "responses":
            return "".join(x["delta"] for x in check_responses_stream(body) if x["type"] == "response.output_text.delta")
        case "ollama":
            return "".join(line["message"]["content"] for line in lines(body))
        case "cohere":
            found = [msgspec.json.decode(data) for _, data in events(body) if data != "[DONE]"]
            return "".join(x["delta"]["message"]["content"]["text"] for x in found if x["type"] == "content-delta")
        case "converse":
            return "".join(payload["delta"]["text"] for name, payload in frames(body) if name == "contentBlockDelta")
        case "array":
            chunks = msgspec.json.decode(body)
        case _:
            chunks = [msgspec.json.decode(data) for _, data in events(body)]
    return "".join(part["text"] for chunk in chunks for part in chunk["candidates"][0]["content"]["parts"])
