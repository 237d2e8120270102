"""Prints the log as people read it: days as headings, a line for each event that matters. Decides nothing."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import click

from orchestrator import render
from orchestrator.adapters.agent import one_line
from orchestrator.core.events import Event
from orchestrator.core.story import Line, story
from orchestrator.core.values import slug_of
from orchestrator.workspace import Workspace, person

_LONGEST = 300  # characters of what people and agents wrote, in one line of the story
_NAME = 20  # columns for a feature's name
_NARROW = 40  # columns that a sentence has at least


def quoted(text: str) -> str:
    """Return foreign text as a line of bearable length, without terminal escapes."""
    line = one_line(text)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def lines(
    workspace: Workspace, until: Callable[[Event], bool], chosen: Callable[[Event], bool], *, whole: bool
) -> list[Line]:
    """Return the story of the chosen events, as the log was at `until`."""
    events = [one for one in workspace.events() if until(one)]
    return story(events, quoted, person(workspace.git), chosen, whole=whole)


def tell(found: Sequence[Line], *, is_of_one: bool) -> None:
    """Print the story; of one feature its name is left out."""
    if not found:
        click.echo("nothing happened in that time")
    width = max(_NARROW + 20, shutil.get_terminal_size().columns)
    names = 0 if is_of_one else min(_NAME, max((len(_name(one)) for one in found), default=0))
    who = max((len(one.who) for one in found), default=0)
    for number, (day, of_day) in enumerate(groupby(found, key=_day)):
        click.echo(f"{chr(10) if number else ''}{click.style(day, bold=True)}")
        for one in of_day:
            for row in _rows(one, names, who, width):
                click.echo(row)


def _day(line: Line) -> str:
    then = render.parsed(line.at)
    return f"{then:%A} {then.day} {then:%B %Y}"


def _name(line: Line) -> str:
    return slug_of(line.feature) if line.feature else ""


def _rows(line: Line, names: int, who: int, width: int) -> Iterator[str]:
    """Give a line in as many rows as it takes; those after the first begin where its text does."""
    columns = [f"{render.parsed(line.at):%H:%M}", line.who.ljust(who), *([_name(line).ljust(names)] if names else [])]
    head = f"  {'  '.join(columns)}  "
    room = width - len(head)
    if room < _NARROW:
        yield head.rstrip()
        head, room = " " * 9, width - 9
    first, *rest = textwrap.wrap(line.text, room, break_on_hyphens=False) or [""]
    yield f"{head}{first}".rstrip()
    yield from (f"{' ' * len(head)}{row}" for row in rest)
