"""What a feature spent its time with: attempts, waiting at gates, parked, rolling back. Pure; a fold of the log.

A stretch begins and ends where the feature's state does, so that this never says anything else than `status` did then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec.structs import replace

from orchestrator.core import events as fact
from orchestrator.core.events import Event
from orchestrator.core.state import Feature, World, evolve
from orchestrator.core.steps import label
from orchestrator.core.values import FeatureId, Value

_OUTCOMES = {
    fact.PhaseCompleted: "passed",
    fact.GateReached: "gate",
    fact.AttemptFailed: "failed",
    fact.AttemptInterrupted: "interrupted",
    fact.FeaturePaused: "parked",
    fact.ApprovalRejected: "rejected",
    fact.FeatureResumed: "resumed",
    fact.RollbackOrdered: "rolled back",
    fact.RollbackExecuted: "done",
    fact.RollbackUndone: "undone",
    fact.RollbackAborted: "given up",
    fact.StateEdited: "edited",
    fact.FeatureCompleted: "completed",
    fact.FeatureFailed: "failed",
    fact.FeatureRetired: "retired",
}


class Span(Value):
    """A stretch of a feature's time; `ended` and `outcome` are empty while it lasts.

    `kind` is attempt, gate, pause, parked, after or rollback; `number` that of an attempt; `what` the phase's title,
    the gate's heading or the reason; times are ISO 8601 as in the log; `first` and `last` are the events at its ends.
    """

    feature: FeatureId
    kind: str
    workflow: str
    phase: str
    what: str
    began: str
    first: int
    ended: str = ""
    last: int = 0
    outcome: str = ""
    number: int = 0
    seconds: float = 0.0  # so far, up to the last event, while it lasts


def spans(events: Iterable[Event]) -> list[Span]:
    """Return the stretches of all features, in the order in which they began."""
    world = World()
    found: list[Span] = []
    lasting: dict[tuple[FeatureId, str], int] = {}  # of a feature, by what it belongs to: its place in `found`
    event = None
    for event in events:
        before = world.feature(event.feature) if event.feature else None
        world = evolve(world, event)
        after = world.feature(event.feature) if event.feature else None
        if after is None:
            continue
        then, now = (dict(_lasting(one, event)) if one is not None else {} for one in (before, after))
        for key in [key for key in then if key not in now and (after.id, key) in lasting]:
            at = lasting.pop((after.id, key))
            found[at] = _ended(found[at], event)
        for key, span in now.items():
            if key not in then:
                lasting[after.id, key] = len(found)
                found.append(span)
    for at in lasting.values():
        if event is not None:
            found[at] = _so_far(found[at], event)
    return found


def _lasting(feature: Feature, event: Event) -> Iterator[tuple[str, Span]]:
    """Give what a feature is in the middle of, each under a name that tells it from the one before."""
    if feature.attempt is not None:
        run, number = feature.attempt.run, feature.attempt.number
        title = event.payload.title if isinstance(event.payload, fact.PhaseStarted) else ""
        yield f"attempt {run}", _begun(feature, event, "attempt", title, number)
    if feature.gate is not None:
        yield f"gate {feature.gate.event}", _begun(feature, event, "gate", feature.gate.gate.heading)
    if feature.waits is not None:
        yield f"waits {feature.waits.since}", _begun(feature, event, feature.waits.kind, feature.waits.reason)
    if feature.ordered is not None:
        yield f"rollback {feature.ordered.operation}", _begun(feature, event, "rollback", feature.ordered.reason)


def _begun(feature: Feature, event: Event, kind: str, what: str, number: int = 0) -> Span:
    return Span(
        feature=feature.id,
        kind=kind,
        workflow=feature.place.workflow,
        phase=label(feature),
        what=what,
        began=event.timestamp,
        first=event.id,
        number=number,
    )


def _ended(span: Span, event: Event) -> Span:
    outcome = _OUTCOMES.get(type(event.payload), "")
    if isinstance(event.payload, fact.ApprovalGranted):
        outcome = event.payload.verdict
    return replace(_so_far(span, event), ended=event.timestamp, last=event.id, outcome=outcome)


def _so_far(span: Span, event: Event) -> Span:
    began, now = (datetime.fromisoformat(one) for one in (span.began, event.timestamp))
    return replace(span, seconds=round(max(0.0, (now - began).total_seconds()), 3))
