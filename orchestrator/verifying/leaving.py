"""What `retire` lets go of, and what keeps it from it. Never forces git, never deletes what is found nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from orchestrator import checkpoints, worktrees
from orchestrator.adapters import snapshots
from orchestrator.adapters.copying import is_same
from orchestrator.adapters.durable import write_atomically, write_durably
from orchestrator.adapters.git import Git
from orchestrator.core.state import Feature
from orchestrator.core.values import Sha, Value
from orchestrator.errors import GitFailed, Refusal
from orchestrator.log import projections
from orchestrator.workspace import Workspace

_CONTEXT = ".context/"
_SHOWN = 5


class _Begun(Value):
    """A removal that was begun when the worktree at `path` held nothing that was not kept; it is git's in `git_dir`."""

    branch: str
    path: str
    git_dir: str
    snapshot: Sha | None


def worktree(workspace: Workspace, feature: Feature) -> Path | None:
    """Return the linked worktree in which the feature's branch is checked out, None where there is none."""
    found = worktrees.find(workspace, feature.branch)
    return None if found is None or worktrees.is_main(workspace, found.path) else found.path


def refuse_loss(workspace: Workspace, feature: Feature, path: Path) -> None:
    """Raise Refusal where removing the worktree would take away what is found nowhere else."""
    dirt = [name for name in Git(path).dirt() if not name.startswith(_CONTEXT)]
    if dirt:
        more = f" and {len(dirt) - _SHOWN} more" if len(dirt) > _SHOWN else ""
        raise Refusal(
            f"the worktree {path} has uncommitted changes: {', '.join(dirt[:_SHOWN])}{more}",
            "commit them or move them elsewhere, then call it again",
        )
    held = _held(path)
    if held:
        raise Refusal(
            f"git does not remove the worktree {path}: {held}", f"`git -C {path} switch --detach` lets it stay as yours"
        )
    head = Git(path).commit("HEAD")
    if head is not None and not _is_kept(workspace, feature, head):
        raise Refusal(
            f"commit {head[:12]} of {feature.branch} is in no other branch, remote or checkpoint",
            f"merge or push it, or make a checkpoint: orchestrator checkpoint {feature.slug}",
        )


def _held(path: Path) -> str:
    """Return what keeps git from removing a worktree without force, or an empty string."""
    git = Git(path)
    if (Path(git.text("rev-parse", "--absolute-git-dir")) / "locked").exists():
        return "it is locked"
    has_submodules = any(row.startswith("160000 ") for row in git.names("ls-files", "--stage", "-z"))
    return "it has submodules" if has_submodules else ""


def _is_kept(workspace: Workspace, feature: Feature, commit: Sha) -> bool:
    """Tell whether a commit is found outside the feature's own branch: merged, pushed or kept as a checkpoint."""
    places = ("refs/heads", "refs/remotes", f"refs/orchestrator/checkpoint/{feature.slug}")
    names = workspace.git.lines("for-each-ref", f"--contains={commit}", "--format=%(refname)", *places)
    return any(name != f"refs/heads/{feature.branch}" for name in names)


def last_snapshot(workspace: Workspace, feature: Feature, commit: Sha) -> Sha | None:
    """Take the last context snapshot; where the context is gone, the newest one stays the last."""
    if workspace.own_context(feature).is_dir():
        return checkpoints.take_snapshot(workspace, feature, commit)
    return workspace.git.ref(snapshots.ref(feature.slug))


# --- the worktree ----------------------------------------------------------------------------------


def make_whole(workspace: Workspace, feature: Feature) -> list[str]:
    """Put back what a killed removal of the feature's worktree took away, so that it is judged and removed as a whole.

    Only what is missing is written; what somebody wrote there since is left and judged with the rest. What git gave up
    after it had forgotten the worktree is moved beside it. Returns what is to be said.
    """
    begun = _read(_mark(workspace, feature))
    if begun is None or begun.branch != feature.branch:
        return []
    path, own = Path(begun.path), Path(begun.git_dir)
    if not own.is_dir():
        return _put_aside(path)
    if not path.is_dir():
        _unlist(workspace, path, own)
        return []
    if not os.path.lexists(path / ".git"):
        write_atomically(path / ".git", f"gitdir: {own}\n".encode())
    git = Git(path)
    deleted = git.run("ls-files", "-z", "--deleted").stdout
    git.run("checkout-index", "-z", "--stdin", stdin=deleted)
    if begun.snapshot is not None:
        _put_back(workspace.git, begun.snapshot, path / ".context")
    return []


def _unlist(workspace: Workspace, path: Path, own: Path) -> None:
    """Take a worktree whose folder is gone out of git's list; what git itself cannot read any more is moved away."""
    try:
        workspace.git.run("worktree", "remove", str(path))
    except GitFailed:
        kept = _free(workspace.home / "half-made" / own.name)
        kept.parent.mkdir(exist_ok=True)
        own.rename(kept)


def _mark(workspace: Workspace, feature: Feature) -> Path:
    return workspace.home / "retiring" / feature.slug


def _read(mark: Path) -> _Begun | None:
    try:
        return msgspec.json.decode(mark.read_bytes(), type=_Begun)
    except (OSError, msgspec.MsgspecError):
        return None


def _put_aside(path: Path) -> list[str]:
    if not os.path.lexists(path):
        return []
    aside = _free(path.with_name(f"{path.name}.retired"))
    path.rename(aside)
    return [f"what git did not remove of {path} is kept in {aside}"]


def forget(workspace: Workspace, feature: Feature) -> None:
    """Forget that a removal was begun: it is ended."""
    _mark(workspace, feature).unlink(missing_ok=True)


def _put_back(git: Git, snapshot: Sha, context: Path) -> None:
    missing = [one for one in snapshots.contents(git, snapshot) if not os.path.lexists(context / one.name)]
    if missing:
        context.mkdir(exist_ok=True)
        snapshots.replace(context, missing)


def remove_worktree(workspace: Workspace, feature: Feature, path: Path, snapshot: Sha | None) -> list[str]:
    """Remove a clean worktree; what git ignores in it is moved beside it.

    But for the context in `snapshot`, and for files that lie in the main worktree just so (`[worktrees] copy`).

    Raises Refusal where git does not remove it. Killed, `make_whole` and the same again end it.
    """
    moved = _move_ignored(workspace, feature, path)
    begun = _Begun(branch=feature.branch, path=str(path), git_dir=str(worktrees.git_dir(path)), snapshot=snapshot)
    mark = _mark(workspace, feature)
    mark.parent.mkdir(parents=True, exist_ok=True)
    write_durably(mark, msgspec.json.encode(begun))
    try:
        workspace.git.run("worktree", "remove", str(path))
    except GitFailed as error:
        raise Refusal(f"{path} stays, and {feature.slug} with it: {error}", "mend that, then call it again") from error
    said = [f"the worktree {path} is removed"]
    return [*said, f"what git ignores in it is kept in {moved}"] if moved else said


def _move_ignored(workspace: Workspace, feature: Feature, path: Path) -> Path | None:
    """Move what `git worktree remove` would delete without a word; return where to, None where there is nothing."""
    git = Git(path)
    ignored = git.names("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    loose = git.names("ls-files", "-z", "--others", "--exclude-standard")
    if _is_covered(workspace, feature):
        ignored = [name for name in ignored if not name.startswith(_CONTEXT)]
    names = [name.rstrip("/") for name in (*ignored, *loose) if not is_same(path / name, workspace.main / name)]
    if not names:
        return None
    target = _free(path.with_name(f"{path.name}.retired"))
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).rename(target / name)
    return target


def _is_covered(workspace: Workspace, feature: Feature) -> bool:
    """Tell whether the last snapshot holds every file of the feature's `.context/` but its state."""
    owner = checkpoints.owner(workspace, feature)
    known = {*snapshots.owned(owner), projections.state_file(owner.directory, feature.slug).name}
    found = (Path(folder) / name for folder, _, names in os.walk(owner.directory) for name in names)
    return all(str(one.relative_to(owner.directory)) in known for one in found)


def _free(path: Path) -> Path:
    """Return the path, or one with a number behind it, where nothing lies."""
    count = 1
    place = path
    while os.path.lexists(place):
        count += 1
        place = path.with_name(f"{path.name}-{count}")
    return place


# --- the tags --------------------------------------------------------------------------------------


def delete_tags(workspace: Workspace, feature: Feature) -> list[str]:
    """Delete the tags of the feature's checkpoints; one that leads elsewhere is left alone and named."""
    prefix = f"refs/tags/checkpoint/{feature.slug}/"
    kept = workspace.git.refs(f"refs/orchestrator/checkpoint/{feature.slug}/")
    tags = workspace.git.refs(prefix)
    own = {name for name, sha in tags.items() if kept.get(_keeping(feature, name, prefix)) == sha}
    workspace.git.update_refs([f"delete {name} {tags[name]}" for name in sorted(own)], "orchestrator: retired")
    said = [f"{len(own)} tags are deleted"] if own else []
    return [*said, *(f"{name} is no checkpoint's and stays" for name in sorted(tags.keys() - own))]


def _keeping(feature: Feature, tag: str, prefix: str) -> str:
    """Return the ref that keeps the checkpoint of a tag."""
    return f"refs/orchestrator/checkpoint/{feature.slug}/{tag.removeprefix(prefix)}"
