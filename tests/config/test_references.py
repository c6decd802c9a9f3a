"""What must fit together between the sections."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.helpers_config import loaded, told

BASE = "providers:\n  openai: {}\n  claude: {type: anthropic}\n  off: {type: openai, enabled: false}\nmodels:\n"
KEYS = "  a: openai/gpt\nauth:\n  keys:\n    - {name: one, key: sk-gateway-0123456789}\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  a: opnai/x\n", 'gateway.yaml:6:6: models.a: there is no provider "opnai"; did you mean "openai"?'),
        ("  a: gpt-4o\n", 'gateway.yaml:6:6: models.a: there is no provider "gpt-4o"; write provider/model'),
        ("  a: openai/\n", "gateway.yaml:6:6: models.a: names no model behind the slash; write provider/model"),
        ("  a: openai\n", "gateway.yaml:6:6: models.a: names a provider, but no model; write provider/model"),
        ("  a: off/x\n", 'gateway.yaml:6:6: models.a: the provider "off" is disabled; enable providers.off or remove this'),
        ("  a: ${KEY}\n", "gateway.yaml:6:6: models.a: there is no provider of this name; write provider/model"),
        ("  a: {deployments: []}\n", "gateway.yaml:6:20: models.a.deployments: needs at least one entry"),
        ("  a:\n", "gateway.yaml:6:5: models.a: needs deployments"),
        ("  a: 5\n", "gateway.yaml:6:6: models.a: expected a mapping, found a whole number"),
        ("  a: openai/x\n  b: {deployments: [a]}\n", "gateway.yaml:7:21: models.b.deployments[0]: names an alias; a deployment is provider/model; put the alias into fallback"),
        ("  a: {deployments: [openai/x, {model: openai/x}]}\n", "gateway.yaml:6:39: models.a.deployments[1].model: is the same deployment as entry 0; remove one of them"),
        ("  a: {deployments: [openai/x], fallback: [b]}\n", 'gateway.yaml:6:43: models.a.fallback[0]: there is no alias or provider "b"; write provider/model'),
        ("  a: {deployments: [openai/x], fallback: [claud/y]}\n", 'gateway.yaml:6:43: models.a.fallback[0]: there is no provider "claud"; did you mean "claude"?'),
        ("  a: {deployments: [openai/x], fallback: [openai/x]}\n", "gateway.yaml:6:43: models.a.fallback[0]: can never be asked: what it stands for comes before it; remove it"),
        ("  a: {deployments: [openai/x], fallback: [b, c]}\n  b: openai/y\n  c: openai/y\n", "gateway.yaml:6:46: models.a.fallback[1]: can never be asked: what it stands for comes before it; remove it"),
        ("  a: {deployments: [openai/x], fallback: [a]}\n", "gateway.yaml:6:43: models.a.fallback[0]: comes back to itself: a -> a"),
        ("  openai/gpt: openai/x\n", 'gateway.yaml:6:15: models["openai/gpt"]: would hide this model of the provider "openai"; give the alias another name'),
        ("  'a b': openai/x\n", 'gateway.yaml:6:10: models["a b"]: a model name has 1 to 256 characters and no spaces'),
    ],
)  # fmt: skip
def test_a_route_leads_somewhere(tmp_path: Path, text: str, line: str) -> None:
    """Each wrong reference is told where it stands."""
    assert told(tmp_path, BASE + text, KEY="sk-secret") == [line]


def test_rings_of_fallbacks_are_told_once_each(tmp_path: Path) -> None:
    """Two rings, and a long chain that is none."""
    routes = (
        {"a": "b", "b": "c", "c": "b", "x": "y", "y": "x"} | {f"n{n}": f"n{n + 1}" for n in range(300)} | {"n300": "openai/end"}
    )
    text = "".join(f"  {name}: {{deployments: [openai/{name}], fallback: [{target}]}}\n" for name, target in routes.items())
    found = [line.split(": ", 2)[2] for line in told(tmp_path, BASE + text)]
    assert found == ["comes back to itself: b -> c -> b", "comes back to itself: x -> y -> x"]


def test_an_alias_may_stand_in_several_fallbacks(tmp_path: Path) -> None:
    """A diamond is no ring."""
    text = "  a: {deployments: [openai/a], fallback: [b, c]}\n  b: {deployments: [openai/b], fallback: [d]}\n"
    text += "  c: {deployments: [openai/c], fallback: [d, claude/x]}\n  d: openai/d\n  meta-llama/x: openai/y\n"
    assert loaded(tmp_path, BASE + text).models["a"].fallback == ("b", "c")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("    - {name: one, key: sk-gateway-9876543210}\n", "auth.keys[1].name: is also the name of auth.keys[0]"),
        ("    - {name: two, key: sk-gateway-0123456789}\n", "auth.keys[1].key: is also the key of auth.keys[0]"),
        ("    - {name: two, key: short}\n", "auth.keys[1].key: is shorter than 16 characters"),
        ("    - {name: two}\n", "auth.keys[1]: needs exactly one of key and key_hash"),
        ("    - {name: two, key: sk-gateway-9876543210, key_hash: '" + "a" * 64 + "'}\n", "auth.keys[1]: needs exactly one of key and key_hash"),
        ("    - {name: two, key_hash: nothex}\n", "auth.keys[1].key_hash: has the wrong form; 64 hexadecimal digits; a plain key goes into key"),
        ("    - {name: two, key: sk-gateway-9876543210, models: [b]}\n", 'auth.keys[1].models[0]: there is no alias and no provider/model "b"; known here: a, claude/*, off/*, openai/*'),
        ("    - {name: two, key: sk-gateway-9876543210, expires: 2030-01-01}\n", "auth.keys[1].expires: expected a moment such as 2027-01-31T12:00:00Z"),
        ("    - {name: two, key: sk-gateway-9876543210, expires: 2030-01-01T00:00:00}\n", "auth.keys[1].expires: has no time zone; write it like 2027-01-31T12:00:00Z"),
    ],
)  # fmt: skip
def test_keys_are_told_apart_and_name_models(tmp_path: Path, text: str, message: str) -> None:
    """No error shows a key."""
    (line,) = told(tmp_path, BASE + KEYS + text)
    assert line.split(": ", 1)[1] == message


def test_a_key_that_is_called_as_callers_without_one(tmp_path: Path) -> None:
    """What is kept for one of them would be the other's. Where all need a key nobody else is called so."""
    key = "  a: openai/gpt\nauth:\n  required: {}\n  keys:\n    - {{name: anonymous, key: sk-gateway-0123456789}}\n"
    (line,) = told(tmp_path, BASE + key.format("false"))
    assert line.split(": ", 1)[1] == "auth.keys[0].name: is what callers without a key are called; give it another name"
    assert loaded(tmp_path, BASE + key.format("true")).auth.keys[0].name == "anonymous"


def test_keys_as_they_should_be(tmp_path: Path) -> None:
    """Aliases, provider/model and patterns; a disabled provider may stay in a list."""
    text = (
        "    - {name: two, key_hash: '"
        + "Ab" * 32
        + "', models: [a, openai/x, 'claude/*', off/y, '*'], expires: 2030-01-01T00:00:00+02:00}\n"
    )
    key = loaded(tmp_path, BASE + KEYS + text).auth.keys[1]
    assert key.models == ("a", "openai/x", "claude/*", "off/y", "*")
    assert key.expires is not None
    assert key.expires.timestamp() == 1893448800


@pytest.mark.parametrize(
    ("server", "auth", "fine"),
    [
        ("{host: 0.0.0.0}", "{}", False), ("{host: '::'}", "{}", False), ("{host: gateway.internal}", "{}", False), ("{host: 10.0.0.1}", "{keys: []}", False),
        ("{host: 0.0.0.0}", "{required: false}", True), ("{host: 127.0.0.9}", "{}", True), ("{host: '::1'}", "{}", True), ("{host: localhost}", "{}", True),
        ("{host: 0.0.0.0}", "{keys: [{name: a, key: sk-gateway-0123456789}]}", True), ("{}", "{required: false}", True),
    ],
)  # fmt: skip
def test_without_keys_only_this_machine_is_served(tmp_path: Path, server: str, auth: str, fine: bool) -> None:
    """Unless it is said outright that somebody else checks."""
    text = f"server: {server}\nauth: {auth}\n"
    if fine:
        loaded(tmp_path, text)
    else:
        (line,) = told(tmp_path, text)
        assert "server.host: would serve everyone who can reach this address: there are no keys; add auth.keys, listen on" in line


def test_keys_that_cannot_be_read_are_not_called_absent(tmp_path: Path) -> None:
    """One mistake, one line."""
    assert told(tmp_path, "server: {host: 0.0.0.0}\nauth: {keys: yes}\n") == [
        "gateway.yaml:2:14: auth.keys: expected a list, found text"
    ]
    assert told(tmp_path, "server: {host: 0.0.0.0}\nauth: {required: maybe}\n") == [
        "gateway.yaml:2:18: auth.required: expected true or false, found text"
    ]


def test_requiring_keys_that_do_not_exist_is_a_mistake(tmp_path: Path) -> None:
    """Every request would be refused."""
    (line,) = told(tmp_path, "auth: {required: true}\n")
    assert line.startswith("gateway.yaml:1:18: auth.required: is true, but there are no keys")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{opnai/x: {}}", 'gateway.yaml:2:31: catalogue.models["opnai/x"]: names no provider that there is; did you mean "openai"?'),
        ("{gpt: {}}", "gateway.yaml:2:27: catalogue.models.gpt: names no provider that there is; known here: openai"),
        ("{openai/: {}}", 'gateway.yaml:2:31: catalogue.models["openai/"]: names no model; write provider/model, or provider/* for all of them'),
        ("{openai/a*b: {}}", 'gateway.yaml:2:34: catalogue.models["openai/a*b"]: has a * that is not at its end'),
        ("{openai/x: {prices: {}}}", 'gateway.yaml:2:41: catalogue.models["openai/x"].prices: has no price'),
        ("{openai/x: {prices: {image_by: {Low: 1}}}}", "gateway.yaml:2:52: catalogue.models[\"openai/x\"].prices.image_by: has 'Low', which is not words in lower case with a / between them"),
        ("{openai/x: {prices: {input: -1}}}", 'gateway.yaml:2:49: catalogue.models["openai/x"].prices.input: expected dollars such as 2.5 or 0.00015, with nine decimals at most'),
        ("{openai/x: {prices: {input: 1, ouput: 2}}}", 'gateway.yaml:2:52: catalogue.models["openai/x"].prices.ouput: unknown key; did you mean "output"?'),
        ("{openai/x: {context_window: 0}}", 'gateway.yaml:2:49: catalogue.models["openai/x"].context_window: expected a whole number from 1 to 1099511627776'),
    ],
)  # fmt: skip
def test_what_is_known_of_models_that_do_not_exist(tmp_path: Path, text: str, line: str) -> None:
    """The catalogue's entries are of configured providers, and each mistake is told where it stands."""
    assert told(tmp_path, f"providers: {{openai: {{}}}}\ncatalogue: {{models: {text}}}\n") == [line]


def test_shared_answers_need_a_redis(tmp_path: Path) -> None:
    """Answers cannot be kept in a Redis that nobody named; told even while nothing is kept, and once."""
    text = "  a: openai/x\ncache: {backend: redis}\n"
    line = "gateway.yaml:7:18: cache.backend: keeps answers in the Redis of redis.url, and there is none; set redis.url, or cache.backend: memory"
    assert told(tmp_path, BASE + text) == [line]
    assert loaded(tmp_path, BASE + text + "redis: {url: 'redis://127.0.0.1'}\n").cache.backend == "redis"
    (broken,) = told(tmp_path, BASE + text + "redis: {url: 'http://127.0.0.1'}\n")
    assert "redis.url" in broken
    assert "cache" not in broken
