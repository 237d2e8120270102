"""What a feature spent its time with, as the log has it."""

from __future__ import annotations

from orchestrator.core.events import AttemptFailed, AttemptInterrupted, FeaturePaused, FeatureResumed
from orchestrator.core.spans import Span, spans
from tests.core.history import LINE, History, at


def kinds(found: list[Span]) -> list[tuple[str, str, str, str, str]]:
    return [(one.feature, one.kind, f"{one.workflow}/{one.phase}", one.what, one.outcome) for one in found]


def test_a_feature_works_waits_and_goes_on() -> None:
    history = History()
    history.start()
    for _ in range(3):
        history.work(LINE)
    history.approve(LINE)
    found = spans(history.events)
    assert kinds(found) == [
        ("feat-payment", "attempt", "1/1", "", "passed"),
        ("feat-payment", "attempt", "1/2", "", "passed"),
        ("feat-payment", "attempt", "2/1", "", "gate"),
        ("feat-payment", "gate", "2/GATE 1", "GATE 1: Screens", "approved"),
    ]
    gate = found[-1]
    assert (gate.began, gate.ended, gate.seconds) == (at(gate.first), at(gate.last), float(gate.last - gate.first))


def test_what_lasts_has_no_end_and_counts_up_to_the_last_event() -> None:
    history = History()
    history.start()
    history.begin()
    history.start("landing")
    (found,) = spans(history.events)
    assert (found.ended, found.outcome, found.last) == ("", "", 0)
    assert found.seconds == float(len(history.events) - found.first) > 0


def test_failed_and_interrupted_attempts_and_what_parked_a_feature() -> None:
    history = History()
    history.start()
    history.begin(run="a")
    history.say(AttemptFailed(ordinal=1, attempt=1, run="a", reason="exit 1"))
    history.begin(run="b")
    history.say(AttemptInterrupted(ordinal=1, run="b", reason="killed"))
    history.begin(run="c")
    history.say(FeaturePaused(reason="quota", kind="parked", run="c"))
    history.say(FeatureResumed())
    assert [(one.kind, one.number, one.what, one.outcome) for one in spans(history.events)] == [
        ("attempt", 1, "", "failed"),
        ("attempt", 2, "", "interrupted"),
        ("attempt", 2, "", "parked"),
        ("parked", 0, "quota", "resumed"),
    ]


def test_stretches_come_in_the_order_of_their_beginnings_and_nothing_is_of_nothing() -> None:
    assert spans([]) == []
    history = History()
    history.start()
    history.start("landing")
    history.begin("landing", run="l")
    history.begin("payment", run="p")
    assert [one.feature for one in spans(history.events)] == ["feat-landing", "feat-payment"]
