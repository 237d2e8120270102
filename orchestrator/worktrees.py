"""Where a feature lives: its linked worktree, made at the first step, or the main one if its branch is there."""

from __future__ import annotations

from pathlib import Path

from orchestrator.adapters.git import Worktree
from orchestrator.adapters.lock import RunLock
from orchestrator.adapters.snapshots import Content, Owner, owned, replace, restore
from orchestrator.core.decide import of
from orchestrator.core.events import WorktreeCreated
from orchestrator.core.state import Feature
from orchestrator.core.values import PREFIX, Slug
from orchestrator.errors import Refusal
from orchestrator.workspace import Workspace, now

CONTEXT_FILES = (
    "_workflow-progress.md",
    "_temp-memory.md",
    "_decisions.md",
    "_attempts.log",
    "_validation-loop.md",
)


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
    if not link.is_file():
        return link.is_dir()
    target = link.read_text(encoding="utf-8", errors="surrogateescape").removeprefix("gitdir:").strip()
    return (path / target).is_dir()


def is_main(workspace: Workspace, path: Path) -> bool:
    """Tell whether a worktree is the main one."""
    return path == workspace.main


def ensure(workspace: Workspace, feature: Feature) -> Path:
    """Return the feature's worktree, made now where it has none; worktrees are made one at a time.

    Raises Refusal where its place is taken or its branch is gone.
    """
    found = find(workspace, feature.branch)
    if found is not None and _is_half_made(feature, found.path):
        _put_half_made_aside(workspace, found.path)
        found = None
    if found is not None:
        return _known(workspace, feature, found.path)
    refuse_missing(workspace, feature)
    if workspace.git.ref(f"refs/heads/{feature.branch}") is None:
        raise Refusal(
            f"branch {feature.branch} of {feature.slug} is gone",
            f"git branch {feature.branch} {feature.tip}" if feature.tip else "orchestrator status",
        )
    with RunLock(workspace.lock_file("worktrees"), "the list of worktrees", workspace.command, now).acquire(60.0):
        return _made(workspace, feature)


def _is_half_made(feature: Feature, path: Path) -> bool:
    """Tell whether git was killed as it made this worktree: it keeps it locked as "initializing" until it is whole."""
    if feature.worktree == str(path) or not (path / ".git").is_file():
        return False
    git_dir = Path((path / ".git").read_text(encoding="utf-8").removeprefix("gitdir:").strip())
    try:
        return (git_dir / "locked").read_text(encoding="utf-8").startswith("initializing")
    except FileNotFoundError:
        return False


def _put_half_made_aside(workspace: Workspace, path: Path) -> None:
    """Move a half-made worktree out of the way; nobody but git has written there, and it is kept all the same."""
    aside = path.with_name(f"{path.name}.half-made-{now():%Y%m%dT%H%M%S}")
    workspace.git.run("worktree", "unlock", str(path))
    path.rename(aside)
    workspace.git.run("worktree", "prune")
    workspace.notices.append(f"a worktree that git had only half made is set aside as {aside}")


def refuse_missing(workspace: Workspace, feature: Feature) -> None:
    """Raise Refusal where git knows a worktree of the branch and its folder is not there."""
    gone = next((one.path for one in workspace.git.worktrees() if one.branch == feature.branch), None)
    if gone is not None and not is_there(gone):
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
    workspace.git.add_worktree(path, feature.branch)
    if feature.worktree and feature.worktree != str(workspace.main):
        bring_back(workspace, feature, path)
    return _known(workspace, feature, path)


def strayed(path: Path, branch: str, found: str | None) -> str:
    """Return what to say of a feature's worktree that has something else checked out."""
    has = f"branch {found}" if found else "no branch"
    return f"{path} has {has} checked out, not {branch}; `git -C {path} switch {branch}` puts it back"


def _known(workspace: Workspace, feature: Feature, path: Path) -> Path:
    """Copy the context into a worktree that the log does not know yet, and record it."""
    if feature.worktree == str(path):
        return path
    if not is_main(workspace, path) and feature.worktree in ("", str(workspace.main)):
        _copy_context(workspace, feature, path)
    made = WorktreeCreated(path=str(path))
    workspace.record(lambda world: [of(world.features[feature.id], made)])
    return path


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
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write("" if suffix.endswith(".log") else f"# {title}: {suffix[1:-3].replace('-', ' ')}\n")
        except FileExistsError:
            continue
        made.append(path)
    return made


def append_line(workspace: Workspace, feature: Feature, line: str) -> None:
    """Append the kit's own line to `_attempts.log`, which agents read: `[2025-11-20 10:30] WORKFLOW: ...`.

    A convenience: where it cannot be written a person is told, and the work goes on.
    """
    path = workspace.own_context(feature) / f"{PREFIX}{feature.slug}_attempts.log"
    try:
        path.parent.mkdir(exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"[{now():%Y-%m-%d %H:%M}] {line}\n")
    except OSError as error:
        workspace.notices.append(f"{path}: a line could not be added: {error.strerror}")
