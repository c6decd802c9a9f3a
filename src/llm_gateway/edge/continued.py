"""POST /v1/responses with a memory: a request goes on from an earlier response, and its own is kept, whoever answers.

The rules, which docs/API.md tells callers:

- A response that the gateway holds is put before the new input as it was, its chain included; any provider can go on from it.
- What only a provider knows (`conversation`, `prompt`, an id that the gateway does not have) is passed on to one of this dialect,
  and what comes of it can be continued at that provider alone.
- Reasoning that is nothing but a name in one provider's store is left out for all others, and named in X-Gateway-Dropped.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import InvalidRequest, Overloaded, PayloadTooLarge, UnknownPrevious, Unsupported
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.json import MalformedJson, decode_lenient, encode
from llm_gateway.core.splice import set_top_level
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES
from llm_gateway.dialects.openai_responses.reply_items import response_id
from llm_gateway.dialects.openai_responses.state import output_items
from llm_gateway.edge.conversation import LONGEST_CHAIN, UNFINISHED, Facts, conversation, facts, items_of
from llm_gateway.edge.heartbeat import Heartbeat
from llm_gateway.edge.respond import Respond, Shown
from llm_gateway.edge.stored import LONGEST_ID, ResponseStore, Stored
from llm_gateway.edge.turn import Reference, Turn
from llm_gateway.http.headers import header
from llm_gateway.providers.answer import WholeAnswer
from llm_gateway.providers.deployment import Deployment, Patience
from llm_gateway.resilience.attempts import Answer, AskDeployment

_PARAM = "previous_response_id"
_REFERENCE = b'"item_reference"'
_ITEM = re.compile(r"[a-z]+_(.+)_\d+")
"""An item's id, as reply_items.Names makes it."""
_NOT_STORED = header(b"X-Gateway-Stored", b"false")


class Continue:
    """An AskDeployment before another one: readies the request for each candidate."""

    def __init__(
        self,
        ask: AskDeployment,
        store: ResponseStore | None,
        clock: Clock,
        *,
        observe: Callable[[Exchange], AbstractContextManager[None]],
        longest: int,
        most: int,
        pass_unknown: bool,
        strict: bool,
    ) -> None:
        """`store` None: nothing is kept. `observe`: the pipeline's, for `observed`. `longest`: bytes of a conversation; `most`:
        of all those that requests under way go on from. `pass_unknown`: ids that the gateway does not have go to providers, which
        keep one account for all callers. `strict`: as Ask has it.
        """
        self._ask = ask
        self._store = store
        self._clock = clock
        self._observe = observe
        self._longest = longest
        self._most = most
        self._held = 0
        self._pass_unknown = pass_unknown
        self._strict = strict

    async def __call__(self, ex: Exchange, deployment: Deployment, patience: Patience, deadline: float) -> Answer:
        turn = ex.front
        if type(turn) is not Turn:
            turn = ex.front = await self._begin(ex)
        left_out = self._ready(ex, turn, deployment)
        turn.translated, turn.final = False, None
        answer = await self._ask(ex, deployment, patience, deadline)
        turn.provider = deployment.upstream.name
        if left_out:
            ex.dropped = [*(ex.dropped or ()), *left_out]
        return answer

    @contextmanager
    def observed(self, ex: Exchange) -> Iterator[None]:
        """The pipeline's outermost stage: at its end a request holds no conversation any more."""
        with self._observe(ex):
            try:
                yield
            finally:
                if type(ex.front) is Turn:
                    self._held -= ex.front.held
                    ex.front.ended = None  # it refers to the turn

    async def _begin(self, ex: Exchange) -> Turn:
        """Raises UnknownPrevious, InvalidRequest, PayloadTooLarge, Overloaded."""
        state = OPENAI_RESPONSES.state_of(ex.body)
        store = self._store
        turn = Turn(ex.body, self._clock, kept=store is not None and state.store is not False)
        turn.partial = state.conversation is not None or state.prompt is not None
        if state.background and store is None:
            raise Unsupported("background needs a store of responses, and this gateway has none.", param="background")
        if state.conversation is not None and not self._pass_unknown:
            raise InvalidRequest(
                "The gateway cannot tell whose conversation this is (responses.unknown_ids).", param="conversation"
            )
        turn.named = state.previous_response_id
        owner = _owner(ex)
        try:
            if store is not None and _REFERENCE in ex.body:
                await self._resolve(ex, turn, store, owner)
            if turn.named is not None:
                await self._continue(turn, store, owner, turn.named, in_conversation=state.conversation is not None)
        except BaseException:
            self._held -= turn.held  # the Exchange does not know the turn yet
            raise
        return turn

    async def _resolve(self, ex: Exchange, turn: Turn, store: ResponseStore, owner: str) -> None:
        """Puts items of kept responses in the place of references to them, as far as the gateway made them (Names)."""
        kept: dict[str, dict[str, Raw]] = {}
        items: list[Raw] = []
        size = 0
        for item in turn.input_items(turn.body):
            named = _referred(item)
            found = None
            if named is not None:
                response, ident = named
                if response not in kept:
                    stored = await store.get(owner, response) if len(kept) < LONGEST_CHAIN else None
                    kept[response] = {} if stored is None else _by_id(output_items(stored.response))
                found = kept[response].get(ident)
            if found is not None:
                size += len(bytes(found))
                if size > self._longest:
                    raise PayloadTooLarge("The conversation has become longer than the gateway takes.", param="input")
            items.append(item if found is None else found)
        if size:
            self._hold(turn, size)
            ex.body = turn.body = set_top_level(turn.body, "input", encode(items))
            ex.view = turn.view(ex.body)
            ex.request = None

    def _hold(self, turn: Turn, size: int) -> None:
        """Raises Overloaded. Given back by `observed`."""
        if self._held + size > self._most:
            raise Overloaded("The gateway holds as many bytes of conversations as it may.", retry_after=1.0)
        turn.held += size
        self._held += size

    async def _continue(
        self, turn: Turn, store: ResponseStore | None, owner: str, previous: str, *, in_conversation: bool
    ) -> None:
        """Raises UnknownPrevious, InvalidRequest, PayloadTooLarge, Overloaded."""
        found = None if store is None or len(previous) > LONGEST_ID else await store.get(owner, previous)
        if found is not None and not found.finished:
            raise InvalidRequest("The earlier response is not finished. Fetch it until it is.", param=_PARAM)
        if found is None or found.partial:
            turn.partial = True
            turn.holder = found.provider if found is not None else ""
        elif in_conversation:
            raise InvalidRequest("previous_response_id and conversation exclude each other.", param="conversation")
        else:
            assert store is not None  # noqa: S101 - it has found something
            await self._recall(turn, store, owner, previous, found)

    async def _recall(self, turn: Turn, store: ResponseStore, owner: str, previous: str, found: Stored) -> None:
        """Puts the conversation that ends with `found` into the turn."""
        chain = await conversation(store, owner, previous, found, self._longest)
        if chain is None:
            raise UnknownPrevious("A part of the conversation before this response is no longer kept.", param=_PARAM)
        size = sum(len(link.items) + len(link.response) for link in chain)
        self._hold(turn, size)
        for link in chain:
            for item in items_of(link):
                reference = _reference(item, link.provider) if link.at_provider else None
                if reference is not None:
                    turn.references[len(turn.earlier)] = reference
                turn.earlier.append(item)
        turn.previous = previous

    def _ready(self, ex: Exchange, turn: Turn, deployment: Deployment) -> list[str]:
        """Sets the body for this candidate; the names of what it is not given. Raises Unsupported where it cannot go on."""
        if turn.holder is not None:
            self._check_holder(turn, deployment)
        if turn.previous is None:
            return []
        left_out = _unreadable(turn, deployment) if turn.references else frozenset()
        names = [f"input[{index}]" for index in sorted(left_out)]
        if names and (self._strict if ex.strict is None else ex.strict):
            raise Unsupported(
                f"{deployment.name} cannot be given the reasoning that another provider keeps. Allow loss.", param=_PARAM
            )
        if left_out != turn.prepared:
            earlier = [item for index, item in enumerate(turn.earlier) if index not in left_out]
            ex.body = turn.joined(turn.body, earlier)
            ex.view = turn.view(ex.body)
            ex.request = None
            turn.prepared = left_out
        return names

    def _check_holder(self, turn: Turn, deployment: Deployment) -> None:
        lane = deployment.lane(turn)
        if turn.holder:
            if lane is None or not lane.same or deployment.upstream.name != turn.holder:
                raise Unsupported(f"Only the provider {turn.holder} can go on from this response.", param=_PARAM)
        elif lane is None or not lane.same or not self._pass_unknown:
            shown = encode((turn.named or "")[:LONGEST_ID]).decode()
            raise UnknownPrevious(f"Previous response with id {shown} not found.", param=_PARAM)


class Keep(Respond):
    """Respond, which keeps what the caller gets: a whole answer before it is sent, a stream before its last event is."""

    def __init__(
        self,
        clock: Clock,
        heartbeat: Heartbeat,
        store: ResponseStore | None,
        wanted: Callable[[Exchange], int] | None = None,
    ) -> None:
        super().__init__(clock, heartbeat, wanted)
        self._store = store

    def respond(self, ex: Exchange, answer: Shown) -> Awaitable[None] | None:
        turn = ex.front
        if type(turn) is not Turn:
            return super().respond(ex, answer)
        if isinstance(answer, WholeAnswer):
            answer.body = turn.shown(answer.body)
            return self._whole(ex, answer, turn) if turn.kept else super().respond(ex, answer)
        if turn.kept:
            owner = _owner(ex)
            if turn.final is None:
                turn.ended = lambda response: self._begin(owner, turn, response)
            else:  # all of it came before any of it may go on
                self._begin(owner, turn, turn.final)
        return super().respond(ex, answer)

    async def _whole(self, ex: Exchange, answer: WholeAnswer, turn: Turn) -> None:
        seen, store = facts(answer.body), self._store
        if store is None or not seen.id or not await store.put(_owner(ex), seen.id, _stored(turn, answer.body, seen)):
            ex.extra_lines += _NOT_STORED
        super().respond(ex, answer)

    def _begin(self, owner: str, turn: Turn, response: bytes) -> None:
        seen = facts(response)
        if self._store is not None and seen.id:
            self._store.begin(owner, seen.id, _stored(turn, response, seen))


def _owner(ex: Exchange) -> str:
    return "" if ex.caller is None else ex.caller.owner


def _stored(turn: Turn, response: bytes, seen: Facts) -> Stored:
    return Stored(
        response,
        encode(turn.input_items(turn.body)),
        turn.named,
        turn.provider,
        at_provider=not turn.translated,
        partial=turn.partial,
        finished=seen.status not in UNFINISHED,
    )


class _Reasoning(msgspec.Struct, gc=False):
    type: str | None = None
    encrypted_content: str | None = None
    content: list[Any] | None = None
    summary: list[Any] | None = None


class _Named(msgspec.Struct, gc=False):
    """An item's place in a conversation."""

    id: str | None = None
    type: str | None = None


def _referred(item: Raw) -> tuple[str, str] | None:
    """The response and the item that a reference to an item of the gateway's own names."""
    seen = _named(item)
    made = None if seen.type != "item_reference" or seen.id is None else _ITEM.fullmatch(seen.id[:LONGEST_ID])
    return None if made is None else (response_id(made[1]), made[0])


def _by_id(items: list[Raw]) -> dict[str, Raw]:
    return {ident: item for item in items if (ident := _named(item).id) is not None}


def _named(item: Raw) -> _Named:
    try:
        return decode_lenient(bytes(item), _Named)
    except (MalformedJson, msgspec.ValidationError):
        return _Named()


def _reference(item: Raw, provider: str) -> Reference | None:
    """What this item is if it is reasoning whose content lies with its provider."""
    if b'"reasoning"' not in bytes(item):
        return None
    try:
        seen = decode_lenient(bytes(item), _Reasoning)
    except (MalformedJson, msgspec.ValidationError):
        return None
    if seen.type != "reasoning" or seen.encrypted_content or seen.content:
        return None
    return Reference(provider, bool(seen.summary))


def _unreadable(turn: Turn, deployment: Deployment) -> frozenset[int]:
    """The references that mean nothing to this candidate. In another dialect a summary is text like any other."""
    lane = deployment.lane(turn)
    translated = lane is not None and not lane.same
    here = deployment.upstream.name
    return frozenset([index for index, one in turn.references.items() if one.provider != here and not (one.told and translated)])
