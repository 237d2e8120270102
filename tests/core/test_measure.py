"""The figures of `metrics`, against a second computation: slow, obvious, and from the events that each figure names."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from orchestrator.core import decide
from orchestrator.core import events as fact
from orchestrator.core.decide import Outcome, Sitting
from orchestrator.core.events import AgentEnded, AttemptFailed, Event, Fact, FeatureFailed, Gate, Moment, PhaseStarted
from orchestrator.core.figures import DEFINITIONS, figures
from orchestrator.core.measure import Metrics, Period, Spread, measure
from orchestrator.core.state import Feature, Status
from orchestrator.core.statement import Item
from orchestrator.core.steps import next_step
from orchestrator.core.values import FeatureId
from orchestrator.errors import Refusal
from orchestrator.log.facts import TYPES, draft
from tests.core.history import CONTEXT, HEAD, LINE, NEXT, PERSON, History, bound

BEGIN = datetime(2025, 11, 20, 8, tzinfo=UTC)


class Days(History):
    """A history whose events lie up to hours apart, and in which anything may happen to three features."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.random = random.Random(seed)
        self.clock = BEGIN
        self.moments: dict[FeatureId, list[Moment]] = {}

    def record(self, facts: Sequence[Fact]) -> list[Event]:
        before = len(self.events)
        super().record(facts)
        for at in range(before, len(self.events)):
            self.clock += timedelta(seconds=self.random.choice([0, 0.25, 1, 90, 5000]))
            self.events[at] = replace(self.events[at], timestamp=self.clock.isoformat())
        return self.events[before:]

    def live(self, steps: int) -> None:
        self.start()
        for _ in range(steps):
            name = self.random.choice(["payment", "landing", "search"])
            if FeatureId(f"feat-{name}") not in self.world.features:
                self.start(name)
            feature = self.of(name)
            self.moments.setdefault(feature.id, []).append(feature.moment)
            ways = [self.attempt] * 6 + [
                self.sit,
                self.sit,
                self.reject,
                self.take_back,
                self.pause,
                self.roll,
                self.undo,
            ]
            with contextlib.suppress(Refusal):
                self.random.choice(ways)(feature)

    def attempt(self, feature: Feature) -> None:
        if feature.status in (Status.FAILED, Status.BLOCKED, Status.PAUSED) and feature.gate is None:
            self.record(decide.resume(feature, PERSON))
        feature = self.of(feature.slug)
        if feature.status is not Status.ACTIVE:
            return
        if not feature.place.begun:
            self.say(fact.WorkflowStarted(title=""), feature.slug)
            feature = self.of(feature.slug)
        missing = self.random.choice([(), (), ("gone.md",)])
        begun = PhaseStarted(feature.place.ordinal, decide.number(feature), "r", missing=missing)
        self.record(decide.start_phase(feature, begun))
        if self.random.random() < 0.5:
            cost, turns = self.random.choice([(0.0, 0), (0.25, 3), (0.0, 2)])
            self.say(AgentEnded(run="r", client="claude", ended="done", cost=cost, turns=turns), feature.slug)
        self.end(self.of(feature.slug))

    def end(self, feature: Feature) -> None:
        step, outcome = next_step(LINE, feature.place), Outcome(run="r")
        match self.random.randrange(10):
            case 0:
                self.record(decide.park(feature, "quota", self.random.choice(["", self.clock.isoformat()])))
            case 1:
                asked = Gate(key="reported", type="human", trigger="which?", heading="which?", reported=True)
                self.record(decide.asked(feature, step, asked, outcome))
            case 2:
                self.record(decide.interrupted(feature, "killed"))
            case 3 | 4:
                self.record(decide.failed(feature, AttemptFailed(feature.place.ordinal, 1, "r", "exit 1")))
                if self.random.random() < 0.4:
                    self.roll(self.of(feature.slug), automatic=True)
            case _:
                self.record(decide.passed(feature, LINE, step, outcome, ""))

    def sit(self, _: Feature) -> None:
        """Decide all gates that wait, in one sitting."""
        waits = [one for one in self.world.features.values() if one.gate is not None]
        shown, batch = self.random.choice([0.0, 4.5, 61.0]), f"b{len(self.events)}"
        items = [Item(bound=bound(one), verdict="approved", answer="") for one in waits]
        sitting = Sitting(door="terminal", actor=PERSON, batch=batch, shown=shown)
        self.record(decide.approve(self.world, LINE, items, sitting)[0])

    def reject(self, feature: Feature) -> None:
        self.record(decide.reject(feature, LINE, "no", "", PERSON))

    def take_back(self, feature: Feature) -> None:
        self.record(decide.take_back(feature, PERSON))

    def pause(self, feature: Feature) -> None:
        self.record(decide.pause(feature, "lunch", PERSON))

    def roll(self, feature: Feature, automatic: bool = False) -> None:
        number, moment = f"o{len(self.events)}", self.random.choice(self.moments[feature.id])
        ordered = fact.RollbackOrdered(number, 1, HEAD, CONTEXT, NEXT, moment, automatic=automatic)
        self.record(decide.order_rollback(feature, ordered, PERSON))
        feature = self.of(feature.slug)
        if self.random.random() < 0.2:
            self.record(decide.abort_rollback(feature, "busy"))
            return
        took = self.random.choice([0.0, 0.4, 2.0])
        done = fact.RollbackExecuted(number, 1, HEAD, "rescue", seconds=took, automatic=automatic)
        self.record(decide.finish_rollback(feature, done))

    def undo(self, feature: Feature) -> None:
        if feature.undo is None:
            raise Refusal("nothing to undo")
        number = f"o{len(self.events)}"
        undoes = feature.undo.operation
        ordered = fact.RollbackOrdered(number, 1, HEAD, CONTEXT, NEXT, feature.moment, undoes=undoes)
        self.record(decide.order_rollback(feature, ordered, PERSON))
        done = fact.RollbackUndone(number, undoes, HEAD, "rescue")
        self.record(decide.finish_undo(self.of(feature.slug), done))


# --- the second computation: lines of the log, one question at a time -------------------------------

Row = dict[str, Any]
Answer = tuple[float | None, int]


def row(event: Event) -> Row:
    kept = draft(Fact(event.payload, event.feature, event.workflow))
    seconds = (datetime.fromisoformat(event.timestamp) - BEGIN).total_seconds()
    return {"id": event.id, "at": seconds, "feature": event.feature, "workflow": event.workflow,
            "type": kept.event_type, **json.loads(kept.payload)}  # fmt: skip


def is_step(one: Row) -> bool:
    return one["type"] == "attempt_failed" or (
        one["type"] in ("phase_completed", "gate_reached", "feature_paused") and bool(one.get("run"))
    )


def automation(rows: list[Row], after: int, days: float) -> Answer:
    alone = []
    for at, one in enumerate(rows):
        if one["id"] <= after or not is_step(one):
            continue
        later = [other for other in rows[at + 1 :] if other["feature"] == one["feature"]]
        needed = one["type"] == "gate_reached" or (one["type"] == "feature_paused" and not one.get("until"))
        if one["type"] == "attempt_failed" and later:
            parked = later[0]["type"] == "feature_paused" and later[0].get("kind") == "parked"
            needed = later[0]["type"] == "feature_failed" or (parked and not later[0].get("run"))
        alone.append(not needed)
    return (sum(alone) / len(alone) if alone else None), len(alone)


def throughput(rows: list[Row], after: int, days: float) -> Answer:
    completed = len({one["feature"] for one in rows if one["id"] > after})
    return (completed * 7 / days if days >= 1 else None), completed


def context_loss(rows: list[Row], after: int, days: float) -> Answer:
    return mean([bool(one.get("missing")) for one in rows if one["id"] > after])


def gate_time(rows: list[Row], after: int, days: float) -> Answer:
    waited = []
    for at, one in enumerate(rows):
        if one["id"] > after and one["type"] in ("approval_granted", "approval_rejected"):
            began = [other for other in rows[:at] if other["feature"] == one["feature"] and not decides(other)]
            waited.append(one["at"] - began[-1]["at"])
    return middle(waited)


def decides(one: Row) -> bool:
    return one["type"] in ("approval_granted", "approval_rejected")


def gate_decision(rows: list[Row], after: int, days: float) -> Answer:
    return middle([one.get("shown", 0.0) for one in rows if one["id"] > after])


def sittings(rows: list[Row], after: int) -> list[list[Row]]:
    batches = sorted({one["batch"] for one in rows if one["id"] > after})
    return [[one for one in rows if one["batch"] == batch] for batch in batches]


def batch_decision(rows: list[Row], after: int, days: float) -> Answer:
    return middle([of_it[0].get("shown", 0.0) for of_it in sittings(rows, after)])


def gates_a_batch(rows: list[Row], after: int, days: float) -> Answer:
    found = [len([one for one in of_it if one["id"] > after]) for of_it in sittings(rows, after)]
    return mean(found)


def rollback_time(rows: list[Row], after: int, days: float) -> Answer:
    return middle([one.get("seconds", 0.0) for one in rows if one["id"] > after])


def ways(rows: list[Row], after: int) -> list[list[Row]]:
    """Return the events of each way through a workflow that ended after `after`, from its first start on."""
    found = []
    for place in sorted({(one["feature"], one["workflow"]) for one in rows}):
        own = [one for one in rows if (one["feature"], one["workflow"]) == place]
        way: list[Row] = []
        for one in own:
            if way or one["type"] == "workflow_started":
                way.append(one)
            if way and one["type"] == "workflow_completed":
                found.append(way)
                way = []
    return [way for way in found if way[-1]["id"] > after]


def workflow_duration(rows: list[Row], after: int, days: float) -> Answer:
    return middle([way[-1]["at"] - way[0]["at"] for way in ways(rows, after)])


def attempts_a_workflow(rows: list[Row], after: int, days: float) -> Answer:
    return mean([len([one for one in way if one["type"] == "phase_started"]) for way in ways(rows, after)])


def cost(rows: list[Row], after: int, days: float) -> Answer:
    return total([one.get("cost", 0.0) for one in rows if one["id"] > after])


def turns(rows: list[Row], after: int, days: float) -> Answer:
    return total([one.get("turns", 0) for one in rows if one["id"] > after])


def mean(found: Sequence[float]) -> Answer:
    return (sum(found) / len(found) if found else None), len(found)


def middle(found: Sequence[float]) -> Answer:
    return (median(found) if found else None), len(found)


def total(found: Sequence[float]) -> Answer:
    said = [one for one in found if one]
    return (sum(said) if said else None), len(said)


SLOW: dict[str, Callable[[list[Row], int, float], Answer]] = {
    one.__name__: one
    for one in (automation, throughput, context_loss, gate_time, gate_decision, batch_decision, gates_a_batch,
                rollback_time, workflow_duration, attempts_a_workflow, cost, turns)
}  # fmt: skip


@given(seed=st.integers(0, 2**32), steps=st.integers(0, 150))
@settings(max_examples=60, deadline=None)
def test_each_figure_is_what_its_definition_and_its_events_alone_come_to(seed: int, steps: int) -> None:
    history = Days(seed)
    history.live(steps)
    count = len(history.events)
    for _ in range(5):
        after, until = sorted((history.random.randint(0, count), history.random.choice([count, count // 2])))
        days = (until - after) / 10
        rows = [row(one) for one in history.events[:until]]
        found = measure(history.events, Period(after=after, until=until, days=days))
        for one in figures(found):
            named = [other for other in rows if other["type"] in one.of.events]
            value, sample = SLOW[one.of.key](named, after, days)
            assert (one.value, one.sample) == (pytest.approx(value, abs=0.006), sample), one.of.key
        took = sum(way[-1]["at"] - way[0]["at"] for way in ways(rows, after))
        assert found.durations.total == pytest.approx(took, abs=0.006)


def test_random_histories_have_a_sample_of_every_figure() -> None:
    """Without one the test above would compare nothing with nothing."""
    history = Days(1)
    history.live(400)
    assert [one.of.key for one in figures(measure(history.events)) if one.value is None] == []


# --- the table -------------------------------------------------------------------------------------


def test_every_figure_names_events_that_there_are_and_is_computed_twice() -> None:
    assert {name for one in DEFINITIONS for name in one.events} <= set(TYPES)
    assert [one.key for one in DEFINITIONS] == list(SLOW)


def test_an_empty_log_has_no_figure_and_says_so_by_its_samples() -> None:
    assert [(one.value, one.sample) for one in figures(measure([]))] == [(None, 0)] * len(DEFINITIONS)


def test_the_whole_log_and_a_period_of_all_of_it_are_the_same() -> None:
    history = Days(3)
    history.live(80)
    assert measure(history.events) == measure(history.events, Period(after=0, until=len(history.events)))


def test_two_periods_that_meet_count_each_step_once() -> None:
    history = Days(4)
    history.live(150)
    middle_ = len(history.events) // 2
    early, late = (measure(history.events, one) for one in (Period(0, middle_), Period(middle_)))
    whole = measure(history.events)
    assert early.steps + late.steps == whole.steps
    assert early.waiting.count + late.waiting.count == whole.waiting.count
    assert early.durations.count + late.durations.count == whole.durations.count


def test_the_last_failed_attempt_needs_a_person_and_the_others_do_not() -> None:
    history = History()
    history.start()
    for run in "abc":
        history.begin(run=run)
        history.say(AttemptFailed(ordinal=1, attempt=1, run=run, reason="exit 1"))
    history.say(FeatureFailed(reason="exit 1", attempts=3))
    found = measure(history.events)
    assert (found.steps, found.steps_without_person, found.attempts_failed) == (3, 2, 3)


def test_a_gate_that_was_rejected_and_one_that_waits_are_counted_apart() -> None:
    history = History()
    history.start()
    for _ in range(3):
        history.work(LINE)
    history.record(decide.reject(history.of(), LINE, "no", "", PERSON))
    history.work(LINE)
    [gate] = measure(history.events).gates
    assert (gate.workflow, gate.gate, gate.rejected, gate.waits_now) == ("2", "GATE 1: Screens", 1, 1)
    assert (gate.waiting, gate.deciding) == (Spread(1, 1.0, 1.0, 1.0), Spread())


def test_the_fields_that_programs_know_stay() -> None:
    first = (
        "steps", "steps_without_person", "automation", "completed", "days", "completed_a_week",
        "steps_with_missing_context", "context_loss", "gates", "batches", "gates_a_batch", "rollbacks", "undone",
        "workflows", "cost", "turns",
    )  # fmt: skip
    assert Metrics.__struct_fields__[: len(first)] == first
