"""The rows that the plots are drawn from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from orchestrator.charts import series
from orchestrator.charts.series import Bar
from orchestrator.core.events import AgentEnded, AttemptFailed, FeatureCompleted
from orchestrator.core.spans import spans
from tests.core.history import LINE, History


def walked() -> History:
    """Return two features: the one started first works last, fails once and waits at a gate."""
    history = History()
    history.start("payment")
    history.start("landing")
    history.work(LINE, "landing")
    history.begin("payment", run="f")
    history.say(AgentEnded(run="f", client="claude", ended="done", cost=0.25))
    history.say(AttemptFailed(ordinal=1, attempt=1, run="f", reason="exit 1"))
    for _ in range(3):
        history.work(LINE, "payment")
    return history


def test_lanes_come_in_start_order_and_what_lasts_ends_with_the_last_event() -> None:
    history = walked()
    history.say(FeatureCompleted(), "landing")
    rows = series.lanes(spans(history.events), history.events)
    assert [(one.feature, one.kind) for one in rows] == [
        ("payment", series.FAILED), ("payment", series.PASSED), ("payment", series.PASSED),
        ("payment", series.PASSED), ("payment", series.GATE), ("landing", series.PASSED),
    ]  # fmt: skip
    assert rows[4].ended == history.events[-1].timestamp
    assert rows[4].says == "payment 2/GATE 1, gate: GATE 1: Screens, lasts, 1 s"
    assert min(one.first for one in rows) == 0.0


def test_throughput_is_counted_by_the_day_and_of_a_long_log_by_the_week_with_empty_ones() -> None:
    history = walked()
    history.say(FeatureCompleted(), "landing")
    begin = datetime(2025, 11, 19, 12, tzinfo=UTC)  # a Wednesday

    def bars(days: int) -> tuple[list[tuple[str, float]], str]:
        stamps = [begin] * (len(history.events) - 1) + [begin + timedelta(days=days)]
        events = [replace(one, timestamp=at.isoformat()) for one, at in zip(history.events, stamps, strict=True)]
        found, step = series.throughput(events)
        return [(one.name, one.amount) for one in found], step

    assert bars(2) == ([("2025-11-19", 0), ("2025-11-20", 0), ("2025-11-21", 1)], "day")
    weeks, step = bars(28)
    assert (weeks[0], weeks[-1], len(weeks), step) == (("2025-11-17", 0), ("2025-12-15", 1), 5, "week")
    assert series.throughput([]) == ([], "day")


def test_costs_and_failures_are_summed_by_place() -> None:
    history = walked()
    assert series.costs(history.events) == [Bar("1", 0.25, "$0.25 in 1 calls")]
    assert series.failures(spans(history.events)) == [Bar("1/1", 1, "1 of 3")]


def test_gates_that_wait_still_are_no_decision() -> None:
    history = walked()
    assert series.gate_waits(spans(history.events)) == []
    history.approve(LINE)
    assert [(one.name, one.amount) for one in series.gate_waits(spans(history.events))] == [("2 GATE 1: Screens", 1.0)]
