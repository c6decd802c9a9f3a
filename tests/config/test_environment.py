"""GATEWAY_* variables and --set flags."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.helpers_config import loaded, told

PROVIDER = "providers: {openai-eu: {type: openai}}\n"


def test_values_are_typed_by_the_field(tmp_path: Path) -> None:
    """A number for a number, the same characters as text for a text."""
    config = loaded(
        tmp_path,
        PROVIDER,
        GATEWAY_SERVER__PORT=" 9000 ",
        GATEWAY_SERVER__REUSE_PORT="true",
        GATEWAY_SERVER__DRAIN="1m",
        GATEWAY_SERVER__LIMITS__BODY="1048576",
        GATEWAY_PROVIDERS__OPENAI_EU__API_KEY="12345",
        GATEWAY_PROVIDERS__OPENAI_EU__ORGANIZATION="true",
        GATEWAY_NETWORK__CA_FILE="null",
    )
    assert (config.server.port, config.server.reuse_port, config.server.drain) == (9000, True, 60)
    assert config.server.limits.body == 1 << 20
    eu = config.providers["openai-eu"]
    assert eu.api_key is not None
    assert (eu.api_key.reveal(), eu.organization, config.network.ca_file) == ("12345", "true", None)


def test_names_find_entries_with_dashes_and_make_new_ones(tmp_path: Path) -> None:
    """OPENAI_EU is openai-eu where there is one; else a new entry in lower case."""
    config = loaded(tmp_path, PROVIDER, GATEWAY_PROVIDERS__OPENAI_EU__REGION="eu", GATEWAY_PROVIDERS__OPENAI__API_KEY="sk-x")
    assert {name: p.region for name, p in config.providers.items()} == {"openai-eu": "eu", "openai": None}


def test_lists_and_mappings_are_json(tmp_path: Path) -> None:
    """A whole section, a list, or one entry by its index; short paths are laid first."""
    config = loaded(
        tmp_path,
        "",
        GATEWAY_SERVER='{"port": 1, "host": "localhost"}',
        GATEWAY_SERVER__PORT="2",
        GATEWAY_SERVER__CORS__ORIGINS='["https://a.example", "https://b.example"]',
        GATEWAY_PROVIDERS='{"openai": {}}',
        GATEWAY_MODELS='{"m": "openai/gpt"}',
        GATEWAY_AUTH__KEYS__0__NAME="demo",
        GATEWAY_AUTH__KEYS__0__KEY="sk-gateway-0123456789",
        GATEWAY_AUTH__KEYS__1='{"name": "two", "key": "sk-gateway-9876543210"}',
    )
    assert (config.server.port, config.server.host) == (2, "localhost")
    assert config.server.cors.origins == ("https://a.example", "https://b.example")
    assert config.models["m"].deployments[0].model == "openai/gpt"
    assert [key.name for key in config.auth.keys] == ["demo", "two"]


def test_flags_reach_into_lists_and_quoted_names(tmp_path: Path) -> None:
    """The path is written as in error texts; the value begins behind the first = after it."""
    text = 'providers: {openai: {}}\nmodels: {"gpt-4.1": {deployments: [openai/a]}}\nauth: {keys: [{name: a, key: sk-gateway-0123456789}]}\n'
    flags = [
        'models["gpt-4.1"].retries=5',
        'models["a=b"]=openai/x=y',
        "auth.keys[0].name=b",
        'auth.keys[1]={"name": "c", "key": "sk-gateway-9876543210"}',
        "providers.openai.api_key=${SECRET}",
    ]
    config = loaded(tmp_path, text, flags=flags, SECRET="sk-from-variable")
    assert config.models["gpt-4.1"].retries == 5
    assert config.models["a=b"].deployments[0].name == "x=y"
    assert [key.name for key in config.auth.keys] == ["b", "c"]
    assert config.providers["openai"].api_key is not None
    assert config.providers["openai"].api_key.reveal() == "sk-from-variable"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATEWAY_SERVICE_HOST", "10.0.0.1"), ("GATEWAY_SERVICE_PORT", "80"), ("GATEWAY_SERVICE_PORT_HTTP", "80"),
        ("GATEWAY_PORT", "tcp://10.0.0.1:80"), ("GATEWAY_PORT_80_TCP", "tcp://x"), ("GATEWAY_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("GATEWAY_METRICS_SERVICE_PORT", "9090"), ("GATEWAY_METRICS_PORT", "tcp://10.0.0.1:9090"),
        ("GATEWAY_CONFIG", ""), ("GATEWAY_URL", "http://x"), ("GATEWAY_API_KEY", "sk-x"), ("MY_GATEWAY_X", "1"),
    ],
)  # fmt: skip
def test_variables_that_nobody_meant_are_left_alone(tmp_path: Path, name: str, value: str) -> None:
    """Those that Kubernetes sets for a Service called gateway, and those of the client commands."""
    assert loaded(tmp_path, "", **{name: value}).server.port == 8080


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("GATEWAY_PORT", 'environment variable GATEWAY_PORT: means no configuration key; did you mean "GATEWAY_SERVER__PORT"?'),
        (
            "GATEWAY_SERVR__PORT",
            'environment variable GATEWAY_SERVR__PORT: means no configuration key; did you mean "GATEWAY_SERVER__PORT"?',
        ),
        ("GATEWAY_SERVER__PROT", 'environment variable GATEWAY_SERVER__PROT: server.prot: unknown key; did you mean "port"?'),
        ("GATEWAY_SERVER__", 'environment variable GATEWAY_SERVER__: means no configuration key; did you mean "GATEWAY_SERVER"?'),
        ("GATEWAY_SERVER", "environment variable GATEWAY_SERVER: server: expected a mapping, found something else"),
        ("GATEWAY_SERVER__HOST__X", "environment variable GATEWAY_SERVER__HOST__X: server.host: expected text, found a mapping"),
        (
            "GATEWAY_SERVER__PORT",
            "environment variable GATEWAY_SERVER__PORT: server.port: expected a whole number from 0 to 65535, found something else",
        ),
    ],
)
def test_a_variable_that_means_nothing_is_told_by_its_name(tmp_path: Path, name: str, line: str) -> None:
    """Its value is not."""
    assert told(tmp_path, "", **{name: "sk-secret-value"}) == [line]


@pytest.mark.parametrize(
    ("flag", "line"),
    [
        ("", "--set: the path cannot be read"),
        ("=1", "--set: the path cannot be read"),
        (".server=1", "--set: the path cannot be read"),
        ("server port=1", "--set: the path cannot be read"),
        ("server.port", "--set server.port: has no value; write --set path=value"),
        ("server.port=", "--set server.port: expected a whole number from 0 to 65535, found something else"),
        ("server.host.x=1", '--set server.host.x: cannot set "x" inside a value that is neither a mapping nor a list (gateway.yaml:1:16)'),
        ("auth.keys[3].name=x", "--set auth.keys[3].name: a list is here: expected an index from 0 to 1"),
        ("server.cors.origins=[x", "--set server.cors.origins: is not valid JSON"),
        ("server.cors.origins=x", '--set server.cors.origins: expected a list, found something else; outside the file, write it as JSON: ["a", "b"]'),
        ("server.port=${NOPE}", "--set server.port: the environment variable NOPE is not set; set it, or write ${NOPE:-default}"),
    ],
)  # fmt: skip
def test_a_flag_that_cannot_be_used_is_told(tmp_path: Path, flag: str, line: str) -> None:
    """By its path, without its value."""
    found = told(tmp_path, "server: {host: localhost}\nauth: {keys: [{name: a, key: sk-gateway-0123456789}]}\n", flags=[flag])
    assert [line in found[0], len(found)] == [True, 1], found


def test_what_is_set_on_an_alias_leaves_the_anchor_alone(tmp_path: Path) -> None:
    """Two entries may share one mapping in the file; a flag changes one."""
    text = "providers:\n  openai: &base {region: a}\n  simulator: *base\n"
    config = loaded(tmp_path, text, flags=["providers.openai.region=b"])
    assert (config.providers["openai"].region, config.providers["simulator"].region) == ("b", "a")
