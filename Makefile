# Every target installs what it needs first, once. `make help` lists them.

.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON := .venv/bin/python
# Many processes are started; without their bytecode at hand each compiles all packages anew, for seconds.
export PYTHONDONTWRITEBYTECODE :=
UV := .venv/bin/uv
EXPORT := $(UV) export --locked --no-dev --no-emit-project --no-header --quiet --format requirements.txt

PACKAGES := .venv/.installed
AZURITE := node_modules/.installed
AZURE_CLI := .venv-azure/.installed

.PHONY: help demo bad-day test check simulate replay exhaustive mutants races fuzz chaos chaos-sabotage soak politeness bench experiment infra package deploy smoke format generate start azurite sources clean

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(AZURITE) ## Copy a dataset end to end and judge it (SABOTAGE=blob|row|message, KEEP=1)
	@$(PYTHON) -m demo $(if $(SABOTAGE),--sabotage $(SABOTAGE)) $(if $(KEEP),--keep)

bad-day: $(AZURITE) ## Let everything go wrong, and put it right by documented commands (SABOTAGE=timer|message|blob)
	@$(PYTHON) -m demo.bad_day $(if $(SABOTAGE),--sabotage $(SABOTAGE))

test: $(AZURITE) ## Run the tests, with coverage (TESTS="tests/unit -k egress" runs some, without)
	@$(PYTHON) -m pytest $(if $(TESTS),$(TESTS),--numprocesses 3 --dist loadscope --no-loadscope-reorder --cov)

check: $(PACKAGES) ## Check format, lint, types, layers and generated files
	@echo "check: format"; $(PYTHON) -m ruff format --check --quiet .
	@echo "check: lint"; $(PYTHON) -m ruff check --quiet .
	@echo "check: types"; $(PYTHON) -m pyright --warnings
	@echo "check: layers"; .venv/bin/lint-imports
	@echo "check: uv.lock"; $(UV) lock --check --quiet
	@echo "check: requirements.txt"; $(EXPORT) | diff - requirements.txt || { echo "requirements.txt differs from uv.lock; run: make generate"; exit 1; }
	@echo "check: datasets.schema.json"; $(PYTHON) -m tools.schema --check
	@echo "check: docs/failures.md"; $(PYTHON) -m tools.failures --check
	@echo "check: docs/events.md"; $(PYTHON) -m tools.events --check
	@echo "check: docs/proof.md"; $(PYTHON) -m benchmarks.proof render --check
	@echo "check: clean"

simulate: $(PACKAGES) ## Run schedules of the simulator, in which processes die before and after each call (N=20000 SEED=1 JSON=file)
	@$(PYTHON) -m tests.simulation run --schedules $(if $(N),$(N),20000) --processes 2 $(if $(SEED),--seed $(SEED)) $(if $(JSON),--report "$(JSON)")

replay: $(PACKAGES) ## Run one schedule again, with its trace, and make it short if it fails (SEED=...)
	@$(PYTHON) -m tests.simulation replay $(SEED) --trace --shrink

exhaustive: $(PACKAGES) ## Go all ways through small models: every order of calls, every crash; in 10 minutes (QUICK=1: in one)
	@$(PYTHON) -m tests.simulation.exhaustive $(if $(QUICK),--quick)

mutants: $(PACKAGES) ## Plant bugs into the pipeline, and let the simulator find each of them (SCHEDULES=5000 ONLY="poison" JSON=file)
	@$(PYTHON) -m tests.simulation.mutants $(if $(SCHEDULES),--schedules $(SCHEDULES)) $(if $(ONLY),--only "$(ONLY)") $(if $(JSON),--json "$(JSON)")

races: $(AZURITE) ## Let workers race for the same blobs and judge what stands there (N=1000)
	@$(PYTHON) -m tests.chaos.races $(if $(N),$(N),1000)

fuzz: $(PACKAGES) ## Read what strangers may write, in N cases for each who reads it (N=1000 SEED=0 JSON=file)
	@$(PYTHON) -m tests.fuzz --cases $(if $(N),$(N),1000) --processes 2 $(if $(SEED),--seed $(SEED)) $(if $(JSON),--json "$(JSON)")

chaos: $(AZURITE) ## Kill workers, break storage, lie about sources, and judge what came of it (MINUTES=10 SEED=1 JSON=file)
	@$(PYTHON) -m tests.chaos.storm --minutes $(if $(MINUTES),$(MINUTES),10) --seed $(if $(SEED),$(SEED),1) $(if $(JSON),--json $(JSON))

chaos-sabotage: $(AZURITE) ## Show that the storm tells of each rule that is broken, minutes each
	@$(PYTHON) -m pytest --quiet -m sabotage tests/chaos/test_storm_sabotage.py

soak: $(AZURITE) ## Copy assets in peace, and look whether memory, descriptors and tasks stay flat (ASSETS=5000)
	@$(PYTHON) -m tests.chaos.storm --soak --assets $(if $(ASSETS),$(ASSETS),5000) $(if $(JSON),--json $(JSON))

politeness: $(AZURITE) ## Let processes ask hosts with limits, kill one, and count what the hosts see (SECONDS=150)
	@$(PYTHON) -m tests.chaos.politeness $(if $(SECONDS),$(SECONDS),150)

bench: $(AZURITE) ## Compare with rclone, which has to be installed (QUICK=1: under 3 minutes)
	@$(PYTHON) -m benchmarks $(if $(QUICK),--quick)

experiment: $(AZURITE) ## Measure what withholding buys and costs, in 50 minutes (QUICK=1: in 5)
	@$(PYTHON) -m benchmarks.withholding $(if $(QUICK),--quick)

infra: $(AZURITE) $(if $(QUICK),,$(AZURE_CLI)) ## Check templates, documents and package without a subscription (QUICK=1: without az, 700 MB)
	@$(PYTHON) -m tools.infra $(if $(QUICK),--quick)
	@$(PYTHON) -m pytest --quiet -m installs tests/deployment

test-az: $(AZURITE) $(AZURE_CLI) ## Run the az lines of docs/operations.md on Azurite (needs az: 700 MB)
	@$(PYTHON) -m pytest --quiet -m azure_cli tests/azure_cli

test-page: $(AZURITE) ## Try the page in Chromium, which has to be there or is installed by apt-get (as root)
	@sh tools/install.sh chromium
	@$(PYTHON) -m pytest --quiet -m page tests/page

package: $(PACKAGES) ## Make package.zip, the same bytes each time
	@$(PYTHON) -m tools.package package.zip

deploy: $(PACKAGES) ## Deploy to Azure by the az CLI (RESOURCE_GROUP=... LOCATION=...)
	@sh tools/deploy.sh "$(RESOURCE_GROUP)" "$(LOCATION)"

smoke: $(PACKAGES) ## Try an app by its address (URL=... KEY=... STORAGE=...)
	@$(PYTHON) -m tools.smoke $(if $(URL),"$(URL)",http://localhost:7071) $(if $(KEY),--key "$(KEY)") $(if $(STORAGE),--storage "$(STORAGE)")

format: $(PACKAGES) ## Format the code and mend what the linter can
	@$(PYTHON) -m ruff check --fix --quiet . ; $(PYTHON) -m ruff format .

generate: $(PACKAGES) ## Write requirements.txt, datasets.schema.json, docs/failures.md and docs/events.md anew
	@$(UV) lock --quiet && $(EXPORT) > requirements.txt && $(PYTHON) -m tools.schema && $(PYTHON) -m tools.failures && $(PYTHON) -m tools.events

start: $(PACKAGES) ## Run the app: by `func start` where it is installed, else by functions_host (ARGS="--port 7072")
	@$(PYTHON) -m tools.start $(ARGS)

azurite: $(AZURITE) ## Run Azurite on its usual ports, its data in .azurite/
	@PATH="$(CURDIR)/.venv/bin:$$PATH" node_modules/.bin/azurite --location .azurite --skipApiVersionCheck --disableTelemetry

sources: $(PACKAGES) ## Serve examples/files on port 8080, for the examples that can be tried on this machine
	@$(PYTHON) -m http.server 8080 --bind 127.0.0.1 --directory examples/files

clean: ## Remove what the targets have installed and made
	@rm -rf .venv .venv-azure node_modules package.zip .azurite .demo .coverage .coverage.* .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PACKAGES): pyproject.toml uv.lock .python-version
	@sh tools/install.sh python

$(AZURITE): package.json package-lock.json $(PACKAGES)
	@sh tools/install.sh azurite

$(AZURE_CLI): tools/infra/azure-cli.txt $(PACKAGES)
	@sh tools/install.sh azure-cli
