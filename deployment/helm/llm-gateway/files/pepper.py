"""Puts the Secret's pepper into the state directory, before the gateway starts.

All pods must have the same one, because what is kept of a key is its hash under it.

    pepper.py SECRETS STATE

PEPPER is 32 random bytes in base64. PEPPER_PREVIOUS, if it is there, has up to four that came before, the newest first, one a
line: keys that are known under them are still accepted.
"""  # noqa: INP001 - a program of its own, not part of a package

import base64
import os
import sys
from pathlib import Path


def main(secrets: Path, state: Path) -> None:
    previous = secrets / "PEPPER_PREVIOUS"
    peppers = [read(line) for line in (secrets / "PEPPER").read_text().split()]
    older = [read(line) for line in previous.read_text().split()] if previous.exists() else []
    if len(peppers) != 1 or len(older) > 4:
        raise SystemExit("PEPPER must hold one pepper, PEPPER_PREVIOUS four at most.")
    there = state / "pepper"
    if there.exists() and there.read_bytes() not in peppers + older:
        raise SystemExit(
            f"{there} is not the Secret's PEPPER and not in its PEPPER_PREVIOUS; keys would be lost. Nothing was changed."
        )
    write(state / "pepper.previous", b"".join(older))
    write(there, peppers[0])


def read(text: str) -> bytes:
    try:
        pepper = base64.b64decode(text, validate=True)
    except ValueError:
        pepper = b""
    if len(pepper) != 32:
        raise SystemExit("A pepper must be 32 random bytes in base64: openssl rand -base64 32")
    return pepper


def write(file: Path, content: bytes) -> None:
    """Whole or not at all; only the gateway can read it."""
    new = file.with_name(file.name + ".given")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)
    new.replace(file)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
