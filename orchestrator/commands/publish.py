"""`publish`: pushes the signed approvals as refs, for a guard on the server or in CI. Approves nothing."""

from __future__ import annotations

import click

from orchestrator import publishing, session


@click.command("publish")
@click.argument("feature", required=False)
@click.option("--remote", default="origin", metavar="REMOTE", help="Where to.")
@click.option("--local", is_flag=True, help="Make the refs here and push nothing.")
def command(feature: str | None, remote: str, local: bool) -> None:
    """Push the signed approvals of FEATURE, or of all features."""
    with session.writing() as workspace:
        only = workspace.feature(feature).id if feature else None
        made, gone = publishing.publish(workspace, only)
        if not local:
            publishing.push(workspace, remote, made, gone)
        where = "here" if local else f"on {remote}"
        for one in made:
            click.echo(f"{one.feature.removeprefix('feat-')}  {one.name}  {one.commit[:12]}")
        count = "1 signed approval is" if len(made) == 1 else f"{len(made)} signed approvals are"
        click.echo(f"{count} {where}" if made else "no signed approval to publish")
