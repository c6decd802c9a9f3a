"""What a simulator is told: how it answers, how fast, and what goes wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A base path of one simulator with its own faults and pace, so that one port can play several providers.

    `prefix` is what a base URL has in front of the native path (`/flaky` for `http://host:port/flaky/v1`). `speaks` is
    the provider it plays (openai, anthropic, gemini, ollama, cohere, bedrock, mistral, voyage, jina): other operations are
    unknown there; empty: all of them are known. None in a field means: as the simulator's own options say.
    """

    prefix: str
    speaks: str = ""
    fault: str = ""
    models: tuple[str, ...] | None = None
    tokens_per_second: float | None = None
    first_token_delay: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorOptions:
    """Everything that decides what a simulator does. The same options and the same request give the same bytes.

    seed                ids, logprobs, embeddings, `rate=` and random chunking follow from it
    models              the models that exist; empty: every name is answered and a few are listed
    keys                the keys that are accepted; empty: any, and none
    tokens_per_second   pace of the tokens; None: all at once. A whole answer waits as long as its tokens would take
    first_token_delay   seconds before the first token; the head and the opening event of a stream leave at once
    tokens              when set, each plain answer is exactly so many tokens long (a request can ask: "[tokens=50]")
    replies             text -> answer: the first key found in the last user message decides what is said
    reasoning_content   OpenAI front: show the reasoning as `reasoning_content`, as vLLM and DeepSeek do
    fault               a fault spec (faults/spec.py) for every request
    mounts              base paths with faults and pace of their own
    log_size            requests kept in the log
    log_body_bytes      of each request body, how much the log keeps (Python objects only, never shown over HTTP)
    body_bytes          largest request body read
    """

    seed: int = 0
    models: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    tokens_per_second: float | None = None
    first_token_delay: float = 0.0
    tokens: int | None = None
    replies: Mapping[str, str] = field(default_factory=dict)
    reasoning_content: bool = False
    fault: str = ""
    mounts: tuple[Mount, ...] = ()
    log_size: int = 1000
    log_body_bytes: int = 16 * 1024
    body_bytes: int = 64 * 1024 * 1024
