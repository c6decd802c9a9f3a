#!/usr/bin/env bash
# build-and-tag.sh [VERSION] [options]
#
# Builds the image and gives it its tags. For a release VERSION (1.2.3): v1.2.3, v1.2.3-COMMIT, latest, stable. For one that is
# none yet (1.2.3-rc.1): v1.2.3-rc.1 and v1.2.3-rc.1-COMMIT. Without VERSION: dev, and dev-COMMIT.
#
#   --image NAME         ghcr.io/example/llm-gateway (IMAGE_NAME)
#   --distroless         build Dockerfile.distroless; each tag gets -distroless behind it
#   --push               push every tag; a release must be committed, and tagged vVERSION in git
#   --dry-run            show the commands only
#
# Needs docker and git.
set -euo pipefail
# shellcheck source=deployment/scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

VERSION='' IMAGE=${IMAGE_NAME:-ghcr.io/example/llm-gateway} FILE=Dockerfile SUFFIX='' PUSH=no DRY=no
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help)
      usage
      exit 0
      ;;
    --image)
      value_of "$1" $#
      IMAGE=$2
      shift
      ;;
    --distroless) FILE=Dockerfile.distroless SUFFIX=-distroless ;;
    --push) PUSH=yes ;;
    --dry-run) DRY=yes ;;
    -*) bad_usage "what is $1?" ;;
    *)
      [ -z "$VERSION" ] || bad_usage "one version, please"
      VERSION=${1#v}
      ;;
  esac
  shift
done
if [ -n "$VERSION" ] && ! printf '%s' "$VERSION" | grep -Eqx '[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?'; then
  bad_usage "'$VERSION' is no version such as 1.2.3 or 1.2.3-rc.1"
fi
need docker git
run() { if [ "$DRY" = yes ]; then say "$*"; else "$@"; fi; }

cd "$ROOT"
COMMIT=$(git rev-parse --short=12 HEAD) || fail "the commit is not known" "this is no git repository" "run it in a clone"
CHANGED=$(git status --porcelain --untracked-files=no)
if [ -n "$CHANGED" ]; then COMMIT=$COMMIT-changed; fi
if [ "$PUSH" = yes ] && [ -n "$VERSION" ]; then
  [ -z "$CHANGED" ] || fail "a release is not built from what is not committed" "$(printf '%s\n' "$CHANGED" | head -n 3 | tr '\n' ';')" "commit it, or leave VERSION out"
  [ "$(git rev-parse --verify --quiet "v$VERSION^{commit}" || true)" = "$(git rev-parse HEAD)" ] ||
    fail "this commit is not v$VERSION" "git tag --points-at HEAD: $(git tag --points-at HEAD | tr '\n' ' ')" "git tag -s v$VERSION"
fi

case $VERSION in
  '') TAGS=(dev "dev-$COMMIT") ;;
  *-*) TAGS=("v$VERSION" "v$VERSION-$COMMIT") ;;
  *) TAGS=("v$VERSION" "v$VERSION-$COMMIT" latest stable) ;;
esac
NAMES=() FLAGS=()
for tag in "${TAGS[@]}"; do
  NAMES+=("$IMAGE:$tag$SUFFIX")
  FLAGS+=(--tag "$IMAGE:$tag$SUFFIX")
done
# The commit's own time: the same commit gives the same labels.
DATE=$(TZ=UTC git show --no-patch --format=%cd --date=format-local:%Y-%m-%dT%H:%M:%SZ HEAD)
run docker build --file "deployment/docker/$FILE" --build-arg "VERSION=${VERSION:-0.0.0-dev}" --build-arg "GIT_COMMIT=$COMMIT" \
  --build-arg "BUILD_DATE=$DATE" "${FLAGS[@]}" . || fail "docker build failed" "see above"
if [ "$PUSH" = yes ]; then
  for name in "${NAMES[@]}"; do run docker push "$name" || fail "$name could not be pushed" "see above" "docker login ${IMAGE%%/*}"; done
fi
printf '%s\n' "${NAMES[@]}"
