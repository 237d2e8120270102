"""Takes a feature back to a checkpoint, git and context together, and forward again.

The intent is recorded first; from then on `finish` ends it, however often it is killed. Nothing is forced.
"""

from __future__ import annotations

import time
import uuid
from pathlib import Path

from orchestrator import checkpoints, worktrees
from orchestrator.adapters import move, reflog
from orchestrator.adapters.durable import sync_filesystem
from orchestrator.adapters.git import Git
from orchestrator.adapters.move import Changes, Mover, Rescue, Target
from orchestrator.adapters.snapshots import restore
from orchestrator.core import decide
from orchestrator.core.events import (
    ApprovalGranted,
    CheckpointCreated,
    Moment,
    RollbackExecuted,
    RollbackOrdered,
    RollbackUndone,
)
from orchestrator.core.state import Feature
from orchestrator.core.values import FeatureId, Sha, Value
from orchestrator.errors import GitFailed, MoveRefused, Refusal
from orchestrator.workspace import Workspace


class Goal(Value):
    """Where a rollback leads: the checkpoint, the event that recorded it, and what it brings back."""

    n: int
    commit: Sha
    snapshot: Sha
    event: int
    moment: Moment
    late: bool = False


class Plan(Value):
    """What a rollback would do, for people to read first; `effects` are deploys that stay done."""

    goal: Goal
    changes: Changes
    effects: tuple[str, ...]


def goal(workspace: Workspace, feature: Feature, to: str = "") -> Goal:
    """Return the checkpoint that `to` (N or the tag) names, or the newest rollback point that differs.

    Raises Refusal where there is none.
    """
    if not to:
        return _newest_different(workspace, feature)
    found = _named(workspace, feature, to)
    if not _is_different(workspace, feature, found):
        raise Refusal(
            f"{feature.slug} is as it was at {found.n}; there is nothing to take back",
            f"orchestrator checkpoints {feature.slug}",
        )
    return found


def _named(workspace: Workspace, feature: Feature, to: str) -> Goal:
    text = to.removeprefix(f"checkpoint/{feature.slug}/")
    if not text.isdigit():
        raise Refusal(f"{to!r} is no checkpoint of {feature.slug}", f"orchestrator checkpoints {feature.slug}")
    for event in workspace.events():
        made = event.payload
        if event.feature == feature.id and isinstance(made, CheckpointCreated) and made.n == int(text):
            return _goal(workspace, feature, made.n, made.commit, made.snapshot, event.id, late=made.late)
    raise Refusal(f"{feature.slug} has no checkpoint {text}", f"orchestrator checkpoints {feature.slug}")


def _goal(
    workspace: Workspace, feature: Feature, n: int, commit: Sha, snapshot: Sha, event: int, late: bool = False
) -> Goal:
    then = workspace.state_at(feature.id, event)
    moment = then.moment if then else feature.moment
    return Goal(n=n, commit=commit, snapshot=snapshot, event=event, moment=moment, late=late)


def _newest_different(workspace: Workspace, feature: Feature) -> Goal:
    points = [point for point in reversed(feature.points) if point.n in feature.ancestors]
    if not points:
        raise Refusal(f"{feature.slug} has no rollback point yet", f"orchestrator checkpoints {feature.slug}")
    for point in points:
        found = _goal(workspace, feature, point.n, point.commit, point.snapshot, point.event)
        if _is_different(workspace, feature, found):
            return found
    raise Refusal(
        f"nothing was done since the rollback points of {feature.slug}; there is nothing to take back",
        f"orchestrator checkpoints {feature.slug}",
    )


def _is_different(workspace: Workspace, feature: Feature, found: Goal) -> bool:
    here, there = feature.place, found.moment.place
    if (here.workflow, here.ordinal, here.decided) != (there.workflow, there.ordinal, there.decided):
        return True
    if workspace.git.ref(f"refs/heads/{feature.branch}") != found.commit:
        return True
    worktree = worktrees.find(workspace, feature.branch)
    if worktree is not None and any(not name.startswith(".context/") for name in Git(worktree.path).dirt()):
        return True
    present = checkpoints.take_snapshot(workspace, feature, found.commit)
    return not workspace.git.holds("diff-tree", "--quiet", found.snapshot, present)


def plan(workspace: Workspace, feature: Feature, found: Goal) -> Plan:
    """Return what going to a checkpoint would take away, and what outside it cannot. Raises MoveRefused."""
    move.check(workspace.git, _worktree(workspace, feature), feature.branch, found.commit)
    changes = move.changes(workspace.git, _worktree(workspace, feature), feature.branch, found.commit)
    effects = [
        f"{event.payload.gate.heading} ({event.workflow}), approved {event.timestamp}"
        for event in workspace.events()
        if event.feature == feature.id
        and event.id > found.event
        and isinstance(event.payload, ApprovalGranted)
        and event.payload.gate.type == "deploy"
        and event.payload.verdict == "approved"
    ]
    return Plan(goal=found, changes=changes, effects=tuple(effects))


def order(
    workspace: Workspace, feature: Feature, found: Goal, actor: str, reason: str = "", automatic: bool = False
) -> Feature:
    """Roll a feature back; the caller holds its lock. Raises MoveRefused, and nothing was touched then."""
    move.check(workspace.git, _worktree(workspace, feature), feature.branch, found.commit)
    old = _tip(workspace, feature)
    context = checkpoints.take_snapshot(workspace, feature, old)
    ordered = RollbackOrdered(
        operation=uuid.uuid4().hex,
        n=found.n,
        commit=found.commit,
        snapshot=found.snapshot,
        old=old,
        moment=found.moment,
        reason=reason,
        automatic=automatic,
        late=found.late,
        context=context,
        worktree=str(_worktree(workspace, feature) or ""),
    )
    workspace.record(lambda world: decide.order_rollback(world.features[feature.id], ordered, actor))
    return finish(workspace, feature.id)


def automatic(workspace: Workspace, feature: FeatureId, reason: str) -> str:
    """Take a feature back to before its workflow's first attempt; return why not where that is refused.

    Then the feature is parked and a person told: an automatic rollback uses no force.
    """
    current = workspace.world.features[feature]
    points = [one for one in current.points if one.cause == "workflow" and one.workflow == current.place.workflow]
    try:
        if not points:
            raise MoveRefused(f"workflow {current.place.workflow} of {current.slug} has no rollback point")
        point = points[-1]
        found = _goal(workspace, current, point.n, point.commit, point.snapshot, point.event)
        order(workspace, current, found, "kit", reason, automatic=True)
    except MoveRefused as error:
        refused = f"rollback refused: {error}"
        if workspace.world.features[feature].status != "blocked":
            workspace.record(lambda world: decide.park(world.features[feature], refused))
        return refused
    return ""


def undo(workspace: Workspace, feature: Feature, actor: str) -> Feature:
    """Undo the last rollback of a feature; the caller holds its lock. Raises Refusal, MoveRefused."""
    last = feature.undo
    if last is None:
        raise Refusal(f"{feature.slug} has no rollback to undo", f"orchestrator log {feature.slug}")
    if _tip(workspace, feature) != last.to:
        raise Refusal(
            f"{feature.slug} has moved on since its rollback; undoing it would take the new commits away",
            f"orchestrator checkpoints {feature.slug} lists the commits from before",
        )
    move.check(workspace.git, _worktree(workspace, feature), feature.branch, last.old)
    tip = _tip(workspace, feature)
    context = checkpoints.take_snapshot(workspace, feature, tip)
    ordered = RollbackOrdered(
        operation=uuid.uuid4().hex,
        n=0,
        commit=last.old,
        snapshot=last.context or context,
        old=tip,
        moment=last.moment,
        undoes=last.operation,
        rescue=last.rescue,
        context=context,
        worktree=str(_worktree(workspace, feature) or ""),
    )
    workspace.record(lambda world: decide.order_rollback(world.features[feature.id], ordered, actor))
    return finish(workspace, feature.id)


def finish(workspace: Workspace, feature: FeatureId) -> Feature:
    """End an ordered rollback or undo, from wherever it was left; the caller holds the feature's lock.

    Raises MoveRefused after calling it off; GitFailed leaves it for the next command, with a note that says why.
    """
    try:
        return _finished(workspace, feature)
    except GitFailed as error:
        _note_stuck(workspace, workspace.world.features[feature], error)
        raise


def _note_stuck(workspace: Workspace, feature: Feature, error: GitFailed) -> None:
    """Leave the reason with the feature, where `status` finds it: once, however often it is tried."""
    if feature.ordered is None:
        return
    text = f"{stuck(feature.ordered)} {error}"
    if not (feature.notes and feature.notes[-1].note == text):
        workspace.record(lambda world: decide.noted(world.features[feature.id], text, "kit"))


def stuck(ordered: RollbackOrdered) -> str:
    """Return how the note begins that says why a rollback does not end."""
    return f"rollback {ordered.operation[:8]} does not end:"


def _finished(workspace: Workspace, feature: FeatureId) -> Feature:
    began = time.monotonic()
    current = workspace.world.features[feature]
    ordered = current.ordered
    if ordered is None:
        return current
    worktree = _worktree(workspace, current)
    mover = Mover(workspace.git.at(worktree or workspace.main), worktree)
    ref = f"refs/orchestrator/rescue/{current.slug}/{ordered.operation}"
    try:
        target = _target(workspace, current, ordered)
        rescue = mover.rescue(target, ordered.operation, ref)
        mover.move(target, rescue, ordered.operation)
    except MoveRefused as error:
        mover.release(ordered.operation)
        reason = str(error)
        workspace.record(lambda world: decide.abort_rollback(world.features[feature], reason))
        raise
    checkpoints.take_snapshot(workspace, current, ordered.commit)  # what was written since the order is kept, too
    try:
        restored = restore(workspace.git, checkpoints.owner(workspace, current), ordered.snapshot)
    except MoveRefused as error:  # git has moved: it is not called off any more, only not ended yet
        raise GitFailed(f"the context of {current.slug} is not back yet: {error}", error.hint) from error
    if worktree is not None:
        sync_filesystem(worktree)  # it may lie on another disk than the log
    files = (len(restored.written), len(restored.removed))
    return _ended(workspace, current, ordered, rescue, time.monotonic() - began, files)


def _target(workspace: Workspace, feature: Feature, ordered: RollbackOrdered) -> Target:
    if not ordered.undoes:
        return Target(branch=feature.branch, commit=ordered.commit)
    rescued = move.load(workspace.git, ordered.rescue)
    if rescued is None:
        raise MoveRefused(f"the rescue {ordered.rescue} is gone", "the commits are still among the checkpoints")
    return rescued.target(feature.branch)


def _ended(
    workspace: Workspace,
    feature: Feature,
    ordered: RollbackOrdered,
    rescue: Rescue,
    seconds: float,
    files: tuple[int, int],
) -> Feature:
    position = reflog.end(workspace.repository.common_dir, feature.branch)
    still = checkpoints.ancestors(workspace, feature, ordered.commit)
    checkpoints.name_newest_backup(workspace, feature, still)
    taken = round(seconds, 3)
    if ordered.undoes:
        undone = RollbackUndone(
            operation=ordered.operation,
            undoes=ordered.undoes,
            commit=ordered.commit,
            rescue=rescue.ref,
            rescued=rescue.commit,
            seconds=taken,
            reflog=position,
            ancestors=still,
        )
        workspace.record(lambda world: decide.finish_undo(world.features[feature.id], undone))
    else:
        executed = RollbackExecuted(
            operation=ordered.operation,
            n=ordered.n,
            commit=ordered.commit,
            rescue=rescue.ref,
            rescued=rescue.commit,
            seconds=taken,
            automatic=ordered.automatic,
            written=files[0],
            removed=files[1],
            reflog=position,
            ancestors=still,
        )
        workspace.record(lambda world: decide.finish_rollback(world.features[feature.id], executed))
    return workspace.world.features[feature.id]


def _worktree(workspace: Workspace, feature: Feature) -> Path | None:
    found = worktrees.find(workspace, feature.branch)
    return found.path if found else None


def _tip(workspace: Workspace, feature: Feature) -> Sha:
    tip = workspace.git.ref(f"refs/heads/{feature.branch}")
    if tip is None:
        raise GitFailed(
            f"branch {feature.branch} of {feature.slug} is gone", "orchestrator checkpoints lists its commits"
        )
    return tip
