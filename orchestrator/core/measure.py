"""The user's own yardstick, each figure from events alone. Pure; counts and seconds, never estimates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from statistics import median
from typing import TypeVar

from orchestrator.core import events as fact
from orchestrator.core.events import Event
from orchestrator.core.spans import Span, spans
from orchestrator.core.values import Value

_Kind = TypeVar("_Kind")
DECIDED = ("approved", "skipped", "rejected")  # how a person ends the wait of a gate


class Spread(Value):
    """Several durations in seconds: how many, their median, the longest and their sum."""

    count: int = 0
    median: float = 0.0
    longest: float = 0.0
    total: float = 0.0


class OfGate(Value):
    """One gate of the line: how long it waited each time until it was decided, how long deciding took."""

    workflow: str
    gate: str
    waiting: Spread
    deciding: Spread
    rejected: int = 0
    waits_now: int = 0


class OfWorkflow(Value):
    """One workflow: how often completed, how long from start to end, attempts made and failed, what agents used."""

    workflow: str
    completed: int
    duration: Spread
    attempts: int
    failed: int
    cost: float = 0.0  # US dollars
    turns: int = 0


class Metrics(Value):
    """All figures. A rate or a mean is None where there is nothing to divide by."""

    steps: int
    steps_without_person: int
    automation: float | None
    completed: int
    days: float
    completed_a_week: float | None
    steps_with_missing_context: int
    context_loss: float | None
    gates: tuple[OfGate, ...]
    batches: Spread  # seconds from shown to decided, a sitting each
    gates_a_batch: float | None
    rollbacks: Spread
    undone: int
    workflows: tuple[OfWorkflow, ...]
    cost: float
    turns: int
    attempts: int  # begun
    attempts_failed: int
    waiting: Spread  # at all gates
    deciding: Spread
    rollbacks_automatic: int
    durations: Spread  # of all workflows
    attempts_a_workflow: float | None
    calls: int  # of clients
    calls_with_cost: int
    calls_with_turns: int


class Period(Value):
    """Which events are counted: those after event `after`, up to `until`; the earlier ones say what they ended.

    `days` is its length; None: from the first to the last event of it.
    """

    after: int = 0
    until: int | None = None
    days: float | None = None


def measure(events: Iterable[Event], period: Period | None = None) -> Metrics:
    """Return the figures of a log, or of a period of it: what ended then, as the log stood at the period's end."""
    period = period or Period()
    known = [one for one in events if period.until is None or one.id <= period.until]
    found = [one for one in known if one.id > period.after]
    steps = [one for one in found if _ends_a_step(one)]
    asked = _asking(known)
    alone = [one for one in steps if one.id not in asked]
    begun = _payloads(found, fact.PhaseStarted)
    lost = sum(bool(one.missing) for one in begun)
    granted = _payloads(found, fact.ApprovalGranted)
    sittings = {one.batch: one.shown for one in granted if one.batch}
    completed = {one.feature for one in found if isinstance(one.payload, fact.FeatureCompleted)}
    days = _days(found) if period.days is None else period.days
    rollbacks = _payloads(found, fact.RollbackExecuted)
    walks = _walks(known, period.after)
    calls = _payloads(found, fact.AgentEnded)
    waits = [one for one in spans(known) if one.kind == "gate" and (not one.ended or one.last > period.after)]
    return Metrics(
        steps=len(steps),
        steps_without_person=len(alone),
        automation=_rate(len(alone), len(steps)),
        completed=len(completed),
        days=round(days, 3),
        completed_a_week=round(len(completed) / days * 7, 2) if days >= 1 else None,
        steps_with_missing_context=lost,
        context_loss=_rate(lost, len(begun)),
        gates=_gates(found, waits),
        batches=spread(list(sittings.values())),
        gates_a_batch=_rate(sum(bool(one.batch) for one in granted), len(sittings)),
        rollbacks=spread([one.seconds for one in rollbacks]),
        undone=len(_payloads(found, fact.RollbackUndone)),
        workflows=_workflows(found, walks),
        cost=round(sum(one.cost for one in calls), 4),
        turns=sum(one.turns for one in calls),
        attempts=len(begun),
        attempts_failed=len(_payloads(found, fact.AttemptFailed)),
        waiting=spread([one.seconds for one in waits if one.outcome in DECIDED]),
        deciding=spread([one.shown for one in granted]),
        rollbacks_automatic=sum(one.automatic for one in rollbacks),
        durations=spread([one.seconds for one in walks]),
        attempts_a_workflow=_rate(sum(one.attempts for one in walks), len(walks)),
        calls=len(calls),
        calls_with_cost=sum(one.cost > 0 for one in calls),
        calls_with_turns=sum(one.turns > 0 for one in calls),
    )


def spread(seconds: Sequence[float]) -> Spread:
    """Return the count, median, longest and sum of durations."""
    if not seconds:
        return Spread()
    return Spread(
        count=len(seconds),
        median=round(median(seconds), 3),
        longest=round(max(seconds), 3),
        total=round(sum(seconds), 3),
    )


def _payloads(events: Iterable[Event], kind: type[_Kind]) -> list[_Kind]:
    return [one.payload for one in events if isinstance(one.payload, kind)]


def _rate(part: float, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _days(events: Sequence[Event]) -> float:
    return _between(events[0], events[-1]) / 86400 if events else 0.0


def _between(first: Event, last: Event) -> float:
    began, ended = (datetime.fromisoformat(one.timestamp) for one in (first, last))
    return (ended - began).total_seconds()


# --- steps -----------------------------------------------------------------------------------------


def _ends_a_step(event: Event) -> bool:
    """Tell whether an event closes an attempt: passed, at a gate, failed or parked; not an interrupted one."""
    payload = event.payload
    if isinstance(payload, fact.PhaseCompleted | fact.GateReached | fact.FeaturePaused):
        return bool(payload.run)
    return isinstance(payload, fact.AttemptFailed)


def _asking(events: Iterable[Event]) -> set[int]:
    """Return the ends of steps after which a person was needed.

    At a gate, parked without a time at which it goes on by itself, or the failed attempt that failed the feature, or
    parked it where its rollback was refused.
    """
    found: set[int] = set()
    failed: dict[str | None, int] = {}  # of a feature: its last step, where that is a failed attempt
    for one in events:
        match one.payload:
            case fact.GateReached():
                found.add(one.id)
            case fact.FeaturePaused(until="", kind="parked", run="") if one.feature in failed:
                found.add(failed.pop(one.feature))
            case fact.FeaturePaused(until=""):
                found.add(one.id)
            case fact.AttemptFailed():
                failed[one.feature] = one.id
            case fact.PhaseStarted():
                failed.pop(one.feature, None)
            case fact.FeatureFailed() if one.feature in failed:
                found.add(failed.pop(one.feature))
    return found


# --- workflows -------------------------------------------------------------------------------------


class _Walk(Value):
    """One feature's way through one workflow, from its first start to its completion."""

    workflow: str
    seconds: float
    attempts: int


def _walks(events: Iterable[Event], after: int) -> list[_Walk]:
    """Return the ways that ended after event `after`; a start that a rollback took back belongs to its way."""
    found: list[_Walk] = []
    began: dict[tuple[str | None, str | None], tuple[Event, int]] = {}
    for one in events:
        key = (one.feature, one.workflow)
        match one.payload:
            case fact.FeatureCreated() | fact.FeatureImported():
                began = {place: first for place, first in began.items() if place[0] != one.feature}
            case fact.WorkflowStarted():
                began.setdefault(key, (one, 0))
            case fact.PhaseStarted() if key in began:
                began[key] = (began[key][0], began[key][1] + 1)
            case fact.WorkflowCompleted() if key in began:
                first, attempts = began.pop(key)
                if one.id > after:
                    found.append(_Walk(one.workflow or "", round(max(0.0, _between(first, one)), 3), attempts))
    return found


def _workflows(events: Sequence[Event], walks: Sequence[_Walk]) -> tuple[OfWorkflow, ...]:
    worked = fact.PhaseStarted | fact.WorkflowCompleted | fact.AgentEnded
    names = dict.fromkeys(one.workflow or "" for one in events if isinstance(one.payload, worked))
    by_name = {name: [one for one in events if (one.workflow or "") == name] for name in names}
    return tuple(_workflow(name, found, walks) for name, found in by_name.items())


def _workflow(name: str, events: Sequence[Event], walks: Sequence[_Walk]) -> OfWorkflow:
    durations = [one.seconds for one in walks if one.workflow == name]
    calls = _payloads(events, fact.AgentEnded)
    return OfWorkflow(
        workflow=name,
        completed=len(durations),
        duration=spread(durations),
        attempts=len(_payloads(events, fact.PhaseStarted)),
        failed=len(_payloads(events, fact.AttemptFailed)),
        cost=round(sum(one.cost for one in calls), 4),
        turns=sum(one.turns for one in calls),
    )


# --- gates -----------------------------------------------------------------------------------------


def _gates(events: Sequence[Event], waits: Sequence[Span]) -> tuple[OfGate, ...]:
    """Return each gate that was decided or waits, by workflow and heading, in the order of their first wait."""
    places = dict.fromkeys((one.workflow, one.what) for one in waits if not one.ended or one.outcome in DECIDED)
    granted: dict[tuple[str, str], list[float]] = {}
    for one in events:
        if isinstance(one.payload, fact.ApprovalGranted):
            granted.setdefault((one.workflow or "", one.payload.gate.heading), []).append(one.payload.shown)
    return tuple(
        _gate(place, [one for one in waits if (one.workflow, one.what) == place], granted.get(place, []))
        for place in dict.fromkeys([*places, *granted])
    )


def _gate(place: tuple[str, str], waits: Sequence[Span], shown: Sequence[float]) -> OfGate:
    return OfGate(
        workflow=place[0],
        gate=place[1],
        waiting=spread([one.seconds for one in waits if one.outcome in DECIDED]),
        deciding=spread(shown),
        rejected=sum(one.outcome == "rejected" for one in waits),
        waits_now=sum(not one.ended for one in waits),
    )
