"""What each figure of `metrics` means: its definition, its sample, the events it is computed from. Pure.

The one table: the command, `--json`, `--baseline` and docs/metrics.md all say what stands here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from orchestrator.core.measure import Metrics
from orchestrator.core.values import Value

Unit = Literal["share", "a week", "seconds", "count", "USD"]
_Read = Callable[[Metrics], tuple[float | None, int]]


class Definition(Value):
    """One figure: `says` how it is computed, `sample` what is counted; `read` gives value and sample size."""

    key: str
    title: str
    unit: Unit
    says: str
    sample: str
    events: tuple[str, ...]
    read: _Read
    goal: float | None = None


class Figure(Value):
    """A figure of one period. `value` is None where there is no sample, or too little: then `sample` may be above 0."""

    of: Definition
    value: float | None
    sample: int


_STEP_ENDS = ("phase_completed", "gate_reached", "attempt_failed", "feature_paused")
_DECISIONS = ("approval_granted", "approval_rejected")

DEFINITIONS = (
    Definition(
        "automation", "automation", "share",
        "steps after which no person was needed / all steps. A person was needed at a gate, where a feature was parked "
        "without a time at which it goes on by itself, and after the failed attempt that failed or parked the feature.",
        "steps", (*_STEP_ENDS, "feature_failed"),
        lambda found: (found.automation, found.steps), goal=0.7,
    ),
    Definition(
        "throughput", "throughput", "a week",
        "features completed / days of the period × 7; a feature counts once, also where a rollback took that back "
        "later. No figure below a day of log.",
        "features", ("feature_completed",),
        lambda found: (found.completed_a_week, found.completed),
    ),
    Definition(
        "context_loss", "context loss", "share",
        "attempts that began with context files of the last snapshot missing / all attempts begun.",
        "attempts", ("phase_started",),
        lambda found: (found.context_loss, found.attempts),
    ),
    Definition(
        "gate_time", "time at a gate", "seconds",
        "the median time from where a gate began to wait, anew too after an undo, to its decision: approved, skipped "
        "or rejected.",
        "decisions",
        ("gate_reached", "feature_imported", "approval_undone", "rollback_undone", *_DECISIONS),
        lambda found: (_of(found.waiting.median, found.waiting.count), found.waiting.count),
    ),
    Definition(
        "gate_decision", "deciding a gate", "seconds",
        "the median time from where an approved gate was shown to its approval.",
        "approvals", ("approval_granted",),
        lambda found: (_of(found.deciding.median, found.deciding.count), found.deciding.count),
    ),
    Definition(
        "batch_decision", "deciding a batch", "seconds",
        "the median time from where a batch of gates was shown to its decision; a batch is what one sitting approved.",
        "sittings", ("approval_granted",),
        lambda found: (_of(found.batches.median, found.batches.count), found.batches.count),
    ),
    Definition(
        "gates_a_batch", "gates a batch", "count",
        "gates approved / sittings in which they were.",
        "sittings", ("approval_granted",),
        lambda found: (found.gates_a_batch, found.batches.count),
    ),
    Definition(
        "rollback_time", "rollback time", "seconds",
        "the median time that a rollback took, automatic or by hand.",
        "rollbacks", ("rollback_executed",),
        lambda found: (_of(found.rollbacks.median, found.rollbacks.count), found.rollbacks.count),
    ),
    Definition(
        "workflow_duration", "workflow duration", "seconds",
        "the median time from where a feature first started a workflow to its completion: work, gates, pauses and "
        "rollbacks with it.",
        "workflows", ("workflow_started", "workflow_completed"),
        lambda found: (_of(found.durations.median, found.durations.count), found.durations.count),
    ),
    Definition(
        "attempts_a_workflow", "attempts a workflow", "count",
        "attempts begun between the first start of a workflow and its completion / workflows completed.",
        "workflows", ("workflow_started", "phase_started", "workflow_completed"),
        lambda found: (found.attempts_a_workflow, found.durations.count),
    ),
    Definition(
        "cost", "cost", "USD",
        "the sum of what clients said that their calls cost; only a preset's client says it.",
        "calls", ("agent_ended",),
        lambda found: (_of(found.cost, found.calls_with_cost), found.calls_with_cost),
    ),
    Definition(
        "turns", "turns", "count",
        "the sum of the turns that clients reported.",
        "calls", ("agent_ended",),
        lambda found: (_of(float(found.turns), found.calls_with_turns), found.calls_with_turns),
    ),
)  # fmt: skip


def figures(found: Metrics) -> list[Figure]:
    """Return each figure of a period, in the table's order."""
    read = ((one, *one.read(found)) for one in DEFINITIONS)
    return [Figure(of=one, value=value, sample=sample) for one, value, sample in read]


def _of(value: float, sample: int) -> float | None:
    return value if sample else None


def shape(figure: Figure) -> dict[str, Any]:
    """Return a figure as `metrics --json` prints it; seconds, shares of 1, US dollars."""
    of = figure.of
    return {
        "key": of.key, "value": figure.value, "unit": of.unit, "sample": figure.sample, "of": of.sample,
        "goal": of.goal, "definition": of.says, "events": list(of.events),
    }  # fmt: skip


def page() -> str:
    """Return the table of docs/metrics.md."""
    rows = ["| figure | key | unit | definition | sample | computed from |", "| --- | --- | --- | --- | --- | --- |"]
    for one in DEFINITIONS:
        goal = f"; goal {one.goal:.0%}" if one.goal is not None else ""
        events = ", ".join(f"`{name}`" for name in one.events)
        rows.append(f"| {one.title} | `{one.key}` | {one.unit}{goal} | {one.says} | {one.sample} | {events} |")
    return "\n".join(rows)
