"""`resume FEATURE`: end what `pause` or parking began, or start a failed feature again; never pass a gate."""

from __future__ import annotations

import click

from orchestrator import session
from orchestrator.core import decide


@click.command("resume")
@click.argument("feature")
def command(feature: str) -> None:
    """Let FEATURE go on, attempts at zero."""
    with session.writing("resume") as workspace:
        found = workspace.living(feature)
        who = session.caller(workspace)
        workspace.record(lambda world: decide.resume(world.features[found.id], who))
        place = workspace.world.features[found.id].place
        click.echo(f"{found.slug}: active, workflow {place.workflow}, phase {place.phase}")
