"""`status`: the dashboard. Looking decides nothing."""

from __future__ import annotations

import click

from orchestrator import dashboard, render, session
from orchestrator.core.values import slug
from orchestrator.errors import WrongUsage
from orchestrator.log import projections


@click.command("status")
@click.argument("feature", required=False)
@click.option("--why", is_flag=True, help="Say why a feature does not move.")
@click.option("--watch", is_flag=True, help="Stay, and show what changes as it changes; Ctrl-C or q ends it.")
@click.option("--all", "is_all", is_flag=True, help="Show also what does not fit the terminal.")
@click.option("--at", metavar="WHEN", help="Show a moment of the past: a time with offset, #ID, checkpoint/NAME/N.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(feature: str | None, why: bool, watch: bool, is_all: bool, at: str | None, as_json: bool) -> int:
    """Show who is where, what waits, and since when; of FEATURE its timeline."""
    if watch:
        return _watch(is_alone=not (feature or why or is_all or at or as_json))
    with session.reading() if at else session.looking() as workspace:
        world = render.past(workspace, at) if at else workspace.world
        if not workspace.is_set_up:
            return render.without_log(as_json)
        features = [one for one in world.features.values() if feature is None or one.slug == slug(feature)]
        if feature is not None and not features:
            workspace.feature(feature)
        if as_json:
            render.json({"features": [projections.state(one) for one in features]})
        elif feature is not None or why:
            dashboard.show_each(workspace, world, features, at, why=why, is_all=is_all)
        else:
            dashboard.show(workspace, world, [one for one in features if not one.retired], at, is_all=is_all)
    return 0


def _watch(is_alone: bool) -> int:
    """Watch all features; another word beside `--watch` is wrong usage."""
    from orchestrator import watching  # rich and a terminal: only here

    if not is_alone:
        raise WrongUsage("--watch shows all features as they are now", "leave the other words out")
    watching.refuse_without_a_terminal()
    with session.looking() as workspace:
        if not workspace.is_set_up:
            return render.without_log(False)
        watching.watch(workspace)
    return 0
