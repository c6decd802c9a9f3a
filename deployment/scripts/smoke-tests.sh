#!/usr/bin/env bash
# smoke-tests.sh [production|staging|local|URL]
#
# Does a gateway do what callers need? All tests run; the end is 1 if one of them failed. Without an argument:
# http://localhost:8080.
#
#   1  GET /health answers 200
#   2  metrics have http_requests_total         (local only: METRICS_URL, default port 9090 of the same host)
#   3  a chat completion has content            (needs API_KEY; model SMOKE_MODEL, default gpt-3.5-turbo)
#   4  an invalid request without a key is answered with an error
#   5  OPTIONS is answered with Access-Control-Allow-Origin, for web pages   (SMOKE_CORS=no: not tested)
#   6  ten requests of /health are not limited  (429 is a warning only)
#   7  /health answers within a second          (SMOKE_MILLISECONDS, default 1000)
#   8  a stream ends with [DONE]                (as 3)
#
# Variables: PRODUCTION_URL, STAGING_URL, API_KEY, SMOKE_MODEL, SMOKE_ORIGIN (https://app.example.com), METRICS_URL, ADMIN_KEY (for
# metrics, where they need one), TIMEOUT (seconds of one request, 15). Needs curl.
set -euo pipefail
# shellcheck source=deployment/scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

MODEL=${SMOKE_MODEL:-gpt-3.5-turbo}
ORIGIN=${SMOKE_ORIGIN:-https://app.example.com}
MOST=${SMOKE_MILLISECONDS:-1000}
FAILED=0 PASSED=0

pass() {
  PASSED=$((PASSED + 1))
  say "ok      $1"
}

wrong() {
  FAILED=$((FAILED + 1))
  told "$@"
}

skip() { say "skipped $1"; }

test_health() {
  ask GET "$URL/health"
  if [ "$STATUS" = 200 ]; then
    pass "1 health: $(json "$WORK/body" status || printf 'no status told')"
  elif [ "$STATUS" = 000 ]; then
    wrong "1 health: there is no answer" "$(seen)" "is it running, and is $URL its address?"
  else
    wrong "1 health: not 200" "$(seen)" "no provider is healthy, or something in between answers: GET $URL/health/providers"
  fi
}

test_metrics() {
  if [ "$LOCAL" != yes ] && [ -z "${METRICS_URL:-}" ]; then
    skip "2 metrics: from inside only"
    return
  fi
  local url=${METRICS_URL:-${URL%:*}:9090/metrics}
  ask GET "$url" '' "${ADMIN_KEY:-}"
  if [ "$STATUS" = 200 ] && grep -Eq '^(# TYPE )?http_requests_total' "$WORK/body"; then
    pass "2 metrics: http_requests_total is there"
  elif [ "$STATUS" = 200 ]; then
    wrong "2 metrics: http_requests_total is missing" "$(grep -c '^[a-z]' "$WORK/body" || true) samples at $url" "is this the gateway's own port for operators?"
  elif [ "$STATUS" = 401 ] || [ "$STATUS" = 403 ]; then
    wrong "2 metrics: they need a key" "$(seen)" "set ADMIN_KEY to a key of kind admin"
  else
    wrong "2 metrics: $url does not answer" "$(seen)" "look at server.admin.port, and set METRICS_URL"
  fi
}

# The answer of /v1/chat/completions to a small question; arguments are more fields of the request.
chat() {
  local more=${1:-}
  ask POST "$URL/v1/chat/completions" \
    "{\"model\": \"$MODEL\", \"max_tokens\": 10, $more\"messages\": [{\"role\": \"user\", \"content\": \"Say hello.\"}]}" "$API_KEY"
}

what_to_do() {
  case $STATUS in
    401) printf 'API_KEY is not known here: llm-gateway keys list' ;;
    403) printf 'the key may not use %s: set SMOKE_MODEL, or give it the model' "$MODEL" ;;
    404) printf 'there is no model %s: set SMOKE_MODEL to one of GET /v1/models' "$MODEL" ;;
    429) printf 'a limit or a budget of this key is used up: llm-gateway budgets' ;;
    5*) printf 'the provider failed: GET /health/providers, docs/OPERATIONS.md' ;;
    *) printf 'look at the log of the request: %s' "$(sed -n 's/^[Xx]-[Rr]equest-[Ii][Dd]: *//p' "$WORK/head" | tr -d '\r' | head -n 1)" ;;
  esac
}

test_chat() {
  if [ -z "${API_KEY:-}" ]; then
    skip "3 chat: API_KEY is not set"
    return
  fi
  chat
  if [ "$STATUS" = 200 ] && [ -n "$(json "$WORK/body" choices.0.message.content || true)" ]; then
    pass "3 chat: $MODEL answered in $TOOK s"
  elif [ "$STATUS" = 200 ]; then
    wrong "3 chat: the answer has no choices[0].message.content" "$(seen)" "does something else answer at $URL?"
  else
    wrong "3 chat: $MODEL did not answer" "$(seen)" "$(what_to_do)"
  fi
}

test_error() {
  ask POST "$URL/v1/chat/completions" '{"invalid": "request"}'
  if [ "$STATUS" != 000 ] && [ "$STATUS" -ge 400 ] && [ "$STATUS" -lt 500 ] && json "$WORK/body" error >/dev/null; then
    pass "4 an invalid request is refused: $STATUS $(json "$WORK/body" error.code || true)"
  else
    wrong "4 an invalid request is not answered with an error" "$(seen)" "a 4xx with \"error\" in its body is expected: does something in between answer?"
  fi
}

test_cors() {
  if [ "${SMOKE_CORS:-yes}" = no ]; then
    skip "5 web pages: SMOKE_CORS=no"
    return
  fi
  ask OPTIONS "$URL/v1/chat/completions" '' '' "Origin: $ORIGIN" 'Access-Control-Request-Method: POST'
  # Header names have no case: HTTP/2 and many proxies write them small.
  if grep -qi '^access-control-allow-origin:' "$WORK/head"; then
    pass "5 web pages: $(grep -i '^access-control-allow-origin:' "$WORK/head" | head -n 1 | tr -d '\r')"
  else
    wrong "5 web pages may not call: no Access-Control-Allow-Origin for $ORIGIN" "$(seen)" \
      "put the origin into server.cors.origins; if no page shall call: SMOKE_CORS=no"
  fi
}

test_limits() {
  local time
  for time in 1 2 3 4 5 6 7 8 9 10; do
    ask GET "$URL/health"
    if [ "$STATUS" = 429 ]; then
      warn "6 limits: request $time of /health was answered 429; something before the gateway limits health checks"
      return
    elif [ "$STATUS" = 000 ]; then
      wrong "6 limits: request $time of /health was not answered" "$(seen)" "see 1"
      return
    fi
  done
  pass "6 limits: ten requests of /health were not limited"
}

test_speed() {
  ask GET "$URL/health"
  local took
  took=$(awk "BEGIN {printf \"%d\", ${TOOK:-0} * 1000}")
  if [ "$STATUS" = 000 ]; then
    wrong "7 speed: /health does not answer" "$(seen)" "see 1"
  elif [ "$took" -lt "$MOST" ]; then
    pass "7 speed: /health took $took ms"
  else
    wrong "7 speed: /health is too slow" "$took ms; less than $MOST are expected" \
      "is the way there slow (TLS, proxy), or the gateway: gateway_event_loop_lag_seconds, processor, memory"
  fi
}

test_stream() {
  if [ -z "${API_KEY:-}" ]; then
    skip "8 stream: API_KEY is not set"
    return
  fi
  chat '"stream": true, '
  if [ "$STATUS" = 200 ] && grep -q '^data: \[DONE\]' "$WORK/body"; then
    pass "8 stream: it came to its end"
  elif [ "$STATUS" = 200 ]; then
    wrong "8 stream: it was cut" "$(tail -c 200 "$WORK/body" | tr '\n' ' ')" "look at time limits and buffers of the proxy before the gateway"
  else
    wrong "8 stream: $MODEL did not answer" "$(seen)" "$(what_to_do)"
  fi
}

case ${1:-} in
  -h | --help)
    usage
    exit 0
    ;;
  -*) bad_usage "there is no option $1" ;;
esac
if [ $# -gt 1 ]; then bad_usage "one environment, please"; fi
place "${1:-local}"
need curl awk
say "$URL"
test_health
test_metrics
test_chat
test_error
test_cors
test_limits
test_speed
test_stream
say "$PASSED passed, $FAILED failed"
if [ "$FAILED" -ne 0 ]; then exit 1; fi
