"""Roles: AssumeRole and AssumeRoleWithWebIdentity of the Security Token Service (API version 2011-06-15)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import urlencode
from xml.parsers import expat

from llm_gateway.credentials.aws.keys import Source, credentials
from llm_gateway.credentials.aws.region import endpoint
from llm_gateway.credentials.aws.sigv4 import Credentials, Signer, Unsigned
from llm_gateway.credentials.bearer import until
from llm_gateway.credentials.fetch import Answer, address
from llm_gateway.credentials.means import Means, read_secret
from llm_gateway.credentials.refreshing import Fetched, Unavailable

WHAT = "AWS STS"
_VERSION = "2011-06-15"
_FORM = "application/x-www-form-urlencoded; charset=utf-8"
_GLOBAL = "us-east-1"
_WORD = re.compile(r"[A-Za-z_.]{1,48}")
_MEANS: Mapping[str, str] = MappingProxyType(
    {
        "AccessDenied": "the role's trust policy does not let these credentials assume it",
        "InvalidIdentityToken": "the web identity token is not one that the role's identity provider accepts",
        "ExpiredTokenException": "the web identity token's file holds one that has expired",
        "ExpiredToken": "the credentials that assume the role have expired",
        "InvalidClientTokenId": "the access key does not exist",
        "SignatureDoesNotMatch": "the secret access key is wrong, or this machine's clock is",
    }
)


@dataclass(frozen=True)
class Role:
    """What to assume, where. `session` "": made from the time."""

    arn: str
    region: str | None = None
    session: str = ""
    external_id: str | None = field(default=None, repr=False)
    seconds: int = 3600
    url: str | None = None
    """Another endpoint than the region's."""

    def address(self) -> str:
        return self.url or endpoint("sts", self.region or _GLOBAL)

    def fields(self, action: str, now: float) -> dict[str, str]:
        """The parameters of a request."""
        said = {
            "Action": action,
            "Version": _VERSION,
            "RoleArn": self.arn,
            "RoleSessionName": self.session or f"llm-gateway-{int(now)}",
            "DurationSeconds": str(self.seconds),
        }
        return said if self.external_id is None else {**said, "ExternalId": self.external_id}


def assumed(means: Means, role: Role, base: Source) -> Source:
    """A role, assumed with the credentials of `base`, which are fetched anew each time."""

    async def source() -> Fetched[Credentials]:
        keys = (await base()).value
        now = means.clock.now()
        body = urlencode(role.fields("AssumeRole", now)).encode()
        origin, target = address(role.address(), WHAT)
        unsigned = Unsigned("POST", origin.authority.decode(), target.decode(), body, headers={"Content-Type": _FORM})
        lines = Signer(role.region or _GLOBAL, "sts").sign(keys, unsigned, now).decode("latin-1")
        signed = dict(line.split(": ", 1) for line in lines.split("\r\n") if line)
        answer = await means.http.send(WHAT, b"POST", role.address(), {"Content-Type": _FORM, **signed}, body)
        return _keys(answer, means.clock.now())

    return source


def with_web_identity(means: Means, role: Role, token_file: str) -> Source:
    """A role, assumed with the token of a file (EKS: IRSA), which is read each time: it is rotated. Nothing is signed."""

    async def source() -> Fetched[Credentials]:
        token = await read_secret(token_file, "the web identity token's file")
        fields = {**role.fields("AssumeRoleWithWebIdentity", means.clock.now()), "WebIdentityToken": token}
        fields.pop("ExternalId", None)  # it has no such parameter
        answer = await means.http.send(WHAT, b"POST", role.address(), {"Content-Type": _FORM}, urlencode(fields).encode())
        return _keys(answer, means.clock.now())

    return source


def _keys(answer: Answer, now: float) -> Fetched[Credentials]:
    found = texts(answer.body)
    if answer.status != 200:
        code = found.get("Code", "")
        shown = f" ({code})" if _WORD.fullmatch(code) else ""
        hint = _MEANS.get(code)
        raise Unavailable(f"{WHAT} answered {answer.status}{shown}" + (f": {hint}" if hint else ""))
    try:
        made = credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"], WHAT)
        return Fetched(made, until(found["Expiration"], WHAT, now))
    except KeyError:
        raise Unavailable(f"{WHAT} gave an answer without credentials") from None


def texts(document: bytes) -> dict[str, str]:
    """The text of each element that has one, by name without its namespace; the first of a name counts.

    A document type, and with it every entity of its own, is refused (CWE-776, CWE-611): an answer of STS has none. Raises
    Unavailable.
    """
    found: dict[str, str] = {}
    stack: list[list[str]] = []
    parser = expat.ParserCreate()

    def begin(_name: str, _attributes: dict[str, str]) -> None:
        stack.append([])

    def text(data: str) -> None:
        if stack:
            stack[-1].append(data)

    def end(name: str) -> None:
        found.setdefault(name.rpartition(":")[2], "".join(stack.pop()).strip())

    def refuse(*_: object) -> None:
        raise Unavailable(f"{WHAT} gave an answer that is not its own")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = begin, end, text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(document, True)
    except expat.ExpatError:
        raise Unavailable(f"{WHAT} gave an answer that is not XML") from None
    return found
