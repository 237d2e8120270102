#!/bin/sh
# Edits a feature's state by hand: the log records who did it, and a gate is not passed by it.
case $#:$2 in
3:workflow | 3:phase | 3:status | 3:complete-workflow) exec "${ORCHESTRATOR:-orchestrator}" set -- "$@" ;;
esac
echo "usage: $0 NAME workflow|phase|status|complete-workflow VALUE" >&2
exit 2
