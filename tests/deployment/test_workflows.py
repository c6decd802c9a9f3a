""".github as GitHub will read it: schemas, zizmor, shellcheck, and what the files name exists."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.y*ml"))
ACTIONS = sorted((GITHUB / "actions").glob("*/action.y*ml"))
FILES = [*WORKFLOWS, *ACTIONS]
YAML_RULES = (
    "{extends: default, rules: {line-length: {max: 140}, document-start: disable, truthy: {check-keys: false}, "
    "comments: {min-spaces-from-content: 1}}}"
)
Tool = Callable[[str], str]
BY_NAME = pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(GITHUB).as_posix())


def run(*command: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=60)


def read(file: Path) -> dict[Any, Any]:
    return dict(yaml.safe_load(file.read_text()))


def triggers(workflow: dict[Any, Any]) -> dict[str, Any]:
    """YAML 1.1 reads the key `on` as true."""
    return dict(workflow[True])


def steps(file: Path) -> Iterator[dict[str, Any]]:
    text = read(file)
    if "runs" in text:
        yield from text["runs"]["steps"]
    for job in text.get("jobs", {}).values():
        yield from job.get("steps", ())


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in WORKFLOWS:
        for name, job in read(file)["jobs"].items():
            yield f"{file.name}: {name}", job


@pytest.mark.deployment
def test_schemas(tool: Tool, tmp_path: Path) -> None:
    """Workflows, actions and Dependabot's file are what GitHub's schemas ask for; a job without a machine is not."""
    check = tool("check-jsonschema")
    for schema, files in (
        ("github-workflows", WORKFLOWS),
        ("github-actions", ACTIONS),
        ("dependabot", [GITHUB / "dependabot.yml"]),
    ):
        done = run(check, "--builtin-schema", f"vendor.{schema}", *map(str, files))
        assert done.returncode == 0, done.stdout
    planted = tmp_path / "ci.yaml"
    planted.write_text((GITHUB / "workflows" / "ci.yaml").read_text().replace("runs-on:", "runs_on:", 1))
    assert "runs_on" in run(check, "--builtin-schema", "vendor.github-workflows", str(planted)).stdout


def zizmor(tool: Tool, folder: Path) -> set[str]:
    """What zizmor finds, the pedantic things too: file and rule."""
    command = [tool("zizmor"), "--offline", "--no-progress", "--persona", "pedantic", "--format", "json-v1", "--no-exit-codes"]
    done = run(*command, "--strict-collection", str(folder))
    assert done.returncode == 0, done.stderr
    return {found["ident"] for found in json.loads(done.stdout)}


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    shutil.copytree(GITHUB, tmp_path / ".github")
    return tmp_path


@pytest.mark.deployment
def test_zizmor_has_nothing_to_say(tool: Tool, copied: Path) -> None:
    """Not even what it tells pedants."""
    assert zizmor(tool, copied) == set()


@pytest.mark.deployment
@pytest.mark.parametrize(("name", "old", "new", "rule"), [
    ("ci.yaml", "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1", "actions/checkout@v7", "unpinned-uses"),
    ("ci.yaml", "permissions: {}", "permissions: write-all", "excessive-permissions"),
    ("ci.yaml", "        with:\n          persist-credentials: false\n", "", "artipacked"),
    ("nightly.yaml", 'make "$TARGET"', "echo ${{ github.event.head_commit.message }}", "template-injection"),
    ("security.yaml", "  pull_request:\n", "  pull_request_target:\n", "dangerous-triggers"),
    ("staging.yaml", "    permissions:\n      contents: read # check out\n\n", "    secrets: inherit\n\n", "secrets-inherit"),
    ("release.yaml", "      - uses: pypa/", "      - with: {password: x}\n        uses: pypa/", "use-trusted-publishing"),
])  # fmt: skip
def test_zizmor_notices(tool: Tool, copied: Path, name: str, old: str, new: str, rule: str) -> None:
    """A mistake that is planted is found."""
    file = copied / ".github" / "workflows" / name
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    assert rule in zizmor(tool, copied)


@pytest.mark.deployment
def test_yamllint_has_nothing_to_say(tool: Tool) -> None:
    """A key that stands twice, which a YAML reader swallows, is found."""
    done = run(tool("yamllint"), "--strict", "-d", YAML_RULES, str(GITHUB))
    assert (done.returncode, done.stdout) == (0, "")
    planted = run(tool("yamllint"), "-d", YAML_RULES, "-", given="permissions: {}\npermissions: {}\n")
    assert "duplication of key" in planted.stdout


@pytest.mark.deployment
@BY_NAME
def test_shellcheck_has_nothing_to_say(tool: Tool, file: Path) -> None:
    """Of what the steps run, under the shell that GitHub runs it with."""
    for step in steps(file):
        if "run" in step:
            done = run(tool("shellcheck"), "--shell=bash", "-", given=f"set -eo pipefail\n{step['run']}")
            assert (step["run"], done.stdout) == (step["run"], "")


@pytest.mark.deployment
def test_shellcheck_notices(tool: Tool) -> None:
    """An unquoted variable is found."""
    assert "SC2086" in run(tool("shellcheck"), "--shell=bash", "-", given="rm -rf $1/x\n").stdout


@BY_NAME
def test_actions_are_pinned(file: Path) -> None:
    """Each action of others stands by its commit, with the version beside it; each of ours is there."""
    for line in re.findall(r"^\s*(?:- )?uses: (.+)$", file.read_text(), re.MULTILINE):
        if line.startswith("./"):
            path = ROOT / line
            assert path.is_file() or (path / "action.yaml").is_file(), line
        else:
            assert re.fullmatch(r"[\w.-]+(?:/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_an_action_has_one_version() -> None:
    """The same action is not used at two commits."""
    pins: dict[str, set[str]] = {}
    for file in FILES:
        for action, commit in re.findall(r"uses: ([\w.-]+/[\w.-]+)[\w./-]*@([0-9a-f]{40})", file.read_text()):
            pins.setdefault(action, set()).add(commit)
    assert len(pins) > 10
    assert {action: commits for action, commits in pins.items() if len(commits) > 1} == {}


@BY_NAME
def test_nothing_of_an_event_gets_into_a_script(file: Path) -> None:
    """Expressions stand in `env`, never in `run`: what somebody wrote into a title is not executed."""
    assert [step["run"] for step in steps(file) if "${{" in step.get("run", "")] == []


@BY_NAME
def test_checkouts_keep_no_credentials(file: Path) -> None:
    """No step after the checkout finds a token in .git/config."""
    for step in steps(file):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_every_job_is_bounded() -> None:
    """In time and in rights: nothing is granted for a whole workflow, each job says what it needs; no two runs get in each other's way."""
    for file in WORKFLOWS:
        workflow = read(file)
        assert workflow["permissions"] == {}, file.name
        assert workflow["concurrency"]["group"], file.name
    for name, job in jobs():
        assert job.get("permissions"), name
        assert "uses" in job or 1 <= job["timeout-minutes"] <= 180, name
    writers = {
        name
        for name, job in jobs()
        if "write" in {job["permissions"].get(right) for right in ("contents", "packages", "actions")}
    }
    assert writers == {
        "build.yaml: publish",
        "staging.yaml: images",
        "release.yaml: images",
        "release.yaml: notes",
        "release.yaml: production",
    }


def test_a_called_workflow_gets_what_it_needs() -> None:
    """GitHub refuses to start a workflow whose jobs ask for more than the job that calls it has."""
    calls = [(name, job) for name, job in jobs() if "uses" in job]
    assert calls
    for name, job in calls:
        called = read(ROOT / job["uses"])
        assert "workflow_call" in triggers(called), name
        inputs = (triggers(called)["workflow_call"] or {}).get("inputs", {})
        assert set(job.get("with", {})) <= set(inputs), name
        for inner in called["jobs"].values():
            for right, level in inner["permissions"].items():
                assert job["permissions"].get(right) in {level, "write"}, (name, right)


def test_jobs_wait_for_jobs_that_exist() -> None:
    """`needs` and `needs.X.outputs.Y` name jobs of the same workflow, which have these outputs."""
    for file in WORKFLOWS:
        known = read(file)["jobs"]
        for name, job in known.items():
            needs = job.get("needs", [])
            needs = [needs] if isinstance(needs, str) else needs
            assert set(needs) <= set(known), (file.name, name)
            for other, output in re.findall(r"needs\.(\w+)\.outputs\.(\w+)", str(job)):
                assert other in needs, (file.name, name)
                assert output in known[other]["outputs"], (file.name, name)


@BY_NAME
def test_what_is_named_exists(file: Path) -> None:
    """Scripts, files and make targets; and what is uploaded is what the target writes."""
    text = file.read_text()
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for path in re.findall(r"(?<![\w./-])(?:deployment|scripts|requirements|tests|\.github)/[\w./-]+\w", text):
        assert list(ROOT.glob(f"{path}*")), path
    for path in re.findall(r"(?<![\w./-])deployment/scripts/[\w-]+\.sh", text):
        assert os.access(ROOT / path, os.X_OK), path
    for step in steps(file):
        for wanted in re.findall(r"^make ([a-z -]+)$", step.get("run", ""), re.MULTILINE):
            assert set(wanted.split()) <= targets, wanted
    for path in re.findall(r"\bbuild/[\w./-]+\w", text):
        assert path in makefile + (ROOT / "mkdocs.yml").read_text(), path
    nightly = re.search(r"target: \[(.+)\]", text)
    assert nightly is None or set(nightly[1].split(", ")) <= targets


def test_every_python_that_is_promised_is_tested() -> None:
    """The versions of ci.yaml are those of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    promised = [last for line in project["classifiers"] if re.fullmatch(r"3\.\d+", last := line.rsplit(" :: ")[-1])]
    tested = read(GITHUB / "workflows" / "ci.yaml")["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert tested == promised
    assert project["requires-python"] == f">={promised[0]}"


def test_both_images_are_published() -> None:
    """Each Dockerfile is tried and published, with the names that build-and-tag.sh gives."""
    matrix = read(GITHUB / "workflows" / "build.yaml")["jobs"]
    known = {path.name for path in (ROOT / "deployment" / "docker").glob("Dockerfile*")}
    assert set(matrix["try"]["strategy"]["matrix"]["file"]) == known
    assert {one["file"] for one in matrix["publish"]["strategy"]["matrix"]["include"]} == known


def test_a_tag_comes_after_the_scan_and_the_signature() -> None:
    """Nothing that was not scanned, signed and described has a name."""
    order = [str(step) for step in read(GITHUB / "workflows" / "build.yaml")["jobs"]["publish"]["steps"]]

    def first(text: str) -> int:
        return next(number for number, step in enumerate(order) if text in step)

    assert (
        first("push-by-digest=true")
        < first("'exit-code': '1'")
        < first("cosign sign")
        < first("sbom-path")
        < first("imagetools create")
    )
    assert "tags" not in read(GITHUB / "workflows" / "build.yaml")["jobs"]["publish"]["steps"][first("push-by-digest")]["with"]


def test_deployments_check_and_go_back() -> None:
    """Staging and production deploy with deploy.sh, which runs both checks and takes back what is not well; production waits for somebody."""
    deploy = (ROOT / "deployment" / "scripts" / "deploy.sh").read_text()
    for script in ("health-check.sh", "smoke-tests.sh", "rollback.sh"):
        assert f'"$HERE/{script}"' in deploy
    action = [step.get("run", "") for step in steps(GITHUB / "actions" / "deploy" / "action.yaml")]
    verified = next(number for number, script in enumerate(action) if "cosign verify" in script)
    assert verified < next(number for number, script in enumerate(action) if "deployment/scripts/deploy.sh" in script)
    for name in ("staging", "production"):
        workflow = read(GITHUB / "workflows" / f"{name}.yaml")
        assert workflow["jobs"]["deploy"]["environment"]["name"] == name
        assert workflow["concurrency"] == {"group": name, "cancel-in-progress": False}
    assert triggers(read(GITHUB / "workflows" / "staging.yaml"))["push"] == {"branches": ["develop"]}
    assert triggers(read(GITHUB / "workflows" / "release.yaml"))["push"] == {"tags": ["v*"]}


@pytest.mark.deployment
@pytest.mark.timeout(180)
def test_checkov_finds_no_secret(tool: Tool, tmp_path: Path) -> None:
    """In the YAML, JSON and HCL of deployment/ and .github/, but what was looked at and is none; what is planted is found."""
    for folder in (".github", "deployment"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", ".env", "*.env", ".terraform")
        )
    (tmp_path / "planted.yaml").write_text("aws_access_key_id: AKIA" + "Q3EGRZ7JNXW5LKTM\n")
    command = [tool("checkov"), "--framework", "secrets", "--quiet", "--compact", "--skip-download"]
    done = subprocess.run([*command, "--directory", str(tmp_path)], capture_output=True, text=True, check=False, timeout=170)
    failed = set(re.findall(r"File: (\S+):\d+-\d+", done.stdout))
    assert failed == {
        "/planted.yaml",
        "/deployment/helm/llm-gateway/values-small.yaml",
        "/deployment/terraform/tests/region.tftest.hcl",
    }


SECRETS = re.compile(
    r"AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{40}|glpat-[\w-]{20}|xox[abprs]-\d{8}|AIza[\w-]{35}|sk-ant-api\d\d-[\w-]{40}"
    r"|sk-proj-[\w-]{40}|-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}"
)


def test_no_secret_is_in_what_is_shipped() -> None:
    """No key that has the form of a real one stands in the source, the scripts, the documents or the deployment files."""
    assert SECRETS.search("key: AKIA" + "Q3EGRZ7JNXW5LKTM")
    assert SECRETS.search("-----BEGIN PRIVATE KEY-----\n" + "M" * 64)
    folders = ("src", "scripts", "docs", "deployment", ".github", "requirements", "benchmarks")
    files = [*ROOT.glob("*.*"), *(file for folder in folders for file in (ROOT / folder).rglob("*"))]
    looked = [
        file
        for file in files
        if file.is_file() and file.suffix not in {".pyc", ".png"} and not {"__pycache__", "data"} & set(file.parts)
    ]
    assert len(looked) > 500
    found = {str(file.relative_to(ROOT)): SECRETS.findall(file.read_text(errors="replace")) for file in looked}
    assert {name: keys for name, keys in found.items() if keys} == {}
