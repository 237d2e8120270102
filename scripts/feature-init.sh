#!/bin/sh
# Starts a feature and checks its branch out here. Further arguments go to the command: --from REF, --after OTHER.
if [ $# -eq 0 ]; then
    echo "usage: $0 NAME [--from REF] [--after OTHER]" >&2
    exit 2
fi
exec "${ORCHESTRATOR:-orchestrator}" start "$@" --checkout
