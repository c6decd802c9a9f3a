"""Roles, against a server that plays STS, and botocore's own requests."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.support import SECRETS, Cloud, at, cloud, means, shows_no_secret
from llm_gateway.credentials.aws.keys import fixed
from llm_gateway.credentials.aws.sigv4 import Credentials, Signer, Unsigned
from llm_gateway.credentials.aws.sts import Role, assumed, texts, with_web_identity
from llm_gateway.credentials.refreshing import Unavailable
from serving import run

ARN = "arn:aws:iam::123456789012:role/path/My=Role"
BASE = Credentials("AKIABASE", SECRETS[0], "base-token")
BILLION = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><x><Code>&b;</Code></x>'
OUTSIDE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><x><AccessKeyId>&a;</AccessKeyId></x>'


def answer(clock, action: str = "AssumeRole", seconds: float = 3600) -> tuple[int, bytes, bytes]:
    document = f"""<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <{action}Result>
    <AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/x/y</Arn><AssumedRoleId>AROA:y</AssumedRoleId></AssumedRoleUser>
    <Credentials>
      <AccessKeyId>ASIAROLE</AccessKeyId>
      <SecretAccessKey>{SECRETS[0]}+/role</SecretAccessKey>
      <SessionToken>{SECRETS[1]}==</SessionToken>
      <Expiration>{at(clock, seconds)}</Expiration>
    </Credentials>
  </{action}Result>
  <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
</{action}Response>"""
    return 200, b"Content-Type: text/xml\r\n", document.encode()


def failure(code: str, status: int = 403) -> tuple[int, bytes, bytes]:
    body = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{SECRETS[0]}</Message></Error></ErrorResponse>"
    return status, b"Content-Type: text/xml\r\n", body.encode()


def by_botocore(action: str, **arguments: object) -> tuple[dict[str, str], dict[str, str], str]:
    """The form, the headers and the URL that botocore would send."""
    session = pytest.importorskip("botocore.session").Session()
    session.set_credentials("AKIABASE", SECRETS[0], "base-token")
    client = session.create_client("sts", region_name="eu-central-1")
    caught = []

    def stop(request, **_: object):
        caught.append(request)
        raise KeyboardInterrupt

    client.meta.events.register("before-send.sts", stop)
    with pytest.raises(KeyboardInterrupt):
        getattr(client, action)(**arguments)
    request = caught[0]
    headers = {name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()}
    body = request.body if isinstance(request.body, str) else request.body.decode()
    return dict(parse_qsl(body)), headers, request.url


def test_a_role_is_assumed():
    """Signed with the credentials of its base, for the service sts; its own keys come back with their end."""

    async def test() -> None:
        async with cloud() as c, means() as m:
            c.answer("/", answer(m.clock))
            role = Role(ARN, "eu-central-1", "a-session", SECRETS[2], 900, c.url)
            fetched = await assumed(m, role, fixed(BASE))()
            assert (fetched.value.access_key, fetched.lifetime) == ("ASIAROLE", 3600)
            assert fetched.value == Credentials("ASIAROLE", f"{SECRETS[0]}+/role", f"{SECRETS[1]}==")
            seen = c.seen[0]
            again = Unsigned("POST", seen.headers["host"], "/", seen.body, headers={"Content-Type": seen.headers["content-type"]})
            expected = Signer("eu-central-1", "sts").sign(BASE, again, m.clock.now()).decode()
            assert f"Authorization: {seen.headers['authorization']}\r\n" in expected

    run(test)


def test_botocore_asks_alike():
    """The same form fields and signed headers, at the region's endpoint."""

    async def test() -> None:
        async with cloud() as c, means() as m:
            c.answer("/", answer(m.clock))
            role = Role(ARN, "eu-central-1", "a-session", SECRETS[2], 900, c.url)
            await assumed(m, role, fixed(BASE))()
            form, headers, url = by_botocore(
                "assume_role", RoleArn=ARN, RoleSessionName="a-session", ExternalId=SECRETS[2], DurationSeconds=900
            )
            seen = c.seen[0]
            assert seen.form == form
            assert seen.headers["content-type"] == headers["content-type"]
            names = [one["authorization"].partition("SignedHeaders=")[2].partition(",")[0] for one in (seen.headers, headers)]
            assert names[0] == names[1]
            assert Role(ARN, "eu-central-1").address() == url.rstrip("/")

    run(test)


def test_a_web_identity(tmp_path):
    """Nothing is signed; the token's file is read each time, as botocore sends it."""

    async def test() -> None:
        file = tmp_path / "token"
        async with cloud() as c, means() as m:
            c.answer("/", answer(m.clock, "AssumeRoleWithWebIdentity"))
            source = with_web_identity(m, Role(ARN, "eu-central-1", "name", url=c.url), str(file))
            for token in ("a.b.c", "d.e.f"):
                file.write_text(token + "\n")
                assert (await source()).value.access_key == "ASIAROLE"
            assert [seen.form["WebIdentityToken"] for seen in c.seen] == ["a.b.c", "d.e.f"]
            assert "authorization" not in c.seen[0].headers
            form, _, _ = by_botocore(
                "assume_role_with_web_identity",
                RoleArn=ARN,
                RoleSessionName="name",
                WebIdentityToken="a.b.c",
                DurationSeconds=3600,
            )
            assert c.seen[0].form == form

    run(test)


def test_a_session_has_a_name():
    """One that the time makes, when none is said."""
    assert Role(ARN).fields("AssumeRole", 1_700_000_000.5)["RoleSessionName"] == "llm-gateway-1700000000"


def test_without_a_region_it_is_the_global_one():
    """us-east-1, as STS has always been."""
    assert Role(ARN).address() == "https://sts.us-east-1.amazonaws.com"
    assert Role(ARN, "cn-north-1").address() == "https://sts.cn-north-1.amazonaws.com.cn"


def refuse(c: Cloud, reply: tuple[int, bytes, bytes], match: str):
    async def ask(m) -> None:
        c.answer("/", reply)
        with pytest.raises(Unavailable, match=match) as caught:
            await assumed(m, Role(ARN, url=c.url), fixed(BASE))()
        shows_no_secret(caught.value)

    return ask


def test_refusals_say_what_to_do():
    """By AWS's code; its message, which can hold anything, is not repeated."""

    async def test() -> None:
        async with cloud() as c, means() as m:
            await refuse(c, failure("AccessDenied"), r"answered 403 \(AccessDenied\): the role's trust policy")(m)
            await refuse(c, failure("SignatureDoesNotMatch"), "the secret access key is wrong")(m)
            await refuse(c, failure("Throttling", 400), r"answered 400 \(Throttling\)")(m)
            await refuse(c, failure("a sentence " + SECRETS[0]), "answered 403$")(m)

    run(test)


def test_answers_that_are_none():
    """HTML, half an answer, entities, and what has no credentials in it."""

    async def test() -> None:
        async with cloud() as c, means() as m:
            for body in (b"", b"<html><body>hi", b"\xff\xfe\x00", b'{"AccessKeyId": "x"}'):
                await refuse(c, (200, b"", body), "not XML")(m)
            for body in (BILLION, OUTSIDE):
                await refuse(c, (200, b"", body), "not its own")(m)
            await refuse(c, (200, b"", b"<a><b>c</b></a>"), "without credentials")(m)
            late = answer(m.clock, seconds=-60)
            c.answer("/", late)
            assert (await assumed(m, Role(ARN, url=c.url), fixed(BASE))()).lifetime == -60
            await refuse(c, (200, b"", late[2].replace(b"<Expiration>", b"<Expiration>x")), "no moment in time")(m)

    run(test)


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: f"<a><b>{text}</b></a>".encode()))
def test_any_bytes(data):
    """A text for each name, or Unavailable: nothing else."""
    try:
        found = texts(data)
    except Unavailable:
        return
    assert all(isinstance(text, str) for text in found.values())


def test_elements_in_elements():
    """Each has its own text; of several with one name the first counts; namespaces do not."""
    assert texts(b"<a:x><b>1</b> y <b>2</b></a:x>") == {"b": "1", "x": "y"}
