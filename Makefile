# The kit's own targets. `make demo` and `make test` are all that a fresh machine needs.
VENV ?= .venv
PYTHON ?= python3
ORCHESTRATOR ?= $(VENV)/bin/orchestrator
WORKERS ?= 2
TESTERS ?= $(shell expr $(WORKERS) + 1)
# Where tests make their repositories: in memory where there is room, else below the folder for temporary files.
SCRATCH ?= $(shell test "$$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 {print $$4}')" -gt 2000000 2>/dev/null && echo /dev/shm)
FEATURES ?= 5
WORKFLOWS ?= 12
CLIENTS ?= $(or $(ORCHESTRATOR_CLIENTS),.clients)
SEED ?= 1
SCENES ?= 0
CUTS ?= 200
FILE_SYSTEMS ?= ext4,xfs,btrfs
RUNS ?= 100
RACES ?= 1000
EXAMPLES ?= 50
STEPS ?= 40
TREES ?= 2000

.DEFAULT_GOAL := help
.PHONY: help demo demo-lanes docs test test-clients check format clean figures git-matrix powercut concurrency machine rollback-soak \
	mutants flips agents-soak verify-soak crash kills night

help: ## this list
	@grep -E "^[a-z-]+:.*## " Makefile | sed "s/:.*## / /" | awk "{name = \$$1; \$$1 = \"\"; printf \"  %-16s %s\\n\", name, \$$0}"
	@$(MAKE) -s orch-help

$(VENV)/.installed: pyproject.toml .ci/install-venv.sh
	@sh .ci/install-venv.sh "$(VENV)" "$(PYTHON)"

demo: $(VENV)/.installed ## the whole journey on a throw-away repository, no login, no network
	@$(VENV)/bin/python -I examples/demo.py

demo-lanes: $(VENV)/.installed ## the demo's log as the picture in the README (needs the extra: pip install -e '.[charts]')
	@$(VENV)/bin/python examples/lanes.py docs/demo-lanes.svg

test: $(VENV)/.installed ## every test
	@PYTEST_DEBUG_TEMPROOT="$(SCRATCH)" $(VENV)/bin/python -m pytest -n $(TESTERS)

test-clients: $(VENV)/.installed ## the real Claude Code, Codex and opencode against a stand-in for their models (npm, a gigabyte)
	@sh tests/clients/install.sh "$(CLIENTS)"
	@ORCHESTRATOR_CLIENTS="$$(cd "$(CLIENTS)" && pwd)" $(VENV)/bin/python -m pytest -n $(TESTERS) tests/clients/real

night: $(VENV)/.installed ## FEATURES by WORKFLOWS of the real Claude Code with hangs, floods, limits, kills (minutes; SEED)
	@sh tests/clients/install.sh "$(CLIENTS)"
	@ORCHESTRATOR_CLIENTS="$$(cd "$(CLIENTS)" && pwd)" $(VENV)/bin/python -m tests.clients.night $(FEATURES) $(WORKFLOWS) $(SEED)

check: $(VENV)/.installed ## ruff and mypy --strict
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy

format: $(VENV)/.installed ## let ruff write the layout
	@$(VENV)/bin/ruff check --fix . && $(VENV)/bin/ruff format .

# The long proofs: a small share of each runs in `make test`. KEEP=1 keeps what they reach in docs/figures.json.
crash: $(VENV)/.installed ## fail steps of all operations in five ways and recover (RUNS=5000 or all, SEED=1, ONLY=operation:step:mode; an hour)
	@$(VENV)/bin/python -m tests.crash.sweep --runs $(if $(filter file,$(origin RUNS)),5000,$(RUNS)) --seed $(SEED) --only "$(ONLY)" --workers $(WORKERS)

git-matrix: $(VENV)/.installed ## every shape of repository by hooks by ways of a commit (an hour or two); SCENES, SEED
	@$(VENV)/bin/python -m tests.git_matrix.product --workers $(WORKERS) --seed $(SEED) --scenes $(SCENES)

powercut: $(VENV)/.installed ## cut the power of real file systems, CUTS times each of FILE_SYSTEMS (root; minutes)
	@$(VENV)/bin/python -m tests.powercut.cuts --cuts $(CUTS) --seed $(SEED) --file-systems $(FILE_SYSTEMS)

concurrency: $(VENV)/.installed ## many at once: RACES of approve and rollback, RUNS of each other race (minutes)
	@$(VENV)/bin/python -m tests.concurrency.together --runs $(RUNS) --races $(RACES) --seed $(SEED)

machine: $(VENV)/.installed ## EXAMPLES random sequences of STEPS commands, git operations, edits and faults (minutes)
	@$(VENV)/bin/python -m tests.machine --examples $(EXAMPLES) --steps $(STEPS) --seed $(SEED)

rollback-soak: $(VENV)/.installed ## TREES random dirty trees, rolled back and undone (some 20 minutes)
	@$(VENV)/bin/python -m tests.machine.rollback --trees $(TREES) --seed $(SEED)

mutants: $(VENV)/.installed ## seeded faults in the kit's own code, each caught by the test that is named for it
	@$(VENV)/bin/python -m tests.mutants

flips: $(VENV)/.installed ## bytes flipped in log, states, copies and refs: noticed or harmless (RUNS=10000 SEED=1)
	@$(VENV)/bin/python -m tests.flips

agents-soak: $(VENV)/.installed ## agents that do not end, and a flood of output (RUNS=100 FLOOD=1000000000)
	@$(VENV)/bin/python -m tests.agents_soak

verify-soak: $(VENV)/.installed ## healthy repositories, in which verify finds and changes nothing (RUNS=1000 SEED=1)
	@$(VENV)/bin/python -m tests.verify_soak

kills: $(VENV)/.installed ## appenders killed at random moments; nothing that they acknowledged is lost (KILLS=10000 SEED=1)
	@$(VENV)/bin/python -m tests.kills

docs: $(VENV)/.installed ## what docs/commands.md and docs/configuration.md have from the code, written anew
	@$(VENV)/bin/python -m tests.reference

figures: $(VENV)/.installed ## the figures that the long proofs kept, into docs/promises.md
	@$(VENV)/bin/python -m tests.figures

clean: ## remove what these targets made
	rm -rf "$(VENV)" .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist

-include orchestrator.mk

# What the kit's own targets call lies in the virtual environment.
$(filter-out orch-help,$(shell sed -n "s/^\(orch-[^:]*\): ; .*/\1/p" orchestrator.mk)): $(VENV)/.installed
