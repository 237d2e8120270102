"""What `verify --repair` does: ends what was interrupted, makes copies and refs again. Deletes nothing: sets aside.

What is put back is compared with the log first, never written over a file, and recorded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import assert_never

import msgspec

from orchestrator import documents, mending, perform
from orchestrator.adapters import backups, snapshots
from orchestrator.adapters.durable import fsync_directory
from orchestrator.adapters.git import Git
from orchestrator.adapters.trees import write_tree
from orchestrator.core.values import FeatureId, Sha, Value
from orchestrator.errors import BrokenLog, Busy, GitFailed, MoveRefused, OrchestratorError
from orchestrator.log import projections
from orchestrator.mending import Planned
from orchestrator.verifying import chain, copies, refs
from orchestrator.verifying.examine import examine, fresh, kept_fold
from orchestrator.verifying.findings import (
    BranchBack,
    ContextBack,
    Finding,
    Found,
    LogBack,
    Mend,
    MovedAside,
    RefBack,
    RescueBack,
    TarBack,
    TreeBack,
)
from orchestrator.verifying.hooks import TROUBLE
from orchestrator.verifying.sight import Sight
from orchestrator.workspace import Workspace, about, now

_ASIDE = "refs/orchestrator/aside"
_PASSING = frozenset({"V603"})  # what ends without anybody's mending


class Repaired(Value):
    """One thing that was mended: the finding it ends, where, and what was done."""

    id: str
    where: str
    what: str


Row = tuple[FeatureId | None, Repaired]
Hold = Callable[[], None]  # takes the repair, once, before the first thing is mended


def before(workspace: Workspace, hold: Hold) -> list[Row]:
    """Mend what a command may not even start from: a log that is gone, a kept fold that is not what the log says."""
    repaired = []
    gone = chain.missing(workspace)
    if gone is not None:
        repaired += _planned_and_mended(workspace, [gone], hold)
    if chain.missing(workspace) is None:
        repaired += _planned_and_mended(workspace, kept_fold(fresh(workspace)), hold)
        repaired += _put_ahead_aside(workspace, hold)
    return repaired


def _put_ahead_aside(workspace: Workspace, hold: Hold) -> list[Row]:
    """Set states aside that know events which the log, cut or replaced, does not: they would stop every writer."""
    rows: list[Row] = []
    try:
        world = workspace.load()
    except BrokenLog:
        return rows  # what the log does not hold at all is a finding of its own
    if workspace.problem is not None and not workspace.problem.is_tail:
        return rows  # what is behind the break is not gone; nothing is put aside for it
    for feature in world.features.values():
        for context in workspace.contexts(feature):
            path = projections.state_file(context, feature.slug)
            if _last_known(path) > workspace.head.id:
                aside = path.with_name(f"{path.name}.aside-{now():%Y%m%dT%H%M%S%f}")
                what = "it knows events that the log does not"
                hold()
                mending.plan(workspace, [Planned(feature=feature.id, where=str(path), what=what)])
                path.rename(aside)
                what = f"it knew events that the log does not; set aside as {aside.name}"
                rows.append((feature.id, Repaired(id="V105", where=str(path), what=what)))
    return rows


def _last_known(path: Path) -> int:
    """Return the event that a state file names as its last; 0 where it names none."""
    try:
        found = msgspec.json.decode(projections.found(path) or b"{}")
        last = found["event"]["id"]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError):
        return 0
    return last if isinstance(last, int) else 0


def is_possible(found: Sequence[Found]) -> bool:
    """Tell whether anything can be recorded: a log is there or was put back, holds, and this version reads it."""
    ids = {one.finding.id for one in found if not isinstance(one.mend, LogBack)}
    return not ids & {"V100", "V101", "V102", "V104"}


def mend(workspace: Workspace, earlier: Sequence[Row], hold: Hold) -> list[Row]:
    """End what was interrupted, then mend what the checks find; record that, and what was mended `earlier`."""
    if workspace.problem is not None or workspace.journal.has_unrecorded:
        workspace.record(lambda world: [])  # what is torn at the log's end is set aside and recorded
    cut = [one for one in refs.branches(Sight(fresh(workspace))) if isinstance(one.mend, BranchBack)]
    first = _planned_and_mended(workspace, cut, hold)  # a rollback ends only on a branch that git can read
    _end_interrupted(workspace)
    repaired = [*first, *_planned_and_mended(workspace, examine(workspace), hold)]
    record(workspace, [*earlier, *repaired])
    workspace.project_all()
    _put_trouble_aside(workspace)
    return repaired


def _planned_and_mended(workspace: Workspace, found: Sequence[Found], hold: Hold) -> list[Row]:
    there = [(one.feature, one.finding) for one in found if one.mend is not None]
    if there:
        hold()
        rows = [Planned(feature=of, where=one.where, what=f"{one.id} {one.what}") for of, one in there]
        mending.plan(workspace, rows)
    return _all_mended(workspace, found)


def _all_mended(workspace: Workspace, found: Iterable[Found]) -> list[Row]:
    """Mend what can be mended and return what was done; what fails is said."""
    rows: list[Row] = []
    for one in found:
        if one.mend is None:
            continue
        try:
            done = Repaired(id=one.finding.id, where=one.finding.where, what=_mended(workspace, one.mend))
            rows.append((one.feature, done))
        except (OrchestratorError, OSError) as failure:
            hint = f"; {failure.hint}" if isinstance(failure, OrchestratorError) and failure.hint else ""
            workspace.notices.append(f"{one.finding.where}: not mended: {failure}{hint}")
    return rows


def renew_copy(workspace: Workspace) -> None:
    """Set a SQLite copy aside that is not what the log says; the command's end makes a new one."""
    _all_mended(workspace, copies.database(Sight(fresh(workspace))))


def ended(before: Sequence[Finding], after: Sequence[Finding], repaired: Sequence[Repaired]) -> list[Repaired]:
    """Return all that was mended: what was done, and the findings that went by what every command does first."""
    done = {(one.id, one.where) for one in repaired}
    left = {(one.id, one.where) for one in after}
    by_itself = [
        Repaired(id=one.id, where=one.where, what=f"ended: {one.what}")
        for one in before
        if (one.id, one.where) not in done | left and one.id not in _PASSING
    ]
    return sorted([*repaired, *by_itself], key=lambda one: (one.id, one.where))


def _end_interrupted(workspace: Workspace) -> None:
    """End dead attempts and ordered rollbacks, each under its feature's lock; one that somebody holds is his."""
    for feature in list(workspace.world.features.values()):
        if feature.retired or (feature.ordered is None and feature.attempt is None):
            continue
        try:
            with perform.locked(workspace, feature.id):
                workspace.load()
                perform.recover(workspace, feature.id)
        except (Busy, GitFailed, MoveRefused) as error:
            workspace.notices.append(about(feature.slug, str(error)))


def record(workspace: Workspace, repaired: Sequence[Row]) -> None:
    """Leave a note in the log, in the state of each feature that something was mended of, and forget the plan."""
    for feature in dict.fromkeys(one for one, _ in repaired):
        rows = "; ".join(f"{one.where}: {one.what}" for of, one in repaired if of == feature)
        mending.note(workspace, feature, f"verify --repair: {rows} {mending.signed(mending.own())}")
    mending.recorded(workspace)


def _branch_back(workspace: Workspace, branch: str, file: Path, commit: Sha) -> str:
    """Make a branch again whose file was cut short; that is kept. Commits that no event recorded are in its reflog."""
    aside = workspace.home / "aside" / f"{branch.replace('/', '-')}-{_stamp()}"
    aside.parent.mkdir(exist_ok=True)
    file.rename(aside)
    fsync_directory(file.parent)
    workspace.git.make_branch(branch, commit, "orchestrator: verify --repair")
    return f"{branch} holds {commit[:12]} again, its last recorded commit; the file is kept as {aside.name}"


def _put_trouble_aside(workspace: Workspace) -> None:
    """Take a hook's last trouble out of the way, now that all was read that it could not."""
    path = workspace.home / TROUBLE
    with suppress(FileNotFoundError):
        path.rename(path.with_name(f"{TROUBLE}.aside-{_stamp()}"))


# --- one mend --------------------------------------------------------------------------------------


def _mended(workspace: Workspace, mend: Mend) -> str:
    """Mend one thing and return what was done."""
    match mend:
        case LogBack(second=second):
            return _link_back(workspace, second)
        case MovedAside(paths=paths):
            return _set_aside(paths)
        case RefBack(name=name, wanted=wanted, present=present):
            return _point(workspace, name, wanted, present)
        case BranchBack(branch=branch, file=file, commit=commit):
            return _branch_back(workspace, branch, file, commit)
        case TreeBack(name=name, tree=tree, present=present):
            return _point(workspace, name, _line(workspace, tree), present)
        case RescueBack(name=name, operation=operation):
            return _point(workspace, name, _lost_rescue(workspace.git, operation), None)
        case TarBack() as tar:
            return _packed(workspace, tar)
        case ContextBack(directory=directory, snapshot=snapshot, names=names):
            return _restored(workspace, directory, snapshot, names)
        case _ as missing:
            assert_never(missing)


def _link_back(workspace: Workspace, second: Path) -> str:
    """Give the log its name again; the file is the very one, or a copy where links are impossible."""
    if not chain.holds(second):
        raise OrchestratorError(f"{second} does not hold as a log")
    workspace.make_home()
    try:
        os.link(second, workspace.log)
    except FileExistsError:
        return "it is there again"
    fsync_directory(workspace.home)
    return f"linked back from {second}"


def _set_aside(paths: Sequence[Path]) -> str:
    stamp = _stamp()
    there = [path for path in paths if path.exists()]
    for path in there:
        path.rename(path.with_name(f"{path.name}.aside-{stamp}"))
    return f"set aside with .aside-{stamp} at its name's end; made again from the log"


def _point(workspace: Workspace, name: str, wanted: Sha, present: Sha | None) -> str:
    """Let a ref lead where it should, if it still leads where it was seen; what it held is kept."""
    aside = f"{_ASIDE}/{name.removeprefix('refs/').removeprefix('orchestrator/')}/{present}"
    kept = [f"update {aside} {present}"] if present else []
    workspace.git.update_refs([*kept, f"update {name} {wanted} {present or '0' * len(wanted)}"], "orchestrator: repair")
    return f"leads to {wanted[:12]} again" + (f"; what it held is kept as {aside}" if present else "")


def _line(workspace: Workspace, tree: Sha) -> Sha:
    """Return a commit of the line as accepted; where its tree is gone, the present documents may be that line."""
    git = workspace.git
    if git.ref(f"{tree}^{{tree}}") is None:
        present = write_tree(git, documents.as_files(documents.source(workspace.main)))
        if present != tree:
            raise OrchestratorError(f"the line as it is now is not the accepted one, {tree[:12]}")
    return git.commit_tree(tree, [], "orchestrator: the line as accepted\n")


def _lost_rescue(git: Git, operation: str) -> Sha:
    """Return a rescue's commit, found by its message among those that nothing leads to. Raises GitFailed."""
    rows = git.run("fsck", "--unreachable", "--no-reflogs", "--no-progress", accept=(0, 1, 2, 3, 4)).stdout.decode()
    lost = [row.split()[2] for row in rows.splitlines() if row.startswith("unreachable commit ")]
    found: dict[str, list[str]] = {}
    for sha in lost:
        text = git.text("cat-file", "commit", sha)
        if f"\nOperation: {operation}" in text and "\n\nrescue of " in text:
            found[sha] = [row.split(" ")[1] for row in text.splitlines() if row.startswith("parent ")]
    earlier = {parent for parents in found.values() for parent in parents}
    newest = [sha for sha in found if sha not in earlier]
    if len(newest) != 1:
        raise GitFailed(f"the rescue of operation {operation} is not in this repository any more")
    return Sha(newest[0])


def _packed(workspace: Workspace, tar: TarBack) -> str:
    """Make a tar again from the snapshot that holds the same files; what was there is set aside."""
    feature = workspace.world.features[tar.feature]
    path = workspace.main / (backups.newest(feature.slug) if tar.is_newest else backups.numbered(feature.slug, tar.n))
    contents = list(snapshots.contents(workspace.git, tar.snapshot))
    if path.exists():
        _set_aside([path])
    make = backups.archive if tar.is_newest else backups.write_again
    made = make(feature.slug, workspace.main, tar.n, contents)
    return f"made again from snapshot {tar.snapshot[:12]}, {made.files} files"


def _restored(workspace: Workspace, directory: Path, snapshot: Sha, names: Sequence[str]) -> str:
    """Put back the files that are missing; one that appeared meanwhile stays as it is."""
    wanted = [
        one
        for one in snapshots.contents(workspace.git, snapshot)
        if one.name in names and not os.path.lexists(directory / one.name)
    ]
    snapshots.replace(directory, wanted)
    return f"{len(wanted)} files put back from snapshot {snapshot[:12]}"


def _stamp() -> str:
    return datetime.now().astimezone().strftime("%Y%m%dT%H%M%S%f")
