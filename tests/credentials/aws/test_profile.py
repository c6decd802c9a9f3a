"""Profiles of the shared files, compared with botocore where it reads them too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from credentials.aws.test_sts import ARN, answer
from credentials.support import SECRETS, cloud, means, shows_no_secret
from llm_gateway.credentials.aws.profile import from_profile, holds_credentials, profile_name, read_profiles
from llm_gateway.credentials.means import Variables
from llm_gateway.credentials.refreshing import Unavailable
from serving import run

CONFIG = f"""
# a comment
[default]
region = eu-west-1
s3 =
  max_concurrent_requests = 20
[profile base]
aws_access_key_id = AKIACONFIG
aws_secret_access_key = {SECRETS[0]}%(x)s
[profile role]
role_arn = {ARN}
source_profile = base
external_id = {SECRETS[2]}
role_session_name = named
duration_seconds = 1800
region = ap-south-1
[profile two]
role_arn = {ARN}2
source_profile = role
[profile self]
role_arn = {ARN}
source_profile = self
aws_access_key_id = AKIASELF
aws_secret_access_key = s
[profile a]
role_arn = {ARN}
source_profile = b
[profile b]
role_arn = {ARN}
source_profile = a
[profile env]
role_arn = {ARN}
credential_source = Environment
[profile strange]
role_arn = {ARN}
credential_source = Elsewhere
[profile mfa]
role_arn = {ARN}
source_profile = base
mfa_serial = arn:aws:iam::1:mfa/me
[profile lost]
role_arn = {ARN}
source_profile = nobody
[profile long]
role_arn = {ARN}
source_profile = base
duration_seconds = 99999
[profile sso]
sso_session = work
[profile process]
credential_process = {sys.executable} -c 'print({{"a": 1}})'
[sso-session work]
sso_region = us-east-1
"""
KEYS = """
[base]
aws_access_key_id = AKIACREDENTIALS
aws_secret_access_key = from-credentials
aws_session_token = token
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "config").write_text(CONFIG)
    (tmp_path / "credentials").write_text(KEYS)
    return {"AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials")}


def test_both_files_are_one(environ):
    """The credentials file wins; sections that are no profiles are left out; nothing in a value is filled in."""
    profiles = read_profiles(Variables(environ))
    assert profiles["base"]["aws_access_key_id"] == "AKIACREDENTIALS"
    assert profiles["default"]["region"] == "eu-west-1"
    assert "sso-session work" not in profiles
    del environ["AWS_SHARED_CREDENTIALS_FILE"]
    assert read_profiles(Variables(environ))["base"]["aws_secret_access_key"] == f"{SECRETS[0]}%(x)s"
    assert [holds_credentials(profiles.get(name)) for name in ("base", "default", "none")] == [True, False, False]


def test_botocore_reads_the_same(environ, monkeypatch):
    """Every key of every profile, nested ones aside."""
    session = pytest.importorskip("botocore.session")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    theirs = session.Session().full_config["profiles"]
    ours = read_profiles(Variables(environ))
    assert set(theirs) == set(ours)
    for name, profile in theirs.items():
        assert {key: value for key, value in profile.items() if isinstance(value, str)} == {
            key: value for key, value in ours[name].items() if key != "s3"
        }


def test_where_the_files_are(tmp_path):
    """In ~/.aws, unless variables say otherwise; without any there are no profiles."""
    folder = tmp_path / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text(KEYS)
    assert list(read_profiles(Variables({"HOME": str(tmp_path)}))) == ["base"]
    assert read_profiles(Variables({})) == {}
    assert profile_name(Variables({})) == "default"
    assert profile_name(Variables({"AWS_PROFILE": "a", "AWS_DEFAULT_PROFILE": "b"})) == "a"
    assert profile_name(Variables({"AWS_DEFAULT_PROFILE": "b"})) == "b"


def test_files_that_are_none(tmp_path):
    """Said so, without their content."""
    file = tmp_path / "config"
    for content in (b"SECRET-KEY-0123 = 1\n", b"[default\nx = SECRET-KEY-0123", b"\xff\xfe[d]", b"[default]\nSECRET-KEY-0123"):
        file.write_bytes(content)
        with pytest.raises(Unavailable, match="the AWS config file cannot be understood") as caught:
            read_profiles(Variables({"AWS_CONFIG_FILE": str(file)}))
        shows_no_secret(caught.value)


def change(environ: dict[str, str]) -> None:
    Path(environ["AWS_SHARED_CREDENTIALS_FILE"]).write_text(KEYS.replace("AKIACREDENTIALS", "AKIANEW"))


def test_keys_of_a_profile(environ):
    """As written, read anew for each fetch."""

    async def test() -> None:
        async with means(environ) as m:
            source = from_profile(m, "base", None)
            keys = (await source()).value
            assert (keys.access_key, keys.session_token) == ("AKIACREDENTIALS", "token")
            change(environ)
            assert (await source()).value.access_key == "AKIANEW"

    run(test)


def test_a_role_and_one_behind_it(environ):
    """Each step is signed with the keys of the one before; what the profile says of the role is asked for."""

    async def test() -> None:
        async with cloud() as c, means(environ) as m:
            c.answer("/", answer(m.clock))
            assert (await from_profile(m, "two", "eu-west-1", c.url)()).value.access_key == "ASIAROLE"
            first, second = c.seen
            assert first.form | {"Version": "", "Action": ""} == {
                "Version": "",
                "Action": "",
                "RoleArn": ARN,
                "RoleSessionName": "named",
                "DurationSeconds": "1800",
                "ExternalId": SECRETS[2],
            }
            assert "Credential=AKIACREDENTIALS/" in first.headers["authorization"]
            assert "/ap-south-1/sts/" in first.headers["authorization"]
            assert second.form["RoleArn"] == f"{ARN}2"
            assert "Credential=ASIAROLE/" in second.headers["authorization"]
            assert "/eu-west-1/sts/" in second.headers["authorization"]

    run(test)


def test_where_a_role_takes_its_credentials(environ):
    """Its own keys, or the environment's."""

    async def test() -> None:
        keys = {"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "s"}
        async with cloud() as c, means({**environ, **keys}) as m:
            c.answer("/", answer(m.clock))
            for name, signer in (("self", "AKIASELF"), ("env", "AKIAENV")):
                await from_profile(m, name, None, c.url)()
                assert f"Credential={signer}/" in c.seen[-1].headers["authorization"]

    run(test)


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("a", "leads back to itself"),
        ("none", "no AWS profile of the name"),
        ("lost", "no AWS profile of the name"),
        ("strange", "needs source_profile, or credential_source"),
        ("env", "are not both set"),
        ("mfa", "MFA code"),
        ("long", "from 900 to 43200"),
        ("sso", "credential_process"),
        ("default", "holds no credentials"),
        ("process", "did not print the expected JSON"),
    ],
)
def test_profiles_that_cannot_work(environ, name, match):
    """Each says what is missing."""

    async def test() -> None:
        async with means(environ) as m:
            with pytest.raises(Unavailable, match=match) as caught:
                await from_profile(m, name, None, "http://127.0.0.1:1")()
            shows_no_secret(caught.value)

    run(test)
