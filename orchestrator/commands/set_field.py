"""`set FEATURE FIELD VALUE`: what people did with jq, as a `state_edited` event; stops at an undecided stop."""

from __future__ import annotations

from typing import Any

import click

from orchestrator import reconcile, session
from orchestrator.core.state import Feature
from orchestrator.core.steps import Line, find_place
from orchestrator.core.values import Status
from orchestrator.errors import Refusal, WrongUsage
from orchestrator.log import projections


@click.command("set")
@click.argument("feature")
@click.argument("field")
@click.argument("value")
def command(feature: str, field: str, value: str) -> int:
    """Change FIELD of FEATURE to VALUE.

    FIELD is workflow, phase, status, complete-workflow, paused_until, or a key of your own in the state file.
    """
    with session.writing("set") as workspace:
        found = workspace.living(feature)
        line = workspace.settle_line()
        new = _changed(found, line, field, value)
        refused = reconcile.edited_by_command(workspace, found, new, session.caller(workspace))
        if refused:
            raise Refusal("; ".join(refused), f"orchestrator status {found.slug} --why")
        after = workspace.world.features[found.id]
        click.echo(f"{found.slug}: workflow {after.place.workflow}, phase {after.place.phase}, {after.status}")
    return 0


def _changed(feature: Feature, line: Line, field: str, value: str) -> dict[str, Any]:
    """Return the state as it would be after the edit. Raises WrongUsage, Refusal."""
    state = projections.state(feature)
    match field:
        case "workflow" | "current_workflow":
            place, _ = find_place(line, value)
            return {**state, "current_workflow": place.workflow, "current_phase": place.phase}
        case "phase" | "current_phase":
            find_place(line, feature.place.workflow, value)
            return {**state, "current_phase": value}
        case "status":
            if value not in tuple(Status):
                raise WrongUsage(f"status {value!r} is unknown", f"one of {', '.join(Status)}")
            return {**state, "status": value}
        case "complete-workflow":
            return _completed(feature, line, state, value)
        case "paused_until":
            return {**state, "paused_until": value or None}
        case "feature" | "branch" | "gate" | "rollback_points" | "event" | "version" | "notes" | "attempts":
            raise WrongUsage(f"{field} is not set by hand", "orchestrator set --help lists what is")
        case _:
            return {**state, field: value}


def _completed(feature: Feature, line: Line, state: dict[str, Any], value: str) -> dict[str, Any]:
    find_place(line, value)
    done = [one for one in feature.workflows_completed if one != value]
    new = {**state, "workflows_completed": [*done, value]}
    after = line.following(value)
    if value != feature.place.workflow:
        return new
    if after is None:
        return {**new, "status": str(Status.COMPLETED)}
    return {**new, "current_workflow": after.workflow, "current_phase": after.phase}
