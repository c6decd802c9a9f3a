# shellcheck shell=bash
# What backup.sh and restore.sh share: where things are, and the manifest. Sourced after lib.sh.

GATEWAY=${GATEWAY:-llm-gateway}
# The pepper that API keys are hashed under, the one before it, and the key that seals what is stored.
SECRET_FILES=(pepper pepper.previous master.key)
export SECRET_FILES

# Sets STATE (state.dir), KIND (SQLite, PostgreSQL) and SOURCES (the configuration's files) from CONFIG.
known_configuration() {
  need "$GATEWAY"
  [ -f "$CONFIG" ] || fail "there is no such configuration" "$CONFIG"
  "$GATEWAY" --json config info --offline --config "$CONFIG" >"$WORK/info" 2>"$WORK/error" ||
    fail "the configuration cannot be read" "$(head -c 300 "$WORK/error" | tr '\n' ' ')" "$GATEWAY config check --offline $CONFIG"
  STATE=$(json "$WORK/info" state)
  KIND=$(json "$WORK/info" database)
  mapfile -t SOURCES < <(json "$WORK/info" 'sources.*')
  case $STATE in /*) ;; *) STATE=$PWD/$STATE ;; esac
  export STATE KIND SOURCES
}

# libpq's variables for a URL: a password on a command line could be read by everybody. A URL that cannot be read ends the script:
# without these variables libpq would take whatever database it finds.
postgres_environment() {
  local found line
  found=$(
    DATABASE_TO_READ=$1 python - <<'PYTHON' 2>&1
import os, sys
from urllib.parse import parse_qsl, unquote, urlsplit

try:
    url = urlsplit(os.environ["DATABASE_TO_READ"])
    found = {"PGHOST": url.hostname, "PGPORT": url.port, "PGUSER": url.username, "PGPASSWORD": url.password}
except ValueError:  # its text may hold the password
    sys.exit("it is no URL of one server; signs such as / and @ in a password are written as %2F and %40")
if url.scheme.partition("+")[0] not in ("postgresql", "postgres"):
    sys.exit("it does not begin with postgresql://")
found["PGDATABASE"] = url.path.removeprefix("/")
found = {name: unquote(str(value)) for name, value in found.items() if value}
names = {
    "host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE", "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY", "options": "PGOPTIONS",
}
found |= {names[name]: value for name, value in parse_qsl(url.query) if name in names}
if "PGDATABASE" not in found:
    sys.exit("it names no database")
if any("\n" in value for value in found.values()):
    sys.exit("there is a line end in it")
print("\n".join(f"{name}={value}" for name, value in found.items()))
PYTHON
  ) || fail "the database's address cannot be read; nothing was done" "$found" "write postgresql://USER:PASSWORD@HOST:PORT/NAME"
  while IFS= read -r line; do export "${line?}"; done <<<"$found"
}

# write_manifest FOLDER KIND TIME
write_manifest() {
  "$GATEWAY" --version >"$WORK/version" 2>/dev/null || true
  python - "$1" "$2" "$3" "$WORK/version" <<'PYTHON'
import hashlib, json, sys
from pathlib import Path

folder, kind, time, version = Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4]).read_text().strip()

def digest(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else hashlib.sha256(file.read()).hexdigest()

files = {
    str(path.relative_to(folder)): {"sha256": digest(path), "bytes": path.stat().st_size}
    for path in sorted(folder.rglob("*")) if path.is_file()
}
made = {"format": 1, "created": time, "gateway": version, "database": kind, "files": files}
(folder / "manifest.json").write_text(json.dumps(made, indent=2) + "\n")
PYTHON
}

# check_manifest FOLDER: every file is there as it was saved, and no other.
check_manifest() {
  python - "$1" <<'PYTHON'
import hashlib, json, sys
from pathlib import Path

folder = Path(sys.argv[1])
try:
    made = json.loads((folder / "manifest.json").read_text())
    files = made["files"]
    assert made["format"] == 1, f"its format is {made['format']}; this script knows 1"
except (OSError, ValueError, KeyError, AssertionError) as error:
    sys.exit(f"manifest.json cannot be used: {error}")
wrong = []
for name, known in files.items():
    path = folder / name
    if not path.is_file():
        wrong.append(f"{name} is missing")
    elif hashlib.sha256(path.read_bytes()).hexdigest() != known["sha256"]:
        wrong.append(f"{name} is not what was saved")
there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
wrong += [f"{name} does not belong here" for name in sorted(there - set(files) - {"manifest.json"})]
if wrong:
    sys.exit("; ".join(wrong[:5]))
PYTHON
}

# in_use FOLDER: whether a gateway has the state directory. Its processes hold a lock that ends with the last of them.
in_use() {
  [ -e "$1/lock" ] || return 1
  ! python - "$1/lock" <<'PYTHON'
import fcntl, sys

with open(sys.argv[1], "rb") as file:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        sys.exit(1)
PYTHON
}
