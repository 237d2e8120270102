"""`approve`: the waiting gates with their evidence, and one decision by a person on a terminal."""

from __future__ import annotations

import time
from collections.abc import Collection

import click

from orchestrator import approval, claude, render, session, showing, sitting
from orchestrator.approval import Held
from orchestrator.core.values import FeatureId
from orchestrator.errors import Refusal, WrongUsage
from orchestrator.workspace import Workspace


@click.command("approve")
@click.argument("features", nargs=-1)
@click.option("-m", "--message", default="", metavar="TEXT", help="An answer, for every gate that is approved.")
@click.option("--run", "go_on", is_flag=True, help="Go on with `run` afterwards.")
@click.option("--show", "shown", metavar="N", help="Show one gate whole, by number or name; decides nothing.")
@click.option("--ask", is_flag=True, help="Print the waiting gates as questions for Claude Code; decides nothing.")
@click.option("--undo", is_flag=True, help="Take back the last approvals, or FEATURE's, until it has gone on.")
@click.option("--key", default="", metavar="FILE", help="The key to sign with; else the one that `signers` knows.")
def command(
    features: tuple[str, ...], message: str, go_on: bool, shown: str | None, ask: bool, undo: bool, key: str
) -> int:
    """Show the waiting gates and take one decision."""
    if ask and (shown is not None or undo or go_on or message or key):
        raise WrongUsage("--ask goes with features alone: it decides nothing", "orchestrator approve --help")
    if ask:
        return _ask(features)
    if shown is not None and (undo or go_on or features or message):
        raise WrongUsage("--show stands alone: it decides nothing", "orchestrator approve --help")
    if shown is not None:
        return _show(shown)
    session.refuse_without_a_terminal()
    with session.writing("approve", anew=True) as workspace:
        session.refuse_below_a_run(workspace)
        names = {workspace.living(one).id for one in features}
        if undo:
            return _undo(workspace, names)
        return _decide(workspace, names, message, go_on, key)


def _show(word: str) -> int:
    with session.looking(anew=True) as workspace:
        showing.whole(workspace, sitting.named(sitting.waiting(workspace, ()), word))
    return 0


def _ask(features: Collection[str]) -> int:
    with session.looking(anew=True) as workspace:
        render.json(claude.questions(workspace, {workspace.living(one).id for one in features}))
    return 0


def _undo(workspace: Workspace, names: Collection[FeatureId]) -> int:
    taken = approval.take_back(workspace, sorted(names), session.caller(workspace))
    click.echo(f"taken back: {', '.join(taken)}; each waits at its gate again")
    return 0


def _decide(workspace: Workspace, names: Collection[FeatureId], message: str, go_on: bool, key: str) -> int:
    workspace.take_line()
    rows = sitting.waiting(workspace, names)
    if not rows:
        click.echo(sitting.nothing_waits(workspace, names))
        return 0
    showing.short(workspace, rows)
    batch = workspace.effective.configuration.gates.batch
    began = time.monotonic()
    answer = render.ask(sitting.question(rows, batch))
    decisions = sitting.understand(answer, rows, message, batch)
    if not decisions:
        click.echo("nothing was approved")
        return 0
    held = Held(door="terminal", who=session.caller(workspace), shown=time.monotonic() - began, key=key)
    outcome = approval.record(workspace, decisions, held)
    taken = {one.row.number for one in decisions}
    _tell(outcome.approved, [one.name for one in rows if one.number not in taken])
    if outcome.refused:
        session.tell(workspace)
        raise Refusal("; ".join(outcome.refused), "call it again: it shows how things are now")
    if go_on:
        from orchestrator.commands.run import run

        session.tell(workspace)
        return run(workspace, None, False, False)
    return 0


def _tell(approved: Collection[str], left: Collection[str]) -> None:
    said = f"approved: {', '.join(approved)}" if approved else "nothing was approved"
    click.echo(said + (f"; not: {', '.join(left)}" if left else ""))
