"""Where realtime sessions are joined together: the pipeline of all requests, with the stages of edge/realtime.py."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from types import MappingProxyType
from typing import Any, cast

from llm_gateway.config.schema import Realtime as Settings
from llm_gateway.edge.app import SessionHandler
from llm_gateway.edge.cors import Cors
from llm_gateway.edge.realtime import PATH, Admit, Realtime, RespondSession, Sessions
from llm_gateway.http.client import Client
from llm_gateway.pipeline import Pipeline
from llm_gateway.providers.realtime import OpenSession


def session_routes(
    settings: Settings, pipeline: Pipeline, clients: Mapping[str, Client], cors: Cors, sessions: Sessions
) -> Mapping[bytes, SessionHandler]:
    """Path -> handler; none where sessions are turned off."""
    if not settings.enabled:
        return MappingProxyType({})
    own = copy(pipeline)
    own.authorize = Admit(pipeline.authorize, cors, settings, sessions)
    # The two stages agree between them on what an answer is: an open session.
    own.ask = cast("Any", OpenSession(clients, pipeline.clock, sessions.budget, settings.message))
    own.edge = RespondSession(pipeline.clock, settings, sessions)
    return MappingProxyType({PATH: Realtime(own, sessions, pipeline.clock)})
