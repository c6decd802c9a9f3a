"""A provider that repeats all it hears: in answers, in errors, in what is no answer at all. For tests of what is told on."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Talkative(BaseHTTPRequestHandler):
    """`model` says how it answers: good, failing, malformed, cut."""

    protocol_version = "HTTP/1.1"
    answer = ""
    """What it says when it answers."""
    arguments = "{}"
    """Of the tool that it calls."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = json.loads(body)
        heard = f"{self.headers} {body.decode()}"
        match asked["model"]:
            case "failing":
                self._send(500, json.dumps({"error": {"message": heard, "type": heard, "code": heard[:60]}}).encode())
            case "refusing":
                self._send(401, json.dumps({"error": {"message": heard, "code": "invalid_api_key"}}).encode())
            case "malformed":
                self._send(200, f'{{"choices": [{{"message": "{self.answer}'.encode() + body)
            case model if asked.get("stream"):
                self._stream(whole=model != "cut")
            case _:
                self._send(200, json.dumps(self._completion("message", "chat.completion")).encode())

    def _completion(self, part: str, kind: str, **more: Any) -> dict[str, Any]:
        call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": self.arguments}}
        said = {"role": "assistant", "content": self.answer, "tool_calls": [call], **more}
        usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
        choice = {"index": 0, part: said, "finish_reason": "stop"}
        return {"id": "c", "object": kind, "created": 1, "model": "m", "choices": [choice], "usage": usage}

    def _stream(self, *, whole: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for at in range(0, len(self.answer), 7):
            chunk = self._completion("delta", "chat.completion.chunk", content=self.answer[at : at + 7], tool_calls=None)
            chunk["choices"][0]["finish_reason"] = None
            self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        if whole:
            last = self._completion("delta", "chat.completion.chunk", content="")
            self.wfile.write(b"data: " + json.dumps(last).encode() + b"\n\ndata: [DONE]\n\n")
        else:
            self.wfile.write(b'data: {"choices": [' + self.answer.encode())
        self.close_connection = True

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A caller that hangs up is no news."""


@contextmanager
def talkative(answer: str, arguments: str) -> Iterator[str]:
    """Its URL, on a free port of this machine."""
    said = {"answer": answer, "arguments": arguments}
    server = _Server(("127.0.0.1", 0), type("Saying", (Talkative,), said))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
