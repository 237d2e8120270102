"""The facts: one frozen payload per event type, and the envelope that the log gives each.

A promise: fields are added with a default, never renamed, removed or reused.
"""

from __future__ import annotations

from typing import Any

from orchestrator.core.values import FeatureId, Sha, Value


class Gate(Value, omit_defaults=True):
    """A gate as it was reached. `key` names it within its document; `line` counts from 1."""

    key: str
    type: str
    trigger: str
    heading: str
    line: int = 0
    label: str = ""  # GATE 13; empty: the phase's id stands for it
    why: str = ""
    condition: str = ""
    reported: bool = False  # by the agent as it worked, not read in the document
    evidence: tuple[str, ...] = ()
    note: str = ""  # the agent's own words


class Place(Value, omit_defaults=True):
    """Where in the line: a workflow, the phase's ordinal (0: the text before the first), its id as written.

    `decided` are the keys of the phase's gates that were decided already, `begun` whether the workflow
    has its rollback point.
    """

    workflow: str
    ordinal: int = 0
    phase: str = ""
    decided: tuple[str, ...] = ()
    begun: bool = False


class Moment(Value, omit_defaults=True):
    """What a rollback brings back besides files: position, completed workflows, attempts."""

    place: Place
    workflows_completed: tuple[str, ...] = ()
    attempts: dict[str, int] = {}


class Checked(Value, omit_defaults=True):
    """A validation as the kit ran it. `seconds` of wall time; `tree` the worktree's state as a tree's name."""

    command: str
    exit: int
    seconds: float = 0.0
    tail: str = ""
    where: str = ""
    tree: Sha | None = None  # before it ran


class Exhibit(Value, omit_defaults=True):
    """A file that speaks for a decision, as it was when the gate was reached.

    `sha256` is empty, and `why` says so, where it was not there or is no file of the feature's.
    """

    path: str
    sha256: str = ""
    bytes: int = 0
    why: str = ""


class Evidence(Value, omit_defaults=True):
    """What a person is to judge by, as it was when the gate was reached."""

    base: Sha | None = None  # the changes shown count from there: the last decided gate, or the feature's beginning
    tree: Sha | None = None
    context: str = ""  # sha256 over the feature's context files
    document: str = ""  # sha256 of the workflow document's text
    section: str = ""  # the gate's own text, cut at 16,000 characters
    files: tuple[Exhibit, ...] = ()
    cost: float = 0.0
    turns: int = 0


class Payload(Value, tag_field="event_type", omit_defaults=True):
    """What a fact says besides when, of which feature and where in the line."""


class FeatureCreated(Payload, tag="feature_created"):
    branch: str
    commit: Sha
    place: Place
    base: str = ""
    adopted: bool = False
    after: FeatureId | None = None
    reflog: str = ""  # how far the branch's reflog had been read, see adapters/reflog.py


class FeatureImported(Payload, tag="feature_imported"):
    branch: str
    commit: Sha
    place: Place
    state: dict[str, Any] = {}  # the whole state file as found
    gate: Gate | None = None
    reflog: str = ""


class WorktreeCreated(Payload, tag="worktree_created"):
    path: str


class WorkflowStarted(Payload, tag="workflow_started"):
    title: str
    file: str = ""
    digest: str = ""  # sha256 of the document's text
    configuration: str = ""  # sha256 of orchestrator.toml, empty without one
    n: int = 0  # the rollback point


class WorkflowCompleted(Payload, tag="workflow_completed"):
    title: str = ""
    next: Place | None = None


class FeatureCompleted(Payload, tag="feature_completed"):
    pass


class FeatureFailed(Payload, tag="feature_failed"):
    reason: str
    attempts: int = 0


class FeatureRetired(Payload, tag="feature_retired"):
    commit: Sha
    snapshot: Sha | None = None


class PhaseStarted(Payload, tag="phase_started"):
    ordinal: int
    attempt: int
    run: str
    title: str = ""
    worktree: str = ""
    agent: str = ""
    deadline: str = ""  # self-driven: open until then
    decided: tuple[str, ...] = ()
    brief: str = ""  # sha256
    missing: tuple[str, ...] = ()  # context files of the last backup that were not there
    carried: int = 0  # how many decisions headed the brief


class PhaseCompleted(Payload, tag="phase_completed"):
    ordinal: int
    run: str = ""  # empty: completed by a person's decision
    seconds: float = 0.0
    next: Place | None = None  # within the same workflow
    checked: Checked | None = None
    note: str = ""
    cost: float = 0.0
    turns: int = 0


class AgentEnded(Payload, tag="agent_ended"):
    """One call of a client, whatever came of the attempt."""

    run: str
    client: str
    ended: str  # done, failed, refused, limit, quota, login, network, lost, timed out, stopped, killed
    session: str = ""
    resumed: bool = False
    seconds: float = 0.0
    turns: int = 0
    tokens: int = 0
    cost: float = 0.0  # US dollars of this call
    total: float = 0.0  # what the client says of its session so far
    total_tokens: int = 0
    denied: tuple[str, ...] = ()
    error: str = ""
    summary: str = ""  # its last words


class GateReached(Payload, tag="gate_reached"):
    ordinal: int
    gate: Gate
    run: str = ""
    seconds: float = 0.0
    opens: str = ""  # a pause runs until then; earlier the gate is not offered for decision
    checked: Checked | None = None
    commit: Sha | None = None
    left: Sha | None = None
    evidence: Evidence | None = None


class AttemptFailed(Payload, tag="attempt_failed"):
    ordinal: int
    attempt: int
    run: str
    reason: str
    command: str = ""
    exit: int = 0
    tail: str = ""
    kept: str = ""  # the ref under which the tree of the attempt is kept
    commit: Sha | None = None  # what that ref holds
    left: Sha | None = None  # in the main worktree: the tree as the attempt left it
    seconds: float = 0.0
    tried: tuple[str, ...] = ()  # the subjects of its commits, oldest first
    changed: tuple[str, ...] = ()  # file by file: lines added, removed, name


class AttemptInterrupted(Payload, tag="attempt_interrupted"):
    ordinal: int
    run: str
    reason: str
    left: Sha | None = None


class ApprovalGranted(Payload, tag="approval_granted"):
    ordinal: int
    gate: Gate
    door: str
    verdict: str = "approved"  # or "skipped": the condition of a conditional gate does not hold
    answer: str = ""
    batch: str = ""
    waited: float = 0.0  # seconds from reached to decided
    shown: float = 0.0  # seconds from shown to decided
    commit: Sha | None = None  # the branch's tip as it was shown
    next: Place | None = None  # where the feature goes on within the workflow
    statement: str = ""  # sha256 of the statement that a `sitting_held` before it holds
    signer: str = ""  # whose signature that carries; empty: none


class ApprovalUndone(Payload, tag="approval_undone"):
    """The gate waits again: a person took the approval back, or its commit left the branch (`voided`)."""

    granted: int  # the event
    gate: Gate
    reason: str = ""
    voided: bool = False


class SittingHeld(Payload, tag="sitting_held"):
    """What a person stated, byte for byte, and their signature over it; what follows from it names its sha256."""

    statement: str  # JSON, see core/statement.py
    door: str
    signature: str = ""  # of `ssh-keygen -Y sign`, armoured
    signer: str = ""


class SignerAdded(Payload, tag="signer_added"):
    """A person whose signature counts from here on; the first one vouches for themselves."""

    name: str
    key: str  # type and base64, as in a public key file
    statement: str = ""


class SignerRevoked(Payload, tag="signer_revoked"):
    name: str
    key: str
    statement: str = ""


class ApprovalRejected(Payload, tag="approval_rejected"):
    ordinal: int
    gate: Gate
    why: str
    place: Place


class FeaturePaused(Payload, tag="feature_paused"):
    reason: str
    kind: str = "pause"  # pause: a person's; parked: the kit's; after: another feature first
    until: str = ""
    run: str = ""  # the attempt that this closes, uncounted
    after: FeatureId | None = None
    left: Sha | None = None


class FeatureResumed(Payload, tag="feature_resumed"):
    reason: str = ""


class CheckpointCreated(Payload, tag="checkpoint_created"):
    n: int
    commit: Sha
    snapshot: Sha
    taken: str = ""  # when the context was snapshotted
    committed: str = ""  # when the commit was made
    cause: str = "commit"  # or "workflow", "hand"
    action: str = ""  # the reflog's words
    run: str = ""
    late: bool = False  # the snapshot is younger than the next commit
    reflog: str = ""
    ancestors: tuple[int, ...] | None = None  # rollback points below the branch, where that may have changed


class BranchMoved(Payload, tag="branch_moved"):
    """The branch went to a commit that has its checkpoint, or away."""

    commit: Sha | None
    action: str = ""
    reflog: str = ""
    ancestors: tuple[int, ...] | None = None


class BackupCreated(Payload, tag="backup_created"):
    n: int
    commit: Sha
    snapshot: Sha
    path: str
    sha256: str
    files: int
    bytes: int
    cause: str = "workflow"  # or "hand"
    dropped: tuple[int, ...] = ()  # older rollback points whose backups are let go: checkpoints only from here on


class RollbackOrdered(Payload, tag="rollback_ordered"):
    """The intent: from here on the next command ends it, whatever happens."""

    operation: str
    n: int
    commit: Sha
    snapshot: Sha
    old: Sha
    moment: Moment
    reason: str = ""
    automatic: bool = False
    late: bool = False
    undoes: str = ""  # the operation of the rollback that this one undoes
    rescue: str = ""  # undo: the rescue whose trees come back
    context: Sha | None = None  # the snapshot of the context as it was when ordered
    worktree: str = ""


class RollbackExecuted(Payload, tag="rollback_executed"):
    operation: str
    n: int
    commit: Sha
    rescue: str
    rescued: Sha | None = None  # what that ref holds
    seconds: float = 0.0
    automatic: bool = False
    written: int = 0
    removed: int = 0
    reflog: str = ""
    ancestors: tuple[int, ...] | None = None


class RollbackUndone(Payload, tag="rollback_undone"):
    operation: str
    undoes: str
    commit: Sha
    rescue: str
    rescued: Sha | None = None
    seconds: float = 0.0
    reflog: str = ""
    ancestors: tuple[int, ...] | None = None


class RollbackAborted(Payload, tag="rollback_aborted"):
    operation: str
    reason: str


class StateEdited(Payload, tag="state_edited"):
    """An edit by hand or by `set`: what was taken over, and what was not."""

    changes: dict[str, Any] = {}  # field -> [old, new], as in the state file
    wanted: dict[str, Any] = {}  # the same of what was asked for and not taken over, or only as far as a stop
    place: Place | None = None
    refused: tuple[str, ...] = ()
    file: str = ""


class NoteAdded(Payload, tag="note_added"):
    note: str


class LineAccepted(Payload, tag="line_accepted"):
    tree: Sha
    changes: tuple[str, ...] = ()  # each stop that went or got weaker
    door: str = ""
    statement: str = ""


class LogRepaired(Payload, tag="log_repaired"):
    offset: int
    bytes: int
    aside: str
    why: str = ""


AnyPayload = (
    FeatureCreated | FeatureImported | FeatureCompleted | FeatureFailed | FeatureRetired | WorktreeCreated
    | WorkflowStarted | WorkflowCompleted | PhaseStarted | PhaseCompleted | GateReached | AttemptFailed
    | AttemptInterrupted | ApprovalGranted | ApprovalUndone | ApprovalRejected | FeaturePaused | FeatureResumed
    | AgentEnded | CheckpointCreated | BranchMoved | BackupCreated | RollbackOrdered | RollbackExecuted | RollbackUndone
    | RollbackAborted | StateEdited | NoteAdded | LineAccepted | LogRepaired | SittingHeld | SignerAdded | SignerRevoked
)  # fmt: skip


class Fact(Value):
    """A fact before the log gave it its place and time."""

    payload: AnyPayload
    feature: FeatureId | None = None
    workflow: str | None = None
    phase: str | None = None
    actor: str = "kit"


class Event(Value):
    """A fact in its place: `id` counts from 1 without gaps, `timestamp` is ISO 8601 with an offset."""

    id: int
    timestamp: str
    feature: FeatureId | None
    workflow: str | None
    phase: str | None
    actor: str
    payload: AnyPayload
    hash: str

    @property
    def event_type(self) -> str:
        """The type's name as the log has it."""
        return str(self.payload.__struct_config__.tag)


def snapshot_taken(payload: AnyPayload) -> Sha | None:
    """Return the snapshot of the context that an event records as taken, or None."""
    match payload:
        case CheckpointCreated(snapshot=taken) | FeatureRetired(snapshot=taken) | RollbackOrdered(context=taken):
            return taken
        case _:
            return None
