"""The pipeline's limits: what a request may use is reserved before it is sent, and settled at what it used when it is over."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from math import inf

from llm_gateway.config.schema import Limiting
from llm_gateway.core.caller import Caller, Spending
from llm_gateway.core.clock import Clock
from llm_gateway.core.end_user import end_user
from llm_gateway.core.errors import Forbidden, GatewayError, Overloaded
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.usage import Usage, sides
from llm_gateway.dialects.openai_media import MediaView, Wanted, wanted
from llm_gateway.limits.answers import cut_off, refusal
from llm_gateway.limits.compile import (
    EVERYONE,
    instead,
    meters_of,
    of_everyone,
    of_model,
    of_source,
    of_tag,
    of_user,
    source_of,
)
from llm_gateway.limits.estimate import FLOOR, UNSAID, Estimates
from llm_gateway.limits.expected import amounts_of, guessed, read_prompt
from llm_gateway.limits.held import Held
from llm_gateway.limits.meter import Book, Charge, Meter, StoreDown, Taken
from llm_gateway.limits.plan import MOST_MODELS, Amounts, Measured, Part, Plan, Rates, Use

MOST_PARTS = 10_000
"""End users, and source addresses, whose meters are at hand."""
_EMBEDDING_FROM = 16 << 10
_EMBEDDED = (b"base64", b"nlineData", b"nline_data", b"input_audio")
"""Without one of these in it, a body is about as many tokens as a quarter of its bytes."""
_SILENT = frozenset({"embedding", "rerank", "count_tokens", "moderation", "files", "batches"})
"""Operations whose answers are not made of tokens."""

PricesOf = Callable[[str], tuple[Rates | None, int]]
"""By the name that is asked for: what tokens cost, and the context window (0: not known)."""
Foresee = Callable[[str, Wanted], int | None]
"""By the name that is asked for: nano-dollars that pictures, sound or pages may cost; None: there is no price for them."""


class Limiter:
    """One per snapshot. What it counts in and what it learned are the process's own and outlive it."""

    def __init__(
        self,
        limiting: Limiting,
        book: Book,
        estimates: Estimates,
        clock: Clock,
        *,
        prices: PricesOf,
        name: Callable[[Exchange], str],
        foresee: Foresee = lambda _model, _wanted: None,
        know: Callable[[Iterable[Meter]], None] | None = None,
    ) -> None:
        """`name`: under which unique name a request holds; its id in the ledger. `know`: is told what will be charged."""
        self._know = know or (lambda _meters: None)
        self._limiting = limiting
        self.book = book
        self._estimates = estimates
        self._prices = prices
        self._foresee = foresee
        self._name = name
        self.now = clock.now
        self.lease = float(limiting.lease)
        self._blocked = Part(())
        self._free = Plan(self, (), by_request=False, by_user=False)
        self._everyone = of_everyone(limiting)
        self._models = {model: Part(of_model(limiting, model)) for model in limiting.models}
        self._by_source = bool(of_source(limiting, ""))
        self._by_user = bool(of_user((Spending("user", "", limiting.users, ()),), ""))
        self._shared: dict[Meter, Meter] = {}
        self._sources: dict[str, Part] = {}
        self._users: dict[tuple[Plan, str], Part] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.refused: Counter[tuple[str, str]] = Counter()
        """Requests that were refused, by scope and unit."""

    # ---- the three moments of a request

    def hold(self, ex: Exchange) -> Awaitable[None] | None:
        """Reserves, and sets `ex.hold` unless nothing limits the request. To be awaited if the book has to be.

        Raises RateLimited, BudgetExceeded, Forbidden for a blocked end user, and Overloaded if the book cannot be reached and
        nothing may be let by without it.
        """
        caller: Caller = ex.caller  # type: ignore[assignment]  # it was identified
        plan: Plan | None = caller.meters
        if plan is self._free:
            return None
        if plan is None or plan.owner is not self:
            plan = self._plan(caller)
            if plan is self._free:
                return None
        fixed, told = (plan.streaming, plan.told_streaming) if ex.stream else (plan.always, plan.told)
        measured = plan.measured
        if plan.by_request:
            for part in self._parts(ex, plan, caller):
                fixed += part.streaming if ex.stream else part.always
                measured += part.measured
                told = None
        if not fixed and not measured:
            return None
        charges = [*fixed]
        ex.hold = held = Held(self, self._name(ex), charges, fixed)
        held.told = told
        if measured:
            held.measured = measured
            amounts = self._expected(ex, held, plan.uses.get(ex.model) or self._use(ex, plan, caller))
            for meter, place, bound in measured:
                amount = amounts[place]
                charges.append((meter, amount if amount < bound else bound))  # noqa: FURB136 - half the time
        try:
            taken = self.book.take(held.id, charges, self.now(), self.lease)  # type: ignore[arg-type]  # pairs are Charges
        except StoreDown as down:
            raise _unavailable(down) from None
        if type(taken) is not Taken:
            return self._wait(held, taken)  # type: ignore[arg-type]
        if taken.refused < 0:
            held.states = taken.states
            held.done = False
            return None
        raise self._refusal(held, taken)

    def more(self, held: Held, tokens: int) -> GatewayError | None:
        """A stream has come to so many `tokens`: some are reserved ahead. What it is to be ended with; None: it may go on."""
        if held.ending is not None or held.use is None:
            return held.ending
        extra = held.ahead(tokens)
        if not extra:
            return None
        amounts = amounts_of(held.use, 0, extra)
        # What cannot end the stream is counted all the same: it is used.
        charges = [Charge(meter if meter.cut else meter.counted, amounts[place]) for meter, place, _ in held.measured]
        try:
            taken = self.book.take(held.id, charges, self.now(), self.lease)
        except StoreDown:
            return None  # it was let by once; the end is settled
        if isinstance(taken, Taken):
            self._topped(held, charges, taken)
        else:
            task = asyncio.get_running_loop().create_task(self._top(held, charges, taken))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return held.ending

    def settle(self, ex: Exchange, usage: Usage | None, cost: int, estimated: bool = False) -> None:
        """The request is over, however: what it used stays used, the rest is free again. Once; later calls do nothing.

        `usage`, `cost`: as the ledger has them. Usage None: nobody told; it is guessed by what was written, never nothing.
        `estimated`: they were guessed, so that nothing is learned from them.
        """
        held: Held | None = ex.hold
        if held is None or held.done:
            return
        held.done = True
        use = held.use
        if use is None:
            self.book.settle(held.id, held.charges, self.now())  # type: ignore[arg-type]  # as above
            return
        if usage is None:
            amounts = guessed(ex, held, use, cost)
        else:
            prompt, output = sides(usage)
            cached = usage.cache_read
            amounts = (prompt + output, prompt - cached, cached, output, cost)
            if not estimated and (prompt or output or cost):
                use.learned.saw(prompt, cached, output // held.choices, cost, held.body)
                if ex.stream:
                    use.learned.facts.streamed(ex.bytes_out, output)
        charges = [*held.fixed]
        for meter, place, _ in held.measured:
            charges.append((meter, amounts[place]))
        self.book.settle(held.id, charges, self.now())  # type: ignore[arg-type]  # as above

    def meters(self, ex: Exchange) -> tuple[tuple[Measured, ...], Use | None]:
        """What one more part of a session is counted by, as things stand now, and what is known of such. Raises Forbidden."""
        caller: Caller = ex.caller  # type: ignore[assignment]  # it was identified
        plan: Plan | None = caller.meters
        if plan is None or plan.owner is not self:
            plan = self._plan(caller)
        found = plan.measured
        if plan.by_request:
            for part in self._parts(ex, plan, caller):
                found += part.measured
        return found, self._use(ex, plan, caller) if found else None

    # ---- taking

    async def _wait(self, held: Held, taking: Awaitable[Taken]) -> None:
        try:
            taken = await taking
        except StoreDown as down:
            raise _unavailable(down) from None
        except asyncio.CancelledError:
            # Whether it was taken nobody knows: settled at nothing, it is free again in any case.
            self.book.settle(held.id, [Charge(meter, 0) for meter, _ in held.charges], self.now())
            raise
        if taken.refused >= 0:
            raise self._refusal(held, taken)
        held.done, held.states = False, taken.states

    def _refusal(self, held: Held, taken: Taken) -> GatewayError:
        refused, held.states = taken.refused, taken.states
        meter, amount = held.charges[refused]
        self.refused[meter.scope, meter.unit] += 1
        return refusal(meter, held.states[refused], amount, self.now())

    async def _top(self, held: Held, charges: list[Charge], taking: Awaitable[Taken]) -> None:
        try:
            taken = await taking
        except StoreDown:
            return
        if not held.done:
            self._topped(held, charges, taken)
        elif taken.refused < 0:
            # The stream is over and was settled before this arrived: nobody else gives it back before its lease is over.
            self.book.settle(held.id, [Charge(meter, 0) for meter, _ in charges], self.now())

    def _topped(self, held: Held, charges: list[Charge], taken: Taken) -> None:
        if taken.refused >= 0:
            held.ending = cut_off(charges[taken.refused].meter, taken.states[taken.refused], self.now())
            held.due = 0.0

    # ---- what is expected

    def _use(self, ex: Exchange, plan: Plan, caller: Caller) -> Use:
        use = plan.uses.get(ex.model)
        if use is None:
            if len(plan.uses) >= MOST_MODELS:
                plan.uses.clear()
            rates, context = self._prices(ex.model)
            silent = ex.front.operation.value in _SILENT
            learned = self._estimates.of(caller.owner, ex.model, 0.0 if silent else UNSAID)
            use = plan.uses[ex.model] = Use(learned, rates, context)
        return use

    def _expected(self, ex: Exchange, held: Held, use: Use) -> Amounts:
        learned, view, body = use.learned, ex.view, ex.body
        held.use = use
        if type(view) is MediaView and (asked := wanted(ex.front.operation, view, body)) is not None:
            return self._media(ex.model, asked, held, use)
        size = len(body)
        if size >= _EMBEDDING_FROM and not view.plain and any(body.find(word) >= 0 for word in _EMBEDDED):
            prompt = read_prompt(ex, int(size / learned.facts.prompt_bytes))
        else:
            prompt = int(size / learned.facts.prompt_bytes) + 1
            held.body = size
        if prompt > use.context:  # noqa: PLR1730 - here and below, min() and max() take three times as long
            prompt = use.context
        output = learned.output.value
        if output:
            if output < FLOOR:  # noqa: PLR1730
                output = FLOOR
            most, choices = view.most_output, view.choices
            if 0 < most < output:
                output = most
            if choices > 1:
                held.choices = choices
                output *= choices
            if most:
                held.most = most * choices
        held.prompt, held.output = prompt, output
        held.due = output * learned.facts.stream_bytes if ex.stream else inf
        return amounts_of(use, prompt, output)

    def _media(self, model: str, asked: Wanted, held: Held, use: Use) -> Amounts:
        """What was asked for may cost so much, whatever such requests cost before: many run together before one has ended."""
        held.prompt, held.output = min(asked.prompt, use.context), use.learned.output.value
        total, fresh, cached, output, cost = amounts_of(use, held.prompt, held.output)
        most = self._foresee(model, asked)
        return total, fresh, cached, output, cost if most is None else most

    # ---- whose meters

    def _plan(self, caller: Caller) -> Plan:
        """A caller's plan, made once and kept with it."""
        meters = [self._shared_one(meter) for meter in meters_of(caller.spending)]
        meters += self._everyone
        for tag in sorted(caller.tags):
            meters += (self._shared_one(meter) for meter in of_tag(self._limiting, tag))
        by_user = self._by_user or bool(caller.user_limits) or caller.users is not None
        by_request = by_user or self._by_source or bool(self._models)
        plan = self._free
        self._know(meters)
        if meters or by_request:
            plan = Plan(self, meters, by_request=by_request, by_user=by_user)
        caller.meters = plan
        return plan

    def _shared_one(self, meter: Meter) -> Meter:
        """The same object for all keys of a tenant: counters notice by that whether a limit was changed."""
        return meter if meter.scope == "key" else self._shared.setdefault(meter, meter)

    def _parts(self, ex: Exchange, plan: Plan, caller: Caller) -> list[Part]:
        """What limits this request besides its caller's own meters."""
        found: list[Part] = []
        model = self._models.get(ex.model)
        if model is not None:
            found.append(model)
        if self._by_source:
            found.append(self._source(ex.peer))
        if plan.by_user:
            user = end_user(ex)
            part = self._users.get((plan, user)) or self._user(plan, caller, user)
            if part is self._blocked:
                raise Forbidden("This end user is blocked.", code="user_blocked")
            found.append(part)
        return found

    def _source(self, peer: str) -> Part:
        part = self._sources.get(peer)
        if part is None:
            if len(self._sources) >= MOST_PARTS:
                self._sources.clear()
            part = self._sources[peer] = Part(of_source(self._limiting, source_of(peer)))
        return part

    def _user(self, plan: Plan, caller: Caller, user: str) -> Part:
        everybody = Spending("user", caller.tenant or EVERYONE, self._limiting.users, ())
        known = None if caller.users is None or not user else caller.users.user(caller.tenant, user)
        part = self._blocked
        if known is None or not known.blocked:
            each = caller.user_limits if known is None else instead(caller.user_limits, known, caller.tenant)
            self._know(meters := of_user((*each, everybody), user))
            part = Part(meters)
        if len(self._users) >= MOST_PARTS:
            self._users.clear()
        self._users[plan, user] = part
        return part


def _unavailable(down: StoreDown) -> Overloaded:
    said = "The gateway cannot count requests at the moment, and may let none by uncounted."
    return Overloaded(f"{said} ({down})" if str(down) else said, code="limits_unavailable", retry_after=1.0)
