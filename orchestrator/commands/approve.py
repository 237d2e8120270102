"""`approve`: the waiting gates with their evidence, and one decision by a person on a terminal."""

from __future__ import annotations

import sys
import time

import click

from orchestrator import approval, render, session
from orchestrator.errors import Refusal


@click.command("approve")
@click.argument("features", nargs=-1)
@click.option("-m", "--message", default="", metavar="TEXT", help="An answer, for every gate that is approved.")
@click.option("--run", "go_on", is_flag=True, help="Go on with `run` afterwards.")
def command(features: tuple[str, ...], message: str, go_on: bool) -> int:
    """Show the waiting gates and take one decision."""
    _refuse_without_a_door()
    with session.writing("approve") as workspace:
        names = {workspace.living(one).id for one in features}
        items = approval.waiting(workspace, names)
        if not items:
            click.echo(approval.nothing_waits(workspace, names))
            return 0
        approval.show(workspace, items)
        began = time.monotonic()
        answer = render.ask(approval.question(items))
        decisions = approval.understand(answer, items, message)
        if not decisions:
            click.echo("nothing was approved")
            return 0
        done = approval.record(workspace, items, decisions, session.caller(workspace), time.monotonic() - began)
        click.echo(done)
        if go_on:
            from orchestrator.commands.run import run

            session.tell(workspace)
            return run(workspace, None, False, False)
    return 0


def _refuse_without_a_door() -> None:
    """A person at a terminal, no agent: the only door there is."""
    session.refuse_an_agent("a gate is decided by a person")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Refusal("this is no terminal; a gate is decided by a person at one", "end your turn; the person is told")
