#!/usr/bin/env bash
# rollback.sh production|staging [options]
#
# Puts the version before back, and looks whether all is well.
#
#   --to-revision N      this one, of `kubectl rollout history deployment/llm-gateway`
#   --timeout TIME       for the rollout (10m)
#   --list               show the revisions, and change nothing
#
# The pods go back, and with kustomize's overlays the configuration that they had; the database's schema stays. A version works with
# the schema of the one after it (docs/UPGRADING.md). Variables: NAMESPACE, WORKLOAD (deployment/llm-gateway), and those of health-check.sh. Needs kubectl and curl.
set -euo pipefail
# shellcheck source=deployment/scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

WORKLOAD=${WORKLOAD:-deployment/$NAME}
ENVIRONMENT='' REVISION='' WAIT=10m LIST=no
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help)
      usage
      exit 0
      ;;
    --to-revision | --timeout)
      value_of "$1" $#
      case $1 in
        --to-revision) REVISION=$2 ;;
        --timeout) WAIT=$2 ;;
      esac
      shift
      ;;
    --list) LIST=yes ;;
    production | staging) ENVIRONMENT=$1 ;;
    *) bad_usage "what is $1?" ;;
  esac
  shift
done
[ -n "$ENVIRONMENT" ] || bad_usage "say production or staging"
case $REVISION in *[!0-9]*) bad_usage "--to-revision is a number" ;; esac
WAIT=$(seconds "$WAIT")
need kubectl curl
place "$ENVIRONMENT"

kube rollout history "$WORKLOAD" >"$WORK/history" 2>"$WORK/error" ||
  fail "$WORKLOAD cannot be looked at in $NAMESPACE" "$(tail -n 1 "$WORK/error")" "kubectl config current-context"
if [ "$LIST" = yes ]; then
  cat "$WORK/history"
  exit 0
fi
revisions=$(grep -c '^[0-9]' "$WORK/history" || true)
if [ "$revisions" -lt 2 ]; then
  fail "there is no version to go back to" "$revisions revision of $WORKLOAD" "deploy the version you want: deploy.sh $ENVIRONMENT --image ..."
fi
if [ -n "$REVISION" ] && ! grep -q "^${REVISION}[[:space:]]" "$WORK/history"; then
  fail "there is no revision $REVISION" "$(grep '^[0-9]' "$WORK/history" | cut -f 1 -d ' ' | tr '\n' ' ')" "rollback.sh $ENVIRONMENT --list"
fi
no_colours "blue-green.sh back $ENVIRONMENT"
kube rollout undo "$WORKLOAD" ${REVISION:+"--to-revision=$REVISION"} || fail "kubectl did not take the version back" "see above"
kube rollout status "$WORKLOAD" "--timeout=${WAIT}s" ||
  fail "the version before does not become ready, either" "see above" "kubectl --namespace $NAMESPACE get pods --selector app=$NAME"
"$HERE/health-check.sh" "$ENVIRONMENT" || fail "the version before is back, and not well" "see above" "docs/OPERATIONS.md"
say "rolled back to $(image_of "$WORKLOAD")"
