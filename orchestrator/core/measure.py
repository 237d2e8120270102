"""The user's own yardstick, each figure from events alone. Pure; counts and seconds, never estimates."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from statistics import median
from typing import TypeVar

from orchestrator.core import events as fact
from orchestrator.core.events import Event
from orchestrator.core.values import Value

_Kind = TypeVar("_Kind")


class Spread(Value):
    """Several durations in seconds: how many, their median, the longest and their sum."""

    count: int = 0
    median: float = 0.0
    longest: float = 0.0
    total: float = 0.0


class OfGate(Value):
    """One gate of the line: how often it was decided, how long it waited, how long deciding took."""

    workflow: str
    gate: str
    waiting: Spread
    deciding: Spread


class OfWorkflow(Value):
    """One workflow: how often completed, how long from start to end, attempts made and failed."""

    workflow: str
    completed: int
    duration: Spread
    attempts: int
    failed: int


class Metrics(Value):
    """All figures. A rate is None where there is nothing to divide by."""

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


def measure(events: Iterable[Event]) -> Metrics:
    """Return the figures of a log."""
    found = list(events)
    started = _payloads(found, fact.PhaseStarted)
    ended = [one for one in found if _ends_a_step(one)]
    alone = [one for one in ended if not isinstance(one.payload, fact.GateReached | fact.FeaturePaused)]
    lost = sum(bool(one.missing) for one in started)
    granted = _payloads(found, fact.ApprovalGranted)
    sittings = {one.batch: one.shown for one in granted if one.batch}
    completed = _payloads(found, fact.FeatureCompleted)
    days = _days(found)
    calls = _payloads(found, fact.AgentEnded)
    return Metrics(
        steps=len(ended),
        steps_without_person=len(alone),
        automation=_rate(len(alone), len(ended)),
        completed=len(completed),
        days=round(days, 3),
        completed_a_week=round(len(completed) / days * 7, 2) if days >= 1 else None,
        steps_with_missing_context=lost,
        context_loss=_rate(lost, len(started)),
        gates=_gates(found),
        batches=spread(list(sittings.values())),
        gates_a_batch=_rate(sum(bool(one.batch) for one in granted), len(sittings)),
        rollbacks=spread([one.seconds for one in _payloads(found, fact.RollbackExecuted)]),
        undone=len(_payloads(found, fact.RollbackUndone)),
        workflows=_workflows(found),
        cost=round(sum(one.cost for one in calls), 4),
        turns=sum(one.turns for one in calls),
    )


def spread(seconds: list[float]) -> Spread:
    """Return the count, median, longest and sum of durations."""
    if not seconds:
        return Spread()
    return Spread(
        count=len(seconds),
        median=round(median(seconds), 3),
        longest=round(max(seconds), 3),
        total=round(sum(seconds), 3),
    )


def _payloads(events: list[Event], kind: type[_Kind]) -> list[_Kind]:
    return [one.payload for one in events if isinstance(one.payload, kind)]


def _ends_a_step(event: Event) -> bool:
    """Tell whether an event closes an attempt that counts: passed, at a gate, failed or parked."""
    payload = event.payload
    if isinstance(payload, fact.PhaseCompleted | fact.GateReached | fact.FeaturePaused):
        return bool(payload.run)
    return isinstance(payload, fact.AttemptFailed)


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _days(events: list[Event]) -> float:
    if not events:
        return 0.0
    return (_instant(events[-1]) - _instant(events[0])) / 86400


def _instant(event: Event) -> float:
    return datetime.fromisoformat(event.timestamp).timestamp()


def _gates(events: list[Event]) -> tuple[OfGate, ...]:
    decided: dict[tuple[str, str], list[fact.ApprovalGranted]] = {}
    for event in events:
        if isinstance(event.payload, fact.ApprovalGranted):
            decided.setdefault((event.workflow or "", event.payload.gate.heading), []).append(event.payload)
    return tuple(
        OfGate(
            workflow=workflow,
            gate=heading,
            waiting=spread([one.waited for one in found]),
            deciding=spread([one.shown for one in found]),
        )
        for (workflow, heading), found in decided.items()
    )


def _workflows(events: list[Event]) -> tuple[OfWorkflow, ...]:
    names = dict.fromkeys(one.workflow or "" for one in events if isinstance(one.payload, fact.PhaseStarted))
    return tuple(_workflow(name, [one for one in events if one.workflow == name]) for name in names)


def _workflow(name: str, events: list[Event]) -> OfWorkflow:
    began: dict[str, float] = {}
    durations: list[float] = []
    for one in events:
        if isinstance(one.payload, fact.WorkflowStarted):
            began[one.feature or ""] = _instant(one)
        elif isinstance(one.payload, fact.WorkflowCompleted) and one.feature in began:
            durations.append(_instant(one) - began.pop(one.feature or ""))
    return OfWorkflow(
        workflow=name,
        completed=len(durations),
        duration=spread(durations),
        attempts=len(_payloads(events, fact.PhaseStarted)),
        failed=len(_payloads(events, fact.AttemptFailed)),
    )
