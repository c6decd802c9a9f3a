"""The items of a stream as they grow: which are open, what of them has been written, and what they are in the end.

A message and a thought are complete when something else begins. A call's arguments may go on after the next call has begun
(Chat's parallel calls), so it is complete when they are a whole JSON object, or at the end; meanwhile others may begin, for every
event names its item.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import Opaque, Reasoning, ToolCall
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.json import encode
from llm_gateway.dialects.arguments import members_of
from llm_gateway.dialects.openai_responses.citations import render_annotations
from llm_gateway.dialects.openai_responses.reply_items import Names, call_item, message_item, text_part, thought_item
from llm_gateway.dialects.openai_responses.sealed import unseal, wrap
from llm_gateway.http.framing.sse import frame

LIMIT_CHARS = 32 << 20
"""Of an answer, which its last event repeats."""

MAX_ITEMS = 10_000


class Frames:
    """Numbers the events of a stream from 0."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0

    def make(self, kind: str, **members: Any) -> bytes:
        number = self.count
        self.count = number + 1
        return frame(encode({"type": kind, "sequence_number": number, **members}), kind.encode())

    def delta(self, head: bytes, text: str) -> bytes:
        """An event that differs from the one before in its text only. `head`: made by `delta_head`."""
        number = self.count
        self.count = number + 1
        return b'%b,"sequence_number":%d,"delta":%b}\n\n' % (head, number, encode(text))


def delta_head(kind: str, members: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b" % (kind.encode(), encode({"type": kind, **members})[:-1])


class _Text:
    """A part of a message that is open: text or refusal."""

    __slots__ = ("annotations", "cited", "cited_from", "head", "kind", "length", "logprobs", "pieces", "place", "sources")

    def __init__(self, kind: str, place: dict[str, Any]) -> None:
        self.kind = kind
        self.place = place
        self.pieces: list[str] = []
        self.length = 0
        self.logprobs: list[dict[str, Any]] = []
        self.annotations: list[Any] = []
        self.sources: list[Any] = []
        """Those that no annotation can show."""
        self.cited = False
        self.cited_from = 0
        members = place | {"logprobs": []} if kind == "output_text" else place
        self.head = delta_head(f"response.{kind}.delta", members)

    def whole(self) -> dict[str, Any]:
        text = "".join(self.pieces)
        if self.kind == "refusal":
            return {"type": "refusal", "refusal": text}
        out = text_part(text, (), self.logprobs) | {"annotations": self.annotations}
        return out | {"citations": self.sources} if self.sources else out


class _Call:
    __slots__ = ("call", "checked", "head", "ident", "pieces", "place")

    def __init__(self, call: ToolCall, ident: str, output_index: int) -> None:
        self.call = call
        self.ident = ident
        self.place = {"item_id": ident, "output_index": output_index}
        self.pieces: list[str] = []
        self.checked = 0
        """How many of them were there when they were last found incomplete."""
        self.head = delta_head(f"{self.kind}.delta", self.place)

    @property
    def kind(self) -> str:
        return "response.custom_tool_call_input" if self.call.custom else "response.function_call_arguments"

    def is_complete(self) -> bool:
        if self.call.custom or self.checked == len(self.pieces):
            return False
        self.checked = len(self.pieces)
        return members_of("".join(self.pieces).encode()) is not None


class Items:
    """Every method gives the frames that are ready. `output`: the items so far, whole ones as they are in the end."""

    def __init__(self, frames: Frames, names: Names) -> None:
        self.output: list[Any] = []
        self.refused = False
        self._frames = frames
        self._names = names
        self._message: list[dict[str, Any]] | None = None
        """The complete parts of the message that is open."""
        self._part: _Text | None = None
        self._thought: list[str] | None = None
        """The pieces of the thought that is open."""
        self._open: dict[str, Any] = {}
        """The place of the message or thought that is open."""
        self._calls: dict[int, _Call] = {}
        self._known: set[int] = set()
        self._head = b""
        self._chars = 0

    def text(self, text: str, logprobs: list[dict[str, Any]]) -> list[bytes]:
        out: list[bytes] = []
        part = self._begin_part("output_text", out)
        if part.cited:
            part.cited, part.cited_from = False, part.length
        self._grow(part, text)
        if logprobs:
            part.logprobs += logprobs
            out.append(self._frames.make("response.output_text.delta", **part.place, delta=text, logprobs=logprobs))
        else:
            out.append(self._frames.delta(part.head, text))
        return out

    def refuse(self, text: str) -> list[bytes]:
        self.refused = True
        out: list[bytes] = []
        part = self._begin_part("refusal", out)
        self._grow(part, text)
        out.append(self._frames.delta(part.head, text))
        return out

    def cite(self, source: Any) -> list[bytes]:
        out: list[bytes] = []
        part = self._begin_part("output_text", out)
        part.cited = True
        shown, rest = render_annotations([source], part.cited_from, part.length)
        part.sources += rest
        for annotation in shown:
            place = part.place | {"annotation_index": len(part.annotations), "annotation": annotation}
            part.annotations.append(annotation)
            out.append(self._frames.make("response.output_text.annotation.added", **place))
        return out

    def think(self, text: str) -> list[bytes]:
        out: list[bytes] = []
        if self._thought is None:
            self._close(out)
            self._begin_item("rs", {"type": "reasoning", "summary": []}, out)
            self._thought = []
            place = self._open | {"summary_index": 0}
            part = {"type": "summary_text", "text": ""}
            out.append(self._frames.make("response.reasoning_summary_part.added", **place, part=part))
            self._head = delta_head("response.reasoning_summary_text.delta", place)
        self._count(len(text))
        self._thought.append(text)
        out.append(self._frames.delta(self._head, text))
        return out

    def sign(self, signature: str) -> list[bytes]:
        """Closes the thought that is open; there may be none, when its text is not shown."""
        if self._thought is None:
            return self.whole(Reasoning("", signature))
        out: list[bytes] = []
        self._close_thought(out, signature)
        return out

    def whole(self, part: Reasoning | Opaque) -> list[bytes]:
        """An item without pieces."""
        out: list[bytes] = []
        self._close(out)
        index = self._next_index()
        item = thought_item(self._names.item("rs", index), part)
        return out + self._whole(index, item)

    def own(self, item: Raw) -> list[bytes]:
        """An item of this API's."""
        out: list[bytes] = []
        self._close(out)
        return out + self._whole(self._next_index(), item)

    def call(self, number: int, call: ToolCall) -> list[bytes]:
        """A call begins. Its number may have been seen before: then it goes on."""
        if number in self._known:
            return []
        out: list[bytes] = []
        self._close(out)
        self._known.add(number)
        index = self._next_index()
        ident = self._names.item("ctc" if call.custom else "fc", index)
        item = call_item(ident, call, "in_progress")
        self.output.append(item)
        self._calls[number] = _Call(call, ident, index)
        out.append(self._frames.make("response.output_item.added", output_index=index, item=item))
        return out

    def arguments(self, number: int, text: str) -> list[bytes]:
        """More of a call's arguments; what comes for a call that is complete is dropped, as no JSON can follow its object."""
        call = self._calls.get(number)
        if call is None or not text:
            return []
        self._count(len(text))
        call.pieces.append(text)
        return [self._frames.delta(call.head, text)]

    def finish(self, status: str) -> list[bytes]:
        """Nothing more comes. `status`: of the response; if that is incomplete, so is the last item."""
        out: list[bytes] = []
        self._close(out, "incomplete" if status == "incomplete" and not self._calls else "completed")
        last = len(self._calls) - 1
        for place, number in enumerate(list(self._calls)):
            self._close_call(number, out, "incomplete" if status == "incomplete" and place == last else "completed")
        return out

    def _begin_part(self, kind: str, out: list[bytes]) -> _Text:
        if self._part is not None and self._part.kind == kind:
            return self._part
        if self._message is None:
            self._close(out)
            self._begin_item("msg", message_item("", [], "in_progress"), out)
            self._message = []
        self._close_part(out)
        place = self._open | {"content_index": len(self._message or ())}
        part = self._part = _Text(kind, place)
        out.append(self._frames.make("response.content_part.added", **place, part=part.whole()))
        return part

    def _begin_item(self, kind: str, item: dict[str, Any], out: list[bytes]) -> None:
        index = self._next_index()
        item = item | {"id": self._names.item(kind, index)}
        self.output.append(item)
        self._open = {"item_id": item["id"], "output_index": index}
        out.append(self._frames.make("response.output_item.added", output_index=index, item=item))

    def _whole(self, index: int, item: dict[str, Any] | Raw) -> list[bytes]:
        self._count(len(encode(item)))
        self.output.append(item)
        return [
            self._frames.make("response.output_item.added", output_index=index, item=item),
            self._frames.make("response.output_item.done", output_index=index, item=item),
        ]

    def _close(self, out: list[bytes], status: str = "completed") -> None:
        """What is open and cannot go on."""
        for number in [number for number, call in self._calls.items() if call.is_complete()]:
            self._close_call(number, out, "completed")
        if self._message is not None:
            self._close_part(out)
            self._done(message_item(self._open["item_id"], self._message, status), out)
            self._message = None
        if self._thought is not None:
            self._close_thought(out, None)

    def _close_part(self, out: list[bytes]) -> None:
        part = self._part
        if part is None or self._message is None:
            return
        self._part = None
        whole = part.whole()
        self._message.append(whole)
        said = {"refusal": whole["refusal"]} if part.kind == "refusal" else {"text": whole["text"], "logprobs": whole["logprobs"]}
        out.append(self._frames.make(f"response.{part.kind}.done", **part.place, **said))
        out.append(self._frames.make("response.content_part.done", **part.place, part=whole))

    def _close_thought(self, out: list[bytes], signature: str | None) -> None:
        text = "".join(self._thought or ())
        self._thought = None
        place = self._open | {"summary_index": 0}
        out.append(self._frames.make("response.reasoning_summary_text.done", **place, text=text))
        part = {"type": "summary_text", "text": text}
        out.append(self._frames.make("response.reasoning_summary_part.done", **place, part=part))
        ident = self._open["item_id"]
        self._done(_thought(ident, Reasoning(text, signature)), out)

    def _close_call(self, number: int, out: list[bytes], status: str) -> None:
        call = self._calls.pop(number)
        said = "".join(call.pieces)
        whole = call_item(call.ident, msgspec.structs.replace(call.call, arguments=said), status)
        index = call.place["output_index"]
        self.output[index] = whole  # type: ignore[call-overload]
        name = {"input": said} if call.call.custom else {"arguments": said, "name": call.call.name}
        out.append(self._frames.make(f"{call.kind}.done", **call.place, **name))
        out.append(self._frames.make("response.output_item.done", output_index=index, item=whole))

    def _done(self, item: dict[str, Any], out: list[bytes]) -> None:
        index = self._open["output_index"]
        self.output[index] = item
        out.append(self._frames.make("response.output_item.done", output_index=index, item=item))

    def _next_index(self) -> int:
        if len(self.output) >= MAX_ITEMS:
            raise UpstreamMalformed("The provider's answer has more parts than this gateway accepts")
        return len(self.output)

    def _grow(self, part: _Text, text: str) -> None:
        self._count(len(text))
        part.pieces.append(text)
        part.length += len(text)

    def _count(self, size: int) -> None:
        self._chars += size
        if self._chars > LIMIT_CHARS:
            raise UpstreamMalformed("The provider's answer is larger than this gateway accepts")


def _thought(ident: str, part: Reasoning) -> dict[str, Any]:
    """A thought whose id has been told already, so that another one's encrypted content goes wrapped."""
    item = unseal(part)
    if item is None or item.id == ident:
        return thought_item(ident, part)
    return thought_item(ident, Reasoning(part.text)) | {"encrypted_content": wrap(part)}
