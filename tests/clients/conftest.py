"""The real programs run by `make test-clients` alone: they take a minute or two and a gigabyte."""

from __future__ import annotations

import os

collect_ignore = [] if os.environ.get("ORCHESTRATOR_CLIENTS") else ["real"]
