"""Whose turn it is: round-robin in start order, rollbacks and dead attempts first."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core import events as fact
from orchestrator.core.events import Gate, Moment, PhaseStarted
from orchestrator.core.schedule import EndRollback, Rest, RunStep, is_ready, is_round_over, next_action, next_turn
from orchestrator.core.state import Feature
from orchestrator.core.values import FeatureId, Status
from tests.core.history import CONTEXT, HEAD, LINE, NEXT, History

NAMES = ("login", "payment", "search")
LOGIN, PAYMENT, SEARCH = (FeatureId(f"feat-{name}") for name in NAMES)
ASKED = Gate(key="reported", type="human", trigger="which?", heading="which?", reported=True)


def started(*names: str) -> History:
    history = History()
    for name in names or NAMES:
        history.start(name)
    return history


def order_rollback(history: History, name: str) -> None:
    moment = Moment(place=history.of(name).place)
    history.say(fact.RollbackOrdered("o", 1, HEAD, CONTEXT, NEXT, moment), name)


def fail(history: History, name: str) -> None:
    history.begin(name)
    history.say(fact.AttemptFailed(ordinal=1, attempt=1, run="r", reason="x"), name)


def turns(history: History, count: int) -> list[str]:
    """Return who is served next, and next, when each passes an attempt and no document ends."""
    served = []
    for _ in range(count):
        action = next_action(history.world, (), {})
        assert isinstance(action, RunStep)
        name = history.world.features[action.feature].slug
        history.begin(name)
        history.say(fact.PhaseCompleted(ordinal=1, run="r"), name)
        served.append(str(name))
    return served


def test_features_are_served_one_after_the_other_in_the_order_of_their_start() -> None:
    assert turns(started("search", "login", "payment"), 5) == ["search", "login", "payment", "search", "login"]


def test_a_feature_that_starts_later_waits_until_all_before_it_were_served() -> None:
    history = started("login", "payment")
    turns(history, 1)
    history.start("search")
    assert turns(history, 4) == ["payment", "search", "login", "payment"]


def test_the_turn_goes_on_behind_a_feature_that_is_closed_by_now() -> None:
    history = started()
    turns(history, 2)
    history.say(fact.FeatureFailed(reason="x"), "payment")
    assert turns(history, 3) == ["search", "login", "search"]


def test_a_feature_whose_attempt_just_failed_keeps_its_turn() -> None:
    history = started()
    fail(history, "login")
    assert next_action(history.world, (), {}) == RunStep(LOGIN)


def test_a_feature_whose_attempt_failed_before_another_was_served_has_no_claim() -> None:
    history = started()
    fail(history, "login")
    history.begin("payment")
    history.say(fact.PhaseCompleted(ordinal=1, run="r"), "payment")
    assert next_action(history.world, (), {}) == RunStep(SEARCH)


def test_a_feature_that_is_called_by_name_again_and_again_takes_only_its_own_turns() -> None:
    history = started()
    served = []
    for _ in range(3):
        history.begin("login")
        history.say(fact.PhaseCompleted(ordinal=1, run="r"), "login")
        served += turns(history, 1)
    assert served == ["payment", "search", "payment"]


def test_a_feature_that_was_held_back_when_its_turn_came_is_served_next() -> None:
    history = started()
    turns(history, 1)
    assert next_action(history.world, (), {PAYMENT: "another one merges"}) == RunStep(SEARCH)
    history.begin("search")
    history.say(fact.PhaseCompleted(ordinal=1, run="r"), "search")
    assert turns(history, 3) == ["payment", "login", "search"]


def test_a_round_is_over_when_each_ready_feature_has_had_its_turn() -> None:
    history = started()
    since = len(history.events)
    turns(history, 2)
    assert not is_round_over(history.world, (), since)
    assert is_round_over(history.world, {SEARCH}, since)
    history.begin("search")
    assert is_round_over(history.world, (), since)
    history.say(fact.FeaturePaused(reason="x"), "search")
    assert not is_round_over(history.world, (), len(history.events))
    history.say(fact.FeaturePaused(reason="x"), "login")
    history.say(fact.FeaturePaused(reason="x"), "payment")
    assert is_round_over(history.world, (), len(history.events))


def test_an_ordered_rollback_comes_before_all_steps() -> None:
    history = started()
    order_rollback(history, "search")
    assert next_action(history.world, (), {}) == EndRollback(SEARCH)


def test_a_rollback_that_somebody_works_on_is_left_to_them() -> None:
    history = started()
    order_rollback(history, "search")
    assert next_action(history.world, {SEARCH}, {}) == RunStep(LOGIN)


def test_a_rollback_of_another_feature_is_not_asked_for_by_name() -> None:
    history = started()
    order_rollback(history, "search")
    assert next_action(history.world, (), {}, only=PAYMENT) == RunStep(PAYMENT)


def test_an_attempt_that_died_is_named_before_the_next_turn() -> None:
    history = started()
    history.begin("payment")
    assert next_action(history.world, (), {}) == RunStep(PAYMENT)


def test_an_open_attempt_that_somebody_works_on_is_passed_over() -> None:
    history = started()
    history.begin("payment")
    assert next_action(history.world, {PAYMENT}, {}) == RunStep(LOGIN)


def test_what_is_busy_or_held_back_or_not_asked_for_is_passed_over() -> None:
    history = started()
    assert next_action(history.world, {LOGIN}, {PAYMENT: "the main worktree is dirty"}) == RunStep(SEARCH)
    assert next_action(history.world, (), {}, only=SEARCH) == RunStep(SEARCH)
    assert next_action(history.world, {SEARCH}, {}, only=SEARCH) == Rest((SEARCH,))


def test_rest_names_the_open_features_and_no_other() -> None:
    history = started("login", "payment", "search", "news", "mail")
    history.say(fact.FeaturePaused(reason="x"), "login")
    history.say(fact.FeaturePaused(reason="x", kind="parked"), "payment")
    history.say(fact.FeatureFailed(reason="x"), "search")
    history.say(fact.FeatureCompleted(), "news")
    history.begin("mail")
    history.say(fact.GateReached(ordinal=1, gate=ASKED, run="r"), "mail")
    assert next_action(history.world, (), {}) == Rest((LOGIN, PAYMENT, FeatureId("feat-mail")))


def test_a_retired_feature_is_nobodys_turn() -> None:
    history = started("login")
    history.say(fact.FeatureFailed(reason="x"), "login")
    history.say(fact.FeatureRetired(commit=HEAD), "login")
    assert next_action(history.world, (), {}) == Rest(())


def test_nothing_at_all_is_rest() -> None:
    assert next_action(History().world, (), {}) == Rest(())


@pytest.mark.parametrize("status", list(Status))
def test_only_an_active_feature_is_ready(status: Status) -> None:
    feature = msgspec.structs.replace(started("login").of("login"), status=status)
    assert is_ready(feature) is (status is Status.ACTIVE)


def test_a_feature_at_a_gate_is_not_ready() -> None:
    history = started("login")
    for _ in range(3):
        history.work(LINE, "login")
    at_gate = history.of("login")
    assert at_gate.gate is not None
    assert not is_ready(msgspec.structs.replace(at_gate, status=Status.ACTIVE))


@given(
    served=st.lists(st.sampled_from(["pass", "fail", "park", "resume"]), max_size=40),
    count=st.integers(min_value=2, max_value=5),
)
@settings(max_examples=50, deadline=None)
def test_round_robin_starves_nobody(served: list[str], count: int) -> None:
    """A feature that stays ready waits at most for three attempts of each other one, whatever they come to."""
    history = started(*(f"f{number}" for number in range(count)))
    waited: Counter[FeatureId] = Counter()
    for what in served:
        if what == "resume":
            for feature in [one for one in history.world.features.values() if one.status is Status.BLOCKED]:
                history.say(fact.FeatureResumed(), feature.slug, "person:ana@example.org")
            continue
        action = next_action(history.world, (), {})
        if isinstance(action, Rest):
            assert not any(map(is_ready, history.world.features.values()))
            continue
        waited = Counter({one.id: waited[one.id] + 1 for one in history.world.features.values() if is_ready(one)})
        waited.pop(action.feature)
        assert all(turns <= 3 * (count - 1) for turns in waited.values())
        serve(history, history.world.features[action.feature], what)


def serve(history: History, feature: Feature, what: str) -> None:
    attempt = feature.failed + 1
    history.say(PhaseStarted(ordinal=1, attempt=attempt, run="r"), feature.slug)
    if what == "fail" and attempt < 3:
        history.say(fact.AttemptFailed(ordinal=1, attempt=attempt, run="r", reason="x"), feature.slug)
    elif what == "pass":
        history.say(fact.PhaseCompleted(ordinal=1, run="r"), feature.slug)
    else:
        history.say(fact.FeaturePaused(reason="quota", kind="parked", run="r"), feature.slug)


@given(
    served=st.lists(st.integers(0, 9), max_size=6),
    last=st.integers(0, 9),
    failed=st.lists(st.booleans(), min_size=6, max_size=6),
)
@settings(max_examples=50, deadline=None)
def test_each_ready_feature_is_in_the_order_once(served: list[int], last: int, failed: list[bool]) -> None:
    template = started("login").of("login")
    features = [
        msgspec.structs.replace(template, id=FeatureId(f"feat-{n}"), started=n, served=at, failed=int(has_failed))
        for n, (at, has_failed) in enumerate(zip(served, failed, strict=False))
    ]
    found = next_turn(features, FeatureId(f"feat-{last}"))
    assert sorted(one.started for one in found) == list(range(len(served)))
    own_turn = [one for one in found if one.started == last and one.failed]
    rest = [(one.served, one.started) for one in found if one not in own_turn]
    assert found[: len(own_turn)] == own_turn
    assert rest == sorted(rest)
