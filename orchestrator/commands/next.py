"""`next`: one step of the feature whose turn it is."""

from __future__ import annotations

import shlex
import threading

import click

from orchestrator import announcing, attempts, calling, confining, render, runner, session, worktrees
from orchestrator.attempts import Result
from orchestrator.core import decide
from orchestrator.core.schedule import RunStep, next_action
from orchestrator.core.values import FeatureId
from orchestrator.errors import INTERRUPTED, NOTHING_LEFT, WAITS
from orchestrator.workspace import Workspace


@click.command("next")
@click.argument("feature", required=False)
@click.option("--dry-run", is_flag=True, help="Show which step, which brief, which command, where; do nothing.")
@click.option(
    "--sandbox/--no-sandbox", default=None,
    help="Hold agent, validation and commit hooks in a sandbox (Linux), or do not; else [run] sandbox.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(feature: str | None, dry_run: bool, sandbox: bool | None, as_json: bool) -> int:
    """Do one step: of FEATURE, or of the feature whose turn it is (round-robin)."""
    if dry_run:
        with session.reading() as workspace:
            return _foresee(workspace, feature, sandbox, as_json)
    with session.writing("next") as workspace:
        only = workspace.living(feature).id if feature else None
        workspace.settle_line()
        confining.enter(workspace, sandbox)
        result = _stoppable(workspace, only)
        if result is not None:
            render.step(result, as_json)
            if result.outcome == "interrupted":
                return INTERRUPTED
            announcing.announce(workspace, [result])
            return 0
        status = _nothing(workspace, only, as_json)
        announcing.announce(workspace, [])
        return status


def _stoppable(workspace: Workspace, only: FeatureId | None) -> Result | None:
    stop = threading.Event()
    with runner.stopping(stop):
        return runner.one_step(workspace, only, stop)


def _nothing(workspace: Workspace, only: FeatureId | None, as_json: bool) -> int:
    """Print why nothing runs, of a feature that was named nothing else."""
    waits = list(runner.waiting(workspace))
    status = WAITS if waits else NOTHING_LEFT
    if only is None:
        why = render.nothing_to_run(workspace, waits)
    else:
        named = workspace.world.features[only]
        why = f"{named.slug}: {render.why(workspace, named)}"
    if as_json:
        render.json({"feature": None, "workflow": None, "phase": None, "attempt": 0, "outcome": "waits", "why": why})
    else:
        click.echo(why)
    return status


def _foresee(workspace: Workspace, name: str | None, sandbox: bool | None, as_json: bool) -> int:
    """Print what `next` would do now."""
    only = workspace.living(name).id if name else None
    workspace.usable_line()
    confining.enter(workspace, sandbox)
    held = runner.held_back(workspace)
    action = next_action(workspace.world, runner.busy(workspace).keys(), held, only)
    if not isinstance(action, RunStep):
        return _nothing(workspace, only, as_json)
    feature = workspace.world.features[action.feature]
    step = attempts.step_of(workspace, feature)
    text = attempts.written(workspace, feature, step)
    place = worktrees.find(workspace, feature.branch)
    where = str(place.path if place else worktrees.root(workspace) / feature.slug)
    attempts.check_agent(workspace)
    agent = calling.foreseen(workspace, feature, step)
    shown = {
        "feature": feature.slug,
        "workflow": step.workflow,
        "phase": step.place.phase,
        "attempt": decide.number(feature),
        "command": agent,
        "where": where,
        "brief": text,
    }
    if as_json:
        render.json(shown)
        return 0
    click.echo(f"{feature.slug}: workflow {step.workflow}, phase {step.place.phase}, attempt {shown['attempt']}")
    click.echo(f"command: {shlex.join(agent)}\nwhere:   {where}\nbrief:\n")
    click.echo(text)
    return 0
