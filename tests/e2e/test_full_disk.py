"""A disk that takes nothing more."""

from __future__ import annotations

from pathlib import Path

import pytest
from openai import OpenAI

from gateway_process import KEY, running_gateway


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_lost_access_lines_are_owned_up_to(tmp_path: Path) -> None:
    """With a full disk under the access log requests are answered all the same, and the end says how many lines were lost."""
    config = {
        "providers": {"sim": {"type": "simulator"}},
        "models": {"m": "sim/x"},
        "logging": {"access": "/dev/full"},
    }
    with running_gateway(config, tmp_path) as gateway:
        with OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY) as client:
            reply = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hello"}])
        assert reply.choices[0].message.content
    assert '"event":"access_lines_lost","lines":1' in gateway.events()
