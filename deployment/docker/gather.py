"""Copies what a Python environment needs to run, and nothing else, into a folder that becomes the root of an image.

    gather.py ENVIRONMENT ROOT [--libc]

That is: the interpreter and its standard library without tests and tools, the environment itself, and the shared libraries
that any of them names (`ldd`). --libc: the C library too, for a root that begins empty. To be run with the interpreter
that the environment was made with. No shell and no package manager are among it.
"""

# ruff: noqa: INP001 - a script, no package
from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

UNNEEDED = frozenset({"test", "tests", "idlelib", "idle_test", "tkinter", "turtledemo", "lib2to3", "ensurepip", "site-packages"})
"""Folders of the standard library."""
UNUSED = ("_tkinter.", "nis.")
"""Compiled modules that nothing here uses, and that would bring a window system or an old directory service with them."""
LIBC = re.compile(r"(ld-linux|libc\.so|libm\.so|libdl\.so|libpthread\.so|librt\.so|libutil\.so|libresolv\.so|libnss_)")
"""What every image with a C library has already."""
_NAMED = re.compile(r"(?:=> )?(/\S+) \(0x")


def main(environment: Path, root: Path, *, libc: bool) -> None:
    """Raises OSError, subprocess.CalledProcessError; SystemExit where a library is missing."""
    python = Path(sys.executable).resolve()
    stdlib = Path(sysconfig.get_path("stdlib"))
    root.mkdir(parents=True, exist_ok=True)
    copy_python(python, stdlib, root)
    shutil.copytree(environment, root / environment.relative_to("/"), symlinks=True, dirs_exist_ok=True)
    compiled = [path for path in stdlib.glob("lib-dynload/*.so") if not path.name.startswith(UNUSED)]
    copy_libraries([python, *compiled, *environment.rglob("*.so*")], root, libc=libc)


def copy_python(python: Path, stdlib: Path, root: Path) -> None:
    """The program under each of its names, and the standard library with its compiled modules."""
    folder = root / python.parent.relative_to("/")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy2(python, folder / python.name)
    for name in {"python", "python3", f"python{sys.version_info[0]}.{sys.version_info[1]}"} - {python.name}:
        (folder / name).symlink_to(python.name)

    def left_out(_where: str, names: list[str]) -> set[str]:
        return {name for name in names if name in UNNEEDED or name.startswith(("config-", *UNUSED))}

    shutil.copytree(stdlib, root / stdlib.relative_to("/"), symlinks=True, ignore=left_out, dirs_exist_ok=True)


def copy_libraries(programs: list[Path], root: Path, *, libc: bool) -> None:
    """Each library that one of them names and that is not copied yet, to the folder where the loader looks without a cache."""
    folder = root / "usr/lib" / sysconfig.get_config_var("MULTIARCH")
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(needed(programs)):
        by_whole_path = path.name.startswith("ld-linux")  # which stands in every program
        wanted = root / path.relative_to("/") if by_whole_path else folder / path.name
        if (libc or not LIBC.match(path.name)) and not (root / path.relative_to("/")).exists():
            wanted.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path.resolve(), wanted)


def needed(programs: list[Path]) -> set[Path]:
    """The libraries, by the paths where the loader found them; those that wheels bring with them are left out."""
    found: set[Path] = set()
    for program in programs:
        command = ["/usr/bin/ldd", str(program)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own files
        if "not found" in said:
            raise SystemExit(f"{program} needs a library that is not there:\n{said}")
        found |= {Path(path) for path in _NAMED.findall(said) if ".libs/" not in path}
    return found


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute(), libc="--libc" in sys.argv[3:])
