"""How things look: stdout is the answer. Tables only on a terminal, plain and stable when piped."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import click
import msgspec

from orchestrator import runner, standing
from orchestrator.adapters.agent import plain
from orchestrator.attempts import Result
from orchestrator.core.state import Feature, Spent, World, fold
from orchestrator.core.telling import duration as duration
from orchestrator.core.values import slug
from orchestrator.errors import Refusal, WrongUsage
from orchestrator.rollback import Plan
from orchestrator.workspace import Workspace, now

MARKS = {"passed": "passed", "failed": "failed", "gate": "waits at a gate", "parked": "parked",
          "rolled_back": "rolled back", "interrupted": "interrupted"}  # fmt: skip


def json(value: Any) -> None:
    """Print one JSON document."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def is_person() -> bool:
    """Tell whether a person reads this on a terminal, no agent's marker about."""
    from orchestrator.session import marker

    return sys.stdout.isatty() and marker() is None


# --- steps -----------------------------------------------------------------------------------------


def shape(result: Result) -> dict[str, Any]:
    """Return a step as `next --json` prints it."""
    found: dict[str, Any] = msgspec.to_builtins(result)
    return found


def step(result: Result, as_json: bool) -> None:
    """Print what a step came to."""
    if as_json:
        json(shape(result))
    else:
        click.echo(line(result))


def line(result: Result) -> str:
    """Return a step in one line."""
    why = f": {plain(result.why)}" if result.why else ""
    return (
        f"{result.feature}  {result.workflow}/{result.phase}  attempt {result.attempt}  "
        f"{MARKS.get(result.outcome, result.outcome)}{why}"
    )


@contextlib.contextmanager
def progress(workspace: Workspace, as_json: bool, is_terminal: bool) -> Iterator[runner.Listener]:
    """Show a run as it goes: live on a terminal, plain lines elsewhere, nothing with --json."""
    if as_json:
        yield lambda what, name, result: None
    elif is_terminal:
        with _live(workspace) as listen:
            yield listen
    else:
        yield _plain_lines


def _plain_lines(what: str, name: str, result: Result | None) -> None:
    if result is not None:
        click.echo(line(result))


@contextlib.contextmanager
def _live(workspace: Workspace) -> Iterator[runner.Listener]:
    from rich.console import Console
    from rich.live import Live
    from rich.spinner import Spinner
    from rich.table import Table

    console = Console()
    began: dict[str, datetime] = {}
    door = threading.Lock()

    def table() -> Table:
        grid = Table.grid(padding=(0, 2))
        with door:
            for name, since in began.items():
                feature = workspace.world.features.get(workspace.feature(name).id)
                where = f"{feature.place.workflow}/{feature.place.phase}" if feature else ""
                grid.add_row(Spinner("dots"), name, where, f"{(now() - since).total_seconds():.0f} s")
        return grid

    with Live(get_renderable=table, console=console, refresh_per_second=4, transient=True) as live:

        def listen(what: str, name: str, result: Result | None) -> None:
            with door:
                if what == "began":
                    began[name] = now()
                else:
                    began.pop(name, None)
            if result is not None:
                live.console.print(line(result), markup=False, highlight=False)

        yield listen


def nothing_to_run(workspace: Workspace, waits: Sequence[Feature]) -> str:
    """Return why there is nothing to run, and what a person can do about it."""
    if not any(True for _ in workspace.world.features):
        return "no feature was started yet: orchestrator start NAME"
    if not waits:
        return "nothing is left to do: every feature is completed or failed"
    gates = sum(one.gate is not None for one in waits)
    return _open(workspace, waits, f"{len(waits)} open, nothing to run now; {gates} at a gate")


def goes_on_later(workspace: Workspace, waits: Sequence[Feature], ended: str) -> str:
    """Return why a run ended before there was nothing to run, and what waits."""
    return _open(workspace, waits, f"{ended}; {len(waits)} open, the next run goes on")


def _open(workspace: Workspace, waits: Sequence[Feature], head: str) -> str:
    seen = sight(workspace)
    rows = [f"  {one.slug}: {standing.why(one, seen)}" for one in waits]
    is_asked = any(one.gate is not None for one in waits) and is_person()
    return "\n".join([head, *rows, *(["decide with: orchestrator approve"] if is_asked else [])])


# --- why -------------------------------------------------------------------------------------------


def why(workspace: Workspace, feature: Feature) -> str:
    """Return in one line why a feature does not move, or that it will."""
    return standing.why(feature, sight(workspace))


def sight(workspace: Workspace) -> standing.Sight:
    """Return what lies outside the log this moment: the clock, who works on what, what is held back."""
    return standing.Sight(present=now(), busy=runner.busy(workspace), held=runner.held_back(workspace))


def used(spent: Spent) -> str:
    """Return what calls of clients used, as far as they said."""
    words = [f"{spent.turns} turns"] if spent.turns else []
    words += [f"{spent.tokens} tokens"] if spent.tokens else []
    words += [f"${spent.cost:.2f}"] if spent.cost else []
    return ", ".join(words) or "it did not say what that took"


def without_log(as_json: bool) -> int:
    """Say that nothing was started in this clone; that is an answer, exit status 0."""
    if as_json:
        json({"features": []})
    else:
        click.echo("there is no log in this clone: nothing was started here")
    return 0


# --- lists -----------------------------------------------------------------------------------------


def checkpoints(name: str, rows: Sequence[dict[str, Any]]) -> None:
    """Print checkpoints, oldest first, rollback points marked."""
    if not rows:
        click.echo(f"{name} has no checkpoint yet")
    for row in rows:
        mark = "rollback point" if row["backup"] else "late" if row["late"] else ""
        place = f"{row['workflow']}/{row['phase']}"
        click.echo(f"{row['n']:>4}  {row['commit'][:10]}  {row['at']}  {place:<12}  {mark}".rstrip())


def plan(feature: Feature, found: Plan) -> None:
    """Print what a rollback takes away, before it does."""
    goal, changes = found.goal, found.changes
    place = goal.moment.place
    click.echo(
        f"{feature.slug} -> checkpoint/{feature.slug}/{goal.n} ({goal.commit[:10]}), "
        f"workflow {place.workflow}, phase {place.phase}"
    )
    for title, rows in (
        ("commits", changes.commits),
        ("files", changes.files),
        ("uncommitted", changes.uncommitted),
    ):
        for row in rows[:20]:
            click.echo(f"  {title}: {plain(_short(row) if title == 'commits' else row)}")
        if len(rows) > 20:
            click.echo(f"  {title}: ... and {len(rows) - 20} more")
    if goal.late:
        click.echo("  the context snapshot of this checkpoint is younger than its commit")
    for effect in found.effects:
        click.echo(f"  stays done outside: {plain(effect)}")


def _short(row: str) -> str:
    sha, _, subject = row.partition(" ")
    return f"{sha[:10]} {subject}"


# --- time ------------------------------------------------------------------------------------------


def parsed(moment: str) -> datetime:
    """Return an ISO 8601 time as an instant; one without an offset is taken as the user's own."""
    return datetime.fromisoformat(moment).astimezone()


def ago(moment: str) -> str:
    """Return a time as people say it: `10:32 (4 min ago)`."""
    return standing.ago(moment, now())


def past(workspace: Workspace, when: str) -> World:
    """Return the world as it was at `when`: a time with offset, `#ID`, or `checkpoint/NAME/N`.

    Reads a prefix of the log and folds it; no lock, no write. Raises WrongUsage, Refusal.
    """
    is_before = until(workspace, when)
    return fold(World(), (one for one in workspace.events() if is_before(one.id, one.timestamp)))


def until(workspace: Workspace, when: str) -> Callable[[int, str], bool]:
    """Return what tells by number and time whether an event belongs to the past of `when`; raises as `past`."""
    if when.startswith("#"):
        if not when[1:].isdecimal():
            raise WrongUsage(f"{when!r} is no event", "write it like #42")
        last = int(when[1:])
        workspace.load()
        if last > workspace.head.id:
            raise Refusal(f"there is no event {when}; the last one is #{workspace.head.id}", "orchestrator log")
        return lambda number, _: number <= last
    if when.startswith("checkpoint/"):
        made = _event_of(workspace, when)
        return lambda number, _: number <= made
    moment = instant(when)
    return lambda _, timestamp: datetime.fromisoformat(timestamp) <= moment


def _event_of(workspace: Workspace, tag: str) -> int:
    from orchestrator.core.events import CheckpointCreated

    _, name, number = (*tag.split("/"), "", "")[:3]
    feature = workspace.feature(str(slug(name)))
    for event in workspace.events():
        payload = event.payload
        if event.feature == feature.id and isinstance(payload, CheckpointCreated) and str(payload.n) == number:
            return event.id
    raise Refusal(f"there is no {tag}", f"orchestrator checkpoints {name}")


def instant(when: str) -> datetime:
    try:
        moment = datetime.fromisoformat(when)
    except ValueError as error:
        raise WrongUsage(
            f"{when!r} is no moment", "a time like 2026-01-31T09:00:00+01:00, #ID or checkpoint/NAME/N"
        ) from error
    if moment.tzinfo is None:
        raise WrongUsage(f"{when!r} has no offset", "write it like 2026-01-31T09:00:00+01:00")
    return moment


# --- the question ----------------------------------------------------------------------------------


def ask(question: str) -> str:
    """Ask one question on the terminal and return the line; what was typed before it is dropped."""
    import termios

    with contextlib.suppress(termios.error):
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)  # before the question: a quick answer to it counts
    click.echo(question, nl=False)
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        click.echo()
    return answer if answer.endswith("\n") else ""
