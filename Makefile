# `make` without a target lists the targets.
.DEFAULT_GOAL := help
PYTHON ?= python3.11
BIN := .venv/bin
INSTALLED := .venv/.installed

# The demo shop has an installation of its own; `make shop` uses VITRINE_HOME.
DEMO := data/demo
DEMO_ENV := env -u QDRANT_URL -u QDRANT_API_KEY VITRINE_HOME=$(DEMO)
PORT ?= 8501
API_PORT ?= 8000
HOST ?= localhost
SERVE := $(BIN)/vitrine app --host $(HOST) --port $(PORT)

# The suite must not use the user's server, installation or settings.
SETTINGS := $(filter-out VITRINE_REALDATA,$(filter QDRANT_% VITRINE_%,$(.VARIABLES)))
CLEAN_ENV := env $(SETTINGS:%=-u %)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED) ## create .venv with the tested versions

$(INSTALLED): requirements.txt constraints.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -r requirements.txt -c constraints.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@

demo: $(DEMO)/.ready ## serve the demo shop on PORT (default 8501)
	@echo "The demo shop is at http://$(HOST):$(PORT) (Ctrl-C closes it); \`make api\` serves its API at http://$(HOST):$(API_PORT)/v1"
	$(DEMO_ENV) $(SERVE)

# `make api PORT=9000` is understood, too: what is given on the command line counts.
api: PORT = $(API_PORT)
api: $(DEMO)/.ready ## serve the demo shop's HTTP API on PORT (default 8000; ARGS="--events")
	$(DEMO_ENV) $(BIN)/vitrine serve --host $(HOST) --port $(PORT) $(ARGS)

# Drawings, then the usual commands; two variants and queries, so that there is something to compare.
# The calibration is of the labelled queries, of which there are enough for one false alarm in ten.
$(DEMO)/.ready: $(INSTALLED) $(wildcard demo/*.py demo/*/*)
	$(BIN)/python -m demo make $(DEMO)/drawn
	cp $(DEMO)/drawn/demo.md $(DEMO)/demo.md
	mkdir -p $(DEMO)/queries
	cp $(DEMO)/drawn/queries.jsonl $(DEMO)/queries/demo.jsonl
	cp -R $(DEMO)/drawn/query_images $(DEMO)/queries
	$(DEMO_ENV) $(BIN)/vitrine add zeroshot --base demo/checkpoint --force >/dev/null
	$(DEMO_ENV) $(BIN)/vitrine add titles --base demo/checkpoint --template title --force >/dev/null
	$(DEMO_ENV) $(BIN)/vitrine ingest all $(DEMO)/drawn/products.jsonl --variant zeroshot --variant titles
	$(DEMO_ENV) $(BIN)/vitrine eval calibrate --variant zeroshot --queries $(DEMO)/drawn/queries.jsonl --rate 0.1 --json >/dev/null
	touch $@

# The demo shop under other colour names, which its model learns; a tenth of it is held out as queries.
RENAMED := data/demo_renamed
RENAMED_ENV := env -u QDRANT_URL -u QDRANT_API_KEY VITRINE_HOME=$(RENAMED)
RECIPE := --batch 64 --learning-rate 1e-3 --rank 16 --alpha 32 --epochs 8 --template title \
	$(addprefix --set ,dropout=0 schedule=cosine warm_up=0.1 crop=1 flip=false views=title) \
	$(addprefix --target ,q_proj k_proj v_proj out_proj fc1 fc2)

finetune-demo: $(DEMO)/.ready ## train an adapter, measure its gain on held-out products, add it to the demo shop
	$(BIN)/python -m demo rename $(DEMO)/drawn
	$(RENAMED_ENV) $(BIN)/vitrine add zeroshot --base demo/checkpoint --template title --force >/dev/null
	$(RENAMED_ENV) $(BIN)/vitrine ingest all $(DEMO)/drawn/renamed.jsonl
	$(RENAMED_ENV) $(BIN)/vitrine finetune --variant lora --base demo/checkpoint --force $(RECIPE)
	$(RENAMED_ENV) $(BIN)/vitrine ingest vectors --variant lora
	$(RENAMED_ENV) $(BIN)/vitrine eval make-queries --kind title --held-out $(RENAMED)/variants/lora/split.json --out $(RENAMED)/held_out.jsonl
	$(RENAMED_ENV) $(BIN)/vitrine eval run --variant zeroshot --variant lora --queries $(RENAMED)/held_out.jsonl --name finetune_demo --must-win lora --json
	$(DEMO_ENV) $(BIN)/vitrine add lora --base demo/checkpoint --template title --adapter $(RENAMED)/variants/lora/adapter --force >/dev/null
	$(DEMO_ENV) $(BIN)/vitrine ingest vectors --variant lora

# The model is fetched from the hub only where no variant was added before.
shop: $(INSTALLED) ## ingest PRODUCTS=file (ARGS="--category-field type") and open the search page
	@test -n "$(PRODUCTS)" || { echo "Name your products: make shop PRODUCTS=products.csv" >&2; exit 2; }
	ls "$${VITRINE_HOME:-data}"/variants/*/manifest.json >/dev/null 2>&1 || $(BIN)/vitrine add zeroshot
	$(BIN)/vitrine ingest all "$(PRODUCTS)" $(ARGS)
	$(SERVE)

test: $(INSTALLED) ## run the test suite
	$(CLEAN_ENV) $(BIN)/python -m pytest -n auto -q

test-server: $(INSTALLED) ## run the store's contract on the Qdrant server QDRANT_URL
	@test -n "$(QDRANT_URL)" || { echo "Name your server: QDRANT_URL=http://localhost:6333 make test-server" >&2; exit 2; }
	env -u QDRANT_URL -u VITRINE_HOME VITRINE_TEST_SERVER=$(QDRANT_URL) $(BIN)/python -m pytest tests/qdrant/contract -n 0 -q -k server

# Daft needs an older pyarrow and an older tqdm, hence an environment of its own.
ENGINES := .venv-engines

test-engines: $(ENGINES)/.installed ## run the tests of the engines Daft and Ray, in an environment with both
	$(CLEAN_ENV) $(ENGINES)/bin/python -m pytest tests/ingest/test_engines.py -n 0 -q

$(ENGINES)/.installed: requirements.txt requirements-engines.txt constraints.txt
	$(PYTHON) -m venv $(ENGINES)
	grep -Ev '^(pyarrow|tqdm)==' constraints.txt > $(ENGINES)/constraints.txt
	$(ENGINES)/bin/python -m pip install --quiet -r requirements.txt -r requirements-engines.txt -c $(ENGINES)/constraints.txt
	touch $@

torture: $(INSTALLED) ## kill jobs at random instants and check that nothing is lost (SEED=… repeats a run)
	$(CLEAN_ENV) $(BIN)/python -m tests.ingest.torture $(if $(SEED),--seed $(SEED))

lint: $(INSTALLED) ## check style, annotations and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean: ## remove the environment and every cache
	rm -rf .venv .venv-engines .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help install demo api finetune-demo shop test test-server test-engines torture lint clean
