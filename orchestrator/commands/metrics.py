"""`metrics`: what the log holds about the kit's work; each figure with its sample."""

from __future__ import annotations

import click
import msgspec

from orchestrator import render, session
from orchestrator.core.measure import Metrics, Spread, measure


@click.command("metrics")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(as_json: bool) -> None:
    """Show the figures of the log: automation, throughput, context loss, time in gates, rollbacks, attempts."""
    with session.looking() as workspace:
        found = measure(workspace.events())
        if as_json:
            render.json(msgspec.to_builtins(found))
        else:
            _show(found)


def _show(found: Metrics) -> None:
    alone = f"{found.steps_without_person} of {found.steps} steps needed no person"
    click.echo(f"automation      {_percent(found.automation)}  ({alone})")
    week = f"{found.completed_a_week} a week" if found.completed_a_week is not None else "less than a day of log"
    click.echo(f"throughput      {found.completed} features completed in {found.days:.1f} days ({week})")
    lost = f"{found.steps_with_missing_context} steps began with files of the last snapshot missing"
    click.echo(f"context loss    {_percent(found.context_loss)}  ({lost})")
    click.echo(f"sittings        {_spread(found.batches)}, {found.gates_a_batch or 0:g} gates each")
    click.echo(f"rollbacks       {_spread(found.rollbacks)}, {found.undone} undone")
    if found.cost or found.turns:
        click.echo(f"agents          cost {found.cost:g}, {found.turns} turns, where they reported it")
    for gate in found.gates:
        waited = f"waited {_spread(gate.waiting)}; deciding {_spread(gate.deciding)}"
        click.echo(f"gate            {gate.workflow} {gate.gate}: {waited}")
    for one in found.workflows:
        attempts = f"{one.attempts} attempts, {one.failed} failed"
        click.echo(f"workflow        {one.workflow}: {one.completed} completed, {_spread(one.duration)}; {attempts}")


def _percent(rate: float | None) -> str:
    return "   -" if rate is None else f"{rate * 100:3.0f}%"


def _spread(found: Spread) -> str:
    if not found.count:
        return "none"
    return f"{found.count}, median {render.duration(found.median)}, longest {render.duration(found.longest)}"
