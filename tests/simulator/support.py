"""A raw HTTP client that shows exactly what came over the wire, and the grammars of both providers' streams."""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"


def user(text):
    return [{"role": "user", "content": text}]


def chat(text="hello", **fields):
    return {"model": "gpt-test", "messages": user(text), **fields}


def message(text="hello", **fields):
    return {"model": "claude-test", "max_tokens": 500, "messages": user(text), **fields}


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
