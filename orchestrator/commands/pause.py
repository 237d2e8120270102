"""`pause FEATURE`: nothing of it runs until `resume`, or until a time."""

from __future__ import annotations

import click

from orchestrator import session
from orchestrator.core import decide
from orchestrator.errors import WrongUsage


@click.command("pause")
@click.argument("feature")
@click.option("-m", "--message", "why", default="paused by hand", metavar="WHY", help="The reason, shown in status.")
@click.option(
    "--until", default="", metavar="TIME",
    help="Go on by itself at the first next or run after this time (ISO 8601 with offset).",
)  # fmt: skip
def command(feature: str, why: str, until: str) -> None:
    """Pause FEATURE; an attempt that runs is not ended."""
    moment = _moment(until)
    with session.writing("pause") as workspace:
        found = workspace.living(feature)
        who = session.caller(workspace)
        workspace.record(lambda world: decide.pause(world.features[found.id], why, who, moment))
        click.echo(f"{found.slug}: paused" + (f" until {moment}" if moment else ""))


def _moment(text: str) -> str:
    if not text:
        return ""
    from datetime import datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise WrongUsage(f"{text!r} is no time", "write it like 2026-01-31T09:00:00+01:00") from error
    if moment.tzinfo is None:
        raise WrongUsage(f"{text!r} has no offset", "write it like 2026-01-31T09:00:00+01:00")
    return moment.isoformat(timespec="seconds")
