"""Where features live: their worktrees, their context files, what git ignores, what lies about."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from orchestrator import checkpoints, confining
from orchestrator.adapters import snapshots
from orchestrator.adapters.durable import TEMPORARY
from orchestrator.adapters.git import Worktree
from orchestrator.adapters.lock import holder
from orchestrator.core.state import Feature
from orchestrator.core.values import PREFIX, Sha
from orchestrator.verifying.chain import ANCHOR
from orchestrator.verifying.findings import REPAIR, ContextBack, Found, error, note, warning
from orchestrator.verifying.sight import Sight
from orchestrator.worktrees import is_there

_IGNORED = ("check-ignore", "--no-index", "--quiet", f".context/{PREFIX}any_file")  # the index may be broken
_OWN_FILE = "_attempts.log"  # the kit itself begins it anew, so that it alone is no context
_YOUNG = 60.0  # seconds in which a half-written file may still have its writer


def worktrees(sight: Sight) -> Iterator[Found]:
    """See that each feature's worktree is where the log and git know it."""
    listed = {one.branch: one.path for one in sight.worktrees}
    for feature in sight.features:
        path, known = listed.get(feature.branch), feature.worktree
        if path is not None and not is_there(path):
            what = f"the worktree of {feature.slug} is not there"
            next_step = (
                "moved: `git worktree repair ITS-NEW-PLACE`; deleted: `git worktree prune`, the next step makes it"
            )
            yield warning("V401", str(path), what, next_step, of=feature.id)
        elif known and path is None and not Path(known).is_dir():
            what = f"the worktree of {feature.slug} is gone"
            yield note("V401", known, what, "the next step makes it again, with the newest context", of=feature.id)
        elif known and path is None and feature.is_open and not _is_main(sight, known):
            what = f"the worktree of {feature.slug} has not {feature.branch} checked out"
            yield note("V402", known, what, f"`git -C {known} status` says what it has", of=feature.id)
        elif known and path is not None and path != Path(known):
            what = f"{feature.branch} is checked out here, recorded was {known}"
            yield note("V402", str(path), what, "the next step records it", of=feature.id)


def _is_main(sight: Sight, path: str) -> bool:
    return Path(path) == sight.workspace.main


def index_locks(sight: Sight) -> Iterator[Found]:
    """Name git's own lock in the worktree of a feature that nobody works on."""
    branches = {one.branch: one for one in sight.features}
    for worktree in _open_to_git(sight):
        feature = branches.get(worktree.branch or "")
        if feature is None or not is_there(worktree.path) or holder(sight.workspace.lock_file(feature.slug)):
            continue
        lock = Path(sight.git.at(worktree.path).text("rev-parse", "--absolute-git-dir")) / "index.lock"
        if lock.exists() and not _is_young(lock):
            what = "git's lock of an index is there, though nobody works on the feature"
            yield note("V405", str(lock), what, "see whether a git command runs there, an editor's too", of=feature.id)


def _open_to_git(sight: Sight) -> list[Worktree]:
    """Return the worktrees in which git may run: not while it would obey what an agent in the sandbox wrote there."""
    sealed = confining.sealed(sight.workspace)
    return [one for one in sight.worktrees if one.path not in sealed]


def indexes(sight: Sight) -> Iterator[Found]:
    """See that git can read the index of the main worktree and each feature's; one cut short stops every commit."""
    branches = {one.branch: one for one in sight.features}
    for worktree in _open_to_git(sight):
        feature = branches.get(worktree.branch or "")
        if (feature is None and worktree.path != sight.workspace.main) or not is_there(worktree.path):
            continue
        git = sight.git.at(worktree.path)
        if not git.has_readable_index():
            index = Path(git.text("rev-parse", "--absolute-git-dir")) / "index"
            what = f"git cannot read the index of {worktree.path}: it was cut short or changed"
            way = "move it away, then `git read-tree HEAD` there; no file changes, what was only staged is staged again"
            yield error("V406", str(index), what, way, of=feature.id if feature else None)


# --- context ---------------------------------------------------------------------------------------


def context_files(sight: Sight) -> Iterator[Found]:
    """See that a feature whose snapshots hold context files has some."""
    for feature in sight.features:
        directory = sight.workspace.own_context(feature)
        if not is_there(directory.parent):
            continue  # the worktree is gone, which is said elsewhere
        if _is_no_folder(directory):
            what = f"what lies in the place of the context of {feature.slug} is no folder"
            yield warning("V403", sight.shown(directory), what, "the next step sets it aside", of=feature.id)
            continue
        owner = checkpoints.owner(sight.workspace, feature)
        if any(not name.endswith(_OWN_FILE) for name in snapshots.owned(owner)):
            continue
        snapshot, names = _newest_full(sight, feature)
        missing = tuple(name for name in names if not os.path.lexists(directory / name))
        if snapshot is not None and missing:
            what = f"all context files of {feature.slug} are gone; snapshot {snapshot[:12]} holds {len(names)}"
            mend = ContextBack(directory=directory, snapshot=snapshot, names=missing)
            yield warning("V403", sight.shown(directory), what, REPAIR, mend, feature.id)


def _is_no_folder(path: Path) -> bool:
    return os.path.lexists(path) and (path.is_symlink() or not path.is_dir())


def _newest_full(sight: Sight, feature: Feature) -> tuple[Sha | None, list[str]]:
    """Return the newest snapshot that holds more than the kit's own file, and what it holds."""
    tip = sight.refs.get(snapshots.ref(feature.slug))
    if tip is None:
        return None, []
    for one in _still_meant(sight, feature, tip):
        names = sight.git.names("ls-tree", "-r", "-z", "--name-only", one)
        if any(not name.endswith(_OWN_FILE) for name in names):
            return one, names
    return None, []


def _still_meant(sight: Sight, feature: Feature, tip: Sha) -> Iterator[Sha]:
    """Give the snapshots, the newest first, down to the one that the last rollback put back: it took the rest away."""
    ended, restored = sight.restored.get(feature.id, (0, None))
    asked = ("log", "-z", "--first-parent", "--no-show-signature", "--format=%H%n%B", tip)
    rows = sight.git.run(*asked, accept=(0, 128)).stdout.decode(errors="replace")  # 128: one is gone, see V309
    for row in filter(None, rows.split("\0")):
        anchor = ANCHOR.search(row)
        if restored is not None and anchor and int(anchor[1]) < ended:
            yield restored
            return
        yield Sha(row.partition("\n")[0])


def ignored(sight: Sight) -> Iterator[Found]:
    """See that git ignores context files wherever a feature may be committed whole."""
    places = {sight.workspace.main, *(sight.workspace.own_context(one).parent for one in sight.features)}
    for place in sorted(place for place in places - confining.sealed(sight.workspace) if is_there(place)):
        if sight.features and not _is_no_folder(place / ".context") and not sight.git.at(place).holds(*_IGNORED):
            what = ".context/ is not ignored by git: it would be committed with the feature's work"
            yield warning("V404", str(place), what, "add .context/ to .git/info/exclude, or call `orchestrator init`")


def leftovers(sight: Sight) -> Iterator[Found]:
    """Name half-written files whose writers are gone."""
    folders = {context for one in sight.features for context in sight.workspace.contexts(one)}
    places = [sight.workspace.home, sight.workspace.context, *folders]
    for folder in sorted({one for place in places for one in (place, place / "backups")}):
        for path in sorted(folder.glob(f"{TEMPORARY}*")):
            if not _is_young(path):
                what = "a half-written file that a killed command left"
                yield note("V604", sight.shown(path), what, "it can go; the kit has no use for it")


def _is_young(path: Path) -> bool:
    try:
        return time.time() - path.lstat().st_mtime < _YOUNG
    except FileNotFoundError:
        return True  # gone already
