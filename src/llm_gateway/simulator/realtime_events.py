"""What a simulated realtime model says to each event of its client (https://platform.openai.com/docs/api-reference/realtime)."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from llm_gateway.simulator.script import Ask, Script
from llm_gateway.simulator.tokens import estimate

_TENTH = 4800  # bytes of a tenth of a second: 16 bits, 24 kHz; that is one token
_SPOKEN = base64.b64encode(bytes(480)).decode()
_BETA_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "conversation.item.added": "conversation.item.created",
        "conversation.item.done": "",
        "response.output_text.delta": "response.text.delta",
        "response.output_text.done": "response.text.done",
        "response.output_audio.delta": "response.audio.delta",
        "response.output_audio.done": "response.audio.done",
        "response.output_audio_transcript.delta": "response.audio_transcript.delta",
        "response.output_audio_transcript.done": "response.audio_transcript.done",
    }
)


class Said(NamedTuple):
    """One event, and how many tokens it carries: that is what paces it."""

    event: dict[str, Any]
    tokens: int = 0


class Conversation:
    """One session. `beta`: the names of events before general availability; `usage`: whether answers say what they used."""

    def __init__(
        self, script: Script, model: str, *, beta: bool = False, transcription: bool = False, usage: bool = True
    ) -> None:
        self._script = script
        self._model = model
        self._beta = beta
        self._usage = usage
        self._count = 0
        self._items = 0
        self._text = ""
        self._text_tokens = self._audio_tokens = 0  # of the conversation so far
        self._known = (0, 0)  # the part of them that was there in the turn before
        self._buffered = 0
        self._session: dict[str, Any] = {
            "type": "transcription" if transcription else "realtime",
            "object": "realtime.session",
            "id": self._id("sess"),
            "model": model,
            "output_modalities": ["audio"],
        }

    def opened(self) -> list[Said]:
        """The first event."""
        return self._all(self._event("session.created", session=self._session))

    def answer(self, event: Any) -> list[Said]:
        """The events that follow a client's."""
        kind = event.get("type") if isinstance(event, dict) else None
        match kind:
            case "session.update" if isinstance(event.get("session"), dict):
                self._session = {**self._session, **event["session"]}
                return self._all(self._event("session.updated", session=self._session))
            case "conversation.item.create" if isinstance(event.get("item"), dict):
                return self._all(*self._item(event["item"]))
            case "input_audio_buffer.append":
                self._buffered += len(str(event.get("audio"))) * 3 // 4
                return []
            case "input_audio_buffer.clear":
                self._buffered = 0
                return self._all(self._event("input_audio_buffer.cleared"))
            case "input_audio_buffer.commit":
                return self._all(*self._commit())
            case "response.create":
                asked = event.get("response")
                return self._all(*self._respond(asked if isinstance(asked, dict) else {}))
        return self._all(self.wrong(f"There is no event of type {str(kind)[:60]!r}.", "invalid_value", event))

    def wrong(self, message: str, code: str, event: Any = None) -> Said:
        """An `error` event."""
        given = event.get("event_id") if isinstance(event, dict) else None
        error = {"type": "invalid_request_error", "code": code, "message": message, "param": None, "event_id": given}
        return self._event("error", error=error)

    # ---- inside

    def _item(self, item: dict[str, Any]) -> Iterator[Said]:
        for part in item.get("content") or ():
            if isinstance(part, dict):
                text = part.get("text") or part.get("transcript")
                if isinstance(text, str):
                    self._text = text
                    self._text_tokens += estimate(text)
        yield from self._added({"id": self._id("item"), "object": "realtime.item", "status": "completed", **item})

    def _added(self, item: dict[str, Any]) -> Iterator[Said]:
        yield self._event("conversation.item.added", previous_item_id=None, item=item)
        yield self._event("conversation.item.done", previous_item_id=None, item=item)

    def _commit(self) -> Iterator[Said]:
        if self._buffered < _TENTH:
            yield self.wrong("The buffer holds less than 100ms of audio.", "input_audio_buffer_commit_empty")
            return
        heard = self._buffered // _TENTH
        seconds = self._buffered / _TENTH / 10
        self._audio_tokens += heard
        self._text = f"{seconds:.1f} seconds of audio"
        self._buffered = 0
        item = {"id": self._id("item"), "object": "realtime.item", "type": "message", "role": "user", "status": "completed"}
        yield self._event("input_audio_buffer.committed", previous_item_id=None, item_id=item["id"])
        yield from self._added({**item, "content": [{"type": "input_audio", "transcript": None}]})
        asked = self._session.get("audio", {}).get("input", {}).get("transcription") or self._session.get(
            "input_audio_transcription"
        )
        if not asked and self._session["type"] != "transcription":
            return
        where: dict[str, Any] = {"item_id": item["id"], "content_index": 0}
        used: dict[str, Any] = {"type": "duration", "seconds": seconds}
        if "whisper" not in str(asked):
            details = {"audio_tokens": heard, "text_tokens": 0}
            used = {"type": "tokens", "input_tokens": heard, "output_tokens": 4, "total_tokens": heard + 4}
            used["input_token_details"] = details
        kind = "conversation.item.input_audio_transcription"
        yield self._event(f"{kind}.delta", **where, delta=self._text, tokens=4)
        extra: dict[str, Any] = {"usage": used} if self._usage else {}
        yield self._event(f"{kind}.completed", **where, transcript=self._text, **extra)

    def _respond(self, asked: dict[str, Any]) -> Iterator[Said]:
        say = self._script.say(
            Ask(model=self._model, text=self._text, prompt_tokens=self._text_tokens),
            self._script.digest([self._model, self._text]),
        )
        modalities = asked.get("output_modalities") or asked.get("modalities") or self._session["output_modalities"]
        aloud = "audio" in modalities
        shown = {"id": self._id("resp"), "object": "realtime.response", "output_modalities": modalities}
        item = {"id": self._id("item"), "object": "realtime.item", "type": "message", "role": "assistant"}
        where = {"response_id": shown["id"], "item_id": item["id"], "output_index": 0, "content_index": 0}
        yield self._event("response.created", response={**shown, "status": "in_progress", "output": [], "usage": None})
        begun = {**item, "status": "in_progress", "content": []}
        yield self._event("response.output_item.added", response_id=shown["id"], output_index=0, item=begun)
        part = {"type": "audio", "transcript": ""} if aloud else {"type": "text", "text": ""}
        yield self._event("response.content_part.added", **where, part=part)
        text = "".join(say.text)
        yield from self._spoken(say.text, where) if aloud else self._written(say.text, where)
        part = {"type": "output_audio", "transcript": text} if aloud else {"type": "output_text", "text": text}
        done = {**item, "status": "completed", "content": [part]}
        yield self._event("response.content_part.done", **where, part=part)
        yield self._event("response.output_item.done", response_id=shown["id"], output_index=0, item=done)
        used = {"usage": self._used(len(say.text), 2 * len(say.text) if aloud else 0)} if self._usage else {}
        yield self._event("response.done", response={**shown, "status": "completed", "output": [done], **used})
        yield self._event("rate_limits.updated", rate_limits=[])

    def _written(self, pieces: tuple[str, ...], where: dict[str, Any]) -> Iterator[Said]:
        for piece in pieces:
            yield self._event("response.output_text.delta", **where, delta=piece, tokens=1)
        yield self._event("response.output_text.done", **where, text="".join(pieces))

    def _spoken(self, pieces: tuple[str, ...], where: dict[str, Any]) -> Iterator[Said]:
        for piece in pieces:
            yield self._event("response.output_audio_transcript.delta", **where, delta=piece)
            yield self._event("response.output_audio.delta", **where, delta=_SPOKEN, tokens=1)
        yield self._event("response.output_audio.done", **where)
        yield self._event("response.output_audio_transcript.done", **where, transcript="".join(pieces))

    def _used(self, text: int, audio: int) -> dict[str, Any]:
        """As OpenAI counts: cached tokens are among the others, and what was said in the turn before is cached now."""
        cached_text, cached_audio = self._known
        heard, read = self._audio_tokens, self._text_tokens
        self._text_tokens += text
        self._audio_tokens += audio
        self._known = (self._text_tokens, self._audio_tokens)
        return {
            "total_tokens": heard + read + text + audio,
            "input_tokens": heard + read,
            "output_tokens": text + audio,
            "input_token_details": {
                "text_tokens": read,
                "audio_tokens": heard,
                "image_tokens": 0,
                "cached_tokens": cached_text + cached_audio,
                "cached_tokens_details": {"text_tokens": cached_text, "audio_tokens": cached_audio, "image_tokens": 0},
            },
            "output_token_details": {"text_tokens": text, "audio_tokens": audio},
        }

    def _all(self, *said: Said) -> list[Said]:
        if not self._beta:
            return list(said)
        renamed = [(one, _BETA_NAMES.get(one.event["type"], one.event["type"])) for one in said]
        return [Said({**one.event, "type": name}, one.tokens) for one, name in renamed if name]

    def _event(self, kind: str, *, tokens: int = 0, **members: Any) -> Said:
        self._count += 1
        return Said({"type": kind, "event_id": f"event_{self._count:06d}", **members}, tokens)

    def _id(self, kind: str) -> str:
        self._items += 1
        return f"{kind}_{self._script.digest([self._model, self._items])[:20]}"
