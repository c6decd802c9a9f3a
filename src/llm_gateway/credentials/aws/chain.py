"""Which AWS credentials are meant: what the configuration says, and the usual order where it says nothing.

The order: the environment's keys; its web identity (EKS: IRSA); the profile of the shared files; the container (ECS, EKS pod
identity); the instance. What is found first counts: if it fails, the next is not tried, so that nobody acts as someone else.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from llm_gateway.config.schema.credentials import Aws
from llm_gateway.credentials.aws.container import from_container, in_container
from llm_gateway.credentials.aws.instance import from_instance
from llm_gateway.credentials.aws.keys import Source, credentials, fixed, from_environment
from llm_gateway.credentials.aws.profile import from_named, from_profile, holds_credentials, profile_name, read_profiles, resolve
from llm_gateway.credentials.aws.sigv4 import Credentials
from llm_gateway.credentials.aws.sts import Role, assumed, with_web_identity
from llm_gateway.credentials.means import Means
from llm_gateway.credentials.refreshing import Fetched, Unavailable


def source_of(said: Aws, region: str, means: Means) -> Source:
    """What a provider's section `aws` describes. Raises Unavailable for what can never work."""
    role = Role(
        said.role_arn or "",
        region,
        said.role_session_name or means.variable("AWS_ROLE_SESSION_NAME"),
        said.external_id.reveal() if said.external_id else None,
        int(said.role_duration),
        said.sts_endpoint or means.variable("AWS_ENDPOINT_URL_STS") or None,
    )
    if said.role_arn and said.web_identity_token_file:
        return with_web_identity(means, role, said.web_identity_token_file)
    base = _base(said, role, means)
    return assumed(means, role, base) if said.role_arn else base


def _base(said: Aws, role: Role, means: Means) -> Source:
    if said.access_key_id and said.secret_access_key:
        token = said.session_token.reveal() if said.session_token else None
        return fixed(credentials(said.access_key_id, said.secret_access_key.reveal(), token, "aws.access_key_id"))
    if said.profile:
        return from_profile(means, said.profile, role.region, role.url)
    if said.credential_source:
        return from_named(means, said.credential_source)
    return usual(means, role)


def usual(means: Means, role: Role) -> Source:
    """The usual order. `role` has the region and the address of STS."""

    async def source() -> Fetched[Credentials]:
        keys = from_environment(means)
        if keys is not None:
            return Fetched(keys)
        arn, file = means.variable("AWS_ROLE_ARN"), means.variable("AWS_WEB_IDENTITY_TOKEN_FILE")
        if arn and file:
            return await with_web_identity(means, replace(role, arn=arn, external_id=None, seconds=3600), file)()
        profiles = await asyncio.to_thread(read_profiles, means)
        name = profile_name(means)
        if name != "default" or holds_credentials(profiles.get(name)):
            return await resolve(means, profiles, name, role)()
        if in_container(means):
            return await from_container(means)()
        try:
            return await from_instance(means)()
        except Unavailable as error:
            raise Unavailable(
                "there are none in the environment (AWS_ACCESS_KEY_ID), no web identity, no profile with credentials and no"
                f" container role, and {error}"
            ) from None

    return source
