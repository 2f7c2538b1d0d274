# make help lists what there is.

SHELL := /bin/bash
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
PACKAGES ?= ./...
# The race detector needs a C compiler.
RACE ?= $(shell command -v "$$(go env CC | cut -d' ' -f1)" >/dev/null 2>&1 && echo -race)
FUZZTIME ?= 30s
# The slowest package on the slowest machine.
TIMEOUT ?= 15m

.DEFAULT_GOAL := help
.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: tools
tools: ## Build kube-apiserver, etcd, kubectl and the generators into bin/, once.
	@hack/tools/build.sh

.PHONY: test
test: tools-servers ## Run all tests, on a real API server.
	go test $(RACE) -timeout $(TIMEOUT) $(PACKAGES)

.PHONY: fuzz
fuzz: ## Fuzz what reads the hosts' mount tables and markers; FUZZTIME=10m for longer.
	go test ./internal/prober -run '^$$' -fuzz '^FuzzMarker$$' -fuzztime $(FUZZTIME)
	go test ./internal/prober -run '^$$' -fuzz '^FuzzMountinfo$$' -fuzztime $(FUZZTIME)

# How many seeds, from which on.
SEEDS ?= 1000
SEED ?= 1

.PHONY: simulate
simulate: ## Let the operator live through SEEDS=1000 simulated clusters, from SEED=1 on.
	GOGC=400 go test ./internal/simulation -run '^TestSimulation$$' -timeout 0 -count=1 -v -seeds=$(SEEDS) -seed=$(SEED) | grep --line-buffered -vE '^(=== |  *--- PASS)'; exit $${PIPESTATUS[0]}

# How many random histories.
CHECKS ?= 2000

.PHONY: properties
properties: ## Check the planner in CHECKS=2000 random histories of a seed of their own, or of SEED=7.
	@seed=$(if $(filter command line,$(origin SEED)),$(SEED),$$RANDOM$$RANDOM); echo "SEED=$$seed"; \
	go test ./internal/plan -run '^(TestProperties|TestRollbacks)$$' -timeout 0 -count=1 -rapid.seed=$$seed -rapid.checks=$(CHECKS)

.PHONY: simulate-upgrade
simulate-upgrade: ## Upgrade 1,000 hosts in virtual time: it takes as long as its tasks.
	GOGC=400 go test ./internal/simulation -run '^TestUpgradeTakesTheTimeOfItsTasks$$' -timeout 0 -count=1 -hosts=1000

.PHONY: simulate-mutants
simulate-mutants: ## Break each rule of safety on purpose: the simulation must find it.
	GOGC=400 go test ./internal/simulation -run '^TestMutants$$' -timeout 0 -count=1 -v -mutants | grep --line-buffered -vE '^(=== |  *--- PASS)'; exit $${PIPESTATUS[0]}

.PHONY: demo
demo: build-demo ## Run the operator on a real API server and a Mesos cluster in memory.
	@exec bin/quobyte-demo

.PHONY: demo-devices
demo-devices: build-demo ## The same, and disks are added, moved, pulled out and taken out of service.
	@exec bin/quobyte-demo -devices

.PHONY: demo-tour
demo-tour: build-demo ## The same, and goes through updates, a lost agent, maintenance, a restart and a cordon.
	@exec bin/quobyte-demo -tour

.PHONY: build-demo
build-demo: tools-servers build
	@CGO_ENABLED=0 hack/tools/patiently.sh bin/quobyte-demo go build -trimpath -o bin/quobyte-demo ./hack/demo

.PHONY: bench
bench: tools-servers build ## Measure the operator beside plain clients; BENCH='-agents 100 -idle 10s' for less.
	@go build -o bin/quobyte-bench ./hack/bench
	@exec bin/quobyte-bench $(BENCH)

.PHONY: build
build: ## Build the operator: bin/manager.
	@echo "Building the operator: bin/manager"
	@CGO_ENABLED=0 hack/tools/patiently.sh bin/manager go build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/manager .

.PHONY: generate
generate: tools-generators ## Generate deep copies, CRDs and RBAC from the Go code.
	@hack/tools/generate.sh .

.PHONY: verify
verify: tools-generators ## Fail when a generated file is out of date.
	@hack/tools/verify.sh

.PHONY: lint
lint: tools-lint ## Check format, vet, staticcheck and the direction of imports.
	@unformatted=$$(gofmt -l .); if [[ -n $$unformatted ]]; then echo "gofmt these: $$unformatted" >&2; exit 1; fi
	go vet ./...
	go -C hack/tools vet ./importcheck
	bin/staticcheck ./...
	go -C hack/tools test ./importcheck
	go -C hack/tools run ./importcheck ../..

.PHONY: manifests
manifests: tools-kustomize ## Print all that kubectl apply -k config/default applies.
	@bin/kustomize build config/default

.PHONY: clean
clean: ## Remove what was built, tools included.
	rm -rf bin

# Each target builds the tools that it needs and no others.
.PHONY: tools-servers tools-generators tools-lint tools-kustomize
tools-servers:
	@hack/tools/build.sh kube-apiserver etcd kubectl
tools-generators:
	@hack/tools/build.sh controller-gen
tools-lint:
	@hack/tools/build.sh staticcheck
tools-kustomize:
	@hack/tools/build.sh kustomize
