#!/usr/bin/env bash
# health-check.sh [production|staging|local|URL]
#
# Is a deployed gateway well? Ends with 1 at the first thing that must be right and is not.
#
#   1  all pods are ready                    must   (production, staging; elsewhere if NAMESPACE is set)
#   2  GET /health answers 200               must
#   3  each provider                         told
#   4  Redis: connected, or not configured   must
#   5  free disk where the state is          told   (less than MIN_DISK_GB, default 1)
#   6  a small chat completion               told   (model SMOKE_MODEL, default gpt-3.5-turbo; key API_KEY)
#   7  a pod's metrics                       told   (as 1)
#
# The environment is production if none is named. Variables: PRODUCTION_URL, STAGING_URL, NAMESPACE (llm-gateway,
# llm-gateway-staging), WORKLOAD (deployment/llm-gateway), API_KEY, SMOKE_MODEL, MIN_DISK_GB, TIMEOUT (seconds of one request, 15).
# Needs curl, and kubectl where there are pods.
set -euo pipefail
# shellcheck source=deployment/scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

WORKLOAD=${WORKLOAD:-deployment/$NAME}
KEY=${API_KEY:-test}
MODEL=${SMOKE_MODEL:-gpt-3.5-turbo}

pods_are_ready() {
  local counted wanted ready
  counted=$(kube get "$WORKLOAD" --output 'jsonpath={.spec.replicas} {.status.readyReplicas}' 2>"$WORK/kubectl") ||
    fail "1 pods: $WORKLOAD cannot be looked at in $NAMESPACE" "$(tail -n 1 "$WORK/kubectl")" \
      "kubectl config current-context; kubectl --namespace $NAMESPACE get deployments"
  wanted=${counted%% *} ready=${counted##* }
  ready=${ready:-0}
  if [ "$wanted" = 0 ]; then
    fail "1 pods: $WORKLOAD has none" "0 replicas" "where blue-green.sh made colours: WORKLOAD=deployment/$NAME-blue or -green"
  fi
  if [ "$ready" != "$wanted" ]; then
    fail "1 pods: not all of them are ready" "$ready of $wanted" \
      "kubectl --namespace $NAMESPACE get pods --selector app=$NAME; kubectl --namespace $NAMESPACE describe $WORKLOAD"
  fi
  say "1 pods: $ready of $wanted are ready"
}

health_answers() {
  ask GET "$URL/health"
  if [ "$STATUS" = 000 ]; then
    fail "2 $URL/health does not answer" "$(seen)" "is it running, and is this its address? kubectl get pods,ingress; systemctl status $NAME"
  fi
  if [ "$STATUS" != 200 ]; then
    cp "$WORK/body" "$WORK/health"
    local away
    away=$(unhealthy)
    fail "2 $URL/health does not say 200" "$(seen)" \
      "${away:+these providers fail: $away; }GET /health/providers says why, docs/OPERATIONS.md what to do"
  fi
  cp "$WORK/body" "$WORK/health"
  say "2 health: $(json "$WORK/health" status || printf 'unknown'), version $(json "$WORK/health" version || printf 'unknown')"
}

unhealthy() {
  paste -d ' ' <(json "$WORK/health" 'providers.*.name' || true) <(json "$WORK/health" 'providers.*.healthy' || true) |
    awk '$2 != "true" {printf "%s%s", comma, $1; comma = ", "}'
}

providers_are_told() {
  local count away
  count=$(json "$WORK/health" 'providers.*.name' | wc -l)
  away=$(unhealthy)
  if [ -n "$away" ]; then
    warn "3 providers: of $((count)) these are not healthy: $away"
  else
    say "3 providers: all $((count)) are healthy"
  fi
}

redis_is_well() {
  local state
  state=$(json "$WORK/health" dependencies.redis || printf 'not told')
  case $state in
    true | connected | disabled) say "4 Redis: $state" ;;
    *)
      fail "4 Redis is not connected" "dependencies.redis is '$state'" \
        "limits and the cache are each node's own until it is back: look at redis.url, and at Redis itself"
      ;;
  esac
}

disk_is_told() {
  local free least=${MIN_DISK_GB:-1}
  free=$(json "$WORK/health" dependencies.disk_space_gb || printf 'null')
  if [ "$free" = null ]; then
    warn "5 disk: the gateway does not tell how much is free"
  elif awk "BEGIN {exit !($free < $least)}"; then
    warn "5 disk: only $free GB are free at state.dir (MIN_DISK_GB=$least); the ledger stops when it is full"
  else
    say "5 disk: $free GB are free"
  fi
}

chat_is_told() {
  ask POST "$URL/v1/chat/completions" \
    "{\"model\": \"$MODEL\", \"max_tokens\": 10, \"messages\": [{\"role\": \"user\", \"content\": \"Say hello.\"}]}" "$KEY"
  if [ "$STATUS" = 200 ] && json "$WORK/body" choices.0.message >/dev/null; then
    say "6 chat: $MODEL answered in ${TOOK}s"
  else
    warn "6 chat: $MODEL did not answer: $(seen)"
    if [ -z "${API_KEY:-}" ]; then warn "  API_KEY is not set"; fi
  fi
}

metrics_are_told() {
  local pod line
  pod=$(kube get pods --selector "app=$NAME" --field-selector status.phase=Running --output 'jsonpath={.items[0].metadata.name}' 2>/dev/null || true)
  if [ -z "$pod" ]; then
    warn "7 metrics: there is no running pod with the label app=$NAME"
    return
  fi
  line=$(metrics_of "$pod" 2>"$WORK/kubectl" | grep -E '^(# TYPE )?http_requests_total' | head -n 3 || true)
  if [ -n "$line" ]; then
    say "7 metrics of $pod:"
    printf '    %s\n' "$line"
  else
    warn "7 metrics: $pod shows no http_requests_total. $(tail -n 1 "$WORK/kubectl")"
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
place "${1:-production}"
need curl
say "$URL"
if [ "$KUBERNETES" = yes ]; then
  need kubectl
  pods_are_ready
fi
health_answers
providers_are_told
redis_is_well
disk_is_told
chat_is_told
if [ "$KUBERNETES" = yes ]; then metrics_are_told; fi
say "healthy"
