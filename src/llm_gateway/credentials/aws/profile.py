"""Profiles of the shared files ~/.aws/config and ~/.aws/credentials (AWS SDKs and Tools reference guide, "Shared config and
credentials files"). They are read for each fetch, so that a change of them needs no restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from configparser import Error as NotIni
from configparser import RawConfigParser
from pathlib import Path

from llm_gateway.credentials.aws.container import from_container
from llm_gateway.credentials.aws.instance import from_instance
from llm_gateway.credentials.aws.keys import Source, credentials, fixed, from_environment
from llm_gateway.credentials.aws.process import from_process
from llm_gateway.credentials.aws.sigv4 import Credentials
from llm_gateway.credentials.aws.sts import Role, assumed, with_web_identity
from llm_gateway.credentials.means import LARGEST_FILE, Means, Variables
from llm_gateway.credentials.refreshing import Fetched, Unavailable

Profile = Mapping[str, str]
Profiles = Mapping[str, Profile]

LONGEST_CHAIN = 5
"""Roles behind each other."""
SOURCES = ("Environment", "Ec2InstanceMetadata", "EcsContainer")
"""What `credential_source` may say."""
_HOLDS = ("role_arn", "aws_access_key_id", "credential_process", "sso_session", "sso_start_url")


def profile_name(means: Variables) -> str:
    """The profile that the environment names, or the default one."""
    return means.variable("AWS_PROFILE") or means.variable("AWS_DEFAULT_PROFILE") or "default"


def read_profiles(means: Variables) -> Profiles:
    """Both files as one, the credentials file first. Reads from disk. Raises Unavailable for a file that cannot be understood."""
    found: dict[str, dict[str, str]] = {}
    config = means.variable("AWS_CONFIG_FILE") or means.home(".aws", "config")
    for section, values in _parse(config, "the AWS config file").items():
        kind, _, name = section.partition(" ")
        if section == "default" or kind == "profile":
            found.setdefault(name.strip() or "default", {}).update(values)
    keys = means.variable("AWS_SHARED_CREDENTIALS_FILE") or means.home(".aws", "credentials")
    for section, values in _parse(keys, "the AWS credentials file").items():
        found.setdefault(section, {}).update(values)
    return found


def holds_credentials(profile: Profile | None) -> bool:
    """Whether a profile says where credentials are, and is not there for its region alone."""
    return profile is not None and any(key in profile for key in _HOLDS)


def from_profile(means: Means, name: str, region: str | None, sts_url: str | None = None) -> Source:
    """What the profile says, wherever that leads."""

    async def source() -> Fetched[Credentials]:
        profiles = await asyncio.to_thread(read_profiles, means)
        return await resolve(means, profiles, name, Role("", region, url=sts_url))()

    return source


def resolve(means: Means, profiles: Profiles, name: str, base: Role, seen: tuple[str, ...] = ()) -> Source:
    """The source that a profile describes. `base`: the region and STS address for roles. Raises Unavailable."""
    profile = profiles.get(name)
    if profile is None:
        raise Unavailable("there is no AWS profile of the name that is configured")
    if name in seen or len(seen) >= LONGEST_CHAIN:
        raise Unavailable("the source_profile of an AWS profile leads back to itself, or through too many others")
    role_arn = profile.get("role_arn")
    if not role_arn:
        return _own(means, profile)
    role = Role(
        role_arn,
        profile.get("region") or base.region,
        profile.get("role_session_name", ""),
        profile.get("external_id"),
        _seconds(profile),
        base.url,
    )
    if token_file := profile.get("web_identity_token_file"):
        return with_web_identity(means, role, token_file)
    if "mfa_serial" in profile:
        raise Unavailable("an AWS profile asks for an MFA code, which nobody is there to type")
    origin = profile.get("source_profile")
    if origin == name:  # its own keys assume its own role
        return assumed(means, role, _own(means, profile))
    if origin:
        return assumed(means, role, resolve(means, profiles, origin, base, (*seen, name)))
    return assumed(means, role, from_named(means, profile.get("credential_source", "")))


def from_named(means: Means, credential_source: str) -> Source:
    """What `credential_source` means. Raises Unavailable."""
    match credential_source:
        case "Environment":
            return _environment(means)
        case "Ec2InstanceMetadata":
            return from_instance(means)
        case "EcsContainer":
            return from_container(means)
    raise Unavailable(f"an AWS profile with role_arn needs source_profile, or credential_source with one of {', '.join(SOURCES)}")


def _environment(means: Means) -> Source:
    keys = from_environment(means)
    if keys is None:
        raise Unavailable("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set")
    return fixed(keys)


def _own(means: Means, profile: Profile) -> Source:
    access, secret = profile.get("aws_access_key_id", ""), profile.get("aws_secret_access_key", "")
    if access and secret:
        return fixed(credentials(access, secret, profile.get("aws_session_token"), "the AWS profile"))
    if command := profile.get("credential_process"):
        return from_process(means, command)
    if "sso_session" in profile or "sso_start_url" in profile:
        raise Unavailable(
            "the AWS profile uses SSO, which needs a person: give it a credential_process"
            " such as aws configure export-credentials --profile NAME --format process"
        )
    raise Unavailable("the AWS profile holds no credentials")


def _seconds(profile: Profile) -> int:
    said = profile.get("duration_seconds", "3600")
    if not said.isdecimal() or not said.isascii() or not 900 <= int(said[:6]) <= 43_200:
        raise Unavailable("duration_seconds of an AWS profile must be from 900 to 43200")
    return int(said)


def _parse(path: str, what: str) -> dict[str, dict[str, str]]:
    try:
        file = Path(path)
        if not path or not file.is_file():
            return {}
        with file.open("rb") as opened:
            text = opened.read(LARGEST_FILE).decode()
        parser = RawConfigParser(default_section="", strict=False)
        parser.read_string(text)
        return {section: {key: value.strip() for key, value in parser.items(section)} for section in parser.sections()}
    except OSError as error:
        raise Unavailable(f"{what} cannot be read: {error.strerror or 'no reason given'}") from None
    except (NotIni, ValueError):
        raise Unavailable(f"{what} cannot be understood") from None
