"""`checkpoint FEATURE`: a rollback point by hand."""

from __future__ import annotations

from collections.abc import Sequence

import click

from orchestrator import attempts, checkpoints, perform, session, worktrees
from orchestrator.adapters.agent import plain
from orchestrator.adapters.git import Git

_NAMED = 3  # uncommitted files


@click.command("checkpoint")
@click.argument("feature")
def command(feature: str) -> None:
    """Make a rollback point of what FEATURE has committed, and of its context."""
    with session.writing("checkpoint") as workspace:
        found = workspace.living(feature)
        with perform.locked(workspace, found.id):
            worktrees.refuse_missing(workspace, found)
            n = checkpoints.take_point(workspace, workspace.world.features[found.id], "hand")
        place = worktrees.find(workspace, found.branch)
        loose = [name for name in Git(place.path).dirt() if not name.startswith(".context/")] if place else []
        click.echo(f"{found.slug}: rollback point {checkpoints.tag(found.slug, n)}")
        if loose:
            click.echo(_not_in_it(loose))


def _not_in_it(names: Sequence[str]) -> str:
    """Return what a rollback point does not hold, the first three by name."""
    shown = ", ".join(plain(attempts.shown(name)) for name in names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    if len(names) == 1:
        return f"1 uncommitted file is not in it ({shown}); commit it to keep it with it"
    return f"{len(names)} uncommitted files are not in it ({shown}{more}); commit them to keep them with it"
