#!/usr/bin/env python3
"""Writes what the gateway needs to run as a CycloneDX 1.6 document, from requirements/run.txt, without asking anybody.

    sbom.py OUTPUT

Versions, the digests of all files that may be installed, and who needs whom are what the lock says. Licences are those that the
packages of this environment tell of themselves; a package that is not installed here, or in another version, has none in the document.
The same lock and environment give the same bytes: there is no clock and no randomness in it.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
import tomllib
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NAMESPACE = uuid.UUID("5d0a3b1e-6c1e-5a53-9f4e-2f1f7e1d6c47")
"""Of our documents' serial numbers; any constant would do."""

CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
WRITTEN = {"3-Clause BSD License": "BSD-3-Clause", "BSD-3-Clause": "BSD-3-Clause", "MIT": "MIT", "MIT License": "MIT"}
"""What packages without an SPDX expression have in the field License, as far as we have met it."""


@dataclass
class Locked:
    """One package of a lock."""

    name: str
    version: str
    marker: str = ""
    digests: list[str] = field(default_factory=list)
    needed_by: list[str] = field(default_factory=list)

    @property
    def purl(self) -> str:
        return f"pkg:pypi/{self.name}@{self.version}"


def read_lock(text: str) -> list[Locked]:
    """The packages of a file of `uv pip compile --generate-hashes`, in its order."""
    packages: list[Locked] = []
    for line in text.splitlines():
        if pinned := re.match(r"([a-z0-9-]+)==([^ ;]+)(?: ; ([^\\]+?))? ?\\?$", line):
            packages.append(Locked(pinned[1], pinned[2], pinned[3] or ""))
        elif digest := re.match(r"    --hash=sha256:([0-9a-f]{64})", line):
            packages[-1].digests.append(digest[1])
        elif via := re.match(r"    #(?: via)? +(\S+)", line):
            if via[1] != "via":  # the line before a list of several
                packages[-1].needed_by.append(via[1])
        elif line.strip():
            raise ValueError(f"a line that no lock has: {line!r}")
    return packages


def licence(name: str, version: str | None = None) -> str | None:
    """The SPDX expression of an installed package's licence. None: it is not installed, in another version, or it does not say.

    The field License-Expression (PEP 639) counts first, then License where it is short, then the classifiers.
    """
    try:
        told = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    if version is not None and told["Version"] != version:
        return None
    if expression := told.get("License-Expression"):
        return str(expression)
    if (written := told.get("License")) in WRITTEN:
        return WRITTEN[written]
    classified = {
        CLASSIFIERS[last]
        for classifier in told.get_all("Classifier") or []
        if classifier.startswith("License ::") and (last := classifier.rsplit(" :: ", 1)[1]) in CLASSIFIERS
    }
    return " OR ".join(sorted(classified)) or None


def component(package: Locked) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        "externalReferences": [
            {
                "type": "distribution",
                "url": package.purl,
                "comment": "each file of this version that may be installed",
                "hashes": [{"alg": "SHA-256", "content": digest} for digest in package.digests],
            }
        ],
    }
    if expression := licence(package.name, package.version):
        made["licenses"] = [{"expression": expression}]
    if package.marker:
        made["properties"] = [{"name": "llm-gateway:only-if", "value": package.marker}]
    return made


def document(root: Path = ROOT) -> dict[str, Any]:
    """The whole document. Raises ValueError for a lock that cannot be read."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    packages = read_lock((root / "requirements" / "run.txt").read_text())
    itself = Locked(project["name"], project["version"])
    refs = {package.name: package.purl for package in packages} | {itself.name: itself.purl}
    needs: dict[str, set[str]] = {purl: set() for purl in refs.values()}
    for package in packages:
        for parent in package.needed_by:
            needs[refs[parent]].add(package.purl)
    made: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": itself.purl,
                "name": itself.name,
                "version": itself.version,
                "description": project["description"],
                "purl": itself.purl,
                "licenses": [{"expression": project["license"]}],
            }
        },
        "components": [component(package) for package in packages],
        "dependencies": [{"ref": ref, "dependsOn": sorted(children)} for ref, children in sorted(needs.items())],
    }
    made["serialNumber"] = f"urn:uuid:{uuid.uuid5(NAMESPACE, json.dumps(made, sort_keys=True))}"
    return made


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: sbom.py OUTPUT", file=sys.stderr)
        return 2
    made = document()
    output = Path(arguments[0])
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(made, indent=2) + "\n")
    told = sum("licenses" in part for part in made["components"])
    print(f"{output}: {len(made['components'])} packages, the licence of {told} is known")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
