# `make` lists the targets. Only python3 (3.11 or newer) and the network are needed; Kafka also wants Java and Maven.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PEERS := .bench-peers
CONFIGURATION := docs/configuration.md chassis.settings \
	$(foreach file,$(sort $(wildcard services/*/*/settings.py)),$(notdir $(patsubst %/,%,$(dir $(file)))).settings)
LOCKS := requirements/uv.txt requirements/runtime.txt requirements/dev.txt
PACKAGES := $(patsubst %/pyproject.toml,%,$(sort $(wildcard libs/*/pyproject.toml services/*/pyproject.toml)) cli/pyproject.toml)
TYPED := $(foreach folder,$(PACKAGES) tests bench,$(if $(wildcard $(folder)/*.py $(folder)/*/*.py),$(folder)))

DATA ?= .recobro
PORT_BASE ?= 8000
KAFKA_DATA ?= .kafka
KAFKA_PORT ?= 9092
MINUTES ?= 60
WORKERS ?= 6
PREVIOUS ?= $(shell git describe --tags --abbrev=0 2>/dev/null)

# Many processes are started here: where this is set, each of them would compile all that is ours again.
export PYTHONDONTWRITEBYTECODE :=

help: ## list the targets
	@$(PYTHON) -c 'import re; [print(f"{m[1]:<13}{m[2]}") for m in re.finditer(r"(?m)^([a-z-]+):.*?## (.*)", open("Makefile").read())]'

run: setup ## start the platform, play the main job on a sample portfolio, keep serving until Ctrl-C
	@$(BIN)/recobro run --data $(DATA) --port-base $(PORT_BASE)

demo: setup ## play the main job on a platform of its own, check every step, stop it
	@$(BIN)/recobro run --once

demo-kafka: setup ## the same over a real Apache Kafka: KAFKA_BOOTSTRAP, else one of its own
	@$(BIN)/recobro run --once --kafka

test: setup ## run all tests; what was skipped is listed with its reason (PYTEST_ARGS for pytest)
	@$(BIN)/python -m pytest -n $(WORKERS) $(PYTEST_ARGS)

test-fast: setup ## run the tests that start no process beside PostgreSQL (PYTEST_ARGS for pytest)
	@$(BIN)/python -m pytest -n $(WORKERS) -m "not process" $(PYTEST_ARGS)

faults-short: setup ## inject one fault over each log, and show that the rig notices a defect, in a minute
	@RECOBRO_FAULTS=1 $(BIN)/python -m pytest tests/faults -k "embedded-killed-anyone or kafka-killed-anyone or rolled_back"

faults: setup ## kill every process under payments, inject a selection of faults, and show that the rig notices defects
	@RECOBRO_FAULTS=1 RECOBRO_FAULT_PAYMENTS=$${RECOBRO_FAULT_PAYMENTS:-100} \
		$(BIN)/python -m pytest tests/faults tests/journeys/test_kills.py

faults-long: setup ## inject every fault over every log, again and again (MINUTES, else 60; SEED to repeat a run)
	@PYTHONPATH=tests:bench $(BIN)/python -m faults --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

bench-events: setup $(PEERS)/.installed ## measure the event runtime beside its bounds and peers, half an hour (BENCH_ARGS)
	@PYTHONPATH=bench $(BIN)/python -m event_bench $(BENCH_ARGS)

$(PEERS)/.installed: bench/peers/requirements.txt | $(STAMP)
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(PEERS)
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(PEERS)/bin/python --require-hashes bench/peers/requirements.txt
	@touch $@

monitoring-check: setup ## check alert rules and their tests, dashboards and runbooks (promtool, else that part is skipped)
	@deploy/monitoring/check

dashboards: setup ## write the Grafana dashboards anew
	@$(BIN)/python deploy/monitoring/dashboards.py

manifests: setup ## write the Kafka users and Prometheus' targets anew from the services' code
	@$(BIN)/python deploy/manifests.py

images: ## build the container images (needs Docker)
	@REVISION=$$(git rev-parse HEAD) docker compose --profile operations build

compose-check: ## check the images and docker-compose.yml without Docker's engine (what Docker Compose itself says needs Go)
	@PYTHON=$(PYTHON) deploy/compose/check

k8s-check: setup ## build the Kubernetes manifests, check them, compare them with the code (needs Go, Java and Maven)
	@deploy/k8s/check
	@RECOBRO_REQUIRE_KUSTOMIZE=1 $(BIN)/python -m pytest tests/deploy

upgrade-check: setup ## run the tests of an earlier release's services on databases that this release migrates (PREVIOUS)
	@PYTHONPATH=tests $(BIN)/python -m upgrades $(PREVIOUS)

format: setup ## format the code, and correct what ruff can correct
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

typecheck: setup ## types, folder by folder
	$(foreach folder,$(TYPED),$(BIN)/mypy $(folder) &&) $(BIN)/mypy conftest.py
	$(foreach what,monitoring manifests.py compose/checks.py compose/make_secrets.py,$(BIN)/mypy deploy/$(what) &&) true

lint: setup ## formatting, rules, links, who may import whom, types, and what is made from the code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python tests/markdown_links.py
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory typecheck
	$(BIN)/python -m recobro_events.catalogue docs/events libs/events/tests/snapshots --check
	$(BIN)/python -m chassis.configuration $(CONFIGURATION) --check
	$(BIN)/python deploy/monitoring/dashboards.py --check
	$(BIN)/python deploy/manifests.py --check

contracts: setup ## regenerate docs/events from the contracts; a contract that changed is kept as a new revision
	@$(BIN)/python -m recobro_events.catalogue docs/events libs/events/tests/snapshots

settings: setup ## regenerate docs/configuration.md from the settings of the services
	@$(BIN)/python -m chassis.configuration $(CONFIGURATION)

# What our packages declare, locked for run time (all of them) and for the images of the services (without the command).
# They are installed from their folders, so no lock names them.
COMPILE = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-build-isolation $(LOCK_ARGS) \
	$(addprefix --no-emit-package ,$(shell sed -n 's/^name = "\(.*\)"/\1/p' $(addsuffix /pyproject.toml,$(PACKAGES))))

locks: setup ## lock what packages and requirements/*.in want; what is locked stays (LOCK_ARGS, such as --upgrade)
	@$(COMPILE) -o requirements/uv.txt requirements/uv.in
	@printf './%s\n' $(PACKAGES) | $(COMPILE) -o requirements/runtime.txt -
	@printf './%s\n' $(filter-out cli,$(PACKAGES)) | $(COMPILE) -c requirements/runtime.txt -o requirements/services.txt -
	@$(COMPILE) -o requirements/dev.txt requirements/dev.in
	@$(COMPILE) -o requirements/build.txt requirements/build.in

kafka: setup ## start an Apache Kafka broker, fetched from Maven Central (KAFKA_PORT, else 9092)
	@$(BIN)/recobro kafka start --data $(KAFKA_DATA) --port $(KAFKA_PORT)

kafka-stop: ## stop that broker
	@test ! -x $(BIN)/recobro || $(BIN)/recobro kafka stop --data $(KAFKA_DATA)

stop: ## stop the platform that runs here
	@test ! -x $(BIN)/recobro || $(BIN)/recobro down --data $(DATA)

clean: stop kafka-stop ## stop everything, delete its data and all caches
	rm -rf $(DATA) $(KAFKA_DATA) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find libs services cli tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## clean, and delete the virtual environment too
	rm -rf $(VENV) $(PEERS) deploy/k8s/.tools deploy/compose/.tools

setup: $(STAMP) ## create .venv from the locked requirements and install the workspace
	@:

# The workspace is installed editable, so that this is needed again only when a lock, a package's metadata or
# the version change.
$(STAMP): $(LOCKS) $(addsuffix /pyproject.toml,$(PACKAGES)) libs/platform/recobro_platform/__init__.py
	@$(PYTHON) requirements/environment.py $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes $(LOCKS)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation $(addprefix -e ,$(PACKAGES))
	@$(BIN)/python -c 'import pathlib; pathlib.Path("$@").touch()'

.PHONY: help run demo demo-kafka test test-fast faults-short faults faults-long bench-events monitoring-check dashboards images compose-check k8s-check \
	upgrade-check format typecheck lint contracts settings locks kafka kafka-stop stop clean distclean setup
