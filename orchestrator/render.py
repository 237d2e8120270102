"""How things look: stdout is the answer. Tables only on a terminal, plain and stable when piped."""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import click
import msgspec

from orchestrator import announcing, runner
from orchestrator.adapters.agent import one_line, plain
from orchestrator.attempts import Result
from orchestrator.core.classified import MAP_FILE
from orchestrator.core.events import RollbackOrdered
from orchestrator.core.state import Feature, Spent, World, fold
from orchestrator.core.steps import label
from orchestrator.core.telling import duration as duration
from orchestrator.core.values import Status, slug
from orchestrator.errors import BadConfiguration, Refusal, WrongUsage
from orchestrator.rollback import Plan, stuck
from orchestrator.workspace import Workspace, now

_READY = "ready"
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
    rows = [f"  {one.slug}: {why(workspace, one)}" for one in waits]
    is_asked = any(one.gate is not None for one in waits) and is_person()
    return "\n".join([head, *rows, *(["decide with: orchestrator approve"] if is_asked else [])])


# --- why -------------------------------------------------------------------------------------------


def why(workspace: Workspace, feature: Feature) -> str:
    """Return in one line why a feature does not move, or that it will."""
    if feature.retired:
        return "retired"
    if feature.ordered is not None:
        return _ends_later(feature, feature.ordered)
    if feature.gate is not None:
        return _at_gate(feature)
    if feature.status is Status.COMPLETED:
        return "completed"
    if feature.status is Status.FAILED:
        reason = feature.failure.reason if feature.failure else "rolled back" if feature.undo else ""
        after = f" ({plain(reason)})" if reason else ""
        return f"failed{after}; `orchestrator resume {feature.slug}` starts it again"
    if feature.waits is not None:
        return _waits(feature)
    return _would_run(workspace, feature)


def _ends_later(feature: Feature, ordered: RollbackOrdered) -> str:
    last = feature.notes[-1].note if feature.notes else ""
    if last.startswith(stuck(ordered)):
        return f"{plain(last)}; the next command tries it again"
    return "a rollback was interrupted; the next command that runs ends it"


def _then(feature: Feature) -> str:
    """Return what a feature waited for at a moment of the past."""
    if feature.gate is not None:
        return f"waits at {plain(feature.gate.gate.heading)}"
    return plain(feature.waits.reason) if feature.waits is not None else str(feature.status)


def _at_gate(feature: Feature) -> str:
    waits = feature.gate
    if waits is None:
        return ""
    kind = "goes outside; a person approves" if waits.gate.type == "deploy" else "a person decides"
    opens = f"; offered after {waits.opens}" if waits.opens and parsed(waits.opens) > now() else ""
    return f"waits at {plain(waits.gate.heading)} since {ago(waits.reached_at)} ({kind}{opens})"


def _waits(feature: Feature) -> str:
    waits = feature.waits
    if waits is None:
        return ""
    if waits.kind == "after":
        return plain(waits.reason)
    until = f"; goes on after {feature.paused_until}" if feature.paused_until else ""
    back = "" if feature.paused_until else f"; `orchestrator resume {feature.slug}` goes on"
    return f"{waits.kind}: {plain(waits.reason)} ({ago(waits.since)}){until}{back}"


def _would_run(workspace: Workspace, feature: Feature) -> str:
    who = runner.busy(workspace).get(feature.id)
    if who:
        return who
    held = runner.held_back(workspace).get(feature.id)
    if held:
        return f"passed over: {held}"
    failed = (
        f", after {feature.failed} failed ({plain(feature.failure.reason)})"
        if feature.failure and feature.failed
        else ""
    )
    if feature.attempt is not None:
        return f"attempt {feature.attempt.number} was interrupted; the next step does it again"
    return f"{_READY}: its turn comes with the next step{failed}"


# --- the dashboard ---------------------------------------------------------------------------------


def dashboard(
    workspace: Workspace,
    world: World,
    features: Sequence[Feature],
    *,
    why: bool,
    past: str | None,
    is_whole: bool = True,
) -> None:
    """Print the dashboard; `past` names the moment where it is not now. What all come to is said below all only."""
    if not features:
        click.echo("no feature was started yet: orchestrator start NAME")
        return
    if past:
        click.echo(f"as it was at {past}\n")
    rows = [_row(workspace, one, past) for one in features if not one.retired or why]
    (_table if is_person() else _rows)(rows)
    if past:
        return
    if why:
        for one in features:
            _story(workspace, one)
    ready = sum(row[-1].startswith(_READY) for row in rows)
    _foot(workspace, world, ready, is_whole=is_whole)


def _row(workspace: Workspace, feature: Feature, past: str | None) -> tuple[str, ...]:
    number = feature.attempts.get(feature.place.workflow, 0)
    reason = globals()["why"](workspace, feature) if not past else _then(feature)
    return (
        feature.slug,
        "retired" if feature.retired else str(feature.status),
        feature.place.workflow,
        plain(label(feature)),
        str(number) if number else "-",
        str(len(feature.workflows_completed)),
        reason,
    )


_HEADINGS = ("FEATURE", "STATUS", "WORKFLOW", "PHASE", "ATTEMPT", "DONE", "WHY")


def _rows(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[n]) for row in (_HEADINGS, *rows)) for n in range(len(_HEADINGS))]
    for row in (_HEADINGS, *rows):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _table(rows: Sequence[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    colours = {"active": "green", "paused": "yellow", "blocked": "magenta", "completed": "cyan", "failed": "red"}
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in _HEADINGS:
        table.add_column(name, overflow="fold", no_wrap=name not in ("WHY", "PHASE"))
    for row in rows:
        table.add_row(*(_text(cell, colours.get(cell, "") if n == 1 else "") for n, cell in enumerate(row)))
    Console(width=max(60, shutil.get_terminal_size().columns)).print(table)


def _text(cell: str, style: str) -> Any:
    from rich.text import Text

    return Text(cell, style=style)


def used(spent: Spent) -> str:
    """Return what calls of clients used, as far as they said."""
    words = [f"{spent.turns} turns"] if spent.turns else []
    words += [f"{spent.tokens} tokens"] if spent.tokens else []
    words += [f"${spent.cost:.2f}"] if spent.cost else []
    return ", ".join(words) or "it did not say what that took"


def _story(workspace: Workspace, feature: Feature) -> None:
    """Print what a person asks next about one feature."""
    click.echo(f"\n{feature.slug}: branch {feature.branch}, {feature.worktree or 'no worktree yet'}")
    click.echo(f"  started {ago(feature.started_at)}, last event {feature.last} {ago(feature.updated_at)}")
    if feature.gate is not None and feature.gate.gate.why:
        gate = feature.gate.gate
        click.echo(f"  the gate stops because of: {plain(gate.why)}")
        click.echo(f"  asked: {plain(gate.trigger)}")
    if feature.failure is not None:
        failure = feature.failure
        click.echo(f"  attempt {failure.attempt} failed: {plain(failure.reason)}")
        if failure.command:
            click.echo(f"    {failure.command} (exit {failure.exit})")
        for row in plain(failure.tail).splitlines()[-5:]:
            click.echo(f"    | {row}")
        if failure.kept:
            click.echo(f"    the tree is kept at {failure.kept}")
    if feature.spent.calls:
        click.echo(f"  its agent was called {feature.spent.calls} times: {used(feature.spent)}")
    for name in ("setup", "agent", "validation"):
        path = workspace.home / "output" / f"{feature.slug}.{name}.log"
        if path.exists():
            click.echo(f"  the last output of the {name}: {path}")
    for note in feature.notes[-3:]:
        click.echo(f"  note, {ago(note.timestamp)}: {one_line(note.note)}")


def _foot(workspace: Workspace, world: World, ready: int, *, is_whole: bool) -> None:
    """Print below the table what is the same for all, and what to do now."""
    gates = sum(one.gate is not None for one in world.features.values())
    problems = _line_problems(workspace) if ready else []  # reading the documents takes a while
    click.echo()
    for problem in problems:
        click.echo(f"nothing runs before this is mended: {problem}")
    if not problems and workspace.configuration.validate == type(workspace.configuration.validate)():
        click.echo("no validation is configured: the agent's word counts ([validate] command)")
    if not is_whole:
        return
    if gates:
        decide = ": orchestrator approve" if is_person() else ""
        click.echo(f"{gates} wait{'s' if gates == 1 else ''} for a person{decide}")
    elif ready and not problems:
        click.echo(f"{ready} can run: orchestrator run")
    differing = _drifted(workspace)
    if differing:
        which = "1 gate differs" if differing == 1 else f"{differing} gates differ"
        click.echo(f"{which} from {MAP_FILE} (orchestrator workflows shows them)")
    if not problems and (failed := announcing.failed(workspace)):
        click.echo(f"the last notification, {ago(failed.at.isoformat())}, was not delivered: {failed.reason}")


def _drifted(workspace: Workspace) -> int:
    """Return how many gates differ from the map; without one no document is read for it."""
    if not (workspace.main / MAP_FILE).exists():
        return 0
    try:
        return len(workspace.effective.drift)
    except BadConfiguration:
        return 0  # said above wherever something could run


def _line_problems(workspace: Workspace) -> list[str]:
    """Return what keeps the line from being run; also what waits to be accepted goes to the notices."""
    try:
        effective = workspace.effective
    except BadConfiguration as error:
        return [f"{error}; {error.hint}" if error.hint else str(error)]
    if effective.pending:
        workspace.notices.append(f"{len(effective.pending)} changes of the line wait for a person's yes")
    return list(effective.problems)


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
    try:
        then = parsed(moment)
    except ValueError:
        return moment
    seconds = max(0.0, (now() - then).total_seconds())
    stamp = f"{then:%H:%M}" if then.date() == now().date() else f"{then:%Y-%m-%d %H:%M}"
    return f"{stamp} ({duration(seconds)} ago)"


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
