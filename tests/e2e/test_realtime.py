"""Realtime sessions through a real gateway: OpenAI's SDK, a client of its own kind, many at once, TLS, and the end of the process."""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import openai
import pytest
import trustme
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gateway_process import KEY, GatewayProcess, running_gateway
from llm_gateway.simulator import RunningSimulator, SimulatorOptions, running_simulator

PROVIDER_KEY = "sk-provider-realtime-0123456789"


def document(simulator: RunningSimulator, **sections: Any) -> dict[str, Any]:
    provider = {"type": "openai", "base_url": f"{simulator.url}/v1", "api_key": PROVIDER_KEY}
    return {"providers": {"sim": provider}, "models": {"voice": "sim/gpt-realtime"}, **sections}


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator(SimulatorOptions(keys=(PROVIDER_KEY,))) as made:
        yield made


@pytest.fixture(scope="module")
def gateway(simulator: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with running_gateway(document(simulator), tmp_path_factory.mktemp("realtime")) as made:
        yield made


def lines_of(gateway: GatewayProcess, request_id: str, count: int = 1) -> list[dict[str, Any]]:
    """The access lines of the sessions that were given such ids."""
    end = time.monotonic() + 20
    while True:
        found = [line for line in gateway.access_lines() if line["request_id"].startswith(request_id)]
        if len(found) >= count or time.monotonic() > end:
            return found
        time.sleep(0.02)


def asked(text: str) -> Any:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


@pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning")  # the SDK's call
def test_openais_sdk_in_text(gateway: GatewayProcess) -> None:
    """A session as the SDK's documentation shows it, and its usage in the access log."""
    with (
        openai.OpenAI(api_key=KEY, base_url=f"{gateway.url}/v1") as client,
        client.realtime.connect(model="voice", extra_headers={"X-Request-ID": "text"}) as connection,
    ):
        connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        connection.conversation.item.create(item=asked("Say hello!"))
        connection.response.create()
        text, kinds = "", []
        for event in connection:
            kinds.append(event.type)
            if event.type == "response.output_text.delta":
                text += event.delta
            if event.type == "response.done":
                assert event.response.usage is not None
                used = event.response.usage
                break
    assert text == "I am a simulated model, gpt-realtime. You said: Say hello!"
    assert kinds[:2] == ["session.created", "session.updated"]
    (line,) = lines_of(gateway, "text")
    assert (line["status"], line["outcome"], line["model"], line["served_model"]) == (101, "completed", "voice", "gpt-realtime")
    assert line["tokens"] == {"input": used.input_tokens, "output": used.output_tokens, "cached": 0}
    assert (line["session"]["ended"], line["session"]["responses"], line["session"]["messages_in"]) == ("caller", 1, 3)


def test_openais_sdk_with_audio(gateway: GatewayProcess) -> None:
    """Sound in, transcribed; sound out with its transcript; both counted as what they are."""

    async def main() -> None:
        async with (
            openai.AsyncOpenAI(api_key=KEY, base_url=f"{gateway.url}/v1") as client,
            client.realtime.connect(model="voice", extra_headers={"X-Request-ID": "audio"}) as connection,
        ):
            audio: Any = {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}
            await connection.session.update(session={"type": "realtime", "audio": audio})
            for _ in range(10):
                await connection.input_audio_buffer.append(audio=base64.b64encode(bytes(4800)).decode())
            await connection.input_audio_buffer.commit()
            await connection.response.create()
            heard, spoken, written = "", b"", ""
            async for event in connection:
                if event.type == "conversation.item.input_audio_transcription.completed":
                    heard = event.transcript
                elif event.type == "response.output_audio.delta":
                    spoken += base64.b64decode(event.delta)
                elif event.type == "response.output_audio_transcript.delta":
                    written += event.delta
                elif event.type == "response.done":
                    break
            assert heard == "1.0 seconds of audio"
            assert "1.0 seconds" in written
            assert len(spoken) % 480 == 0
            assert spoken

    asyncio.run(main())
    (line,) = lines_of(gateway, "audio")
    assert line["outcome"] == "completed"
    assert line["tokens"]["input"] >= 10 + 10


@pytest.mark.parametrize(
    ("key", "model", "error", "code"),
    [
        ("sk-gateway-wrong-0123456789", "voice", 401, "invalid_api_key"),
        (KEY, "nothing", 404, "model_not_found"),
        (KEY, "sim/m@@429", 429, "provider_quota_exceeded"),
    ],
)
@pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning")  # the SDK's call
def test_openais_sdk_is_refused(gateway: GatewayProcess, key: str, model: str, error: int, code: str) -> None:
    """The handshake fails with the status and the error that any request would have."""
    with openai.OpenAI(api_key=key, base_url=f"{gateway.url}/v1") as client, pytest.raises(InvalidStatus) as caught:
        client.realtime.connect(model=model).enter()
    response = caught.value.response
    assert response.status_code == error
    assert msgspec.json.decode(bytes(response.body))["error"]["code"] == code


async def one_session(url: str, number: int, **options: Any) -> str:
    """Opens a session, has one answer, and closes it. Returns what was said."""
    headers = {"Authorization": f"Bearer {KEY}", "X-Request-ID": f"many-{number}"}
    async with connect(f"{url}/v1/realtime?model=voice", additional_headers=headers, proxy=None, **options) as session:
        await session.send(msgspec.json.encode({"type": "conversation.item.create", "item": asked(f"number {number}")}))
        await session.send('{"type":"response.create","response":{"output_modalities":["text"]}}')
        text = ""
        while True:
            event = msgspec.json.decode(await asyncio.wait_for(session.recv(), 30))
            text += event["delta"] if event["type"] == "response.output_text.delta" else ""
            if event["type"] == "response.done":
                return text


def test_two_hundred_sessions_at_once(gateway: GatewayProcess, simulator: RunningSimulator) -> None:
    """Each has its own answer; nothing is mixed up, nothing is left over, and memory stays."""

    async def main() -> None:
        url = gateway.url.replace("http", "ws")
        said = await asyncio.gather(*(one_session(url, number, open_timeout=30) for number in range(200)))
        assert [text.rpartition(" ")[2] for text in said] == [str(number) for number in range(200)]

    asyncio.run(main())
    assert [line["outcome"] for line in lines_of(gateway, "many-", 200)] == ["completed"] * 200
    assert gateway.rss_kb() < 250_000


def test_over_tls(simulator: RunningSimulator, tmp_path: Path) -> None:
    """wss to the gateway: the same session, and a clean goodbye."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    (tmp_path / "cert.pem").write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    tls = {"cert": str(tmp_path / "cert.pem"), "key": str(tmp_path / "key.pem")}
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with running_gateway(document(simulator, server={"tls": tls}), tmp_path) as gateway:
        url = f"wss://localhost:{gateway.port}"
        assert "number 7" in asyncio.run(one_session(url, 7, ssl=context))
        assert gateway.access_lines(1)[0]["outcome"] == "completed"


def test_the_end_of_the_process(simulator: RunningSimulator, tmp_path: Path) -> None:
    """On SIGTERM a live session goes on for the grace time and then hears 1001; its line says so."""

    async def main() -> None:
        headers = {"Authorization": f"Bearer {KEY}"}
        url = gateway.url.replace("http", "ws")
        async with connect(f"{url}/v1/realtime?model=voice", additional_headers=headers, proxy=None) as session:
            await session.recv()
            gateway.terminate()
            with pytest.raises(ConnectionClosed) as caught:
                await asyncio.wait_for(session.recv(), 10)
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 1001

    with running_gateway(document(simulator, server={"drain": "300ms"}), tmp_path) as gateway:
        asyncio.run(main())
        assert gateway.process.wait(30) == 0
        line = gateway.access_lines(1)[0]
        assert (line["outcome"], line["session"]["ended"], line["session"]["code"]) == ("drained", "drain", 1001)
    assert KEY not in gateway.events() + (tmp_path / "access.log").read_text()
