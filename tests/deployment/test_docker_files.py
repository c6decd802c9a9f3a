"""deployment/docker as its checkers see it: Dockerfiles, scripts, and what an image may hold."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "deployment" / "docker"
FILES = ("Dockerfile", "Dockerfile.distroless")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.deployment
@pytest.mark.parametrize("name", FILES)
def test_hadolint_has_nothing_to_say(tool: Callable[[str], str], name: str) -> None:
    """Not even at the level `style`."""
    done = run(tool("hadolint"), "--no-color", str(DOCKER / name))
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.deployment
@pytest.mark.parametrize(("old", "new", "rule"), [
    ("RUN sh deployment/docker/install.sh dependencies /opt/llm-gateway", "RUN pip install llm-gateway", "DL3013"),
    ("USER 1000:1000", "USER root", "DL3002"),
    ('CMD ["serve"', 'CMD ["serve"]\nCMD ["serve"', "DL4003"),
])  # fmt: skip
def test_hadolint_notices(tool: Callable[[str], str], tmp_path: Path, old: str, new: str, rule: str) -> None:
    """A mistake that is planted is found."""
    text = (DOCKER / "Dockerfile").read_text()
    assert old in text
    (tmp_path / "Dockerfile").write_text(text.replace(old, new))
    done = run(tool("hadolint"), "--no-color", str(tmp_path / "Dockerfile"))
    assert done.returncode != 0
    assert rule in done.stdout


@pytest.mark.deployment
@pytest.mark.parametrize("name", ["install.sh", "make-env.sh"])
def test_shellcheck_has_nothing_to_say(tool: Callable[[str], str], name: str) -> None:
    """Of the scripts; a planted mistake is found."""
    assert run(tool("shellcheck"), str(DOCKER / name)).stdout == ""
    planted = subprocess.run(
        [tool("shellcheck"), "-"], input="#!/bin/sh\nrm -rf $1/x\n", capture_output=True, text=True, check=False, timeout=60
    )
    assert "SC2086" in planted.stdout


@pytest.mark.deployment
@pytest.mark.timeout(180)
def test_checkov_has_nothing_to_say(tool: Callable[[str], str], tmp_path: Path) -> None:
    """Its policies for images hold: a user, a health check; and it notices where one does not."""
    for name in FILES:
        (tmp_path / f"{name}.Dockerfile").write_text((DOCKER / name).read_text())
    command = (
        tool("checkov"),
        "--framework",
        "dockerfile",
        "--quiet",
        "--compact",
        "--skip-download",
        "--directory",
        str(tmp_path),
    )
    done = run(*command)
    assert done.returncode == 0, done.stdout
    (tmp_path / "wrong.Dockerfile").write_text((DOCKER / "Dockerfile").read_text().replace("USER 1000:1000", ""))
    assert "CKV_DOCKER_3" in run(*command).stdout


@pytest.mark.parametrize("name", FILES)
def test_what_requirements_ask_of_an_image(name: str) -> None:
    """Uid 1000, both ports, the times of the health check, the build arguments, and nothing unlocked."""
    text = (DOCKER / name).read_text()
    bases = re.findall(r"^ARG \w+_IMAGE=(\S+)$", text, re.MULTILINE)
    assert bases
    assert all(":" in base and not base.endswith(":latest") for base in bases)
    assert "USER 1000:1000" in text
    assert "EXPOSE 8080 9090" in text
    assert "HEALTHCHECK --interval=30s --timeout=10s --start-period=40s --retries=3" in text
    for argument, label in (("VERSION", "version"), ("GIT_COMMIT", "revision"), ("BUILD_DATE", "created")):
        assert re.search(rf"^ARG {argument}=", text, re.MULTILINE)
        assert f'org.opencontainers.image.{label}="${{{argument}}}"' in text
    assert 'CMD ["serve", "--config", "/etc/llm-gateway/config.yaml"]' in text
    assert not re.search(r"\b(pip|apt-get|curl|wget)\b", re.sub(r"^#.*$", "", text, flags=re.MULTILINE))


@pytest.mark.parametrize("name", FILES)
def test_only_what_is_copied_is_sent_to_the_engine(name: str) -> None:
    """Everything that a Dockerfile copies from here exists and is let through by .dockerignore, which lets nothing else through."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    let_through = {line[1:] for line in lines if line.startswith("!")}
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", (DOCKER / name).read_text(), re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists()
            assert source in let_through
    for path in let_through:
        assert (ROOT / path).exists()
        assert not re.search(r"\.env|secret|state|\.git", path)


def test_the_two_images_are_made_in_the_same_way() -> None:
    """What they run, how, and what they are called differs in nothing but the base."""
    slim, distroless = ((DOCKER / name).read_text() for name in FILES)
    assert slim[slim.index("USER 1000:1000") :] == distroless[distroless.index("USER 1000:1000") :]


def test_the_wheel_is_built_with_what_the_project_names() -> None:
    """requirements/build.txt is hash-locked and has the build backend of pyproject.toml."""
    lock = (ROOT / "requirements" / "build.txt").read_text()
    assert "hatchling.build" in (ROOT / "pyproject.toml").read_text()
    assert re.search(r"^hatchling==\S+ \\$", lock, re.MULTILINE)
    pinned = re.findall(r"^[a-z-]+==[^\n]*", lock, re.MULTILINE)
    assert pinned
    assert all(line.endswith("\\") for line in pinned)
    assert lock.count("--hash=sha256:") >= len(pinned)
