"""What providers' prompt caches are expected to hold: fingerprints of prompts' beginnings, and who was sent them lately.

A provider's cache holds the beginning of a prompt in the order tools, system, messages, up to some token. We have no tokenizer;
the bytes of those members in the caller's own body serve as well: a conversation that goes on repeats them. A fingerprint stands
for all bytes up to a mark. Marks lie at lengths that grow by a quarter, so that a prompt of 500 KB has 28 of them; two prompts
have as many fingerprints in common, from the first on, as marks lie before their first difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from types import MappingProxyType

import msgspec
from msgspec import Raw

from llm_gateway.core.usage import Usage

FIRST_MARK = 1024
GROWTH = 1.25
MARKS = tuple(int(FIRST_MARK * GROWTH**step) for step in range(40))
"""Lengths in bytes; the last one is about 6 MB."""
DEFAULT_SECONDS = 300.0
CACHE_SECONDS: Mapping[str, float] = MappingProxyType(
    {
        "anthropic": 300.0,
        "bedrock": 300.0,
        "bedrock_mantle": 300.0,
        "openai": 450.0,
        "azure": 450.0,
        "gemini": 300.0,
        "vertex": 300.0,
        "deepseek": 7200.0,
        "vllm": 1800.0,
        "sglang": 1800.0,
        "ollama": 300.0,
    }
)
"""How long caches hold what nobody asks for again, by provider type (`ProviderType.name`). Anthropic and Bedrock: five minutes,
renewed by each use. OpenAI and Azure: five to ten minutes without use. DeepSeek: hours. vLLM and SGLang: until the memory is
needed. Ollama: until the model is unloaded.
"""
TELLING = frozenset({"anthropic", "bedrock", "openai", "azure", "gemini", "vertex", "deepseek"})
"""Types that tell how much of a prompt came from their cache: with them, nothing told is nothing read."""
PRIOR = 0.8
"""What is expected of a cache before anything was measured."""
MOST_AGAIN = 10.0
MOST_RATES = 1000
_BEYOND = GROWTH**0.5
"""By how much a prompt is longer than its last mark, on average."""
FADING = 0.98
"""What is left of a measurement's weight after the next one: about the last fifty count."""


class _Prompt(msgspec.Struct, gc=False):
    """The members of every chat dialect that make up the prompt, in the order in which providers cache them."""

    tools: Raw = Raw()
    system: Raw = Raw()
    instructions: Raw = Raw()
    systemInstruction: Raw = Raw()  # noqa: N815 - Gemini's word
    system_instruction: Raw = Raw()
    toolConfig: Raw = Raw()  # noqa: N815 - Bedrock's word
    messages: Raw = Raw()
    input: Raw = Raw()
    contents: Raw = Raw()
    prompt: Raw = Raw()


_DECODE = msgspec.json.Decoder(_Prompt).decode


def fingerprints(body: bytes) -> tuple[int, ...]:
    """Those of a chat request as it came in, shortest first; none if it is short, or not a JSON object of a dialect we know."""
    if len(body) <= FIRST_MARK:
        return ()
    try:
        prompt = _DECODE(body)
    except (msgspec.DecodeError, RecursionError):
        return ()
    parts = [memoryview(raw) for raw in msgspec.structs.astuple(prompt)]
    return of_parts([part for part in parts if part.nbytes])


def of_parts(parts: Iterable[bytes | memoryview]) -> tuple[int, ...]:
    """Those of the parts, one behind the other: a chained hash, read off at every mark."""
    hashed = blake2b(digest_size=8)
    found: list[int] = []
    length = 0
    marks = iter(MARKS)
    mark = next(marks)
    for part in parts:
        view = memoryview(part)
        position = 0
        while length + view.nbytes - position >= mark:
            cut = position + mark - length
            hashed.update(view[position:cut])
            found.append(int.from_bytes(hashed.copy().digest(), "little"))
            position, length = cut, mark
            if (mark := next(marks, 0)) == 0:
                return tuple(found)
        hashed.update(view[position:])
        length += view.nbytes - position
    return tuple(found)


def learn(index: PrefixIndex, name: str, kind: str, prefix: Sequence[int], usage: Usage | None, now: float) -> None:
    """`name`, a deployment at a provider of the type `kind`, answered a prompt."""
    tokens, read = (0, None) if usage is None else (usage.prompt, usage.cache_read)
    told = read if read or kind in TELLING else None
    index.seen(name, prefix, tokens, now, read=told, seconds=CACHE_SECONDS.get(kind, DEFAULT_SECONDS))


class _Rate:
    """A fading average of shares, which begins at `prior` as if that had been seen `weight` times."""

    __slots__ = ("_count", "_sum")

    def __init__(self, prior: float, weight: float = 2.0) -> None:
        self._sum = prior * weight
        self._count = weight

    @property
    def value(self) -> float:
        return self._sum / self._count

    def add(self, share: float) -> None:
        self._sum = self._sum * FADING + share
        self._count = self._count * FADING + 1.0


class PrefixIndex:
    """Who was sent which beginnings, and for how long they are expected to stay cached. One per worker; outlives reloads.

    Bounded in fingerprints (the longest unused ones go first) and in deployments for each.
    """

    def __init__(self, most: int = 50_000, most_names: int = 16) -> None:
        """`most`: fingerprints, of about 300 bytes each."""
        self._most = most
        self._most_names = most_names
        self._until: dict[int, dict[str, float]] = {}
        self._rates: dict[str, _Rate] = {}
        self._again = _Rate(0.5, weight=4.0)

    def __len__(self) -> int:
        return len(self._until)

    def expected(self, names: Sequence[str], prefix: Sequence[int], tokens: int, now: float) -> Mapping[str, int]:
        """By name: how many of the prompt's `tokens` its cache is expected to hold. Names with none are left out."""
        return {name: round(raw * self.held(name)) for name, raw in self._found(frozenset(names), prefix, tokens, now).items()}

    def held(self, name: str) -> float:
        """The share of what was expected that was really read from the cache, 0 to 1, as far as it was measured."""
        rate = self._rates.get(name)
        return PRIOR if rate is None else rate.value

    def again(self) -> float:
        """How many more requests, on average, begin with the whole of a prompt; at most MOST_AGAIN."""
        share = self._again.value
        return min(share / (1.0 - share), MOST_AGAIN) if share < 1.0 else MOST_AGAIN

    def seen(
        self,
        name: str,
        prefix: Sequence[int],
        tokens: int,
        now: float,
        *,
        read: int | None = None,
        seconds: float = DEFAULT_SECONDS,
    ) -> None:
        """`name` answered a prompt of `tokens` tokens. `read`: how many of them it says came from its cache (Usage.cache_read);
        None: it never says. `seconds`: how long it keeps what is not used.
        """
        if not prefix:
            return
        known = self._found(None, prefix, tokens, now)
        if tokens > 0:
            self._again.add(max(known.values(), default=0.0) / tokens)
            if read is not None and known.get(name, 0) > 0:
                self._rate(name).add(min(read / known[name], 1.0))
        self._remember(name, prefix, now, now + seconds)

    def _found(self, names: frozenset[str] | None, prefix: Sequence[int], tokens: int, now: float) -> dict[str, float]:
        """By name (None: all): tokens up to the last mark that it was sent and should still hold."""
        found: dict[str, float] = {}
        until = self._until
        for place in range(len(prefix) - 1, -1, -1):
            holders = until.get(prefix[place])
            if holders:
                held = tokens * MARKS[place] / (MARKS[len(prefix) - 1] * _BEYOND)
                for name, end in holders.items():
                    if end > now and name not in found and (names is None or name in names):
                        found[name] = held
                if names is not None and len(found) == len(names):
                    break
        return found

    def _remember(self, name: str, prefix: Sequence[int], now: float, end: float) -> None:
        until = self._until
        for fingerprint in prefix:
            holders = until.pop(fingerprint, None)
            if holders is None:
                holders = {}
            elif name not in holders and len(holders) >= self._most_names:
                for other in [other for other, their_end in holders.items() if their_end <= now] or [next(iter(holders))]:
                    del holders[other]
            holders[name] = end
            until[fingerprint] = holders  # at the end: the front is what was not used for longest
        while len(until) > self._most:
            del until[next(iter(until))]

    def _rate(self, name: str) -> _Rate:
        rate = self._rates.get(name)
        if rate is None:
            if len(self._rates) >= MOST_RATES:
                del self._rates[next(iter(self._rates))]
            rate = self._rates[name] = _Rate(PRIOR)
        return rate
