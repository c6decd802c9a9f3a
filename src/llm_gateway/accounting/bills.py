"""What a request used and what that costs, all its attempts together: as the providers told it, or as it may be estimated.

Each of these that was asked is charged by itself, at its own prices:

- who served: what it told; if it told nothing, or something that cannot be, an estimate from what went in and came out;
- each leg of an answer that several told (docs/STREAM-CONTRACT.md);
- who began an answer (2xx) and failed before any content: its prompt. A refusal (4xx, 5xx) and a silence cost nothing;
- who was being asked when the caller left: its prompt, and for a whole answer the output that such answers usually have; for
  pictures, sound and pages what was asked for;
- who lost a race: its prompt, and of a whole answer the share of the winner's output that it had time for.

What a provider says it costs goes before the prices. Nothing that was used is 0 in silence: it is named in `unpriced`.
"""

from __future__ import annotations

import re
from itertools import compress
from typing import NamedTuple

from msgspec.structs import astuple, replace

from llm_gateway.accounting.estimates import expected_output, media_of, prompt_tokens, written_tokens
from llm_gateway.core.exchange import Attempt, Exchange
from llm_gateway.core.ledger import Bill, Prices
from llm_gateway.core.usage import MediaUsage, Usage, has_others, summed
from llm_gateway.dialects.base import Operation
from llm_gateway.routing.candidate import Candidate

ABSURD = 10
"""Times the model's context window: no answer used more."""
UNKNOWN_CONTEXT = 10_000_000
CLASSES = len(Usage.__struct_fields__)
_MOST_UNITS = 1e9
UNTOLD = ("usage",)
"""Unpriced: something was made, and nobody said how much."""
_NOTHING = Usage()
_NAMES = Usage.__struct_fields__
_WRITING = frozenset({Operation.CHAT, Operation.COMPLETION, Operation.FILL_IN})
_READING = frozenset({Operation.EMBEDDING, Operation.RERANK})
_MAKING = frozenset({Operation.REALTIME, Operation.IMAGE, Operation.SPEECH, Operation.TRANSCRIPTION, Operation.OCR})
_TIER = re.compile(rb'(?<!\\)"service_tier"\s*:\s*"([a-z_]{1,32})"')
_TIER_NAME = b'"service_tier"'
_USUAL = b':"default"'
_STANDARD = (b"default", b"standard", b"on_demand", b"auto")
_ENDS = 512
"""Bytes of an answer's end, and of its beginning, that may name its tier."""


class Charge(NamedTuple):
    """One provider's part."""

    provider: str
    model: str
    usage: Usage
    estimated: bool


def bill_of(ex: Exchange, prices: Prices, at: float, candidate: Candidate | None) -> Bill:
    """Of a request that has ended. `at`: when it began, Unix seconds. `candidate`: who was asked last."""
    usage = ex.usage
    tier = tier_of(ex.sample) if ex.sample and not ex.cached else ""  # what was kept says how another request was processed
    if usage is None or len(ex.attempts) != 1 or ex.error is not None or ex.hedges or ex.story or not ex.served_provider:
        if not ex.attempts:
            return Bill(_NOTHING, 0, "none", False, (), "", "")
        return _total(charges(ex, candidate), ex, prices, at, tier)
    if not _is_plain(usage, candidate):
        return _total([_served(ex, candidate)], ex, prices, at, tier)
    priced = prices(ex.served_provider, ex.served_model, usage, at, tier)
    if priced is not None and priced.nano:  # nearly always it is as simple as this
        return Bill(usage, priced.nano, "prices", priced.estimated, priced.unpriced, priced.version, tier)
    if priced is None and type(usage) is Usage and ex.front.operation in _WRITING:
        return Bill(usage, 0, "none", False, classes(usage), "", tier)
    return _total([_served(ex, candidate)], ex, prices, at, tier)


def _is_plain(usage: Usage, candidate: Candidate | None) -> bool:
    """Whether it needs no second look: words went in and came out, so many as can be, and nobody says what they cost."""
    if type(usage) is Usage and not has_others(usage):
        fresh, read, output = usage.input, usage.cache_read, usage.output
        most = ABSURD * (candidate.context if candidate is not None else 0) or UNKNOWN_CONTEXT
        return fresh > 0 and output > 0 and read >= 0 and fresh + read + output <= most
    return bool(usage.output and usage.input) and not usage.cost and plausible(usage, candidate)


def charges(ex: Exchange, candidate: Candidate | None) -> list[Charge]:
    """What each of those who were asked is to be paid for."""
    operation = ex.front.operation
    asked = list(ex.attempts)
    found: list[Charge] = []
    if ex.story is not None and ex.story.legs:
        for leg in ex.story.legs:
            usage, estimated = leg.usage, leg.estimated
            if usage is None:
                usage, estimated = Usage(input=prompt_tokens(ex), output=-(-leg.chars // 4)), True
            found.append(Charge(leg.provider, leg.model, usage, estimated))
            _drop(asked, leg.provider, leg.model)
    elif ex.served_provider:
        asked.pop()
        found.append(_served(ex, candidate))
    if operation in _WRITING or operation in _READING:
        for attempt in asked:
            usage = _unserved(ex, attempt, candidate)
            if usage is not None:
                found.append(Charge(attempt.provider, attempt.model, usage, estimated=True))
        found += _lost(ex, found[-1].usage if found else _NOTHING)
    elif operation in _MAKING and (wanted := media_of(ex)) is not None:
        left = (attempt for attempt in asked if attempt.error is None)
        found += (Charge(attempt.provider, attempt.model, wanted, estimated=True) for attempt in left)
    return found


def tier_of(sample: bytes) -> str:
    """The way of processing that an answer says it had; "": the usual one, or it says none."""
    size = len(sample)
    at = sample.rfind(_TIER_NAME, size - _ENDS if size > _ENDS else 0)
    if at < 0:
        at = sample.rfind(_TIER_NAME, 0, _ENDS)  # a third of the time of find
    if at < 0 or sample.startswith(_USUAL, at + len(_TIER_NAME)):
        return ""
    found = _TIER.match(sample, at)
    return found[1].decode("ascii") if found and found[1] not in _STANDARD else ""


def _served(ex: Exchange, candidate: Candidate | None) -> Charge:
    usage, estimated = _used(ex, candidate)
    return Charge(ex.served_provider, ex.served_model, usage, estimated)


def _used(ex: Exchange, candidate: Candidate | None) -> tuple[Usage, bool]:
    """What who served told, and whether it had to be estimated."""
    usage = ex.usage
    operation = ex.front.operation
    if usage is None or not plausible(usage, candidate):
        if operation in _WRITING:
            return Usage(input=prompt_tokens(ex), output=max(1, written_tokens(ex))), True
        if operation in _READING:
            return Usage(input=prompt_tokens(ex)), True
        return media_of(ex) or _NOTHING, operation in _MAKING
    if operation not in _WRITING:
        return usage, False
    made = usage.output or usage.completion
    if made and ex.error is None and usage.input:
        return usage, False
    wrote = written_tokens(ex)
    missing = {}
    if made < wrote // 2 or (not made and wrote):  # told at the beginning of an answer that was cut, or not at all
        missing["output"] = usage.output + wrote - made
    if not usage.prompt:
        missing["input"] = prompt_tokens(ex)
    return (replace(usage, **missing), True) if missing else (usage, False)


def plausible(usage: Usage, candidate: Candidate | None) -> bool:
    """Whether an answer of this model can have used that."""
    kind = type(usage)
    counts = astuple(usage) if kind is Usage else astuple(usage)[:CLASSES]
    context = candidate.context if candidate is not None else 0
    if min(counts) < 0 or sum(counts) > (ABSURD * context or UNKNOWN_CONTEXT):
        return False
    return kind is not MediaUsage or all(0 <= count < _MOST_UNITS for count in usage.units.values())  # type: ignore[attr-defined]


def _unserved(ex: Exchange, attempt: Attempt, candidate: Candidate | None) -> Usage | None:
    """What somebody is to be paid who was asked and gave nothing; None: nothing."""
    if attempt.error is not None:
        return Usage(input=prompt_tokens(ex)) if 200 <= attempt.status < 300 else None
    if ex.stream or candidate is None or ex.front.operation in _READING:
        return Usage(input=prompt_tokens(ex))
    return Usage(input=prompt_tokens(ex), output=expected_output(candidate))


def _lost(ex: Exchange, won: Usage) -> list[Charge]:
    """Of those who lost a race."""
    found = []
    for attempt in ex.hedges or ():
        output = 0
        if not ex.stream and ex.attempts:
            winner = ex.attempts[-1]
            took, had = winner.ended - winner.started, attempt.ended - attempt.started
            output = round(won.completion * min(1.0, max(0.0, had / took))) if took > 0 else 0
        found.append(Charge(attempt.provider, attempt.model, Usage(input=prompt_tokens(ex), output=output), estimated=True))
    return found


def _drop(asked: list[Attempt], provider: str, model: str) -> None:
    for attempt in asked:
        if (attempt.provider, attempt.model) == (provider, model):
            asked.remove(attempt)
            return


def _total(parts: list[Charge], ex: Exchange, prices: Prices, at: float, tier: str) -> Bill:
    """All parts together."""
    cost, source, version, estimated = 0, "none", "", False
    unpriced: dict[str, None] = {}
    for part in parts:
        usage = part.usage
        estimated = estimated or part.estimated
        if usage.cost:
            cost, source = cost + usage.cost, "provider"
            continue
        used = classes(usage)
        priced = prices(part.provider, part.model, usage, at, tier) if used else None
        if priced is not None:
            cost, version = cost + priced.nano, priced.version
            source = "prices" if source == "none" else source
            estimated = estimated or priced.estimated
            unpriced.update(dict.fromkeys(priced.unpriced))
        if priced is None or not priced.nano:
            unpriced.update(dict.fromkeys(used))
    if ex.served_provider and ex.front.operation in _MAKING and not any(classes(part.usage) for part in parts):
        unpriced = dict.fromkeys(UNTOLD)
    usage = parts[0].usage if len(parts) == 1 else summed(part.usage for part in parts)
    return Bill(usage, cost, source, estimated, tuple(unpriced), version, tier)  # type: ignore[arg-type]


def classes(usage: Usage) -> tuple[str, ...]:
    """Names of what there is any of."""
    names = tuple(compress(_NAMES, astuple(usage)))  # what a kind of Usage adds stands behind these
    return names + tuple(usage.units) if isinstance(usage, MediaUsage) else names
