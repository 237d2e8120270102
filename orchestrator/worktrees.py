"""Where a feature lives: its linked worktree, made at the first step, or the main one if its branch is there."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import stat
from pathlib import Path

from orchestrator.adapters.copying import shown
from orchestrator.adapters.durable import opened_plain, said_in_one_line, write_new
from orchestrator.adapters.git import Worktree, at_work
from orchestrator.adapters.lock import RunLock
from orchestrator.adapters.snapshots import Content, Owner, owned, replace, restore
from orchestrator.core.decide import of
from orchestrator.core.events import WorktreeCreated
from orchestrator.core.state import Feature
from orchestrator.core.values import PREFIX, Slug, Value
from orchestrator.errors import Busy, Refusal
from orchestrator.workspace import Workspace, now

CONTEXT_FILES = (
    "_workflow-progress.md",
    "_temp-memory.md",
    "_decisions.md",
    "_attempts.log",
    "_validation-loop.md",
)

FURNISHED = "orchestrator-furnished.json"  # what a worktree was given, in its own git directory
_MARGIN = 64 << 20  # bytes beyond the checkout, for its index and the work that follows; of a small disk a part
_SMALL = 20
_RULES = (".gitignore", ".gitattributes", ".gitmodules", ".mailmap")


def root(workspace: Workspace) -> Path:
    """Return the folder of the linked worktrees: `[worktrees] root`, else `../REPO.worktrees`."""
    configured = workspace.configuration.worktrees.root
    if configured:
        return (workspace.main / Path(configured).expanduser()).resolve()
    return workspace.main.with_name(f"{workspace.main.name}.worktrees")


def find(workspace: Workspace, branch: str) -> Worktree | None:
    """Return the worktree in which a branch is checked out, None where there is none or its folder is gone."""
    found = (one for one in workspace.git.worktrees() if one.branch == branch and is_there(one.path))
    return next(found, None)


def is_there(path: Path) -> bool:
    """Tell whether a worktree is in its place, and its `.git` leads to a repository that is there, too."""
    link = path / ".git"
    return link.is_dir() or (link.is_file() and git_dir(path).is_dir())


def git_dir(path: Path) -> Path:
    """Return the git directory of a worktree that is in its place."""
    link = path / ".git"
    return link if link.is_dir() else path / _content_of(link).removeprefix("gitdir:").strip()


def locks(workspace: Workspace, path: Path, branch: str) -> list[Path]:
    """Return the locks of git's that would fail a commit in a worktree that is in its place, those that are there."""
    own = git_dir(path)
    named = (own / "index.lock", own / "HEAD.lock", workspace.repository.common_dir / f"refs/heads/{branch}.lock")
    return [lock for lock in named if lock.exists()]


def is_main(workspace: Workspace, path: Path) -> bool:
    """Tell whether a worktree is the main one."""
    return path == workspace.main


def ensure(workspace: Workspace, feature: Feature) -> Path:
    """Return the feature's worktree, made now where it has none; worktrees are made one at a time.

    Raises Refusal where its place is taken or its branch is gone.
    """
    found = find(workspace, feature.branch)
    if found is not None:
        return _known(workspace, feature, found.path)
    refuse_missing(workspace, feature)
    if workspace.git.ref(f"refs/heads/{feature.branch}") is None:
        raise Refusal(
            f"branch {feature.branch} of {feature.slug} is gone",
            f"git branch {feature.branch} {feature.tip}" if feature.tip else "orchestrator status",
        )
    with RunLock(workspace.lock_file("_worktrees"), "the list of worktrees", workspace.command, now).acquire(60.0):
        return _made(workspace, feature)


class _HalfMade(Value):
    """What a killed `git worktree add` left: its folder below `.git/worktrees`, and the place of the worktree."""

    git_dir: Path
    place: Path | None  # None where git had not written it yet


def clear_half_made(workspace: Workspace) -> None:
    """Set aside what a killed git left of a feature's worktree, so that it is made again, whole.

    It may keep git from listing any worktree at all. What git is making this moment is left to it.
    """
    if not _half_made(workspace):
        return
    workspace.make_home()
    with (
        contextlib.suppress(Busy),  # this kit is making one
        RunLock(workspace.lock_file("_worktrees"), "the list of worktrees", workspace.command, now).acquire(),
    ):
        for found in _half_made(workspace):
            if not _is_being_made(found):
                with said_in_one_line(found.git_dir):
                    _put_aside(workspace, found)


def _half_made(workspace: Workspace) -> list[_HalfMade]:
    """Return the features' worktrees that git did not make to the end: it keeps them locked until they are whole."""
    unknown = {one.slug for one in workspace.world.features.values() if not one.retired and _is_unknown(workspace, one)}
    found = []
    for folder in sorted((workspace.repository.common_dir / "worktrees").glob("*")):
        place = root(workspace) / folder.name
        if folder.name in unknown and _is_torn(folder, place):
            found.append(_HalfMade(git_dir=folder, place=place))
        elif _is_initializing(folder):
            begun = _HalfMade(git_dir=folder, place=_place(folder))
            found += [begun] if _is_a_features(workspace, begun) else []
    return found


def _is_unknown(workspace: Workspace, feature: Feature) -> bool:
    """Tell whether the log knows of no linked worktree of a feature."""
    return feature.worktree in ("", str(workspace.main))


def _is_torn(git_dir: Path, place: Path) -> bool:
    """Tell whether a power cut left empty files of a worktree: git flushes none."""
    links = (git_dir / "gitdir", git_dir / "HEAD", place / ".git")
    return any(one.is_file() and one.stat().st_size == 0 for one in links)


def _is_initializing(git_dir: Path) -> bool:
    """Tell whether git's own lock is there; one that is younger than the worktree is a person's, whatever it says."""
    try:
        lock = git_dir / "locked"
        made = git_dir / "gitdir"
        if made.exists() and lock.stat().st_mtime_ns > made.stat().st_mtime_ns:
            return False
        return lock.read_bytes().strip() == b"initializing"
    except (FileNotFoundError, NotADirectoryError):
        return False


def _place(git_dir: Path) -> Path | None:
    content = _content_of(git_dir / "gitdir")
    return (git_dir / content).resolve().parent if content else None


def _content_of(path: Path) -> str:
    try:
        return os.fsdecode(path.read_bytes()).strip()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return ""


def _is_a_features(workspace: Workspace, found: _HalfMade) -> bool:
    """Tell whether it is where the kit makes a feature's worktree, or has one's branch; else it is the user's."""
    features = [one for one in workspace.world.features.values() if not one.retired]
    if found.place is None:
        return found.git_dir.name in {one.slug for one in features}
    head = _content_of(found.git_dir / "HEAD").removeprefix("ref: refs/heads/")
    return any(one.branch == head or root(workspace) / one.slug == found.place for one in features)


def _is_being_made(found: _HalfMade) -> bool:
    """Tell whether git still works on it: it may have survived the kit that was killed, or be the user's."""
    if found.place is None:
        return any("worktree" in one.words for one in at_work())  # which one it makes is not written anywhere yet
    named = ((one.cwd, {*one.words, one.worktree}) for one in at_work())
    return any(found.place in {Path(cwd, word).resolve() for word in words if word} for cwd, words in named)


def _put_aside(workspace: Workspace, found: _HalfMade) -> None:
    """Move a half-made worktree out of the way, its folder first: killed in between, it is found again.

    Nobody but git has written there, and it is kept all the same; git's list loses this one worktree and no other.
    """
    stamp = f"half-made-{now():%Y%m%dT%H%M%S%f}"
    if found.place is not None and _leads_to(found.place, found.git_dir):
        aside = found.place.with_name(f"{found.place.name}.{stamp}")
        found.place.rename(aside)
        workspace.notices.append(f"a worktree that git had only half made is set aside as {aside}")
    if found.place is not None:
        for aside in found.place.parent.glob(f"{glob.escape(found.place.name)}.half-made-*"):
            if _leads_to(aside, found.git_dir):  # the worktree that is made next has that name: git must not act on it
                (aside / ".git").rename(aside / "git-link")
    kept = workspace.home / "half-made"
    kept.mkdir(exist_ok=True)
    found.git_dir.rename(kept / f"{found.git_dir.name}.{stamp}")


def _leads_to(place: Path, wanted: Path) -> bool:
    """Tell whether a folder is the worktree of a git directory: its `.git` says so, or only begins to."""
    link = place / ".git"
    if not link.is_file():
        return False
    return not _content_of(link) or git_dir(place).resolve() == wanted.resolve()


def refuse_missing(workspace: Workspace, feature: Feature, *, is_needed: bool = True) -> None:
    """Raise Refusal where git knows a worktree of the branch and its folder is not there.

    Not `is_needed`: one that was deleted is left out, one whose repository was moved away is not.
    """
    gone = next((one.path for one in workspace.git.worktrees() if one.branch == feature.branch), None)
    if gone is not None and not is_there(gone) and (is_needed or gone.is_dir()):
        raise Refusal(
            f"the worktree {gone} of {feature.slug} is not there",
            "moved: `git worktree repair ITS-NEW-PLACE`; deleted: `git worktree prune`, then the next step makes "
            "it again, with the context of the newest snapshot",
        )


def _made(workspace: Workspace, feature: Feature) -> Path:
    path = root(workspace) / feature.slug
    there = next((one for one in workspace.git.worktrees() if one.path == path), None)
    if there is not None:
        raise Refusal(strayed(path, feature.branch, there.branch))
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise Refusal(
            f"{path} is in the way of the worktree of {feature.slug}",
            "move it, or set [worktrees] root in orchestrator.toml",
        )
    _refuse_full(workspace, feature, path)
    workspace.git.add_worktree(path, feature.branch)
    if feature.worktree and feature.worktree != str(workspace.main):
        bring_back(workspace, feature, path)
    return _known(workspace, feature, path)


def _refuse_full(workspace: Workspace, feature: Feature, path: Path) -> None:
    """Raise Refusal where the checkout does not fit: a disk that runs full over it would leave half of one."""
    place = next(one for one in path.parents if one.is_dir())
    disk = shutil.disk_usage(place)
    margin = min(_MARGIN, disk.total // _SMALL)
    free, needed = disk.free, workspace.git.checkout_size(f"refs/heads/{feature.branch}") + margin
    if free < needed:
        raise Refusal(
            f"there is no room for the worktree {path} of {feature.slug}: "
            f"it takes {shown(needed)}, and {shown(free)} are free",
            "make room there, or set [worktrees] root to another disk",
        )


def strayed(path: Path, branch: str, found: str | None) -> str:
    """Return what to say of a feature's worktree that has something else checked out."""
    has = f"branch {found}" if found else "no branch"
    return f"{path} has {has} checked out, not {branch}; `git -C {path} switch {branch}` puts it back"


def _known(workspace: Workspace, feature: Feature, path: Path) -> Path:
    """Copy the context into a worktree that the log does not know yet, and record it."""
    if feature.worktree == str(path):
        return path
    if not is_main(workspace, path) and _is_unknown(workspace, feature):
        _copy_context(workspace, feature, path)
    made = WorktreeCreated(path=str(path))
    workspace.record(lambda world: [of(world.features[feature.id], made)])
    return path


def clear_context(workspace: Workspace, feature: Feature) -> None:
    """Set aside what lies in the place of the context folder of a linked worktree and is no folder, also a link to one.

    Nothing is written past it; the next step finds the context gone and brings it back.
    """
    path = workspace.own_context(feature)
    if path != workspace.context and os.path.lexists(path) and (path.is_symlink() or not path.is_dir()):
        put_aside(workspace, feature, path)


def clear_pipes(workspace: Workspace, feature: Feature, worktree: Path) -> None:
    """Take away the pipes and sockets from which git would read its own rules in a worktree: it would wait for ever."""
    for top, folders, names in os.walk(worktree):
        folders[:] = [one for one in folders if one != ".git"]
        for path in (Path(top, name) for name in names if name in _RULES):
            if not (stat.S_ISREG(path.lstat().st_mode) or path.is_symlink()):
                put_aside(workspace, feature, path)


def put_aside(workspace: Workspace, feature: Feature, path: Path) -> None:
    """Move what an agent put where the kit or git writes into the kit's folder, and say so.

    A fifo, socket or device holds nothing: it goes, and git that waits for one is let go.
    """
    mode = path.lstat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
        if stat.S_ISFIFO(mode):
            os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
        path.unlink()
        workspace.notices.append(f"{feature.slug}: what its agent put in the place of {path} was no file; it is gone")
        return
    aside = workspace.home / "aside" / f"{feature.slug}-{path.name}-{now():%Y%m%dT%H%M%S%f}"
    aside.parent.mkdir(exist_ok=True)
    shutil.move(path, aside)
    workspace.notices.append(f"{feature.slug}: what its agent put in the place of {path} is kept as {aside}")


def bring_back(workspace: Workspace, feature: Feature, worktree: Path) -> None:
    """Give a worktree made again the context of the newest snapshot."""
    newest = workspace.git.commit(f"refs/orchestrator/context/{feature.slug}")
    if newest is None:
        return
    whole = not is_main(workspace, worktree)
    owner = Owner(directory=worktree / ".context", slug=feature.slug, whole=whole, slugs=workspace.slugs)
    owner.directory.mkdir(exist_ok=True)
    written = restore(workspace.git, owner, newest).written
    workspace.notices.append(
        f"the context files of {feature.slug} were gone; {len(written)} are back from the newest snapshot"
    )


def _copy_context(workspace: Workspace, feature: Feature, worktree: Path) -> None:
    """Copy the feature's own context files; from here on the copy is the one that counts."""
    slugs = workspace.slugs | {feature.slug}
    source = Owner(directory=workspace.context, slug=feature.slug, whole=False, slugs=slugs)
    target = worktree / ".context"
    missing = [name for name in owned(source) if not (target / name).exists()]
    target.mkdir(exist_ok=True)
    replace(target, (_content(workspace.context, name) for name in missing))


def _content(context: Path, name: str) -> Content:
    path = context / name
    is_executable = bool(path.stat().st_mode & 0o100)
    return Content(name=name, is_executable=is_executable, content=path.read_bytes())


def create_context(context: Path, slug: Slug, title: str) -> list[Path]:
    """Create the feature's context files where they are missing; return those created."""
    context.mkdir(exist_ok=True)
    made = []
    for suffix in CONTEXT_FILES:
        path = context / f"{PREFIX}{slug}{suffix}"
        text = "" if suffix.endswith(".log") else f"# {title}: {suffix[1:-3].replace('-', ' ')}\n"
        if write_new(path, text.encode()):
            made.append(path)
    return made


def append_line(workspace: Workspace, feature: Feature, line: str) -> None:
    """Append the kit's own line to `_attempts.log`, which agents read: `[2025-11-20 10:30] WORKFLOW: ...`.

    A convenience: where it cannot be written a person is told, and the work goes on.
    """
    path = workspace.own_context(feature) / f"{PREFIX}{feature.slug}_attempts.log"
    try:
        path.parent.mkdir(exist_ok=True)
        descriptor = opened_plain(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        with open(descriptor, "a", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(f"[{now():%Y-%m-%d %H:%M}] {line}\n")
    except OSError as error:
        workspace.notices.append(f"{path}: a line could not be added: {error.strerror or error}")
