"""Where features stand: who matters first, whose turn it is, why each waits, and what to do now."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from orchestrator.core.events import AttemptFailed, FeatureCompleted, FeatureFailed, FeaturePaused
from orchestrator.core.state import Feature, Waiting
from orchestrator.core.values import FeatureId
from orchestrator.standing import Kind, Row, Sight, account, ago, counts, kind, row, rows, to_do, why
from tests.core.history import LINE, History

PRESENT = datetime.fromisoformat("2025-11-20T09:00:00-03:00").astimezone()
SEEN = Sight(present=PRESENT)


def at_a_gate(history: History, name: str) -> None:
    history.start(name)
    for _ in range(3):
        history.work(LINE, name)


def the_shop() -> History:
    """Return five features: one ready and served, one ready and never served, two at gates, one that failed."""
    history = History()
    history.start("served")
    history.work(LINE, "served")
    history.start("fresh")
    at_a_gate(history, "older")
    at_a_gate(history, "younger")
    history.start("lost")
    history.say(FeatureFailed(reason="the tests", attempts=3), "lost")
    return history


def found(history: History, seen: Sight = SEEN) -> list[Row]:
    return rows(history.world, list(history.world.features.values()), seen)


def test_the_oldest_gate_comes_first_then_trouble_then_work_in_the_order_of_turns() -> None:
    shown = found(the_shop())
    assert [(one.name, one.kind, one.turn) for one in shown] == [
        ("older", "gate", 0),
        ("younger", "gate", 0),
        ("lost", "trouble", 0),
        ("fresh", "ready", 1),
        ("served", "ready", 2),
    ]
    assert [one.why for one in shown[3:]] == [
        "ready: its turn comes with the next step",
        "ready: 1 has a turn before it",
    ]
    assert counts(shown) == "2 wait for you, 1 failed or parked, 2 ready"


def test_what_to_do_now_names_the_decision_to_a_person_and_to_an_agent_only_that_one_is_needed() -> None:
    shown = found(the_shop())
    person = to_do(shown, is_blocked=False, is_person=True)
    assert person == "2 wait for a person: orchestrator approve; 2 can run: orchestrator run"
    assert to_do(shown, is_blocked=True, is_person=False) == (
        "2 wait for a person; see what went wrong: orchestrator status --why lost"
    )


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        (("running", "waits"), "nothing; 1 at work"),
        (("held",), "see why a is passed over: orchestrator status --why a"),
        (("waits",), "nothing; a waits: because"),
        (("waits", "waits"), "nothing; 2 go on when their time has come"),
        (("paused",), "nothing, unless a paused one is to go on: orchestrator resume a"),
        (("completed",), "after the merge: orchestrator retire a"),
        ((), "begin with one: orchestrator start NAME"),
    ],
)
def test_where_nothing_can_be_decided_or_run_the_line_says_what_else(kinds: tuple[Kind, ...], said: str) -> None:
    shown = [
        Row(name="a", kind=one, status="", workflow="1", phase="1", attempt=0, completed=(), started=1, why="because")
        for one in kinds
    ]
    assert to_do(shown, is_blocked=False, is_person=True) == said


def of(history: History, name: str = "payment") -> Feature:
    return history.of(name)


def test_each_state_is_of_one_kind() -> None:
    history = History()
    history.start()
    assert kind(of(history), SEEN) == "ready"
    id_ = FeatureId("feat-payment")
    assert kind(of(history), replace(SEEN, busy={id_: "`run`"})) == "running"
    assert kind(of(history), replace(SEEN, held={id_: "it merges"})) == "held"
    assert kind(history.say(FeaturePaused(reason="quota", kind="parked")), SEEN) == "trouble"
    parked = history.say(FeaturePaused(reason="quota", kind="parked", until="2025-11-20T10:00:00-03:00"))
    assert kind(parked, SEEN) == "waits"
    assert kind(history.say(FeaturePaused(reason="lunch")), SEEN) == "paused"
    assert kind(history.say(FeatureCompleted()), SEEN) == "completed"
    assert kind(history.start("refund", after="payment"), SEEN) in ("waits", "ready")


def test_a_gate_that_is_not_offered_yet_waits_for_its_time_and_not_for_a_person() -> None:
    history = History()
    at_a_gate(history, "payment")
    feature = of(history)
    assert isinstance(feature.gate, Waiting)
    later = replace(feature, gate=replace(feature.gate, opens=(PRESENT + timedelta(hours=1)).isoformat()))
    assert kind(feature, SEEN) == "gate"
    assert kind(later, SEEN) == "waits"
    assert "; offered after " in row(later, SEEN).why


def test_of_the_past_there_is_an_attempt_where_one_was_open() -> None:
    history = History()
    history.start()
    feature = history.begin()
    past = Sight(present=PRESENT, is_past=True)
    assert (kind(feature, past), row(feature, past).why) == (
        "running",
        f"attempt 1 since {ago(feature.attempt.started_at, PRESENT) if feature.attempt else ''}",
    )


def test_why_names_who_comes_before_it_the_feature_it_waits_for_and_what_failed_earlier() -> None:
    history = the_shop()
    history.start("refund", after="older")
    assert list(account(history.world, of(history, "served"), SEEN))[1:] == ["before it has a turn: fresh"]
    (said,) = list(account(history.world, of(history, "refund"), SEEN))[1:]
    assert said.startswith("older: waits at GATE 1: Screens since ")
    for number in (1, 2):
        history.begin("served", run=f"r{number}")
        history.say(AttemptFailed(ordinal=2, attempt=number, run=f"r{number}", reason=f"exit {number}"), "served")
    assert list(account(history.world, of(history, "served"), SEEN))[-1] == "before that: attempt 1: exit 1"


def test_words_of_agents_and_documents_are_shown_without_what_moves_a_terminal() -> None:
    history = History()
    history.start()
    parked = history.say(FeaturePaused(reason="quota\x1b[2J\nsecond \u202eline", kind="parked"))
    assert row(parked, SEEN).why.startswith("parked: quota second line (")


def test_a_time_that_is_none_is_shown_as_it_is() -> None:
    assert ago("yesterday", PRESENT) == "yesterday"


def test_a_failed_feature_says_what_its_validation_printed_at_last() -> None:
    history = History()
    history.start()
    history.begin(run="a")
    history.say(AttemptFailed(ordinal=1, attempt=1, run="a", reason="exit 1", tail="1 passed\n\x1b[31m2 failed\n"))
    feature = history.say(FeatureFailed(reason="exit 1", attempts=1))
    assert why(feature, SEEN) == "failed (exit 1): 2 failed; `orchestrator resume payment` starts it again"
