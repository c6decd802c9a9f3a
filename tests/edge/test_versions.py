from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from llm_gateway.core.errors import NotFound, VersionSunset
from llm_gateway.edge.versions import Deprecation, Versions

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()
CHAT = b"/chat/completions"


def resolve(versions: Versions, path: bytes, now: float = NOW, **headers: bytes):
    given = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    resolved = versions.resolve(path, given, now)
    return resolved.path, resolved.headers


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        (b"/v1/chat/completions", {}, b"/v1/chat/completions"),
        (b"/v1/no/such/thing", {}, b"/v1/no/such/thing"),
        (b"/v2/chat/completions", {"x_api_version": b"v1"}, b"/v2/chat/completions"),
        (b"/v1/chat/completions", {"x_api_version": b"v99"}, b"/v1/chat/completions"),
        (CHAT, {}, b"/v2/chat/completions"),
        (CHAT, {"x_api_version": b"v1"}, b"/v1/chat/completions"),
        (CHAT, {"x_api_version": b" V1 "}, b"/v1/chat/completions"),
        (CHAT, {"x_api_version": b"2"}, b"/v2/chat/completions"),
        (b"/models/openai/gpt-4o", {"x_api_version": b"v1"}, b"/v1/models/openai/gpt-4o"),
        (b"/health", {"x_api_version": b"v99"}, b"/health"),
        (b"/v1", {}, b"/v1"),
        (b"/v1beta/models", {}, b"/v1beta/models"),
        (b"/", {}, b"/"),
    ],
)
@pytest.mark.parametrize("active", [False, True])
def test_which_version(path, headers, expected, active):
    """The path wins over the header, no version means the latest, and paths that have no version keep their name."""
    deprecations = {1: Deprecation(deprecated=date(2030, 1, 1))} if active else None
    assert resolve(Versions((1, 2), deprecations), path, **headers)[0] == expected


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (b"/v3/chat/completions", {}),
        (b"/v0/health", {}),
        (b"/v01/models", {}),
        (b"/v99999999999999999999999/models", {}),
        (CHAT, {"x_api_version": b"v3"}),
        (CHAT, {"x_api_version": b""}),
        (CHAT, {"x_api_version": b"latest"}),
        (CHAT, {"x_api_version": b"\xff"}),
        (b"/models", {"x_api_version": b"2024-01-01"}),
    ],
)
def test_an_unknown_version_is_404(path, headers):
    """A version that is not there gives 404, and the details say which ones are."""
    with pytest.raises(NotFound) as caught:
        resolve(Versions((2, 1)), path, **headers)
    assert caught.value.status == 404
    assert caught.value.details == {"supported_versions": ["v1", "v2"]}


GUIDE = "https://docs.example/v2"
DEPRECATED = Versions((1, 2), {1: Deprecation(date(2026, 1, 1), date(2026, 9, 1), GUIDE)})


def test_a_deprecated_version_says_so():
    """Its answers carry Sunset (RFC 8594), Deprecation (RFC 9745), the guide and a warning, by path and by header alike."""
    expected = (
        b"Sunset: Tue, 01 Sep 2026 00:00:00 GMT\r\n"
        b"Deprecation: @1767225600\r\n"
        b'Link: <https://docs.example/v2>; rel="deprecation"; type="text/html"\r\n'
        b'Warning: 299 - "Version v1 of this API is deprecated and will be refused from 2026-09-01 on."\r\n'
    )
    assert DEPRECATED.active
    assert resolve(DEPRECATED, b"/v1/models") == (b"/v1/models", expected)
    assert resolve(DEPRECATED, b"/models", x_api_version=b"v1") == (b"/v1/models", expected)


def test_other_versions_and_paths_do_not():
    """The latest version and the unversioned paths carry nothing."""
    assert resolve(DEPRECATED, b"/v2/models") == (b"/v2/models", b"")
    assert resolve(DEPRECATED, b"/models") == (b"/v2/models", b"")
    assert resolve(DEPRECATED, b"/health") == (b"/health", b"")


def test_a_deprecation_to_come_is_announced_without_a_warning():
    """Before the day the lines name it (RFC 9745 allows that), but nothing claims that it has come."""
    before = datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
    lines = resolve(DEPRECATED, b"/v1/models", before)[1]
    assert b"Deprecation: @1767225600\r\n" in lines
    assert b"Warning" not in lines


def test_what_is_not_configured_is_not_said():
    """Without dates and guide only the warning is left."""
    lines = resolve(Versions((1, 2), {1: Deprecation()}), b"/v1/models")[1]
    assert lines == b'Warning: 299 - "Version v1 of this API is deprecated."\r\n'


AFTER = datetime(2026, 9, 1, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(("path", "headers"), [(b"/v1/models", {}), (b"/models", {"x_api_version": b"v1"})])
def test_after_its_sunset_a_version_is_gone(path, headers):
    """From the first second of the day on: 410, with the day, the current version and the guide."""
    assert resolve(DEPRECATED, path, AFTER - 1, **headers)[0] == b"/v1/models"
    with pytest.raises(VersionSunset) as caught:
        resolve(DEPRECATED, path, AFTER, **headers)
    assert (caught.value.status, caught.value.code) == (410, "api_version_sunset")
    assert caught.value.details == {"sunset_date": "2026-09-01", "current_version": "v2", "migration_guide": GUIDE}


def test_upgrade_auto_moves_to_the_latest():
    """Who asked to be moved (X-API-Version-Upgrade: auto) is moved after the sunset, and not before."""
    assert resolve(DEPRECATED, b"/v1/models", AFTER, x_api_version_upgrade=b"Auto")[0] == b"/v2/models"
    assert resolve(DEPRECATED, b"/v1/models", AFTER - 1, x_api_version_upgrade=b"auto")[0] == b"/v1/models"
    with pytest.raises(VersionSunset):
        resolve(DEPRECATED, b"/v1/models", AFTER, x_api_version_upgrade=b"no")


def test_the_only_version_cannot_be_upgraded():
    """Where there is nothing newer, auto is refused too, instead of being answered by what is gone."""
    versions = Versions((1,), {1: Deprecation(sunset=date(2026, 9, 1))})
    with pytest.raises(VersionSunset):
        resolve(versions, b"/v1/models", AFTER, x_api_version_upgrade=b"auto")


@pytest.mark.parametrize("guide", ["https://a b", "https://a\r\nX: y", "https://a>;b", 'https://a"', "https://ä.example"])
def test_a_guide_that_would_break_the_line_is_refused(guide):
    """The URL of the guide cannot add lines or parameters."""
    with pytest.raises(ValueError, match="guide"):
        Versions((1,), {1: Deprecation(guide=guide)})
