"""The rules: which facts follow from what somebody wants, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core import decide
from orchestrator.core import events as fact
from orchestrator.core.brief import Setting, compose
from orchestrator.core.decide import Outcome, Sitting
from orchestrator.core.events import AnyPayload, Event, Fact, Gate, Moment, Place
from orchestrator.core.line import Document
from orchestrator.core.state import Feature, World, evolve
from orchestrator.core.statement import Item
from orchestrator.core.steps import Line, next_step, reached, start
from orchestrator.core.values import FeatureId, GateType, Slug, Status
from orchestrator.errors import Refusal
from tests.core.history import (
    CONTEXT,
    DEPLOY,
    HEAD,
    HUMAN,
    LINE,
    NEXT,
    PERSON,
    PHASES,
    History,
    bound,
    document,
    line,
)

ID = FeatureId("feat-payment")
SCREENS = LINE.documents[1].gates[0]
PRODUCTION = LINE.documents[2].gates[0]
LAST = "# Last\n\n## Phase 1: Ask\n\nAsk.\n\n### GATE 3: Done\n\nAPPROVE the end? (yes/no)\n\nThen file it.\n"
CONDITIONAL = "# Maybe\n\n## Phase 1: Ask\n\n### GATE 5 (if there is a screen): Look\n\nAPPROVE it? (yes/no)\n"
SITTING = Sitting(door="terminal", actor=PERSON, batch="b", shown=2.5, waited={ID: 60.0})
ASKED = Gate(key="reported r", type="human", trigger="which?", heading="which?", reported=True)
FAILED = fact.AttemptFailed(ordinal=1, attempt=1, run="r", reason="tests fail")


def begun(at: Place | None = None) -> History:
    history = History()
    history.start(at=at)
    return history


def waiting(at: Place | None = None, at_line: Line = LINE) -> History:
    """Return a history that ends at the gate of workflow 2, or of another place."""
    history = begun(at or Place("2", 1, "1"))
    history.work(at_line)
    assert history.of().gate is not None
    return history


def said(facts: list[Fact]) -> list[AnyPayload]:
    return [one.payload for one in facts]


def refused(what: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as caught:
        what()
    assert caught.value.hint
    return str(caught.value)


# --- features ----------------------------------------------------------------------------------------


def test_a_feature_starts_with_one_fact_by_who_started_it() -> None:
    created = fact.FeatureCreated(branch="feat/payment", commit=HEAD, place=Place("1", 1, "1"))
    assert decide.start(World(), Slug("payment"), created, PERSON) == [Fact(created, ID, "1", "1", PERSON)]


def test_a_feature_that_comes_after_another_is_parked_with_the_reason() -> None:
    history = History()
    history.start("login")
    history.start(after="login")
    assert [one.payload for one in history.events[1:]] == [
        fact.FeatureCreated("feat/payment", HEAD, Place("1", 1, "1"), after=FeatureId("feat-login")),
        fact.FeaturePaused(reason="waits for login", kind="after", after=FeatureId("feat-login")),
    ]


@pytest.mark.parametrize(
    ("name", "branch", "after", "why"),
    [
        ("payment", "feat/new", None, "feature 'payment' was already started"),
        ("new", "feat/payment", None, "branch feat/payment belongs to feature 'payment'"),
        ("new", "feat/new", "feat-none", "there is no feature 'none' to wait for"),
        ("new", "feat/new", "feat-new", "there is no feature 'new' to wait for"),
    ],
)
def test_a_start_is_refused(name: str, branch: str, after: str | None, why: str) -> None:
    other = FeatureId(after) if after else None
    created = fact.FeatureCreated(branch=branch, commit=HEAD, place=Place("1", 1, "1"), after=other)
    assert refused(lambda: decide.start(begun().world, Slug(name), created, PERSON)) == why


def test_an_unknown_feature_is_answered_with_those_there_are() -> None:
    with pytest.raises(Refusal) as caught:
        decide.known(begun().world, Slug("pay"))
    assert (str(caught.value), caught.value.hint) == ("there is no feature 'pay'", "known: payment")
    assert decide.known(begun().world, Slug("payment")) == begun().of()


# --- pause, resume, retire ---------------------------------------------------------------------------


def test_a_person_pauses_and_resumes() -> None:
    history = begun()
    history.record(decide.pause(history.of(), "holiday", PERSON, until="2025-12-01T08:00:00-03:00"))
    assert history.of().status is Status.PAUSED
    history.record(decide.resume(history.of(), PERSON))
    assert history.of().status is Status.ACTIVE
    assert [(one.event_type, one.actor) for one in history.events[1:]] == [
        ("feature_paused", PERSON),
        ("feature_resumed", PERSON),
    ]


def test_resume_never_passes_a_gate() -> None:
    history = waiting()
    assert refused(lambda: decide.resume(history.of(), PERSON)) == (
        "payment waits at a gate (GATE 1: Screens); resume does not pass it"
    )


def test_resume_starts_a_failed_feature_again_but_no_completed_or_retired_one() -> None:
    history = begun()
    assert refused(lambda: decide.resume(history.of(), PERSON)) == "payment is active already"
    failed = history.say(fact.FeatureFailed(reason="x"))
    assert said(decide.resume(failed, PERSON)) == [fact.FeatureResumed()]
    retired = history.say(fact.FeatureRetired(commit=HEAD))
    assert refused(lambda: decide.resume(retired, PERSON)) == "payment is retired"
    done = begun().say(fact.FeatureCompleted())
    assert refused(lambda: decide.resume(done, PERSON)) == "payment is completed"


def test_pause_is_refused_where_nothing_runs_on_by_itself() -> None:
    assert refused(lambda: decide.pause(waiting().of(), "x", PERSON)) == "payment waits at a gate and does not run"
    done = begun().say(fact.FeatureCompleted())
    assert refused(lambda: decide.pause(done, "x", PERSON)) == "payment is completed"


def test_a_pause_whose_time_is_over_ends_by_itself_and_no_other() -> None:
    history = History()
    for name in ("over", "later", "open", "free"):
        history.start(name)
    history.say(fact.FeaturePaused(reason="quota", kind="parked", until="past"), "over")
    history.say(fact.FeaturePaused(reason="quota", kind="parked", until="future"), "later")
    history.say(fact.FeaturePaused(reason="quota", kind="parked"), "open")
    assert decide.wake(history.world, lambda until: until == "past") == [
        Fact(fact.FeatureResumed("the pause until past is over"), FeatureId("feat-over"), "1", "1", "kit")
    ]


def test_what_comes_after_another_feature_goes_on_when_that_one_is_completed() -> None:
    history = History()
    history.start("login")
    history.start(after="login")
    assert decide.wake(history.world, lambda until: True) == []
    history.say(fact.FeatureFailed(reason="x"), "login")
    assert decide.wake(history.world, lambda until: True) == []
    history.say(fact.FeatureCompleted(), "login")
    resumed = decide.wake(history.world, lambda until: True)
    assert resumed == [Fact(fact.FeatureResumed("login is completed"), ID, "1", "1", "kit")]
    history.record(resumed)
    assert decide.wake(history.world, lambda until: True) == []


def test_the_clock_alone_opens_no_gate() -> None:
    history = begun(Place("2", 1, "1"))
    history.begin()
    step = next_step(LINE, history.of().place)
    history.record(decide.passed(history.of(), LINE, step, Outcome(run="r"), opens="past"))
    assert history.of().paused_until == "past"
    assert decide.wake(history.world, lambda until: True) == []


def test_a_pause_that_is_over_does_not_pass_the_gate_reached_meanwhile() -> None:
    history = begun(Place("2", 1, "1"))
    history.begin()
    history.record(decide.pause(history.of(), "holiday", PERSON, until="past"))
    step = next_step(LINE, history.of().place)
    history.record(decide.passed(history.of(), LINE, step, Outcome(run="r"), opens="past"))
    assert decide.wake(history.world, lambda until: True) == []


def test_only_a_completed_or_failed_feature_retires_and_once() -> None:
    retired = fact.FeatureRetired(commit=HEAD)
    history = begun()
    assert refused(lambda: decide.retire(history.of(), retired, PERSON)) == (
        "payment is active; only a completed or failed feature retires"
    )
    history.say(fact.FeatureCompleted())
    facts = decide.retire(history.of(), retired, PERSON)
    assert said(facts) == [retired]
    history.record(facts)
    assert refused(lambda: decide.retire(history.of(), retired, PERSON)) == "payment is retired already"


def test_a_note_needs_words() -> None:
    assert said(decide.noted(begun().of(), "call Ana", PERSON)) == [fact.NoteAdded("call Ana")]
    assert refused(lambda: decide.noted(begun().of(), "  ", PERSON)) == "a note needs words"


# --- attempts ----------------------------------------------------------------------------------------


def test_a_second_attempt_is_refused_while_one_is_open() -> None:
    history = begun()
    opened = fact.PhaseStarted(ordinal=1, attempt=1, run="s", agent="claude")
    assert decide.start_phase(history.of(), opened) == [Fact(opened, ID, "1", "1", "agent:claude")]
    history.begin()
    why = refused(lambda: decide.start_phase(history.of(), opened))
    assert why == f"an attempt of payment is open since {history.events[-1].timestamp}"
    assert refused(lambda: decide.start_phase(waiting().of(), opened)) == "payment is paused"


def test_a_pass_completes_the_phase_and_the_next_one_follows() -> None:
    history = begun()
    history.begin()
    checked = fact.Checked(command="npm test", exit=0, seconds=1.0)
    outcome = Outcome("r", 2.5, checked, HEAD, "done", ("a.png",), 0.5, 3)
    facts = decide.passed(history.of(), LINE, next_step(LINE, history.of().place), outcome, "")
    payload = fact.PhaseCompleted(1, "r", 2.5, Place("1", 2, "2", begun=True), checked, "done", 0.5, 3)
    assert facts == [Fact(payload, ID, "1", "1", "kit")]


def test_the_last_phase_completes_the_workflow_and_the_next_one_follows() -> None:
    history = begun(Place("1", 2, "2"))
    history.begin()
    facts = decide.passed(history.of(), LINE, next_step(LINE, history.of().place), Outcome("r"), "")
    assert said(facts) == [
        fact.PhaseCompleted(ordinal=2, run="r"),
        fact.WorkflowCompleted(title="Make it", next=Place("2", 1, "1")),
    ]


def test_the_last_workflow_completes_the_feature() -> None:
    only = line(w1=PHASES)
    history = begun(Place("1", 2, "2"))
    history.begin()
    facts = decide.passed(history.of(), only, next_step(only, history.of().place), Outcome("r"), "")
    assert said(facts) == [
        fact.PhaseCompleted(ordinal=2, run="r"),
        fact.WorkflowCompleted(title="Make it"),
        fact.FeatureCompleted(),
    ]


def test_a_pass_up_to_a_gate_reaches_it_with_the_agents_evidence_and_completes_nothing() -> None:
    history = begun(Place("2", 1, "1"))
    history.begin()
    outcome = Outcome("r", 2.5, None, HEAD, "both drawn", ("a.png",))
    facts = decide.passed(history.of(), LINE, next_step(LINE, history.of().place), outcome, "later")
    gate = msgspec.structs.replace(reached(SCREENS), evidence=("a.png",), note="both drawn")
    payload = fact.GateReached(1, gate, "r", 2.5, "later", None, HEAD)
    assert facts == [Fact(payload, ID, "2", "1", "kit")]


def test_one_call_over_several_phases_completes_each_and_reaches_the_gate_in_the_last() -> None:
    whole = line(w1=PHASES.replace("Check it.", "Check it.\n\n### GATE 1: Look\n\nAPPROVE it? (yes/no)"))
    history = begun()
    step = history.work(whole, whole=True)
    assert [(one.event_type, one.phase) for one in history.events[3:]] == [
        ("phase_completed", "1"),
        ("gate_reached", "2"),
    ]
    assert history.of().place == step.last
    history.approve(whole)
    assert history.types(5) == ["approval_granted", "phase_completed", "workflow_completed", "feature_completed"]


@pytest.mark.parametrize(
    "end",
    [
        lambda feature: decide.passed(feature, LINE, next_step(LINE, feature.place), Outcome("s"), ""),
        lambda feature: decide.asked(feature, next_step(LINE, feature.place), ASKED, Outcome("s")),
        lambda feature: decide.failed(feature, msgspec.structs.replace(FAILED, run="s")),
    ],
    ids=["passed", "asked", "failed"],
)
def test_an_attempt_that_was_closed_meanwhile_has_no_end(end: Callable[[Feature], object]) -> None:
    history = begun()
    assert refused(lambda: end(history.of())) == "the attempt of payment was closed meanwhile"
    history.begin(run="other")
    assert refused(lambda: end(history.of())) == "the attempt of payment was closed meanwhile"


def test_an_attempt_that_the_kit_did_not_survive_is_interrupted_and_not_counted() -> None:
    history = begun()
    assert decide.interrupted(history.of(), "killed") == []
    history.begin()
    facts = decide.interrupted(history.of(), "killed")
    assert said(facts) == [fact.AttemptInterrupted(ordinal=1, run="r", reason="killed")]
    history.record(facts)
    assert (decide.number(history.of()), history.of().attempts) == (1, {})


def test_parking_closes_the_open_attempt_without_counting_it() -> None:
    history = begun()
    history.begin()
    facts = decide.park(history.of(), "quota", until="later")
    assert said(facts) == [fact.FeaturePaused(reason="quota", kind="parked", until="later", run="r")]
    history.record(facts)
    assert (history.of().attempt, decide.number(history.of()), history.of().notes[-1].note) == (None, 1, "quota")


def test_attempts_are_numbered_within_a_phase_and_start_again_behind_it() -> None:
    history = begun()
    numbers = []
    for _ in range(2):
        numbers.append(decide.number(history.of()))
        history.begin()
        history.record(decide.failed(history.of(), msgspec.structs.replace(FAILED, attempt=numbers[-1])))
    numbers.append(decide.number(history.of()))
    history.work(LINE)
    assert [*numbers, decide.number(history.of())] == [1, 2, 3, 1]


# --- gates -------------------------------------------------------------------------------------------


def item(history: History, verdict: str = "approved", answer: str = "", name: str = "payment") -> Item:
    return Item(bound(history.of(name)), verdict, answer)


def approved(history: History, line: Line, *items: Item, sitting: Sitting = SITTING) -> list[Fact]:
    """Return the facts of a sitting in which nothing is refused."""
    facts, refused = decide.approve(history.world, line, items, sitting)
    assert refused == {}
    return facts


def not_approved(history: History, line: Line, *items: Item, sitting: Sitting = SITTING) -> list[str]:
    """Return why decisions are refused, none of which is recorded."""
    facts, refused = decide.approve(history.world, line, items, sitting)
    assert facts == []
    return [str(one) for one in refused.values()]


def test_an_approval_records_who_how_and_what_was_decided_and_completes_the_phase() -> None:
    history = waiting()
    facts = approved(history, LINE, item(history, answer="the left one"))
    on = Place("2", 2, "2", begun=True)
    granted = fact.ApprovalGranted(
        ordinal=1, gate=reached(SCREENS), door="terminal", answer="the left one", batch="b", waited=60.0, shown=2.5,
        commit=history.of("payment").tip, next=on,
    )  # fmt: skip
    assert facts == [
        Fact(granted, ID, "2", "1", PERSON),
        Fact(fact.PhaseCompleted(ordinal=1, next=on), ID, "2", "1", "kit"),
    ]


def test_a_human_gate_at_a_workflows_end_completes_it_with_the_decision() -> None:
    two = line(w1=LAST, w2=PHASES)
    history = waiting(Place("1", 1, "1"), two)
    before = len(history.events)
    history.approve(two, answer="yes, thanks")
    assert history.types(before) == ["approval_granted", "phase_completed", "workflow_completed"]
    feature = history.of()
    assert (feature.place, feature.workflows_completed) == (Place("2", 1, "1"), ("1",))
    assert [one.answer for one in feature.carried] == ["yes, thanks"]


def test_a_deploy_gate_at_a_workflows_end_completes_it_when_its_section_was_handed_out_and_is_not_reached_again() -> (
    None
):
    history = waiting(Place("3", 1, "1"))
    before = len(history.events)
    history.approve(LINE)
    assert history.types(before) == ["approval_granted"]
    step = history.work(LINE)
    assert (step.text.splitlines()[0], step.stop) == ("### GATE 2: Production", None)
    assert history.types(before + 1) == ["phase_started", "phase_completed", "workflow_completed", "feature_completed"]


def test_a_condition_that_does_not_hold_is_skipped_and_no_other_gate_is() -> None:
    maybe = line(w1=CONDITIONAL)
    history = waiting(Place("1", 1, "1"), maybe)
    facts = approved(history, maybe, item(history, "skipped"))
    assert [one.payload.verdict for one in facts if isinstance(one.payload, fact.ApprovalGranted)] == ["skipped"]
    other = waiting()
    assert not_approved(other, LINE, item(other, "skipped")) == [
        "payment was not approved: its gate has no condition to skip it by"
    ]


def test_a_gate_that_the_agent_reported_is_answered_into_the_same_phase_and_attempt() -> None:
    history = begun(Place("2", 1, "1"))
    history.begin()
    history.record(decide.failed(history.of(), FAILED))
    history.begin(run="s")
    step = next_step(LINE, history.of().place)
    facts = decide.asked(history.of(), step, ASKED, Outcome("s", 2.5, commit=HEAD))
    assert said(facts) == [fact.GateReached(1, ASKED, "s", 2.5, commit=HEAD)]
    history.record(facts)
    before = len(history.events)
    feature = history.approve(LINE, answer="B")
    assert history.types(before) == ["approval_granted"]
    assert (feature.place, decide.number(feature), feature.failed) == (Place("2", 1, "1", begun=True), 2, 1)
    assert next_step(LINE, feature.place) == step


def two_waiting() -> History:
    history = History()
    for name in ("payment", "login"):
        history.start(name, at=Place("2", 1, "1"))
        history.work(LINE, name)
    return history


def test_a_batch_decides_exactly_what_was_shown() -> None:
    history = two_waiting()
    items = [item(history), item(history, name="login", answer="blue")]
    history.record(approved(history, LINE, *items))
    granted = [
        (one.feature, one.payload.answer, one.payload.batch)
        for one in history.events
        if isinstance(one.payload, fact.ApprovalGranted)
    ]
    assert granted == [("feat-payment", "", "b"), ("feat-login", "blue", "b")]


def test_a_gate_that_waits_no_more_is_refused_and_the_rest_of_the_batch_is_approved() -> None:
    history = two_waiting()
    items = [item(history), item(history, name="login")]
    history.approve(LINE, "login")
    facts, refused = decide.approve(history.world, LINE, items, SITTING)
    assert [one.feature for one in facts if isinstance(one.payload, fact.ApprovalGranted)] == [ID]
    assert {name: str(one) for name, one in refused.items()} == {
        "feat-login": "login was not approved: the gate is not the one that was shown any more (reached)"
    }


def test_whatever_was_recorded_of_a_feature_since_it_was_shown_refuses_its_approval() -> None:
    history = waiting()
    shown = item(history)
    history.say(fact.NoteAdded(note="the tests were red, in truth"))
    assert not_approved(history, LINE, shown) == [
        "payment was not approved: something was recorded of it since it was shown (head)"
    ]


def test_a_type_that_needs_a_signature_is_not_approved_without_one() -> None:
    history = waiting()
    sitting = msgspec.structs.replace(SITTING, signed=frozenset({"human"}))
    assert not_approved(history, LINE, item(history), sitting=sitting) == [
        "payment was not approved: [gates] assurance asks for a signature at human gates"
    ]
    signed = msgspec.structs.replace(sitting, signer="ana@example.org", statement="d1")
    granted = approved(history, LINE, item(history), sitting=signed)[0].payload
    assert isinstance(granted, fact.ApprovalGranted)
    assert (granted.signer, granted.statement) == ("ana@example.org", "d1")


def test_an_approval_is_taken_back_until_the_feature_has_gone_on() -> None:
    history = waiting()
    before = history.of()
    history.approve(LINE)
    history.record(decide.take_back(history.of(), PERSON))
    after = history.of()
    assert (after.gate, after.place, after.status, after.carried) == (
        before.gate, before.place, before.status, before.carried
    )  # fmt: skip
    assert "no approval to take back" in refused(lambda: decide.take_back(history.of(), PERSON))
    history.approve(LINE)
    history.begin()
    assert "it has gone on since" in refused(lambda: decide.take_back(history.of(), PERSON))


def test_taking_back_the_approval_that_ended_a_workflow_takes_its_end_back_too() -> None:
    history = waiting(Place("1", 1, "1"), line(w1=LAST, w2=PHASES))
    before = history.of()
    history.approve(line(w1=LAST, w2=PHASES))
    assert history.of().workflows_completed == ("1",)
    history.record(decide.take_back(history.of(), PERSON))
    assert (history.of().workflows_completed, history.of().place) == ((), before.place)


def test_a_gate_that_closed_and_opened_again_is_not_approved_unseen() -> None:
    history = waiting()
    shown = item(history)
    history.record(decide.reject(history.of(), LINE, "too dark", "", PERSON))
    history.work(LINE)
    assert history.of().gate is not None
    assert not_approved(history, LINE, shown) == [
        "payment was not approved: the gate is not the one that was shown any more (reached)"
    ]


def test_a_gate_already_reached_stays_reached_when_its_document_lost_it() -> None:
    history = waiting()
    without = line(w1=PHASES, w2=PHASES)
    facts = approved(history, without, item(history))
    assert [type(one.payload) for one in facts] == [fact.ApprovalGranted]


def test_a_rejection_runs_the_gates_phase_again_with_the_reason_and_attempts_at_zero() -> None:
    history = waiting()
    facts = decide.reject(history.of(), LINE, "too dark", "", PERSON)
    rejected = fact.ApprovalRejected(1, reached(SCREENS), "too dark", Place("2", 1, "1", begun=True))
    assert facts == [Fact(rejected, ID, "2", "1", PERSON)]
    history.record(facts)
    feature = history.of()
    assert (feature.status, decide.number(feature), feature.carried[-1].answer) == (Status.ACTIVE, 1, "too dark")


def test_a_rejection_of_a_second_gate_asks_the_first_one_again() -> None:
    twice = line(
        w1="# T\n\n## Phase 1: B\n\n### GATE 1: A\n\nAPPROVE a? (yes/no)\n\n### GATE 2: B\n\nAPPROVE b? (yes/no)\n"
    )
    history = waiting(Place("1", 1, "1"), twice)
    history.approve(twice)
    history.work(twice)
    history.record(decide.reject(history.of(), twice, "no", "", PERSON))
    assert history.of().place == Place("1", 1, "1", begun=True)


@pytest.mark.parametrize(
    ("to", "place"),
    [
        ("1", Place("1", 1, "1")),
        ("1/2", Place("1", 2, "2")),
        ("2", Place("2", 1, "1", begun=True)),
        ("2/GATE 1", Place("2", 1, "1", begun=True)),
    ],
)
def test_a_rejection_goes_back_in_the_line(to: str, place: Place) -> None:
    history = waiting()
    (rejected,) = said(decide.reject(history.of(), LINE, "too dark", to, PERSON))
    assert rejected == fact.ApprovalRejected(1, reached(SCREENS), "too dark", place)


def test_a_rejection_goes_nowhere_ahead_and_needs_a_gate_and_a_reason() -> None:
    history = waiting()
    gone = "2/2 lies ahead of 2/1; a rejection goes back"
    assert refused(lambda: decide.reject(history.of(), LINE, "x", "2/2", PERSON)) == gone
    gone = "3 lies ahead of 2/1; a rejection goes back"
    assert refused(lambda: decide.reject(history.of(), LINE, "x", "3", PERSON)) == gone
    assert refused(lambda: decide.reject(history.of(), LINE, " ", "", PERSON)) == "a rejection needs its reason"
    assert refused(lambda: decide.reject(begun().of(), LINE, "x", "", PERSON)) == "no gate of payment waits"


# --- rollback ----------------------------------------------------------------------------------------

ORDERED = fact.RollbackOrdered("o", 1, HEAD, CONTEXT, NEXT, Moment(Place("1", 1, "1")))
EXECUTED = fact.RollbackExecuted(operation="o", n=1, commit=HEAD, rescue="refs/r")


def test_a_rollback_is_ordered_once_and_ended_once() -> None:
    history = begun()
    assert said(decide.order_rollback(history.of(), ORDERED, PERSON)) == [ORDERED]
    history.say(ORDERED)
    assert refused(lambda: decide.order_rollback(history.of(), ORDERED, PERSON)) == (
        "a rollback of payment is under way"
    )
    other = msgspec.structs.replace(EXECUTED, operation="another")
    assert decide.finish_rollback(history.of(), other) == []
    assert said(decide.finish_rollback(history.of(), EXECUTED)) == [EXECUTED]
    history.say(EXECUTED)
    assert decide.finish_rollback(history.of(), EXECUTED) == []


def test_after_three_failures_the_rollback_ends_in_a_failed_feature() -> None:
    history = begun()
    for number in (1, 2, 3):
        history.begin()
        history.record(decide.failed(history.of(), msgspec.structs.replace(FAILED, attempt=number)))
    history.say(msgspec.structs.replace(ORDERED, automatic=True))
    executed = msgspec.structs.replace(EXECUTED, automatic=True)
    facts = decide.finish_rollback(history.of(), executed)
    assert said(facts) == [executed, fact.FeatureFailed(reason="tests fail", attempts=3)]


def test_an_undo_ends_once() -> None:
    history = begun()
    history.say(ORDERED)
    history.say(EXECUTED)
    undone = fact.RollbackUndone(operation="p", undoes="o", commit=NEXT, rescue="refs/s")
    assert decide.finish_undo(history.of(), undone) == []
    history.say(msgspec.structs.replace(ORDERED, operation="p", undoes="o"))
    assert said(decide.finish_undo(history.of(), undone)) == [undone]


def test_a_rollback_that_cannot_be_done_is_called_off_and_an_automatic_one_parks_the_feature() -> None:
    history = begun()
    assert decide.abort_rollback(history.of(), "pushed commits") == []
    aborted = fact.RollbackAborted(operation="o", reason="pushed commits")
    history.say(ORDERED)
    assert said(decide.abort_rollback(history.of(), "pushed commits")) == [aborted]
    by_itself = begun()
    by_itself.say(msgspec.structs.replace(ORDERED, automatic=True))
    parked = fact.FeaturePaused(reason="rollback refused: pushed commits", kind="parked")
    assert said(decide.abort_rollback(by_itself.of(), "pushed commits")) == [aborted, parked]


# --- every document, whatever happens on the way -------------------------------------------------------

KINDS = {
    "human": ("GATE {}: Look", "APPROVE the look? (yes/no)"),
    "deploy": ("GATE {}: Ship", "APPROVE the deploy to production? (yes/no)"),
    "conditional": ("GATE {} (if there is a screen): Screen", "APPROVE the screen? (yes/no)"),
    "validation": ("GATE {}: Tests", "Run `npm test`; all must be green."),
}
MOVES = ("fail", "die", "ask", "park", "reject", "skip")

gates = st.lists(st.sampled_from(sorted(KINDS)), max_size=2)
shapes = st.tuples(gates, st.lists(gates, max_size=3))
lines = st.lists(shapes, min_size=1, max_size=3)
moves = st.lists(st.sampled_from(MOVES), max_size=12)


def drawn(shape: tuple[list[str], list[list[str]]], workflow: str) -> Document:
    """Return a document with gates before its first phase and in each; words of their own stand behind each trigger."""
    opening, phases = shape
    number = iter(range(1, 20))
    parts = [f"# Document {workflow}\n\nREAD-{workflow} first.\n"]
    parts += [section(kind, workflow, next(number)) for kind in opening]
    for at, kinds in enumerate(phases, 1):
        parts += [f"## Phase {at}: Do {at}\n\nDo it.\n", *(section(kind, workflow, next(number)) for kind in kinds)]
    return document("\n".join(parts), workflow)


def section(kind: str, workflow: str, number: int) -> str:
    heading, words = KINDS[kind]
    return f"### {heading.format(number)}\n\n{words}\n\nThen {behind(workflow, number)}\n"


def behind(workflow: str, number: int | str) -> str:
    """Return the words that stand behind a gate's trigger, in this document alone."""
    return f"AFTER-{workflow}-{number}."


class Walk:
    """One feature through a whole line; each move that somebody makes is tried where it can be."""

    def __init__(self, drawn_line: Line, moves: list[str], whole: bool) -> None:
        self.line = drawn_line
        self.moves = iter(moves)
        self.whole = whole
        self.history = begun(drawn_line.beginning())
        self.approved: set[tuple[str, str]] = set()
        self.briefs: list[tuple[str, str]] = []

    def run(self) -> None:
        while self.history.of().is_open:
            move = next(self.moves, "go")
            if self.history.of().gate is not None:
                self.decide(move)
            else:
                self.step(move)

    def decide(self, move: str) -> None:
        feature = self.history.of()
        assert feature.gate is not None
        gate = feature.gate.gate
        if move == "reject":
            self.history.record(decide.reject(feature, self.line, "no", "", PERSON))
            self.approved -= self.stops(feature.place)
            return
        verdict = "skipped" if move == "skip" and gate.condition else "approved"
        self.history.approve(self.line, verdict=verdict)
        self.approved.add((feature.place.workflow, gate.key))

    def stops(self, place: Place) -> set[tuple[str, str]]:
        found = self.line.document(place.workflow)
        assert found is not None
        return {(found.id, gate.key) for gate in found.gates if gate.stops and gate.ordinal == place.ordinal}

    def step(self, move: str) -> None:
        feature = self.history.of()
        step = next_step(self.line, feature.place, self.whole)
        text = compose(feature, self.line, step, Setting(attempts=3, number=decide.number(feature)))
        self.briefs.append((step.workflow, text))
        self.shows_nothing_behind_an_undecided_stop(text)
        self.history.begin()
        feature = self.history.of()
        match move:
            case "fail" if decide.number(feature) < 3:
                failed = msgspec.structs.replace(FAILED, attempt=decide.number(feature))
                self.history.record(decide.failed(feature, failed))
            case "die":
                self.history.record(decide.interrupted(feature, "killed"))
            case "ask":
                self.history.record(decide.asked(feature, step, ASKED, Outcome("r")))
            case "park":
                self.history.record(decide.park(feature, "quota"))
                self.history.record(decide.resume(self.history.of(), PERSON))
            case _:
                before = len(self.history.events)
                self.history.record(decide.passed(feature, self.line, step, Outcome("r"), ""))
                self.completes_nothing_undecided(self.history.events[before:])

    def shows_nothing_behind_an_undecided_stop(self, text: str) -> None:
        undecided = [
            behind(one.id, gate.label.removeprefix("GATE "))
            for one in self.line.documents
            for gate in one.gates
            if gate.stops and (one.id, gate.key) not in self.approved
        ]
        assert [words for words in undecided if words in text] == []

    def completes_nothing_undecided(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event.payload, fact.PhaseCompleted):
                place = Place(event.workflow or "", event.payload.ordinal)
                assert self.stops(place) <= self.approved


def places(drawn_line: Line) -> Iterator[tuple[str, int]]:
    for one in drawn_line.documents:
        yield from ([(one.id, 0)] if one.has_opening else [])
        yield from ((one.id, place.ordinal) for place in one.places)


def walked(shapes: list[tuple[list[str], list[list[str]]]], moves: list[str], whole: bool) -> Walk:
    walk = Walk(Line(documents=tuple(drawn(one, str(at)) for at, one in enumerate(shapes, 1))), moves, whole)
    walk.run()
    return walk


@given(shapes=lines, moves=moves, whole=st.booleans())
@settings(max_examples=60, deadline=None)
def test_whatever_happens_on_the_way_each_phase_completes_once_in_order_and_no_stop_is_passed_undecided(
    shapes: list[tuple[list[str], list[list[str]]]], moves: list[str], whole: bool
) -> None:
    walk = walked(shapes, moves, whole)
    events = walk.history.events
    completed = [(one.workflow, one.payload.ordinal) for one in events if isinstance(one.payload, fact.PhaseCompleted)]
    assert completed == list(places(walk.line))
    done = [one.workflow for one in events if one.event_type == "workflow_completed"]
    assert done == [one.id for one in walk.line.documents]
    assert [one.event_type for one in events].count("feature_completed") == 1
    stops = {(one.id, gate.key) for one in walk.line.documents for gate in one.gates if gate.stops}
    assert stops <= walk.approved
    feature = walk.history.of()
    assert (feature.status, feature.place.workflow, feature.place.phase) == (Status.COMPLETED, done[-1], "done")
    assert (feature.attempts, feature.gate, feature.attempt) == ({}, None, None)


@given(shapes=lines, whole=st.booleans())
@settings(max_examples=30, deadline=None)
def test_every_stop_is_reached_once_and_every_brief_begins_with_its_document(
    shapes: list[tuple[list[str], list[list[str]]]], whole: bool
) -> None:
    walk = walked(shapes, [], whole)
    reached_keys = [
        (one.workflow, one.payload.gate.key) for one in walk.history.events if isinstance(one.payload, fact.GateReached)
    ]
    assert reached_keys == [(one.id, gate.key) for one in walk.line.documents for gate in one.gates if gate.stops]
    phased = {one.id for one in walk.line.documents if one.phases}
    assert [one for one, text in walk.briefs if one in phased and f"READ-{one} first." not in text] == []


@given(shapes=lines)
@settings(max_examples=30, deadline=None)
def test_the_section_of_every_deploy_gate_is_handed_out_again_after_its_approval(
    shapes: list[tuple[list[str], list[list[str]]]],
) -> None:
    walk = walked(shapes, [], whole=False)
    for one in walk.line.documents:
        own = "".join(text for workflow, text in walk.briefs if workflow == one.id)
        numbers = [gate.label.removeprefix("GATE ") for gate in one.gates if gate.type is GateType.DEPLOY]
        assert [number for number in numbers if behind(one.id, number) not in own] == []


@given(shapes=lines, moves=moves)
@settings(max_examples=30, deadline=None)
def test_every_prefix_of_a_log_folds_to_the_state_of_that_moment(
    shapes: list[tuple[list[str], list[list[str]]]], moves: list[str]
) -> None:
    events = walked(shapes, moves, whole=False).history.events
    world = World()
    for one in events:
        world = evolve(world, one)
        assert world.features[ID].last == one.id
        assert (world.features[ID].gate is None) or world.features[ID].status is Status.PAUSED
        assert next(iter(world.features[ID].attempts.values()), 0) in (0, 1, 2, 3)


def test_a_line_of_one_bare_document_is_walked() -> None:
    walk = walked([([], [])], [], whole=False)
    assert walk.history.types() == [
        "feature_created",
        "workflow_started",
        "phase_started",
        "phase_completed",
        "workflow_completed",
        "feature_completed",
    ]
    assert start(walk.line.documents[0]) == Place("1", 1, "1")


def test_the_three_example_documents_walk_with_their_two_gates() -> None:
    walk = Walk(line(w1=PHASES, w2=HUMAN, w3=DEPLOY), [], whole=False)
    walk.run()
    assert [workflow for workflow, _ in walk.briefs] == ["1", "1", "2", "2", "3", "3"]
