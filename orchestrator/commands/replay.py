"""`replay`: the state at any moment, folded from the log alone. No lock and no write, but with `--write`."""

from __future__ import annotations

import contextlib

import click

from orchestrator import dashboard, mending, render, session
from orchestrator.adapters.agent import plain
from orchestrator.core.state import Feature, World, fold
from orchestrator.core.values import slug
from orchestrator.errors import OrchestratorError
from orchestrator.log import projections
from orchestrator.verifying import comparing, repair
from orchestrator.workspace import Workspace


@click.command("replay")
@click.argument("feature", required=False)
@click.option("--at", metavar="WHEN", help="A time with offset, #ID or checkpoint/NAME/N; else now.")
@click.option("--check", is_flag=True, help="Compare states and SQLite copy with it; exit 1 where one differs.")
@click.option("--write", is_flag=True, help="Write states and SQLite copy again from the log; never with --at.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(feature: str | None, at: str | None, check: bool, write: bool, as_json: bool) -> int:
    """Show the state of all features, or of FEATURE, as the log alone has it."""
    if write and at:
        raise click.UsageError("--write makes the files of now; it does not go with --at.")
    if write:
        _write()
    with session.reading() as workspace:
        if not workspace.is_set_up:
            return render.without_log(as_json)
        world = render.past(workspace, at) if at else _now(workspace)
        features = _chosen(workspace, world, feature)
        rows = list(_differences(workspace, features, at)) if check else None
        if as_json:
            _print_json(features, rows)
        elif rows is None:
            dashboard.show(workspace, world, features, at or "the end of the log", is_all=True)
        else:
            _print(rows)
    if rows:
        count = "1 difference" if len(rows) == 1 else f"{len(rows)} differences"
        raise OrchestratorError(f"{count}: the files are not what the log says", "orchestrator verify says what to do")
    return 0


def _now(workspace: Workspace) -> World:
    """Return the fold of the whole log; the kept one is not asked."""
    workspace.load()
    if workspace.problem is not None:
        workspace.notices.append(
            f"the log does not hold at line {workspace.problem.line}; shown is the state up to it: orchestrator verify"
        )
    return fold(World(), workspace.events())


def _chosen(workspace: Workspace, world: World, name: str | None) -> list[Feature]:
    features = [one for one in world.features.values() if name is None or one.slug == slug(name)]
    if name is not None and not features:
        workspace.feature(name)  # raises for one that never was
    return features


def _differences(workspace: Workspace, features: list[Feature], at: str | None) -> list[str]:
    rows = list(comparing.differences(workspace, features))
    return rows if at else [*rows, *comparing.copy_differences(workspace)]


def _print(rows: list[str]) -> None:
    for row in rows:
        click.echo(plain(row))
    if not rows:
        click.echo("the files are what the log says")


def _print_json(features: list[Feature], rows: list[str] | None) -> None:
    found = {"features": [projections.state(one) for one in features]}
    render.json(found if rows is None else {**found, "differences": rows})


def _write() -> None:
    """Write the copies again; what a person wrote into a state is adopted first, as every command does."""
    session.refuse_inside_a_run("replay --write")
    with contextlib.ExitStack() as stack:
        with session.reading() as workspace:
            if not workspace.is_set_up:
                return
            rows = repair.before(workspace, mending.once(workspace, stack))
        with session.writing("replay --write") as workspace:
            repair.record(workspace, rows)
            workspace.project_all()
            repair.renew_copy(workspace)
