"""Which Google credentials are meant: what the configuration says, and application default credentials where it says nothing.

Their order (Google Cloud documentation, "How Application Default Credentials works"): the file that
GOOGLE_APPLICATION_CREDENTIALS names; the one that gcloud leaves in its folder; the metadata server. Files are read for each
fetch: they are rotated.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from llm_gateway.config.schema.credentials import Google
from llm_gateway.credentials.bearer import FetchLines
from llm_gateway.credentials.google.document import quota_project_in, source_in
from llm_gateway.credentials.google.metadata import metadata
from llm_gateway.credentials.google.token import CLOUD, Source, impersonated, impersonation_url, lines_of
from llm_gateway.credentials.means import Means, read_file
from llm_gateway.credentials.refreshing import Fetched, Unavailable

VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
WHAT_FILE = "google.credentials_file"
_FILE = "application_default_credentials.json"


def fetch_of(said: Google, means: Means) -> FetchLines:
    """Fetches the header lines that a provider's section `google` describes."""
    email, scopes, payer = said.service_account, said.scopes, said.quota_project

    async def fetch() -> Fetched[bytes]:
        source, project = await _source(said, means, (CLOUD,) if email else scopes)
        if email:
            source = impersonated(means, source, impersonation_url(email), scopes)
        return await lines_of(source, payer or project)()

    return fetch


async def _source(said: Google, means: Means, scopes: tuple[str, ...]) -> tuple[Source, str | None]:
    if said.credentials_json is not None:
        return _read(means, said.credentials_json.reveal().encode(), scopes, "google.credentials_json")
    if said.credentials_file is not None:
        return _read(means, await read_file(said.credentials_file, WHAT_FILE), scopes, WHAT_FILE)
    if file := means.variable(VARIABLE):
        what = f"the file that {VARIABLE} names"
        return _read(means, await read_file(file, what), scopes, what)
    folder = means.variable("CLOUDSDK_CONFIG") or means.home(".config", "gcloud")
    known = str(Path(folder, _FILE)) if folder else ""
    there = await asyncio.to_thread(_is_file, known)
    if there:
        what = "gcloud's application default credentials file"
        return _read(means, await read_file(known, what), scopes, what)
    return _here(means, scopes), None


def _read(means: Means, document: bytes, scopes: tuple[str, ...], what: str) -> tuple[Source, str | None]:
    return source_in(means, document, scopes, what), quota_project_in(document, what)


def _here(means: Means, scopes: tuple[str, ...]) -> Source:
    source = metadata(means, scopes)

    async def explained() -> Fetched[str]:
        try:
            return await source()
        except Unavailable as error:
            raise Unavailable(
                f"there is no google.credentials_file, {VARIABLE} is not set, gcloud left no credentials, and {error}"
            ) from None

    return explained


def _is_file(path: str) -> bool:
    return bool(path) and Path(path).is_file()
