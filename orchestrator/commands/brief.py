"""`brief FEATURE`: the next step's brief for an agent that drives itself; its attempt is open until a deadline."""

from __future__ import annotations

import threading
from datetime import timedelta

import click

from orchestrator import attempts, furnishing, perform, runner, session
from orchestrator.core.state import Feature
from orchestrator.core.steps import Step
from orchestrator.core.values import Status
from orchestrator.errors import Refusal
from orchestrator.workspace import Workspace, now


@click.command("brief")
@click.argument("feature")
def command(feature: str) -> None:
    """Print the brief of FEATURE's next step and open its attempt; close it with `report`."""
    with session.writing("brief") as workspace:
        found = workspace.living(feature)
        workspace.settle_line()
        with perform.locked(workspace, found.id):
            workspace.load()
            perform.recover(workspace, found.id)
            current = workspace.world.features[found.id]
            held = runner.held_back(workspace).get(found.id)
            if held:
                raise Refusal(f"{found.slug} is passed over: {held}", f"orchestrator status {found.slug} --why")
            if current.attempt is not None:
                raise Refusal(
                    f"an attempt of {found.slug} is open since {current.attempt.started_at}, "
                    f"until {current.attempt.deadline}",
                    f"orchestrator report {found.slug} --ok, --fail or --gate TRIGGER closes it",
                )
            if current.status is not Status.ACTIVE:
                raise Refusal(f"{found.slug} is {current.status}", f"orchestrator status {found.slug} --why")
            limit = timedelta(seconds=workspace.configuration.timeout)
            deadline = (now() + limit).isoformat(timespec="seconds")
            step = attempts.step_of(workspace, current)
            _furnish(workspace, current, step)
            prepared = attempts.prepare(workspace, workspace.world.features[current.id], step, deadline)
        click.echo(prepared.text, nl=False)
        click.echo(
            f"\nYou drive this attempt yourself, in {prepared.worktree}, until {deadline}. Close it with\n"
            f"`orchestrator report {found.slug} --ok`, `--fail -m WHY` or `--gate QUESTION`."
        )


def _furnish(workspace: Workspace, feature: Feature, step: Step) -> None:
    stop = threading.Event()
    with runner.stopping(stop), attempts.slot(workspace, feature):
        if not furnishing.furnish(workspace, feature, step, stop):
            raise Refusal(
                f"the setup of {feature.slug} was stopped", f"orchestrator brief {feature.slug} runs it again"
            )
