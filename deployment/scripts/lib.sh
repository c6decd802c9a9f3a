# shellcheck shell=bash
# What the scripts of this folder share. Sourced, not run.
#
# A failure says three things: what failed, what was seen, what to do.

set -euo pipefail

NAME=llm-gateway
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
export NAME HERE ROOT
TIMEOUT=${TIMEOUT:-15}
WORK=$(mktemp -d)
trap 'clean_up' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Scripts that have more to undo define `undo`.
clean_up() {
  if declare -F undo >/dev/null; then undo || true; fi
  rm -rf "$WORK"
}

say() { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }

# fail WHAT [SEEN [DO]]
fail() {
  told "$@"
  exit 1
}

# told WHAT [SEEN [DO]]: the same, and go on.
told() {
  printf 'FAILED: %s\n' "$1" >&2
  if [ -n "${2:-}" ]; then printf '  seen: %s\n' "$2" >&2; fi
  if [ -n "${3:-}" ]; then printf '  do:   %s\n' "$3" >&2; fi
}

# The comment at the head of a script is its help.
usage() {
  sed -n '2,/^[^#]/{/^#/s/^#[[:space:]]\{0,1\}//p;}' "$0"
}

bad_usage() {
  printf '%s: %s\n\n' "$(basename "$0")" "$1" >&2
  usage >&2
  exit 2
}

# value_of OPTION COUNT_OF_ARGUMENTS: an option needs a value.
value_of() {
  if [ "$2" -lt 2 ]; then bad_usage "$1 needs a value"; fi
}

need() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || fail "$program is needed" "it is not in PATH" "install $program"
  done
}

python() { python3 -I "$@"; }

# seconds 90 | 90s | 5m | 1h
seconds() {
  local number=${1%[smh]}
  case $number in '' | *[!0-9]*) fail "a time cannot be read" "$1" "write 90s, 5m or 1h" ;; esac
  case $1 in
    *m) printf '%s\n' "$((10#$number * 60))" ;;
    *h) printf '%s\n' "$((10#$number * 3600))" ;;
    *) printf '%s\n' "$((10#$number))" ;;
  esac
}

# place WORD: sets URL, NAMESPACE, KUBERNETES (yes, no) and LOCAL (yes, no).
place() {
  LOCAL=no KUBERNETES=no
  case $1 in
    production)
      URL=${PRODUCTION_URL:-} NAMESPACE=${NAMESPACE:-llm-gateway} KUBERNETES=yes
      [ -n "$URL" ] || fail "the address of production is not known" "PRODUCTION_URL is not set" "export PRODUCTION_URL=https://..."
      ;;
    staging)
      URL=${STAGING_URL:-} NAMESPACE=${NAMESPACE:-llm-gateway-staging} KUBERNETES=yes
      [ -n "$URL" ] || fail "the address of staging is not known" "STAGING_URL is not set" "export STAGING_URL=https://..."
      ;;
    local) URL=http://localhost:8080 ;;
    http://* | https://*) URL=$1 ;;
    *) bad_usage "'$1' is neither an environment nor a URL" ;;
  esac
  URL=${URL%/}
  case $URL in
    http://localhost:* | http://127.0.0.1:* | http://\[::1\]:*) LOCAL=yes ;;
  esac
  if [ "$KUBERNETES" = no ] && [ -n "${NAMESPACE:-}" ]; then KUBERNETES=yes; fi
  NAMESPACE=${NAMESPACE:-llm-gateway}
}

# ask METHOD URL [BODY [KEY [HEADER...]]]: sets STATUS (000: there was no answer), TOOK (seconds) and REASON (why there was
# none), and leaves $WORK/body and $WORK/head. The key goes over a pipe: nobody sees it in the list of processes.
ask() {
  local method=$1 url=$2 body=${3:-} key=${4:-} header seen code=0
  shift $(($# < 4 ? $# : 4))
  local arguments=(--silent --show-error --max-time "$TIMEOUT" --request "$method" --output "$WORK/body" --dump-header "$WORK/head"
    --write-out '%{http_code} %{time_total}')
  if [ "$LOCAL" = yes ]; then arguments+=(--noproxy '*'); fi
  if [ -n "$body" ]; then arguments+=(--header 'Content-Type: application/json' --data-binary "$body"); fi
  for header in "$@"; do arguments+=(--header "$header"); done
  : >"$WORK/body"
  : >"$WORK/head"
  case $key in *[\"\\]* | *$'\n'*) fail "the key cannot be sent" "it has a quote, a backslash or a line end in it" "look at API_KEY" ;; esac
  seen=$({ if [ -n "$key" ]; then printf 'header = "Authorization: Bearer %s"\n' "$key"; fi; } |
    curl --config - "${arguments[@]}" "$url" 2>"$WORK/error") || code=$?
  # shellcheck disable=SC2034
  STATUS=${seen%% *} TOOK=${seen##* } REASON=''
  if [ "$code" -ne 0 ]; then
    STATUS=000
    REASON=$(tr -d '\r' <"$WORK/error" | tail -n 1)
    case $code in
      6) REASON="its name is not known ($REASON)" ;;
      7) REASON="nobody listens there ($REASON)" ;;
      28) REASON="no answer within ${TIMEOUT}s ($REASON)" ;;
      35 | 51 | 58 | 60) REASON="TLS failed ($REASON)" ;;
    esac
  fi
}

# What the last `ask` got, in one line.
seen() {
  if [ "$STATUS" = 000 ]; then
    printf '%s\n' "$REASON"
  else
    printf 'status %s: %s\n' "$STATUS" "$(tr '\n\r' '  ' <"$WORK/body" | cut -c 1-300)"
  fi
}

# json FILE PATH: the value at a path such as error.code or choices.0.message.content; a "*" stands for each entry of a list, one
# line each. Nothing, and status 1, where there is none.
json() {
  if command -v python3 >/dev/null; then
    python - "$1" "$2" <<'PYTHON'
import json, sys

def walk(value, path):
    if not path:
        yield value
    elif path[0] == "*":
        for entry in value if isinstance(value, list) else ():
            yield from walk(entry, path[1:])
    elif isinstance(value, list) and path[0].isdecimal() and int(path[0]) < len(value):
        yield from walk(value[int(path[0])], path[1:])
    elif isinstance(value, dict) and path[0] in value:
        yield from walk(value[path[0]], path[1:])

try:
    with open(sys.argv[1], encoding="utf-8", errors="replace") as file:
        found = list(walk(json.load(file), sys.argv[2].split(".")))
except ValueError:
    sys.exit(1)
for value in found:
    print(value if isinstance(value, str) else json.dumps(value))
sys.exit(not found)
PYTHON
  elif command -v jq >/dev/null; then
    local found
    found=$(jq -r --arg path "$2" 'def at($p): if ($p | length) == 0 then . elif $p[0] == "*" then .[]? | at($p[1:])
      elif type == "array" then .[$p[0] | tonumber] | at($p[1:]) else .[$p[0]]? | at($p[1:]) end;
      at($path | split(".")) | select(. != null)' "$1" 2>/dev/null) || return 1
    [ -n "$found" ] || return 1
    printf '%s\n' "$found"
  else
    fail "JSON cannot be read" "there is neither python3 nor jq" "install one of them"
  fi
}

kube() { kubectl --namespace "$NAMESPACE" "$@"; }

# metrics_of POD: what it says of itself, read through a free port of this machine: nobody has to enter it, and nothing is needed in
# its image. Else status 1, and why in the last line of what is told on stderr. In a process of its own, which ends what it began.
metrics_of() (
  FORWARD='' PORT=''
  trap 'if [ -n "$FORWARD" ]; then kill "$FORWARD" 2>/dev/null || true; wait "$FORWARD" 2>/dev/null || true; fi' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  forwarded=$(mktemp "$WORK/forward.XXXXXX")
  kubectl --namespace "$NAMESPACE" port-forward --address 127.0.0.1 "pod/$1" :9090 >"$forwarded" & # not kube: a shell would be ended for it
  FORWARD=$!
  end=$(($(date +%s) + TIMEOUT))
  while [ -z "$PORT" ]; do
    PORT=$(sed -n 's/^Forwarding from 127\.0\.0\.1:\([0-9][0-9]*\) .*/\1/p' "$forwarded" | head -n 1)
    if [ -n "$PORT" ]; then break; fi
    if ! kill -0 "$FORWARD" 2>/dev/null; then
      FORWARD=''
      exit 1 # kubectl said why
    fi
    if [ "$(date +%s)" -ge "$end" ]; then
      printf 'no port of %s was forwarded within %ss\n' "$1" "$TIMEOUT" >&2
      exit 1
    fi
    sleep 0.1
  done
  curl --silent --show-error --fail --noproxy '*' --max-time "$TIMEOUT" "http://127.0.0.1:$PORT/metrics" || exit 1
)

# The colour that blue-green.sh has made serve. Nothing: there are none.
colour() { kube get "service/$NAME" --output 'jsonpath={.spec.selector.slot}'; }

# no_colours DO: what is done to deployment/llm-gateway would reach no caller.
no_colours() {
  local slot
  [ "$WORKLOAD" = "deployment/$NAME" ] || return 0
  slot=$(colour 2>/dev/null || true)
  [ -z "$slot" ] || fail "callers are sent to a colour, not to deployment/$NAME; nothing was changed" "service/$NAME serves $slot" "$1"
}

image_of() { kube get "$1" --output 'jsonpath={.spec.template.spec.containers[?(@.name=="gateway")].image}'; }

# copy_of DEPLOYMENT NAME KEY VALUE IMAGE REPLICAS: the same Deployment under another name, its pods labelled KEY=VALUE besides.
# IMAGE '': the same. Pods of one never count as the other's: the label is in the selector.
copy_of() {
  kube get "deployment/$1" --output json >"$WORK/copied" || return 1
  python - "$@" "$WORK/copied" <<'PYTHON'
import json, sys

_, name, key, value, image, replicas, file = sys.argv[1:]
with open(file, encoding="utf-8") as read:
    found = json.load(read)
old = found["metadata"]
kept = {k: v for k, v in old.get("annotations", {}).items() if "kubernetes.io/" not in k}
found["metadata"] = {
    "name": name, "namespace": old["namespace"], "labels": {**old.get("labels", {}), key: value}, "annotations": kept,
}
found.pop("status", None)
spec = found["spec"]
spec["replicas"] = int(replicas)
for labels in (spec["selector"].setdefault("matchLabels", {}), spec["template"]["metadata"].setdefault("labels", {})):
    labels[key] = value
if image:
    pod = spec["template"]["spec"]
    gateway = next(one for one in pod["containers"] if one["name"] == "gateway")
    before, gateway["image"] = gateway["image"], image
    for one in pod.get("initContainers", ()):
        if one["image"] == before:
            one["image"] = image
json.dump(found, sys.stdout)
PYTHON
}
