"""What was accepted for good and fits nothing any more. Touches nothing."""

from __future__ import annotations

from orchestrator.core.linting.findings import Finding, Rule, finding

STALE = Rule(
    id="L701",
    severity="note",
    why="[lint] accept holds a key that fits no finding any more",
    next="take it out",
)


def stale(file: str, line: int, key: str) -> Finding:
    """Return the finding on an accepted key that fits nothing."""
    return finding(STALE, file, line, key)
