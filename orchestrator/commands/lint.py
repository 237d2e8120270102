"""`lint`: what would go wrong in documents and validations, before anything is run. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence

import click

from orchestrator import preflight, render, session
from orchestrator.adapters.agent import plain
from orchestrator.config import FILE
from orchestrator.core.linting.findings import Finding, open_ones, tally
from orchestrator.errors import OrchestratorError
from orchestrator.workspace import Workspace

_FEW = 5


@click.command("lint")
@click.option("--all", "shows_all", is_flag=True, help="Show the accepted findings, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(shows_all: bool, as_json: bool) -> int:
    """Find what would go wrong in documents and validations, before an agent runs into it."""
    with session.reading() as workspace:
        workspace.read_anew()
        found = preflight.check(workspace)
    if as_json:
        render.json({"findings": found})
    else:
        show(found, shows_all)
    return 1 if any(one.severity == "error" and not one.accepted for one in found) else 0


def show(findings: Sequence[Finding], shows_all: bool) -> None:
    """Print the findings, by file and line, and how many there are."""
    for one in findings:
        if shows_all or not one.accepted:
            click.echo("\n".join(_rows(one)))
    left = [one for one in findings if not one.accepted]
    accepted = len(findings) - len(left)
    tail = f"; {accepted} accepted" + ("" if shows_all else " (--all shows them)") if accepted else ""
    click.echo(f"{tally(left) or 'nothing to say'}{tail}")
    if left:
        click.echo(f'one that is meant so: its key into {FILE}, [lint] accept = ["{left[0].key}"]')


def _rows(one: Finding) -> list[str]:
    mark = f"{one.severity}, accepted" if one.accepted else one.severity
    rows = [f"{one.file}:{one.line}: {mark} {one.key}", f"    {one.text}", f"    {one.why}", f"    -> {one.next}", ""]
    return [plain(row) for row in rows]


def summary(workspace: Workspace) -> list[str]:
    """Return the findings in a few lines, for `init`; nothing where there are none or the line cannot be read."""
    try:
        found = [one for one in preflight.check(workspace) if not one.accepted]
    except OrchestratorError:
        return []
    worst = list(open_ones(found))
    rows = [plain(f"{one.severity} {one.file}:{one.line}: {one.why}") for one in worst[:_FEW]]
    head = f"{tally(found)} in documents and configuration"
    if not worst:
        return [f"{head}: orchestrator lint"] if found else []
    return [head, *rows, "all of them, and what to do: orchestrator lint"]
