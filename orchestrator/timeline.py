"""One feature's story in rows: when, what, how long, how it ended. Pure; a fold of its events, decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from orchestrator.adapters.agent import one_line
from orchestrator.board import Line, fitted
from orchestrator.core import events as fact
from orchestrator.core.columns import columns, cut, filled, flat
from orchestrator.core.events import Event
from orchestrator.core.spans import Span, spans
from orchestrator.core.telling import duration
from orchestrator.core.values import Value
from orchestrator.standing import moment

_STYLES = {
    "passed": "green",
    "approved": "green",
    "completed": "green",
    "failed": "bold red",
    "rolled back": "bold red",
    "rejected": "yellow",
    "parked": "magenta",
    "interrupted": "magenta",
    "now": "bold",
}
_WORDS = {"gate": "reached its gate"}
_MARKS = {"gate": "?", "rollback": "<", "parked": "!"}


class Entry(Value):
    """What happened at `at` (ISO 8601); `seconds` is None for what took no time, `ended` empty for what says all.

    `event` is its first one's number.
    """

    event: int
    at: str
    what: str
    kind: str = ""
    seconds: float | None = None
    ended: str = ""
    more: str = ""


def entries(events: Iterable[Event], present: datetime | None = None) -> list[Entry]:
    """Return the rows of one feature, whose events these are, oldest first.

    What lasts is counted up to `present`, or else up to the last event.
    """
    found = list(events)
    of = {one.id: one for one in found}
    points = _points(found)
    stretches = [_stretch(one, of, points, present) for one in spans(found)]
    runs = {one.payload.run for one in found if isinstance(one.payload, fact.PhaseStarted)}
    moments = [entry for one in found if (entry := _moment(one, runs)) is not None]
    return sorted([*stretches, *moments], key=lambda one: one.event)


def _points(found: Sequence[Event]) -> dict[str, list[int]]:
    """Return the checkpoints that each run made, by number."""
    made: dict[str, list[int]] = {}
    for one in found:
        if isinstance(one.payload, fact.CheckpointCreated) and one.payload.run:
            made.setdefault(one.payload.run, []).append(one.payload.n)
    return made


# --- what took its time ----------------------------------------------------------------------------


def _stretch(
    span: Span, of: Mapping[int, Event], points: Mapping[str, Sequence[int]], present: datetime | None
) -> Entry:
    first, last = of[span.first].payload, of[span.last].payload if span.last else None
    more = [_reason(last)] if last is not None else []
    if isinstance(first, fact.PhaseStarted):
        more += [_checkpoints(points.get(first.run, ()))]
    if isinstance(last, fact.ApprovalGranted | fact.ApprovalRejected):
        more = [f"by {of[span.last].actor.removeprefix('person:')}", *more]
    return Entry(
        event=span.first,
        at=span.began,
        what=_what(span, first),
        kind=span.kind,
        seconds=_seconds(span, present),
        ended=_WORDS.get(span.outcome, span.outcome) or ("ended" if span.ended else "now"),
        more="; ".join(one for one in more if one),
    )


def _seconds(span: Span, present: datetime | None) -> float:
    began = moment(span.began)
    if span.ended or present is None or began is None:
        return span.seconds
    return max(0.0, (present - began).total_seconds())


def _what(span: Span, first: fact.AnyPayload) -> str:
    place = f"{span.workflow}/{one_line(span.phase)}"
    said = one_line(span.what)
    if span.kind == "attempt":
        return f"{place} attempt {span.number}" + (f": {said}" if said else "")
    if span.kind == "gate":
        return f"waits at {said}"
    if span.kind == "rollback" and isinstance(first, fact.RollbackOrdered):
        return f"undo of a rollback, to checkpoint {first.n}" if first.undoes else f"rollback to checkpoint {first.n}"
    return {"pause": f"paused: {said}", "after": said}.get(span.kind, f"{span.kind}: {said}")


def _reason(last: fact.AnyPayload) -> str:
    match last:
        case fact.AttemptFailed(reason=reason) | fact.AttemptInterrupted(reason=reason):
            return one_line(reason)
        case fact.FeaturePaused(reason=reason) | fact.FeatureResumed(reason=reason):
            return one_line(reason)
        case fact.RollbackAborted(reason=reason):
            return one_line(reason)
        case fact.ApprovalGranted(answer=answer):
            return f"“{one_line(answer)}”" if answer else ""
        case fact.ApprovalRejected(why=why):
            return f"“{one_line(why)}”"
        case _:
            return ""


def _checkpoints(numbers: Sequence[int]) -> str:
    if not numbers:
        return ""
    return f"checkpoint {numbers[0]}" if len(numbers) == 1 else f"checkpoints {numbers[0]}-{numbers[-1]}"


# --- what took none --------------------------------------------------------------------------------


def _moment(event: Event, runs: set[str]) -> Entry | None:
    said = _said(event, runs)
    return Entry(event=event.id, at=event.timestamp, what=said[0], ended=said[1]) if said else None


def _said(event: Event, runs: set[str]) -> tuple[str, str] | None:
    """Return what is told of an event that begins and ends nothing, and how it ended; None for what goes without."""
    match event.payload:
        case fact.FeatureCreated(branch=branch):
            return f"started, branch {branch}", ""
        case fact.FeatureImported(branch=branch):
            return f"taken in from its state file, branch {branch}", ""
        case fact.WorkflowStarted(title=title, n=n):
            point = f" (rollback point {n})" if n else ""
            return f"workflow {event.workflow} begins: {one_line(title)}{point}", ""
        case fact.WorkflowCompleted():
            return f"workflow {event.workflow}", "completed"
        case fact.CheckpointCreated(n=n, run=run, cause=cause) if run not in runs and cause != "workflow":
            return f"checkpoint {n}" + (" by hand" if cause == "hand" else ", a commit outside of an attempt"), ""
        case fact.ApprovalUndone(reason=reason):
            return f"an approval was taken back: {one_line(reason)}", ""
        case fact.StateEdited(changes=changes, refused=refused):
            names = ", ".join(changes) or "nothing taken over"
            return f"its state was edited: {names}" + (f"; refused: {one_line(refused[0])}" if refused else ""), ""
        case fact.NoteAdded(note=note):
            return f"note: {one_line(note)}", ""
        case fact.FeatureCompleted():
            return "the feature", "completed"
        case fact.FeatureFailed(reason=reason):
            return f"the feature: {one_line(reason)}", "failed"
        case fact.FeatureRetired():
            return "retired", ""
        case _:
            return None


# --- drawn -----------------------------------------------------------------------------------------


def drawn(found: Sequence[Entry], width: int) -> Iterator[Line]:
    """Give the rows as lines of styled pieces, the day in a line of its own where it changes; `width` 0 for no end."""
    day = ""
    times = [duration(one.seconds) if one.seconds is not None else "" for one in found]
    room = max(map(len, times), default=0)
    for one, took in zip(found, times, strict=True):
        then = moment(one.at)
        today = f"{then:%Y-%m-%d}" if then is not None else ""
        if today != day:
            day = today
            yield fitted(((f"  {day}", "bold"),), width or len(day) + 2)
        stamp = f"{then:%H:%M:%S}" if then is not None else ""
        head = f"{_MARKS.get(one.kind, ' ')} {filled(stamp, 8)}  {took.rjust(room)}  "
        ended = f"  {one.ended}" if one.ended else ""
        more = f" ({flat(one.more)})" if one.more else ""
        what = flat(one.what)
        if width:
            free = max(0, width - columns(head) - columns(ended))
            what = cut(what, free)
            more = cut(more, max(0, free - columns(what)))
        line = (head, "dim"), (what, ""), (ended, _STYLES.get(one.ended, "")), (more, "dim")
        yield fitted(line, width) if width else line
