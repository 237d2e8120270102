"""The dashboard: gathers what is looked at, and prints it. Drawn on a terminal, plain and stable lines elsewhere."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import click

from orchestrator import announcing, render, standing, timeline
from orchestrator.adapters.agent import one_line, plain
from orchestrator.board import Line, View, board, table, text_of
from orchestrator.core.classified import MAP_FILE
from orchestrator.core.columns import folded
from orchestrator.core.state import Feature, World
from orchestrator.errors import BadConfiguration, GitFailed
from orchestrator.standing import Row, Sight
from orchestrator.workspace import Workspace, now

_HEADINGS = ("FEATURE", "STATUS", "WORKFLOW", "PHASE", "ATTEMPT", "DONE", "WHY")
_LATEST = 30  # entries of a timeline; --all shows the rest
_SIMPLER = str.maketrans({"█": "#", "▓": ">", "░": ".", "…": "~", "“": '"', "”": '"'})


def show(
    workspace: Workspace, world: World, features: Sequence[Feature], past: str | None = None, *, is_all: bool = False
) -> None:
    """Print the dashboard; `past` names the moment where it is not now. Without `is_all` it fits the terminal."""
    if not features:
        click.echo("no feature was started yet: orchestrator start NAME")
        return
    seen = sight(workspace, world, past)
    if render.is_person():
        size = shutil.get_terminal_size()
        shown = view(workspace, world, features, seen, past)
        put(board(shown, size.columns, None if is_all else size.lines - 1))  # the prompt takes one
        return
    if past:
        click.echo(f"as it was at {past}\n")
    _plain_rows(features, seen)
    if not past:
        _plain_foot(workspace, standing.rows(world, features, seen))


def show_each(
    workspace: Workspace,
    world: World,
    features: Sequence[Feature],
    past: str | None = None,
    *,
    why: bool = False,
    is_all: bool = False,
) -> None:
    """Print each feature's row and what it is in the middle of; then its timeline, or, with `why`, why it stands."""
    seen = sight(workspace, world, past)
    if past:
        click.echo(f"as it was at {past}\n")
    if render.is_person():
        width = shutil.get_terminal_size().columns
        rows = tuple(standing.rows(world, features, seen))
        put(table(View(present=seen.present, rows=rows, line=_ids(workspace, world, past)), width))
    else:
        _plain_rows(features, seen)
    for one in features:
        for line in _story(workspace, one, seen):
            _say(line)
        if why:
            for line in standing.account(world, one, seen):
                _say(f"  {line}")
        else:
            _timeline(workspace, one, seen, is_all)
    if past:
        return
    click.echo()
    for line in _line_says(workspace, standing.rows(world, features, seen))[1]:
        _say(line)


# --- what is shown ---------------------------------------------------------------------------------


def sight(workspace: Workspace, world: World, past: str | None) -> Sight:
    """Return what lies outside the log this moment; of the past, the moment that `past` names."""
    if not past:
        return render.sight(workspace)
    then = standing.moment(past)  # not where it is a number, a checkpoint or the end
    last = (found for one in world.features.values() if (found := standing.moment(one.updated_at)) is not None)
    return Sight(present=then or max(last, default=now()), is_past=True)


def view(workspace: Workspace, world: World, features: Sequence[Feature], seen: Sight, past: str | None = None) -> View:
    """Return what a terminal shows of `features`: rows, the line, and below them what concerns all."""
    rows = tuple(standing.rows(world, features, seen))
    line = _ids(workspace, world, past)
    if past:
        title = f"{workspace.main.name} as it was at {past}"
        return View(title=title, stamp=_stamp(seen.present), present=seen.present, rows=rows, line=line)
    is_blocked, said = _line_says(workspace, rows)
    is_person = render.is_person()
    return View(
        title=workspace.main.name,
        stamp=_stamp(seen.present),
        present=seen.present,
        rows=rows,
        line=line,
        foot=(*said, *_parked(world), *_beside(workspace, is_blocked)),
        to_do=standing.to_do(rows, is_blocked=is_blocked, is_person=is_person),
    )


def _stamp(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}" if moment.date() == now().date() else f"{moment:%Y-%m-%d %H:%M:%S}"


def _ids(workspace: Workspace, world: World, past: str | None) -> tuple[str, ...]:
    """Return the ids of the line's workflows, of the past as it was accepted then; none where it cannot be read."""
    from orchestrator import documents  # only where the line is shown

    try:
        if past and world.line:
            found = documents.reading(documents.accepted_source(workspace.git, world.line)).line
        else:
            found = workspace.effective.line
    except (BadConfiguration, GitFailed):
        return ()
    return tuple(one.id for one in found.documents)


def _line_says(workspace: Workspace, rows: Sequence[Row]) -> tuple[bool, list[str]]:
    """Return whether the line keeps everything from running, and what is to be said of it."""
    is_asked = any(one.kind == "ready" for one in rows)  # reading the documents takes a while
    problems, pending = _line_problems(workspace) if is_asked else ([], 0)
    said = [f"nothing runs before this is mended: {one}" for one in problems]
    if not problems and workspace.configuration.validate == type(workspace.configuration.validate)():
        said.append("no validation is configured: the agent's word counts ([validate] command)")
    if pending:
        said.append(f"{pending} changes of the line wait for a person's yes")
    return bool(problems), said


def _line_problems(workspace: Workspace) -> tuple[list[str], int]:
    """Return what keeps the line from being run, and how many changes of it wait to be accepted."""
    try:
        effective = workspace.effective
    except BadConfiguration as error:
        return [f"{error}; {error.hint}" if error.hint else str(error)], 0
    return list(effective.problems), len(effective.pending)


def _parked(world: World) -> Iterator[str]:
    open_ = (one for one in world.features.values() if one.is_open and not one.retired and one.waits is not None)
    found = [one.slug for one in open_ if one.waits is not None and one.waits.kind == "parked"]
    if found:
        yield f"parked: {', '.join(found)}"


def _beside(workspace: Workspace, is_blocked: bool) -> Iterator[str]:
    """Give what is not as it should be beside the features: gates that differ, a message that was lost."""
    differing = _drifted(workspace)
    if differing:
        which = "1 gate differs" if differing == 1 else f"{differing} gates differ"
        yield f"{which} from {MAP_FILE} (orchestrator workflows shows them)"
    if not is_blocked and (failed := announcing.failed(workspace)):
        yield f"the last notification, {render.ago(failed.at.isoformat())}, was not delivered: {failed.reason}"


def _drifted(workspace: Workspace) -> int:
    """Return how many gates differ from the map; without one no document is read for it."""
    if not (workspace.main / MAP_FILE).exists():
        return 0
    try:
        return len(workspace.effective.drift)
    except BadConfiguration:
        return 0  # said above wherever something could run


# --- plain -----------------------------------------------------------------------------------------


def _plain_rows(features: Sequence[Feature], seen: Sight) -> None:
    """Print the table in the order of start: what reads it finds a feature where it was before."""
    rows = [_HEADINGS, *(_cells(one, seen) for one in features)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(_HEADINGS))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cells(feature: Feature, seen: Sight) -> tuple[str, ...]:
    row = standing.row(feature, seen)
    attempt = str(row.attempt) if row.attempt else "-"
    return row.name, row.status, row.workflow, row.phase, attempt, str(len(row.completed)), row.why


def _plain_foot(workspace: Workspace, rows: Sequence[Row]) -> None:
    is_blocked, said = _line_says(workspace, rows)
    click.echo()
    for line in (*said, *_beside(workspace, is_blocked)):
        click.echo(line)
    click.echo(f"now: {standing.to_do(rows, is_blocked=is_blocked, is_person=render.is_person())}")


# --- one feature -----------------------------------------------------------------------------------


def _story(workspace: Workspace, feature: Feature, seen: Sight) -> Iterator[str]:
    """Give what a person asks next about one feature."""

    def ago(moment: str) -> str:
        return standing.ago(moment, seen.present)

    yield ""
    yield f"{feature.slug}: branch {feature.branch}, {feature.worktree or 'no worktree yet'}"
    yield f"  started {ago(feature.started_at)}, last event {feature.last} {ago(feature.updated_at)}"
    if feature.last_checkpoint:
        yield f"  last checkpoint {feature.last_checkpoint}, {ago(feature.checkpointed_at)}"
    if feature.gate is not None and feature.gate.gate.why:
        yield f"  the gate stops because of: {one_line(feature.gate.gate.why)}"
        yield f"  asked: {one_line(feature.gate.gate.trigger)}"
    yield from _failure(feature)
    if feature.spent.calls:
        yield f"  its agent was called {feature.spent.calls} times: {render.used(feature.spent)}"
    for name in ("setup", "agent", "validation"):
        path = workspace.home / "output" / f"{feature.slug}.{name}.log"
        if not seen.is_past and path.exists():
            yield f"  the last output of the {name}: {path}"
    for note in feature.notes[-3:]:
        yield f"  note, {ago(note.timestamp)}: {one_line(note.note)}"


def _failure(feature: Feature) -> Iterator[str]:
    failure = feature.failure
    if failure is None:
        return
    yield f"  attempt {failure.attempt} failed: {one_line(failure.reason)}"
    if failure.command:
        yield f"    {one_line(failure.command)} (exit {failure.exit})"
    yield from (f"    | {row}" for row in plain(failure.tail).splitlines()[-5:])
    if failure.kept:
        yield f"    the tree is kept at {failure.kept}"


def _timeline(workspace: Workspace, feature: Feature, seen: Sight, is_all: bool) -> None:
    """Print what happened to a feature up to its last event shown."""
    of = (one for one in workspace.events() if one.feature == feature.id and one.id <= feature.last)
    found = timeline.entries(of, None if seen.is_past else seen.present)
    kept = found if is_all else found[-_LATEST:]
    click.echo()
    if len(kept) < len(found):
        _say(f"  {len(found) - len(kept)} earlier rows: orchestrator status {feature.slug} --all")
    is_drawn = render.is_person()
    width = shutil.get_terminal_size().columns if is_drawn else 0
    lines = list(timeline.drawn(kept, width))
    if is_drawn:
        put(lines)
    else:
        for line in lines:
            click.echo(text_of(line).rstrip())


# --- printing --------------------------------------------------------------------------------------


def put(lines: Sequence[Line]) -> None:
    """Print drawn lines on the terminal, in the colours that it has and the user wants."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    for line in lines:
        console.print(styled(line), soft_wrap=True)


def styled(line: Line) -> Any:
    """Return a line as rich prints it, in characters that the terminal's encoding has."""
    from rich.text import Text

    is_unicode = (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
    pieces = line if is_unicode else tuple((text.translate(_SIMPLER), style) for text, style in line)
    return Text.assemble(*pieces, no_wrap=True, end="")


def _say(line: str) -> None:
    """Print a sentence; on a terminal in lines of its width, those after the first indented."""
    if not render.is_person() or not line.strip():
        click.echo(line)
        return
    width = shutil.get_terminal_size().columns
    indent = " " * (len(line) - len(line.lstrip()))
    for at, one in enumerate(folded(line, max(20, width - len(indent) - 2))):
        click.echo(f"{indent}{'  ' if at else ''}{one}")
