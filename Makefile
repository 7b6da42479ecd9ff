# `make run` and `make test` need Python 3.11, pip and make, nothing else. The set-up below also works
# where Debian ships no ensurepip (hence --without-pip) and forbids system-wide pip (hence --python).

PYTHON ?= python3
BIN := .venv/bin
PIP := $(PYTHON) -m pip --python $(BIN)/python --disable-pip-version-check
UV ?= $(BIN)/uv
LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock"
CODE = $(wildcard domain projections api tests bench)
# Suites that measure time-outs or kill processes run alone, slow ones file by file on both cores;
# nightly proofs only in `make proof`.
ALONE := fault and not proof_nightly
SLOW := slow and not fault and not proof_nightly
FAST := not fault and not slow and not proof_nightly
# All its cases bear one name, of which runs that share tests out would keep one; reading it takes long.
FUZZ := tests/api/test_fuzz.py

.DEFAULT_GOAL := help
.PHONY: help run test lint format lock bench proof coverage clean

help: ## list these commands
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/:.*##/\t/'

run: .venv/.run-ready ## set up, then serve on 127.0.0.1; an empty store gets the sample
	$(BIN)/kontaktlog sample --if-empty
	$(BIN)/kontaktlog serve

test: .venv/.dev-ready ## set up, then all tests but the nightly proofs
	failed=0; \
	$(BIN)/python -m pytest -n 2 -m "$(FAST)" --ignore $(FUZZ) || failed=1; \
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "$(SLOW)" --ignore $(FUZZ) || failed=1; \
	$(BIN)/python -m pytest $(FUZZ) || failed=1; \
	$(BIN)/python -m pytest -m "$(ALONE)" --ignore $(FUZZ) || failed=1; \
	exit $$failed

lint: .venv/.dev-ready ## format, lint, types and import directions, changing nothing
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports

format: .venv/.dev-ready ## format and fix what ruff can
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

coverage: .venv/.dev-ready ## branch coverage of the fast suites; the aim is 100 % in domain and projections
	$(BIN)/python -m pytest -n 2 -m "$(FAST)" --cov --cov-branch --cov-report=term-missing

bench: .venv/.dev-ready ## measure what the README claims
	$(BIN)/python -m bench

proof: .venv/.dev-ready ## the nightly proofs, alone and in full, and laws by many new examples
	failed=0; \
	$(BIN)/python -m pytest -m proof_nightly || failed=1; \
	KONTAKTLOG_HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest -n 2 -m hypothesis --timeout 0 \
		--ignore $(FUZZ) || failed=1; \
	exit $$failed

lock: ## write both lock files from pyproject.toml
	$(LOCK) pyproject.toml --group build --output-file requirements/run.txt
	$(LOCK) --group dev --constraint requirements/run.txt --output-file requirements/dev.txt

clean: ## remove what the set-up and the tools made
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -f .coverage .coverage.*

.venv/bin/python:
	$(PYTHON) -m venv --without-pip .venv

.venv/.run-ready: .venv/bin/python requirements/run.txt pyproject.toml
	$(PIP) install --quiet --require-hashes -r requirements/run.txt
	$(PIP) install --quiet --no-deps --no-index --no-build-isolation -e .
	@touch $@

.venv/.dev-ready: .venv/.run-ready requirements/dev.txt
	$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@touch $@
