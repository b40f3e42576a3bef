# Every target sets up what it needs by itself, on a fresh Debian 12 or 13.

RULES := $(filter-out alerts/alertmanager.yml,$(wildcard alerts/*.yml))
# One process for each core, each with servers of its own; ARGS=-n0 runs all in this one.
PYTEST := .venv/bin/pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: help demo quickstart dev test check bench soak fuzz assets dist

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

demo: ## Run the exporter on an embedded registry with broken images
	@scripts/setup
	.venv/bin/pullproof demo $(ARGS)

quickstart: ## Break an image, see the alert and repair it, in a folder that is removed again
	@scripts/setup
	@scripts/quickstart

dev: ## Make the virtual environment and install what tests need
	@scripts/setup tests

test: dev ## Run every test
	$(PYTEST) $(ARGS)

check: dev ## Run every check that is not a test: style, types, imports, rules, documents
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	promtool check rules --lint=all --lint-fatal $(RULES)
	promtool test rules $(wildcard alerts/tests/*.yml)
	amtool check-config alerts/alertmanager.yml
	$(PYTEST) -q tests/shipped

bench: assets ## Print the cost of an audit, compared with other tools
	@set -e; for each in $(filter-out benchmarks/soak.py,$(wildcard benchmarks/*.py)); do .venv/bin/python "$$each"; done

soak: dev ## Run the exporter for an hour, over a registry that changes all the time
	.venv/bin/python benchmarks/soak.py $(ARGS)

fuzz: dev ## Look for inputs on which a reader breaks, for three minutes or ARGS='--seconds 600'
	.venv/bin/python -m tests.fuzz $(ARGS)

assets: dev ## Get the programs and schemas that tests need and Debian does not have, and a base image
	@scripts/assets
	@scripts/base-image

dist: ## Build what a release publishes: sdist, wheel, chart, SBOM, image, checksums
	@scripts/dist $(ARGS)
