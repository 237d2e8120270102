"""The facts as the log keeps them: a promise, so what 0.1.0 wrote is decoded to the same values for ever."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from orchestrator.core import events as fact
from orchestrator.core.events import AnyPayload, Event, Fact, Gate, Moment, Place
from orchestrator.core.values import FeatureId, Sha
from orchestrator.errors import BrokenLog
from orchestrator.log import facts, records
from orchestrator.log.records import START, Draft, Head, Record

# Once 0.1.0 is out this file stays as it is, and what a later version adds gets a golden file of its own. Until then
# a new field is filled below and the file is written again: GOLDEN.write_bytes(b"".join(map(records.line, chained()))).
GOLDEN = Path(__file__).with_name("golden") / "0.1.0.jsonl"
TIME = "2025-11-20T10:30:00.000-03:00"

ONE, TWO, THREE = (Sha(letter * 40) for letter in "abc")
PLACE = Place(workflow="4.5a", ordinal=2, phase="1.5", decided=("GATE 1: Telas",), begun=True)
THERE = Place(workflow="5a", ordinal=0, phase="0")
CHECKED = fact.Checked(command="npm test", exit=0, seconds=1.5, tail="ok", where="/tree", tree=TWO)
EVIDENCE = fact.Evidence(
    base=ONE, tree=TWO, context="d1", document="d2", section="### GATE 1", cost=0.25, turns=4,
    files=(fact.Exhibit(path="a.png", sha256="d3", bytes=9), fact.Exhibit(path="b.png", why="it is not there")),
)  # fmt: skip
MOMENT = Moment(place=PLACE, workflows_completed=("1", "2b"), attempts={"4.5a": 2})
GATE = Gate(
    key="GATE 1: Telas #2", type="human", trigger="aprovar? (sim/não)", heading="GATE 1: Telas", line=30,
    label="GATE 1", why="asks a person", condition="se houver tela", reported=True, evidence=("shots/a.png",),
    note="both drawn",
)  # fmt: skip

PAYLOADS: tuple[AnyPayload, ...] = (
    fact.FeatureCreated(
        branch="feat/payment", commit=ONE, place=THERE, base="main", adopted=True, after=FeatureId("feat-login"),
        reflog="1:2",
    ),
    fact.FeatureImported(
        branch="feature/4.3", commit=ONE, place=PLACE, state={"feature": "feat-payment", "mine": [1]}, gate=GATE,
        reflog="1:2",
    ),
    fact.WorktreeCreated(path="/home/ana/shop.worktrees/payment"),
    fact.WorkflowStarted(title="Review", file="docs/add-feature-4.5a-review.md", digest="d1", configuration="d2", n=7),
    fact.WorkflowCompleted(title="Review", next=THERE),
    fact.FeatureCompleted(),
    fact.FeatureFailed(reason="the validation failed", attempts=3),
    fact.FeatureRetired(commit=ONE, snapshot=TWO),
    fact.PhaseStarted(
        ordinal=2, attempt=3, run="r1", title="Telas", worktree="/tree", agent="claude", deadline=TIME,
        decided=("GATE 1: Telas",), brief="d3", missing=("feat-payment_decisions.md",), carried=1,
    ),
    fact.PhaseCompleted(
        ordinal=2, run="r1", seconds=2.5, next=PLACE, checked=CHECKED, note="done", cost=0.25, turns=4
    ),
    fact.GateReached(
        ordinal=2, gate=GATE, run="r1", seconds=2.5, opens=TIME, checked=CHECKED, commit=ONE, left=TWO,
        evidence=EVIDENCE,
    ),
    fact.AttemptFailed(
        ordinal=2, attempt=1, run="r1", reason="it failed", command="npm test", exit=1, tail="no", kept="refs/x",
        commit=TWO, left=THREE, seconds=2.5, tried=("draw it",), changed=("1\t0\ta.txt",),
    ),
    fact.AgentEnded(
        run="r1", client="claude", ended="refused", session="s1", resumed=True, seconds=2.5, turns=4, tokens=900,
        cost=0.25, total=0.5, total_tokens=1800, denied=("Bash npm test",), error="no", summary="drawn",
    ),
    fact.AttemptInterrupted(ordinal=2, run="r1", reason="the kit did not survive it", left=TWO),
    fact.ApprovalGranted(
        ordinal=2, gate=GATE, door="terminal", verdict="skipped", answer="option B", batch="b1", waited=60.5, shown=2.5,
        commit=ONE, next=PLACE, statement="d5", signer="ana@example.org",
    ),
    fact.ApprovalUndone(granted=12, gate=GATE, reason="its commit left the branch", voided=True),
    fact.SittingHeld(statement="{}", door="terminal", signature="-----BEGIN", signer="ana@example.org"),
    fact.SignerAdded(name="ana@example.org", key="ssh-ed25519 AAAA", statement="d5"),
    fact.SignerRevoked(name="ana@example.org", key="ssh-ed25519 AAAA", statement="d6"),
    fact.ApprovalRejected(ordinal=2, gate=GATE, why="too dark", place=PLACE),
    fact.FeaturePaused(reason="quota", kind="parked", until=TIME, run="r1", after=FeatureId("feat-login"), left=TWO),
    fact.FeatureResumed(reason="the pause is over"),
    fact.CheckpointCreated(
        n=7, commit=ONE, snapshot=TWO, taken=TIME, committed=TIME, cause="workflow", action="commit: x", run="r1",
        late=True, reflog="1:2", ancestors=(1, 7),
    ),
    fact.BranchMoved(commit=None, action="reset: moving", reflog="1:2", ancestors=()),
    fact.BackupCreated(
        n=7, commit=ONE, snapshot=TWO, path=".context/backups/x.tar.gz", sha256="d4", files=5, bytes=900, cause="hand",
        dropped=(3, 4),
    ),
    fact.RollbackOrdered(
        operation="o1", n=7, commit=ONE, snapshot=TWO, old=THREE, moment=MOMENT, reason="by hand", automatic=True,
        late=True, undoes="o0", rescue="refs/y", context=TWO, worktree="/tree",
    ),
    fact.RollbackExecuted(
        operation="o1", n=7, commit=ONE, rescue="refs/y", seconds=0.5, automatic=True, written=3, removed=2,
        reflog="1:2", ancestors=(1,), rescued=THREE,
    ),
    fact.RollbackUndone(
        operation="o2", undoes="o1", commit=THREE, rescue="refs/z", seconds=0.5, reflog="1:2", ancestors=(1, 7),
        rescued=ONE,
    ),
    fact.RollbackAborted(operation="o1", reason="pushed commits"),
    fact.StateEdited(
        changes={"status": ["active", "paused"]}, wanted={"gate": [{}, None]}, place=PLACE, refused=("gate",),
        file=".context/feat-payment_x.json",
    ),
    fact.NoteAdded(note="ligar para a Ana"),
    fact.LineAccepted(tree=ONE, changes=("GATE 1 is gone",), door="terminal", statement="d7"),
    fact.LogRepaired(offset=120, bytes=7, aside="events.torn-1", why="it does not end in a newline"),
)  # fmt: skip

FACTS = tuple(Fact(one, FeatureId("feat-payment"), "4.5a", "1.5", "person:ana@example.org") for one in PAYLOADS)

# PRODUCT.md, "Events": at least these.
NAMED = {
    "workflow_started", "gate_reached", "approval_granted", "rollback_executed", "feature_created", "feature_imported",
    "workflow_completed", "feature_completed", "phase_started", "phase_completed", "attempt_failed",
    "checkpoint_created", "backup_created", "approval_rejected", "feature_paused", "feature_resumed", "feature_failed",
    "rollback_undone", "state_edited", "note_added", "log_repaired", "attempt_interrupted",
}  # fmt: skip


def chained() -> list[Record]:
    """Return the facts as records of one log, as they are encoded today."""
    head, placed = START, []
    for one in FACTS:
        record = records.place(facts.draft(one), head, TIME)
        head = Head(record.id, record.hash, head.offset + len(records.line(record)), TIME)
        placed.append(record)
    return placed


def golden() -> list[Record]:
    return [records.decode(one) for one in GOLDEN.read_bytes().splitlines(keepends=True)]


def later(record: Record, payload: bytes, event_type: str = "") -> Record:
    return msgspec.structs.replace(record, payload=msgspec.Raw(payload), event_type=event_type or record.event_type)


def test_every_type_that_the_users_were_promised_exists() -> None:
    assert NAMED - facts.TYPES.keys() == set()


def test_the_golden_log_holds_every_type_once() -> None:
    assert sorted(one.event_type for one in golden()) == sorted(facts.TYPES)
    assert {type(one) for one in PAYLOADS} == set(get_args(AnyPayload))


@pytest.mark.parametrize("payload", PAYLOADS, ids=[type(one).__name__ for one in PAYLOADS])
def test_the_golden_log_fills_every_field(payload: AnyPayload) -> None:
    written = msgspec.to_builtins(payload).keys() - {"event_type"}
    assert written == set(payload.__struct_fields__)


def test_what_0_1_0_wrote_is_read_as_the_same_facts() -> None:
    expected = [
        Event(number, TIME, one.feature, one.workflow, one.phase, one.actor, one.payload, record.hash)
        for number, (one, record) in enumerate(zip(FACTS, golden(), strict=True), 1)
    ]
    assert [facts.event(one) for one in golden()] == expected


def test_the_golden_log_is_one_unbroken_chain() -> None:
    log = golden()
    assert log[0].prev == records.GENESIS
    assert [after.prev for _, after in pairwise(log)] == [before.hash for before, _ in pairwise(log)]


def test_this_version_writes_the_same_bytes() -> None:
    assert b"".join(map(records.line, chained())) == GOLDEN.read_bytes()


def test_a_line_has_the_ten_keys_that_people_read_in_their_order() -> None:
    keys = list(msgspec.json.decode(GOLDEN.read_bytes().splitlines()[0]))
    assert keys == ["id", "timestamp", "feature", "event_type", "workflow", "phase", "actor", "payload", "prev", "hash"]


def test_the_type_stands_outside_the_payload() -> None:
    assert facts.draft(FACTS[5]) == Draft(
        "feat-payment", "feature_completed", "4.5a", "1.5", "person:ana@example.org", b"{}"
    )


def test_an_event_names_its_type_as_the_log_does() -> None:
    assert [facts.event(one).event_type for one in golden()] == [one.event_type for one in golden()]


def test_a_field_that_a_later_version_adds_is_passed_over() -> None:
    note = next(one for one in golden() if one.event_type == "note_added")
    read = facts.event(later(note, b'{"note":"x","colour":"red"}'))
    assert read.payload == fact.NoteAdded(note="x")


def test_a_type_that_this_version_does_not_know_is_refused_with_its_line() -> None:
    with pytest.raises(BrokenLog, match="holds an event 'feature_sold' at line 1 that this version") as caught:
        facts.event(later(golden()[0], b"{}", "feature_sold"))
    assert caught.value.hint == "a newer orchestrator wrote it: install that version"


def test_a_payload_of_another_shape_is_refused_with_its_line() -> None:
    note = next(one for one in golden() if one.event_type == "note_added")
    with pytest.raises(BrokenLog, match=rf"the log's line {note.id} \(note_added\) has another shape"):
        facts.event(later(note, b'{"note":1}'))
