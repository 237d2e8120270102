"""The fold: what each fact changes, and nothing else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from orchestrator.core import events as fact
from orchestrator.core.events import AnyPayload, Fact, Gate, Moment, Place
from orchestrator.core.state import (
    Attempt,
    Decision,
    Failure,
    Feature,
    Granted,
    Note,
    RollbackPoint,
    Session,
    Spent,
    Undo,
    Waiting,
    Waits,
    World,
    evolve,
    fold,
)
from orchestrator.core.values import FeatureId, Sha, Status
from tests.core.history import CONTEXT, HEAD, LINE, NEXT, PERSON, History, at, event

ID = FeatureId("feat-payment")
HERE = Place("1", 1, "1")
BEGUN = Place("1", 1, "1", begun=True)
THERE = Place("1", 2, "2", begun=True)
GATE = Gate(key="GATE 1: Screens", type="human", trigger="ok?", heading="GATE 1: Screens", label="GATE 1")
ASKED = Gate(key="reported r", type="human", trigger="which?", heading="which?", reported=True)
MOMENT = Moment(place=HERE, workflows_completed=("0",), attempts={"1": 1})
FIRST = Feature(
    id=ID, branch="feat/payment", status=Status.ACTIVE, place=HERE, started=1, started_at=at(1), updated_at=at(1),
    last=1, last_hash=f"{1:064x}", tip=HEAD, judged=HEAD, first=HEAD,
)  # fmt: skip
OPEN = fact.PhaseStarted(ordinal=1, attempt=1, run="r", worktree="/tree")
CALLED = fact.AgentEnded("r", "claude", "done", "s1", turns=4, tokens=300, cost=0.25, total=0.5, total_tokens=900)
FAILED_AGAIN = fact.AttemptFailed(1, 2, "s", "no", tried=("draw",), changed=("1 0 a",))
FAILED = fact.AttemptFailed(1, 1, "r", "tests fail", "npm test", 1, "boom", "refs/kept")
CHECKPOINT = fact.CheckpointCreated(n=1, commit=HEAD, snapshot=CONTEXT)
BACKUP = fact.BackupCreated(n=1, commit=HEAD, snapshot=CONTEXT, path="b.tar.gz", sha256="d", files=1, bytes=9)
ORDERED = fact.RollbackOrdered(
    operation="o", n=1, commit=HEAD, snapshot=CONTEXT, old=NEXT, moment=MOMENT, context=CONTEXT
)
EXECUTED = fact.RollbackExecuted(operation="o", n=1, commit=HEAD, rescue="refs/rescue", reflog="9", ancestors=(1,))
UNDONE = fact.RollbackUndone(operation="p", undoes="o", commit=NEXT, rescue="refs/two", reflog="10", ancestors=(1,))


def after(*before: AnyPayload | tuple[AnyPayload, str]) -> Feature:
    """Return the state after a feature was created and these facts, some with an actor, followed."""
    history = History()
    history.start()
    for one in before:
        payload, actor = one if isinstance(one, tuple) else (one, "kit")
        history.say(payload, actor=actor)
    return history.of()


def change(*facts: AnyPayload | tuple[AnyPayload, str]) -> dict[str, Any]:
    """Return what the last of these facts changed besides the position in the log."""
    before, now = after(*facts[:-1]), after(*facts)
    names = set(Feature.__struct_fields__) - {"updated_at", "last", "last_hash"}
    return {name: getattr(now, name) for name in sorted(names) if getattr(now, name) != getattr(before, name)}


def decision(gate: Gate, verdict: str, answer: str, number: int) -> Decision:
    return Decision(gate, "1", 1, verdict, answer, PERSON, at(number))


def window(gate: Gate = GATE) -> Granted:
    """Return what keeps the approval of event 4 open to being taken back."""
    waits = Waiting(gate, 1, at(3), event=3)
    return Granted(4, "", None, waits, HERE, (), (), judged=HEAD)


def reached(gate: Gate = GATE, run: str = "r", opens: str = "") -> fact.GateReached:
    return fact.GateReached(ordinal=1, gate=gate, run=run, opens=opens)


def granted(gate: Gate = GATE, to: Place | None = THERE, verdict: str = "approved") -> tuple[AnyPayload, str]:
    return fact.ApprovalGranted(1, gate, "terminal", verdict=verdict, answer="B", next=to), PERSON


def imported(place: Place = HERE, waits_at: Gate | None = None, **state: Any) -> Feature | None:
    whole = {"feature": "feat-payment", "branch": "b", "status": "active", "started_at": at(0), "updated_at": at(0)}
    payload = fact.FeatureImported(branch="b", commit=HEAD, place=place, state={**whole, **state}, gate=waits_at)
    return evolve(World(), event(Fact(payload, ID, "1", "1"), 1)).feature(ID)


def test_a_created_feature_is_active_at_its_place() -> None:
    assert after() == FIRST


def test_a_feature_that_comes_after_another_is_blocked_with_the_reason_as_last_note() -> None:
    history = History()
    history.start("login")
    feature = history.start(after="login")
    reason = "waits for login"
    assert feature == msgspec.structs.replace(
        FIRST, status=Status.BLOCKED, after=FeatureId("feat-login"), started=2, started_at=at(2), updated_at=at(3),
        last=3, last_hash=f"{3:064x}", notes=(Note(at(3), reason),),
        waits=Waits("after", reason, since=at(3), after=FeatureId("feat-login")),
    )  # fmt: skip


def test_every_event_moves_the_position_that_a_state_file_carries() -> None:
    now = after(fact.NoteAdded(note="x"))
    assert (now.last, now.last_hash, now.updated_at) == (2, f"{2:064x}", at(2))


@pytest.mark.parametrize(
    ("facts", "changed"),
    [
        pytest.param(
            [fact.WorktreeCreated(path="/tree")],
            {"worktree": "/tree"},
            id="a worktree",
        ),
        pytest.param(
            [fact.WorkflowStarted(title="")],
            {"place": BEGUN},
            id="a workflow begins",
        ),
        pytest.param(
            [OPEN],
            {"attempt": Attempt("r", 1, 1, at(2), "/tree"), "attempts": {"1": 1}, "served": 2, "worktree": "/tree"},
            id="an attempt opens",
        ),
        pytest.param(
            [OPEN, fact.PhaseCompleted(ordinal=1, run="r", next=THERE)],
            {"attempt": None, "attempts": {}, "place": THERE},
            id="a pass goes on with attempts at zero",
        ),
        pytest.param(
            [OPEN, FAILED],
            {"attempt": None, "failed": 1, "failure": Failure(1, "tests fail", "npm test", 1, "boom", "refs/kept")},
            id="a failure is counted and kept for the next brief",
        ),
        pytest.param(
            [OPEN, CALLED],
            {"session": Session("claude", "s1", "1", 0.5, 900), "spent": Spent(1, 4, 0.25, 300)},
            id="a call of a client",
        ),
        pytest.param(
            [OPEN, CALLED, msgspec.structs.replace(CALLED, session="")],
            {"session": None, "spent": Spent(2, 8, 0.5, 600)},
            id="a call whose session is lost",
        ),
        pytest.param(
            [OPEN, CALLED, FAILED, msgspec.structs.replace(OPEN, attempt=2, run="s"), FAILED_AGAIN],
            {
                "attempt": None,
                "failed": 2,
                "failure": Failure(2, "no", earlier=("attempt 1: tests fail",), tried=("draw",), changed=("1 0 a",)),
            },
            id="a second failure remembers the first",
        ),
        pytest.param(
            [OPEN, FAILED, msgspec.structs.replace(OPEN, attempt=2, run="s")],
            {"served": 4, "attempt": Attempt("s", 2, 1, at(4), "/tree"), "attempts": {"1": 2}},
            id="a second attempt",
        ),
        pytest.param(
            [OPEN, fact.AttemptInterrupted(ordinal=1, run="r", reason="killed")],
            {"attempt": None, "attempts": {}},
            id="an interrupted attempt does not count",
        ),
        pytest.param(
            [OPEN, FAILED, OPEN, fact.AttemptInterrupted(ordinal=1, run="r", reason="killed")],
            {"attempt": None},
            id="an interrupted second attempt leaves the first one counted",
        ),
        pytest.param(
            [OPEN, FAILED, OPEN, reached()],
            {
                "attempt": None,
                "attempts": {},
                "failed": 0,
                "failure": None,
                "gate": Waiting(GATE, 1, at(5), event=5),
                "status": Status.PAUSED,
            },
            id="a gate is reached by a pass",
        ),
        pytest.param(
            [OPEN, reached(opens="2025-11-21T08:00:00-03:00")],
            {
                "attempt": None,
                "attempts": {},
                "gate": Waiting(GATE, 1, at(3), "2025-11-21T08:00:00-03:00", event=3),
                "paused_until": "2025-11-21T08:00:00-03:00",
                "status": Status.PAUSED,
            },
            id="a gate with a pause",
        ),
        pytest.param(
            [OPEN, FAILED, msgspec.structs.replace(OPEN, attempt=2), reached(ASKED)],
            {
                "attempt": None,
                "attempts": {"1": 1},
                "gate": Waiting(ASKED, 1, at(5), event=5),
                "status": Status.PAUSED,
            },
            id="a gate that the agent reports is no pass",
        ),
        pytest.param(
            [OPEN, reached(), granted()],
            {
                "carried": (decision(GATE, "approved", "B", 4),),
                "gate": None,
                "granted": window(),
                "place": THERE,
                "status": Status.ACTIVE,
            },
            id="an approval goes on and is carried to the agent",
        ),
        pytest.param(
            [OPEN, reached(), granted(to=None, verdict="skipped")],
            {
                "carried": (decision(GATE, "skipped", "B", 4),), "gate": None, "granted": window(),
                "status": Status.ACTIVE,
            },
            id="a skip at a workflow's end leaves the place to the workflow's end",
        ),
        pytest.param(
            [OPEN, reached(ASKED), granted(ASKED, HERE)],
            {
                "carried": (decision(ASKED, "approved", "B", 4),),
                "gate": None,
                "granted": window(ASKED),
                "status": Status.ACTIVE,
            },
            id="an answer to a reported gate repeats the attempt",
        ),
        pytest.param(
            [OPEN, reached(), (fact.ApprovalRejected(ordinal=1, gate=GATE, why="too dark", place=HERE), PERSON)],
            {"carried": (decision(GATE, "rejected", "too dark", 4),), "gate": None, "status": Status.ACTIVE},
            id="a rejection runs the phase again with the reason",
        ),
        pytest.param(
            [OPEN, reached(), granted(), OPEN, fact.PhaseCompleted(ordinal=2, run="r")],
            {"attempt": None, "attempts": {}, "carried": ()},
            id="a decision that a brief carried is let go",
        ),
        pytest.param(
            [OPEN, reached(), granted(), fact.PhaseCompleted(ordinal=1, next=THERE)],
            {},
            id="a phase that a decision completes spends nothing",
        ),
        pytest.param(
            [fact.FeaturePaused(reason="holiday")],
            {"status": Status.PAUSED, "waits": Waits("pause", "holiday", at(2))},
            id="a person's pause",
        ),
        pytest.param(
            [OPEN, fact.FeaturePaused(reason="quota", kind="parked", until=at(99), run="r")],
            {
                "attempt": None,
                "attempts": {},
                "notes": (Note(at(3), "quota"),),
                "paused_until": at(99),
                "status": Status.BLOCKED,
                "waits": Waits("parked", "quota", at(3)),
            },
            id="parked: blocked, the reason as last note, the attempt not counted",
        ),
        pytest.param(
            [
                OPEN,
                FAILED,
                fact.FeaturePaused(reason="quota", kind="parked", until=at(99)),
                (fact.FeatureResumed(), PERSON),
            ],
            {
                "attempts": {},
                "failed": 0,
                "paused_until": None,
                "status": Status.ACTIVE,
                "waits": None,
            },
            id="a person's resume starts at attempt one",
        ),
        pytest.param(
            [OPEN, FAILED, fact.FeaturePaused(reason="quota", kind="parked", until=at(99)), fact.FeatureResumed()],
            {"paused_until": None, "status": Status.ACTIVE, "waits": None},
            id="a pause that is over goes on where it was",
        ),
        pytest.param(
            [fact.WorkflowCompleted(title="x", next=Place("2", 1, "1"))],
            {"place": Place("2", 1, "1"), "workflows_completed": ("1",)},
            id="a workflow ends",
        ),
        pytest.param(
            [fact.FeatureCompleted()],
            {"ended_at": at(2), "place": Place("1", 1, "done"), "status": Status.COMPLETED},
            id="completed stands at the last workflow and done",
        ),
        pytest.param(
            [fact.FeatureFailed(reason="x", attempts=3)],
            {"ended_at": at(2), "status": Status.FAILED},
            id="failed",
        ),
        pytest.param(
            [fact.FeatureFailed(reason="x"), (fact.FeatureResumed(), PERSON)],
            {"ended_at": None, "status": Status.ACTIVE},
            id="a failed feature starts again",
        ),
        pytest.param(
            [fact.FeatureRetired(commit=HEAD)],
            {"retired": True},
            id="retired",
        ),
        pytest.param(
            [fact.CheckpointCreated(n=4, commit=NEXT, snapshot=CONTEXT, reflog="7")],
            {"checkpointed_at": at(2), "last_checkpoint": 4, "next_n": 5, "reflog": "7", "tip": NEXT},
            id="a checkpoint takes its number for ever",
        ),
        pytest.param(
            [CHECKPOINT, BACKUP],
            {
                "ancestors": (1,),
                "points": (RollbackPoint(1, HEAD, CONTEXT, "1", "1", at(3), "b.tar.gz", "d", 3),),
            },
            id="a rollback point",
        ),
        pytest.param(
            [CHECKPOINT, BACKUP, fact.BranchMoved(commit=None, reflog="8", ancestors=())],
            {"ancestors": (), "reflog": "8", "tip": None},
            id="a branch that went away has no rollback point below it",
        ),
        pytest.param(
            [OPEN, ORDERED],
            {"attempt": None, "attempts": {}, "ordered": ORDERED},
            id="a rollback is ordered",
        ),
        pytest.param(
            [ORDERED, fact.RollbackAborted(operation="o", reason="pushed")],
            {"notes": (Note(at(3), "pushed"),), "ordered": None},
            id="a rollback is called off",
        ),
        pytest.param(
            [OPEN, reached(opens=at(99)), ORDERED, EXECUTED],
            {
                "ancestors": (1,),
                "attempts": {"1": 1},
                "ended_at": at(5),
                "failed": 1,
                "gate": None,
                "ordered": None,
                "paused_until": None,
                "reflog": "9",
                "status": Status.FAILED,
                "undo": Undo(
                    "o", "refs/rescue", NEXT, HEAD, CONTEXT, Moment(HERE), Status.PAUSED, False,
                    Waiting(GATE, 1, at(3), at(99), event=3), None, paused_until=at(99),
                ),
                "workflows_completed": ("0",),
            },
            id="a rollback: failed, position, completed workflows and attempts those of that moment",
        ),
        pytest.param(
            [fact.NoteAdded(note="call Ana")],
            {"notes": (Note(at(2), "call Ana"),)},
            id="a note",
        ),
        pytest.param(
            [(fact.StateEdited(changes={"mine": [None, 1]}), PERSON)],
            {"extra": {"mine": 1}},
            id="a key of the user's own",
        ),
        pytest.param(
            [fact.StateEdited(changes={"mine": [None, 1]}), fact.StateEdited(changes={"mine": [1, None]})],
            {"extra": {}},
            id="a key of the user's own goes",
        ),
        pytest.param(
            [OPEN, FAILED, fact.StateEdited(changes={"workflows_completed": [[], ["1", 2]]}, place=Place("2", 1, "1"))],
            {"failed": 0, "failure": None, "place": Place("2", 1, "1"), "workflows_completed": ("1", "2")},
            id="an edit moves the feature, with attempts at zero there",
        ),
        pytest.param(
            [fact.StateEdited(changes={"status": ["active", "blocked"], "paused_until": [None, at(99)]})],
            {
                "paused_until": at(99),
                "status": Status.BLOCKED,
                "waits": Waits("pause", "blocked by an edit", at(2)),
            },
            id="an edit blocks",
        ),
        pytest.param(
            [fact.FeaturePaused(reason="x"), fact.StateEdited(changes={"status": ["paused", "active"]})],
            {"status": Status.ACTIVE, "waits": None},
            id="an edit ends a pause",
        ),
        pytest.param(
            [fact.StateEdited(changes={"attempts": [{}, {"1": 2, "5a": 1}]})],
            {"attempts": {"1": 2, "5a": 1}, "failed": 2},
            id="an edit of the attempts counts",
        ),
        pytest.param(
            [fact.FeatureFailed(reason="x"), fact.StateEdited(changes={"notes": [[], ["n"]]})],
            {"notes": (Note(at(3), "n"),)},
            id="an edit of something else does not move the end",
        ),
        pytest.param([fact.LineAccepted(tree=HEAD)], {}, id="the line is no feature's"),
        pytest.param([fact.LogRepaired(offset=1, bytes=1, aside="x")], {}, id="nor is the log"),
        pytest.param(
            [OPEN, reached(), granted(), fact.ApprovalUndone(granted=4, gate=GATE)],
            {
                "carried": (), "gate": Waiting(GATE, 1, at(3), event=3), "granted": None, "place": HERE,
                "status": Status.PAUSED,
            },
            id="an approval that is taken back leaves the gate waiting",
        ),
        pytest.param(
            [OPEN, reached(), granted(), fact.ApprovalUndone(granted=3, gate=GATE)], {}, id="another approval does not"
        ),
    ],
)  # fmt: skip
def test_a_fact_changes_this_and_nothing_else(facts: list[Any], changed: dict[str, Any]) -> None:
    assert change(*facts) == changed


def test_undo_brings_back_the_whole_state_from_before_the_rollback() -> None:
    before: list[AnyPayload] = [OPEN, reached(opens=at(99))]
    undone = after(*before, ORDERED, EXECUTED, ORDERED, UNDONE)
    expected = msgspec.structs.replace(
        after(*before), tip=NEXT, reflog="10", ancestors=(1,), notes=(Note(at(7), "rollback undone"),),
        last=7, last_hash=f"{7:064x}", updated_at=at(7),
    )  # fmt: skip
    assert undone == expected


def test_undo_brings_back_a_pause_with_its_end() -> None:
    parked = fact.FeaturePaused(reason="quota", kind="parked", until=at(99))
    undone = after(parked, ORDERED, EXECUTED, ORDERED, UNDONE)
    waits = Waits("parked", "quota", at(2))
    assert (undone.status, undone.waits, undone.paused_until) == (Status.BLOCKED, waits, at(99))


def test_after_the_undo_of_an_automatic_rollback_the_feature_is_blocked_until_resume() -> None:
    by_itself: list[AnyPayload] = [
        msgspec.structs.replace(ORDERED, automatic=True),
        msgspec.structs.replace(EXECUTED, automatic=True),
        fact.FeatureFailed(reason="x", attempts=3),
    ]
    undone = after(OPEN, FAILED, *by_itself, ORDERED, UNDONE)
    waits = Waits("undone", "rollback undone", at(8))
    assert (undone.status, undone.waits, undone.notes[-1].note) == (Status.BLOCKED, waits, "rollback undone")
    again = after(OPEN, FAILED, *by_itself, ORDERED, UNDONE, (fact.FeatureResumed(), PERSON))
    assert (again.status, again.failed, again.attempts) == (Status.ACTIVE, 0, {})


def test_the_end_of_a_rollback_that_nobody_ordered_changes_nothing() -> None:
    assert change(EXECUTED) == {}
    assert change(UNDONE) == {}


def test_going_back_in_the_line_keeps_only_the_completed_workflows_before() -> None:
    done = fact.StateEdited(changes={"workflows_completed": [[], ["3.10", "1", "4.5", "2b", "3.9"]]})
    back = fact.ApprovalRejected(ordinal=1, gate=GATE, why="no", place=Place("3.9", 1, "1"))
    assert after(done, reached(), back).workflows_completed == ("1", "2b")


@pytest.mark.parametrize(
    ("kind", "status"), [("pause", Status.PAUSED), ("parked", Status.BLOCKED), ("after", Status.BLOCKED)]
)
def test_a_gate_that_is_decided_does_not_end_a_pause_from_before(kind: str, status: Status) -> None:
    paused = fact.FeaturePaused(reason="holiday", kind=kind)
    assert after(OPEN, paused, reached(), granted()).status is status
    rejected = fact.ApprovalRejected(ordinal=1, gate=GATE, why="no", place=HERE)
    assert after(OPEN, paused, reached(), rejected).status is status


def test_a_gate_that_an_edit_led_to_keeps_what_a_person_said_before() -> None:
    said = after(OPEN, reached(ASKED), granted(ASKED, HERE)).carried
    assert after(OPEN, reached(ASKED), granted(ASKED, HERE), reached(run="")).carried == said


def test_an_imported_feature_holds_all_that_its_file_held() -> None:
    found = imported(
        Place("4.5", 2, "2"),
        status="blocked",
        attempts={"4.5": 2, "5a": 1},
        workflows_completed=["1", "2b"],
        paused_until=at(99),
        notes=[{"timestamp": "t", "note": "n"}, "bare"],
        mine={"kept": [True]},
    )
    assert found == Feature(
        id=ID, branch="b", status=Status.BLOCKED, place=Place("4.5", 2, "2"), started=1, started_at=at(0),
        updated_at=at(1), last=1, last_hash=f"{1:064x}", tip=HEAD, judged=HEAD, first=HEAD, paused_until=at(99), failed=2,
        waits=Waits("pause", "blocked when it was imported", at(1)), workflows_completed=("1", "2b"),
        attempts={"4.5": 2, "5a": 1}, notes=(Note("t", "n"), Note(at(1), "bare")), extra={"mine": {"kept": [True]}},
    )  # fmt: skip


@pytest.mark.parametrize("status", ["active", "paused", "blocked"])
def test_a_feature_that_is_imported_at_a_gate_is_paused_there(status: str) -> None:
    found = imported(HERE, GATE, status=status, gate={"reached_at": at(0)})
    assert found is not None
    assert (found.status, found.gate, found.waits) == (Status.PAUSED, Waiting(GATE, 1, at(0), event=1), None)


def test_an_imported_feature_that_is_completed_stays_at_done() -> None:
    found = imported(status="completed", current_phase="done")
    assert found is not None
    assert (found.status, found.place.phase) == (Status.COMPLETED, "done")


def test_the_first_fact_of_a_feature_is_its_birth_or_is_passed_over() -> None:
    assert evolve(World(), event(Fact(fact.NoteAdded(note="x"), ID), 1)) == World()


def test_the_turn_is_with_the_feature_whose_attempt_began_last() -> None:
    history = History()
    history.start("login")
    history.start()
    history.begin()
    history.say(fact.NoteAdded(note="x"), "login")
    assert (history.world.last_served, history.of().served, history.of("login").served) == (ID, 4, 0)


def test_the_accepted_line_is_the_worlds() -> None:
    tree = Sha("d" * 40)
    assert evolve(World(), event(Fact(fact.LineAccepted(tree=tree)), 1)) == World(line=tree)


def test_a_fold_in_one_go_is_the_fold_event_by_event() -> None:
    history = History()
    history.start()
    history.start("login")
    for _ in range(3):
        history.work(LINE)
    history.approve(LINE)
    assert fold(World(), history.events) == history.world
    for cut in range(len(history.events)):
        assert fold(fold(World(), history.events[:cut]), history.events[cut:]) == history.world


def test_a_fold_leaves_the_world_it_began_with_as_it_was() -> None:
    history = History()
    history.start()
    before = history.world
    kept = msgspec.json.encode(before)
    history.work(LINE)
    assert msgspec.json.encode(before) == kept


@pytest.mark.parametrize("status", list(Status))
def test_active_paused_and_blocked_features_are_open(status: Status) -> None:
    is_open = status in (Status.ACTIVE, Status.PAUSED, Status.BLOCKED)
    assert msgspec.structs.replace(FIRST, status=status).is_open is is_open


def test_what_a_rollback_to_now_would_bring_back_is_position_completed_workflows_and_attempts() -> None:
    assert after(OPEN, FAILED).moment == Moment(HERE, (), {"1": 1})


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param([FAILED], id="a failure: the next try looks with fresh eyes"),
        pytest.param([fact.WorkflowCompleted(title="", next=THERE)], id="the workflow's end"),
        pytest.param([fact.StateEdited(changes={}, place=THERE)], id="an edit that moves it"),
    ],
)
def test_a_session_ends_with(facts: list[AnyPayload]) -> None:
    assert after(OPEN, CALLED).session is not None
    assert after(OPEN, CALLED, *facts).session is None


def test_what_was_spent_is_counted_day_by_day_by_the_logs_own_clock() -> None:
    world = World(features={ID: FIRST})
    called = event(Fact(CALLED, ID, "1", "1"), 2)
    for stamp in ("2025-11-20T23:59:00-03:00", "2025-11-20T23:59:59-03:00", "2025-11-21T00:00:01-03:00"):
        world = evolve(world, msgspec.structs.replace(called, timestamp=stamp))
    assert (world.day, world.spent) == ("2025-11-21", Spent(1, 4, 0.25, 300))
    assert world.features[ID].spent == Spent(3, 12, 0.75, 900)
