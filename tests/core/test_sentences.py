"""Each event in people's words, whole."""

from __future__ import annotations

from typing import get_args

import pytest

from orchestrator.core import events as fact
from orchestrator.core.events import AnyPayload, Event, Gate, Moment, Place
from orchestrator.core.sentences import SENTENCES, Told, sentence
from orchestrator.core.values import FeatureId
from tests.core.history import CONTEXT, HEAD, NEXT, at

GATE = Gate(key="g", type="human", trigger="OK?", heading="GATE 1: Screens")
DEPLOY = Gate(key="d", type="deploy", trigger="OK?", heading="GATE 2: Production")
SHIP = Place(workflow="3", ordinal=1, phase="1")
MOMENT = Moment(place=SHIP)

SAID: list[tuple[AnyPayload, str]] = [
    (fact.FeatureCreated(branch="feat/pay", commit=HEAD, place=SHIP), "starts on branch <feat/pay>"),
    (
        fact.FeatureCreated(branch="b", commit=HEAD, place=SHIP, adopted=True, after=FeatureId("feat-login")),
        "takes over branch <b>; it waits until login is completed",
    ),
    (
        fact.FeatureImported(branch="b", commit=HEAD, place=SHIP),
        "taken in from its state file, on branch <b>, at <2/1 Draw>",
    ),
    (fact.FeatureCompleted(), "completed after 4 min"),
    (fact.FeatureFailed(reason="exit 1", attempts=3), "failed after 3 attempts: <exit 1>"),
    (fact.FeatureRetired(commit=HEAD), "retired: its working tree and its tags are let go, its branch stays"),
    (fact.WorktreeCreated(path="/tree"), "has its working tree at </tree>"),
    (fact.WorkflowStarted(title="Show it", n=4), "workflow <2> “<Show it>” begins (rollback point 4)"),
    (fact.WorkflowCompleted(), "workflow <2> is done after 4 min"),
    (fact.PhaseStarted(ordinal=1, attempt=2, run="r"), "<2/1 Draw>: attempt 2 begins"),
    (fact.PhaseStarted(ordinal=1, attempt=2, run="r", deadline=at(9)), "<2/1 Draw>: an agent drives attempt 2"),
    (fact.PhaseCompleted(ordinal=1, run="r"), "<2/1 Draw>: passed in 4 min (attempt 2, 3 commits, $0.42)"),
    (fact.PhaseCompleted(ordinal=1), "<2/1 Draw>: done with the decision"),
    (
        fact.AgentEnded(run="r", client="claude", ended="limit", turns=9, cost=0.4, denied=("curl",), error="out"),
        "<claude limit>, 9 turns, $0.40, refused <curl>: <out>",
    ),
    (
        fact.GateReached(ordinal=1, gate=GATE, run="r"),
        "<2/1 Draw>: done in 4 min (attempt 2, 3 commits, $0.42), waits at <GATE 1: Screens>",
    ),
    (
        fact.GateReached(ordinal=1, gate=DEPLOY, opens="tomorrow"),
        "<2/1 Draw>: waits at <GATE 2: Production>, offered after <tomorrow>; it goes outside",
    ),
    (
        fact.AttemptFailed(ordinal=1, attempt=2, run="r", reason="exit 1", kept="refs/x"),
        "<2/1 Draw>: attempt 2 failed after 4 min: <exit 1>; its tree is kept",
    ),
    (
        fact.AttemptInterrupted(ordinal=1, run="r", reason="killed"),
        "<2/1 Draw>: interrupted after 4 min, not counted: <killed>",
    ),
    (
        fact.ApprovalGranted(ordinal=1, gate=GATE, door="client", answer="B", signer="ana"),
        "approved <GATE 1: Screens> after it waited 4 min, through <client>, signed by <ana>, answer: <B>",
    ),
    (
        fact.ApprovalGranted(ordinal=1, gate=GATE, door="terminal", verdict="skipped"),
        "skipped <GATE 1: Screens> after it waited 4 min",
    ),
    (fact.ApprovalUndone(granted=3, gate=GATE), "took back the approval of <GATE 1: Screens>; it waits again"),
    (
        fact.ApprovalUndone(granted=3, gate=GATE, reason="gone", voided=True),
        "the approval of <GATE 1: Screens> is void: <gone>; it waits again",
    ),
    (fact.SittingHeld(statement="{}", door="terminal"), "stated what is decided"),
    (fact.SignerAdded(name="ana", key="k"), "the signature of <ana> counts from here on"),
    (fact.SignerRevoked(name="ana", key="k"), "the signature of <ana> counts no longer"),
    (
        fact.ApprovalRejected(ordinal=1, gate=GATE, why="too dark", place=SHIP),
        "rejected <GATE 1: Screens> after it waited 4 min, back to <3/1>: <too dark>",
    ),
    (fact.FeaturePaused(reason="lunch", until="noon"), "paused, until <noon>: <lunch>"),
    (
        fact.FeaturePaused(reason="quota", kind="parked", run="r"),
        "<2/1 Draw>: parked after 4 min, not counted: <quota>",
    ),
    (fact.FeaturePaused(reason="waits for login", kind="after"), "<waits for login>"),
    (fact.FeatureResumed(reason="login is completed"), "goes on after 4 min: <login is completed>"),
    (
        fact.CheckpointCreated(n=7, commit=HEAD, snapshot=CONTEXT, action="commit (amend): x"),
        "checkpoint 7, aaaaaaaaaa, <commit (amend): x>",
    ),
    (
        fact.CheckpointCreated(n=7, commit=HEAD, snapshot=CONTEXT, cause="hand"),
        "rollback point 7 by hand, at aaaaaaaaaa",
    ),
    (fact.BranchMoved(commit=NEXT, action="reset: moving"), "its branch is at bbbbbbbbbb now, <reset: moving>"),
    (fact.BranchMoved(commit=None), "its branch is gone"),
    (
        fact.BackupCreated(n=7, commit=HEAD, snapshot=CONTEXT, path="p", sha256="s", files=2, bytes=90),
        "backup of rollback point 7: 2 files, 90 bytes",
    ),
    (
        fact.RollbackOrdered(operation="o", n=5, commit=HEAD, snapshot=CONTEXT, old=NEXT, moment=MOMENT, reason="why"),
        "a rollback to checkpoint 5 begins: <why>",
    ),
    (
        fact.RollbackOrdered(operation="o", n=0, commit=HEAD, snapshot=CONTEXT, old=NEXT, moment=MOMENT, undoes="p"),
        "the rollback to checkpoint 5 is being undone",
    ),
    (
        fact.RollbackExecuted(operation="o", n=5, commit=HEAD, rescue="refs/x", automatic=True),
        "rolled back by itself to checkpoint 5 in 4 min",
    ),
    (
        fact.RollbackUndone(operation="o", undoes="p", commit=HEAD, rescue="refs/x"),
        "undid the rollback to checkpoint 5 in 4 min",
    ),
    (
        fact.RollbackAborted(operation="o", reason="in the way"),
        "the rollback to checkpoint 5 was called off: <in the way>",
    ),
    (
        fact.StateEdited(changes={"status": ["active", "paused"], "notes": [[], ["a"]]}, refused=("no gate",)),
        "edited the state: <status active -> paused, notes changed>; not taken over: <no gate>",
    ),
    (fact.NoteAdded(note="look"), "note: <look>"),
    (fact.LineAccepted(tree=HEAD), "the line of workflows holds as it is now"),
    (fact.LineAccepted(tree=HEAD, changes=("a", "b")), "accepted a line that stops less: <a; b>"),
    (
        fact.LogRepaired(offset=1, bytes=20, aside="torn"),
        "the log's torn end, 20 bytes, is set aside in <torn>",
    ),
]


def told(payload: AnyPayload) -> Told:
    event = Event(3, at(3), FeatureId("feat-payment"), "2", "1", "kit", payload, "")
    return Told(
        event=event, quote=lambda text: f"<{text}>", seconds=240.0, title="Draw", number=2, commits=3, cost=0.42, n=5
    )


@pytest.mark.parametrize(("payload", "words"), SAID, ids=[type(one).__name__ for one, _ in SAID])
def test_an_event_is_told_in_a_sentence_with_all_foreign_text_quoted(payload: AnyPayload, words: str) -> None:
    assert sentence(told(payload)) == words


def test_every_event_type_of_the_log_has_its_sentence_here_and_in_the_table() -> None:
    every = set(get_args(AnyPayload))
    assert set(SENTENCES) == every
    assert {type(payload) for payload, _ in SAID} == every


def test_of_what_the_log_does_not_hold_nothing_is_said() -> None:
    event = Event(3, at(3), None, None, None, "kit", fact.PhaseCompleted(ordinal=1, run="r"), "")
    assert sentence(Told(event=event, quote=str)) == ": passed"
