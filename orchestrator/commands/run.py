"""`run`: steps of all features, several at once, until nothing is left to do."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import click

from orchestrator import config, confining, render, runner, session, summing
from orchestrator.errors import INTERRUPTED, NOTHING_LEFT, WAITS, BadConfiguration, WrongUsage
from orchestrator.reconcile import reconcile
from orchestrator.workspace import Workspace


@click.command("run")
@click.option(
    "-j", "--parallel", type=click.IntRange(1), metavar="N",
    help="Work on up to N features at once; else [run] parallel.",
)  # fmt: skip
@click.option("--wait", is_flag=True, help="Stay at the gates and go on when another terminal decides.")
@click.option(
    "--for", "span", metavar="TIME",
    help="Stay for so long (8h, 90m), at gates and until a quota ends; then begin no more steps.",
)  # fmt: skip
@click.option(
    "--max-cost", type=click.FloatRange(0, min_open=True), metavar="USD",
    help="Begin no step once agents used so much since it began, as far as their clients say.",
)  # fmt: skip
@click.option(
    "--sandbox/--no-sandbox", default=None,
    help="Hold agents, validations and commit hooks in a sandbox (Linux), or do not; else [run] sandbox.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document at the end.")
def command(
    parallel: int | None, wait: bool, span: str | None, max_cost: float | None, sandbox: bool | None, as_json: bool
) -> int:
    """Do steps of all features until nothing is left to do."""
    seconds = _seconds(span) if span else 0.0
    with session.writing("run") as workspace:
        until = time.monotonic() + seconds if seconds else 0.0
        limits = runner.Limits(until=until, cost=max_cost or 0.0, spent=runner.spent(workspace))
        return run(workspace, parallel, wait or bool(span), as_json, limits, sandbox)


def _seconds(span: str) -> float:
    try:
        seconds = config.seconds(span, "--for")
    except BadConfiguration as error:
        raise WrongUsage(f"--for {span!r} is no time", error.hint) from error
    if not seconds:
        raise WrongUsage(f"--for {span!r} is no time to work in", "write it like 90s, 45m or 8h")
    return seconds


def run(
    workspace: Workspace,
    parallel: int | None,
    wait: bool,
    as_json: bool,
    limits: runner.Limits = runner.FREE,
    sandbox: bool | None = None,
) -> int:
    """Run, print, and return the exit status: 10 while an open feature waits, else 11; 130 when interrupted."""
    workspace.settle_line()
    confining.enter(workspace, sandbox)
    stop, began, before = threading.Event(), time.monotonic(), dict(workspace.world.features)
    with render.progress(workspace, as_json, sys.stdout.isatty()) as listen, runner.stopping(stop):
        one = runner.Runner(workspace, parallel or workspace.configuration.run.parallel, stop, listen, limits=limits)
        who = session.caller(workspace)
        while True:
            one.run(lambda: _refresh(workspace, who))
            if stop.is_set() or not wait or limits.reached(workspace) or not _may_go_on(workspace):
                break
            session.tell(workspace)
            runner.await_change(workspace, stop, one.announcer.is_due, limits)
    waits = list(runner.waiting(workspace))
    night = summing.Night(before=before, results=one.results, seconds=time.monotonic() - began)
    if as_json:
        steps = [render.shape(step) for step in one.results]
        render.json({"steps": steps, "features": states(workspace), **summing.shape(workspace, night)})
    else:
        for row in summing.summary(workspace, night):
            click.echo(row)
        limit = limits.reached(workspace)
        if waits and (stop.is_set() or limit):
            click.echo(render.goes_on_later(workspace, waits, f"ended: {limit}" if not stop.is_set() else "stopped"))
        else:
            click.echo(render.nothing_to_run(workspace, waits))
    if stop.is_set():
        return INTERRUPTED
    return WAITS if waits else NOTHING_LEFT


def _may_go_on(workspace: Workspace) -> bool:
    """Tell whether a feature is open that a decision or the time may set going again."""
    return bool(list(runner.waiting(workspace))) and not runner.all_parked(workspace)


def states(workspace: Workspace) -> list[dict[str, Any]]:
    """Return every feature's state, in start order."""
    from orchestrator.log.projections import state

    return [state(one) for one in workspace.world.features.values()]


def _refresh(workspace: Workspace, who: str) -> None:
    """Take in what happened outside, and what other terminals decided; the line is read again where it changed."""
    workspace.load()
    reconcile(workspace, "kit", who)
    workspace.refresh_line()
