"""Nights of fifty features of every kind, one to eight at once, with a slow person: nobody starves, nobody is pestered.

Nothing runs: the real rules and turns, a clock that is a number, and a random source whose seed names a failure.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core import decide
from orchestrator.core import events as fact
from orchestrator.core.decide import Outcome
from orchestrator.core.events import Gate, Place
from orchestrator.core.schedule import Action, EndRollback, Rest, RunStep, is_ready, is_round_over, next_action
from orchestrator.core.state import Feature
from orchestrator.core.steps import Step, next_step
from orchestrator.core.telling import Told, due
from orchestrator.core.values import FeatureId, Slug, Status, Value
from tests.core.history import CONTEXT, HEAD, HUMAN, NEXT, PERSON, PHASES, History, line

FEATURES = 50
BEGIN = datetime(2025, 11, 20, 22, tzinfo=UTC)
LONGEST = 3  # attempts of one turn: a feature whose attempt failed keeps it, and the last failure ends it
MERGE = (
    "# Merge it\n\n## Phase 1: Rehearse\n\nRehearse.\n\n## Phase 2: Prepare\n\nPrepare.\n\n"
    "## GATE 3: Merge into main\n\nAPPROVE the merge? (yes/no)\n\n## Phase 3: Merge\n\nMerge it.\n"
)
LINE = line(w1=PHASES, w2=HUMAN, w3=MERGE)
PLACES = [Place("1", 1, "1"), Place("2", 1, "1"), Place("3", 1, "1")]


class Kind(Value):
    """How a feature's attempts go: minutes, and how many of a hundred fail, are parked, or ask."""

    shortest: int
    longest: int
    fails: int = 0
    parks: int = 0
    asks: int = 0


KINDS = (
    Kind(1, 5),
    Kind(30, 300),
    Kind(1, 20, fails=60),
    Kind(1, 5, parks=40),
    Kind(2, 30, asks=40),
    Kind(5, 60, 20, 10, 10),
)


class Night:
    """One night. `begun` counts, for each feature that is ready, the turns of others before its own."""

    def __init__(self, seed: int, parallel: int) -> None:
        self.random = random.Random(seed)
        self.parallel = parallel
        self.history = History()
        self.kinds: dict[FeatureId, Kind] = {}
        self.clock = 0.0
        self.visit = 0.0  # when the person comes next
        self.running: dict[FeatureId, float] = {}  # until when
        self.begun: dict[FeatureId, Counter[FeatureId]] = {}
        self.deaths = 0  # of the kit
        self.deaths_before: dict[FeatureId, int] = {}
        self.steps = 0
        self.told = Told()
        self.told_at: int | None = None  # the log's last event then
        self.owed: set[FeatureId] = set()  # who could have a turn when the person was told last, and had none since
        self.news: list[str] = []
        self.messages = 0
        for _ in range(FEATURES):
            self.start()

    @property
    def features(self) -> list[Feature]:
        return list(self.history.world.features.values())

    def start(self) -> None:
        name = f"f{len(self.features)}"
        feature = self.history.start(name, self.random.choice(PLACES))
        self.kinds[feature.id] = self.random.choice(KINDS)

    def work(self, steps: int) -> None:
        """Let the kit and the person do what they do until so many attempts were begun."""
        while self.steps < steps:
            if self.clock >= self.visit:
                self.decide()
            held = self.held()
            self.owed &= {one.id for one in self.features if is_ready(one)}
            self.tell(held)
            action = next_action(self.history.world, self.running.keys(), held)
            if isinstance(action, Rest) or len(self.running) == self.parallel:
                self.pass_time()
            else:
                self.do(action, is_named=False)
            if self.random.random() < 0.02:
                self.die()

    def do(self, action: Action, *, is_named: bool) -> None:
        match action:
            case EndRollback(feature=feature):
                one = self.history.world.features[feature]
                assert one.ordered is not None
                done = fact.RollbackExecuted(one.ordered.operation, 1, HEAD, "rescue", automatic=True)
                self.history.record(decide.finish_rollback(one, done))
                self.news.append(f"rolled back: {one.slug}")
            case RunStep(feature=feature):
                self.begin(self.history.world.features[feature], is_named=is_named)
            case Rest():
                pass

    def begin(self, feature: Feature, *, is_named: bool) -> None:
        """Begin an attempt and, where it is a turn and no retry, count it for all who could have had that."""
        keeps = self.history.world.last_served == feature.id and feature.failed > 0
        if not is_named and not keeps:
            self.count(feature)
        self.begun.pop(feature.id, None)
        self.owed.discard(feature.id)
        self.history.record(decide.interrupted(feature, "the kit did not survive it"))
        self.history.begin(feature.slug)
        kind = self.kinds[feature.id]
        self.running[feature.id] = self.clock + self.random.randint(kind.shortest, kind.longest)
        self.steps += 1

    def count(self, begins: Feature) -> None:
        held = self.held()
        for one in self.features:
            if not is_ready(one) or one.id in self.running:
                self.begun.pop(one.id, None)
            elif one.id != begins.id and (one.id not in held or self.step(begins).merges):
                if one.id not in self.begun:
                    self.begun[one.id], self.deaths_before[one.id] = Counter(), self.deaths
                self.begun[one.id][begins.id] += 1
                most = 1 + self.deaths - self.deaths_before[one.id]
                assert self.begun[one.id][begins.id] <= most, f"{begins.slug} again, and {one.slug} is ready"

    def tell(self, held: Mapping[FeatureId, str]) -> None:
        """Tell the person as `run` does; assert that a whole round lies between two messages."""
        world, now = self.history.world, BEGIN + timedelta(minutes=self.clock)
        waits = [one for one in self.features if one.gate is not None or one.status is Status.BLOCKED]
        keys = tuple(sorted(f"{one.id} {one.gate.event if one.gate else one.waits}" for one in waits))
        if due(self.told, keys, self.news, now, 0.0) == "no":
            return
        if self.told_at is not None and not is_round_over(world, held, self.told_at):
            return
        assert self.owed - held.keys() == set(), "the person was told before, in the same round"
        self.told, self.told_at, self.news = Told(members=keys, at=now), len(self.history.events), []
        self.owed = {one.id for one in self.features if is_ready(one)} - self.running.keys() - held.keys()
        self.messages += 1

    def step(self, feature: Feature) -> Step:
        return next_step(LINE, feature.place)

    def held(self) -> dict[FeatureId, str]:
        """Return who merges while another one does: of those steps one runs at a time."""
        if not any(self.step(self.history.world.features[one]).merges for one in self.running):
            return {}
        return {one.id: "the main worktree is used" for one in self.features if is_ready(one) and self.step(one).merges}

    def pass_time(self) -> None:
        """Go to the next moment at which anything happens."""
        until = min([*self.running.values(), self.visit])
        self.clock = until
        for feature in [one for one, end in self.running.items() if end <= until]:
            del self.running[feature]
            self.end(self.history.world.features[feature])

    def end(self, feature: Feature) -> None:
        kind, chance = self.kinds[feature.id], self.random.randrange(100)
        if chance < kind.fails:
            self.fail(feature)
        elif chance < kind.fails + kind.parks:
            self.history.record(decide.park(feature, "quota"))
        elif chance < kind.fails + kind.parks + kind.asks:
            asked = Gate(key="reported", type="human", trigger="which?", heading="which?", reported=True)
            self.history.record(decide.asked(feature, self.step(feature), asked, Outcome(run="r")))
        else:
            self.history.record(decide.passed(feature, LINE, self.step(feature), Outcome(run="r"), ""))

    def fail(self, feature: Feature) -> None:
        number = decide.number(feature)
        failed = fact.AttemptFailed(ordinal=feature.place.ordinal, attempt=number, run="r", reason="x")
        self.history.record(decide.failed(feature, failed))
        if number == LONGEST:
            one = self.history.of(feature.slug)
            ordered = fact.RollbackOrdered("o", 1, HEAD, CONTEXT, NEXT, one.moment, automatic=True)
            self.history.record(decide.order_rollback(one, ordered, "kit"))

    def decide(self) -> None:
        """The person comes by: answers, resumes, starts something new, and lets one that they like go on by name."""
        for one in self.features:
            if one.gate is not None:
                self.history.approve(LINE, one.slug)
            elif one.status in (Status.BLOCKED, Status.FAILED) and one.ordered is None:
                self.history.record(decide.resume(one, PERSON))
        if self.random.random() < 0.5:
            self.start()
        if self.random.random() < 0.5 and len(self.running) < self.parallel:
            self.name(self.random.choice(self.features).slug)
        self.visit = self.clock + self.random.randint(1, 600)

    def name(self, slug: Slug) -> None:
        """The person calls `next NAME`."""
        feature = self.history.of(slug).id
        self.do(next_action(self.history.world, self.running.keys(), self.held(), feature), is_named=True)

    def die(self) -> None:
        """The kit is killed with all that it runs; the next command begins on what it left."""
        self.deaths += 1
        self.running.clear()


@pytest.mark.parametrize("parallel", range(1, 9))
@given(seed=st.integers(0, 2**32))
@settings(max_examples=2, deadline=None)
def test_no_other_feature_gets_a_second_turn_while_one_is_ready(parallel: int, seed: int) -> None:
    """The bound: whoever is ready waits for one round, one turn of each other (three attempts at most).

    Those that merge wait for one turn of each other that merges, as they work one at a time.
    After the kit was killed what it left is ended first, which is one turn more of those. The person is told of
    gates, parked and rolled back features once a round: each that could have a turn has had one between.
    """
    night = Night(seed, parallel)
    night.work(150)
    assert night.messages > 1
