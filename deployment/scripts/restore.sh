#!/usr/bin/env bash
# restore.sh BACKUP --config FILE [options]
#
# Brings back what backup.sh saved, to where the configuration FILE says: state.dir, and its database. Checks every checksum first.
# Refuses while a gateway runs there, and where something is already.
#
#   --config FILE         the configuration of the gateway that is to have it (the saved one lies in BACKUP/config)
#   --database-url URL    the PostgreSQL database (or DATABASE_URL), which must exist and be empty
#   --decrypt COMMAND     reads the encrypted secrets and writes them, such as 'gpg --decrypt' or 'age --decrypt --identity FILE'
#   --without-secrets     the pepper and the master key come from elsewhere: they lie in state.dir already, or will
#   --force               what is there already: state.dir is set aside under another name, the database's contents are DELETED
#   --llm-gateway PATH    the program (llm-gateway)
#
# Then start the gateway; it brings into the ledger what the logs have and the database not yet. See docs/BACKUP.md. Needs python3, and
# pg_restore and psql for PostgreSQL.
set -euo pipefail
# shellcheck source=deployment/scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=deployment/scripts/state.sh
. "$(dirname "${BASH_SOURCE[0]}")/state.sh"

CONFIG=${GATEWAY_CONFIG:-} BACKUP='' DATABASE=${DATABASE_URL:-} DECRYPT='' SECRETS=yes FORCE=no
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help)
      usage
      exit 0
      ;;
    --config | --database-url | --decrypt | --llm-gateway)
      value_of "$1" $#
      case $1 in
        --config) CONFIG=$2 ;;
        --database-url) DATABASE=$2 ;;
        --decrypt) DECRYPT=$2 ;;
        --llm-gateway) GATEWAY=$2 ;;
      esac
      shift
      ;;
    --without-secrets) SECRETS=no ;;
    --force) FORCE=yes ;;
    -*) bad_usage "what is $1?" ;;
    *)
      [ -z "$BACKUP" ] || bad_usage "one backup, please"
      BACKUP=$1
      ;;
  esac
  shift
done
[ -n "$BACKUP" ] || bad_usage "say which BACKUP"
[ -n "$CONFIG" ] || bad_usage "say which --config"
need python3
[ -d "$BACKUP" ] || fail "there is no such backup" "$BACKUP"
BACKUP=$(cd "$BACKUP" && pwd)
known_configuration
umask 077

checked() {
  check_manifest "$BACKUP" 2>"$WORK/error" || fail "this is not what was saved; nothing was changed" "$(tail -n 1 "$WORK/error")" "take another backup"
  SAVED=$(json "$BACKUP/manifest.json" database)
  [ "$SAVED" = "$KIND" ] || fail "the backup is of another kind of database" "$SAVED; the configuration has $KIND" "set database.url, or leave it out, as it was"
  if [ -z "$DECRYPT" ] && [ "$SECRETS" = yes ]; then
    if [ -f "$BACKUP/secrets.encrypted" ]; then
      fail "the secrets are encrypted; nothing was changed" "$BACKUP/secrets.encrypted" "give --decrypt COMMAND, or say --without-secrets"
    fi
    fail "the backup has no secrets; nothing was changed" "it was made without --with-secrets" \
      "put pepper and master.key into $STATE, and say --without-secrets; without them no API key is recognised"
  fi
  if [ -n "$DECRYPT" ]; then
    [ -f "$BACKUP/secrets.encrypted" ] || fail "there is nothing to decrypt" "the backup was made without --with-secrets" "say --without-secrets"
    mkdir "$WORK/secrets"
    bash -c "$DECRYPT" <"$BACKUP/secrets.encrypted" | tar --extract --directory "$WORK/secrets" 2>"$WORK/error" ||
      fail "the secrets could not be decrypted; nothing was changed" "$(tail -n 1 "$WORK/error")" "try '$DECRYPT' by hand"
    [ -f "$WORK/secrets/pepper" ] || fail "the secrets could not be decrypted; nothing was changed" "there is no pepper among them"
  fi
}

state_is_free() {
  if in_use "$STATE"; then
    fail "a gateway runs with $STATE; nothing was changed" "process $(cat "$STATE/lock")" "end it: kill -TERM, systemctl stop $NAME"
  fi
  local there
  there=$(find "$STATE" -mindepth 1 -maxdepth 1 ! -name lock ! -name pepper ! -name pepper.previous ! -name master.key 2>/dev/null | head -n 3 | tr '\n' ' ' || true)
  if [ -n "$there" ] && [ "$FORCE" = no ]; then
    fail "$STATE is not empty; nothing was changed" "$there" "restore to another state.dir, or say --force: this one is set aside"
  fi
}

database_is_free() {
  [ "$KIND" != SQLite ] || return 0
  need pg_restore psql
  [ -n "$DATABASE" ] || fail "the database's address is not known" "the configuration has database.url" "give it as --database-url or DATABASE_URL"
  postgres_environment "$DATABASE"
  local tables others
  tables=$(query "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')") ||
    fail "the database cannot be asked; nothing was changed" "$(tail -n 1 "$WORK/error")" "does it exist? createdb; may this user use it?"
  others=$(query "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'llm-gateway'")
  [ "$others" = 0 ] || fail "a gateway uses this database; nothing was changed" "$others connections" "end every gateway that uses it"
  if [ "$tables" != 0 ] && [ "$FORCE" = no ]; then
    fail "the database is not empty; nothing was changed" "$tables tables" "restore into a new database, or say --force: what is in it is deleted"
  fi
}

query() { psql --no-psqlrc --quiet --tuples-only --no-align --command "$1" 2>"$WORK/error"; }

restore_postgres() {
  if [ "$FORCE" = yes ]; then
    query "DO \$\$ BEGIN EXECUTE format('DROP SCHEMA %I CASCADE', current_schema()); END \$\$; CREATE SCHEMA IF NOT EXISTS public" >/dev/null ||
      fail "the database could not be emptied" "$(tail -n 1 "$WORK/error")"
  fi
  # All of it or nothing.
  pg_restore --no-owner --no-privileges --single-transaction --exit-on-error --dbname="${PGDATABASE:?}" "$BACKUP/database.dump" ||
    fail "pg_restore failed: the database is as it was" "see above" "is it as new as the server? $(pg_restore --version)"
}

restore_state() {
  local file aside
  aside=$STATE.before-restore-$(date -u +%Y%m%dT%H%M%SZ)
  if [ "$FORCE" = yes ] && [ -d "$STATE" ]; then
    mv "$STATE" "$aside"
    say "what was in $STATE is in $aside now"
    mkdir -p "$STATE"
    if [ "$SECRETS" = no ]; then
      for file in "${SECRET_FILES[@]}"; do if [ -f "$aside/$file" ]; then cp --preserve=mode "$aside/$file" "$STATE/$file"; fi; done
    fi
  fi
  mkdir -p "$STATE"
  tar --extract --gzip --sparse --file "$BACKUP/state.tar.gz" --directory "$STATE"
  if [ "$KIND" = SQLite ]; then cp "$BACKUP/gateway.db" "$STATE/gateway.db"; fi
  if [ -d "$WORK/secrets" ]; then
    for file in "${SECRET_FILES[@]}"; do if [ -f "$WORK/secrets/$file" ]; then cp "$WORK/secrets/$file" "$STATE/$file"; fi; done
  fi
  if [ "$(id -u)" = 0 ] && [ -n "${STATE_OWNER:-}" ]; then chown -R "$STATE_OWNER" "$STATE"; fi
}

checked
state_is_free
database_is_free
if [ "$KIND" != SQLite ]; then
  say "restoring the database"
  restore_postgres
fi
say "restoring $STATE"
restore_state
if [ ! -f "$STATE/pepper" ]; then warn "there is no pepper in $STATE: put it there before the gateway starts, or it makes a new one"; fi
say "restored: the backup of $(json "$BACKUP/manifest.json" created)"
say "next: $GATEWAY serve --config $CONFIG, then $GATEWAY ledger verify --config $CONFIG"
