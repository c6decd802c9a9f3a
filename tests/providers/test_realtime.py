"""Where each provider's sessions are, and with which headers they are asked for."""

from __future__ import annotations

from typing import Any

import pytest

from llm_gateway.dialects.openai_realtime import RealtimeFront
from llm_gateway.snapshot import compile_snapshot
from whole_gateway import config_of

AZURE = {"type": "azure", "base_url": "https://res.openai.azure.com", "api_key": "k"}


@pytest.mark.parametrize(
    ("provider", "target", "transcription"),
    [
        ({"type": "openai", "api_key": "k"}, b"/v1/realtime?model=gpt%2Frt%26x", b"/v1/realtime?intent=transcription"),
        (AZURE, b"/openai/v1/realtime?model=gpt%2Frt%26x", b"/openai/v1/realtime?intent=transcription"),
        (
            {**AZURE, "api_version": "2025-04-01-preview"},
            b"/openai/realtime?api-version=2025-04-01-preview&deployment=gpt%2Frt%26x",
            b"/openai/realtime?api-version=2025-04-01-preview&deployment=gpt%2Frt%26x&intent=transcription",
        ),
        (
            {"type": "openai_compatible", "base_url": "http://h/base"},
            b"/base/v1/realtime?model=gpt%2Frt%26x",
            b"/base/v1/realtime?model=gpt%2Frt%26x&intent=transcription",
        ),
    ],
)
def test_where_a_session_is_opened(provider: dict[str, Any], target: bytes, transcription: bytes) -> None:
    """The model is encoded so that it can be nothing but a value of the URL."""
    snapshot = compile_snapshot(config_of({"providers": {"p": provider}}), pepper=b"p" * 32, environ={}, managed={})
    deployment = snapshot.upstreams["p"].deployment("gpt/rt&x")
    for front, wanted in ((RealtimeFront("m"), target), (RealtimeFront("m", transcription=True), transcription)):
        lane = deployment.lane(front)
        assert lane is not None
        assert lane.target == wanted
        assert lane.same
    key = b"api-key: k\r\n" if provider["type"] == "azure" else b"Authorization: Bearer k\r\n"
    assert (key in lane.headers) is ("api_key" in provider)
