"""`checkpoints FEATURE`: all checkpoints, rollback points marked."""

from __future__ import annotations

from typing import Any

import click

from orchestrator import render, session
from orchestrator.core.events import CheckpointCreated
from orchestrator.log.projections import to_seconds


@click.command("checkpoints")
@click.argument("feature")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(feature: str, as_json: bool) -> None:
    """List the checkpoints of FEATURE, oldest first."""
    with session.looking() as workspace:
        found = workspace.feature(feature)
        points = {point.n: point.backup for point in found.points}
        rows: list[dict[str, Any]] = [
            {
                "n": event.payload.n,
                "tag": f"checkpoint/{found.slug}/{event.payload.n}",
                "commit": event.payload.commit,
                "workflow": event.workflow,
                "phase": event.phase,
                "at": to_seconds(event.payload.taken or event.timestamp),
                "backup": points.get(event.payload.n),
                "late": event.payload.late,
                "cause": event.payload.cause,
                "action": event.payload.action,
            }
            for event in workspace.events()
            if event.feature == found.id and isinstance(event.payload, CheckpointCreated)
        ]
        if as_json:
            render.json({"checkpoints": rows})
        else:
            render.checkpoints(found.slug, rows)
