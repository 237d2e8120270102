"""`checkpoint FEATURE`: a rollback point by hand."""

from __future__ import annotations

import click

from orchestrator import checkpoints, perform, session, worktrees
from orchestrator.adapters.git import Git


@click.command("checkpoint")
@click.argument("feature")
def command(feature: str) -> None:
    """Make a rollback point of what FEATURE has committed, and of its context."""
    with session.writing("checkpoint") as workspace:
        found = workspace.living(feature)
        with perform.locked(workspace, found.id):
            n = checkpoints.take_point(workspace, workspace.world.features[found.id], "hand")
        place = worktrees.find(workspace, found.branch)
        loose = [name for name in Git(place.path).dirt() if not name.startswith(".context/")] if place else []
        click.echo(f"{found.slug}: rollback point {checkpoints.tag(found.slug, n)}")
        if loose:
            click.echo(f"{len(loose)} uncommitted files are not in it ({loose[0]}); commit them to keep them with it")
