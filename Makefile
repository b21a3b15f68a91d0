# PeerLab. `make help` lists the commands; the lab's own are in bin/lab --help.
.DEFAULT_GOAL := help
SHELL := /bin/sh

SCENARIO ?= basic
SUITE ?= quick
DRIVER ?= auto
RESULTS ?= results
TESTS ?=

# Every recipe runs with the right Node first in PATH and the packages installed: bin/setup does nothing twice.
SETUP := root=$$PWD; . ./bin/setup
BIN := node_modules/.bin

# A variable that is given, but empty, is passed on: the lab refuses it instead of testing its own program.
PROGRAMS = $(if $(call GIVEN,PEER_IMAGE),--peer-image '$(PEER_IMAGE)') \
	$(if $(call GIVEN,DIRECTORY_IMAGE),--directory-image '$(DIRECTORY_IMAGE)')
GIVEN = $($(1))$(filter command,$(origin $(1)))

RUN_OPTIONS = --driver $(DRIVER) --results '$(RESULTS)' \
	$(if $(SEED),--seed $(SEED)) $(if $(PEERS),--peers $(PEERS)) \
	$(PROGRAMS) $(ARGS)

.PHONY: help
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "Variables: SCENARIO=basic SUITE=quick DRIVER=auto|process|docker|kubernetes SEED=n PEERS=n RESULTS=dir"
	@echo "           PEER_IMAGE=... DIRECTORY_IMAGE=... ARGS='...' (passed on); TESTS=pattern for make test; REGISTRY=..."
	@echo "Scripts call bin/lab, whose exit code says pass (0), fail (1), inconclusive (75): make turns each failure into its own 2."

.PHONY: lab
lab: ## run a scenario: make lab SCENARIO=basic
	@bin/lab run '$(SCENARIO)' $(RUN_OPTIONS)

.PHONY: suite
suite: ## run a list of scenarios, one JUnit file: make suite SUITE=quick
	@bin/lab suite '$(SUITE)' --driver $(DRIVER) --results '$(RESULTS)' $(PROGRAMS) $(ARGS)

.PHONY: conformance
conformance: ## hold a peer against the peer contract, rule by rule: make conformance PEER_IMAGE='python3 my_peer.py'
	@bin/lab conformance --driver $(DRIVER) --results '$(RESULTS)' $(PROGRAMS) $(ARGS)

.PHONY: serve
serve: ## the live page of running and past runs: make serve RESULTS=results
	@bin/lab serve --results '$(RESULTS)' $(ARGS)

.PHONY: list
list: ## list the scenarios that come with PeerLab
	@bin/lab list

.PHONY: doctor
doctor: ## preflight check: does a scenario fit on this machine?: make doctor SCENARIO=basic PEERS=100
	@bin/lab doctor '$(SCENARIO)' --driver $(DRIVER) --results '$(RESULTS)' $(if $(PEERS),--peers $(PEERS)) $(ARGS)

.PHONY: test
test: ## run every test that this machine can run, and say which it can't run and why; TESTS=... takes some
	@$(SETUP); "$$node" dev/test.ts $(TESTS)

.PHONY: example-peers
example-peers: ## build the example peers in Python and Go (examples/peers), from the registries of their languages
	@$(MAKE) --no-print-directory -C examples/peers/python
	@$(MAKE) --no-print-directory -C examples/peers/go

.PHONY: check
check: ## check types, lint, format, dead code, import rules, stale generated files
	@$(SETUP); set -e; \
	echo "types";        $(BIN)/tsc; $(BIN)/tsc -p page; \
	echo "lint, format"; $(BIN)/biome check --error-on-warnings .; \
	echo "dead code";    $(BIN)/knip; \
	echo "import rules"; node dev/import-rules.ts; \
	echo "generated";    node dev/generate.ts --check; \
	echo "scenarios";    bin/lab validate

.PHONY: mutants
mutants: ## break the product on purpose, one rule at a time: does a scenario notice? ARGS='name ...' takes some
	@$(SETUP); "$$node" dev/mutants.ts $(ARGS)

.PHONY: gc
gc: ## remove what dead runs left (containers, processes, folders); never anything of a living run
	@bin/lab gc $(ARGS)

# Benchmarks are one file each, run one after another: two cores measure nothing well at once.
.PHONY: bench
bench: ## run the benchmarks, each beside its reference; a line BAR <id> met|missed <actual> <limit> for each bar
	@$(SETUP); bin/lab build; for file in bench/*.ts; do "$$node" "$$file" || exit; done

.PHONY: generate
generate: ## make the generated files again: types of the wire, tables in docs/
	@$(SETUP); "$$node" dev/generate.ts

.PHONY: pictures
pictures: ## take the pictures of README again, from a real run, with a Chromium of this machine
	@$(SETUP); "$$node" dev/pictures.ts $(ARGS)

.PHONY: images
images: ## build the Docker images peerlab/directory and peerlab/peer
	@bin/lab images

.PHONY: k8s-load
k8s-load: ## build the images and put them into the cluster that kubectl points at (kind, minikube, k3d, k3s, containerd)
	@bin/k8s load

.PHONY: k8s-push
k8s-push: ## build the images and push them: make k8s-push REGISTRY=registry.example.org/class
	@bin/k8s push '$(REGISTRY)'

.PHONY: clean
clean: ## remove what was built; results stay
	rm -rf dist coverage node_modules .node
