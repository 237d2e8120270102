#!/bin/sh
# Shows where the features stand: all of them, or the one that is named.
exec "${ORCHESTRATOR:-orchestrator}" status "$@"
