"""Reading Terraform's files as `terraform fmt` writes them, and finding what does not fit together, without Terraform."""

from __future__ import annotations

import re
from pathlib import Path

_BLOCK = re.compile(r'^(\w+)((?: "[^"]+")*) \{(?:\n(.*?)^)?\}$', re.MULTILINE | re.DOTALL)
_REFERENCE = re.compile(r"(?<![\w.\"-])(data\.)?(aws_\w+|terraform_data)\.(\w+)")
_COMMENT = re.compile(r"(?m)(^\s*#|\s#\s).*$")
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')


class Folder:
    """One module: its blocks by kind. `blocks["variable"]["name"]` is the block's inside."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = "\n".join(_COMMENT.sub("", file.read_text()) for file in sorted(path.glob("*.tf")))
        self.blocks: dict[str, dict[str, str]] = {}
        for kind, labels, inside in _BLOCK.findall(self.text):
            name = ".".join(re.findall(r'"([^"]+)"', labels))
            self.blocks.setdefault(kind, {})[name] = inside

    def of(self, kind: str) -> dict[str, str]:
        """Name -> inside. Resources and data sources are named TYPE.NAME."""
        return self.blocks.get(kind, {})

    def locals(self) -> set[str]:
        """Names of local values."""
        return {
            name
            for inside in re.findall(r"^locals \{(?:\n(.*?)^)?\}$", self.text, re.MULTILINE | re.DOTALL)
            for name in arguments(inside)
        }


def arguments(inside: str) -> dict[str, str]:
    """The arguments of a block itself: name -> what stands behind the = in its first line."""
    return dict(re.findall(r"^  (\w+) += (.*)$", inside, re.MULTILINE))


def code(text: str) -> str:
    """The text without what stands in quotes, but for what is filled into it."""
    return _TEXT.sub(lambda found: " ".join(re.findall(r"\$\{([^}]*)\}", found[0])), text)


def mistakes(root: Path) -> list[str]:
    """All that does not fit together in a folder and the modules below it; empty where all is well."""
    found: list[str] = []
    for path in sorted({file.parent for file in root.rglob("*.tf") if ".terraform" not in file.parts}):
        folder = Folder(path)
        here = "root" if path == root else str(path.relative_to(root))
        checks = (_variables, _outputs, _references, _modules)
        found += [f"{here}: {text}" for check in checks for text in check(folder)]
    return found


def _variables(folder: Folder) -> list[str]:
    found = []
    for name, inside in folder.of("variable").items():
        said = arguments(inside)
        found += [f"variable {name} has no {needed}" for needed in ("description", "type") if needed not in said]
        elsewhere = folder.text.replace(inside, "")
        if not re.search(rf"\bvar\.{name}\b", elsewhere):
            found.append(f"variable {name} is not used")
    known = folder.of("variable")
    return found + [f"var.{name} is not declared" for name in sorted(set(re.findall(r"\bvar\.(\w+)", folder.text)) - set(known))]


def _outputs(folder: Folder) -> list[str]:
    return [
        f"output {name} has no {needed}"
        for name, inside in folder.of("output").items()
        for needed in ("description", "value")
        if needed not in arguments(inside)
    ]


def _references(folder: Folder) -> list[str]:
    known = set(folder.of("resource")) | {f"data.{name}" for name in folder.of("data")}
    asked = {f"{data}{kind}.{name}" for data, kind, name in _REFERENCE.findall(code(folder.text))}
    found = [f"{name} does not exist" for name in sorted(asked - known)]
    used = set(re.findall(r"\blocal\.(\w+)", folder.text))
    known_locals = folder.locals()
    found += [f"local.{name} does not exist" for name in sorted(used - known_locals)]
    return found + [f"local {name} is not used" for name in sorted(known_locals - used)]


def _modules(folder: Folder) -> list[str]:
    found = []
    for name, inside in folder.of("module").items():
        given = arguments(inside)
        source = Folder((folder.path / given["source"].strip('"')).resolve())
        inputs = source.of("variable")
        needed = {variable for variable, body in inputs.items() if "default" not in arguments(body)}
        said = set(given) - {"source", "providers"}
        found += [f"module {name} has no input {one}" for one in sorted(said - set(inputs))]
        found += [f"module {name} is not given {one}" for one in sorted(needed - said)]
        asked = set(re.findall(rf"\bmodule\.{name}\.(\w+)", folder.text))
        found += [f"module {name} has no output {one}" for one in sorted(asked - set(source.of("output")))]
    return found
