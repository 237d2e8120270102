"""Edits by hand: what of them is taken over, and what only a person at a gate may change (COMPAT.md, Habits)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core import events as fact
from orchestrator.core.edits import edited, imported_place, problem
from orchestrator.core.events import AnyPayload, Gate, Place
from orchestrator.core.steps import Line, reached
from orchestrator.core.values import Status
from orchestrator.log.projections import state
from tests.core.history import HUMAN, LINE, PERSON, PHASES, History, document

SCREENS = LINE.documents[1].gates[0]
PRODUCTION = LINE.documents[2].gates[0]
FILE = ".context/feat-payment_orchestrator-state.json"
COMPLETE = {
    "feature": "feat-payment",
    "branch": "feat/payment",
    "status": "active",
    "current_workflow": "1",
    "started_at": "2025-11-20T08:00:00-03:00",
    "updated_at": "2025-11-20T10:30:00-03:00",
}


def started(at: Place | None = None) -> History:
    history = History()
    history.start(at=at)
    return history


def at_gate() -> History:
    history = started(Place("2", 1, "1"))
    history.work(LINE)
    return history


def edit(history: History, line: Line = LINE, **changes: Any) -> list[AnyPayload]:
    """Return the facts of an edit of the state file; an Ellipsis takes a key away."""
    old = msgspec.json.decode(msgspec.json.encode(state(history.of())))
    new = {key: value for key, value in {**old, **changes}.items() if value is not ...}
    facts = edited(history.of(), line, old, new, PERSON, FILE)
    assert all(one.feature == "feat-payment" and one.actor in (PERSON, "kit") for one in facts)
    history.record(facts)
    return [told(one.payload) for one in facts]


def told(payload: AnyPayload) -> AnyPayload:
    """Return a payload without what was wanted and not taken over, which a test of its own looks at."""
    return msgspec.structs.replace(payload, wanted={}) if isinstance(payload, fact.StateEdited) else payload


def taken(changes: dict[str, Any], *refused: str, place: Place | None = None) -> fact.StateEdited:
    return fact.StateEdited(changes=changes, place=place, refused=refused, file=FILE)


# --- what is taken over --------------------------------------------------------------------------------


def test_a_file_that_says_what_the_log_says_is_no_edit() -> None:
    assert edit(started()) == []
    assert edit(started(), updated_at="later", event={"id": 1}, version=1) == []


def test_an_edit_is_one_fact_with_the_difference_and_who_made_it() -> None:
    history = started()
    assert edit(history, status="paused", owner="ana") == [
        taken({"status": ["active", "paused"], "owner": [None, "ana"]})
    ]
    assert (history.events[-1].actor, history.of().status, history.of().extra) == (
        PERSON,
        Status.PAUSED,
        {"owner": "ana"},
    )


def test_a_pause_is_ended_by_an_edit() -> None:
    history = started()
    history.say(fact.FeaturePaused(reason="quota", kind="parked", until="2025-11-21T08:00:00-03:00"))
    changes = {"status": ["blocked", "active"], "paused_until": ["2025-11-21T08:00:00-03:00", None]}
    assert edit(history, status="active", paused_until=None) == [taken(changes)]
    assert (history.of().status, history.of().paused_until, history.of().waits) == (Status.ACTIVE, None, None)


def test_attempts_notes_and_completed_workflows_are_taken_over() -> None:
    history = started(Place("2", 2, "2"))
    notes = [{"timestamp": "t", "note": "n"}]
    changes = {"workflows_completed": [[], ["1"]], "attempts": [{}, {"2": 2}], "notes": [[], notes]}
    assert edit(history, attempts={"2": 2}, notes=notes, workflows_completed=["1"]) == [taken(changes)]
    feature = history.of()
    assert (feature.attempts, feature.failed, feature.workflows_completed) == ({"2": 2}, 2, ("1",))


def test_a_key_of_the_users_own_that_is_gone_is_gone() -> None:
    history = started()
    edit(history, owner="ana")
    assert edit(history, owner=...) == [taken({"owner": ["ana", None]})]
    assert history.of().extra == {}


def test_the_position_may_be_moved_where_no_undecided_stop_lies_between() -> None:
    history = started()
    there = Place("2", 1, "1")
    assert edit(history, current_workflow="2", current_phase="1") == [taken({}, place=there)]
    assert history.of().place == there


def test_a_workflow_alone_is_its_beginning_and_a_phase_alone_is_one_of_the_same_workflow() -> None:
    history = started(Place("1", 2, "2"))
    edit(history, current_workflow="2")
    assert history.of().place == Place("2", 1, "1")
    history = started()
    history.begin()
    history.say(fact.AttemptInterrupted(ordinal=1, run="r", reason="x"))
    edit(history, current_phase="2")
    assert history.of().place == Place("1", 2, "2", begun=True)


def test_back_in_the_line_is_always_free() -> None:
    history = started(Place("3", 1, "1"))
    edit(history, current_workflow="1", current_phase="2")
    assert history.of().place == Place("1", 2, "2")


def test_completed_by_an_edit_is_a_fact_of_its_own() -> None:
    history = started(Place("2", 2, "2"))
    plain = Line(documents=LINE.documents[:2])
    assert edit(history, plain, status="completed") == [taken({}), fact.FeatureCompleted()]
    assert (history.of().status, history.of().place.phase) == (Status.COMPLETED, "done")


# --- what is not --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("feature", "feat-other"),
        ("branch", "main"),
        ("rollback_points", [{"n": 1, "commit": "x"}]),
        ("gate", {"type": "human", "trigger": "mine"}),
    ],
)
def test_what_is_the_logs_alone_is_not_changed_and_the_user_is_told(key: str, value: Any) -> None:
    history = started()
    before = state(history.of())[key]
    assert edit(history, **{key: value}) == [taken({}, f"{key} is not changed by an edit")]
    assert state(history.of())[key] == before


def test_a_place_that_is_not_in_the_line_is_refused_with_those_that_are() -> None:
    history = started()
    assert edit(history, current_workflow="7") == [taken({}, "there is no workflow '7' in the line")]
    assert edit(history, current_phase="9") == [taken({}, "docs/add-feature-1-x.md has no phase '9'")]
    assert history.of().place == Place("1", 1, "1")


@pytest.mark.parametrize(
    "changes",
    [
        {"gate": None},
        {"status": "active"},
        {"status": "completed"},
        {"current_workflow": "3"},
        {"current_phase": "2"},
        {"workflows_completed": ["2"]},
        {"paused_until": "2020-01-01T00:00:00Z"},
    ],
)
def test_a_gate_is_not_passed_by_an_edit(changes: dict[str, Any]) -> None:
    history = at_gate()
    before = history.of()
    (payload,) = edit(history, **changes)
    (key,) = changes
    assert payload == taken({}, f"payment waits at a gate; an edit of {key} does not pass it")
    now = history.of()
    assert (now.gate, now.status, now.place, now.workflows_completed) == (before.gate, Status.PAUSED, before.place, ())


def test_at_a_gate_all_else_of_an_edit_is_still_taken_over() -> None:
    history = at_gate()
    assert edit(history, gate=None, owner="ana", notes=["seen"]) == [
        taken(
            {"notes": [[], ["seen"]], "owner": [None, "ana"]},
            "payment waits at a gate; an edit of gate does not pass it",
        )
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"current_workflow": "3", "current_phase": "1"},
        {"current_workflow": "2", "current_phase": "2"},
        {"workflows_completed": ["1", "2"]},
        {"status": "completed"},
        {"status": "completed", "current_workflow": "3", "workflows_completed": ["1", "2", "3"]},
    ],
)
def test_an_edit_that_goes_forward_over_an_undecided_stop_stops_there(changes: dict[str, Any]) -> None:
    history = started()
    stop = Place("2", 1, "1")
    done = [["1"]] if "workflows_completed" in changes else []
    assert edit(history, **changes) == [
        taken(
            {"workflows_completed": [[], *done]} if done else {},
            "GATE 1: Screens (2) is undecided; the feature stops there",
            place=stop,
        ),
        fact.GateReached(ordinal=1, gate=reached(SCREENS)),
    ]
    feature = history.of()
    completed = ("1",) if done else ()
    assert (feature.status, feature.place, feature.workflows_completed) == (Status.PAUSED, stop, completed)
    assert feature.gate is not None


def test_what_an_edit_wanted_and_did_not_get_is_kept_in_the_fact() -> None:
    history = at_gate()
    edit(history, gate=None, status="active", owner="ana")
    payload = history.events[-1].payload
    assert isinstance(payload, fact.StateEdited)
    assert (list(payload.changes), sorted(payload.wanted)) == (["owner"], ["gate", "status"])
    assert payload.wanted["status"] == ["paused", "active"]


def test_behind_a_stop_that_an_edit_led_to_the_workflow_gets_its_rollback_point_before_the_first_attempt() -> None:
    history = started()
    edit(history, current_workflow="3")
    assert history.approve(LINE).place == Place("2", 2, "2")


def test_a_stop_that_was_decided_in_this_phase_is_passed() -> None:
    twice = (
        "# T\n\n## Phase 1: B\n\n### GATE 1: A\n\nAPPROVE a? (yes/no)\n\n### GATE 2: B\n\nAPPROVE b? (yes/no)\n\n"
        "## Phase 2: C\n\nGo.\n"
    )
    line = Line(documents=(document(twice, "1"),))
    history = started()
    history.work(line)
    history.approve(line)
    payloads = edit(history, line, current_phase="2")
    assert payloads[1] == fact.GateReached(ordinal=1, gate=reached(line.documents[0].gates[1]))
    assert history.of().place.decided == ("GATE 1: A",)


def test_stops_of_workflows_that_were_completed_before_are_not_asked_again() -> None:
    history = started()
    for _ in range(3):
        history.work(LINE)
    history.approve(LINE)
    history.work(LINE)
    assert history.of().place.workflow == "3"
    edit(history, current_workflow="1")
    edit(history, current_workflow="3")
    assert (history.of().place, history.of().gate) == (Place("3", 1, "1"), None)


def test_what_a_person_said_before_survives_an_edit_that_leads_to_a_stop() -> None:
    history = at_gate()
    history.approve(LINE, answer="option B")
    edit(history, status="completed")
    assert [one.answer for one in history.of().carried] == ["option B"]


values = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(list(map(str, Status))),
        "current_workflow": st.sampled_from(["1", "2", "3", "7"]),
        "current_phase": st.sampled_from(["1", "2", "GATE 1", "GATE 2", "done", "x"]),
        "workflows_completed": st.lists(st.sampled_from(["1", "2", "3", "7"]), max_size=3),
        "gate": st.sampled_from([None, {"type": "human", "approved_at": "now"}]),
        "attempts": st.sampled_from([{}, {"2": 2}]),
        "paused_until": st.sampled_from([None, "2020-01-01T00:00:00Z"]),
        "rollback_points": st.just([]),
    },
)


@given(changes=st.lists(values, max_size=5))
@settings(max_examples=80, deadline=None)
def test_no_sequence_of_edits_passes_an_undecided_stop(changes: list[dict[str, Any]]) -> None:
    history = started()
    for one in changes:
        edit(history, **one)
        place = history.of().place
        assert (place.workflow, place.ordinal) <= ("2", 1)
        assert not set(place.decided)
        assert history.of().status is not Status.COMPLETED


# --- a state file by itself ----------------------------------------------------------------------------


@pytest.mark.parametrize("key", sorted(COMPLETE))
def test_a_state_file_needs_its_six_keys(key: str) -> None:
    assert problem(COMPLETE) == ""
    assert problem({name: value for name, value in COMPLETE.items() if name != key}) == f"{key} is missing or no text"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"status": "waiting"}, "status 'waiting' is none of active, paused, blocked, completed, failed"),
        ({"attempts": {"1": "two"}}, "attempts is no table of whole numbers"),
        ({"attempts": [1]}, "attempts is no table of whole numbers"),
        ({"notes": "x"}, "notes is no list"),
        ({"workflows_completed": "1"}, "workflows_completed is no list"),
        ({"paused_until": 5}, "paused_until is no text"),
        ({"gate": "GATE 1"}, "gate is no object"),
        ({"started_at": 5}, "started_at is missing or no text"),
        ({"attempts": None, "notes": None, "gate": None, "paused_until": None, "mine": [1]}, ""),
    ],
)
def test_what_is_wrong_in_a_state_file_is_named(changes: dict[str, Any], why: str) -> None:
    assert problem({**COMPLETE, **changes}) == why


def test_what_is_no_object_is_no_state() -> None:
    assert problem([COMPLETE]) == "it is no JSON object"


# --- a state that the kit has never seen -----------------------------------------------------------------

OPEN_GATE = {"type": "human", "trigger": "screenshot validation", "reached_at": "t", "approved_at": None}


@pytest.mark.parametrize(
    ("workflow", "phase", "gate", "place", "waits"),
    [
        ("1", "2", None, Place("1", 2, "2"), None),
        ("1", None, None, Place("1", 1, "1"), None),
        ("2", "0", None, Place("2", 1, "1"), None),
        ("4.5", "1.5", None, Place("4.5", 1, "1.5"), None),
        ("2", "GATE 1", OPEN_GATE, Place("2", 1, "1"), reached(SCREENS)),
        ("2", "GATE 1", {**OPEN_GATE, "approved_at": "t"}, Place("2", 1, "1", (SCREENS.key,)), None),
        (
            "2",
            "GATE 9",
            OPEN_GATE,
            Place("2", 1, "1"),
            Gate("", "human", "screenshot validation", "screenshot validation", label="GATE 9", reported=True),
        ),
        (
            "1",
            "2",
            {"type": "deploy"},
            Place("1", 2, "2"),
            Gate(key="", type="deploy", trigger="2", heading="2", label="2", reported=True),
        ),
    ],
)
def test_an_unknown_state_is_imported_where_it_stands(
    workflow: str, phase: str | None, gate: dict[str, Any] | None, place: Place, waits: Gate | None
) -> None:
    found = {**COMPLETE, "current_workflow": workflow, "current_phase": phase, "gate": gate}
    assert imported_place(LINE, found) == (place, waits)


def test_a_state_from_before_the_kit_is_imported_where_its_document_has_a_text_before_its_phases() -> None:
    opening = "# P\n\n## GATE 7: The plan\n\nAPPROVE the plan? (yes/no)\n\n## Phase 1: Begin\n\nBegin.\n"
    line = Line(documents=(document(opening, "1"), document(PHASES, "2"), document(HUMAN, "3")))
    assert imported_place(line, {**COMPLETE, "current_phase": "0"}) == (Place("1", 0, "0"), None)
