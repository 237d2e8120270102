#!/bin/sh
# Returns a feature to its newest rollback point: the code, the context files, the state. `orchestrator rollback
# NAME --undo` takes it back. Further arguments go to the command: --to N, --dry-run.
if [ $# -eq 0 ]; then
    echo "usage: $0 NAME [--to CHECKPOINT] [--dry-run]" >&2
    exit 2
fi
exec "${ORCHESTRATOR:-orchestrator}" rollback "$@"
