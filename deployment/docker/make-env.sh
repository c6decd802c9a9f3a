#!/bin/sh
# Writes .env for docker-compose.yaml beside this script: new random keys and passwords, readable for you alone.
#   make-env.sh [FILE]
# An existing file is left alone: its passwords are those that the databases were made with.
set -eu

file=${1:-$(dirname "$0")/.env}
if [ -e "$file" ]; then
  echo "$file is there already. Delete it to have new ones; databases that were made keep the old passwords." >&2
  exit 1
fi

random() { # BYTES -> hexadecimal
  head -c "$1" /dev/urandom | od -An -v -tx1 | tr -d ' \n'
}

umask 077
cat >"$file" <<END
OPENAI_API_KEY=${OPENAI_API_KEY:-}
ADMIN_KEY=sk-admin-$(random 24)
APP_KEY=sk-gateway-$(random 24)
MASTER_KEY=$(head -c 32 /dev/urandom | base64 | tr -d '\n')
POSTGRES_PASSWORD=$(random 24)
REDIS_PASSWORD=$(random 24)
GRAFANA_PASSWORD=$(random 12)
TRACING=false
END
echo "$file is written. Put your provider's key into OPENAI_API_KEY; ADMIN_KEY and APP_KEY are the keys to call the gateway with."
