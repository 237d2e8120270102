"""What `retire` lets go of, and what keeps it from it. Never forces git, never deletes what is found nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

from orchestrator import checkpoints, worktrees
from orchestrator.adapters import snapshots
from orchestrator.adapters.git import Git
from orchestrator.core.state import Feature
from orchestrator.core.values import Sha
from orchestrator.errors import GitFailed, Refusal
from orchestrator.log import projections
from orchestrator.workspace import Workspace

_CONTEXT = ".context/"
_SHOWN = 5


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


def remove_worktree(workspace: Workspace, feature: Feature, path: Path) -> list[str]:
    """Remove a clean worktree; what git ignores in it, but for the context that the snapshot holds, is moved beside it.

    Raises Refusal where git does not remove it.
    """
    moved = _move_ignored(workspace, feature, path)
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
    names = [name.rstrip("/") for name in (*ignored, *loose)]
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
