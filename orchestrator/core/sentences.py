"""What each event says in people's words: a table with one sentence for each type. Pure; never decides what is shown.

A sentence says nothing of when and who, which stand beside it. Text of people and agents goes through `Told.quote`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.core import events as fact
from orchestrator.core.events import Event
from orchestrator.core.telling import duration
from orchestrator.core.values import Value, slug_of

Quote = Callable[[str], str]  # makes foreign text fit for where it is shown

_DIGITS = 10  # of a commit's name


class Told(Value):
    """An event and what the log holds beside it, as far as it is known.

    `seconds` is how long what it ends took; `title` and `number` are those of the attempt it begins or ends,
    `commits` and `cost` (US dollars) what that came to; `n` is the checkpoint of a rollback that is undone.
    """

    event: Event
    quote: Quote
    seconds: float | None = None
    title: str = ""
    number: int = 0
    commits: int = 0
    cost: float = 0.0
    n: int = 0

    @property
    def place(self) -> str:
        """Where the feature was: workflow and phase as written, the phase's title where it is known."""
        found = "/".join(part for part in (self.event.workflow, self.event.phase) if part)
        return self.quote(f"{found} {self.title}".strip())

    def took(self, word: str) -> str:
        """Return ` in 3 min` for the word `in`, nothing where no duration is known."""
        return f" {word} {duration(self.seconds)}" if self.seconds is not None else ""

    def said(self, before: str, text: str) -> str:
        """Return foreign text behind what leads to it, nothing where there is none."""
        return f"{before}{self.quote(text)}" if text.strip() else ""

    @property
    def sums(self) -> str:
        """What an attempt came to, in brackets."""
        words = [f"attempt {self.number}"] if self.number > 1 else []
        words += [f"{self.commits} commit{'' if self.commits == 1 else 's'}"] if self.commits else []
        words += [f"${self.cost:.2f}"] if self.cost else []
        return f" ({', '.join(words)})" if words else ""


def sentence(told: Told) -> str:
    """Return what an event says, without a full stop; of any event that the log may hold."""
    return SENTENCES[type(told.event.payload)](told.event.payload, told)


# --- features --------------------------------------------------------------------------------------


def _feature_created(payload: fact.FeatureCreated, told: Told) -> str:
    how = "takes over" if payload.adopted else "starts on"
    after = f"; it waits until {slug_of(payload.after)} is completed" if payload.after else ""
    return f"{how} branch {told.quote(payload.branch)}{after}"


def _feature_imported(payload: fact.FeatureImported, told: Told) -> str:
    return f"taken in from its state file, on branch {told.quote(payload.branch)}, at {told.place}"


def _feature_completed(payload: fact.FeatureCompleted, told: Told) -> str:
    return f"completed{told.took('after')}"


def _feature_failed(payload: fact.FeatureFailed, told: Told) -> str:
    after = f" after {payload.attempts} attempts" if payload.attempts else ""
    return f"failed{after}{told.said(': ', payload.reason)}"


def _feature_retired(payload: fact.FeatureRetired, told: Told) -> str:
    return "retired: its working tree and its tags are let go, its branch stays"


def _worktree_created(payload: fact.WorktreeCreated, told: Told) -> str:
    return f"has its working tree at {told.quote(payload.path)}"


def _feature_paused(payload: fact.FeaturePaused, told: Told) -> str:
    until = told.said(", until ", payload.until)
    if payload.kind == "after":
        return told.quote(payload.reason or "waits for another feature")
    if payload.kind == "pause":
        return f"paused{until}{told.said(': ', payload.reason)}"
    where = f"{told.place}: " if payload.run else ""
    return f"{where}parked{told.took('after')}{', not counted' if payload.run else ''}{until}" + told.said(
        ": ", payload.reason
    )


def _feature_resumed(payload: fact.FeatureResumed, told: Told) -> str:
    how = "goes on" if told.seconds is not None or payload.reason else "is started again"
    return f"{how}{told.took('after')}{told.said(': ', payload.reason)}"


# --- the line --------------------------------------------------------------------------------------


def _workflow_started(payload: fact.WorkflowStarted, told: Told) -> str:
    point = f" (rollback point {payload.n})" if payload.n else ""
    return f"workflow {_titled(told, payload.title)} begins{point}"


def _workflow_completed(payload: fact.WorkflowCompleted, told: Told) -> str:
    return f"workflow {_titled(told, payload.title)} is done{told.took('after')}"


def _titled(told: Told, title: str) -> str:
    return f"{told.quote(told.event.workflow or '')}{f' “{told.quote(title)}”' if title else ''}"


def _line_accepted(payload: fact.LineAccepted, told: Told) -> str:
    if not payload.changes:
        return "the line of workflows holds as it is now"
    return f"accepted a line that stops less: {told.quote('; '.join(payload.changes))}"


# --- attempts --------------------------------------------------------------------------------------


def _phase_started(payload: fact.PhaseStarted, told: Told) -> str:
    alone = "an agent drives " if payload.deadline else ""
    return f"{told.place}: {alone}attempt {payload.attempt}{'' if alone else ' begins'}"


def _phase_completed(payload: fact.PhaseCompleted, told: Told) -> str:
    if not payload.run:
        return f"{told.place}: done with the decision"
    return f"{told.place}: passed{told.took('in')}{told.sums}"


def _attempt_failed(payload: fact.AttemptFailed, told: Told) -> str:
    kept = "; its tree is kept" if payload.kept else ""
    return f"{told.place}: attempt {payload.attempt} failed{told.took('after')}{told.said(': ', payload.reason)}{kept}"


def _attempt_interrupted(payload: fact.AttemptInterrupted, told: Told) -> str:
    return f"{told.place}: interrupted{told.took('after')}, not counted{told.said(': ', payload.reason)}"


def _agent_ended(payload: fact.AgentEnded, told: Told) -> str:
    words = [f"{payload.turns} turns"] if payload.turns else []
    words += [f"{payload.tokens} tokens"] if payload.tokens else []
    words += [f"${payload.cost:.2f}"] if payload.cost else []
    refused = told.said(", refused ", ", ".join(payload.denied))
    used = f", {', '.join(words)}" if words else ""
    return f"{told.quote(f'{payload.client} {payload.ended}')}{used}{refused}{told.said(': ', payload.error)}"


# --- gates -----------------------------------------------------------------------------------------


def _gate_reached(payload: fact.GateReached, told: Told) -> str:
    worked = f"done{told.took('in')}{told.sums}, " if payload.run else ""
    kind = "; it goes outside" if payload.gate.type == "deploy" else ""
    opens = told.said(", offered after ", payload.opens)
    return f"{told.place}: {worked}waits at {told.quote(payload.gate.heading)}{opens}{kind}"


def _approval_granted(payload: fact.ApprovalGranted, told: Told) -> str:
    door = "" if payload.door in ("", "terminal") else f", through {told.quote(payload.door)}"
    signer = told.said(", signed by ", payload.signer)
    answer = told.said(", answer: ", payload.answer)
    waited = told.took("after it waited")
    return f"{payload.verdict} {told.quote(payload.gate.heading)}{waited}{door}{signer}{answer}"


def _approval_undone(payload: fact.ApprovalUndone, told: Told) -> str:
    gate = told.quote(payload.gate.heading)
    if payload.voided:
        return f"the approval of {gate} is void{told.said(': ', payload.reason)}; it waits again"
    return f"took back the approval of {gate}{told.said(': ', payload.reason)}; it waits again"


def _approval_rejected(payload: fact.ApprovalRejected, told: Told) -> str:
    back = told.quote(f"{payload.place.workflow}/{payload.place.phase}")
    gate = told.quote(payload.gate.heading)
    return f"rejected {gate}{told.took('after it waited')}, back to {back}{told.said(': ', payload.why)}"


def _sitting_held(payload: fact.SittingHeld, told: Told) -> str:
    return f"stated what is decided{told.said(', signed by ', payload.signer)}"


def _signer_added(payload: fact.SignerAdded, told: Told) -> str:
    return f"the signature of {told.quote(payload.name)} counts from here on"


def _signer_revoked(payload: fact.SignerRevoked, told: Told) -> str:
    return f"the signature of {told.quote(payload.name)} counts no longer"


# --- checkpoints and rollbacks -----------------------------------------------------------------------


def _checkpoint_created(payload: fact.CheckpointCreated, told: Told) -> str:
    commit = payload.commit[:_DIGITS]
    if payload.cause != "commit":
        by_hand = " by hand" if payload.cause == "hand" else ""
        return f"rollback point {payload.n}{by_hand}, at {commit}"
    return f"checkpoint {payload.n}, {commit}{told.said(', ', payload.action)}"


def _branch_moved(payload: fact.BranchMoved, told: Told) -> str:
    if payload.commit is None:
        return "its branch is gone"
    return f"its branch is at {payload.commit[:_DIGITS]} now{told.said(', ', payload.action)}"


def _backup_created(payload: fact.BackupCreated, told: Told) -> str:
    return f"backup of rollback point {payload.n}: {payload.files} files, {payload.bytes} bytes"


def _rollback_ordered(payload: fact.RollbackOrdered, told: Told) -> str:
    if payload.undoes:
        return f"the rollback to checkpoint {told.n} is being undone"
    return f"a rollback to checkpoint {payload.n} begins{told.said(': ', payload.reason)}"


def _rollback_executed(payload: fact.RollbackExecuted, told: Told) -> str:
    alone = " by itself" if payload.automatic else ""
    return f"rolled back{alone} to checkpoint {payload.n}{told.took('in')}"


def _rollback_undone(payload: fact.RollbackUndone, told: Told) -> str:
    return f"undid the rollback to checkpoint {told.n}{told.took('in')}"


def _rollback_aborted(payload: fact.RollbackAborted, told: Told) -> str:
    return f"the rollback to checkpoint {told.n} was called off{told.said(': ', payload.reason)}"


# --- the rest --------------------------------------------------------------------------------------


def _state_edited(payload: fact.StateEdited, told: Told) -> str:
    changed = ", ".join(f"{name} {_shown(change)}" for name, change in payload.changes.items())
    refused = told.said("; not taken over: ", "; ".join(payload.refused))
    return f"edited the state{told.said(': ', changed)}{refused}"


def _shown(change: Any) -> str:
    """Return an edit's old and new value where they are short, nothing else."""
    old, new = change if isinstance(change, list | tuple) and len(change) == 2 else ("", change)
    return f"{old} -> {new}" if all(isinstance(one, str | int | None) for one in (old, new)) else "changed"


def _note_added(payload: fact.NoteAdded, told: Told) -> str:
    return f"note: {told.quote(payload.note)}"


def _log_repaired(payload: fact.LogRepaired, told: Told) -> str:
    return f"the log's torn end, {payload.bytes} bytes, is set aside in {told.quote(payload.aside)}"


SENTENCES: Mapping[type[Any], Callable[[Any, Told], str]] = {
    fact.FeatureCreated: _feature_created,
    fact.FeatureImported: _feature_imported,
    fact.FeatureCompleted: _feature_completed,
    fact.FeatureFailed: _feature_failed,
    fact.FeatureRetired: _feature_retired,
    fact.FeaturePaused: _feature_paused,
    fact.FeatureResumed: _feature_resumed,
    fact.WorktreeCreated: _worktree_created,
    fact.WorkflowStarted: _workflow_started,
    fact.WorkflowCompleted: _workflow_completed,
    fact.LineAccepted: _line_accepted,
    fact.PhaseStarted: _phase_started,
    fact.PhaseCompleted: _phase_completed,
    fact.AttemptFailed: _attempt_failed,
    fact.AttemptInterrupted: _attempt_interrupted,
    fact.AgentEnded: _agent_ended,
    fact.GateReached: _gate_reached,
    fact.ApprovalGranted: _approval_granted,
    fact.ApprovalUndone: _approval_undone,
    fact.ApprovalRejected: _approval_rejected,
    fact.SittingHeld: _sitting_held,
    fact.SignerAdded: _signer_added,
    fact.SignerRevoked: _signer_revoked,
    fact.CheckpointCreated: _checkpoint_created,
    fact.BranchMoved: _branch_moved,
    fact.BackupCreated: _backup_created,
    fact.RollbackOrdered: _rollback_ordered,
    fact.RollbackExecuted: _rollback_executed,
    fact.RollbackUndone: _rollback_undone,
    fact.RollbackAborted: _rollback_aborted,
    fact.StateEdited: _state_edited,
    fact.NoteAdded: _note_added,
    fact.LogRepaired: _log_repaired,
}
