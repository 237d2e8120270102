"""`rollback FEATURE`: back to a checkpoint, git and context together, or forward again with --undo."""

from __future__ import annotations

import click

from orchestrator import perform, render, rollback, session, worktrees
from orchestrator.core.state import Feature
from orchestrator.workspace import Workspace


@click.command("rollback")
@click.argument("feature")
@click.option("--to", default="", metavar="N", help="A checkpoint's number or tag; else the newest rollback point.")
@click.option("--dry-run", is_flag=True, help="Print what would go, and do nothing.")
@click.option("--undo", is_flag=True, help="Undo the last rollback: code, uncommitted work, context, place and status.")
def command(feature: str, to: str, dry_run: bool, undo: bool) -> None:
    """Take FEATURE back to the newest rollback point that differs from what is there, or to --to."""
    if undo and (to or dry_run):
        raise click.UsageError("--undo stands alone")
    with session.writing("rollback") as workspace:
        found = workspace.living(feature)
        with perform.locked(workspace, found.id):
            current = workspace.load().features[found.id]
            if current.ordered is not None:
                _end(workspace, current, dry_run)
                return
            worktrees.refuse_missing(workspace, current, is_needed=False)  # a branch alone can go back
            if not dry_run:
                perform.recover(workspace, found.id)
                current = workspace.world.features[found.id]
            if undo:
                _undo(workspace, current)
            else:
                _back(workspace, current, to, dry_run)


def _end(workspace: Workspace, feature: Feature, dry_run: bool) -> None:
    """End the rollback or undo that was killed: the same command once more is no second one."""
    if dry_run:
        click.echo(f"{feature.slug}: a rollback was interrupted; the next command ends it first")
        return
    ended = rollback.finish(workspace, feature.id)
    place = f"workflow {ended.place.workflow}, phase {ended.place.phase}"
    click.echo(f"{feature.slug}: ended what had been interrupted; {place}, {ended.status}")


def _back(workspace: Workspace, feature: Feature, to: str, dry_run: bool) -> None:
    goal = rollback.goal(workspace, feature, to)
    plan = rollback.plan(workspace, feature, goal)
    render.plan(feature, plan)
    if dry_run:
        click.echo("nothing was done (--dry-run)")
        return
    ended = rollback.order(workspace, feature, goal, session.caller(workspace), "by hand")
    place = f"workflow {ended.place.workflow}, phase {ended.place.phase}"
    click.echo(f"{feature.slug} is back at {goal.n}: {place}, {ended.status}")
    click.echo(f"kept under {ended.undo.rescue if ended.undo else ''}; it can be undone with --undo")


def _undo(workspace: Workspace, feature: Feature) -> None:
    ended = rollback.undo(workspace, feature, session.caller(workspace))
    click.echo(f"{feature.slug}: the rollback is undone; workflow {ended.place.workflow}, {ended.status}")
    if ended.status == "blocked":
        click.echo(f"it starts again, at attempt 1, with: orchestrator resume {feature.slug}")
