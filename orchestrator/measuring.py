"""The table of `metrics`: which periods are compared, and how figures are written. Decides and records nothing."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import click
import msgspec

from orchestrator import config, render
from orchestrator.adapters.agent import one_line
from orchestrator.core.events import Event
from orchestrator.core.figures import Definition, Figure, Unit, figures, shape
from orchestrator.core.measure import Metrics, Period, Spread, measure
from orchestrator.core.values import Value
from orchestrator.errors import BadConfiguration, WrongUsage
from orchestrator.workspace import Workspace, now

_NOTHING = "no sample"
_PRECISE = {"share": 4, "a week": 2, "seconds": 3, "count": 4, "USD": 4}  # digits of a difference in JSON
Row = tuple[str, ...]


class Stretch(Value):
    """A period of the log with its ends as times; empty where the log is."""

    period: Period
    began: str
    ended: str
    metrics: Metrics

    @property
    def days(self) -> str:
        """Its length for people."""
        began, ended = (render.parsed(one) for one in (self.began, self.ended))
        return render.duration((ended - began).total_seconds())


class Table(Value):
    """What is shown: the period asked for, an earlier one, and the user's own old figures by key."""

    now: Stretch
    earlier: Stretch | None
    baseline: Mapping[str, float]


# --- periods ---------------------------------------------------------------------------------------


def table(workspace: Workspace, since: str | None, against: str | None, baseline: Mapping[str, float]) -> Table:
    """Measure what was asked for. Raises WrongUsage for what is no moment, Refusal for one that the log lacks.

    `since` and `against` are a time with offset, `#ID`, `checkpoint/NAME/N` or a duration; a duration of `against`
    ends where the period begins, and is that period's own length too where `since` is None.
    """
    events = list(workspace.events())
    if since is None and against is not None:
        if _duration(against) is None:
            raise WrongUsage("--against a moment needs --since", "for example: --since 7d --against 14d")
        since = against
    if since is None:
        return Table(now=_whole(events), earlier=None, baseline=baseline)
    end = now()
    after, began = _beginning(workspace, events, since, end)
    present = _stretch(events, after, None, began, end)
    if against is None:
        return Table(now=present, earlier=None, baseline=baseline)
    before, then = _beginning(workspace, events, against, began)
    if then >= began:
        raise WrongUsage(f"--against {against} is not before --since {since}", "name an earlier moment, or a duration")
    return Table(now=present, earlier=_stretch(events, before, after, then, began), baseline=baseline)


def _duration(text: str) -> timedelta | None:
    try:
        return timedelta(seconds=config.seconds(text, ""))
    except BadConfiguration:
        return None


def _beginning(workspace: Workspace, events: Sequence[Event], when: str, end: datetime) -> tuple[int, datetime]:
    """Return after which event a period begins, and when; a duration counts back from `end`."""
    length = _duration(when)
    if length is not None:
        began = end - length
        return _last(events, lambda _, timestamp: datetime.fromisoformat(timestamp) <= began), began
    after = _last(events, _moment_of(workspace, when))
    if not when.startswith(("#", "checkpoint/")):
        return after, render.instant(when)
    return after, _instant(events[after - 1] if after else events[0]) if events else end


def _moment_of(workspace: Workspace, when: str) -> Callable[[int, str], bool]:
    try:
        return render.until(workspace, when)
    except WrongUsage as error:
        raise WrongUsage(str(error), f"{error.hint}; or a duration like 7d") from error


def _last(events: Sequence[Event], is_before: Callable[[int, str], bool]) -> int:
    return max((one.id for one in events if is_before(one.id, one.timestamp)), default=0)


def _instant(event: Event) -> datetime:
    return datetime.fromisoformat(event.timestamp)


def table_of(events: Sequence[Event]) -> Table:
    """Return the table of a whole log alone."""
    return Table(now=_whole(events), earlier=None, baseline={})


def _whole(events: Sequence[Event]) -> Stretch:
    ends = (events[0].timestamp, events[-1].timestamp) if events else ("", "")
    return Stretch(period=Period(), began=ends[0], ended=ends[1], metrics=measure(events))


def _stretch(events: Sequence[Event], after: int, until: int | None, began: datetime, ended: datetime) -> Stretch:
    """Measure a period; where the log begins later than it, the period begins with the log."""
    first = _instant(events[0]) if events else ended
    began = min(max(began, first), ended)
    period = Period(after=after, until=until, days=(ended - began).total_seconds() / 86400)
    stamps = [one.astimezone().isoformat(timespec="seconds") for one in (began, ended)]
    return Stretch(period=period, began=stamps[0], ended=stamps[1], metrics=measure(events, period))


# --- for programs ----------------------------------------------------------------------------------


def document(found: Table) -> dict[str, Any]:
    """Return the whole as `metrics --json` prints it; differences are of this period less the other one."""
    shown: dict[str, Any] = msgspec.to_builtins(found.now.metrics)
    shown["period"] = _ends(found.now)
    present = figures(found.now.metrics)
    shown["figures"] = [shape(one) for one in present]
    if found.earlier is not None:
        then = figures(found.earlier.metrics)
        shown["against"] = {
            "period": _ends(found.earlier),
            "figures": [
                {**shape(one), "difference": _difference(other.value, one.value, one.of.unit)}
                for one, other in zip(then, present, strict=True)
            ],
        }
    if found.baseline:
        shown["baseline"] = {
            one.of.key: {
                "value": found.baseline[one.of.key],
                "difference": _difference(one.value, found.baseline[one.of.key], one.of.unit),
            }
            for one in present
            if one.of.key in found.baseline
        }
    return shown


def _ends(found: Stretch) -> dict[str, Any]:
    return {
        "after": found.period.after,
        "until": found.period.until,
        "began": found.began,
        "ended": found.ended,
        "days": found.metrics.days,
    }


def _difference(value: float | None, other: float | None, unit: Unit) -> float | None:
    return None if value is None or other is None else round(value - other, _PRECISE[unit])


# --- for people ------------------------------------------------------------------------------------


def show(found: Table, explain: bool) -> None:
    """Print the figures, each with its sample, then gate by gate and workflow by workflow."""
    for line in headers(found):
        click.echo(line)
    headings, rows = figure_rows(found)
    _print(headings, rows)
    if explain:
        for line in _explained(figures(found.now.metrics)):
            click.echo(line)
    for title, (names, cells) in (
        ("gates", gate_rows(found.now.metrics)),
        ("workflows", workflow_rows(found.now.metrics)),
    ):
        if cells:
            click.echo(f"\n{title}")
            _print(names, cells)


def headers(found: Table) -> Iterator[str]:
    if not found.now.began:
        yield "the log is empty: nothing was measured\n"
        return
    yield f"{_moment(found.now.began)} to {_moment(found.now.ended)}, {found.now.days}"
    if found.earlier is not None and found.earlier.began == found.earlier.ended:
        yield f"earlier: up to {_moment(found.earlier.ended)}, before the log's first event"
    elif found.earlier is not None:
        yield f"earlier: {_moment(found.earlier.began)} to {_moment(found.earlier.ended)}, {found.earlier.days}"
    yield ""


def _moment(stamp: str) -> str:
    return f"{render.parsed(stamp):%Y-%m-%d %H:%M}"


def figure_rows(found: Table) -> tuple[Row, list[Row]]:
    """Return the main table: headings and cells."""
    headings = ["FIGURE", "VALUE", "SAMPLE"]
    if found.earlier is not None:
        headings += ["EARLIER", "SAMPLE", "CHANGE"]
    if found.baseline:
        headings += ["YOURS", "CHANGE"]
    then = figures(found.earlier.metrics) if found.earlier is not None else []
    rows = []
    for at, one in enumerate(figures(found.now.metrics)):
        cells = [_title(one.of), value(one), _sample(one)]
        if then:
            cells += [
                value(then[at]),
                _sample(then[at]),
                _change(one.value, then[at].value, one.of.unit),
            ]
        if found.baseline:
            old = found.baseline.get(one.of.key)
            cells += ["-" if old is None else written(old, one.of.unit), _change(one.value, old, one.of.unit)]
        rows.append(tuple(cells))
    return tuple(headings), rows


def gate_rows(found: Metrics) -> tuple[Row, list[Row]]:
    """Return the gates: what waits there, how long it waited, how long deciding took."""
    headings = ("WORKFLOW", "GATE", "DECIDED", "WAITED", "LONGEST", "DECIDING", "REJECTED", "WAITS NOW")
    rows: list[Row] = [
        (
            one.workflow,
            one_line(one.gate),
            str(one.waiting.count),
            _median(one.waiting),
            _longest(one.waiting),
            _median(one.deciding),
            str(one.rejected),
            str(one.waits_now),
        )
        for one in found.gates
    ]
    return headings, rows


def workflow_rows(found: Metrics) -> tuple[Row, list[Row]]:
    """Return the workflows: how long from start to end, attempts, what agents reported."""
    has_cost = any(one.cost for one in found.workflows)
    headings = ("WORKFLOW", "COMPLETED", "TOOK", "LONGEST", "ATTEMPTS", "FAILED", *(["COST"] if has_cost else []))
    rows: list[Row] = [
        (
            one.workflow,
            str(one.completed),
            _median(one.duration),
            _longest(one.duration),
            str(one.attempts),
            str(one.failed),
            *([f"${one.cost:.2f}"] if has_cost else []),
        )
        for one in found.workflows
    ]
    return headings, rows


def _median(found: Spread) -> str:
    return _took(found.median) if found.count else "-"


def _longest(found: Spread) -> str:
    return _took(found.longest) if found.count else "-"


def _title(of: Definition) -> str:
    return of.title if of.goal is None else f"{of.title}, goal {written(of.goal, of.unit)}"


def value(figure: Figure) -> str:
    """Return a figure as people read it; without a sample it says so."""
    if figure.value is None:
        return "< 1 day" if figure.of.unit == "a week" and figure.sample else _NOTHING
    return written(figure.value, figure.of.unit)


def _sample(figure: Figure) -> str:
    noun = figure.of.sample if figure.sample != 1 else figure.of.sample[:-1]
    return f"{figure.sample} {noun}"


def _took(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 9.95 else render.duration(seconds)


def written(amount: float, unit: Unit) -> str:
    """Return an amount in its unit."""
    match unit:
        case "share":
            return f"{round(amount * 100, 1):g}%"
        case "a week":
            return f"{amount:g} a week"
        case "seconds":
            return _took(amount)
        case "count":
            return f"{amount:.0f}" if amount == int(amount) else f"{amount:.2f}"
        case "USD":
            return f"${amount:.2f}"


def _change(amount: float | None, other: float | None, unit: Unit) -> str:
    difference = _difference(amount, other, unit)
    if difference is None:
        return "-"
    if written(abs(difference), unit) == written(0.0, unit):
        return "none"
    sign, size = "+" if difference > 0 else "-", abs(difference)
    return f"{sign}{round(size * 100, 1):g} pts" if unit == "share" else f"{sign}{written(size, unit)}"


def _explained(found: Sequence[Figure]) -> Iterator[str]:
    width = max(60, shutil.get_terminal_size().columns - 1)
    for one in found:
        said = f"{one.of.title}: {one.of.says} Sample: {one.of.sample}. From: {', '.join(one.of.events)}."
        yield ""
        yield from textwrap.wrap(said, width, subsequent_indent="  ", break_on_hyphens=False)


def _print(headings: Row, rows: Sequence[Row]) -> None:
    (_rich if render.is_person() else _plain)(headings, rows)


def _plain(headings: Row, rows: Sequence[Row]) -> None:
    widths = [max(len(row[n]) for row in (headings, *rows)) for n in range(len(headings))]
    for row in (headings, *rows):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _rich(headings: Row, rows: Sequence[Row]) -> None:
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(headings):
        is_words = number == 0 or name in ("GATE", "SAMPLE")
        grid.add_column(name, overflow="fold", justify="left" if is_words else "right")
    for row in rows:
        grid.add_row(*(Text(cell) for cell in row))
    Console(width=max(60, shutil.get_terminal_size().columns)).print(grid)
