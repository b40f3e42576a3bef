# Every target sets up what it needs by itself, on a fresh Debian 12 or 13.

# Three processes for two cores, each with servers of its own: tests of real parts wait for half of
# their time. ARGS=-n0 runs all in this one.
PROCESSES := $(shell echo $$((($$(nproc) * 3 + 1) / 2)))
PYTEST := .venv/bin/pytest -n $(PROCESSES) --maxprocesses 6 --dist loadfile --no-loadscope-reorder

.PHONY: help demo quickstart dev test check static bench soak fuzz assets dist

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

check: static ## Run every check that is not a test: style, types, imports, rules, documents
	$(PYTEST) -q tests/shipped

static: dev ## Run those of them that are no part of make test: style, types, imports
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

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
