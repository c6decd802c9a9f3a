#!/usr/bin/env bash
# deploy.sh production|staging --image IMAGE [options]
#
# Brings a version of the gateway into a cluster: checks what would be applied, brings the database's schema up to date, rolls the
# pods over one by one, and looks whether all is well. If it is not, the version before is put back.
#
#   --image IMAGE        such as ghcr.io/example/llm-gateway:v1.2.3
#   --overlay FOLDER     of deployment/k8s/overlays (production: production, staging: small), or a path
#   --timeout TIME       for the migration and for the rollout, each (10m)
#   --no-rollback        leave a version that is not well where it is
#   --dry-run            show what would change, and change nothing
#
# Variables: NAMESPACE (llm-gateway, llm-gateway-staging), WORKLOAD (deployment/llm-gateway), and those of health-check.sh and smoke-tests.sh (PRODUCTION_URL, API_KEY, ...).
# The cluster is kubectl's current context. Needs kubectl and curl.
set -euo pipefail
# shellcheck source=deployment/scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

WORKLOAD=${WORKLOAD:-deployment/$NAME}
# The image's name in the manifests, which is replaced.
MANIFEST_IMAGE=ghcr.io/example/llm-gateway
ENVIRONMENT='' IMAGE='' OVERLAY='' WAIT=10m ROLL_BACK=yes DRY=no
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help)
      usage
      exit 0
      ;;
    --image | --overlay | --timeout)
      value_of "$1" $#
      case $1 in
        --image) IMAGE=$2 ;;
        --overlay) OVERLAY=$2 ;;
        --timeout) WAIT=$2 ;;
      esac
      shift
      ;;
    --no-rollback) ROLL_BACK=no ;;
    --dry-run) DRY=yes ;;
    production | staging) ENVIRONMENT=$1 ;;
    *) bad_usage "what is $1?" ;;
  esac
  shift
done
[ -n "$ENVIRONMENT" ] || bad_usage "say production or staging"
[ -n "$IMAGE" ] || bad_usage "say which --image"
case ${IMAGE##*/} in *:* | *@*) ;; *) bad_usage "--image needs a tag or a digest: 'latest' may be another one tomorrow" ;; esac
WAIT=$(seconds "$WAIT")
need kubectl curl
place "$ENVIRONMENT"
if [ -z "$OVERLAY" ]; then case $ENVIRONMENT in production) OVERLAY=production ;; *) OVERLAY=small ;; esac; fi
case $OVERLAY in */*) ;; *) OVERLAY=$ROOT/deployment/k8s/overlays/$OVERLAY ;; esac
[ -e "$OVERLAY/kustomization.yaml" ] || fail "there is no such overlay" "$OVERLAY" "ls $ROOT/deployment/k8s/overlays"

render() {
  # Beside the overlay, because kustomize takes relative paths only; nothing of the overlay itself is changed.
  local repository tag kind=newTag
  case $IMAGE in
    *@*) repository=${IMAGE%@*} tag=${IMAGE#*@} kind=digest ;;
    *) repository=${IMAGE%:*} tag=${IMAGE##*:} ;;
  esac
  mkdir "$WORK/render"
  cat >"$WORK/render/kustomization.yaml" <<YAML
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: $NAMESPACE
resources: ["$(realpath --relative-to="$WORK/render" "$OVERLAY")"]
images:
  - {name: $MANIFEST_IMAGE, newName: $repository, $kind: "$tag"}
YAML
  kubectl kustomize "$WORK/render" >"$WORK/all.yaml" 2>"$WORK/error" ||
    fail "the manifests cannot be rendered" "$(tail -n 1 "$WORK/error")" "kubectl kustomize $OVERLAY"
  grep -qF "image: $IMAGE" "$WORK/all.yaml" ||
    fail "the manifests do not use the image" "no 'image: $IMAGE' in what $OVERLAY renders" "is $MANIFEST_IMAGE the name there?"
}

migrate() {
  if ! grep -q '^  name: llm-gateway-migrate$' "$WORK/all.yaml"; then
    say "the overlay has no migration"
    return
  fi
  say "migrating the database's schema; the version that runs works with the new one, too"
  if kube wait --for=condition=complete "job/$NAME-migrate" "--timeout=${WAIT}s" >/dev/null 2>"$WORK/error"; then return; fi
  kube logs "job/$NAME-migrate" --tail=20 >&2 || true
  fail "the migration did not end; no pod was replaced" "$(tail -n 1 "$WORK/error")" \
    "kubectl --namespace $NAMESPACE describe job/$NAME-migrate; the version before goes on serving"
}

unwell() {
  told "$1" "$2" "kubectl --namespace $NAMESPACE get pods --selector app=$NAME; kubectl --namespace $NAMESPACE logs --selector app=$NAME --tail=50"
  if [ "$ROLL_BACK" = no ]; then
    say "$IMAGE stays (--no-rollback)"
  elif [ -z "$BEFORE" ]; then
    say "there was no version before: nothing to go back to"
  else
    say "going back to $BEFORE"
    "$HERE/rollback.sh" "$ENVIRONMENT" --timeout "${WAIT}s" || told "going back failed, too" "see above" "look at the cluster now"
  fi
  exit 1
}

render
if [ "$DRY" = yes ]; then
  kubectl diff --filename "$WORK/all.yaml" || [ $? -eq 1 ] || fail "the difference cannot be told" "kubectl diff ended with an error"
  exit 0
fi
no_colours "blue-green.sh switch $ENVIRONMENT --image $IMAGE"
BEFORE=$(image_of "$WORKLOAD" 2>/dev/null || true)
say "$ENVIRONMENT: ${BEFORE:-nothing} -> $IMAGE"
# A Job cannot be changed, and the last one's may still be there.
kube delete job "$NAME-migrate" --ignore-not-found --wait=true >/dev/null
kubectl apply --dry-run=server --filename "$WORK/all.yaml" >/dev/null 2>"$WORK/error" ||
  [ -z "$BEFORE" ] || fail "the cluster would not take this; nothing was changed" "$(tail -n 2 "$WORK/error" | tr '\n' ' ')" "kubectl apply --dry-run=server --kustomize $OVERLAY"
kubectl apply --filename "$WORK/all.yaml" --selector "app.kubernetes.io/component!=gateway" ||
  fail "what the gateway needs could not be applied; no pod was replaced" "see above"
migrate
kubectl apply --filename "$WORK/all.yaml" --selector "app.kubernetes.io/component=gateway" || unwell "the gateway could not be applied" "see above"
kube rollout status "$WORKLOAD" "--timeout=${WAIT}s" || unwell "the rollout did not end" "not all pods became ready within ${WAIT}s"
"$HERE/health-check.sh" "$ENVIRONMENT" || unwell "the health check failed" "see above"
"$HERE/smoke-tests.sh" "$ENVIRONMENT" || unwell "the smoke tests failed" "see above"
say "deployed: $IMAGE"
