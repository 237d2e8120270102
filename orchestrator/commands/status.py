"""`status`: the dashboard. Looking decides nothing."""

from __future__ import annotations

import click

from orchestrator import render, session
from orchestrator.core.values import slug
from orchestrator.log import projections


@click.command("status")
@click.argument("feature", required=False)
@click.option("--why", is_flag=True, help="Say why a feature does not move.")
@click.option("--at", metavar="WHEN", help="Show a moment of the past: a time with offset, #ID, checkpoint/NAME/N.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(feature: str | None, why: bool, at: str | None, as_json: bool) -> int:
    """Show who is where, what waits, and since when."""
    with session.reading() if at else session.looking() as workspace:
        world = render.past(workspace, at) if at else workspace.world
        if not workspace.is_set_up:
            return render.without_log(as_json)
        features = [one for one in world.features.values() if feature is None or one.slug == slug(feature)]
        if feature is not None and not features:
            workspace.feature(feature)
        if as_json:
            render.json({"features": [projections.state(one) for one in features]})
        else:
            render.dashboard(
                workspace, world, features, why=why or feature is not None, past=at, is_whole=feature is None
            )
    return 0
