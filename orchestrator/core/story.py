"""The log as a story: which events get a line, who did it, and how long it took. Pure; never reads a clock.

What another line tells anyway has none: that an attempt began, the commits of an attempt, the tar of a rollback point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from orchestrator.core import events as fact
from orchestrator.core.events import Event
from orchestrator.core.sentences import Quote, Told, sentence
from orchestrator.core.spans import Span, spans
from orchestrator.core.values import FeatureId, Value

QUIET = timedelta(hours=1)  # without work, between two runs
_BEGINS = (
    fact.WorktreeCreated,
    fact.CheckpointCreated,
    fact.BackupCreated,
    fact.WorkflowStarted,
    fact.FeatureResumed,
    fact.LineAccepted,
)  # what a step records before its attempt begins


class Line(Value):
    """One line of the story. `at` is ISO 8601 as in the log; `event` the last event that it tells of."""

    event: int
    at: str
    feature: FeatureId | None
    who: str  # "you", "kit", "agent", "git", or another person
    text: str


class _Beside:
    """What the log holds beside each event: the stretches, what runs came to, what rollbacks were ordered for."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.ended: dict[int, list[Span]] = {}
        self.lasts: set[int] = set()  # events that began what lasts still
        self.title: dict[str, str] = {}
        self.number: dict[str, int] = {}
        self.commits: dict[str, int] = {}
        self.cost: dict[str, float] = {}
        self.orders: dict[str, tuple[fact.RollbackOrdered, str]] = {}
        self.began: dict[tuple[str | None, str | None], str] = {}
        self.took: dict[int, float] = {}  # workflows and features, by the event that ends them
        for span in spans(events):
            self.ended.setdefault(span.last, []).append(span)
            if not span.last:
                self.lasts.add(span.first)
        for event in events:
            self._note(event)

    def _note(self, event: Event) -> None:
        match event.payload:
            case fact.PhaseStarted() as started:
                self.title[started.run], self.number[started.run] = started.title, started.attempt
            case fact.CheckpointCreated(run=run) if run:
                self.commits[run] = self.commits.get(run, 0) + 1
            case fact.AgentEnded() as ended:
                self.cost[ended.run] = self.cost.get(ended.run, 0.0) + ended.cost
            case fact.RollbackOrdered() as ordered:
                self.orders[ordered.operation] = (ordered, event.actor)
            case fact.FeatureCreated() | fact.FeatureImported():
                self.began[event.feature, None] = event.timestamp
            case fact.WorkflowStarted():
                self.began[event.feature, event.workflow] = event.timestamp
            case fact.WorkflowCompleted():
                self._count(event, event.workflow)
            case fact.FeatureCompleted():
                self._count(event, None)
            case _:
                pass

    def _count(self, event: Event, workflow: str | None) -> None:
        began = self.began.get((event.feature, workflow))
        if began is not None:
            self.took[event.id] = (instant(event.timestamp) - instant(began)).total_seconds()

    def order(self, operation: str) -> tuple[fact.RollbackOrdered, str] | None:
        """Return what ordered a rollback, and who; of an undo's, that undo's own."""
        return self.orders.get(operation)

    def told(self, event: Event, quote: Quote) -> Told:
        """Return the event with what the log holds beside it."""
        payload = event.payload
        stretch = next((one for one in self.ended.get(event.id, ()) if one.kind == _ENDS.get(type(payload))), None)
        stretch = stretch or next(iter(self.ended.get(event.id, ())), None)
        seconds = stretch.seconds if stretch is not None else self.took.get(event.id)
        told = Told(event=event, quote=quote, seconds=seconds)
        run = getattr(payload, "run", "")
        if run and not isinstance(payload, fact.CheckpointCreated):
            sums = {"commits": self.commits.get(run, 0), "cost": self.cost.get(run, 0.0)}
            told = replace(told, title=self.title.get(run, ""), number=self.number.get(run, 0), **sums)
        found = self.order(getattr(payload, "operation", ""))
        if found is None:
            return told
        ordered = found[0]
        first = self.order(ordered.undoes) if ordered.undoes else found
        return replace(told, n=first[0].n if first else ordered.n)


_ENDS: dict[type[object], str] = {
    fact.PhaseCompleted: "attempt",
    fact.GateReached: "attempt",
    fact.AttemptFailed: "attempt",
    fact.AttemptInterrupted: "attempt",
    fact.FeaturePaused: "attempt",
    fact.ApprovalGranted: "gate",
    fact.ApprovalRejected: "gate",
    fact.RollbackExecuted: "rollback",
    fact.RollbackUndone: "rollback",
    fact.RollbackAborted: "rollback",
}


def story(
    events: Iterable[Event],
    quote: Quote,
    me: str = "",
    chosen: Callable[[Event], bool] = lambda event: True,
    *,
    whole: bool = False,
) -> list[Line]:
    """Return the lines of the chosen events; the others are read for what stands beside them.

    `me` is the actor that is called "you"; with `whole` each event has its line. Commits by hand that follow each
    other share one.
    """
    found = list(events)
    beside = _Beside(found)
    lines: list[Line] = []
    merged: list[Event] = []  # the commits of the last line
    for event in found:
        if not chosen(event) or not (whole or _matters(event, beside)):
            continue
        is_more = bool(merged) and not whole and _is_by_hand(event) and merged[-1].feature == event.feature
        merged = [*merged, event] if is_more else [event] if _is_by_hand(event) else []
        if is_more:
            lines[-1] = replace(lines[-1], event=event.id, at=event.timestamp, text=_commits(merged))
        else:
            text = sentence(beside.told(event, quote))
            lines.append(Line(event.id, event.timestamp, event.feature, _who(event, beside, me, quote), text))
    return lines


def _matters(event: Event, beside: _Beside) -> bool:
    """Tell whether no other line tells of an event."""
    match event.payload:
        case fact.SittingHeld() | fact.BackupCreated() | fact.WorktreeCreated() | fact.AgentEnded():
            return False
        case fact.PhaseStarted() | fact.RollbackOrdered():
            return event.id in beside.lasts
        case fact.CheckpointCreated(run=run, cause=cause):
            return not run and cause != "workflow"
        case fact.PhaseCompleted(run=run):
            return bool(run)
        case fact.FeaturePaused(kind=kind):
            return kind != "after"
        case fact.LineAccepted(changes=changes):
            return bool(changes)
        case _:
            return True


def _is_by_hand(event: Event) -> bool:
    payload = event.payload
    return isinstance(payload, fact.CheckpointCreated) and payload.cause == "commit" and not payload.run


def _commits(events: Sequence[Event]) -> str:
    numbers = [one.payload.n for one in events if isinstance(one.payload, fact.CheckpointCreated)]
    return f"{len(numbers)} commits, checkpoints {numbers[0]} to {numbers[-1]}"


def _who(event: Event, beside: _Beside, me: str, quote: Quote) -> str:
    """Return who did it: an attempt's end is its agent's, a rollback that of whoever ordered it."""
    payload = event.payload
    found = beside.order(getattr(payload, "operation", ""))
    if found is not None:
        return named(found[1], me, quote)
    if _is_by_hand(event):
        return "git"
    if isinstance(payload, fact.PhaseCompleted | fact.GateReached | fact.AttemptFailed) and payload.run:
        return "agent"
    return named(event.actor, me, quote)


def named(actor: str, me: str, quote: Quote) -> str:
    """Return an actor of the log in a word."""
    kind, _, name = actor.partition(":")
    if kind == "person":
        return "you" if actor == me else quote(name.partition("@")[0] or name)
    return {"hook": "git"}.get(kind, kind if kind in ("kit", "agent") else quote(actor))


def instant(timestamp: str) -> datetime:
    return datetime.fromisoformat(timestamp)


# --- the last run ----------------------------------------------------------------------------------


def last_run(events: Iterable[Event]) -> int:
    """Return the number of the last event before the last series of steps; 0 where all of the log is of it.

    A series is broken by more than QUIET without an attempt or a parked feature that went on by itself. What its
    first step recorded before the attempt belongs to it.
    """
    found = list(events)
    first, end = 0, None
    for place, span in _work(found):
        if end is None or instant(span.began) - end > QUIET:
            first, end = place, instant(span.began)
        end = max(end, instant(span.ended or found[-1].timestamp))
    while first > 0 and isinstance(found[first - 1].payload, _BEGINS) and found[first - 1].actor == "kit":
        first -= 1
    return found[first - 1].id if first > 0 else 0


def _work(events: Sequence[Event]) -> Iterator[tuple[int, Span]]:
    """Give the stretches in which something went on without a person, each with the place of its first event."""
    places = {one.id: place for place, one in enumerate(events)}
    for span in spans(events):
        goes_on = span.kind == "parked" and span.last and events[places[span.last]].actor == "kit"
        if span.kind == "attempt" or (goes_on and span.outcome == "resumed"):
            yield places[span.first], span
