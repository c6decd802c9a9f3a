"""Reads an Envoy configuration as Envoy's own protocol definitions have it; run by the checkers' Python, with the file's path.

Every field must be one that the definitions know, with a value of its kind, also inside of `typed_config`. Ends with 1 and the
first mistake. What Envoy checks beyond that (ranges, references between parts) is not looked at.
"""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import envoy
import yaml
from envoy.config.bootstrap.v3 import bootstrap_pb2
from google.protobuf import json_format


def main(path: Path) -> str | None:
    text = path.read_text()
    root = Path(next(iter(envoy.__path__))).parent
    for package in {name.rpartition(".")[0] for name in re.findall(r"type\.googleapis\.com/(envoy\.[\w.]+)", text)}:
        for file in root.joinpath(*package.split(".")).glob("*_pb2.py"):
            importlib.import_module(f"{package}.{file.stem}")
    try:
        json_format.ParseDict(yaml.safe_load(text), bootstrap_pb2.Bootstrap())
    except json_format.ParseError as error:
        return str(error)
    return None


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
