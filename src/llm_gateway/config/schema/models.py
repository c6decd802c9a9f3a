"""`models`: what callers ask for, and the route each name stands for."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from llm_gateway.config.schema.base import Count, Section, Text, about
from llm_gateway.config.schema.cache import AliasCache
from llm_gateway.config.schema.limits import RateLimit
from llm_gateway.config.values import Duration
from llm_gateway.core.strategy import StrategyName


class RouteTimeouts(Section, frozen=True):
    """How long each part of an answer may take."""

    connect: Annotated[Duration, about("To open a connection: address lookup, TCP, TLS.", positive=True)] = Duration(5)
    head: Annotated[
        Duration | None,
        about(
            "To the response head; absent: 30s for streams, total for whole answers (their head comes with the answer).",
            positive=True,
        ),
    ] = None
    first_token: Annotated[Duration, about("Of a stream: to its first token.", positive=True)] = Duration(30)
    idle: Annotated[Duration, about("Between two reads of an answer.", positive=True)] = Duration(30)
    total: Annotated[Duration, about("For a whole answer; a stream has no total.", positive=True)] = Duration(600)


class TimeoutOverrides(Section, frozen=True):
    """The timeouts that one deployment has differently; absent: as the alias says."""

    connect: Annotated[Duration | None, about("To open a connection.", positive=True)] = None
    head: Annotated[Duration | None, about("To the response head.", positive=True)] = None
    first_token: Annotated[Duration | None, about("Of a stream: to its first token.", positive=True)] = None
    idle: Annotated[Duration | None, about("Between two reads of an answer.", positive=True)] = None
    total: Annotated[Duration | None, about("For a whole answer.", positive=True)] = None

    def over(self, base: RouteTimeouts) -> RouteTimeouts:
        """`base` with what is said here."""
        said = {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}
        return msgspec.structs.replace(base, **said)


class Hedging(Section, frozen=True):
    """A second deployment is asked as well when the first is slower than most; who has content first answers."""

    after: Annotated[
        Duration | None,
        about("Time without content before the second one is asked; absent: the learned 95th percentile.", positive=True),
    ] = None
    extra: Annotated[
        float, about("Most that second attempts may cost, as a share of what the alias's requests cost.", gt=0, le=1)
    ] = 0.02


class Deployment(Section, frozen=True):
    """One model at one provider. Short form: the text `provider/model`."""

    short: ClassVar[str] = "model"

    model: Annotated[str, about("provider/model; the provider ends at the first slash.", min_length=1, max_length=512)]
    weight: Annotated[
        float, about("Its share beside the other deployments. 0: asked only when those with a share fail.", ge=0, le=1_000_000)
    ] = 1.0
    priority: Annotated[
        int, about("Deployments with a smaller number are asked first; the strategy chooses among equals.", ge=0)
    ] = 0
    quality: Annotated[float, about("For the strategy highest_quality: higher is better.", ge=0)] = 0.0
    tags: Annotated[tuple[Text, ...], about("Words of your own, shown where decisions are explained.")] = ()
    max_concurrent: Annotated[
        Count | None,
        about("Most requests it may have at once, under whatever names; more wait (resilience.bulkhead). Absent: no limit."),
    ] = None
    rate_limit: Annotated[
        RateLimit | None,
        about("What the provider allows for it, under whatever names; absent: as its answers say (x-ratelimit-... headers)."),
    ] = None
    timeouts: Annotated[TimeoutOverrides, about("What differs from the alias's timeouts.")] = TimeoutOverrides()

    @property
    def provider(self) -> str:
        """The part before the first slash."""
        return self.model.partition("/")[0]

    @property
    def name(self) -> str:
        """The model's name at the provider: the part behind the first slash."""
        return self.model.partition("/")[2]


class Alias(Section, frozen=True):
    """A model name that callers use, and its route. Short form: the text `provider/model`."""

    short: ClassVar[str] = "deployments"

    deployments: Annotated[tuple[Deployment, ...], about("Where the model is served, best first.", min_length=1)]
    strategy: Annotated[
        StrategyName | None,
        about(
            "How one of the deployments is chosen; the others are asked if it fails. priority: in the order given. round_robin:"
            " in turn, by weight. weighted, random: drawn. least_connections: the fewest requests under way. least_latency: the"
            " faster of two drawn (power of two choices, peak EWMA). least_ttft: the shortest time to the first token."
            " lowest_cost: for this request. usage_headroom: the most left of its rate limit. adaptive: Thompson sampling."
            " sticky: the same for a session. prefix_affinity: cost and time, with what its prompt cache holds."
            " highest_quality: by `quality`. Absent: as routing.strategy says."
        ),
    ] = None
    fallback: Annotated[
        tuple[Text, ...], about("Other aliases, or provider/model, tried in order when every deployment failed.")
    ] = ()
    retries: Annotated[int, about("Further attempts, after each deployment and fallback had its turn.", ge=0, le=20)] = 2
    max_wait: Annotated[Duration, about("Longest pause that a provider may ask for and is given before a fallback is asked.")] = (
        Duration(3)
    )
    timeouts: Annotated[RouteTimeouts, about("How long answers may take.")] = RouteTimeouts()
    hedge: Annotated[Hedging | None, about("Ask a second deployment when the first is slow; absent: never.")] = None
    around_content_filter: Annotated[
        bool, about("Whether what one provider refuses to answer for its content is sent to the next one.")
    ] = False
    show_alternatives: Annotated[
        bool, about("Whether an error names other models that the key may use and that are well, when nobody could answer.")
    ] = False
    cache: Annotated[AliasCache, about("How its answers are kept, where that differs from the section cache.")] = AliasCache()
    on_cut: Annotated[
        Literal["error", "restart", "continue"],
        about(
            "When a stream breaks after its first token. error: the client is told in the stream. restart: thinking is held back"
            " until the answer begins, so that a break before it can be repaired. continue: another deployment goes on with the"
            " text, if it can be done without a character lost or doubled. See docs/STREAM-CONTRACT.md."
        ),
    ] = "error"
