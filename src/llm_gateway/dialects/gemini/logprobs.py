"""Log probabilities: Gemini's logprobsResult, and OpenAI's shape, which is the neutral one."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.json import encode


class Token(msgspec.Struct, rename="camel", gc=False):
    token: str = ""
    log_probability: float = 0.0


class Top(msgspec.Struct, rename="camel", gc=False):
    candidates: list[Token] = []


class Result(msgspec.Struct, rename="camel", gc=False):
    chosen_candidates: list[Token] = []
    top_candidates: list[Top] = []


class _Shown(msgspec.Struct, gc=False):
    token: str = ""
    logprob: float = 0.0


class _Chosen(_Shown, gc=False):
    top_logprobs: list[_Shown] = []


class Neutral(msgspec.Struct, gc=False):
    content: list[_Chosen] | None = None


def parse_logprobs(result: Result | None) -> Raw | None:
    if result is None or not result.chosen_candidates:
        return None
    tops = result.top_candidates
    content = [
        _token(chosen) | {"top_logprobs": [_token(other) for other in tops[place].candidates] if place < len(tops) else []}
        for place, chosen in enumerate(result.chosen_candidates)
    ]
    return Raw(encode({"content": content, "refusal": None}))


def render_logprobs(pieces: list[Raw]) -> dict[str, Any] | None:
    """LogprobsResult of `pieces` that follow each other; None where they hold none."""
    chosen: list[_Chosen] = []
    for piece in pieces:
        try:
            chosen += msgspec.json.decode(piece, type=Neutral).content or []
        except msgspec.MsgspecError:
            continue
    if not chosen:
        return None
    return {
        "chosenCandidates": [_candidate(token) for token in chosen],
        "topCandidates": [{"candidates": [_candidate(other) for other in token.top_logprobs]} for token in chosen],
    }


def _token(token: Token) -> dict[str, Any]:
    return {"token": token.token, "logprob": token.log_probability, "bytes": list(token.token.encode())}


def _candidate(token: _Shown) -> dict[str, Any]:
    return {"token": token.token, "logProbability": token.logprob}
