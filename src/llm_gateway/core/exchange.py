"""One request's life, as a record of facts. Every stage takes it; nothing else travels; it has no behaviour.

Nothing that an Exchange refers to may refer back to it: one reference cycle through it costs 10 us a request, because nothing
is freed by reference count then (tests/test_pipeline.py holds this).
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from llm_gateway.core.caller import Caller
from llm_gateway.core.chat import ChatRequest
from llm_gateway.core.errors import GatewayError
from llm_gateway.core.trace import TraceContext
from llm_gateway.core.usage import Usage


class Attempt(msgspec.Struct, eq=False, gc=False):
    """One try at one deployment. Times are monotonic seconds."""

    provider: str
    model: str
    started: float
    ended: float = 0.0
    status: int = 0
    error: str | None = None
    """The reason word of what went wrong; None while running and after success."""
    own: bool = False
    """Whether it was sent with a key of the caller's tenant, at the tenant's expense."""
    span: str = ""
    """Its id in the request's trace, where the provider was told it (core.trace)."""
    sent: float = 0.0
    """When its request went out, where that is traced."""
    over: float = 0.0
    """When its stream was over; `ended` is when that had begun."""


class Exchange(msgspec.Struct, eq=False):
    """What came in, who sent it, what was tried, what went out. Times are monotonic seconds, 0.0 for "not yet".

    A Struct, because a class with so many attributes keeps them in a dict, where reading them takes longer.
    """

    id: str
    http: Any
    """The engine's Request (typed where it is used)."""
    front: Any
    """The caller's dialect (as well)."""
    received: float
    path: bytes = b""
    """From here to `reply` it is what `http` has."""
    headers: dict[bytes, bytes] = None  # type: ignore[assignment]  # given below, as `reply` is
    body: bytes = b""
    notes: dict[Any, Any] | None = None
    peer: str = ""
    reply: Any = None
    attempts: list[Attempt] = []
    caller: Caller | None = None
    view: Any = None
    model: str = ""
    """The name the caller asked for."""
    request: ChatRequest | None = None
    """The neutral form; only made when front and back differ."""
    files: dict[str, Any] | None = None
    """What the gateway fetched for the request, by URL: another candidate is given it again."""
    stream: bool = False
    strict: bool | None = None
    """Whether a lossy translation is refused; None: as the configuration says."""
    wishes: Any = None
    """What the caller asked of routing (routing.features.Wishes); None: nothing."""
    metadata: dict[str, str] | None = None
    """x_gateway_metadata of the request: the caller's own words, for rules."""
    prefix: tuple[int, ...] = ()
    """Fingerprints of the prompt's beginning, where the route asks what prompt caches hold (routing.prefix)."""
    decision: Any = None
    """Who is asked, in which order, and why (routing.decision.Decision)."""
    running: Any = None
    """The attempt whose stream is on its way (resilience.feedback.Run): it holds a place until the stream's end."""
    hold: Any = None
    """What it holds of its caller's limits (limits.held.Held); None: nothing limits it."""
    on_cut: str = "error"
    """What becomes of a stream that breaks: the route's (docs/STREAM-CONTRACT.md)."""
    story: Any = None
    """What was shown of an answer that broke off, for the next leg to go on with (providers.continuing.story.Story)."""
    hedges: list[Attempt] | None = None
    """Attempts that lost a race to another one; they tell nothing about their providers."""
    served_provider: str = ""
    served_model: str = ""
    dropped: list[str] | None = None
    cached: Literal["", "hit", "stale", "coalesced"] = ""
    """How it came to be answered by what was kept; "": a provider was asked (cache.entry.State)."""
    keeping: Any = None
    """Under what its stream is to be kept when it is over (cache.stage); None: it is not."""
    usage: Usage | None = None
    sample: bytes = b""
    """How the answer began, as it went to the caller; a whole one all of it. What it says of its use besides `usage`."""
    ledger_id: str = ""
    """A ULID: of its row in the ledger, and of what it holds of limits (accounting.entries)."""
    entry: Any = None
    """What the ledger knows of it (accounting.entries.Entry). Shared by the copies that a race makes."""
    bill: Any = None
    """What it used and costs, once it has ended (core.ledger.Bill)."""
    committed: float = 0.0
    """When the first content was ready for the caller."""
    status: int = 0
    outcome: str = ""
    """completed, failed, cut (after commit), client_gone, drained."""
    error: GatewayError | None = None
    bytes_out: int = 0
    trace: TraceContext | None = None
    """Where it stands in a trace; None: in none, as far as is known yet (telemetry.traces)."""
    session: dict[str, str | int | float] | None = None
    """Of a realtime session: how it ended, its close code, its messages and bytes each way."""
    extra_lines: bytes = b""
    """Header lines that the edge decided on before the pipeline ran (CORS, API version)."""
    stages: tuple[float, float, float] | None = None
    """When it was known who asks, when that was read and allowed, and when what it may use was reserved; None: it did not get
    that far.
    """
    metadata_wanted: bool = False
    """Whether x_gateway_metadata goes into a whole answer's body."""

    __repr__ = object.__repr__  # a Struct shows its fields, and these hold keys and prompts

    def __post_init__(self) -> None:
        http = self.http
        self.path, self.headers, self.body = http.path, http.headers, http.body
        self.notes, self.peer, self.reply = http.notes, http.peer, http.reply
