"""`routing`: rules that look at a request before one of its route's deployments is chosen, and what holds for all routes."""

from __future__ import annotations

from collections.abc import Iterator
from math import isclose
from typing import Annotated, Literal

import msgspec

from llm_gateway.config.conditions.when import When
from llm_gateway.config.schema.base import Fault, Section, Text, about
from llm_gateway.config.values import Size
from llm_gateway.core.strategy import StrategyName

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
_WHOLE = 100.0


class Share(Section, frozen=True):
    """One side of a split."""

    route: Annotated[Text, about("An alias, or provider/model.")]
    percent: Annotated[float, about("Its share; those of all sides add up to 100.", ge=0, le=100)]


class Mirroring(Section, frozen=True):
    """A copy of the request for another deployment, whose answer is thrown away; it is paid for."""

    to: Annotated[Text, about("An alias (the best of its deployments is asked), or provider/model.")]
    percent: Annotated[float, about("Share of the requests that are copied.", gt=0, le=100)]


class Action(Section, frozen=True):
    """What happens to a request that a rule holds for."""

    route: Annotated[
        Text | None,
        about("The alias or provider/model that it goes to. Rules are not asked again: where a rule sends it, there it goes."),
    ] = None
    reject: Annotated[Reason | None, about("Refuse it with 403, and say this to the caller.")] = None
    strategy: Annotated[
        StrategyName | None, about("How one of the route's deployments is chosen, instead of as the route says.")
    ] = None
    priority: Annotated[
        Literal["low", "normal", "high", "critical"] | None, about("Its priority class where there is a queue.")
    ] = None
    split: Annotated[
        tuple[Share, ...],
        about(
            "Where it goes, by shares. The same identity (`by`) always gets the same side; when a share grows at the cost of the"
            " side before it, nobody else moves."
        ),
    ] = ()
    by: Annotated[
        Literal["key", "session", "user", "request"] | None,
        about(
            "What a split holds on to. session: the session, else the user, else the key. user: the user, else as session."
            " request: nothing, each request is drawn. Absent: session."
        ),
    ] = None
    mirror: Annotated[Mirroring | None, about("Another deployment that gets a copy of it.")] = None

    def check(self) -> Iterator[Fault]:
        others = [name for name in ("route", "strategy", "priority", "split", "mirror") if getattr(self, name)]
        if self.reject is not None and others:
            yield others[0], "does nothing beside reject; remove one of them"
        elif self.reject is None and not others:
            yield "", "does nothing; say route, reject, strategy, priority, split or mirror"
        if self.route is not None and self.split:
            yield "split", "stands beside route; keep one of them"
        if self.by is not None and not self.split:
            yield "by", "is for a split, and there is none"
        if self.split:
            yield from self._check_split()

    def _check_split(self) -> Iterator[Fault]:
        total = sum(share.percent for share in self.split)
        names = [share.route for share in self.split]
        if len(names) < 2:
            yield "split", "needs at least two sides; for one, say route"
        elif len(set(names)) < len(names):
            yield "split", "names a route twice"
        if not isclose(total, _WHOLE, abs_tol=1e-6):
            yield "split", f"adds up to {total:g} percent; it must be 100"


class Rule(Section, frozen=True):
    """A rule. They are read in order; the first that holds decides, unless it says `continue`."""

    name: Annotated[
        str,
        about(
            "What it is called where decisions are explained; unique.",
            hint="letters, digits, '.', '_' and '-', 64 at most",
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        ),
    ]
    then: Annotated[Action, about("What happens then.")]
    when: Annotated[
        When | None,
        about(
            'The condition: one line such as `model starts_with "claude" and tokens > 20000`, or a mapping such as'
            " `{model: {starts_with: claude}, tokens: {gt: 20000}}`. Absent: always."
        ),
    ] = None
    continue_: Annotated[
        bool,
        about(
            "Whether later rules are asked as well. Of a strategy and a priority the first one said stays; of several mirrors the"
            " first that can be asked gets the copy."
        ),
    ] = msgspec.field(default=False, name="continue")

    def check(self) -> Iterator[Fault]:
        ends = [name for name in ("route", "reject", "split") if getattr(self.then, name)]
        if self.continue_ and ends:
            yield "continue", f"cannot stand beside {ends[0]}, which ends the search"


class Decisions(Section, frozen=True):
    """The decisions of the last requests, which their keys can look up at /v1/routing/decisions. No text of a prompt is kept."""

    keep: Annotated[int, about("Most decisions kept; 0: none.", ge=0, le=100_000)] = 1000
    size: Annotated[Size, about("Most bytes kept, about; the oldest go first.")] = Size(4 << 20)
    sample: Annotated[
        float,
        about(
            "The share of decisions that is kept with everything that it depended on, so that it can be made again offline; not"
            " those where there was nothing to decide.",
            ge=0,
            le=1,
        ),
    ] = 0.01


class Routing(Section, frozen=True):
    """How requests find a deployment."""

    strategy: Annotated[StrategyName, about("How deployments are chosen by aliases that do not say.")] = "priority"
    region: Annotated[str, about("Where this gateway runs, for rules that ask.", max_length=128)] = ""
    rules: Annotated[tuple[Rule, ...], about("Rules, in order.")] = ()
    decisions: Annotated[Decisions, about("What is kept of earlier decisions.")] = Decisions()
