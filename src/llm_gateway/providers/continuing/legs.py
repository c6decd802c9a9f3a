"""What an attempt is to an answer that several legs may tell: the first, or one that goes on."""

from __future__ import annotations

from collections.abc import Callable

from llm_gateway.core.chat import ChatRequest
from llm_gateway.core.errors import GatewayError, Unsupported, UpstreamError, UpstreamRejected
from llm_gateway.core.exchange import Exchange
from llm_gateway.dialects.base import ChatBack, Operation, Rendered
from llm_gateway.providers.base import Endpoint
from llm_gateway.providers.continuing.asking import continued_request, prefill_of, prefilled, way
from llm_gateway.providers.continuing.spliced import Spliced
from llm_gateway.providers.continuing.story import How, Story, not_continued
from llm_gateway.providers.continuing.tracked import Tracked
from llm_gateway.providers.deployment import Deployment, Lane
from llm_gateway.providers.transform import Transform, Unframed, WholeReader

HOLD_SHARE = 0.5
"""Of the time for the first token: so long thinking is held back at most."""
_STATEFUL = "openai_responses"


class Attempted:
    """One attempt at one deployment."""

    __slots__ = ("_deployment", "_lane", "how", "prefill", "story")

    def __init__(self, story: Story, deployment: Deployment, lane: Lane) -> None:
        self.story = story
        self._deployment = deployment
        self._lane = lane
        self.prefill = prefill_of(lane.back.name, deployment.target) if story.seams else None
        self.how: How = way(story, self.prefill) if story.seams else "first"

    @property
    def prefills(self) -> bool:
        return self.how == "prefill"

    @property
    def onward(self) -> Story | None:
        """What another leg may go on with, when this one breaks."""
        return None if self.story.barrier == "restart" else self.story

    def request(self, asked: ChatRequest) -> ChatRequest:
        """`asked` with what was shown at its end, for a deployment that goes on from there."""
        return continued_request(asked, self.story.shown, self.how)

    def rendered(self, rendered: Rendered) -> Rendered:
        """Raises Unsupported when the deployment would not be given the text."""
        if self.prefill is None or not self.prefills:
            return rendered
        switch = self._deployment.target.thinking_switch and self._lane.back.name == "openai_chat"
        return prefilled(rendered, self.prefill, self.story.shown, switch=switch)

    @property
    def target(self) -> bytes:
        """The request line's target."""
        path = self.prefill.path if self.prefill is not None and self.prefills else ""
        return self._deployment.target_at(Endpoint(path), path) if path else self._lane.stream_target

    def refused(self, error: UpstreamError) -> UpstreamError:
        """A deployment that refuses its prefill may still be asked the whole question."""
        if not self.prefills or not isinstance(error, UpstreamRejected):
            return error
        self.story.doubted = True
        other = UpstreamError("The provider does not go on with a text.", code="continuation_failed")
        other.reason, other.upstream_status = "prefill_refused", error.upstream_status
        return other

    def chooser(self, back: ChatBack, ident: str, now: Callable[[], float], latest: float) -> Callable[[bytes], Transform]:
        """Makes the transform, by the answer's first bytes (as providers/ask.py does). `now`, `latest`: as Tracked has them."""
        story, how, lane, deployment = self.story, self.how, self._lane, self._deployment
        repeats = how == "verify" or (self.prefill is not None and self.prefill.repeats)

        def choose(first: bytes) -> Transform:
            json = first.lstrip()[:1] in back.whole_starts
            reader = WholeReader(back) if json else back.stream_reader()
            story.begin(deployment.upstream.name, deployment.model, how)
            told: Transform
            if how == "first":
                told = Tracked(reader, story, now, latest, deployment.model, ident)
            else:
                told = Spliced(reader, story, repeats=repeats)
            return told if json or lane.unframe is None else Unframed(lane.unframe(), told)

        return choose


def attempted(ex: Exchange, deployment: Deployment, lane: Lane) -> Attempted | None:
    """None: it is an answer like any other. Raises Unsupported for a deployment that cannot go on with what was begun."""
    front = ex.front
    can = lane.typed is not None and lane.back.operation is Operation.CHAT and not (lane.same and front.name == _STATEFUL)
    story: Story | None = ex.story
    if story is not None:
        if not can:
            raise Unsupported(f"{deployment.name} cannot go on with an answer.", param="model")
        return Attempted(story, deployment, lane)
    if not can or not ex.stream:
        return None
    if ex.request is None:
        ex.request = front.parse_request(ex.body)
    request: ChatRequest = ex.request
    return Attempted(Story(request, front.stream_writer(request), keeps=ex.on_cut == "continue"), deployment, lane)


def resume(ex: Exchange, story: Story, error: Exception) -> None:
    """The leg broke off with `error`: from now on an attempt of this request goes on with what was shown.

    Raises `error` when nobody may, and says why.
    """
    why = story.obstacle(error)
    if why:
        raise not_continued(error, why) if isinstance(error, GatewayError) else error
    story.cut()
    ex.story = story


def broken_off(cut: UpstreamError, failure: UpstreamError) -> GatewayError:
    """What a stream ends with that nobody went on with: `cut` if nobody was asked, else what the last one came to."""
    if failure is cut:
        return not_continued(cut, "nobody")
    message = "The answer broke off, and no provider could go on with it."
    error = UpstreamError(message, code="continuation_failed", details={"not_continued": failure.reason})
    error.reason = failure.reason
    return error
