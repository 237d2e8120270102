"""Acts: one step of one feature, from the rollback point to the recorded outcome.

What is decided comes from the core; this room only does it and tells the core what happened.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from orchestrator import attempts, calling, checkpoints, confining, furnishing, judging, rollback, worktrees
from orchestrator.adapters.agent import Ran, end_leftovers, run_agent
from orchestrator.adapters.lock import RunLock
from orchestrator.attempts import Prepared, Result
from orchestrator.calling import Calling, Told
from orchestrator.core import decide
from orchestrator.core.state import Feature
from orchestrator.core.steps import Step
from orchestrator.core.values import FeatureId, Status
from orchestrator.errors import AgentFault, BadConfiguration, Busy, GitFailed, Refusal
from orchestrator.workspace import Workspace, now


def take_step(workspace: Workspace, feature: FeatureId, stop: threading.Event) -> Result:
    """Do one step of a feature. Raises Busy where somebody works on it, Refusal where it cannot begin."""
    with locked(workspace, feature):
        workspace.load()
        recover(workspace, feature)
        current = workspace.world.features[feature]
        if current.attempt is not None:
            raise Busy(f"{current.slug} is driven by an agent itself", f"orchestrator status {current.slug}")
        if current.status is Status.ACTIVE and _is_out_of_attempts(workspace, current):
            return judging.roll_back(workspace, current)
        if current.status is not Status.ACTIVE:
            return judging.result_of(current, "parked", current.waits.reason if current.waits else str(current.status))
        step = attempts.step_of(workspace, current)
        confining.refuse_unfit(workspace, current)
        with _merging(workspace, step), attempts.slot(workspace, current):
            return _attempt(workspace, current, step, stop)


def _is_out_of_attempts(workspace: Workspace, feature: Feature) -> bool:
    """Tell whether the last failure was to be followed by a rollback that was never ordered."""
    last = feature.failure
    limit = workspace.configuration.validate.attempts
    return last is not None and last.attempt == feature.failed and feature.failed >= limit


@contextmanager
def locked(workspace: Workspace, feature: FeatureId) -> Iterator[None]:
    """Hold a feature's run lock; others are told who has it. What a killed command's agent left is put right first."""
    found = workspace.world.features[feature]
    workspace.make_home()
    with RunLock(workspace.lock_file(found.slug), f"feature {found.slug}", workspace.command, now).acquire():
        confining.put_back_left(workspace, found)
        worktrees.clear_context(workspace, found)
        yield


def _merging(workspace: Workspace, step: Step) -> AbstractContextManager[None]:
    """Hold the main worktree during a step of a workflow that merges."""
    if not step.merges:
        return nullcontext()
    return RunLock(workspace.lock_file("_main"), "the main worktree", workspace.command, now).acquire()


def recover(workspace: Workspace, feature: FeatureId) -> None:
    """End what a killed command left of a feature: its agent's processes, a stale lock, an ordered rollback."""
    current = workspace.world.features[feature]
    if current.ordered is not None:
        rollback.finish(workspace, feature)
        return
    attempt = current.attempt
    if attempt is None or (attempt.deadline and checkpoints.instant(attempt.deadline) > now().timestamp()):
        return
    reason = "its deadline passed without a report" if attempt.deadline else "the kit did not survive it"
    end_leftovers(attempt.run)
    confining.clear(attempt.run)
    calling.record_dead(workspace, current)
    moved = _unlock(workspace, current) if attempt.worktree else ""
    workspace.notices.append(f"{current.slug}: attempt {attempt.number} was interrupted ({reason}){moved}; not counted")
    place = Path(attempt.worktree)
    left = attempts.left(workspace, current, place) if attempt.worktree and place.is_dir() else None
    workspace.record(lambda world: decide.interrupted(world.features[feature], reason + moved, left))


def _unlock(workspace: Workspace, feature: Feature) -> str:
    """Set aside the locks of git's that the dead attempt left, and name them; one that is older or held stays."""
    attempt = feature.attempt
    if attempt is None or not worktrees.is_there(Path(attempt.worktree)):
        return ""
    began, moved = checkpoints.instant(attempt.started_at), []
    for lock in worktrees.locks(workspace, Path(attempt.worktree), feature.branch):
        if lock.stat().st_mtime < began or _is_held(lock):
            continue
        aside = worktrees.git_dir(Path(attempt.worktree)) / f"{lock.name}.aside-{attempt.run[:8]}"  # no ref beside refs
        lock.rename(aside)
        moved.append(f", its {lock.name} set aside as {aside}")
    return "".join(moved)


def _is_held(path: Path) -> bool:
    import psutil  # only after a crash

    for process in psutil.process_iter():
        try:
            if any(Path(one.path) == path for one in process.open_files()):
                return True
        except (psutil.Error, OSError):
            continue  # a process of somebody else's, or one that ended meanwhile
    return False


def _attempt(workspace: Workspace, feature: Feature, step: Step, stop: threading.Event) -> Result:
    exhausted, until = calling.exhausted(workspace, feature)
    if exhausted:
        return judging.park(workspace, feature, exhausted, until=until)
    try:
        if not furnishing.furnish(workspace, feature, step, stop):
            return judging.result_of(feature, "interrupted", "the setup was stopped from the keyboard")
        prepared = attempts.prepare(workspace, workspace.world.features[feature.id], step)
    except (GitFailed, Refusal) as error:
        mend = f"; {error.hint}" if error.hint else ""
        return judging.park(workspace, feature, f"it cannot begin: {error}{mend}")
    began = time.monotonic()
    try:
        call = calling.compose(workspace, prepared)
        ran, told = _call(workspace, prepared, call, stop)
        if call.resumes and told is not None and told.said.kind == "lost":
            ran, told = _call(workspace, prepared, calling.compose(workspace, prepared, anew=True), stop)
    except (AgentFault, BadConfiguration) as error:
        return judging.park(workspace, feature, str(error), prepared)
    finally:
        checkpoints.drain(workspace, only=feature.id)
    return judging.judge(workspace, prepared, ran, told, stop, lambda: time.monotonic() - began)


def _call(workspace: Workspace, prepared: Prepared, call: Calling, stop: threading.Event) -> tuple[Ran, Told | None]:
    with confining.room(
        workspace, prepared.feature, prepared.worktree, prepared.run, call.environment, call.keeps
    ) as room:
        ran = run_agent(
            call.words,
            directory=prepared.worktree,
            brief=call.stdin,
            environment=room.environment,
            limit=workspace.configuration.timeout,
            output=attempts.output_file(workspace, prepared.feature, "agent"),
            stop=stop,
            writable=room.writable,
        )
    return ran, calling.record(workspace, prepared, call, ran)
