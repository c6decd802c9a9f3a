"""`models`: what callers ask for, and the route each name stands for."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from llm_gateway.config.schema.base import Section, Text, about
from llm_gateway.config.values import Duration


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


class Deployment(Section, frozen=True):
    """One model at one provider. Short form: the text `provider/model`."""

    short: ClassVar[str] = "model"

    model: Annotated[str, about("provider/model; the provider ends at the first slash.", min_length=1, max_length=512)]
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
    strategy: Annotated[Literal["priority"], about("How deployments are chosen. priority: in the order given.")] = "priority"
    fallback: Annotated[
        tuple[Text, ...], about("Other aliases, or provider/model, tried in order when every deployment failed.")
    ] = ()
    retries: Annotated[int, about("Further attempts, after each deployment and fallback had its turn.", ge=0, le=20)] = 2
    timeouts: Annotated[RouteTimeouts, about("How long answers may take.")] = RouteTimeouts()
    on_cut: Annotated[
        Literal["error"], about("When a stream breaks after its first token. error: the client is told in the stream.")
    ] = "error"
