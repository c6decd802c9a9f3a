"""The official OpenAI SDK, unmodified: pictures, sound, moderation, files and batches, with two keys."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI

from e2e.world import eventually
from gateway_process import KEY, GatewayProcess, running_gateway
from llm_gateway.simulator import RunningSimulator, SimulatorOptions, running_simulator

OTHER_KEY = "sk-gateway-other-0123456789abcdef"
PROVIDER_KEY = "sk-provider-openai-0123456789abcdef"
SOUND = b"ID3\0\r\n--" * 40_000
PNG = b"\x89PNG\r\n\x1a\n"


def configuration(simulator: RunningSimulator) -> dict[str, Any]:
    return {
        "providers": {
            "oai": {
                "type": "openai",
                "base_url": f"{simulator.url}/v1",
                "api_key": PROVIDER_KEY,
                "passthrough": {"paths": ["/v1/chat/*", "/v1/models"]},
            },
            "down": {"type": "openai", "base_url": f"{simulator.url}/f/503/v1", "api_key": PROVIDER_KEY},
            "mistral": {"base_url": f"{simulator.url}/v1", "api_key": PROVIDER_KEY},
        },
        "models": {
            "img": "oai/gpt-image-1",
            "dalle": "oai/dall-e-2",
            "tts": {"deployments": ["down/tts-1", "oai/tts-1"]},
            "asr": {"deployments": ["down/whisper-1", "oai/whisper-1"]},
            "asr-4o": "oai/gpt-4o-transcribe",
            "mod": "oai/omni-moderation-latest",
            "ocr": "mistral/mistral-ocr-latest",
        },
        "media": {"moderation_model": "mod"},
        "files": {"provider": "oai"},
        "auth": {
            "keys": [
                {"name": "tests", "key": KEY, "passthrough": ["oai"]},
                {"name": "other", "key": OTHER_KEY, "models": ["img"]},
            ]
        },
    }


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator(SimulatorOptions(log_size=1000)) as made:
        yield made


@pytest.fixture(scope="module")
def gateway(simulator: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with running_gateway(configuration(simulator), tmp_path_factory.mktemp("media")) as made:
        yield made


@pytest.fixture
def client(gateway: GatewayProcess) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as made:
        yield made


@pytest.fixture
def other(gateway: GatewayProcess) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=OTHER_KEY, max_retries=0) as made:
        yield made


def test_pictures(client: OpenAI, simulator: RunningSimulator) -> None:
    """Made, with their usage; the provider sees its own key and its own model's name."""
    made = client.images.generate(model="img", prompt="a cat", n=2)
    assert [base64.b64decode(picture.b64_json or "")[:8] for picture in made.data or ()] == [PNG, PNG]
    assert made.usage is not None
    assert made.usage.output_tokens == 544
    seen = simulator.requests[-1]
    assert b'"model":"gpt-image-1"' in seen.body.replace(b'": "', b'":"')
    assert KEY not in str(seen.headers)


def test_pictures_as_they_become(client: OpenAI) -> None:
    """Partial ones, then the whole one."""
    with client.images.generate(model="img", prompt="a cat", stream=True, partial_images=2) as stream:
        kinds = [event.type for event in stream]
    assert kinds == ["image_generation.partial_image", "image_generation.partial_image", "image_generation.completed"]


def test_pictures_changed(client: OpenAI) -> None:
    """A form with several files."""
    made = client.images.edit(model="img", image=[("a.png", PNG), ("b.png", PNG)], prompt="make it blue")
    assert len(made.data or ()) == 1
    with pytest.warns(DeprecationWarning, match="deprecated"):
        varied = client.images.create_variation(model="dalle", image=("a.png", PNG))
    assert (varied.data or ())[0].url


def test_speech(client: OpenAI) -> None:
    """Bytes with the provider's type, whole and as they come, from the second provider since the first is down."""
    whole = client.audio.speech.create(model="tts", voice="alloy", input="hello " * 500)
    assert whole.response.headers["content-type"] == "audio/mpeg"
    assert whole.response.headers["x-gateway-provider"] == "oai"
    assert whole.response.headers["x-failover"] == "true"
    assert len(whole.content) == 3 + 3000 * 64
    with client.audio.speech.with_streaming_response.create(model="tts", voice="alloy", input="hello " * 500) as streamed:
        assert b"".join(streamed.iter_bytes()) == whole.content


def test_what_was_said(client: OpenAI, simulator: RunningSimulator) -> None:
    """The file arrives byte for byte, at the second provider, too; text, subtitles and seconds come back as the caller asked."""
    heard = client.audio.transcriptions.create(model="asr", file=("a.mp3", SOUND))
    assert heard.text == f"I heard {len(SOUND)} bytes of a.mp3."
    assert heard.usage is not None
    assert heard.usage.type == "duration"
    subtitles = client.audio.transcriptions.create(model="asr", file=("a.mp3", SOUND), response_format="srt")
    assert str(subtitles).startswith("1\n00:00:00,000 -->")
    verbose = client.audio.transcriptions.create(model="asr", file=("a.mp3", SOUND), response_format="verbose_json")
    assert verbose.duration == len(SOUND) / 16_000
    with pytest.warns(DeprecationWarning, match="deprecated"):
        assert client.audio.translations.create(model="asr", file=("b.mp3", b"abc")).text.startswith("I heard 3 bytes")


def test_what_is_being_said(client: OpenAI) -> None:
    """Deltas that join to the whole text."""
    with client.audio.transcriptions.create(model="asr-4o", file=("a.mp3", b"abc"), stream=True) as stream:
        events = list(stream)
    assert "".join(event.delta for event in events if event.type == "transcript.text.delta") == "I heard 3 bytes of a.mp3."
    assert events[-1].type == "transcript.text.done"


def test_moderation(client: OpenAI) -> None:
    """With a model, and without one: the configured one is asked."""
    assert client.moderations.create(input="an attack", model="mod").results[0].flagged
    assert not client.moderations.create(input="a walk").results[0].flagged


def test_reading_a_document(client: OpenAI, gateway: GatewayProcess) -> None:
    """Mistral's OCR at /v1/ocr; pages are counted."""
    document = {"type": "document_url", "document_url": "https://example.com/a.pdf"}
    told = client.post("/ocr", body={"model": "ocr", "document": document}, cast_to=dict[str, Any])
    assert told["pages"][0]["markdown"] == "# Read from a document_url"


def test_errors(client: OpenAI, other: OpenAI) -> None:
    """No model, a model that the key may not use, one that offers no such thing, and what the provider itself refuses."""
    with pytest.raises(openai.BadRequestError) as missing:
        client.images.generate(prompt="x")
    assert missing.value.param == "model"
    with pytest.raises(openai.PermissionDeniedError):
        other.audio.speech.create(model="tts", voice="alloy", input="x")
    with pytest.raises(openai.BadRequestError, match="does not offer speech"):
        client.audio.speech.create(model="ocr", voice="alloy", input="x")
    with pytest.raises(openai.BadRequestError, match="response_format"):
        client.audio.speech.create(model="tts", voice="alloy", input="x", response_format="ogg")  # type: ignore[arg-type]


def test_files(client: OpenAI, other: OpenAI) -> None:
    """Kept, listed, read and deleted by the key that made them; not there for another one."""
    data = b'{"custom_id":"1"}\n' * 20_000
    made = client.files.create(file=("in.jsonl", data), purpose="batch")
    assert made.bytes == len(data)
    assert client.files.retrieve(made.id).filename == "in.jsonl"
    assert made.id in [file.id for file in client.files.list()]
    content = client.files.content(made.id).content
    assert hashlib.sha256(content).digest() == hashlib.sha256(data).digest()
    assert made.id not in [file.id for file in other.files.list()]
    told = []
    for call in (other.files.retrieve, other.files.content, other.files.delete):
        with pytest.raises(openai.NotFoundError) as hidden:
            call(made.id)
        told.append(hidden.value.message)
    with pytest.raises(openai.NotFoundError) as unknown:
        client.files.retrieve("file-nobodys")
    assert {*told} == {unknown.value.message}
    assert client.files.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(made.id)


def test_lists_go_on_over_what_is_not_ours(client: OpenAI, gateway: GatewayProcess) -> None:
    """Another key's files between our own are passed over, and pages end where they should."""
    with OpenAI(base_url=f"{gateway.url}/v1", api_key=OTHER_KEY, max_retries=0) as other:
        mine = []
        for number in range(4):
            mine.append(client.files.create(file=(f"m{number}", b"x"), purpose="evals").id)
            other.files.create(file=(f"o{number}", b"x"), purpose="evals")
    first = client.files.list(purpose="evals", limit=3)
    assert [file.id for file in first.data] == mine[:0:-1]
    assert first.has_more
    assert [file.id for file in client.files.list(purpose="evals", limit=3)] == mine[::-1]


def test_batches(client: OpenAI, other: OpenAI, gateway: GatewayProcess) -> None:
    """From one's own file; what a batch writes is its maker's; a key that may not use every model cannot make one."""
    source = client.files.create(file=("in.jsonl", b'{"custom_id":"1"}\n'), purpose="batch")
    asked: dict[str, Any] = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}
    made = client.batches.create(input_file_id=source.id, **asked)
    assert made.status == "validating"
    done = client.batches.retrieve(made.id)
    assert done.output_file_id is not None
    assert client.files.content(done.output_file_id).content == b'{"custom_id":"1"}\n'
    assert made.id in [batch.id for batch in client.batches.list()]
    assert made.id not in [batch.id for batch in other.batches.list()]
    for hidden in (other.batches.retrieve, other.batches.cancel):
        with pytest.raises(openai.NotFoundError):
            hidden(made.id)
    with pytest.raises(openai.NotFoundError):
        other.files.content(done.output_file_id)
    with pytest.raises(openai.PermissionDeniedError):
        other.batches.create(input_file_id=other.files.create(file=("x", b"x"), purpose="batch").id, **asked)
    with pytest.raises(openai.BadRequestError):
        client.batches.create(input_file_id="file-nobodys", **asked)
    with pytest.raises(openai.BadRequestError, match="completed"):
        client.batches.cancel(made.id)


def test_which_provider(client: OpenAI) -> None:
    """A header or a parameter names another than the configured one; what is not there is a clear 400."""
    made = client.files.create(file=("x", b"x"), purpose="batch", extra_headers={"X-Gateway-Provider": "mistral"})
    assert client.files.retrieve(made.id, extra_query={"provider": "mistral"}).id == made.id
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(made.id)  # it is kept elsewhere
    with pytest.raises(openai.BadRequestError) as unknown:
        client.files.list(extra_headers={"X-Gateway-Provider": "nobody"})
    assert unknown.value.param == "provider"


def test_passing_through(client: OpenAI, other: OpenAI, gateway: GatewayProcess) -> None:
    """A provider's own paths, whole and streamed; other paths are not there, and a key without the right gets nothing."""
    own = client.with_options(base_url=f"{gateway.url}/passthrough/oai/v1")
    asked: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
    reply = own.chat.completions.create(**asked)
    with own.chat.completions.create(**asked, stream=True) as stream:
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert text == reply.choices[0].message.content
    assert [model.id for model in own.models.list()]
    with pytest.raises(openai.NotFoundError):
        own.embeddings.create(model="m", input="x")
    with pytest.raises(openai.PermissionDeniedError):
        other.with_options(base_url=f"{gateway.url}/passthrough/oai/v1").chat.completions.create(**asked)


def test_the_access_log(client: OpenAI, gateway: GatewayProcess) -> None:
    """Says what was counted, in tokens and beside them, and which request passed through."""
    client.audio.speech.create(model="tts", voice="alloy", input="hello")
    client.audio.transcriptions.create(model="asr", file=("a.mp3", b"x" * 32_000))
    client.images.generate(model="img", prompt="cat")
    own = client.with_options(base_url=f"{gateway.url}/passthrough/oai/v1")
    own.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])
    wanted = {"speech": {"characters": 5}, "transcriptions": {"seconds": 2.0}, "generations": {"images": 1}}
    lines: list[dict[str, Any]] = []

    def all_there() -> bool:
        lines[:] = gateway.access_lines()
        told = [(line["path"].rpartition("/")[2], line.get("units")) for line in lines]
        return all(pair in told for pair in wanted.items()) and any("operation" in line for line in lines)

    assert eventually(all_there)
    picture = next(line for line in lines if line.get("units") == {"images": 1} and line.get("model") == "img")
    assert picture["tokens"]["output"] == 272
    passed = [line for line in lines if line.get("operation") == "passthrough" and line["status"] == 200][-1]
    assert passed["path"].startswith("/passthrough/oai/v1/")
    assert any(line["model"] == "oai/gpt-4o" and line["tokens"]["input"] > 0 for line in lines if "operation" in line)
