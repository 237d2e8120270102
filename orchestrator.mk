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

.PHONY: orch-help orch-next orch-run orch-status orch-approve orch-review orch-reject orch-feature orch-checkpoint orch-checkpoints orch-rollback orch-log orch-replay orch-diff orch-verify orch-metrics orch-workflows orch-lint next run status approve review reject feature checkpoint checkpoints rollback log replay diff verify metrics workflows lint
orch-next next: ; @$(ORCHESTRATOR) next -- $${FEATURE:+"$$FEATURE"} || $(_orch_waits) ## one step of the feature whose turn it is, or of FEATURE=
orch-run run: ; @$(ORCHESTRATOR) run || $(_orch_waits) ## steps of all features until nothing is left to do
orch-status status: ; @$(ORCHESTRATOR) status $${AT:+--at="$$AT"} -- $${FEATURE:+"$$FEATURE"} ## the dashboard; FEATURE=, AT=
orch-approve approve: ; @$(ORCHESTRATOR) approve $${WHY:+-m"$$WHY"} -- $${FEATURE:+"$$FEATURE"} ## show the waiting gates and take one decision
orch-review review: ; @$(ORCHESTRATOR) review ## the waiting gates as a page in your browser
orch-reject reject: ; @$(ORCHESTRATOR) reject $${WHY:+-m"$$WHY"} $${TO:+--to="$$TO"} -- $${FEATURE:+"$$FEATURE"} ## send FEATURE= back; WHY= is told to the agent; TO=
orch-feature feature: ; @$(ORCHESTRATOR) start -- $${FEATURE:+"$$FEATURE"} ## begin FEATURE=
orch-checkpoint checkpoint: ; @$(ORCHESTRATOR) checkpoint -- $${FEATURE:+"$$FEATURE"} ## a rollback point of FEATURE= by hand
orch-checkpoints checkpoints: ; @$(ORCHESTRATOR) checkpoints -- $${FEATURE:+"$$FEATURE"} ## all checkpoints of FEATURE=
orch-rollback rollback: ; @$(ORCHESTRATOR) rollback $${TO:+--to="$$TO"} -- $${FEATURE:+"$$FEATURE"} ## return FEATURE= to its rollback point or TO=
orch-log log: ; @$(ORCHESTRATOR) log -- $${FEATURE:+"$$FEATURE"} ## the audit trail; FEATURE=
orch-replay replay: ; @$(ORCHESTRATOR) replay $${AT:+--at="$$AT"} -- $${FEATURE:+"$$FEATURE"} ## the state as it was; AT= a time, #ID or a tag
orch-diff diff: ; @$(ORCHESTRATOR) diff -- $${FEATURE:+"$$FEATURE"} $${AT:+"$$AT"} $${TO:+"$$TO"} ## what differs in FEATURE= between AT= and TO= (now): N, #ID, a time
orch-verify verify: ; @$(ORCHESTRATOR) verify ## check log, checkpoints, backups, states and hooks
orch-metrics metrics: ; @$(ORCHESTRATOR) metrics ## what the kit saved, measured from the log
orch-workflows workflows: ; @$(ORCHESTRATOR) workflows ## the line as the kit reads it: phases and gates
orch-lint lint: ; @$(ORCHESTRATOR) lint ## what would go wrong in documents and validations
orch-help: ; @awk -F': ; |## ' '/^orch-.*## /{n = split($$1, names, " "); printf "  %-16s %s\n", names[n], $$NF}' "$(_orch_file)" ## this list
.DEFAULT_GOAL := $(_orch_goal)
