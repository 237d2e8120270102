"""The fold of the facts: what each one changes. Pure; `evolve(state, event) -> state` and nothing else.

`Feature` is the state of one feature, `World` that of all of them with what is shared.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, assert_never

import msgspec

from orchestrator.core import events as fact
from orchestrator.core.events import Event, Gate, Moment, Place
from orchestrator.core.values import FeatureId, Sha, Slug, Status, Value, natural_order, slug_of
from orchestrator.errors import BrokenLog


class Waiting(Value, omit_defaults=True):
    """A gate that waits for a person. `opens`: a pause runs until then."""

    gate: Gate
    ordinal: int
    reached_at: str
    opens: str = ""
    event: int = 0
    evidence: fact.Evidence | None = None
    checked: fact.Checked | None = None
    line: Sha | None = None  # the line as it was accepted then
    approved_at: str | None = None
    approved_by: str | None = None


class Granted(Value, omit_defaults=True):
    """The last approval, and what it changed: as long as nothing went on from it, it can be taken back."""

    event: int
    batch: str
    commit: Sha | None
    gate: Waiting
    place: Place
    workflows_completed: tuple[str, ...]
    carried: tuple[Decision, ...]
    paused_until: str | None = None
    waits: Waits | None = None
    judged: Sha | None = None
    signed: tuple[Sha, ...] = ()


class Decision(Value, omit_defaults=True):
    """What a person said at a gate, until a brief has carried it to the agent."""

    gate: Gate
    workflow: str
    ordinal: int
    verdict: str  # approved, skipped, rejected
    answer: str
    by: str
    at: str


class Attempt(Value, omit_defaults=True):
    """An attempt that runs, or died running."""

    run: str
    number: int
    ordinal: int
    started_at: str
    worktree: str = ""
    deadline: str = ""
    decided: tuple[str, ...] = ()
    agent: str = ""


class Session(Value, omit_defaults=True):
    """A client's session of a workflow, and what it has said of it so far."""

    client: str
    id: str
    workflow: str
    cost: float = 0.0
    tokens: int = 0


class Spent(Value, omit_defaults=True):
    """What calls of clients used: turns, US dollars, tokens."""

    calls: int = 0
    turns: int = 0
    cost: float = 0.0
    tokens: int = 0

    def and_(self, ended: fact.AgentEnded) -> Spent:
        """Return it with one call more."""
        return Spent(
            calls=self.calls + 1,
            turns=self.turns + ended.turns,
            cost=round(self.cost + ended.cost, 6),
            tokens=self.tokens + ended.tokens,
        )


class Failure(Value, omit_defaults=True):
    """The last counted failure of the current phase, for the next brief and for `status --why`."""

    attempt: int
    reason: str
    command: str = ""
    exit: int = 0
    tail: str = ""
    kept: str = ""
    tried: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()  # the reasons of the attempts before it, one each


class Note(Value, omit_defaults=True):
    timestamp: str
    note: str
    more: dict[str, Any] = {}  # keys that the kit does not know


class RollbackPoint(Value):
    """A checkpoint with a tar and an N of its own; `backup` is relative to the main worktree."""

    n: int
    commit: Sha
    snapshot: Sha
    workflow: str
    phase: str
    at: str
    backup: str
    sha256: str
    event: int
    cause: str = "workflow"


class Undo(Value):
    """What the last rollback took away, so that it can be undone."""

    operation: str
    rescue: str
    old: Sha
    to: Sha
    context: Sha | None
    moment: Moment
    status: Status
    automatic: bool
    gate: Waiting | None
    waits: Waits | None
    carried: tuple[Decision, ...] = ()
    failure: Failure | None = None
    paused_until: str | None = None
    before: Undo | None = None  # the rollback before this one


class Waits(Value, omit_defaults=True):
    """Why a feature that is no gate's does not run: pause, parked or after."""

    kind: str
    reason: str
    since: str
    after: FeatureId | None = None


class Feature(Value, omit_defaults=True):
    """The state of one feature."""

    id: FeatureId
    branch: str
    status: Status
    place: Place
    started: int  # the event that began it: the order of start
    started_at: str
    updated_at: str
    last: int  # its last event
    last_hash: str
    tip: Sha | None = None  # the branch's last recorded commit
    reflog: str = ""
    gate: Waiting | None = None
    waits: Waits | None = None
    after: FeatureId | None = None
    paused_until: str | None = None
    workflows_completed: tuple[str, ...] = ()
    attempts: dict[str, int] = {}
    failed: int = 0  # counted failures in a row of the step to come
    failure: Failure | None = None
    attempt: Attempt | None = None
    left: Sha | None = None  # in the main worktree: the tree as the last attempt left it
    carried: tuple[Decision, ...] = ()
    notes: tuple[Note, ...] = ()
    points: tuple[RollbackPoint, ...] = ()
    ancestors: tuple[int, ...] = ()  # the points from which the branch still descends
    next_n: int = 1
    ordered: fact.RollbackOrdered | None = None
    undo: Undo | None = None
    worktree: str = ""
    last_checkpoint: int = 0
    checkpointed_at: str = ""  # when that was
    retired: bool = False
    extra: dict[str, Any] = {}
    ended_at: str | None = None
    judged: Sha | None = None  # the commit of the last decided gate, or the feature's first
    first: Sha | None = None  # the commit at which it began
    signed: tuple[Sha, ...] = ()  # the commits of its signed approvals, the newest last
    granted: Granted | None = None
    session: Session | None = None  # the client's, that the next step of the workflow goes on with
    spent: Spent = Spent()
    served: int = 0  # the event that began its last attempt: the order of turns

    @property
    def slug(self) -> Slug:
        """The name as typed and as in refs and paths."""
        return slug_of(self.id)

    @property
    def is_open(self) -> bool:
        """Tell whether something is left to do for it."""
        return self.status in (Status.ACTIVE, Status.PAUSED, Status.BLOCKED)

    @property
    def moment(self) -> Moment:
        """What a rollback to now would bring back."""
        return Moment(place=self.place, workflows_completed=self.workflows_completed, attempts=self.attempts)


class Signer(Value):
    """A person whose signature counts: a name without blanks, the key's type and base64."""

    name: str
    key: str


class World(Value, omit_defaults=True):
    """All features, in start order, and what the turns need."""

    features: dict[FeatureId, Feature] = {}
    last_served: FeatureId | None = None
    line: Sha | None = None  # the tree of the line as last accepted
    signers: tuple[Signer, ...] = ()
    day: str = ""  # the last one on which a client was called, by the log's own clock
    spent: Spent = Spent()  # on that day

    def feature(self, feature: FeatureId) -> Feature | None:
        """Return a feature's state, or None."""
        return self.features.get(feature)


def is_same_day(timestamp: str, day: str) -> bool:
    """Tell whether a time is of a day, or of the one before: no day begins twice because a command ran elsewhere."""
    date_ = timestamp[:10]
    if date_ == day or not day:
        return date_ == day
    try:
        return date.fromisoformat(date_) + timedelta(days=1) == date.fromisoformat(day)
    except (ValueError, OverflowError):
        return False


def evolve(world: World, event: Event) -> World:
    """Return the world after `event`."""
    return fold(world, (event,))


def fold(world: World, events: Iterable[Event]) -> World:
    """Return the world after `events`; the features' table is copied once."""
    features = dict(world.features)
    last_served, line, signers = world.last_served, world.line, world.signers
    day, spent = world.day, world.spent
    for event in events:
        match event.payload:
            case fact.AgentEnded() as ended:
                is_new = not is_same_day(event.timestamp, day)
                spent = (Spent() if is_new else spent).and_(ended)
                day = event.timestamp[:10] if is_new else day
            case fact.LineAccepted(tree=line):
                pass
            case fact.SignerAdded(name=name, key=key):
                signers = (*signers, Signer(name=name, key=key))
            case fact.SignerRevoked(key=key):
                signers = tuple(one for one in signers if one.key != key)
            case _:
                pass
        if event.feature is None:
            continue
        try:
            feature = _feature_after(features.get(event.feature), event, line)
        except (LookupError, ValueError, TypeError, AttributeError) as error:
            raise BrokenLog(
                f"the log's line {event.id} ({event.event_type}) does not fit what came before it: {error}",
                "orchestrator verify",
            ) from error
        if feature is None:
            continue
        features[event.feature] = feature
        if isinstance(event.payload, fact.PhaseStarted):
            last_served = event.feature
    return World(
        features=features,
        last_served=last_served,
        line=line,
        signers=signers,
        day=day,
        spent=spent,
    )


def _feature_after(feature: Feature | None, event: Event, line: Sha | None) -> Feature | None:
    after = _born(event) if feature is None else _changed(feature, event)
    if after is None:
        return None
    if isinstance(event.payload, fact.GateReached | fact.FeatureImported) and after.gate is not None:
        after = msgspec.structs.replace(after, gate=msgspec.structs.replace(after.gate, line=line))
    return msgspec.structs.replace(after, updated_at=event.timestamp, last=event.id, last_hash=event.hash)


def _born(event: Event) -> Feature | None:
    match event.payload:
        case fact.FeatureCreated() as created:
            waits = None
            if created.after:
                waits = Waits(
                    kind="after",
                    reason=f"waits for {slug_of(created.after)}",
                    since=event.timestamp,
                    after=created.after,
                )
            return Feature(
                **_birth(event),
                branch=created.branch,
                status=Status.BLOCKED if created.after else Status.ACTIVE,
                place=created.place,
                tip=created.commit,
                judged=created.commit,
                first=created.commit,
                reflog=created.reflog,
                after=created.after,
                waits=waits,
            )
        case fact.FeatureImported() as imported:
            return _imported(event, imported)
        case _:
            return None


def _birth(event: Event) -> dict[str, Any]:
    return {
        "id": event.feature,
        "started": event.id,
        "started_at": event.timestamp,
        "updated_at": event.timestamp,
        "last": event.id,
        "last_hash": event.hash,
    }


# The keys of a state file that the kit keeps in fields of its own; all others are kept as they are.
KNOWN = frozenset(
    {
        "feature",
        "branch",
        "status",
        "current_workflow",
        "current_phase",
        "gate",
        "workflows_completed",
        "attempts",
        "started_at",
        "updated_at",
        "paused_until",
        "notes",
        "rollback_points",
        "event",
        "version",
    }
)


def _imported(event: Event, imported: fact.FeatureImported) -> Feature:
    state = imported.state
    status = Status(state["status"])
    gate = None
    if imported.gate is not None:
        reached = (state.get("gate") or {}).get("reached_at") or event.timestamp
        gate = Waiting(gate=imported.gate, ordinal=imported.place.ordinal, reached_at=reached, event=event.id)
    attempts = {name: int(count) for name, count in (state.get("attempts") or {}).items()}
    waits = None
    if gate is None and status in (Status.PAUSED, Status.BLOCKED):
        waits = Waits(kind="pause", reason=f"{status} when it was imported", since=event.timestamp)
    birth = {**_birth(event), "started_at": state["started_at"]}
    return Feature(
        **birth,
        branch=imported.branch,
        status=_imported_status(status, gate),
        place=_at_the_end(imported.place) if status is Status.COMPLETED else imported.place,
        tip=imported.commit,
        judged=imported.commit,
        first=imported.commit,
        reflog=imported.reflog,
        gate=gate,
        waits=waits,
        paused_until=state.get("paused_until"),
        workflows_completed=tuple(str(one) for one in state.get("workflows_completed") or ()),
        attempts=attempts,
        failed=0 if gate else attempts.get(imported.place.workflow, 0),
        notes=tuple(_notes(state.get("notes"), event.timestamp)),
        extra={key: value for key, value in state.items() if key not in KNOWN},
    )


def _imported_status(status: Status, gate: Waiting | None) -> Status:
    """Return the status of an imported feature: at a gate it is paused, whatever its file said."""
    is_open = status in (Status.ACTIVE, Status.PAUSED, Status.BLOCKED)
    return Status.PAUSED if gate is not None and is_open else status


def _at_the_end(place: Place) -> Place:
    return msgspec.structs.replace(place, phase="done", decided=())


def _notes(notes: Any, otherwise: str) -> list[Note]:
    rows = notes if isinstance(notes, list) else []
    return [
        Note(
            timestamp=str(row.get("timestamp", otherwise)),
            note=str(row.get("note", "")),
            more={key: value for key, value in row.items() if key not in ("timestamp", "note")},
        )
        if isinstance(row, dict)
        else Note(timestamp=otherwise, note=str(row))
        for row in rows
    ]


def _changed(feature: Feature, event: Event) -> Feature:
    replace = msgspec.structs.replace
    at = event.timestamp
    match event.payload:
        case fact.FeatureCreated() | fact.FeatureImported() | fact.LineAccepted() | fact.LogRepaired():
            return feature
        case fact.SittingHeld() | fact.SignerAdded() | fact.SignerRevoked():
            return feature
        case fact.WorktreeCreated(path=path):
            return replace(feature, worktree=path)
        case fact.WorkflowStarted():
            return replace(feature, place=replace(feature.place, begun=True))
        case fact.PhaseStarted() as started:
            attempt = Attempt(
                run=started.run,
                number=started.attempt,
                ordinal=started.ordinal,
                started_at=at,
                worktree=started.worktree,
                deadline=started.deadline,
                decided=started.decided,
                agent=started.agent,
            )
            counts = {**feature.attempts, feature.place.workflow: started.attempt}
            return replace(
                feature, attempt=attempt, attempts=counts, worktree=started.worktree, granted=None, served=event.id
            )
        case fact.PhaseCompleted() as completed:
            place = completed.next or feature.place
            feature = _passed(feature) if completed.run else feature
            return replace(feature, place=place)
        case fact.GateReached() as reached:
            waiting = Waiting(
                gate=reached.gate,
                ordinal=reached.ordinal,
                reached_at=at,
                opens=reached.opens,
                event=event.id,
                evidence=reached.evidence,
                checked=reached.checked,
            )
            until = reached.opens or None
            arrived = replace(_arrived(feature, reached), granted=None)
            return replace(arrived, status=Status.PAUSED, gate=waiting, paused_until=until, left=reached.left)
        case fact.AttemptFailed() as failed:
            failure = Failure(
                attempt=failed.attempt,
                reason=failed.reason,
                command=failed.command,
                exit=failed.exit,
                tail=failed.tail,
                kept=failed.kept,
                tried=failed.tried,
                changed=failed.changed,
                earlier=_earlier(feature.failure),
            )
            closed = replace(feature, attempt=None, failed=failed.attempt, failure=failure, left=failed.left)
            return replace(closed, session=None)  # the next try looks with fresh eyes
        case fact.AgentEnded() as ended:
            return replace(feature, session=_session(feature, ended), spent=feature.spent.and_(ended))
        case fact.AttemptInterrupted() as interrupted:
            return replace(_closed(feature), left=interrupted.left)
        case fact.ApprovalGranted() as granted:
            return _approved(feature, granted, event)
        case fact.ApprovalUndone() as undone:
            return _taken_back(feature, undone)
        case fact.ApprovalRejected() as rejected:
            return _rejected(feature, rejected, event)
        case fact.FeaturePaused() as paused:
            waits = Waits(kind=paused.kind, reason=paused.reason, since=at, after=paused.after)
            status = Status.PAUSED if paused.kind == "pause" else Status.BLOCKED
            feature = replace(_closed(feature), left=paused.left) if paused.run else feature
            note = () if paused.kind == "pause" else (Note(timestamp=at, note=paused.reason),)
            return replace(
                feature,
                status=status,
                waits=waits,
                paused_until=paused.until or None,
                notes=(*feature.notes, *note),
            )
        case fact.FeatureResumed():
            again = feature.status is Status.FAILED or feature.waits is None or feature.waits.kind != "after"
            fresh = _fresh(feature) if again and event.actor != "kit" else feature
            return replace(
                fresh, status=Status.ACTIVE, waits=None, paused_until=None, ended_at=None, failure=feature.failure
            )
        case fact.FeatureFailed():
            return replace(feature, status=Status.FAILED, attempt=None, gate=None, waits=None, ended_at=at)
        case fact.WorkflowCompleted() as completed:
            done = tuple(one for one in feature.workflows_completed if one != event.workflow)
            place = completed.next or feature.place
            workflows = (*done, event.workflow or "")
            return replace(feature, workflows_completed=workflows, place=place, session=None)
        case fact.FeatureCompleted():
            return replace(
                feature,
                status=Status.COMPLETED,
                place=_at_the_end(feature.place),
                gate=None,
                waits=None,
                paused_until=None,
                ended_at=at,
            )
        case fact.FeatureRetired():
            return replace(feature, retired=True, worktree="")
        case fact.CheckpointCreated() as checkpoint:
            return replace(
                feature,
                tip=checkpoint.commit,
                next_n=checkpoint.n + 1,
                last_checkpoint=checkpoint.n,
                checkpointed_at=at,
                reflog=checkpoint.reflog or feature.reflog,
                **_ancestry(checkpoint.ancestors),
            )
        case fact.BranchMoved() as moved:
            return replace(feature, tip=moved.commit, reflog=moved.reflog, **_ancestry(moved.ancestors))
        case fact.BackupCreated() as backup:
            point = RollbackPoint(
                n=backup.n,
                commit=backup.commit,
                snapshot=backup.snapshot,
                workflow=event.workflow or "",
                phase=event.phase or "",
                at=at,
                backup=backup.path,
                sha256=backup.sha256,
                event=event.id,
                cause=backup.cause,
            )
            kept = tuple(one for one in feature.points if one.n not in backup.dropped)
            below = tuple(n for n in feature.ancestors if n not in backup.dropped)
            return replace(feature, points=(*kept, point), ancestors=(*below, backup.n))
        case fact.RollbackOrdered() as ordered:
            return replace(_closed(feature) if feature.attempt else feature, ordered=ordered)
        case fact.RollbackExecuted() as executed:
            return _rolled_back(feature, executed, at)
        case fact.RollbackUndone() as undone:
            return _undone(feature, undone, at)
        case fact.RollbackAborted() as aborted:
            return replace(feature, ordered=None, notes=(*feature.notes, Note(timestamp=at, note=aborted.reason)))
        case fact.StateEdited() as edited:
            return _edited(feature, edited, at)
        case fact.NoteAdded(note=note):
            return replace(feature, notes=(*feature.notes, Note(timestamp=at, note=note)))
        case _ as missing:
            assert_never(missing)


def _session(feature: Feature, ended: fact.AgentEnded) -> Session | None:
    if not ended.session:
        return None
    return Session(
        client=ended.client,
        id=ended.session,
        workflow=feature.place.workflow,
        cost=ended.total,
        tokens=ended.total_tokens,
    )


def _earlier(failure: Failure | None) -> tuple[str, ...]:
    return (*failure.earlier[-3:], f"attempt {failure.attempt}: {failure.reason}") if failure is not None else ()


def _ancestry(ancestors: tuple[int, ...] | None) -> dict[str, Any]:
    return {} if ancestors is None else {"ancestors": ancestors}


def _closed(feature: Feature) -> Feature:
    """Return the feature without its open attempt, which does not count."""
    counts = _count(feature, feature.failed)
    return msgspec.structs.replace(feature, attempt=None, attempts=counts)


def _arrived(feature: Feature, reached: fact.GateReached) -> Feature:
    """Return the feature at a gate: after a pass, in the midst of an attempt that asks, or led there by an edit."""
    if reached.gate.reported:
        return _closed(feature)
    if reached.run:
        return _passed(feature)
    return msgspec.structs.replace(_fresh(feature), attempt=None)


def _passed(feature: Feature) -> Feature:
    return msgspec.structs.replace(_fresh(feature), attempt=None, carried=(), left=None)


def _fresh(feature: Feature) -> Feature:
    """Return the feature with its attempts at zero."""
    return msgspec.structs.replace(feature, failed=0, failure=None, attempts=_count(feature, 0))


def _count(feature: Feature, number: int) -> dict[str, int]:
    others = {name: count for name, count in feature.attempts.items() if name != feature.place.workflow}
    return {**others, feature.place.workflow: number} if number else others


def _approved(feature: Feature, granted: fact.ApprovalGranted, event: Event) -> Feature:
    decision = Decision(
        gate=granted.gate,
        workflow=event.workflow or "",
        ordinal=granted.ordinal,
        verdict=granted.verdict,
        answer=granted.answer,
        by=event.actor,
        at=event.timestamp,
    )
    return msgspec.structs.replace(
        feature,
        status=_after_gate(feature),
        gate=None,
        paused_until=None,
        place=granted.next or feature.place,
        carried=(*feature.carried, decision),
        judged=granted.commit or feature.judged,
        signed=(*feature.signed, granted.commit) if granted.signer and granted.commit else feature.signed,
        granted=_window(feature, granted, event),
    )


def _window(feature: Feature, granted: fact.ApprovalGranted, event: Event) -> Granted | None:
    """Return what an approval changed, so that it can be taken back."""
    if feature.gate is None:
        return None
    return Granted(
        event=event.id,
        batch=granted.batch,
        commit=granted.commit,
        gate=feature.gate,
        place=feature.place,
        workflows_completed=feature.workflows_completed,
        carried=feature.carried,
        paused_until=feature.paused_until,
        waits=feature.waits,
        judged=feature.judged,
        signed=feature.signed,
    )


def _taken_back(feature: Feature, undone: fact.ApprovalUndone) -> Feature:
    """Return the feature at its gate again; another approval than the last one changes nothing."""
    before = feature.granted
    if before is None or before.event != undone.granted:
        return feature
    return msgspec.structs.replace(
        feature,
        status=Status.PAUSED,
        gate=before.gate,
        place=before.place,
        workflows_completed=before.workflows_completed,
        carried=before.carried,
        paused_until=before.paused_until,
        waits=before.waits,
        judged=before.judged,
        signed=before.signed,
        ended_at=None,
        granted=None,
    )


def _rejected(feature: Feature, rejected: fact.ApprovalRejected, event: Event) -> Feature:
    decision = Decision(
        gate=rejected.gate,
        workflow=event.workflow or "",
        ordinal=rejected.ordinal,
        verdict="rejected",
        answer=rejected.why,
        by=event.actor,
        at=event.timestamp,
    )
    fresh = _fresh(feature)
    return msgspec.structs.replace(
        fresh,
        status=_after_gate(feature),
        gate=None,
        paused_until=None,
        place=rejected.place,
        carried=(*feature.carried, decision),
        granted=None,
        workflows_completed=_before(feature.workflows_completed, rejected.place.workflow),
    )


def _after_gate(feature: Feature) -> Status:
    """Return the status behind a gate: a pause from before its decision goes on until `resume`."""
    if feature.waits is None:
        return Status.ACTIVE
    return Status.PAUSED if feature.waits.kind == "pause" else Status.BLOCKED


def _before(completed: tuple[str, ...], workflow: str) -> tuple[str, ...]:
    """Return the completed workflows that lie before `workflow` in the line; the others are to be done again."""
    return tuple(one for one in completed if natural_order(one) < natural_order(workflow))


def _rolled_back(feature: Feature, executed: fact.RollbackExecuted, at: str) -> Feature:
    ordered = feature.ordered
    if ordered is None:
        return feature
    undo = Undo(
        operation=executed.operation,
        rescue=executed.rescue,
        old=ordered.old,
        to=ordered.commit,
        context=ordered.context,
        moment=feature.moment,
        status=feature.status,
        automatic=ordered.automatic,
        gate=feature.gate,
        waits=feature.waits,
        carried=feature.carried,
        failure=feature.failure,
        paused_until=feature.paused_until,
        before=feature.undo,
    )
    moment = ordered.moment
    return msgspec.structs.replace(
        feature,
        status=Status.FAILED,
        place=moment.place,
        workflows_completed=moment.workflows_completed,
        attempts=moment.attempts,
        failed=moment.attempts.get(moment.place.workflow, 0),
        gate=None,
        waits=None,
        paused_until=None,
        carried=(),
        attempt=None,
        ordered=None,
        undo=undo,
        granted=None,
        session=None,
        tip=executed.commit,
        reflog=executed.reflog,
        ended_at=at,
        **_ancestry(executed.ancestors),
    )


def _undone(feature: Feature, undone: fact.RollbackUndone, at: str) -> Feature:
    undo = feature.undo
    if undo is None:
        return feature
    status, waits = undo.status, undo.waits
    if undo.automatic:
        status, waits = Status.BLOCKED, Waits(kind="undone", reason="rollback undone", since=at)
    return msgspec.structs.replace(
        feature,
        status=status,
        waits=waits,
        place=undo.moment.place,
        workflows_completed=undo.moment.workflows_completed,
        attempts=undo.moment.attempts,
        failed=undo.moment.attempts.get(undo.moment.place.workflow, 0),
        gate=undo.gate,
        carried=undo.carried,
        failure=undo.failure,
        paused_until=None if undo.automatic else undo.paused_until,
        ordered=None,
        undo=undo.before,
        granted=None,
        session=None,
        tip=undone.commit,
        reflog=undone.reflog,
        **_ancestry(undone.ancestors),
        ended_at=at if status in (Status.FAILED, Status.COMPLETED) else None,
        notes=(*feature.notes, Note(timestamp=at, note="rollback undone")),
    )


def _edited(feature: Feature, edited: fact.StateEdited, at: str) -> Feature:
    new = {field: change[1] for field, change in edited.changes.items()}
    status = Status(new.get("status", feature.status))
    place = edited.place or feature.place
    moved = (place.workflow, place.ordinal) != (feature.place.workflow, feature.place.ordinal)
    waits = feature.waits
    if "status" in new:
        stands = status in (Status.PAUSED, Status.BLOCKED)
        waits = Waits(kind="pause", reason=f"{status} by an edit", since=at) if stands else None
    attempts = {str(name): int(count) for name, count in new.get("attempts", feature.attempts).items()}
    return msgspec.structs.replace(
        feature,
        granted=None if moved or "status" in new else feature.granted,
        session=None if moved else feature.session,
        status=status,
        waits=waits,
        place=place,
        failed=attempts.get(place.workflow, 0) if "attempts" in new else 0 if moved else feature.failed,
        failure=None if moved else feature.failure,
        attempts=attempts,
        workflows_completed=tuple(str(one) for one in new.get("workflows_completed", feature.workflows_completed)),
        paused_until=new.get("paused_until", feature.paused_until),
        notes=tuple(_notes(new["notes"], at)) if "notes" in new else feature.notes,
        started_at=new.get("started_at", feature.started_at),
        extra=_extra(feature.extra, new),
        ended_at=feature.ended_at if status is feature.status else at if status is Status.FAILED else None,
    )


def _extra(extra: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    merged = {**extra, **{key: value for key, value in new.items() if key not in KNOWN}}
    return {key: value for key, value in merged.items() if value is not None}
