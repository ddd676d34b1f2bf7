# `make run` and `make test` set everything up by themselves; `make help` lists the rest.

PYTHON ?= python3
VENV = .venv
PROJECT = flows/shop
SOAK_MINUTES = 60
TESTERS = auto
FUZZ = 5000
FILES = 1000000
AUDIT = $(VENV)/audit

BIN := $(VENV)/bin
# Touched when the environment holds what its command needs; older than pyproject.toml = set up again.
FOR_RUN := $(VENV)/.set-up-for-run
FOR_WORK := $(VENV)/.set-up-for-work

.DEFAULT_GOAL := help
.PHONY: help run test check lint types imports examples docs format bench soak fuzz fuzz-files audit clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

run: $(FOR_RUN) ## the bot where TELEGRAM_BOT_TOKEN or RAPPORT_CHAT=on is set; else a terminal chat
	@if [ -n "$$TELEGRAM_BOT_TOKEN" ] || [ "$$RAPPORT_CHAT" = on ] || \
	grep -qsE '^(export )?(TELEGRAM_BOT_TOKEN=.|RAPPORT_CHAT=on)' .env; \
	then exec $(BIN)/rapport run $(PROJECT); \
	else exec $(BIN)/rapport chat $(PROJECT); fi

# A file stays with one process: its fixtures are made once.
test: $(FOR_WORK) ## every test, over the cores there are; TESTERS=0 in one process
	$(BIN)/python -m pytest -n $(TESTERS) --dist loadfile

# TESTED=1 is for who has just run `make test` on the same files.
check: lint types imports examples $(if $(TESTED),,test) ## all that must hold before a commit

lint: $(FOR_WORK) ## style and common mistakes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(FOR_WORK) ## types, strictly
	$(BIN)/mypy

imports: $(FOR_WORK) ## imports point one way
	$(BIN)/lint-imports

examples: $(FOR_WORK) ## the example businesses load without a warning and hold conversations that go everywhere in them
	$(BIN)/rapport check --strict flows
	$(BIN)/rapport test flows --coverage --fail-under 100

docs: $(FOR_WORK) ## write docs/reference from the code
	$(BIN)/python -m docs.generate

format: $(FOR_WORK) ## put the code into the form that `make lint` asks for
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(FOR_WORK) ## measure, print a table and write benchmarks/latest.json
	$(BIN)/python -m benchmarks

soak: $(FOR_WORK) ## every fault programme for an hour together; SOAK_MINUTES=10 is shorter
	$(BIN)/python -m tests.crash --minutes $(SOAK_MINUTES)

fuzz: $(FOR_WORK) ## try thousands of inputs that nobody would write; FUZZ=20000 tries more
	RAPPORT_FUZZ=$(FUZZ) $(BIN)/python -m pytest -q tests/fuzz

fuzz-files: $(FOR_WORK) ## load a million made-up files over all cores; FILES=5000 loads fewer
	$(BIN)/python -m tests.fuzz --files $(FILES)

# In an environment of its own, so that what it needs is not among what is looked up.
audit: $(FOR_WORK) ## look the libraries up among the known weaknesses; needs the network
	@test -x $(AUDIT)/bin/pip-audit || \
	{ $(PYTHON) -m venv --clear $(AUDIT) && $(AUDIT)/bin/pip install --quiet pip-audit; } || \
	{ echo 'pip-audit cannot be installed from here: nothing was looked up' >&2; exit 1; }
	@$(AUDIT)/bin/pip-audit --strict --skip-editable \
	--path "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')" || \
	{ echo 'Not all is well, or not all could be looked up: see above' >&2; exit 1; }

clean: ## remove the environment, caches and terminal chats; databases stay
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -type d \( -name __pycache__ -o -name .rapport \) -prune -exec rm -rf {} +

$(FOR_RUN): pyproject.toml
	$(call set_up,.[telegram])
	@touch $@

$(FOR_WORK): pyproject.toml
	$(call set_up,.[dev])
	@touch $(FOR_RUN) $@

# An interrupted set-up leaves an environment without pip: it is made anew.
define set_up
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	echo 'Rapport needs Python 3.11 or newer; name yours: make PYTHON=python3.12 ...' >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo 'Setting up $(VENV): once, and again when pyproject.toml changes ...'
	@$(BIN)/python -m pip install --quiet --editable '$(1)'
endef
