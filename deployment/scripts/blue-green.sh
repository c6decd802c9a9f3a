#!/usr/bin/env bash
# blue-green.sh COMMAND production|staging [options]
#
# Two sets of pods, blue and green; the Service sends callers to one of them. The other one gets the new version, is tested, and then
# the Service is switched: at once, and back as quickly.
#
#   init      make blue of deployment/llm-gateway, once; callers notice nothing
#   switch    --image IMAGE: bring it to the idle colour, test it there, switch, look whether all is well (else switch back)
#   back      switch to the other colour, which still runs
#   finish    end the idle colour's pods; not before the switch is KEEP_MINUTES (30) old, but with --now
#   status    which colour serves what
#
#   --image IMAGE        for switch
#   --timeout TIME       until pods are ready (10m)
#   --preview-port PORT  of this machine, for testing the idle colour through kubectl port-forward (18080)
#   --preview-metrics-port PORT   the same for its metrics (19090)
#   --now                for finish
#
# Running streams stay where they began and end there: pods go only with `finish`, and drain then. An autoscaler of
# deployment/llm-gateway does not follow the colours. Variables: NAMESPACE, KEEP_MINUTES, and those of health-check.sh and
# smoke-tests.sh. Needs kubectl, curl and python3.
set -euo pipefail
# shellcheck source=deployment/scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

COMMAND=${1:-} ENVIRONMENT='' IMAGE='' WAIT=10m PORT=18080 METRICS_PORT=19090 NOW=no
case $COMMAND in
  -h | --help)
    usage
    exit 0
    ;;
  init | switch | back | finish | status) shift ;;
  *) bad_usage "say init, switch, back, finish or status" ;;
esac
while [ $# -gt 0 ]; do
  case $1 in
    --image | --timeout | --preview-port | --preview-metrics-port)
      value_of "$1" $#
      case $1 in
        --image) IMAGE=$2 ;;
        --timeout) WAIT=$2 ;;
        --preview-port) PORT=$2 ;;
        --preview-metrics-port) METRICS_PORT=$2 ;;
      esac
      shift
      ;;
    --now) NOW=yes ;;
    production | staging) ENVIRONMENT=$1 ;;
    *) bad_usage "what is $1?" ;;
  esac
  shift
done
[ -n "$ENVIRONMENT" ] || bad_usage "say production or staging"
WAIT=$(seconds "$WAIT")
need kubectl curl python3
place "$ENVIRONMENT"
MARK=llm-gateway/switched-at
FORWARD=''

undo() { if [ -n "$FORWARD" ]; then kill "$FORWARD" 2>/dev/null; fi; }

other() { case $1 in blue) printf 'green\n' ;; *) printf 'blue\n' ;; esac; }
replicas_of() { kube get "deployment/$1" --output 'jsonpath={.spec.replicas}'; }

known_active() {
  ACTIVE=$(colour) || fail "service/$NAME cannot be looked at in $NAMESPACE" "see above" "kubectl config current-context"
  [ -n "$ACTIVE" ] || fail "there are no colours yet" "service/$NAME has no 'slot' in its selector" "blue-green.sh init $ENVIRONMENT"
  IDLE=$(other "$ACTIVE")
}

point_to() {
  kube patch "service/$NAME" --type merge --patch \
    "{\"metadata\": {\"annotations\": {\"$MARK\": \"$(date +%s)\"}}, \"spec\": {\"selector\": {\"app\": \"$NAME\", \"slot\": \"$1\"}}}" >/dev/null ||
    fail "the Service could not be switched to $1" "see above" "callers are where they were"
}

ready() {
  kube rollout status "deployment/$NAME-$1" "--timeout=${WAIT}s" ||
    fail "$1 does not become ready; callers are where they were" "see above" \
      "kubectl --namespace $NAMESPACE get pods --selector app=$NAME,slot=$1"
}

do_init() {
  ACTIVE=$(colour) || fail "service/$NAME cannot be looked at in $NAMESPACE" "see above" "kubectl config current-context"
  [ -z "$ACTIVE" ] || fail "there are colours already" "service/$NAME serves $ACTIVE" "blue-green.sh switch $ENVIRONMENT --image ..."
  copy_of "$NAME" "$NAME-blue" slot blue '' "$(replicas_of "$NAME")" >"$WORK/blue.json" || fail "deployment/$NAME cannot be copied" "see above"
  kubectl apply --filename "$WORK/blue.json"
  ready blue
  point_to blue
  kube scale "deployment/$NAME" --replicas=0
  say "blue serves; deployment/$NAME has no pods any more"
}

test_idle() {
  # Not kube: a shell would be ended in the place of kubectl.
  kubectl --namespace "$NAMESPACE" port-forward "deployment/$NAME-$IDLE" "$PORT:8080" "$METRICS_PORT:9090" >/dev/null 2>"$WORK/forward" &
  FORWARD=$!
  local tries=0
  until ask GET "http://127.0.0.1:$PORT/health/live" && [ "$STATUS" != 000 ]; do
    tries=$((tries + 1))
    if [ "$tries" -ge 20 ] || ! kill -0 "$FORWARD" 2>/dev/null; then
      fail "$IDLE cannot be reached for its test; callers are where they were" "$REASON $(tail -n 1 "$WORK/forward")" "--preview-port: is $PORT in use?"
    fi
    sleep 0.5
  done
  METRICS_URL=http://127.0.0.1:$METRICS_PORT/metrics "$HERE/smoke-tests.sh" "http://127.0.0.1:$PORT" ||
    fail "$IDLE is not well; callers are where they were" "see above" "kubectl --namespace $NAMESPACE logs --selector app=$NAME,slot=$IDLE --tail=50"
  kill "$FORWARD" 2>/dev/null || true
  wait "$FORWARD" 2>/dev/null || true
  FORWARD=''
}

do_switch() {
  [ -n "$IMAGE" ] || bad_usage "switch needs --image"
  known_active
  say "$ACTIVE serves $(image_of "deployment/$NAME-$ACTIVE"); $IDLE gets $IMAGE"
  copy_of "$NAME-$ACTIVE" "$NAME-$IDLE" slot "$IDLE" "$IMAGE" "$(replicas_of "$NAME-$ACTIVE")" >"$WORK/idle.json" ||
    fail "deployment/$NAME-$ACTIVE cannot be copied" "see above"
  kubectl apply --filename "$WORK/idle.json"
  ready "$IDLE"
  test_idle
  point_to "$IDLE"
  if ! WORKLOAD=deployment/$NAME-$IDLE "$HERE/health-check.sh" "$ENVIRONMENT"; then
    point_to "$ACTIVE"
    fail "the health check failed: switched back to $ACTIVE" "see above" "$IDLE still runs: look at its logs, then blue-green.sh finish $ENVIRONMENT --now"
  fi
  say "$IDLE serves $IMAGE. $ACTIVE goes on running: blue-green.sh back $ENVIRONMENT, or in ${KEEP_MINUTES:-30} minutes: blue-green.sh finish $ENVIRONMENT"
}

do_back() {
  known_active
  local running
  running=$(replicas_of "$NAME-$IDLE" 2>/dev/null || printf '0')
  [ "${running:-0}" -gt 0 ] || fail "$IDLE has no pods to go back to" "${running:-0} replicas" "blue-green.sh switch $ENVIRONMENT --image ..."
  ready "$IDLE"
  point_to "$IDLE"
  WORKLOAD=deployment/$NAME-$IDLE "$HERE/health-check.sh" "$ENVIRONMENT" || fail "$IDLE serves again, and is not well" "see above" "docs/OPERATIONS.md"
  say "$IDLE serves $(image_of "deployment/$NAME-$IDLE") again"
}

do_finish() {
  known_active
  local since age keep=${KEEP_MINUTES:-30}
  since=$(kube get "service/$NAME" --output "jsonpath={.metadata.annotations.llm-gateway/switched-at}" || true)
  age=$((($(date +%s) - ${since:-0}) / 60))
  if [ "$NOW" = no ] && [ "$age" -lt "$keep" ]; then
    fail "it is too early: $IDLE is the quick way back" "the switch is $age minutes old; KEEP_MINUTES is $keep" "wait, or say --now"
  fi
  kube scale "deployment/$NAME-$IDLE" --replicas=0
  say "$IDLE ends when its streams have ended; $ACTIVE serves"
}

do_status() {
  known_active
  say "$ACTIVE serves: $(image_of "deployment/$NAME-$ACTIVE"), $(replicas_of "$NAME-$ACTIVE") pods"
  say "$IDLE is idle: $(image_of "deployment/$NAME-$IDLE" 2>/dev/null || printf 'none'), $(replicas_of "$NAME-$IDLE" 2>/dev/null || printf '0') pods"
}

"do_$COMMAND"
