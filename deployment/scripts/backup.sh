#!/usr/bin/env bash
# backup.sh --config FILE --to FOLDER [options]
#
# Saves what a gateway knows, while it runs: the database (PostgreSQL or SQLite), the ledger's logs, the audit log, the last good
# snapshot and the configuration. Makes FOLDER/llm-gateway-TIME with a manifest of checksums; restore.sh brings it back.
#
#   --config FILE         the gateway's configuration; its other files are found from there
#   --to FOLDER           where to; it is made, readable only by you
#   --database-url URL    the PostgreSQL database (or DATABASE_URL); needed where the configuration has database.url
#   --with-secrets        save the pepper and the master key, too. Without them no API key of the database is recognised and
#                         nothing that was sealed can be read: keep them somewhere, here or elsewhere
#   --encrypt COMMAND     for --with-secrets: reads the secrets and writes them encrypted, such as
#                         'gpg --encrypt --recipient ops@example.com' or 'age --recipient age1...'
#   --llm-gateway PATH    the program (llm-gateway)
#
# The configuration is saved as it is: if keys stand in it, the backup is a secret as a whole. Needs python3, and pg_dump (not older than
# the server) for PostgreSQL.
set -euo pipefail
# shellcheck source=deployment/scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=deployment/scripts/state.sh
. "$(dirname "${BASH_SOURCE[0]}")/state.sh"

CONFIG=${GATEWAY_CONFIG:-} TO='' DATABASE=${DATABASE_URL:-} SECRETS=no ENCRYPT=''
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help)
      usage
      exit 0
      ;;
    --config | --to | --database-url | --encrypt | --llm-gateway)
      value_of "$1" $#
      case $1 in
        --config) CONFIG=$2 ;;
        --to) TO=$2 ;;
        --database-url) DATABASE=$2 ;;
        --encrypt) ENCRYPT=$2 ;;
        --llm-gateway) GATEWAY=$2 ;;
      esac
      shift
      ;;
    --with-secrets) SECRETS=yes ;;
    *) bad_usage "what is $1?" ;;
  esac
  shift
done
[ -n "$CONFIG" ] || bad_usage "say which --config"
[ -n "$TO" ] || bad_usage "say where --to"
if [ "$SECRETS" = yes ] && [ -z "$ENCRYPT" ]; then
  bad_usage "--with-secrets needs --encrypt: the pepper and the master key are never written as they are"
fi
if [ "$SECRETS" = no ] && [ -n "$ENCRYPT" ]; then bad_usage "--encrypt is for --with-secrets"; fi
need python3
known_configuration
umask 077
STAMP=$(date -u +%Y%m%dT%H%M%SZ)
FINAL=$TO/$NAME-$STAMP
[ ! -e "$FINAL" ] || fail "there is such a backup already" "$FINAL" "wait a second"
OUT=$FINAL.partial
mkdir -p "$TO"
mkdir "$OUT"
undo() { rm -rf "$OUT"; }

save_sqlite() {
  # SQLite's own copy: whole, as of one moment, while others write.
  python - "$STATE/gateway.db" "$OUT/gateway.db" <<'PYTHON' || fail "the database could not be copied" "see above" "is the disk full?"
import sqlite3, sys
from pathlib import Path

source = sqlite3.connect(Path(sys.argv[1]).absolute().as_uri() + "?mode=rw", uri=True, timeout=60)
target = sqlite3.connect(sys.argv[2])
source.backup(target)
target.execute("PRAGMA journal_mode = DELETE")
wrong = target.execute("PRAGMA integrity_check").fetchall()
target.close()
source.close()
if wrong != [("ok",)]:
    sys.exit(f"the copy is damaged: {wrong[:3]}")
PYTHON
}

save_postgres() {
  need pg_dump
  [ -n "$DATABASE" ] || fail "the database's address is not known" "the configuration has database.url" "give it as --database-url or DATABASE_URL"
  (
    postgres_environment "$DATABASE"
    pg_dump --format=custom --no-owner --no-privileges --lock-wait-timeout=60000 --file="$OUT/database.dump"
  ) || fail "pg_dump failed" "see above" "is it as new as the server? $(pg_dump --version)"
}

# Segments that are shipped may go meanwhile: they are in the database then.
save_files() {
  local file
  while IFS= read -r file; do
    mkdir -p "$OUT/state/$(dirname "$file")"
    cp --preserve=mode,timestamps --sparse=always "$STATE/$file" "$OUT/state/$file" 2>"$WORK/error" || [ ! -e "$STATE/$file" ] ||
      fail "$STATE/$file could not be copied" "$(tail -n 1 "$WORK/error")"
  done
}

save_state() {
  # After the database: it knows how far each log was read, and what is behind that must be in the logs. And the audit log's head
  # before its lines, because lines behind a head are well, and a head behind lines is a loss.
  cd "$STATE"
  mkdir -p "$OUT/state"
  {
    find audit -name 'head.json' 2>/dev/null || true
    find audit -type f ! -name 'head.json' 2>/dev/null | LC_ALL=C sort || true
    for file in install.id snapshot ledger/node; do if [ -f "$file" ]; then printf '%s\n' "$file"; fi; done
    find ledger -type f ! -name node ! -name lock 2>/dev/null | LC_ALL=C sort || true
  } | save_files
  cd "$OUT"
  tar --create --sparse --gzip --file state.tar.gz --directory state .
  rm -rf state
}

save_secrets() {
  local there=() file
  for file in "${SECRET_FILES[@]}"; do if [ -f "$STATE/$file" ]; then there+=("$file"); fi; done
  [ ${#there[@]} -gt 0 ] || fail "there are no secrets in $STATE" "none of ${SECRET_FILES[*]}"
  tar --create --directory "$STATE" "${there[@]}" | bash -c "$ENCRYPT" >"$OUT/secrets.encrypted" ||
    fail "the secrets could not be encrypted" "'$ENCRYPT' failed" "try it by hand"
  [ -s "$OUT/secrets.encrypted" ] || fail "the secrets could not be encrypted" "'$ENCRYPT' wrote nothing" "it must write to standard output"
}

save_configuration() {
  local source
  mkdir "$OUT/config"
  for source in "${SOURCES[@]}"; do
    # Two files of one name, in different folders, are both kept.
    local name
    name=$(basename "$source")
    while [ -e "$OUT/config/$name" ]; do name=_$name; done
    cp "$source" "$OUT/config/$name" || fail "$source could not be copied"
  done
}

[ -d "$STATE" ] || fail "there is nothing to save" "$STATE is no folder" "has this gateway ever run? Is --config its own?"
say "saving the database ($KIND)"
case $KIND in
  SQLite)
    [ -f "$STATE/gateway.db" ] || fail "there is no database" "$STATE/gateway.db" "has this gateway ever run? Is --config its own?"
    save_sqlite
    ;;
  *) save_postgres ;;
esac
say "saving the ledger's logs, the audit log and the last good snapshot"
save_state
save_configuration
if [ "$SECRETS" = yes ]; then
  save_secrets
else
  warn "without the pepper and the master key (--with-secrets): restore.sh will need them from elsewhere"
fi
write_manifest "$OUT" "$KIND" "$STAMP"
mv "$OUT" "$FINAL"
say "$FINAL"
