"""Moves a branch, its worktree and its index to another place, and can bring back all that was there.

Used by rollback and by its undo. It never resets, cleans, stashes or forces: what is there is written down
first, and git itself compares before it touches a file. Knows no features, no events and no rules of theirs.

The order is `check`, then `Mover.rescue`, then `Mover.move`; after a kill at any point, `rescue` and `move`
again with the same words end it. Undo is a move to what a `Rescue` holds.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from orchestrator.adapters.durable import flush, fsync_directory, sync_filesystem
from orchestrator.adapters.git import _HARDENED, KIT_IDENTITY, Git
from orchestrator.core.values import Sha, Value
from orchestrator.errors import GitFailed, MoveRefused

UNTRACKED_LIMIT = 200 * 1024 * 1024  # bytes
CONTEXT = ".context"  # untracked files in it are restored by their owner's snapshot, never by a move
_SUBMODULE = "160000"
_PLAIN = ("100644", "100755")
_IN_PROGRESS = {
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "BISECT_LOG": "bisect",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "sequencer": "sequence of picks",
}
_BASES = frozenset({"main", "master", "develop", "trunk"})
_CONVERSIONS = ("text", "eol", "crlf", "ident", "filter", "working-tree-encoding")
_DIFF = ("diff-tree", "-r", "-z", "--no-renames", "--no-ext-diff", "--no-textconv")
# Many objects are written at once; one flush of the file system follows before any ref names them.
_UNFLUSHED = ("-c", "core.fsync=none", "-c", "core.safecrlf=false")
_INTENDED = "Intended: "  # and in hexadecimal: a name need be neither one line nor UTF-8


class Target(Value):
    """Where to: `tree` is what the worktree shall hold, `index` what is staged; by default the commit's own.

    `intended` is what is only intended to be added, as "MODE PATH": the index knows it, and no tree can hold it.
    """

    branch: str
    commit: Sha
    tree: Sha | None = None
    index: Sha | None = None
    intended: tuple[str, ...] = ()


class Rescue(Value):
    """What was there: `commit` (under `ref`) has `worktree_tree`, its parents `old` and one with `index_tree`.

    `present` is what the worktree holds now; it differs from `worktree_tree` after an interrupted move.
    `intended` stands in the commit's message.
    """

    ref: str
    commit: Sha
    worktree_tree: Sha
    index_tree: Sha
    old: Sha
    present: Sha
    intended: tuple[str, ...]

    def target(self, branch: str) -> Target:
        """Return the target of the undo."""
        return Target(
            branch=branch, commit=self.old, tree=self.worktree_tree, index=self.index_tree, intended=self.intended
        )


class Changes(Value):
    """What a move would take away: commits ("SHA subject"), files ("M path") and uncommitted paths (" M path")."""

    commits: tuple[str, ...]
    files: tuple[str, ...]
    uncommitted: tuple[str, ...]


class _Entry(Value):
    path: str
    was_mode: str
    mode: str
    was: Sha
    sha: Sha
    kind: str


def changes(git: Git, worktree: Path | None, branch: str, target: Sha) -> Changes:
    """Return what a move of `branch` to `target` would take away; changes nothing, runs no filters of diff."""
    tip = _tip(git, branch)
    listed = git.text("log", "--no-show-signature", "-z", "--format=%H %s", f"{target}..{tip}")
    status = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=all")
    return Changes(
        commits=tuple(row for row in listed.split("\0") if row),
        files=tuple(f"{entry.kind} {entry.path}" for entry in _differences(git, tip, target)),
        uncommitted=tuple(git.at(worktree).names(*status)) if worktree else (),
    )


def rescued(git: Git, rescue: Rescue) -> list[str]:
    """Return the paths whose uncommitted content only the rescue holds."""
    trees = (rescue.index_tree, rescue.worktree_tree)
    return sorted({entry.path for tree in trees for entry in _differences(git, rescue.old, tree)})


def load(git: Git, ref: str) -> Rescue | None:
    """Return what a rescue ref holds, or None when there is no such ref."""
    commit = git.ref(ref)
    if commit is None:
        return None
    wanted = (f"{commit}^{{tree}}", f"{commit}^2^{{tree}}", f"{commit}^1")
    worktree_tree, index_tree, old = (Sha(sha) for sha in git.lines("rev-parse", *wanted))
    rows = git.text("cat-file", "commit", commit).splitlines()
    names = [bytes.fromhex(row.removeprefix(_INTENDED)) for row in rows if row.startswith(_INTENDED)]
    intended = tuple(map(os.fsdecode, names))
    return Rescue(ref, commit, worktree_tree, index_tree, old, present=worktree_tree, intended=intended)


def check(git: Git, worktree: Path | None, branch: str, target: Sha) -> None:
    """Raise MoveRefused where a move could lose something or would not mean what it says; changes nothing.

    `worktree` is None where the branch is not checked out or its worktree is gone.
    """
    tip = _tip(git, branch)
    if worktree is not None and worktree.is_dir() and not git.at(worktree).has_readable_index():
        raise MoveRefused(f"git cannot read the index of {worktree}", "`orchestrator verify` names the way out")
    _check_history(git, branch, tip, target)
    _check_spread(git, branch, tip, target)
    _check_places(git, worktree, branch)
    if _submodules(_differences(git, tip, target)):
        raise _submodule_refusal(branch)
    if worktree is not None:
        _check_worktree(git.at(worktree), worktree, branch)
        _check_nested(worktree, _differences(git, tip, target))


def _tip(git: Git, branch: str) -> Sha:
    tip = git.ref(f"refs/heads/{branch}")
    if tip is None:
        raise MoveRefused(f"there is no branch {branch}", "see the rescue and context refs: `git for-each-ref`")
    return tip


def _check_history(git: Git, branch: str, tip: Sha, target: Sha) -> None:
    if git.commit(target) != target:
        raise MoveRefused(
            f"commit {target} is not in this repository", "`orchestrator checkpoints` lists those that are"
        )
    try:
        is_on_one_line = git.is_ancestor(target, tip) or git.is_ancestor(tip, target)
    except GitFailed as error:
        raise MoveRefused(
            f"whether {target[:12]} belongs to {branch} is unknown: {error}",
            "a shallow clone holds too little history: `git fetch --unshallow`",
        ) from error
    if not is_on_one_line:
        raise MoveRefused(
            f"{branch} and {target[:12]} have gone different ways",
            f"look at both: `git log --oneline --graph {branch} {target[:12]}`",
        )


def _check_spread(git: Git, branch: str, tip: Sha, target: Sha) -> None:
    going = _count(git, tip, f"^{target}")
    if going != _count(git, tip, f"^{target}", "--not", "--remotes"):
        raise MoveRefused(
            f"commits of {branch} after {target[:12]} are pushed",
            f"take them back by new commits: `git revert --no-edit {target[:12]}..{branch}`",
        )
    for base in _bases(git, branch):
        if going != _count(git, tip, f"^{target}", f"^refs/heads/{base}"):
            raise MoveRefused(
                f"commits of {branch} after {target[:12]} are merged into {base}",
                f"take the merge back by a new commit on {base}: `git revert -m 1` and the merge commit",
            )


def _count(git: Git, *revisions: str) -> int:
    return int(git.text("rev-list", "--count", *revisions))


def _bases(git: Git, branch: str) -> list[str]:
    # A feature stacked on this one, or a branch kept as a copy, holds these commits too and loses nothing.
    main = git.worktrees()[0].branch
    candidates = {*_BASES, *((main,) if main else ())} - {branch}
    there = git.refs(*(f"refs/heads/{name}" for name in sorted(candidates)))
    return sorted(name for name in candidates if f"refs/heads/{name}" in there)


def _check_places(git: Git, worktree: Path | None, branch: str) -> None:
    places = [one for one in git.worktrees() if one.branch == branch]
    if len(places) > 1:
        raise MoveRefused(
            f"{branch} is checked out in {places[0].path} and {places[1].path}", "leave it in one of them"
        )
    there = places[0] if places else None
    if there and worktree is None and there.path.is_dir():
        raise MoveRefused(f"{branch} is checked out in {there.path}", "move it there")
    if there and worktree is None and not there.is_prunable:
        raise MoveRefused(f"the worktree {there.path} of {branch} is locked and not there", "make it reachable again")
    if worktree is not None and not worktree.is_dir():
        raise MoveRefused(f"the worktree {worktree} is not there", "`git worktree prune` forgets it")
    if worktree is not None and (there is None or not there.path.samefile(worktree)):
        _check_hidden(git, branch)
        raise MoveRefused(f"{branch} is not checked out in {worktree}", f"`git switch {branch}` there")
    _check_hidden(git, branch)


def _check_hidden(git: Git, branch: str) -> None:
    # During a rebase or bisect HEAD is detached, and git would not refuse to move the branch under it.
    common = Path(git.text("rev-parse", "--path-format=absolute", "--git-common-dir"))
    for git_dir in (common, *sorted((common / "worktrees").glob("*"))):
        for name in (
            "rebase-merge/head-name",
            "rebase-apply/head-name",
            "rebase-merge/update-refs",
            "BISECT_START",
        ):
            held = git_dir / name
            words = held.read_text(errors="surrogateescape").split() if held.is_file() else []
            if branch in words or f"refs/heads/{branch}" in words:
                raise MoveRefused(f"{branch} is in the middle of a rebase or bisect ({held.parent})", "end that first")


def _check_worktree(git: Git, worktree: Path, branch: str) -> None:
    git_dir = Path(git.text("rev-parse", "--absolute-git-dir"))
    for name, what in _IN_PROGRESS.items():
        if (git_dir / name).exists():
            raise MoveRefused(f"a {what} is in progress in {worktree}", f"end it first: `git -C {worktree} status`")
    lock = git_dir / "index.lock"
    if lock.exists() and _operation_of(lock) is None:
        raise _locked(lock)
    if git.names("ls-files", "--unmerged", "-z"):
        raise MoveRefused(f"there are unmerged files in {worktree}", f"resolve them: `git -C {worktree} status`")
    if git.config("core.sparseCheckout") in ("true", "yes", "on", "1"):
        raise MoveRefused(f"{worktree} is a sparse checkout", "`git sparse-checkout disable` makes it whole")
    hidden = [row[2:] for row in git.names("ls-files", "-v", "-z") if row[0] == "S" or row[0].islower()]
    if hidden:
        raise MoveRefused(
            f"git is told not to look at {hidden[0]!r} in {worktree}",
            "`git update-index --no-skip-worktree --no-assume-unchanged` on it",
        )
    _check_size(worktree, _untracked(git))


def _untracked(git: Git, index: dict[str, str] | None = None) -> list[str]:
    asked = ("ls-files", "--others", "--exclude-standard", "-z", "--", ".", f":(exclude){CONTEXT}")
    # A name that ends in "/" is a repository of its own: never touched, never claimed.
    return [name for name in git.names(*asked, environment=index) if not name.endswith("/")]


def _check_size(worktree: Path, names: Iterable[str]) -> None:
    size = sum((worktree / name).lstat().st_size for name in names if os.path.lexists(worktree / name))
    if size > UNTRACKED_LIMIT:
        raise MoveRefused(
            f"{size >> 20} MB in {worktree} are untracked, more than {UNTRACKED_LIMIT >> 20} MB",
            "commit them, add them to .gitignore, or move them out of the worktree",
        )


def _check_nested(worktree: Path, entries: Iterable[_Entry]) -> None:
    seen: dict[Path, bool] = {worktree: False}
    for entry in entries:
        place = worktree / entry.path
        is_inside = any(_is_repository(parent, seen) for parent in _parents(worktree, place))
        if is_inside or (entry.kind == "A" and _has_repository(place)):
            raise MoveRefused(
                f"a repository of its own is in the way at {entry.path!r} in {worktree}", "move it elsewhere"
            )


def _parents(worktree: Path, place: Path) -> Iterator[Path]:
    for parent in place.parents:
        if parent == worktree:
            return
        yield parent


def _is_repository(directory: Path, seen: dict[Path, bool]) -> bool:
    if directory not in seen:
        seen[directory] = os.path.lexists(directory / ".git")
    return seen[directory]


def _has_repository(place: Path) -> bool:
    if place.is_symlink() or not place.is_dir():
        return False
    return any(".git" in directories or ".git" in files for _, directories, files in os.walk(place))


def _differences(git: Git, old: str, new: str) -> list[_Entry]:
    rows = git.names(*_DIFF, "--raw", "--no-abbrev", old, new)
    return [_entry(head, path) for head, path in zip(rows[::2], rows[1::2], strict=True)]


def _entry(head: str, path: str) -> _Entry:
    was_mode, mode, was, sha, kind = head.removeprefix(":").split(" ")
    return _Entry(path=path, was_mode=was_mode, mode=mode, was=Sha(was), sha=Sha(sha), kind=kind)


def _submodules(entries: Iterable[_Entry]) -> list[str]:
    return [entry.path for entry in entries if _SUBMODULE in (entry.mode, entry.was_mode)]


def _submodule_refusal(where: object) -> MoveRefused:
    return MoveRefused(f"submodules differ between {where} and the target", "move them by hand, then call it again")


def _operation_of(lock: Path) -> str | None:
    """Return whose lock it is: an operation of ours, "" for a torn lock of ours, None for git's own."""
    content = lock.read_bytes()
    if not content.startswith(b"{"):  # git's own begins empty, then with DIRC
        return None
    try:
        return str(json.loads(content)["orchestrator"])
    except (ValueError, KeyError, TypeError):
        return ""


def _locked(lock: Path) -> MoveRefused:
    operation = _operation_of(lock)
    if operation:
        return MoveRefused(
            f"{lock} belongs to the interrupted move {operation}", "the next command ends that one first"
        )
    return MoveRefused(
        f"git is at work, or was killed, in this worktree: {lock} is there", "wait for it, then call it again"
    )


def _found(worktree: Path, name: str) -> str | None:
    """Return what stands on disk where `name` belongs: itself, a file or link in place of a folder, or None."""
    parts = name.split("/")
    for end in range(1, len(parts) + 1):
        prefix = "/".join(parts[:end])
        try:
            mode = os.lstat(worktree / prefix).st_mode
        except FileNotFoundError:
            return None
        if end == len(parts) or not stat.S_ISDIR(mode):
            return prefix
    return None


def _folders(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


def _undisturbed(_: str) -> None:
    pass


class Mover:
    """One move in one worktree. `git` runs in `worktree`, or anywhere in the repository where that is None.

    The caller holds the feature's lock. `step` is told each stage's name (for tests that interrupt there).
    """

    def __init__(self, git: Git, worktree: Path | None, step: Callable[[str], None] = _undisturbed) -> None:
        self._git = git
        self._worktree = worktree
        self._step = step
        self._is_redo = False

    @cached_property
    def _common(self) -> Path:
        return Path(self._git.text("rev-parse", "--path-format=absolute", "--git-common-dir"))

    @cached_property
    def _git_dir(self) -> Path:
        return Path(self._git.text("rev-parse", "--absolute-git-dir"))

    @property
    def _lock(self) -> Path:
        return self._git_dir / "index.lock"

    @property
    def _private(self) -> Path:
        return self._git_dir / "orchestrator.index"

    @property
    def _index(self) -> dict[str, str]:
        return {"GIT_INDEX_FILE": str(self._private)}

    @property
    def _rules(self) -> Path:
        return self._git_dir / "orchestrator.rules"

    # --- what is there, written down -------------------------------------------------------------

    def rescue(self, target: Target, operation: str, ref: str) -> Rescue:
        """Lock the index and write what is there under `ref`, durably; a move to `target` may follow.

        Called again for the same `operation`, it adds what was written since to what it had rescued.
        Raises MoveRefused (then the index is free again) and changes no file of the user's.
        """
        before = self._earlier(operation, ref)
        self._is_redo = before is not None
        if self._worktree is not None:
            self._take_lock(operation)
        try:
            return self._rescue(target, operation, ref, before)
        except BaseException:
            self.release(operation)
            raise

    def _earlier(self, operation: str, ref: str) -> Rescue | None:
        before = load(self._git, ref)
        if before and f"\nOperation: {operation}\n" not in os.fsdecode(self._git.run("cat-file", "commit", ref).stdout):
            raise MoveRefused(f"{ref} holds the rescue of another operation", "name each operation's ref once")
        return before

    def _rescue(self, target: Target, operation: str, ref: str, before: Rescue | None) -> Rescue:
        tip = _tip(self._git, target.branch)
        if before and tip not in (before.old, target.commit):
            raise MoveRefused(f"{target.branch} has moved on since {operation} began", f"what was there is under {ref}")
        old = before.old if before else tip
        tree, index = self._trees(target)
        if self._worktree is None:
            present = staged = self._tree(old)
            intended: tuple[str, ...] = ()
        else:
            staged, intended = self._staged()
            present = self._snapshot(self._worktree, tree)
        self._step("snapshot")
        kept, kept_index = (present, staged)
        if before:
            kept = self._with_later_edits(before.worktree_tree, present, tree)
            kept_index, intended = (before.index_tree, before.intended) if staged == index else (staged, intended)
        if before and (kept, kept_index, intended) == (before.worktree_tree, before.index_tree, before.intended):
            return Rescue(ref, before.commit, kept, kept_index, old, present, intended)
        commit = self._record(target.branch, operation, ref, (old, kept, kept_index, intended), before)
        return Rescue(ref, commit, kept, kept_index, old, present, intended)

    def _trees(self, target: Target) -> tuple[Sha, Sha]:
        own = self._tree(target.commit)
        return target.tree or own, target.index or own

    def _tree(self, commit: Sha) -> Sha:
        return Sha(self._git.text("rev-parse", "--verify", f"{commit}^{{tree}}"))

    def _take_lock(self, operation: str) -> None:
        """Take git's own lock on the index: whole and on the disk before it has its name."""
        mine = self._git_dir / "orchestrator.lock"
        descriptor = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, json.dumps({"orchestrator": operation}).encode())
            flush(descriptor)
            os.link(mine, self._lock)
        except FileExistsError:
            self._take_over(operation)
        finally:
            os.close(descriptor)
            mine.unlink()
        self._step("locked")

    def _take_over(self, operation: str) -> None:
        if _operation_of(self._lock) not in (operation, ""):
            raise _locked(self._lock)
        self._is_redo = True

    def _staged(self) -> tuple[Sha, tuple[str, ...]]:
        """Return the tree of the index, of which the private one becomes a copy, and what the tree leaves out."""
        self._copy_index()
        staged = self._write_tree()
        rows = self._git.names("diff-index", "--cached", "--raw", "-z", "--no-renames", staged, environment=self._index)
        entries = [_entry(head, path) for head, path in zip(rows[::2], rows[1::2], strict=True)]
        return staged, tuple(f"{entry.mode} {entry.path}" for entry in entries)

    def _snapshot(self, worktree: Path, target: Sha) -> Sha:
        """Return the tree of the worktree; the private index, which is that of the user, is left at it."""
        self._git.run(*_UNFLUSHED, "add", "--update", "--", ":/", environment=self._index)
        self._add_ignored(worktree, target)  # after the update: a folder may lie where the index has a file
        self._add_untracked(worktree)
        self._refresh()
        present = self._write_tree()
        entries = _differences(self._git, present, target)
        if _submodules(entries):
            raise _submodule_refusal(worktree)
        _check_nested(worktree, entries)
        self._check_round_trip(worktree, entries)
        return present

    def _copy_index(self) -> None:
        self._private.with_name(f"{self._private.name}.lock").unlink(missing_ok=True)  # only we use it, locked
        self._private.unlink(missing_ok=True)
        if (self._git_dir / "index").exists():
            # Its time too: git looks closer at files as young as the index, and a younger copy would hide edits.
            shutil.copy2(self._git_dir / "index", self._private)

    def _write_tree(self) -> Sha:
        return Sha(self._git.text(*_UNFLUSHED, "write-tree", environment=self._index))

    def _add_ignored(self, worktree: Path, target: Sha) -> None:
        """Add what no index knows and the target would write over, ignored or not."""
        names = sorted({*self._in_the_way(worktree, target)})
        if not names:
            return
        files = [str(place.relative_to(worktree)) for name in names for place in _files(worktree / name)]
        _check_size(worktree, files)
        repository = next((name for name in names if _has_repository(worktree / name)), None)
        if repository:
            raise MoveRefused(
                f"a repository of its own is in the way at {repository!r} in {worktree}", "move it elsewhere"
            )
        command = (
            "--literal-pathspecs",
            *_UNFLUSHED,
            "add",
            "--force",
            "--pathspec-from-file=-",
            "--pathspec-file-nul",
        )
        self._git.run(*command, stdin=_nul(names), environment=self._index)

    def _in_the_way(self, worktree: Path, target: Sha) -> Iterator[str]:
        asked = ("diff-index", "--cached", "--diff-filter=D", "--no-renames", "--name-only", "-z", target)
        for name in self._git.names(*asked, environment=self._index):
            found = _found(worktree, name)
            if found is not None:
                yield found

    def _add_untracked(self, worktree: Path) -> None:
        names = _untracked(self._git, self._index)
        _check_size(worktree, names)
        command = (*_UNFLUSHED, "update-index", "--add", "--replace", "-z", "--stdin")
        self._git.run(*command, stdin=_nul(names), environment=self._index)

    def _refresh(self) -> None:
        self._git.run("update-index", "-q", "--refresh", environment=self._index, accept=(0, 1))

    def _check_round_trip(self, worktree: Path, entries: Sequence[_Entry]) -> None:
        """Refuse files that a filter (line endings, LFS) would not give back byte for byte."""
        going = {entry.path: entry.was for entry in entries if entry.was_mode in _PLAIN}
        for path in self._converted(list(going)):
            back = self._git.run("cat-file", "--filters", f"--path={path}", going[path]).stdout
            if back != (worktree / path).read_bytes():
                raise MoveRefused(
                    f"{path!r} in {worktree} would not come back as it is: git converts or filters it",
                    "commit it in the form that git checks out",
                )

    def _converted(self, paths: list[str]) -> list[str]:
        if (self._git.config("core.autocrlf") or "false") != "false":
            return paths
        fields = self._git.run("check-attr", "-z", "--stdin", *_CONVERSIONS, stdin=_nul(paths)).stdout
        words = os.fsdecode(fields).split("\0")
        rows = zip(words[::3], words[2::3], strict=False)
        return list(dict.fromkeys(path for path, value in rows if value not in ("unspecified", "unset")))

    def _with_later_edits(self, first: Sha, present: Sha, target: Sha) -> Sha:
        """Return `first` with what somebody wrote since; what the interrupted move itself wrote is no edit."""
        of_the_move = {entry.path: entry for entry in _differences(self._git, present, target)}
        edits = [
            entry
            for entry in _differences(self._git, first, present)
            if entry.kind != "D" and entry.path in of_the_move and not self._is_torn(of_the_move[entry.path])
        ]
        if not edits:
            return first
        scratch = {"GIT_INDEX_FILE": f"{self._private}.rescue"}
        rows = [f"{entry.mode} {entry.sha}\t{entry.path}" for entry in edits]
        self._git.run("read-tree", first, environment=scratch)
        self._git.run("update-index", "--replace", "-z", "--index-info", stdin=_nul(rows), environment=scratch)
        tree = Sha(self._git.text("write-tree", environment=scratch))
        Path(scratch["GIT_INDEX_FILE"]).unlink()
        return tree

    def _is_torn(self, entry: _Entry) -> bool:
        """Tell whether the file on disk is the beginning of what the move was writing when it was killed."""
        if entry.mode not in _PLAIN or entry.was_mode not in _PLAIN:
            return False
        return self._git.blob(entry.sha).startswith(self._git.blob(entry.was))

    def _record(
        self,
        branch: str,
        operation: str,
        ref: str,
        found: tuple[Sha, Sha, Sha, tuple[str, ...]],
        before: Rescue | None,
    ) -> Sha:
        old, tree, index, intended = found
        rows = "".join(f"{_INTENDED}{os.fsencode(one).hex()}\n" for one in intended)
        message = f"rescue of {branch}\n\nOperation: {operation}\n{rows}"
        staged = self._git.commit_tree(index, [old], f"staged in {branch}\n\nOperation: {operation}\n")
        earlier = [before.commit] if before else []
        commit = self._git.commit_tree(tree, [old, staged, *earlier], message)
        self._git.run("rev-list", "--objects", "--quiet", commit, f"^{old}")  # reads it back: all is there
        sync_filesystem(self._common)
        self._step("written")
        if self._is_redo:
            (self._common / f"{ref}.lock").unlink(missing_ok=True)
        self._git.update_refs([f"update {ref} {commit} {before.commit if before else '0' * len(commit)}"])
        sync_filesystem(self._common)
        self._step("rescued")
        return commit

    # --- the move itself -------------------------------------------------------------------------

    def move(self, target: Target, rescue: Rescue, operation: str) -> None:
        """Bring branch, worktree and index to `target`, durably, and free the index.

        Raises MoveRefused where something changed since `rescue` (nothing was touched), GitFailed where the
        worktree could not be written; then `rescue` and `move` again go on, or `release` leaves it so.
        """
        if self._worktree is not None and not (self._lock.exists() and _operation_of(self._lock) == operation):
            raise MoveRefused(
                f"the index of {self._worktree} is not locked for {operation}", "rescue what is there first"
            )
        tree, index = self._trees(target)
        with self._prepared(target, rescue, operation) as transaction:
            self._step("prepared")
            if self._worktree is not None:
                self._move_worktree(self._worktree, rescue, tree)
            transaction.commit()
        self._step("committed")
        if self._worktree is not None:
            self._place_index(index, target.intended)
        self.release(operation)
        sync_filesystem(self._common)

    def _prepared(self, target: Target, rescue: Rescue, operation: str) -> _Transaction:
        ref = f"refs/heads/{target.branch}"
        tip = _tip(self._git, target.branch)
        if tip not in (rescue.old, target.commit):
            raise MoveRefused(f"{target.branch} has moved since it was rescued", "call the same command again")
        command = f"verify {ref} {tip}" if tip == target.commit else f"update {ref} {target.commit} {tip}"
        try:
            return _Transaction(self._git, command, f"orchestrator: {operation}")
        except GitFailed:
            if not (self._is_redo and self._clear_ref_locks(ref, target.commit)):
                raise
        return _Transaction(self._git, command, f"orchestrator: {operation}")

    def _clear_ref_locks(self, ref: str, value: Sha) -> bool:
        """Take away what the killed try left: a lock file that holds the beginning of our own new value."""
        locks = [self._common / f"{ref}.lock", self._git_dir / "HEAD.lock"]
        ours = [lock for lock in locks if lock.exists() and f"{value}\n".encode().startswith(lock.read_bytes())]
        for lock in ours:
            lock.unlink(missing_ok=True)
        return bool(ours)

    def _move_worktree(self, worktree: Path, rescue: Rescue, tree: Sha) -> None:
        self._check_arrivals(worktree, tree)
        present = self._without_ignored(rescue, tree)
        self._step("compared")
        try:
            command = ("read-tree", "-m", "-u", "--no-recurse-submodules", present, tree)
            self._git.run(*_UNFLUSHED, *command, environment=self._index)
        except GitFailed as error:
            if error.code < 0 or "fatal:" in str(error):  # it was killed, or could not write: files may have moved
                raise
            raise MoveRefused(
                f"{worktree} changed since it was rescued: {error}", "call the same command again"
            ) from error
        self._step("read-tree")
        self._verify(worktree, present, tree)
        sync_filesystem(worktree)
        self._step("worktree")

    def _check_arrivals(self, worktree: Path, tree: Sha) -> None:
        """Refuse files that came since where the target writes: git takes ignored ones for worthless."""
        found = sorted({*self._in_the_way(worktree, tree)})
        for start in range(0, len(found), 200):
            names = found[start : start + 200]
            asked = ("--literal-pathspecs", "ls-files", "--others", "-z", "--", *names)
            arrived = self._git.names(*asked, environment=self._index)
            if arrived:
                raise MoveRefused(
                    f"{arrived[0]!r} came to {worktree} since it was rescued", "call the same command again"
                )

    def _without_ignored(self, rescue: Rescue, tree: Sha) -> Sha:
        """Take out of the private index what stays on disk untouched; return the tree of the rest.

        That is what was untracked, is in nobody's way and is ignored by the rules of the target, or of the place
        left: after an interrupted move those are no longer in the worktree.
        """
        names = self._untracked_going(rescue, tree)
        ruling = {tree, rescue.worktree_tree} - {rescue.present}
        staying = {name for rules in sorted(ruling) for name in self._ignored(rules, names)} if names else set()
        if not staying:
            return rescue.present
        command = ("update-index", "--force-remove", "-z", "--stdin")
        self._git.run(*_UNFLUSHED, *command, stdin=_nul(sorted(staying)), environment=self._index)
        return self._write_tree()

    def _untracked_going(self, rescue: Rescue, tree: Sha) -> list[str]:
        """Return what no commit and no index knew, the target lacks and also leaves room for."""
        to_target = _differences(self._git, rescue.present, tree)
        arriving = {entry.path for entry in to_target if entry.kind == "A"}
        folders = {folder for path in arriving for folder in _folders(path)}
        known = [_differences(self._git, rescue.present, other) for other in (rescue.index_tree, rescue.old)]
        lacking = [{entry.path for entry in entries if entry.kind == "D"} for entries in (to_target, *known)]
        going = set.intersection(*lacking) - folders
        return sorted(path for path in going if arriving.isdisjoint(_folders(path)))

    def _ignored(self, tree: Sha, names: Sequence[str]) -> list[str]:
        """Return those of `names` that git would ignore in a worktree of `tree`, asked in one of rules only."""
        shutil.rmtree(self._rules, ignore_errors=True)
        place = self._rules / "worktree"
        place.mkdir(parents=True)
        there = {
            "GIT_DIR": str(self._git_dir),
            "GIT_WORK_TREE": str(place),
            "GIT_INDEX_FILE": str(self._rules / "index"),
        }
        self._git.run("read-tree", tree, environment=there)
        rules = self._git.names("ls-files", "-z", "--", ":(top,glob)**/.gitignore", environment=there)
        self._git.run("checkout-index", "-z", "--stdin", stdin=_nul(rules), environment=there)
        command = ("check-ignore", "--no-index", "-z", "--stdin")  # a redo may have rescued an ignored one too
        found = self._git.run(*command, stdin=_nul(names), environment=there, accept=(0, 1)).stdout
        shutil.rmtree(self._rules)
        return [name for name in os.fsdecode(found).split("\0") if name]

    def _verify(self, worktree: Path, present: Sha, tree: Sha) -> None:
        # read-tree can exit 0 although it could not remove or write a file.
        self._refresh()
        removed = (entry.path for entry in _differences(self._git, present, tree) if entry.kind == "D")
        left = [name for name in removed if _found(worktree, name) == name and not (worktree / name).is_dir()]
        asked = ("diff-files", "--name-only", "-z", "--ignore-submodules=all")
        wrong = [*left, *self._git.names(*asked, environment=self._index)]
        if wrong:
            raise GitFailed(
                f"{wrong[0]!r} in {worktree} could not be brought to the target", "call the same command again"
            )

    def _place_index(self, index: Sha, intended: Sequence[str]) -> None:
        self._git.run("read-tree", "-m", "-i", index, environment=self._index)
        if intended:
            self._intend(intended)
        self._refresh()
        with self._private.open("rb") as file:
            flush(file.fileno())
        self._private.replace(self._git_dir / "index")
        fsync_directory(self._git_dir)
        self._step("index")

    def _intend(self, intended: Sequence[str]) -> None:
        """Let the private index know what is to be added: git takes the kind of a file from one, here an empty one."""
        shutil.rmtree(self._rules, ignore_errors=True)
        place = self._rules / "worktree"
        place.mkdir(parents=True)
        paths = []
        for mode, _, path in (one.partition(" ") for one in intended):
            paths.append(path)
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            if mode in _PLAIN:
                (place / path).touch(0o755 if mode == "100755" else 0o644)
            else:
                (place / path).symlink_to(path)
        there = {"GIT_DIR": str(self._git_dir), "GIT_WORK_TREE": str(place), **self._index}
        command = ("--literal-pathspecs", "add", "--intent-to-add", "--force", "--pathspec-from-file=-")
        self._git.run(*command, "--pathspec-file-nul", stdin=_nul(paths), environment=there)
        shutil.rmtree(self._rules)

    def release(self, operation: str) -> None:
        """Free the index where it is locked for `operation`; a lock of anybody else's stays."""
        if self._worktree is None:
            return
        self._private.unlink(missing_ok=True)
        shutil.rmtree(self._rules, ignore_errors=True)  # there only after a kill
        if self._lock.exists() and _operation_of(self._lock) in (operation, ""):
            self._lock.unlink()
            fsync_directory(self._git_dir)
        self._step("released")


def _files(place: Path) -> Iterator[Path]:
    if place.is_symlink() or not place.is_dir():
        yield place
        return
    for directory, _, names in os.walk(place):
        yield from (Path(directory, name) for name in names)


def _nul(names: Iterable[str]) -> bytes:
    return b"".join(os.fsencode(name) + b"\0" for name in names)


class _Transaction(contextlib.AbstractContextManager["_Transaction"]):
    """One ref update held between "prepared" (the ref is locked, its old value compared) and `commit`.

    Left without commit, or its process killed, it changes nothing.
    """

    def __init__(self, git: Git, command: str, message: str) -> None:
        # A lock that a dying process is about to let go is worth a second.
        patient = ("-c", "core.filesRefLockTimeout=1000")
        # A branch that somebody made lead to another ref is replaced; that other one stays where it is.
        asked = ["git", *_HARDENED, *patient, "update-ref", "--no-deref", "-m", message, "--stdin"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            asked,
            cwd=git.directory,
            env={**git._environment, **KIT_IDENTITY},
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
        )
        try:
            self._say("start", "start")
            self._say(f"{command}\nprepare", "prepare")
        except BaseException:
            self.__exit__()
            raise

    def commit(self) -> None:
        """Make the update; raises GitFailed."""
        self._say("commit", "commit")

    def _say(self, words: str, expected: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        with contextlib.suppress(BrokenPipeError):  # then the answer below is missing, and stderr says why
            self._process.stdin.write(os.fsencode(f"{words}\n"))
            self._process.stdin.flush()
        if self._process.stdout.readline().strip() != f"{expected}: ok".encode():
            said = os.fsdecode(self._process.stderr.read()).strip().partition("\n")[0]  # then comes advice
            raise GitFailed(f"git update-ref: {said}", "call the same command again when nobody moves the branch")

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
