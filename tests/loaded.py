"""All of `orchestrator` in memory, its rules for documents compiled: what `forked` forks."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import orchestrator.commands
from orchestrator.core.line import Rules, read_document

for _one in pkgutil.iter_modules(orchestrator.commands.__path__):
    import_module(f"orchestrator.commands.{_one.name}")
read_document("# Make it\n\n## Phase 1: Write\n\nShow it to the user and wait for a yes.\n", "f.md", "1", Rules())
