"""Tokens of the service account that this machine, pod or function runs as, from Google's metadata server.

Compute Engine documentation, "Authenticate workloads to Google APIs using service accounts"; GKE's workload identity answers at
the same address. It may be elsewhere for tests and proxies: GCE_METADATA_HOST.
"""

from __future__ import annotations

from urllib.parse import urlencode

from llm_gateway.credentials.bearer import refused, token_of
from llm_gateway.credentials.google.token import Source
from llm_gateway.credentials.means import Means
from llm_gateway.credentials.refreshing import Fetched, Unavailable

_WHAT = "Google's metadata server"
_PATH = "/computeMetadata/v1/instance/service-accounts/default/token"
_FLAVOR = "Metadata-Flavor"


def metadata(means: Means, scopes: tuple[str, ...]) -> Source:
    """Asks the metadata server. It has to say that it is one: another host may answer at its address."""

    async def source() -> Fetched[str]:
        if means.variable("NO_GCE_CHECK").lower() == "true":
            raise Unavailable(f"{_WHAT} is switched off by NO_GCE_CHECK")
        host = means.variable("GCE_METADATA_HOST") or "metadata.google.internal"
        url = f"http://{host}{_PATH}?{urlencode({'scopes': ','.join(scopes)})}"
        answer = await means.http.send(_WHAT, b"GET", url, {_FLAVOR: "Google"}, metadata=True)
        if answer.headers.get(_FLAVOR.lower().encode()) != b"Google":
            raise Unavailable("what answers for the metadata server is not Google's")
        if answer.status == 404:
            raise refused(answer, _WHAT, "the machine or pod has no service account")
        return token_of(answer, _WHAT, means.clock.now())

    return source
