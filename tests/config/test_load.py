"""Loading: where the file comes from, what wins, what the result is, and that nothing but ConfigErrors ever comes out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from amount import examples
from config.helpers_config import TYPES, loaded, problems, told
from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.load import MOST_BYTES, load, redacted, search_path
from llm_gateway.config.schema import Config, Section

GOLDEN = Path(__file__).parent / "golden"

DESIGN = """\
server: {host: 127.0.0.1, port: 8080, workers: 1, admin: {host: 127.0.0.1, port: 9090}}

providers:                            # who: an account at a provider
  openai: {api_key: "${OPENAI_API_KEY}"}            # the type is the name unless said otherwise
  openai-eu: {type: openai, api_key: "${EU_KEY}", base_url: "https://eu.api.openai.com/v1", region: eu}
  claude: {type: anthropic, api_key: "${ANTHROPIC_API_KEY}"}
  gpu-1: {type: vllm, base_url: "http://gpu-1:8000/v1", models: [llama-3.1-8b]}
  flaky: {type: simulator, speaks: anthropic, fault: "503:times=2", tokens_per_second: 50, seed: 7}
  local: {file: ./model.gguf, threads: 2}

models:                               # what callers ask for: an alias and its route
  gpt-4o: openai/gpt-4o               # short form: provider/model
  fast: gpu-1/llama-3.1-8b
  smart:
    strategy: priority
    deployments:
      - {model: openai/gpt-4o, timeouts: {total: 1m}}
      - claude/claude-sonnet-4-5
    fallback: [fast, local/smollm]
    retries: 2
    timeouts: {connect: 5s, head: 30s, first_token: 10s, idle: 30s, total: 5m}
    on_cut: error

auth:
  keys:
    - {name: demo, key: "sk-gateway-0123456789", models: ["*"]}

state: {dir: ./state}
"""
VARIABLES = {"OPENAI_API_KEY": "sk-one", "EU_KEY": "sk-two", "ANTHROPIC_API_KEY": "sk-three"}


def test_the_example_of_the_design_loads(tmp_path: Path) -> None:
    """The public names mean what the design says."""
    config = loaded(tmp_path, DESIGN, **VARIABLES)
    assert config.server.admin is not None
    assert config.server.admin.port == 9090
    assert config.providers["openai"].type == "openai"
    assert config.providers["openai-eu"].api_key is not None
    assert config.providers["openai-eu"].api_key.reveal() == "sk-two"
    assert config.providers["gpu-1"].models == ("llama-3.1-8b",)
    flaky = config.providers["flaky"].options
    assert (flaky.speaks, flaky.fault, flaky.tokens_per_second, flaky.seed) == ("anthropic", "503:times=2", 50.0, 7)
    assert (config.providers["local"].options.file, config.providers["local"].options.context) == ("./model.gguf", 4096)
    assert [(d.provider, d.name) for d in config.models["gpt-4o"].deployments] == [("openai", "gpt-4o")]
    smart = config.models["smart"]
    assert [d.model for d in smart.deployments] == ["openai/gpt-4o", "claude/claude-sonnet-4-5"]
    first, second = (d.timeouts.over(smart.timeouts) for d in smart.deployments)
    assert (first.total, first.first_token, second.total) == (60, 10, 300)
    assert config.auth.needed
    assert config.sources == (str(tmp_path / "gateway.yaml"),)


def test_the_defaults_are_those_that_are_documented(tmp_path: Path) -> None:
    """An empty file is a configuration."""
    for text in ("", "# nothing\n", "server:\nproviders:\nmodels:\nauth:\n  keys:\n", "---\n", "null\n"):
        config = loaded(tmp_path, text)
        assert msgspec.structs.replace(config, digest="", sources=()) == Config()
    assert (config.server.host, config.server.port, config.server.limits.body) == ("127.0.0.1", 8080, 10 << 20)
    assert not config.auth.needed


def test_everything_is_frozen(tmp_path: Path) -> None:
    """What requests in flight hold cannot change under them."""
    config = loaded(tmp_path, DESIGN, **VARIABLES)
    for part in (config, config.server, config.server.limits, config.models["smart"], config.auth.keys[0]):
        with pytest.raises(AttributeError):
            setattr(part, part.__struct_fields__[0], None)


def test_flags_win_over_variables_over_the_file(tmp_path: Path) -> None:
    """Each layer covers only the keys it names."""
    text = "server: {port: 1, host: localhost, keepalive: 1s, drain: 1s}\n"
    variables = {"GATEWAY_SERVER__PORT": "2", "GATEWAY_SERVER__KEEPALIVE": "2s"}
    config = loaded(tmp_path, text, flags=["server.port=3"], **variables)
    assert (config.server.port, config.server.keepalive, config.server.drain, config.server.host) == (3, 2, 1, "localhost")


def test_the_file_is_searched_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GATEWAY_CONFIG, the working directory, the home directory; none: defaults and environment."""
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "home" / ".config" / "llm-gateway"
    home.mkdir(parents=True)

    def port(**environ: str) -> tuple[int, tuple[str, ...]]:
        config = load(environ=environ, provider_types=TYPES)
        return config.server.port, config.sources

    (tmp_path / "named.yaml").write_text("server: {port: 1}")
    (home / "gateway.yaml").write_text("server: {port: 3}")
    assert port(GATEWAY_SERVER__PORT="9") == (9, ())
    assert port(HOME=str(tmp_path / "home")) == (3, (str(home / "gateway.yaml"),))
    (tmp_path / "gateway.yaml").write_text("server: {port: 2}")
    assert port(HOME=str(tmp_path / "home")) == (2, ("gateway.yaml",))
    assert port(GATEWAY_CONFIG="named.yaml") == (1, ("named.yaml",))
    assert "/etc/llm-gateway/gateway.yaml" in search_path({})
    with pytest.raises(ConfigErrors, match=r"missing\.yaml: cannot be read: No such file"):
        port(GATEWAY_CONFIG="missing.yaml")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"server:\n  host: caf\xe9\n", "gateway.yaml:2:12: is not UTF-8 text; save it as UTF-8"),
        ("server: {}".encode("utf-16"), "gateway.yaml:1:1: is UTF-16; save it as UTF-8"),
        (b"#" * (MOST_BYTES + 1), f"gateway.yaml: is larger than {MOST_BYTES} bytes"),
        (b"- a\n", "gateway.yaml:1:1: expected a mapping of sections; begin with a section such as server: or providers:"),
        (
            b"server:\n\tport: 1\n",
            "gateway.yaml:2:1: a tab is used for indentation, YAML allows only spaces; replace the tab with spaces",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_explained(tmp_path: Path, text: bytes, line: str) -> None:
    """One line that says what to do."""
    assert told(tmp_path, text) == [line]


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    """Some editors write one."""
    assert loaded(tmp_path, b"\xef\xbb\xbfserver: {port: 5}").server.port == 5


def test_all_mistakes_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report of a file full of mistakes is exactly the one that is checked in."""
    monkeypatch.chdir(GOLDEN)
    environ = {
        "OPENAI_API_KEY": "sk-not-to-be-seen",
        "GATEWAY_PORT": "9000",
        "GATEWAY_PORT_8080_TCP": "tcp://10.0.0.1:8080",
        "GATEWAY_SERVER__TIMEOUTS__HEAD": "soon",
    }
    flags = ["server.cors.credentials=maybe", "nonsense", "stat.dir=x", "server..port=1"]
    with pytest.raises(ConfigErrors) as caught:
        load("bad.yaml", overrides=flags, environ=environ, provider_types=TYPES)
    assert (GOLDEN / "bad.txt").read_text().splitlines() == str(caught.value).splitlines()
    secrets = ("hunter22", "sk-ant-very", "sk-first", "too-short", "sk-not", "wrong-place", "soon", "maybe")
    assert not [secret for secret in secrets if secret in str(caught.value) + repr(caught.value)]
    assert caught.value.as_data()[0]["line"] == 4


def test_the_report_is_bounded(tmp_path: Path) -> None:
    """A thousand mistakes give a hundred lines and a count."""
    with pytest.raises(ConfigErrors) as caught:
        loaded(tmp_path, "\n".join(f"k{n}: 1" for n in range(1000)))
    assert len(caught.value.problems) == 100
    assert str(caught.value).endswith("... and 900 more")


def test_the_digest_follows_what_is_effective(tmp_path: Path) -> None:
    """The same meaning gives the same digest, however it is written; a changed secret changes it."""
    one = loaded(tmp_path, DESIGN, **VARIABLES)
    same = loaded(tmp_path, DESIGN.replace("{total: 1m}", "{total: 60s}") + "# note\n", **VARIABLES)
    other_key = loaded(tmp_path, DESIGN, **{**VARIABLES, "EU_KEY": "sk-four"})
    other_option = loaded(tmp_path, DESIGN.replace("seed: 7", "seed: 8"), **VARIABLES)
    assert one.digest == same.digest
    assert len({one.digest, other_key.digest, other_option.digest}) == 3


def test_the_redacted_form_has_no_secret_and_loads_again(tmp_path: Path) -> None:
    """It is the whole effective configuration in the notation of a file."""
    text = DESIGN + 'network: {proxy: "http://u:hunter22@proxy:1"}\n'
    config = loaded(tmp_path, text, flags=["providers.claude.headers.X-Extra=hidden-header"], **VARIABLES)
    shown = msgspec.json.encode(redacted(config)).decode()
    assert not [
        secret for secret in ("sk-one", "sk-two", "sk-gateway", "hunter22", "hidden-header") if secret in shown + repr(config)
    ]
    restored = shown.replace('"key":"***"', '"key":"sk-gateway-0123456789"').replace("***@proxy", "u:hunter22@proxy")
    again = loaded(tmp_path, restored, name="again.json")
    assert redacted(again) == redacted(config)


def test_a_long_configuration_loads_quickly(tmp_path: Path) -> None:
    """Two hundred lines take a few hundredths of a second of a core, and less than two tenths of a slow one."""
    lines = ["providers:"]
    for n in range(25):
        lines += [f"  p{n}:", "    type: openai", f"    base_url: https://h{n}.example.com/v1", f"    api_key: key-number-{n}"]
    lines.append("models:")
    for n in range(24):
        lines += [
            f"  m{n}:",
            "    deployments:",
            f"      - p{n}/gpt",
            f"      - {{model: p{n + 1}/gpt, timeouts: {{connect: 2s}}}}",
        ]
    times = []
    for _ in range(5):
        began = time.process_time()
        loaded(tmp_path, "\n".join(lines))
        times.append(time.process_time() - began)
    assert min(times) < 0.2


_WORDS = [
    "server", "port", "providers", "models", "auth", "keys", "key", "name", "openai", "simulator", "deployments", "fallback", "timeouts",
    ":", ": ", "\n", "\n  ", "\n    ", "- ", "{", "}", "[", "]", ", ", "&a ", "*a", "<<: *a", "!!str ", "!x ", "'", '"', "|", ">-", "#", "\t",
    "${X}", "${file:/}", "$${", "${", "1", "-5", "30s", "10MB", "true", "null", "~", "openai/gpt", "a", "\x00", "\x85", "ü", "\ud83d\ude00", "? ", "---", "%YAML",
]  # fmt: skip
_soup = st.one_of(
    st.binary(max_size=60),
    st.lists(st.sampled_from(_WORDS), max_size=25).map(lambda words: "".join(words).encode("utf-8", "surrogatepass")),
    st.tuples(
        st.sampled_from(["server", "providers", "models", "auth", "logging"]), st.lists(st.sampled_from(_WORDS), max_size=15)
    ).map(lambda found: f"{found[0]}: {''.join(found[1])}".encode("utf-8", "surrogatepass")),
)


def mistakes(
    folder: Path, text: str | bytes, *, name: str = "gateway.yaml", flags: Sequence[str] = (), **environ: str
) -> ConfigErrors | None:
    """What is wrong, if anything; every other exception comes through."""
    try:
        assert len(loaded(folder, text, name=name, flags=flags, **environ).digest) == 64
    except ConfigErrors as errors:
        return errors
    return None


@examples(130, fixtures_stay=True)
@given(
    _soup,
    st.sampled_from(["yaml", "json", "toml"]),
    st.dictionaries(st.sampled_from(["X", "GATEWAY_MODELS", "GATEWAY_AUTH__KEYS__0"]), st.text(max_size=12)),
)
@example(b"server: {port: ${X}}", "yaml", {})
@example(b'{"models": {"a": "b"}}', "json", {"X": "\udcff"})
@example(b"models: {a: '${X}'}", "yaml", {"X": "\udcff"})
@example(b'models: {"\\ud800": a/b, "\\x1b[31m": 1}', "yaml", {})
def test_nothing_but_config_errors_comes_out(tmp_path: Path, text: bytes, kind: str, environ: dict[str, str]) -> None:
    """Whatever the bytes: a Config, or a report that can be printed."""
    errors = mistakes(tmp_path, text, name=f"gateway.{kind}", **environ)
    if errors is not None:
        assert str(errors).encode()
        assert "\x1b" not in str(errors)
        assert msgspec.json.encode(errors.as_data())


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.text(max_size=30), max_size=3),
    st.dictionaries(st.text("ABCSERVPOT_0", max_size=14).map("GATEWAY_{}".format), st.text(max_size=9), max_size=3),
)
def test_flags_and_variables_bring_nothing_else_either(tmp_path: Path, flags: list[str], environ: dict[str, str]) -> None:
    """They are somebody's typing too."""
    errors = mistakes(tmp_path, "server: {port: 1}", flags=flags, **environ)
    assert errors is None or str(errors).encode()


def test_a_section_is_the_only_thing_that_is_bound(tmp_path: Path) -> None:
    """digest and sources are results, not keys."""
    assert issubclass(Config, Section)
    assert len(problems(tmp_path, "digest: x\nsources: []\n")) == 2
