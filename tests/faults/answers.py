"""What a client of the tests of this folder was answered, and what must hold for an answer that ended or broke."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

TERMINAL = {"openai": b"data: [DONE]", "anthropic": b"event: message_stop"}


@dataclass(frozen=True)
class Got:
    """What a client was answered. `complete`: the message ended as HTTP says it must. `arrivals`: seconds since asking, bytes."""

    front: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    complete: bool
    seconds: float
    arrivals: tuple[tuple[float, bytes], ...] = ()

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    @property
    def document(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def events(self) -> list[tuple[str, Any]]:
        """Name and data of the stream's events; the data of [DONE] is that text. Comments are left out."""
        self.body.decode()  # must be UTF-8
        found: list[tuple[str, Any]] = []
        for block in self.body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n\n"):
            name, data = "", b""
            for line in block.split(b"\n"):
                if line.startswith(b"event: "):
                    name = line[7:].decode()
                elif line.startswith(b"data: "):
                    data += line[6:]
            if data:
                found.append((name, "[DONE]" if data == b"[DONE]" else msgspec.json.decode(data)))
        return found

    @property
    def text(self) -> str:
        """The answer's text, streamed or whole."""
        if (self.header("content-type") or "").startswith("text/event-stream"):
            return "".join(_piece(self.front, data) for _, data in self.events)
        if self.front == "openai":
            return self.document["choices"][0]["message"]["content"] or ""
        return "".join(block.get("text", "") for block in self.document["content"])

    @property
    def error(self) -> dict[str, Any]:
        """The error, checked to be in the front's own shape: as the body, or as the stream's last event."""
        name, document = "error", None
        if self.status == 200:
            name, document = self.events[-1]
        else:
            assert self.header("content-type") == "application/json", self
            document = self.document
        error = document["error"]
        assert isinstance(error["message"], str), self
        assert error["message"], self
        if self.front == "anthropic":
            assert name == "error", self
            assert document["type"] == "error", self
            assert isinstance(error["type"], str), self
        else:
            assert {"message", "type", "param", "code"} <= error.keys(), self
        return error


def _piece(front: str, data: Any) -> str:
    if not isinstance(data, dict):
        return ""
    if front == "openai":
        return "".join(choice["delta"].get("content") or "" for choice in data.get("choices") or ())
    return str(data.get("delta", {}).get("text", "")) if data.get("type") == "content_block_delta" else ""


def well_ended(got: Got) -> None:
    """A stream that is complete: one terminal event, last; no error; one beginning."""
    assert got.status == 200, got
    assert got.complete, got
    assert got.body.count(TERMINAL[got.front]) == 1, got
    name, data = got.events[-1]
    assert data == "[DONE]" if got.front == "openai" else name == "message_stop", got
    assert not any(isinstance(data, dict) and "error" in data for _, data in got.events), got
    assert begun(got) == 1, got


def cut_short(got: Got, *, finished: bool = False) -> None:
    """A stream that broke: the last event is an error in the front's shape, nothing claims that the answer is complete.

    `finished`: it may have broken between the reason of its end and the end itself.
    """
    assert got.status == 200, got
    assert got.complete, got
    assert got.error
    assert TERMINAL[got.front] not in got.body, got
    assert sum("error" in data for _, data in got.events if isinstance(data, dict)) == 1, got
    assert finished or not any(_finished(got.front, data) for _, data in got.events), got
    assert begun(got) <= 1, got


def begun(got: Got) -> int:
    """How many answers begin in this stream."""
    if got.front == "anthropic":
        return sum(name == "message_start" for name, _ in got.events)
    return sum(any(c["delta"].get("role") for c in data.get("choices") or ()) for _, data in got.events if isinstance(data, dict))


def _finished(front: str, data: Any) -> bool:
    if not isinstance(data, dict):
        return True
    if front == "openai":
        return any(choice.get("finish_reason") for choice in data.get("choices") or ())
    return bool(data.get("delta", {}).get("stop_reason"))
