"""What a feature is handed next and where it goes on: PRODUCT.md, "How a document is run"."""

from __future__ import annotations

import pytest

from orchestrator.core.events import Gate, Place
from orchestrator.core.state import Decision
from orchestrator.core.steps import (
    Line,
    Step,
    carried_section,
    completes,
    document_of,
    find_place,
    goes_on,
    label,
    next_step,
    reached,
    start,
    stops_between,
)
from orchestrator.errors import Refusal
from tests.core.history import DEPLOY, HUMAN, LINE, PERSON, PHASES, History, at, line

OPENING = (
    "# Plan it\n\nRead the plan.\n\n## GATE 7: The plan\n\nAPPROVE the plan? (yes/no)\n\nAfterwards pin it up.\n\n"
    "## Phase 0: Begin\n\nBegin.\n"
)
TWICE = (
    "# Twice\n\n## Phase 1: Both\n\nDo it.\n\n### GATE 1: One\n\nAPPROVE one? (yes/no)\n\nThen file one.\n\n"
    "### GATE 2: Two\n\nAPPROVE two? (yes/no)\n\nThen file two.\n"
)
LAST = "# Last\n\n## Phase 1: Ask\n\nAsk.\n\n### GATE 3: Done\n\nAPPROVE the end? (yes/no)\n\nThen file it.\n"
BARE = "# Bare\n\nOnly do it.\n"
CHECKED = "# Checked\n\n## Phase 1: Test\n\n### GATE 4: Tests\n\nRun `npm test`.\n\n## Phase 2: Go\n\nGo.\n"

SHIPPED = Place("3", 1, "1", begun=True)
DRAWN = Place("2", 1, "1", begun=True)
SCREENS = LINE.documents[1].gates[0]
PRODUCTION = LINE.documents[2].gates[0]


def decided(place: Place, *keys: str) -> Place:
    return Place(place.workflow, place.ordinal, place.phase, keys, place.begun)


def said(gate: Gate, workflow: str, verdict: str = "approved") -> Decision:
    return Decision(gate, workflow, 1, verdict, "", PERSON, at(1))


# --- a step ----------------------------------------------------------------------------------------


def test_a_step_is_one_phase_where_nothing_stops_and_every_step_holds_the_documents_beginning() -> None:
    assert next_step(LINE, Place("1", 2, "2")) == Step(
        workflow="1", title="Make it", covers=(Place("1", 2, "2"),), phase_title="Check",
        text="## Phase 2: Check\n\nCheck it.", opening="# Make it\n\nRead this first.\n", stop=None,
    )  # fmt: skip


def test_a_gate_cuts_after_the_block_that_holds_its_trigger() -> None:
    assert next_step(LINE, DRAWN) == Step(
        workflow="2", title="Show it", covers=(DRAWN,), phase_title="Draw",
        text="## Phase 1: Draw\n\nDraw the screen.\n\n### GATE 1: Screens\n\nShow both screens.\n\n"
        "APPROVE the screens? (yes/no)",
        opening="# Show it\n\nRead that first.\n", stop=SCREENS,
    )  # fmt: skip


def test_after_the_first_of_two_gates_the_piece_begins_at_its_heading_and_ends_at_the_second() -> None:
    twice = line(w1=TWICE)
    one, two = twice.documents[0].gates
    text = "### GATE 1: One\n\nAPPROVE one? (yes/no)\n\nThen file one.\n\n### GATE 2: Two\n\nAPPROVE two? (yes/no)"
    found = next_step(twice, Place("1", 1, "1", (one.key,), True))
    assert (found.text, found.stop) == (text, two)


def test_after_a_decided_deploy_gate_its_whole_section_is_handed_out_and_no_stop_is_left() -> None:
    text = (
        "### GATE 2: Production\n\nShow the version.\n\nAPPROVE the deploy to production? (yes/no)\n\n"
        "Then run the ship script."
    )
    found = next_step(LINE, decided(SHIPPED, PRODUCTION.key))
    assert (found.text, found.stop) == (text, None)


def test_a_stop_before_the_first_phase_makes_that_text_a_step_and_nothing_behind_the_stop_is_shown() -> None:
    plan = line(w1=OPENING)
    found = next_step(plan, start(plan.documents[0]))
    assert found == Step(
        workflow="1", title="Plan it", covers=(Place("1", 0, "0"),), phase_title="Plan it",
        text="# Plan it\n\nRead the plan.\n\n## GATE 7: The plan\n\nAPPROVE the plan? (yes/no)", opening="",
        stop=plan.documents[0].gates[0],
    )  # fmt: skip


def test_a_second_stop_before_the_first_phase_comes_with_what_was_to_be_read_first() -> None:
    cost = "## GATE 8: The cost\n\nAPPROVE the cost? (yes/no)"
    plan = line(w1=OPENING.replace("## Phase 0", f"{cost}\n\n## Phase 0"))
    one, two = plan.documents[0].gates
    text = f"## GATE 7: The plan\n\nAPPROVE the plan? (yes/no)\n\nAfterwards pin it up.\n\n{cost}"
    found = next_step(plan, Place("1", 0, "0", (one.key,), True))
    assert (found.opening, found.text, found.stop) == ("# Plan it\n\nRead the plan.\n\n", text, two)


def test_a_document_without_phases_is_one_implicit_phase_and_has_no_beginning_of_its_own() -> None:
    assert next_step(line(w1=BARE), Place("1", 1, "1")) == Step(
        workflow="1", title="Bare", covers=(Place("1", 1, "1"),), phase_title="Bare", text="# Bare\n\nOnly do it.",
        opening="", stop=None,
    )  # fmt: skip


def test_a_validation_gate_stops_nobody() -> None:
    found = next_step(line(w1=CHECKED), Place("1", 1, "1"))
    assert found.stop is None
    assert found.text.endswith("Run `npm test`.")


def test_with_granularity_workflow_a_step_goes_up_to_the_next_gate() -> None:
    whole = next_step(LINE, Place("1", 1, "1", begun=True), whole_workflow=True)
    assert (whole.covers, whole.text, whole.stop) == (
        (Place("1", 1, "1", begun=True), Place("1", 2, "2", begun=True)),
        "## Phase 1: Write\n\nWrite it.\n\n## Phase 2: Check\n\nCheck it.",
        None,
    )
    assert next_step(LINE, DRAWN, whole_workflow=True) == next_step(LINE, DRAWN)


def test_a_step_of_a_document_that_approves_a_merge_says_so() -> None:
    merge = line(
        w1="# M\n\n## Phase 1: M\n\n### GATE 1: Merge\n\nMerge the branch into main. APPROVE the merge? (yes/no)\n"
    )
    assert next_step(merge, Place("1", 1, "1")).merges
    assert not next_step(LINE, DRAWN).merges


@pytest.mark.parametrize(
    ("place", "what", "hint"),
    [
        (
            Place("9", 1, "1"),
            "workflow 9 is not in the line",
            "put its document back, or move the feature: orchestrator set FEATURE workflow ID",
        ),
        (
            Place("1", 3, "2b"),
            "docs/add-feature-1-x.md has no phase number 3 any more (phase 2b)",
            "put the phase back, or move the feature: orchestrator set FEATURE phase ID",
        ),
        (
            Place("1", 0, "0"),
            "docs/add-feature-1-x.md has no phase number 0 any more (phase 0)",
            "put the phase back, or move the feature: orchestrator set FEATURE phase ID",
        ),
    ],
)
def test_a_place_that_is_gone_is_named_with_what_mends_it(place: Place, what: str, hint: str) -> None:
    with pytest.raises(Refusal) as caught:
        document_of(LINE, place)
    assert (str(caught.value), caught.value.hint) == (what, hint)


# --- where it goes on ------------------------------------------------------------------------------


def test_after_a_gate_the_next_phase_of_the_document_follows() -> None:
    assert goes_on(LINE, DRAWN, SCREENS, "approved") == Place("2", 2, "2", begun=True)


def test_a_human_gate_that_no_phase_follows_spends_no_step() -> None:
    last = line(w1=LAST)
    assert goes_on(last, Place("1", 1, "1", begun=True), last.documents[0].gates[0], "approved") is None


def test_a_deploy_gate_that_no_phase_follows_has_its_section_handed_out_once_more() -> None:
    assert goes_on(LINE, SHIPPED, PRODUCTION, "approved") == decided(SHIPPED, PRODUCTION.key)


def test_a_deploy_gate_that_a_phase_follows_goes_on_there() -> None:
    shipped = line(w1=DEPLOY + "\n## Phase 2: Tell\n\nTell them.\n")
    gate = shipped.documents[0].gates[0]
    assert goes_on(shipped, Place("1", 1, "1", begun=True), gate, "approved") == Place("1", 2, "2", begun=True)


def test_a_second_gate_in_the_phase_keeps_the_feature_there() -> None:
    twice = line(w1=TWICE)
    one, two = twice.documents[0].gates
    here = Place("1", 1, "1", begun=True)
    assert goes_on(twice, here, one, "approved") == decided(here, one.key)
    assert goes_on(twice, decided(here, one.key), two, "approved") is None


def test_behind_a_gate_in_the_beginning_the_first_phase_follows() -> None:
    plan = line(w1=OPENING)
    gate = plan.documents[0].gates[0]
    assert goes_on(plan, Place("1", 0, "0", begun=True), gate, "approved") == Place("1", 1, "0", begun=True)


def test_a_workflow_that_is_not_begun_is_not_begun_by_a_decision() -> None:
    """Its rollback point is still to be made: before its first attempt (an edit, or an import, led to its gate)."""
    assert goes_on(LINE, Place("2", 1, "1"), SCREENS, "approved") == Place("2", 2, "2")
    assert goes_on(LINE, Place("3", 1, "1"), PRODUCTION, "approved") == Place("3", 1, "1", (PRODUCTION.key,))


def test_a_decision_completes_the_phase_unless_more_of_it_is_handed_out() -> None:
    assert completes(DRAWN, Place("2", 2, "2", begun=True))
    assert completes(DRAWN, None)
    assert not completes(SHIPPED, decided(SHIPPED, PRODUCTION.key))


# --- the section of a decided gate -----------------------------------------------------------------


def test_the_whole_section_of_a_decided_gate_goes_with_the_next_phase() -> None:
    assert carried_section(LINE, said(reached(SCREENS), "2"), Place("2", 2, "2")) == (
        "### GATE 1: Screens\n\nShow both screens.\n\nAPPROVE the screens? (yes/no)\n\nAfterwards file them.\n"
    )


def test_the_section_is_not_shown_twice_where_the_piece_holds_it() -> None:
    assert carried_section(LINE, said(reached(PRODUCTION), "3"), SHIPPED) == ""


def test_a_rejected_a_reported_and_a_vanished_gate_carry_no_section() -> None:
    reported = Gate(key="reported r", type="human", trigger="which?", heading="which?", reported=True)
    there = Place("2", 2, "2")
    assert carried_section(LINE, said(reached(SCREENS), "2", "rejected"), there) == ""
    assert carried_section(LINE, said(reported, "2"), there) == ""
    assert carried_section(line(w2=PHASES), said(reached(SCREENS), "2"), there) == ""
    assert carried_section(Line(), said(reached(SCREENS), "2"), there) == ""


# --- the line ---------------------------------------------------------------------------------------


def test_the_line_begins_at_its_first_document_and_an_empty_one_nowhere() -> None:
    assert LINE.beginning() == Place("1", 1, "1")
    assert line(w1=OPENING).beginning() == Place("1", 0, "0")
    assert Line().beginning() is None


def test_what_follows_is_found_also_behind_a_document_that_is_gone() -> None:
    gappy = line(**{"w2b": PHASES, "w3.9": HUMAN, "w3.10": PHASES})
    assert gappy.following("2a") == Place("2b", 1, "1")
    assert gappy.following("2b") == Place("3.9", 1, "1")
    assert gappy.following("3.9") == Place("3.10", 1, "1")
    assert gappy.following("3.10") is None


def test_a_pause_is_the_gates_of_its_workflow() -> None:
    paused = Line(documents=LINE.documents, pauses={("2", SCREENS.key): 86400.0})
    assert (paused.pause("2", SCREENS.key), paused.pause("3", SCREENS.key)) == (86400.0, 0.0)


# --- the undecided stops on a way -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("here", "there", "completed", "met"),
    [
        (Place("1", 1, "1"), Place("2", 1, "1"), (), []),
        (Place("1", 1, "1"), Place("2", 2, "2"), (), ["2"]),
        (Place("1", 1, "1"), Place("9"), (), ["2", "3"]),
        (Place("2", 2, "2"), Place("9"), (), ["3"]),
        (Place("2", 1, "1"), Place("3", 1, "1"), (), ["2"]),
        (Place("2", 1, "1", (SCREENS.key,)), Place("3", 1, "1"), (), []),
        (Place("1", 1, "1"), Place("3", 1, "1"), ("2",), []),
        (Place("2", 1, "1"), Place("3", 1, "1"), ("2",), ["2"]),
        (Place("3", 1, "1"), Place("1", 1, "1"), (), []),
        (Place("2", 2, "2"), Place("2", 1, "1"), (), []),
    ],
)
def test_the_undecided_stops_between_two_places(
    here: Place, there: Place, completed: tuple[str, ...], met: list[str]
) -> None:
    assert [place.workflow for place, _ in stops_between(LINE, here, there, completed)] == met


def test_a_stop_on_the_way_comes_with_the_place_it_lies_in_and_what_was_decided_there() -> None:
    twice = line(w1=TWICE)
    one, two = twice.documents[0].gates
    here = Place("1", 1, "1", (one.key,), True)
    assert list(stops_between(twice, here, Place("9"), ())) == [(Place("1", 1, "1", (one.key,)), two)]


# --- places by name -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("workflow", "phase", "place"),
    [
        ("2", "", Place("2", 1, "1")),
        ("2", "2", Place("2", 2, "2")),
        ("2", "gate 1", Place("2", 1, "1")),
        ("2", "GATE 1: Screens", Place("2", 1, "1")),
        ("4", "", Place("4", 0, "0")),
        ("4", "GATE 7", Place("4", 0, "0")),
    ],
)
def test_a_place_is_named_by_its_phase_as_written_or_by_a_gate(workflow: str, phase: str, place: Place) -> None:
    named = Line(documents=(*LINE.documents, line(w4=OPENING).documents[0]))
    assert find_place(named, workflow, phase)[0] == place


def test_the_text_before_the_first_phase_is_named_0_unless_a_phase_is() -> None:
    plain = OPENING.replace("Phase 0", "Phase 1")
    assert find_place(line(w1=plain), "1", "0") == (Place("1", 0, "0"), None)
    assert find_place(line(w1=OPENING), "1", "0") == (Place("1", 1, "0"), None)


@pytest.mark.parametrize(
    ("workflow", "phase", "what", "hint"),
    [
        ("7", "", "there is no workflow '7' in the line", "the line has 1, 2, 3"),
        ("1", "5", "docs/add-feature-1-x.md has no phase '5'", "it has 1, 2"),
        ("1", "0", "docs/add-feature-1-x.md has no phase '0'", "it has 1, 2"),
    ],
)
def test_a_name_for_no_place_is_answered_with_those_there_are(workflow: str, phase: str, what: str, hint: str) -> None:
    with pytest.raises(Refusal) as caught:
        find_place(LINE, workflow, phase)
    assert (str(caught.value), caught.value.hint) == (what, hint)


def test_at_a_gate_the_phase_is_shown_as_its_label_or_where_it_has_none_as_the_phases_id() -> None:
    history = History()
    history.start(at=Place("2", 1, "1"))
    assert label(history.of()) == "1"
    history.work(LINE)
    assert label(history.of()) == "GATE 1"
    nameless = line(w1="# N\n\n## Phase 1.5: Ask\n\nAsk the user: APPROVE it? (yes/no)\n")
    unlabelled = History()
    unlabelled.start(at=Place("1", 1, "1.5"))
    unlabelled.work(nameless)
    assert unlabelled.of().gate is not None
    assert label(unlabelled.of()) == "1.5"
