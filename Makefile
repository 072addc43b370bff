# `make` lists the targets. Cargo and npm know best what is out of date and how much to do at once, so each
# step here runs alone and most of them always run; only what they cannot judge has a file that stands for it.

.NOTPARALLEL:
.DEFAULT_GOAL := help

# How many enrichers `make up` starts.
ENRICHERS ?= 2
# The chaos run: its seed (a random one if empty), how long, how busy, and 1 for a cluster of three NATS servers.
SEED ?=
MINUTES ?= 10
RATE ?= 2000
CLUSTER ?=
# Flags of the bench, e.g. BENCH_FLAGS="--only latency --seconds 10".
BENCH_FLAGS ?=
# Flags of the soak, e.g. SOAK_FLAGS="--help".
SOAK_FLAGS ?=

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
export BIN_DIR := $(TARGET_DIR)/release

VENV := .venv/installed
KUBERNETES_SCHEMAS := .venv/kubernetes
NODE_MODULES := frontend/node_modules/.installed
PAGE := frontend/dist/index.html
PAGE_SOURCES := $(shell find frontend/src frontend/public frontend/index.html frontend/*.json frontend/*.ts 2>/dev/null)

# A third party whose address or provider file is given is real, and needs no simulator.
SIMULATORS := $(if $(EMITTER_URL),,emitter) $(if $(DEANONYMIZER_URL)$(DEANONYMIZER_PROVIDER),,deanonymizer)
SIMULATOR_PORTS := $(if $(EMITTER_URL),,8080) $(if $(DEANONYMIZER_URL)$(DEANONYMIZER_PROVIDER),,4830)

##@ Run

.PHONY: up
up: check-ports setup build ## Start everything; EMITTER_URL=, DEANONYMIZER_URL=, DEANONYMIZER_PROVIDER= and ENRICHERS= change what
	@NATS_SERVER="$$(scripts/find-nats-server)" && export NATS_SERVER && \
	  exec scripts/up --concurrency enricher=$(ENRICHERS) nats $(SIMULATORS) ingestor enricher gateway page

.PHONY: compose-up
compose-up: ## The same in containers, in the background
	docker compose up --build --detach --wait

.PHONY: compose-down
compose-down: ## Stop the containers and remove them
	docker compose --profile '*' down --remove-orphans

.PHONY: compose-test
compose-test: ## The containers under load: scaled, killed, and nothing lost; needs a Docker engine
	cargo run --locked -p e2e --bin compose_test

.PHONY: replay
replay: build ## Send what was rejected through again, once a fix runs
	$(BIN_DIR)/ingestor replay

.PHONY: soak
soak: setup build ## 20,000 events/s for a minute, and nothing lost; SOAK_FLAGS= are its flags
	@NATS_SERVER="$$(scripts/find-nats-server)" && export NATS_SERVER && \
	  cargo run --release --locked -p e2e --bin soak -- $(SOAK_FLAGS)

.PHONY: chaos
chaos: setup build ## Kill, stop and freeze everything under load, and nothing lost; SEED=, MINUTES=, RATE=, CLUSTER=1
	@NATS_SERVER="$$(scripts/find-nats-server)" && FAKETIME_LIBRARY="$$(scripts/find-faketime)" && \
	  export NATS_SERVER FAKETIME_LIBRARY && \
	  cargo run --release --locked -p e2e --bin chaos -- --minutes $(MINUTES) --rate $(RATE) \
	    $(if $(SEED),--seed $(SEED)) $(if $(filter 1,$(CLUSTER)),--cluster)

.PHONY: bench
bench: setup build ## How fast everything is, into docs/performance.md; BENCH_FLAGS= are its flags
	@NATS_SERVER="$$(scripts/find-nats-server)" && export NATS_SERVER && \
	  cargo run --release --locked -p e2e --bin bench -- $(BENCH_FLAGS)

.PHONY: microbench
microbench: ## What the parts cost that run for each event
	cargo bench --locked -p protocol -p ingestor -p enricher -p gateway --benches

.PHONY: bench-lookups
bench-lookups: setup build ## What fleets pay for lookups, and how an outage of the Deanonymizer is felt
	@NATS_SERVER="$$(scripts/find-nats-server)" && export NATS_SERVER && \
	  cargo run --release --locked -p e2e --bin bench_lookups

.PHONY: bench-page
bench-page: $(PAGE) ## How fluid the page is with VISITORS= and CHANGES= a second, and its heap over MINUTES=
	CHROMIUM="$$(scripts/find-chromium)" && export CHROMIUM && node frontend/bench/page.mjs

##@ Build

.PHONY: setup
setup: $(VENV) $(NODE_MODULES) ## Fetch what is needed besides Rust and Node

.PHONY: build
build: $(PAGE) ## Build the release binaries and the page
	cargo build --release --locked -p ingestor -p enricher -p gateway -p simulator

.PHONY: clean
clean: ## Remove all that was built or fetched
	cargo clean
	rm -rf .venv frontend/node_modules frontend/dist

.PHONY: screenshots
screenshots: $(PAGE) ## Take the pictures of the page in docs/ anew
	CHROMIUM="$$(scripts/find-chromium)" && export CHROMIUM && node frontend/browser/screenshots.mjs

##@ Check

.PHONY: test
test: lint test-frontend test-rust test-browser ## Everything, from the formatting to the browser

.PHONY: fmt
fmt: $(NODE_MODULES) ## Format all sources
	cargo fmt --all
	npm --prefix frontend run format

.PHONY: lint
lint: lint-rust lint-frontend lint-scripts lint-observability lint-kubernetes lint-dependencies ## Formatting, lints and licences

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

.PHONY: lint-scripts
lint-scripts:
	@if command -v shellcheck >/dev/null; then shellcheck $$(grep -lE '^#!.*sh$$' scripts/*) .ci/run; \
	  else printf '\n*** SKIPPED: %s ***\n\n' 'shellcheck is not installed, the scripts were not checked'; fi

.PHONY: lint-observability
lint-observability:
	@if command -v promtool >/dev/null; then \
	  cd deploy/observability && promtool check config prometheus.yml && promtool test rules alerts_test.yml; \
	  else printf '\n*** SKIPPED: %s ***\n\n' 'promtool (Debian: prometheus) is not installed, the alert rules were not checked'; fi

.PHONY: lint-kubernetes
lint-kubernetes: $(KUBERNETES_SCHEMAS)
	.venv/bin/python deploy/kubernetes/check.py
	@if command -v kubectl >/dev/null; then \
	  kubectl kustomize --load-restrictor=LoadRestrictionsNone deploy/kubernetes >/dev/null; \
	  else printf '\n*** SKIPPED: %s ***\n\n' 'kubectl is not installed, deploy/kubernetes was not put together'; fi

# Offline, because the licences lie in the crates themselves; advisories need the network and are not part of
# a test that has to give the same answer tomorrow.
.PHONY: lint-dependencies
lint-dependencies:
	@if command -v cargo-deny >/dev/null; then \
	  cargo fetch --locked && cargo deny --locked --offline check bans licenses sources; \
	  else printf '\n*** SKIPPED: %s ***\n\n' 'cargo-deny is not installed, the licences of the crates were not checked'; fi

# Both ask the network for what has become known since, so they are not part of the tests.
.PHONY: audit
audit: $(NODE_MODULES) ## Known weaknesses of crates and packages
	cargo deny --locked check advisories
	npm --prefix frontend audit --omit dev

.PHONY: sbom
sbom: $(NODE_MODULES) ## All that is inside, as CycloneDX, into target/sbom
	@mkdir -p $(TARGET_DIR)/sbom
	cargo sbom --output-format cyclone_dx_json_1_6 > $(TARGET_DIR)/sbom/crates.json
	npm --prefix frontend sbom --sbom-format cyclonedx --omit dev > $(TARGET_DIR)/sbom/page.json

.PHONY: test-frontend
test-frontend: $(NODE_MODULES) ## Unit tests of the page
	npm --prefix frontend test

# The end-to-end tests start the real processes and open the real page. `--tests` beside `--bins` makes both
# commands agree on the crates' features, so that nothing is compiled twice.
.PHONY: test-rust
test-rust: $(VENV) $(PAGE) ## Unit tests of the crates, and the whole pipeline end to end
	cargo build --locked --workspace --bins --tests
	NATS_SERVER="$$(scripts/find-nats-server)" && CHROMIUM="$$(scripts/find-chromium)" && \
	  FIREFOX="$$(scripts/find-firefox)" && FAKETIME_LIBRARY="$$(scripts/find-faketime)" && \
	  export NATS_SERVER CHROMIUM FIREFOX FAKETIME_LIBRARY && \
	  cargo test --locked --workspace

.PHONY: test-browser
test-browser: $(PAGE) ## The page in Chromium, against a mock gateway
	CHROMIUM="$$(scripts/find-chromium)" && export CHROMIUM && npm --prefix frontend run test:browser

##@ Help

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: check-ports
check-ports:
	@scripts/check-ports 3000 4222 8222 9101 $(SIMULATOR_PORTS)

$(VENV): requirements.txt scripts/make-venv
	scripts/make-venv
	@touch $@

$(KUBERNETES_SCHEMAS): $(VENV) requirements-kubernetes.txt
	.venv/bin/pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r requirements-kubernetes.txt
	@touch $@

$(NODE_MODULES): frontend/package.json frontend/package-lock.json
	npm --prefix frontend ci
	@touch $@

$(PAGE): $(NODE_MODULES) $(PAGE_SOURCES)
	npm --prefix frontend run build
