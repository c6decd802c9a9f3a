#!/usr/bin/env bash
# canary.sh production|staging --image IMAGE [options]
#
# Lets a new version serve a part of the callers: 10, then 50 per cent, then all. At each step it waits and looks: if too many
# of its answers are errors (5xx), or a pod is not ready, the new version is taken away at once, and the end is 1.
#
#   --image IMAGE          the new version
#   --steps 10,50,100      per cent; the last one is always 100: deployment/llm-gateway itself gets the image
#   --pause TIME           how long each step is watched (5m)
#   --every TIME           between two looks (30s)
#   --max-error-rate PCT   of the new version's requests (5)
#   --least N              requests in a step, below which nothing is concluded from errors (20)
#   --weight-command CMD   who shares callers out: `CMD PERCENT` is run at each step, `CMD 0` to abort. Absent: by the number of
#                          pods, which all stand behind one Service; the share is then never less than the step says
#   --timeout TIME         until pods are ready (10m)
#
# A mesh or an ingress shares more exactly, and can send those with a header x-canary: docs/UPGRADING.md has an example of CMD.
# Variables: NAMESPACE, and those of health-check.sh. Needs kubectl, curl and python3.
set -euo pipefail
# shellcheck source=deployment/scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ENVIRONMENT='' IMAGE='' STEPS=10,50,100 PAUSE=5m EVERY=30s MOST=5 LEAST=20 WEIGH='' WAIT=10m
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help)
      usage
      exit 0
      ;;
    --image | --steps | --pause | --every | --max-error-rate | --least | --weight-command | --timeout)
      value_of "$1" $#
      case $1 in
        --image) IMAGE=$2 ;;
        --steps) STEPS=$2 ;;
        --pause) PAUSE=$2 ;;
        --every) EVERY=$2 ;;
        --max-error-rate) MOST=$2 ;;
        --least) LEAST=$2 ;;
        --weight-command) WEIGH=$2 ;;
        --timeout) WAIT=$2 ;;
      esac
      shift
      ;;
    production | staging) ENVIRONMENT=$1 ;;
    *) bad_usage "what is $1?" ;;
  esac
  shift
done
[ -n "$ENVIRONMENT" ] || bad_usage "say production or staging"
[ -n "$IMAGE" ] || bad_usage "say which --image"
printf '%s' "$STEPS" | grep -Eqx '([1-9][0-9]?,)*100' || bad_usage "--steps are per cent, ending with 100: 10,50,100"
printf '%s' "$MOST" | grep -Eqx '[0-9]+(\.[0-9]+)?' || bad_usage "--max-error-rate is per cent: 5"
printf '%s' "$LEAST" | grep -Eqx '[0-9]+' || bad_usage "--least is a number"
PAUSE=$(seconds "$PAUSE")
EVERY=$(seconds "$EVERY")
WAIT=$(seconds "$WAIT")
need kubectl curl python3 awk
place "$ENVIRONMENT"
CANARY=$NAME-canary
STARTED=no

# Whatever ends this script before its end takes the new version away.
undo() {
  if [ "$STARTED" = yes ]; then
    warn "taking the new version away"
    if [ -n "$WEIGH" ]; then $WEIGH 0 >&2 || warn "'$WEIGH 0' failed: callers may still be sent to the new version"; fi
    kube delete "deployment/$CANARY" --ignore-not-found --wait=false >&2 || warn "deployment/$CANARY could not be deleted"
  fi
}

abort() { fail "aborted: $1" "$2" "${3:-kubectl --namespace $NAMESPACE logs --selector app=$NAME,track=canary --tail=50}"; }

# Requests and server errors of all canary pods since they began, from what they say themselves: "ALL ERRORS".
counted() {
  local pod pods
  pods=$(kube get pods --selector "app=$NAME,track=canary" --field-selector status.phase=Running --output 'jsonpath={.items[*].metadata.name}')
  [ -n "$pods" ] || return 1
  for pod in $pods; do
    metrics_of "$pod" || return 1
  done >"$WORK/metrics"
  awk '/^gateway_requests_total\{/ {all += $NF; if ($0 ~ /[{,]status="5[0-9][0-9]"/) errors += $NF} END {printf "%d %d\n", all, errors}' "$WORK/metrics"
}

judge() {
  local now all errors rate
  now=$(counted 2>"$WORK/error") || abort "the new version's metrics cannot be read" "$(tail -n 1 "$WORK/error")"
  all=$((${now% *} - ${BASE% *})) errors=$((${now#* } - ${BASE#* }))
  if [ "$all" -lt 0 ]; then abort "a pod of the new version was started again" "its counters went back" ; fi
  rate=$(awk "BEGIN {printf \"%.2f\", $all ? 100 * $errors / $all : 0}")
  SEEN="$errors of $all requests failed ($rate %)"
  if [ "$all" -ge "$LEAST" ] && awk "BEGIN {exit !($rate > $MOST)}"; then
    abort "too many errors" "$SEEN; at most $MOST % are allowed"
  fi
  ENOUGH=no
  if [ "$all" -ge "$LEAST" ]; then ENOUGH=yes; fi
}

watch_it() {
  local end
  BASE=$(counted 2>"$WORK/error") || abort "the new version's metrics cannot be read" "$(tail -n 1 "$WORK/error")"
  end=$(($(date +%s) + PAUSE))
  while :; do
    sleep "$EVERY"
    ready_pods
    judge
    if [ "$(date +%s)" -ge "$end" ]; then break; fi
  done
  if [ "$ENOUGH" = no ]; then warn "only a few requests came ($SEEN; --least $LEAST): errors say nothing"; fi
}

ready_pods() {
  local counted
  counted=$(kube get "deployment/$CANARY" --output 'jsonpath={.spec.replicas} {.status.readyReplicas}') || abort "deployment/$CANARY cannot be looked at" "see above"
  [ "${counted% *}" = "${counted#* }" ] || abort "pods of the new version are not ready" "${counted#* } of ${counted% *}"
}

step() {
  local percent=$1 pods
  # So many that they get at least their share of callers, beside all pods of the version that runs.
  pods=$(((STABLE * percent + 99 - percent) / (100 - percent)))
  if [ -n "$WEIGH" ]; then pods=$(((STABLE * percent + 99) / 100)); fi
  if [ "$pods" -lt 1 ]; then pods=1; fi
  say "$percent %: $pods pods of $IMAGE beside $STABLE"
  copy_of "$NAME" "$CANARY" track canary "$IMAGE" "$pods" >"$WORK/canary.json" || fail "deployment/$NAME cannot be copied" "see above"
  STARTED=yes
  kubectl apply --filename "$WORK/canary.json" || abort "the new version could not be applied" "see above"
  kube rollout status "deployment/$CANARY" "--timeout=${WAIT}s" || abort "the new version does not become ready" "not within ${WAIT}s"
  if [ -n "$WEIGH" ]; then $WEIGH "$percent" || abort "callers could not be shared out" "'$WEIGH $percent' failed"; fi
  watch_it
  say "$percent %: $SEEN"
}

STABLE=$(kube get "deployment/$NAME" --output 'jsonpath={.spec.replicas}' 2>"$WORK/error") ||
  fail "deployment/$NAME cannot be looked at in $NAMESPACE" "$(tail -n 1 "$WORK/error")" "kubectl config current-context"
[ "$STABLE" -ge 1 ] || fail "nothing runs beside which a canary could be tried" "deployment/$NAME has no replicas" "blue-green.sh, where there are colours"
BEFORE=$(image_of "deployment/$NAME")
[ "$BEFORE" != "$IMAGE" ] || fail "this version serves already" "$BEFORE"
if kube get "deployment/$CANARY" >/dev/null 2>&1; then
  fail "there is a canary already" "deployment/$CANARY" "is another canary.sh running? kubectl --namespace $NAMESPACE delete deployment/$CANARY"
fi
for percent in ${STEPS//,/ }; do
  if [ "$percent" -lt 100 ]; then step "$percent"; fi
done
say "100 %: deployment/$NAME gets $IMAGE"
containers=("gateway=$IMAGE")
for name in $(kube get "deployment/$NAME" --output "jsonpath={.spec.template.spec.initContainers[?(@.image=='$BEFORE')].name}"); do
  containers+=("$name=$IMAGE")
done
kube set image "deployment/$NAME" "${containers[@]}" || abort "the image could not be set" "see above"
if ! { kube rollout status "deployment/$NAME" "--timeout=${WAIT}s" && "$HERE/health-check.sh" "$ENVIRONMENT"; }; then
  "$HERE/rollback.sh" "$ENVIRONMENT" --timeout "${WAIT}s" || warn "going back failed, too: look at the cluster now"
  abort "the rollout of 100 % is not well" "see above; went back to $BEFORE"
fi
if [ -n "$WEIGH" ]; then $WEIGH 0 || abort "callers could not be sent back to deployment/$NAME" "'$WEIGH 0' failed"; fi
STARTED=no
kube delete "deployment/$CANARY" --ignore-not-found --wait=false
say "$IMAGE serves all callers"
