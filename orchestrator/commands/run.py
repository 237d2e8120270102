"""`run`: steps of all features, several at once, until nothing is left to do."""

from __future__ import annotations

import sys
import threading
from typing import Any

import click

from orchestrator import confining, render, runner, session
from orchestrator.errors import INTERRUPTED, NOTHING_LEFT, WAITS
from orchestrator.reconcile import reconcile
from orchestrator.workspace import Workspace


@click.command("run")
@click.option("-j", "--parallel", type=click.IntRange(1), metavar="N", help="Work on up to N features at once.")
@click.option("--wait", is_flag=True, help="Stay at the gates and go on when another terminal decides.")
@click.option("--sandbox/--no-sandbox", default=None, help="Let agents write to their own worktree alone (Linux).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document at the end.")
def command(parallel: int | None, wait: bool, sandbox: bool | None, as_json: bool) -> int:
    """Do steps of all features until nothing is left to do."""
    with session.writing("run") as workspace:
        return run(workspace, parallel, wait, as_json, sandbox)


def run(workspace: Workspace, parallel: int | None, wait: bool, as_json: bool, sandbox: bool | None = None) -> int:
    """Run, print, and return the exit status: 10 while an open feature waits, else 11; 130 when interrupted."""
    workspace.settle_line()
    confining.enter(workspace, sandbox)
    stop = threading.Event()
    with render.progress(workspace, as_json, sys.stdout.isatty()) as listen, runner.stopping(stop):
        one = runner.Runner(workspace, parallel or workspace.configuration.run.parallel, stop, listen)
        who = session.caller(workspace)
        while True:
            one.run(lambda: _refresh(workspace, who))
            if stop.is_set() or not wait or not list(runner.waiting(workspace)) or runner.all_parked(workspace):
                break
            session.tell(workspace)
            runner.await_change(workspace, stop, one.announcer.is_due)
    waits = list(runner.waiting(workspace))
    if as_json:
        render.json({"steps": [render.shape(step) for step in one.results], "features": states(workspace)})
    elif stop.is_set():
        click.echo(f"stopped; {len(waits)} open, the next run goes on")
    else:
        click.echo(render.nothing_to_run(workspace, waits))
    if stop.is_set():
        return INTERRUPTED
    return WAITS if waits else NOTHING_LEFT


def states(workspace: Workspace) -> list[dict[str, Any]]:
    """Return every feature's state, in start order."""
    from orchestrator.log.projections import state

    return [state(one) for one in workspace.world.features.values()]


def _refresh(workspace: Workspace, who: str) -> None:
    """Take in what happened outside, and what other terminals decided; the line is read again where it changed."""
    workspace.load()
    reconcile(workspace, "kit", who)
    workspace.refresh_line()
