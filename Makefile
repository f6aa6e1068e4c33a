# `make` lists the targets. Only python3 (3.11 or newer) and the network are needed; Kafka also wants Java and Maven.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PEERS := .bench-peers
CONFIGURATION := docs/configuration.md chassis.settings \
	$(foreach file,$(sort $(wildcard services/*/*/settings.py console/*/settings.py)),$(notdir $(patsubst %/,%,$(dir $(file)))).settings)
LOCKS := requirements/uv.txt requirements/runtime.txt requirements/dev.txt
PACKAGES := $(patsubst %/pyproject.toml,%,$(sort $(wildcard libs/*/pyproject.toml services/*/pyproject.toml)) cli/pyproject.toml console/pyproject.toml)
TYPED := $(foreach folder,$(PACKAGES) tests bench,$(if $(wildcard $(folder)/*.py $(folder)/*/*.py),$(folder)))

DATA ?= .recobro
PORT_BASE ?= 8000
KAFKA_DATA ?= .kafka
KAFKA_PORT ?= 9092
MINUTES ?= 60
WORKERS ?= 6
ROWS ?= 100000
BENCH_FILE := $(DATA)/bench.csv
PREVIOUS ?= $(shell git describe --tags --abbrev=0 2>/dev/null)

# The targets start many processes. With this variable set, each process would compile our code again.
export PYTHONDONTWRITEBYTECODE :=

help: ## list the targets
	@$(PYTHON) -c 'import re; [print(f"{m[1]:<17}{m[2]}") for m in re.finditer(r"(?m)^([a-z0-9-]+):.*?## (.*)", open("Makefile").read())]'

run: setup ## start the platform, play the main job, serve until Ctrl-C
	@$(BIN)/recobro run --data $(DATA) --port-base $(PORT_BASE)

demo: setup ## play the main job on a temporary platform, check every step
	@$(BIN)/recobro run --once

demo-kafka: setup ## run the demo over Kafka (KAFKA_BOOTSTRAP, else a temporary one)
	@$(BIN)/recobro run --once --kafka

test: setup ## run all tests, list skipped ones with the reason (PYTEST_ARGS)
	@$(BIN)/python -m pytest -n $(WORKERS) $(PYTEST_ARGS)

test-fast: setup ## run the tests that start only PostgreSQL (PYTEST_ARGS)
	@$(BIN)/python -m pytest -n $(WORKERS) -m "not process" $(PYTEST_ARGS)

client-check: setup ## generate clients from the OpenAPI documents and play the main job through them
	@tests/clients/generator
	@RECOBRO_CLIENT_CHECK=1 $(BIN)/python -m pytest tests/clients

day-short: setup ## play two days of a clerk in a browser, by the mouse and by the keyboard alone
	@RECOBRO_DAY=1 $(BIN)/python -m pytest console/tests/test_day.py -k "es-mouse-1280 or en-keyboard-390"

day: setup ## play six days of a clerk in a browser, in three languages
	@RECOBRO_DAY=1 $(BIN)/python -m pytest console/tests/test_day.py

faults-short: setup ## inject one fault over each log, check that defects are noticed
	@RECOBRO_FAULTS=1 $(BIN)/python -m pytest tests/faults -k "embedded-killed-anyone or kafka-killed-anyone or rolled_back"

faults: setup ## kill processes, inject faults, check that defects are noticed
	@RECOBRO_FAULTS=1 RECOBRO_FAULT_PAYMENTS=$${RECOBRO_FAULT_PAYMENTS:-100} \
		$(BIN)/python -m pytest tests/faults tests/journeys/test_kills.py

faults-long: setup ## inject every fault over every log (MINUTES, else 60; SEED)
	@PYTHONPATH=tests:bench $(BIN)/python -m faults --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

money: setup ## play 10,000 histories of files, payments, charges and agreements (SEQUENCES, SEED)
	@RECOBRO_FLOOR_SEQUENCES=$(or $(SEQUENCES),10000) RECOBRO_FLOOR_SEED=$(or $(SEED),1) \
		RECOBRO_MONEY_SEQUENCES=$(or $(SEQUENCES),10000) RECOBRO_MONEY_SEED=$(or $(SEED),1) \
		$(BIN)/python -m pytest -n 2 --timeout 3600 services/portfolio/tests/files/test_weeks_of_files.py \
		services/portfolio/tests/agreements/test_money.py services/promises/tests/agreements/test_agreement_money.py

quarter: setup ## play a quarter of agreements on portfolio and promises (DAYS, CONTRACTS, SEED)
	@RECOBRO_QUARTER_DAYS=$(or $(DAYS),92) RECOBRO_QUARTER_CONTRACTS=$(or $(CONTRACTS),40) \
		RECOBRO_QUARTER_SEED=$(or $(SEED),1) $(BIN)/python -m pytest -n 0 --timeout 7200 tests/quarter

floor: money ## play weeks of files and days of a floor (SEQUENCES, DAYS, CONTRACTS, SEED)
	@RECOBRO_FLOOR_DAYS=$(or $(DAYS),30) RECOBRO_FLOOR_CONTRACTS=$(or $(CONTRACTS),2000) \
		RECOBRO_FLOOR_SEED=$(or $(SEED),1) $(BIN)/python -m pytest --timeout 14400 tests/floor/test_thirty_days.py

dialing-day: setup ## a day of permits and calls while contracts change and dialer-feed is stopped ten times (CONTRACTS, SEED)
	@RECOBRO_DIALING_CONTRACTS=$(or $(CONTRACTS),2000) RECOBRO_FLOOR_SEED=$(or $(SEED),1) \
		$(BIN)/python -m pytest -n 0 --timeout 7200 tests/floor/test_dialing_day.py

dialing-day-killed: setup ## as dialing-day, dialer-feed as a process that is killed ten times (CONTRACTS, SEED)
	@RECOBRO_DIALING_KILLED=1 $(MAKE) --no-print-directory dialing-day CONTRACTS=$(CONTRACTS) SEED=$(SEED)

stage-histories: setup ## compare the stages of every day of random histories with a plain model (HISTORIES, SEED)
	@HISTORIES=$(or $(HISTORIES),10000) SEED=$(or $(SEED),20261130) $(BIN)/python -m pytest -q --timeout 14400 \
		services/portfolio/tests/contracts/test_days.py -k every_day

simulate: setup ## ask for permits on every day of a leap year, and hold the answers against plain rules (DAYS)
	@SIMULATED_DAYS=$(or $(DAYS),366) $(BIN)/python -m pytest -q -n 0 --timeout 3600 services/dialer-feed/tests/simulation

attack-short: setup ## attack a platform for a minute: tokens, bodies, slow clients
	@RECOBRO_ATTACK=1 $(BIN)/python -m pytest tests/attack/test_attack.py -k "not generated"

attack: setup ## attack a platform in every way, check that lost controls are noticed
	@RECOBRO_ATTACK=1 $(BIN)/python -m pytest tests/attack tests/journeys/test_two_agencies.py

bench-dialer: setup ## measure permits, lists, their files and calls beside their floors (LIST_ARGS, BENCH_ARGS)
	@PYTHONPATH=bench $(BIN)/python bench/lists.py $(LIST_ARGS)
	@PYTHONPATH=bench $(BIN)/python bench/permits.py $(BENCH_ARGS)

bench-strategy: setup ## change bands and segments of 1M instalments beside the bare SQL (BENCH_ARGS)
	@PYTHONPATH=bench $(BIN)/python bench/strategy.py $(BENCH_ARGS)

bench-portfolio: setup ## load a file on a running platform, CPU time beside bounds (DATA, ROWS)
	@$(BIN)/python bench/make_portfolio.py $(BENCH_FILE) --rows $(ROWS)
	@PYTHONPATH=bench $(BIN)/python bench/loading.py $(BENCH_FILE) --data $(DATA)

bench-events: setup $(PEERS)/.installed ## measure the event runtime beside bounds and peers (BENCH_ARGS)
	@PYTHONPATH=bench $(BIN)/python -m event_bench $(BENCH_ARGS)

$(PEERS)/.installed: bench/peers/requirements.txt | $(STAMP)
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(PEERS)
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(PEERS)/bin/python --require-hashes bench/peers/requirements.txt
	@touch $@

monitoring-check: setup ## check alert rules, dashboards and runbooks (with promtool)
	@deploy/monitoring/check

dashboards: setup ## regenerate the Grafana dashboards
	@$(BIN)/python deploy/monitoring/dashboards.py

manifests: setup ## regenerate Kafka users and Prometheus' targets from the code
	@$(BIN)/python deploy/manifests.py

images: ## build the container images (needs Docker)
	@REVISION=$$(git rev-parse HEAD) docker compose --profile operations build

compose-check: ## check images and docker-compose.yml without Docker's engine
	@PYTHON=$(PYTHON) deploy/compose/check

k8s-check: setup ## check the Kubernetes manifests (needs Go, Java and Maven)
	@deploy/k8s/check
	@RECOBRO_REQUIRE_KUSTOMIZE=1 $(BIN)/python -m pytest tests/deploy

upgrade-check: setup ## test an earlier release on databases of this one (PREVIOUS)
	@PYTHONPATH=tests $(BIN)/python -m upgrades $(PREVIOUS)

format: setup ## format the code, and let ruff correct what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

typecheck: setup ## check types, folder by folder
	$(foreach folder,$(TYPED),$(BIN)/mypy $(folder) &&) $(BIN)/mypy conftest.py
	$(foreach what,monitoring manifests.py compose/checks.py compose/make_secrets.py,$(BIN)/mypy deploy/$(what) &&) true

lint: setup ## check formatting, rules, links, imports, types, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python tests/markdown_links.py
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory typecheck
	$(BIN)/python -m recobro_events.catalogue docs/events libs/events/tests/snapshots --check
	$(BIN)/python -m chassis.configuration $(CONFIGURATION) --check
	$(BIN)/python deploy/monitoring/dashboards.py --check
	$(BIN)/python deploy/manifests.py --check

contracts: setup ## regenerate docs/events; a changed contract is a new revision
	@$(BIN)/python -m recobro_events.catalogue docs/events libs/events/tests/snapshots

settings: setup ## regenerate docs/configuration.md from the services' settings
	@$(BIN)/python -m chassis.configuration $(CONFIGURATION)

api-examples: setup ## play the story of the API and write the examples of the OpenAPI documents
	@RECOBRO_WRITE_EXAMPLES=1 $(BIN)/python -m pytest -q tests/test_api_examples.py

# The dependencies that our packages declare, locked for run time (all packages) and for the services' images (without
# the command). Our own packages are installed from their folders, so no lock names them.
COMPILE = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-build-isolation $(LOCK_ARGS) \
	$(addprefix --no-emit-package ,$(shell sed -n 's/^name = "\(.*\)"/\1/p' $(addsuffix /pyproject.toml,$(PACKAGES))))

locks: setup ## lock dependencies; pinned versions stay (LOCK_ARGS: --upgrade)
	@$(COMPILE) -o requirements/uv.txt requirements/uv.in
	@printf './%s\n' $(PACKAGES) | $(COMPILE) -o requirements/runtime.txt -
	@printf './%s\n' $(filter-out cli,$(PACKAGES)) | $(COMPILE) -c requirements/runtime.txt -o requirements/services.txt -
	@$(COMPILE) -o requirements/dev.txt requirements/dev.in
	@$(COMPILE) -o requirements/build.txt requirements/build.in

kafka: setup ## start an Apache Kafka broker from Maven Central (KAFKA_PORT)
	@$(BIN)/recobro kafka start --data $(KAFKA_DATA) --port $(KAFKA_PORT)

kafka-stop: ## stop the broker of `make kafka`
	@test ! -x $(BIN)/recobro || $(BIN)/recobro kafka stop --data $(KAFKA_DATA)

stop: ## stop the platform on DATA (.recobro)
	@test ! -x $(BIN)/recobro || $(BIN)/recobro down --data $(DATA)

clean: stop kafka-stop ## stop everything, delete its data and all caches
	rm -rf $(DATA) $(KAFKA_DATA) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find libs services cli console tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## clean, and delete the virtual environment too
	rm -rf $(VENV) $(PEERS) deploy/k8s/.tools deploy/compose/.tools .tools

setup: $(STAMP) ## create .venv from the locked requirements and the workspace
	@:

# The workspace is installed editable, so this runs again only when a lock, a package's metadata or the version
# changes.
$(STAMP): $(LOCKS) $(addsuffix /pyproject.toml,$(PACKAGES)) libs/platform/recobro_platform/__init__.py
	@$(PYTHON) requirements/environment.py $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes $(LOCKS)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation $(addprefix -e ,$(PACKAGES))
	@$(BIN)/python -c 'import pathlib; pathlib.Path("$@").touch()'

.PHONY: help run demo demo-kafka test test-fast client-check floor quarter dialing-day dialing-day-killed stage-histories simulate attack-short attack day-short day faults-short faults faults-long bench-dialer bench-strategy bench-portfolio bench-events monitoring-check dashboards images compose-check k8s-check \
	upgrade-check format typecheck lint contracts settings locks kafka kafka-stop stop clean distclean setup
