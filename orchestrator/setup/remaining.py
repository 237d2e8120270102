"""What of the kit's stays when it is taken away: log, states, backups, refs, tags, worktrees, branches. Only looks."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from orchestrator.core.values import Sha, Value
from orchestrator.workspace import Workspace

TRANSIENT = ("drain", "hook-trouble")  # what hooks leave beside the log
REFS = "refs/orchestrator/"
_CHECKPOINT = f"{REFS}checkpoint/"
_TAGS = "refs/tags/checkpoint/"
_STATE = re.compile(r"feat-.+_orchestrator-state\.json(\..+)?")
_BACKUP = re.compile(r"feat-.+_backup\.tar\.gz")
_ANY = re.compile(r".+")
_NOTE = re.compile(r"feat-.+_(?!orchestrator-state|backup)[^_]+")
_COPY = re.compile(r"orchestrator-events\.(jsonl|db)([.-].+)?")


class Remains(Value):
    """The kit's files, absolute; refs with what they hold; and what is never removed, by name."""

    log: tuple[str, ...]
    states: tuple[str, ...]
    backups: tuple[str, ...]
    copies: tuple[str, ...]  # of the log, for agents and sqlite3
    refs: dict[str, Sha]
    tags: dict[str, Sha]
    branches: dict[str, Sha]
    worktrees: tuple[str, ...]
    notes: tuple[str, ...]  # the features' own context files

    @property
    def files(self) -> tuple[str, ...]:
        """All files that are the kit's own."""
        return (*self.log, *self.states, *self.backups, *self.copies)


def look(workspace: Workspace, record: Path) -> Remains:
    """Return what stays; `record` is init's own file and not counted."""
    refs = workspace.git.refs(REFS)
    numbered = {name.removeprefix(_CHECKPOINT) for name in refs if name.startswith(_CHECKPOINT)}
    tags = {
        name: sha for name, sha in workspace.git.refs(_TAGS).items() if name.removeprefix(_TAGS) in numbered
    }  # a tag that only looks like one of ours is the user's
    features = list(workspace.world.features.values())
    names = {f"refs/heads/{one.branch}" for one in features}
    context = list(_below(workspace.context))
    return Remains(
        log=tuple(str(one) for one in _below(workspace.home) if one != record and one.name not in TRANSIENT),
        states=_named(context, workspace.context, _STATE),
        backups=(*_named(context, workspace.context, _BACKUP), *_named(context, workspace.context / "backups", _ANY)),
        copies=_named(context, workspace.context, _COPY),
        refs=refs,
        tags=tags,
        branches={name: sha for name, sha in workspace.git.refs("refs/heads/").items() if name in names},
        worktrees=tuple(one.worktree for one in features if one.worktree and Path(one.worktree) != workspace.main),
        notes=_named(context, workspace.context, _NOTE),
    )


def _below(folder: Path) -> Iterator[Path]:
    """Give the plain files and links below a folder, in order."""
    for top, folders, files in os.walk(folder):
        folders.sort()
        yield from (Path(top) / name for name in sorted(files))


def _named(files: Iterable[Path], folder: Path, pattern: re.Pattern[str]) -> tuple[str, ...]:
    return tuple(str(one) for one in files if one.parent == folder and pattern.fullmatch(one.name))


def held_by(workspace: Workspace, refs: Iterable[str]) -> int:
    """Return how many bytes of git's objects only these refs hold, and no other branch, tag or remote."""
    ours = list(refs)
    others = [name for name in workspace.git.refs("refs/") if name not in ours and not name.startswith((REFS, _TAGS))]
    asked = "".join(f"{name}\n" for name in (*ours, *(f"^{name}" for name in others)))
    done = workspace.git.run("rev-list", "--objects", "--disk-usage", "--stdin", stdin=asked.encode())
    return int(done.stdout)


def whole(folder: str) -> tuple[str, ...]:
    """Return the files of a worktree, git's own left out."""
    return tuple(str(one) for one in _below(Path(folder)) if one.name != ".git")


def size(files: Iterable[str]) -> int:
    """Return how many bytes files take, a file with two names once."""
    seen = {(one.st_dev, one.st_ino): one.st_size for one in map(os.lstat, files)}
    return sum(seen.values())
