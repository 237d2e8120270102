"""`note FEATURE TEXT`: a note in the feature's state and in the log."""

from __future__ import annotations

import click

from orchestrator import session
from orchestrator.core import decide


@click.command("note")
@click.argument("feature")
@click.argument("text", nargs=-1)
@click.option("-m", "--message", default="", metavar="TEXT", help="The note, instead of as words.")
def command(feature: str, text: tuple[str, ...], message: str) -> None:
    """Add a note to FEATURE."""
    with session.writing() as workspace:
        found = workspace.living(feature)
        who = session.caller(workspace)
        note = message or " ".join(text)
        workspace.record(lambda world: decide.noted(world.features[found.id], note, who))
        click.echo(f"{found.slug}: noted")
