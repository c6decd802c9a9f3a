#!/bin/sh
# Makes the environment that the images run. Both Dockerfiles call it, and so does tests/deployment/test_docker_steps.py,
# which is how the same steps are proved where there is no container engine.
#
#   install.sh dependencies TARGET   everything of requirements/run.txt, by hash and as wheels only; and what builds the wheel
#   install.sh gateway TARGET        the gateway's own wheel, built here without asking any registry
#
# To be run in the folder that has requirements/ (and, for `gateway`, pyproject.toml and src/).
set -eu

what=${1:?dependencies or gateway}
target=${2:?the folder of the environment}
python=${PYTHON:-python3}

pip_into() { # FOLDER ARGUMENT...
  folder=$1
  shift
  "$python" -m pip --python "$folder/bin/python" --disable-pip-version-check --quiet "$@"
}

case $what in
dependencies)
  "$python" -m venv --without-pip "$target"
  pip_into "$target" install --no-cache-dir --require-hashes --only-binary :all: -r requirements/run.txt
  "$python" -m venv --without-pip "$target.build"
  pip_into "$target.build" install --no-cache-dir --require-hashes --only-binary :all: -r requirements/build.txt
  ;;
gateway)
  pip_into "$target.build" wheel --no-build-isolation --no-deps --wheel-dir "$target.build/wheels" .
  pip_into "$target" install --no-cache-dir --no-deps --no-index "$target.build"/wheels/llm_gateway-*.whl
  pip_into "$target" check
  "$target/bin/llm-gateway" version
  ;;
*)
  echo "install.sh: dependencies or gateway, not $what" >&2
  exit 2
  ;;
esac
