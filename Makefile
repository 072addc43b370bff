# `make` lists the targets. Cargo and npm decide what is out of date and how much to run in parallel, so each step here
# runs alone except in `make test`, and most of them always run. Only steps that they cannot judge have a stamp file.

# Which half of `make test` this is: checks or runs.
SIDE_BY_SIDE :=
CHECKS := $(filter checks,$(SIDE_BY_SIDE))
ifneq ($(SIDE_BY_SIDE),)
# Cargo has its own jobs and needs none of make's.
unexport MAKEFLAGS
else
.NOTPARALLEL:
endif
.DEFAULT_GOAL := help

# How many enrichers `make up` starts.
ENRICHERS ?= 2
# The chaos run: its seed (random if empty), minutes, events per second, and 1 for a cluster of three NATS servers.
SEED ?=
MINUTES ?= 10
RATE ?= 2000
CLUSTER ?=
# Flags of bench and bench-lookups, for example BENCH_FLAGS="--only latency --seconds 10".
BENCH_FLAGS ?=
# The collector with its demonstration shop: by default it runs beside the simulated emitter, 1 makes it the only emitter
# (or one beside EMITTER_URL), 0 leaves it out. SITES= lists websites that may also send to it.
COLLECTOR ?=
# How long each fuzz target runs, and which: all if empty.
SECONDS ?= 60
TARGETS ?=
# 1 starts the notifier as well; WEBHOOK_URL_FILE= names the file with the webhook's address (docs/notifications.md).
NOTIFIER ?=
# Flags of the soak, for example SOAK_FLAGS="--help".
SOAK_FLAGS ?=

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
export BIN_DIR := $(TARGET_DIR)/release
# `make up` builds with a profile that compiles faster and runs a little slower.
LOCAL_BIN_DIR := $(TARGET_DIR)/local

VENV := .venv/installed
KUBERNETES_SCHEMAS := .venv/kubernetes
DOCUMENT_TOOLS := .venv/documents
NODE_MODULES := frontend/node_modules/.installed
PAGE := frontend/dist/index.html
TRACKER_SCRIPT := collector/tracker/dist/v.js
PAGE_SOURCES := $(shell find frontend/src frontend/public frontend/index.html frontend/*.json frontend/*.ts 2>/dev/null)

comma := ,
empty :=
space := $(empty) $(empty)

# A third party with a given address or provider file is real and needs no simulator.
COLLECTOR_ROLE := $(or $(COLLECTOR),$(if $(EMITTER_URL),0,beside))
SIMULATED_EMITTER := $(if $(EMITTER_URL),,$(filter-out 1,$(COLLECTOR_ROLE)))
SIMULATED_DEANONYMIZER := $(if $(DEANONYMIZER_URL)$(DEANONYMIZER_PROVIDER),,yes)
WITH_COLLECTOR := $(filter-out 0,$(COLLECTOR_ROLE))
THIRD_PARTIES := $(if $(SIMULATED_EMITTER),emitter) $(if $(SIMULATED_DEANONYMIZER),deanonymizer) $(if $(WITH_COLLECTOR),collector)
THIRD_PARTY_PORTS := $(if $(SIMULATED_EMITTER),8080) $(if $(SIMULATED_DEANONYMIZER),4830) $(if $(WITH_COLLECTOR),8090 8081 9103)
EMITTERS := $(subst $(space),$(comma),$(strip $(EMITTER_URL) $(if $(SIMULATED_EMITTER),ws://127.0.0.1:8080) $(if $(WITH_COLLECTOR),ws://127.0.0.1:8081)))

##@ Run

.PHONY: up
up: export BIN_DIR := $(LOCAL_BIN_DIR)
up: check-ports build-local ## Start everything; options: EMITTER_URL=, COLLECTOR=1 or 0, DEANONYMIZER_URL=, DEANONYMIZER_PROVIDER=, ENRICHERS=, NOTIFIER=1
	@NATS_SERVER="$$(scripts/find-nats-server)" && export NATS_SERVER && \
	  EMITTER_URL='$(EMITTERS)' exec scripts/up --concurrency enricher=$(ENRICHERS) nats $(THIRD_PARTIES) ingestor enricher gateway $(if $(NOTIFIER),notifier) page

.PHONY: compose-up
compose-up: ## Start everything in containers, in the background
	docker compose up --build --detach --wait

.PHONY: compose-down
compose-down: ## Stop the containers and remove them
	docker compose --profile '*' down --remove-orphans

.PHONY: secrets
secrets: ## Make a folder of random passwords and an access token for the containers
	scripts/make-secrets

.PHONY: compose-test
compose-test: ## Scale and kill the containers under load, and check every session; needs a Docker engine
	cargo run --locked -p e2e --bin compose_test

.PHONY: replay
replay: export BIN_DIR := $(LOCAL_BIN_DIR)
replay: build-local ## Send rejected messages through the pipeline again, after a fix
	$(BIN_DIR)/ingestor replay

.PHONY: soak
soak: setup build ## Run 20,000 events/s for a minute, and check every session; flags: SOAK_FLAGS=
	@NATS_SERVER="$$(scripts/find-nats-server)" && export NATS_SERVER && \
	  cargo run --release --locked -p e2e --bin soak -- $(SOAK_FLAGS)

.PHONY: chaos
chaos: setup build ## Kill, stop and freeze processes under load, and check every view; SEED=, MINUTES=, RATE=, CLUSTER=1
	@NATS_SERVER="$$(scripts/find-nats-server)" && FAKETIME_LIBRARY="$$(scripts/find-faketime)" && \
	  export NATS_SERVER FAKETIME_LIBRARY && \
	  cargo run --release --locked -p e2e --bin chaos -- --minutes $(MINUTES) --rate $(RATE) \
	    $(if $(SEED),--seed $(SEED)) $(if $(filter 1,$(CLUSTER)),--cluster)

.PHONY: bench
bench: setup build ## Measure throughput, latency and cost, and write docs/performance.md; flags: BENCH_FLAGS=
	@NATS_SERVER="$$(scripts/find-nats-server)" && export NATS_SERVER && \
	  cargo run --release --locked -p e2e --bin bench -- $(BENCH_FLAGS)

.PHONY: microbench
microbench: ## Measure the parts that run for each event
	cargo bench --locked -p protocol -p ingestor -p enricher -p gateway --benches

.PHONY: bench-lookups
bench-lookups: setup build ## Measure what fleets pay for lookups, and the effect of a Deanonymizer outage
	@NATS_SERVER="$$(scripts/find-nats-server)" && export NATS_SERVER && \
	  cargo run --release --locked -p e2e --bin bench_lookups -- $(BENCH_FLAGS)

.PHONY: bench-page
bench-page: $(PAGE) ## Measure the page: VISITORS=, CHANGES= per second, and its heap over MINUTES=
	CHROMIUM="$$(scripts/find-chromium)" && export CHROMIUM && node frontend/bench/page.mjs

.PHONY: bench-tracker
bench-tracker: $(TRACKER_SCRIPT) ## Measure the tracker's size and its time on a page's main thread
	@CHROMIUM="$$(scripts/find-chromium)" && export CHROMIUM && node frontend/bench/tracker.mjs

##@ Build

.PHONY: setup
setup: $(VENV) $(NODE_MODULES) ## Fetch all other requirements besides Rust and Node

.PHONY: build
build: $(PAGE) $(TRACKER_SCRIPT) ## Build the release binaries, the page and the tracker
	cargo build --release --locked -p ingestor -p enricher -p gateway -p notifier -p collector -p simulator

# The packages and the page are made while cargo compiles.
.PHONY: build-local
build-local:
	@scripts/build-local ingestor enricher gateway $(if $(NOTIFIER),notifier) $(if $(SIMULATED_EMITTER)$(SIMULATED_DEANONYMIZER),simulator) $(if $(WITH_COLLECTOR),collector)

.PHONY: renew-images
renew-images: ## Ask the registry for newer versions of the images in deploy/images.txt
	scripts/renew_images.py

.PHONY: clean
clean: ## Remove everything that was built or fetched
	cargo clean
	rm -rf .venv frontend/node_modules frontend/dist collector/tracker/dist

.PHONY: screenshots
screenshots: $(PAGE) ## Retake the pictures of the page in docs/
	CHROMIUM="$$(scripts/find-chromium)" && export CHROMIUM && node frontend/browser/screenshots.mjs

.PHONY: demo-frames
demo-frames: $(NODE_MODULES) ## Retake docs/demo.png; needs `make up` in another terminal
	CHROMIUM="$$(scripts/find-chromium)" && export CHROMIUM && node frontend/browser/demo-frames.mjs

.PHONY: site
site: lint-docs ## Build the documentation as a site in target/site/html; REPOSITORY_URL= links to sources

.PHONY: page
page: $(PAGE) $(TRACKER_SCRIPT) ## Build the page and the tracker

.PHONY: notices
notices: ## List the licences of all crates in target/dist; needs cargo-about. Those of the page are in its licences.md
	@mkdir -p $(TARGET_DIR)/dist
	cargo fetch --locked
	cargo about generate --frozen --workspace --fail -o $(TARGET_DIR)/dist/THIRD-PARTY.html about.hbs

##@ Check

# What compiles and checks runs side by side, because some of it waits for the network and some for one core. Then the
# processes and the page are run, if all of that has succeeded.
.PHONY: test
test: ## Run every test, from formatting to the browser
	@$(MAKE) SIDE_BY_SIDE=checks -j3 --output-sync=target build-tests lint test-frontend programs page
	@$(MAKE) SIDE_BY_SIDE=runs -j2 test-rust test-browser

.PHONY: fmt
fmt: $(NODE_MODULES) ## Format all sources
	cargo fmt --all
	npm --prefix frontend run format
	npm --prefix frontend run format:tracker -- --write

.PHONY: lint
lint: lint-rust lint-frontend lint-scripts lint-docs lint-workflows lint-observability lint-compose lint-kubernetes lint-dependencies ## Check formatting, lints and licences

.PHONY: lint-rust
lint-rust:
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo run --locked --quiet -p layout

.PHONY: lint-frontend
lint-frontend: $(NODE_MODULES)
	npm --prefix frontend run format:check
	npm --prefix frontend run lint
	npm --prefix frontend run typecheck
	npm --prefix frontend run format:tracker -- --check
	npm --prefix frontend run lint:tracker

.PHONY: lint-scripts
lint-scripts:
	scripts/test-release
	@if command -v shellcheck >/dev/null; then shellcheck $$(grep -lE '^#!.*sh$$' scripts/*) .ci/run deploy/kubernetes/create-secrets; \
	  else printf '\n*** SKIPPED: %s ***\n\n' 'shellcheck is not installed, the scripts were not checked'; fi

.PHONY: lint-docs
lint-docs: $(DOCUMENT_TOOLS)
	cd scripts && ../.venv/bin/python -m unittest test_api_reference test_renew_images
	.venv/bin/python scripts/build-site

# actionlint also gives the scripts in the workflows to shellcheck, where that is installed.
.PHONY: lint-workflows
lint-workflows: $(DOCUMENT_TOOLS)
	.venv/bin/actionlint

.PHONY: lint-observability
lint-observability:
	@if command -v promtool >/dev/null; then \
	  cd deploy/observability && promtool check config prometheus.yml && promtool test rules alerts_test.yml; \
	  else printf '\n*** SKIPPED: %s ***\n\n' 'promtool (Debian: prometheus) is not installed, the alert rules were not checked'; fi

# Asks the processes for their flags.
.PHONY: lint-compose
lint-compose: $(DOCUMENT_TOOLS) build-tests
	scripts/renew_images.py --check
	.venv/bin/python deploy/compose/check.py

.PHONY: lint-kubernetes
lint-kubernetes: $(KUBERNETES_SCHEMAS)
	.venv/bin/python deploy/kubernetes/check.py

# Offline, because the licences are in the crates themselves. Advisories need the network, and a test must give the
# same result tomorrow.
.PHONY: lint-dependencies
lint-dependencies:
	@if command -v cargo-deny >/dev/null; then \
	  cargo fetch --locked && cargo deny --locked --offline check bans licenses sources; \
	  else printf '\n*** SKIPPED: %s ***\n\n' 'cargo-deny is not installed, the licences of the crates were not checked'; fi

# Both need the network for recent findings, so they are not part of the tests.
.PHONY: audit
audit: $(NODE_MODULES) ## Check crates and packages for known vulnerabilities
	cargo deny --locked check advisories
	npm --prefix frontend audit --omit dev

.PHONY: sbom
sbom: $(NODE_MODULES) ## List all components as CycloneDX in target/sbom
	@mkdir -p $(TARGET_DIR)/sbom
	cargo sbom --output-format cyclone_dx_json_1_6 > $(TARGET_DIR)/sbom/crates.json
	npm --prefix frontend sbom --sbom-format cyclonedx --omit dev > $(TARGET_DIR)/sbom/page.json

.PHONY: test-frontend
test-frontend: $(NODE_MODULES) ## Run the unit tests of the page
	npm --prefix frontend test

# With `--tests` beside `--bins`, this and `cargo test` use the same crate features, so nothing is compiled twice. Cargo
# runs one command at a time, and the quick answers of clippy are wanted first.
.PHONY: build-tests
build-tests: $(if $(CHECKS),lint-rust)
	cargo build --locked --workspace --bins --tests

# The programs of other projects that the tests run. They come from one package manager, so one at a time.
.PHONY: programs
programs: $(VENV)
	@for program in nats-server chromium firefox faketime nginx caddy tinyproxy; do scripts/find-$$program || exit; done

# The end-to-end tests start the real processes and open the real page. They mostly wait, so six run at once.
.PHONY: test-rust
test-rust: $(VENV) $(PAGE) $(TRACKER_SCRIPT) build-tests ## Run the unit tests of the crates and the end-to-end tests
	NATS_SERVER="$$(scripts/find-nats-server)" && CHROMIUM="$$(scripts/find-chromium)" && \
	  FIREFOX="$$(scripts/find-firefox)" && FAKETIME_LIBRARY="$$(scripts/find-faketime)" && \
	  NGINX="$$(scripts/find-nginx)" && CADDY="$$(scripts/find-caddy)" && TINYPROXY="$$(scripts/find-tinyproxy)" && \
	  export NATS_SERVER CHROMIUM FIREFOX FAKETIME_LIBRARY NGINX CADDY TINYPROXY && \
	  RUST_TEST_THREADS=6 cargo test --locked --workspace

# Builds the previous release first, which takes minutes, so this is no part of `make test`.
.PHONY: test-upgrade
test-upgrade: $(VENV) build-tests ## Run the previous release and this one side by side, under load
	PREVIOUS_RELEASE="$$(scripts/build-previous-release)" && NATS_SERVER="$$(scripts/find-nats-server)" && \
	  export PREVIOUS_RELEASE NATS_SERVER && cargo test --locked -p e2e --test it -- upgrades::

.PHONY: fuzz
fuzz: ## Search for inputs that break a parser; needs cargo-fuzz; SECONDS= per target, TARGETS=
	scripts/fuzz $(SECONDS) $(TARGETS)

.PHONY: test-browser
test-browser: $(PAGE) $(TRACKER_SCRIPT) ## Run the page in Chromium against a mock gateway
	CHROMIUM="$$(scripts/find-chromium)" && export CHROMIUM && npm --prefix frontend run test:browser

##@ Help

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: check-ports
check-ports:
	@scripts/check-ports 3000 4222 8222 9101 $(THIRD_PARTY_PORTS) $(if $(NOTIFIER),9104)

$(VENV): requirements.txt scripts/make-venv
	scripts/make-venv
	@touch $@

# Two installations at once would break the folder that they share.
$(KUBERNETES_SCHEMAS): $(VENV) requirements-kubernetes.txt $(if $(CHECKS),| $(DOCUMENT_TOOLS))
	.venv/bin/pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r requirements-kubernetes.txt
	@touch $@

$(DOCUMENT_TOOLS): $(VENV) requirements-docs.txt
	.venv/bin/pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r requirements-docs.txt
	@touch $@

$(NODE_MODULES): frontend/package.json frontend/package-lock.json
	npm --prefix frontend ci
	@touch $@

# The type check writes the same files.
$(PAGE): $(NODE_MODULES) $(PAGE_SOURCES) $(if $(CHECKS),| lint-frontend)
	npm --prefix frontend run build

$(TRACKER_SCRIPT): $(NODE_MODULES) frontend/tracker.config.ts collector/tracker/tracker.ts collector/tracker/tsconfig.json
	npm --prefix frontend run build:tracker
