"""What a simulated model says: a dialect turns a request into an Ask, `Script.say` answers with a Say.

Words in the last user message steer the answer, so that any client can ask for any behaviour through any gateway:

    call NAME          call that tool, if the request declares it (several names: several calls)
    [refuse]           refuse
    [tokens=50]        an answer of exactly 50 tokens
    [cached] [cached=9]  report all but the last message, or 9 tokens, as read from the prompt cache
    [redacted]         with thinking asked for: a redacted block as well (Anthropic, Bedrock)
    [blocked]          the prompt is blocked (Gemini), a guardrail intervenes (Bedrock)

Everything is a pure function of the seed and the request: the same question has the same answer, ids and logprobs.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from llm_gateway.simulator.schema import Unsatisfiable, instance
from llm_gateway.simulator.tokens import exactly, pieces

ECHO_CHARACTERS = 400
HOW = frozenset({"stream", "stream_options"})  # fields that do not change what is said
REFUSAL = "I'm sorry, I can't help with that."
_CALL = re.compile(r"\bcall\s+`?([\w.-]+)", re.IGNORECASE)
_TOKENS = re.compile(r"\[tokens=(\d{1,6})\]")
_CACHED = re.compile(r"\[cached(?:=(\d{1,9}))?\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool the request declares: its name and the JSON Schema of its arguments."""

    name: str
    schema: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a request wants, in no dialect.

    `text` is the last user message; `earlier_tokens` the prompt without it. `choice` is "auto", "none", "any" or the
    name of a tool. `results` are tool results that came after the last user text. `thinking`: reasoning is wanted.
    """

    model: str
    text: str
    prompt_tokens: int
    earlier_tokens: int = 0
    images: int = 0
    files: int = 0
    tools: tuple[Tool, ...] = ()
    choice: str = "auto"
    parallel: bool = True
    results: tuple[str, ...] = ()
    limit: int | None = None
    stop: tuple[str, ...] = ()
    schema: Any = None
    json_mode: bool = False
    thinking: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A tool call: arguments as JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """One answer. `finish` is "stop", "length", "tool", "refusal" or "sequence" (then `stop` names it)."""

    finish: str
    thinking: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    stop: str | None = None

    @property
    def tokens(self) -> int:
        """What this answer costs."""
        return len(self.thinking) + len(self.text) + sum(call_tokens(call) for call in self.calls)


def call_tokens(call: Call) -> int:
    """What a call costs: its name and its arguments, and some for the wrapping."""
    return len(pieces(call.name)) + len(pieces(call.arguments)) + 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """How answers are made: a seed and the options that touch what is said."""

    seed: int = 0
    tokens: int | None = None
    replies: Mapping[str, str] = field(default_factory=dict)
    reasoning_content: bool = False

    def digest(self, request: Any) -> str:
        """40 hexadecimal digits that follow from the seed and the request, however it wants to be answered."""
        if isinstance(request, dict):
            request = {name: value for name, value in request.items() if name not in HOW}
        document = msgspec.json.encode(request, order="deterministic")
        return hashlib.blake2b(document, digest_size=20, key=b"%d" % self.seed).hexdigest()

    def say(self, ask: Ask, digest: str, index: int = 0) -> Say:
        """The answer number `index` to `ask`."""
        thinking = tuple(pieces(_thought(ask))) if ask.thinking else ()
        if calls := _calls(ask, digest, index):
            return Say(finish="tool", thinking=thinking, calls=calls)
        if "[refuse]" in ask.text:
            return Say(finish="refusal", thinking=thinking, text=tuple(pieces(REFUSAL)))
        return _limited(ask, thinking, self._words(ask, index))

    def _words(self, ask: Ask, index: int) -> list[str]:
        text = self._text(ask)
        if index:
            text = f"{text} (choice {index + 1})"
        asked = _TOKENS.search(ask.text)
        count = int(asked[1]) if asked else self.tokens
        if count is None or ask.schema is not None or ask.json_mode:
            return pieces(text)
        return exactly(text, count)

    def _text(self, ask: Ask) -> str:
        if ask.schema is not None:
            return _json_for(ask.schema)
        if ask.json_mode:
            return msgspec.json.encode({"model": ask.model, "you_said": _shown(ask.text)}).decode()
        for key, reply in self.replies.items():
            if key in ask.text:
                return reply
        if ask.results:
            return f"The tool said: {_shown('; '.join(ask.results))}"
        return f"I am a simulated model, {ask.model}.{_seen(ask)} You said: {_shown(ask.text)}"


def cached_tokens(ask: Ask) -> int:
    """How much of the prompt the last user message asks to be reported as read from the cache."""
    asked = _CACHED.search(ask.text)
    if asked is None:
        return 0
    return min(int(asked[1]), ask.prompt_tokens) if asked[1] else ask.earlier_tokens


def share(digest: str, name: object) -> float:
    """A number in [0, 1) that follows from a digest and a name."""
    return int.from_bytes(hashlib.blake2b(f"{digest}:{name}".encode(), digest_size=6).digest()) / 2**48


def logprob(digest: str, index: int) -> float:
    """A believable logprob for token `index`."""
    return -round(share(digest, index) ** 3, 6)


def _shown(text: str) -> str:
    return text if len(text) <= ECHO_CHARACTERS else text[:ECHO_CHARACTERS] + "..."


def _seen(ask: Ask) -> str:
    seen = [f"{n} {name}{'s' * (n > 1)}" for n, name in ((ask.images, "image"), (ask.files, "file")) if n]
    return f" I see {' and '.join(seen)}." if seen else ""


def _thought(ask: Ask) -> str:
    return f"The user wrote {len(ask.text)} characters. A plain answer will do."


def _json_for(schema: Any) -> str:
    """JSON that the schema accepts; `{}` when the schema is beyond us."""
    try:
        return msgspec.json.encode(instance(schema)).decode()
    except (Unsatisfiable, OverflowError):
        return "{}"


def _calls(ask: Ask, digest: str, index: int) -> tuple[Call, ...]:
    if not ask.tools or ask.choice == "none":
        return ()
    forced = ask.choice != "auto"
    named = set(_CALL.findall(ask.text)) if forced or not ask.results else set()
    wanted = [tool for tool in ask.tools if tool.name in named]
    if ask.choice not in ("auto", "any"):
        wanted = [tool for tool in ask.tools if tool.name == ask.choice]
    elif forced and not wanted:
        wanted = [ask.tools[0]]
    if not ask.parallel:
        wanted = wanted[:1]
    return tuple(_call(tool, f"{digest}:{index}:{number}") for number, tool in enumerate(wanted))


def _call(tool: Tool, source: str) -> Call:
    name = hashlib.blake2b(source.encode(), digest_size=12).hexdigest()
    return Call(id=name, name=tool.name, arguments=_json_for(tool.schema))


def _limited(ask: Ask, thinking: tuple[str, ...], words: list[str]) -> Say:
    """The words up to the first stop sequence, then up to the limit; thinking counts against the limit first."""
    finish, stop = "stop", None
    text = "".join(words)
    found = [(at, sequence) for sequence in ask.stop if sequence and (at := text.find(sequence)) >= 0]
    if found:
        at, stop = min(found)
        finish, words = "sequence", _until(words, at)
    if ask.limit is not None and len(thinking) + len(words) > ask.limit:
        thinking = thinking[: ask.limit]
        words, finish, stop = words[: ask.limit - len(thinking)], "length", None
    return Say(finish=finish, thinking=thinking, text=tuple(words), stop=stop)


def _until(words: list[str], end: int) -> list[str]:
    """The words that make up the first `end` characters, the last one cut."""
    kept: list[str] = []
    for word in words:
        if end <= 0:
            break
        kept.append(word[:end])
        end -= len(word)
    return kept
