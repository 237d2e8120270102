"""`reject FEATURE -m WHY`: send a feature back; the next brief carries the reason."""

from __future__ import annotations

import click

from orchestrator import session
from orchestrator.core import decide


@click.command("reject")
@click.argument("feature")
@click.option("-m", "--message", "why", default="", metavar="WHY", help="The reason; needed. The next brief has it.")
@click.option(
    "--to", default="", metavar="WORKFLOW[/PHASE]",
    help="Go back to there, a place at or before the gate; else the gate's phase again.",
)  # fmt: skip
def command(feature: str, why: str, to: str) -> None:
    """Reject the gate at which FEATURE waits."""
    session.refuse_an_agent("a gate is decided by a person")
    with session.writing("reject", anew=True) as workspace:
        found = workspace.living(feature)
        line = workspace.settle_line()
        who = session.caller(workspace)
        workspace.record(lambda world: decide.reject(world.features[found.id], line, why, to, who))
        place = workspace.world.features[found.id].place
        click.echo(f"{found.slug}: rejected; it goes on at workflow {place.workflow}, phase {place.phase}")
