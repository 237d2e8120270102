"""`attach FEATURE`: follow what its agent prints, until the attempt ends. Looking changes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import click

from orchestrator import attempts, render, session
from orchestrator.adapters.agent import plain
from orchestrator.adapters.lock import holder
from orchestrator.core.reports import readable
from orchestrator.core.state import Attempt, Feature
from orchestrator.errors import Refusal
from orchestrator.workspace import Workspace

_LOOK = 0.2  # seconds between two looks at the output
_LAST = 40  # lines of an output that is over
_LONGEST = 4000  # characters of a line, but with --raw


@click.command("attach")
@click.argument("feature")
@click.option("--raw", is_flag=True, help="Show a client's own lines as they come, of any length.")
def command(feature: str, raw: bool) -> None:
    """Follow what the agent of FEATURE prints; Ctrl-C ends the looking, not the agent."""
    with session.reading() as workspace:
        found = workspace.feature(feature)
        path = attempts.output_path(workspace, found, "agent")
        if found.attempt is None:
            for line in _last(found, path):
                _show(line, raw)
            return
        if found.attempt.deadline:
            raise Refusal(
                f"an agent drives {found.slug} by itself and prints elsewhere", f"orchestrator status {found.slug}"
            )
        for line in _followed(workspace, found, found.attempt, path):
            _show(line, raw)
        click.echo(f"{found.slug}: {_came_to(workspace, found)}")


def _show(line: str, raw: bool) -> None:
    shown = plain(line) if raw else plain(readable(plain(line)))[:_LONGEST]  # JSON hides escapes
    if shown:
        click.echo(shown)


def _last(feature: Feature, path: Path) -> list[str]:
    if not path.exists():
        raise Refusal(f"no agent of {feature.slug} has run yet", f"orchestrator status {feature.slug}")
    click.echo(f"{feature.slug}: no agent runs; the end of its last output, {path}:", err=True)
    return [_text(line) for line in path.read_bytes().removesuffix(b"\n").split(b"\n")[-_LAST:]]


def _followed(workspace: Workspace, feature: Feature, attempt: Attempt, path: Path) -> Iterator[str]:
    """Give each line as it comes; ends with the attempt."""
    while not path.exists():
        time.sleep(_LOOK)
        if _is_over(workspace, feature, attempt):
            return
    with path.open("rb") as file:
        rest = b""
        while True:
            is_over = _is_over(workspace, feature, attempt)  # before the look: what it printed last is shown
            rest += _more(file)
            *lines, rest = rest.split(b"\n")
            yield from map(_text, lines)
            if is_over:
                if rest:
                    yield _text(rest)
                return
            time.sleep(_LOOK)


def _text(line: bytes) -> str:
    """Return a whole line: a letter of several bytes may come in two looks."""
    return line.decode(errors="backslashreplace")


def _more(file: IO[bytes]) -> bytes:
    """Return what was written since; from the beginning where the file was begun anew."""
    if Path(file.name).stat().st_size < file.tell():
        file.seek(0)
    return file.read()


def _is_over(workspace: Workspace, feature: Feature, attempt: Attempt) -> bool:
    """Tell whether the attempt ended, or the command that ran it is gone."""
    is_worked_on = holder(workspace.lock_file(feature.slug)) is not None  # before the look at the log, which it writes
    workspace.load()
    now = workspace.world.features[feature.id].attempt
    return now is None or now.run != attempt.run or not is_worked_on


def _came_to(workspace: Workspace, feature: Feature) -> str:
    return render.why(workspace, workspace.world.features[feature.id])
