# `make` shows what there is to make.
.DEFAULT_GOAL := help
PYTHON ?= python3.11
BIN := .venv/bin
INSTALLED := .venv/.installed

# The suite must not see the user's server or shop.
CLEAN_ENV := env -u QDRANT_URL -u QDRANT_API_KEY -u VITRINE_HOME

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED) ## make .venv with the tested versions of everything

$(INSTALLED): requirements.txt constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -r requirements.txt -c constraints.txt
	touch $@

test: $(INSTALLED) ## run the whole test suite
	$(CLEAN_ENV) $(BIN)/python -m pytest -n auto -q

lint: $(INSTALLED) ## check style, annotations and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean: ## remove the environment and every cache
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help install test lint clean
