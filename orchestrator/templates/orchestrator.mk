# orchestrator.mk: written by `orchestrator init`, which writes it again; include it with `-include orchestrator.mk`.
# `make orch-help` lists the targets. FEATURE, WHY, AT and TO go to the shell as environment variables and are
# never expanded by make: a value such as $(shell ...) or "; rm -rf" stays the text that it is.
# Each rule is one line, so that your .RECIPEPREFIX, .ONESHELL, SHELL and .SHELLFLAGS do not matter.

ORCHESTRATOR ?= orchestrator
_orch_goal := $(.DEFAULT_GOAL)
_orch_file := $(lastword $(MAKEFILE_LIST))

# Taken from the command line or the environment alone: a variable of the same name in your Makefile stays yours.
ifneq (,$(filter command environment%,$(origin FEATURE)))
override FEATURE := $(value FEATURE)
export FEATURE
endif
ifneq (,$(filter command environment%,$(origin WHY)))
override WHY := $(value WHY)
export WHY
endif
ifneq (,$(filter command environment%,$(origin AT)))
override AT := $(value AT)
export AT
endif
ifneq (,$(filter command environment%,$(origin TO)))
override TO := $(value TO)
export TO
endif

# `next` and `run` say by exit status 10 and 11 that there is nothing to run: an answer, not a failure.
_orch_waits := { code=$$?; case $$code in 10) echo "Nothing to run now: what is open waits for a gate, a time or a person. See: orchestrator status" ;; 11) echo "Nothing left to run: no feature is open." ;; *) exit $$code ;; esac; }

@RULES@
.DEFAULT_GOAL := $(_orch_goal)
