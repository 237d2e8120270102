"""A feature's context files as commits on a ref of their own, and their way back. Never runs a filter on them.

Only regular files: a symbolic link in `.context/` is neither recorded nor followed nor removed. The log, the
database, states and backups are no part of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

import msgspec

from orchestrator.adapters.durable import (
    TEMPORARY,
    content_of,
    sync_filesystem,
    write_all,
    write_atomically,
)
from orchestrator.adapters.git import Git
from orchestrator.adapters.lock import queued
from orchestrator.core.values import PREFIX, Sha, Slug, Value, longest_owner
from orchestrator.errors import GitFailed, MoveRefused

_KIT_FILE = re.compile(
    r"orchestrator-events\..*"  # log and database, with their journals and copies set aside
    rf"|{PREFIX}[^/]+_orchestrator-state\.json.*"  # states, with broken ones set aside
    rf"|{PREFIX}[^/]+_backup\.tar\.gz"
    rf"|{re.escape(TEMPORARY)}.*",
    re.DOTALL,
)
_BACKUPS = "backups"
_MODES = {"100644": False, "100755": True}
_UNFLUSHED = ("-c", "core.fsync=none")  # one flush of the file system before the ref moves instead
_GRAIN = 50_000_000  # nanoseconds: within so much of the look at it, a file may change and keep its times
_COARSE_GRAIN = 2_000_000_000  # where the file system keeps whole seconds
_TRIES = 3
_PATIENCE = 30.0  # seconds for another snapshot of the same feature
_PRUNED = "call the same command again when no `git gc --prune=now` is at work"
Earlier = Callable[[], Iterable[Sha]]
_AT_ONCE = 100  # blobs held in memory at a time


class Owner(Value):
    """Whose files: `directory` is the `.context/`, held `whole` (a linked worktree's) or shared by name."""

    directory: Path
    slug: Slug
    whole: bool
    slugs: frozenset[Slug]


class Snapshot(Value):
    """One snapshot: how many `files` it holds tells an empty context from a full one."""

    commit: Sha
    tree: Sha
    files: int


class Restored(Value):
    """What a restore did, names relative to `.context/`."""

    written: tuple[str, ...]
    removed: tuple[str, ...]


class Content(Value):
    """One file: its name relative to `.context/`."""

    name: str
    is_executable: bool
    content: bytes


class _Seen(Value):
    """What a file looked like when its content was read."""

    size: int
    modified: int
    changed: int
    inode: int
    is_executable: bool
    sha: str
    is_fresh: bool  # too young then to tell a later change by its times


class _Memory(Value):
    """What was seen at the last snapshot, and of which index that is the memory.

    A kill between the two leaves a memory of another index: both are made anew.
    """

    index: tuple[int, int, int]
    files: dict[str, _Seen]  # by the names' bytes in hexadecimal: they need not be UTF-8


class _Blob(Value):
    sha: Sha
    is_executable: bool


def ref(slug: Slug) -> str:
    """Return the ref that holds a feature's snapshots."""
    return f"refs/orchestrator/context/{slug}"


def owned(owner: Owner) -> list[str]:
    """Return the names, relative to `.context/`, of the regular files that belong to the feature, sorted."""
    return sorted(name for name, _ in _walk(owner))


def owns(owner: Owner, name: str) -> bool:
    """Tell whether a file of that name, relative to `.context/`, belongs to the feature."""
    parts = name.split("/")
    if any(part.lower() in ("", ".", "..", ".git") for part in parts) or "\0" in name:
        return False
    if any(part.startswith(TEMPORARY) for part in parts):
        return False
    if _KIT_FILE.fullmatch(parts[0]) or parts[0] == _BACKUPS:
        return False
    return owner.whole or longest_owner(parts[0], owner.slugs) == owner.slug


def count(git: Git, commit: Sha) -> int:
    """Return how many files a snapshot holds."""
    return len(_blobs(git, commit))


def contents(git: Git, commit: Sha, only: Collection[str] | None = None) -> Iterator[Content]:
    """Return the files of a snapshot, or only those of these names, in order of their names."""
    blobs = _blobs(git, commit)
    return _read(git, sorted(name for name in blobs if only is None or name in only), blobs)


def listed(git: Git, commit: Sha) -> dict[str, Sha]:
    """Return the names of a snapshot's files, and under which name git holds each content."""
    return {name: blob.sha for name, blob in _blobs(git, commit).items()}


def present(owner: Owner, digits: int) -> dict[str, Sha]:
    """Return the same of the files as they are now, of which git need not hold the contents; writes nothing.

    `digits` are those of a name in this repository: 40 or 64.
    """
    return {name: _blob(owner.directory / name, status, digits).sha for name, status in _walk(owner)}


# --- taking one ---------------------------------------------------------------------------------


def snapshot(git: Git, owner: Owner, checkpoint: Sha, message: str, index: Path, earlier: Earlier = tuple) -> Snapshot:
    """Write the feature's context files as the next commit on its ref, durably.

    Its first parent is the snapshot before (the first one's an empty root), its second the checkpoint's commit.
    `index` is a file of the caller's choice outside the worktree that makes the next snapshot fast; it may be
    deleted. `earlier` gives the feature's snapshots, newest first, for the case that git lost the one before, or
    the ref is gone.
    Raises GitFailed when somebody moved the ref meanwhile, and Busy where another snapshot does not end.
    """
    index.parent.mkdir(parents=True, exist_ok=True)
    name = ref(owner.slug)
    with _alone(index, owner.slug):
        tip = held = git.ref(name)
        before = tip or _left(git, earlier())
        for _ in range(_TRIES):
            try:
                tree, files = _updated(git, owner, index)
                first = before or _root(git, owner.slug)
                commit = git.commit_tree(tree, [first, checkpoint], message)
                sync_filesystem(index.parent)
                git.update_refs([f"update {name} {commit} {held or '0' * len(commit)}"], "orchestrator: context")
                held = commit
                if _is_whole(git, commit, first):
                    return Snapshot(commit=commit, tree=tree, files=files)
                failure = GitFailed(f"git lost the context of {owner.slug} as it was kept", _PRUNED)
            except GitFailed as error:  # a prune, a file that went away, or an index that a power cut tore
                failure = error
                if git.ref(name) != held:  # somebody moved it
                    break
            _memory(index).unlink(missing_ok=True)  # all is read again
            before = tip if tip and _is_whole(git, tip) else _left(git, earlier())
        if held != tip and git.ref(name) == held:
            git.update_refs([f"update {name} {tip or '0' * len(str(held))} {held}"], "orchestrator: context")
        raise failure


def _left(git: Git, snapshots: Iterable[Sha]) -> Sha | None:
    """Return the first that git still holds whole: what no ref leads to any more goes with the next `git gc`."""
    named = list(snapshots)
    asked = "".join(f"{one}^{{tree}}\n" for one in named).encode()
    rows = git.run("cat-file", "--batch-check=%(objecttype)", stdin=asked).stdout.decode().splitlines() if named else []
    there = (one for one, row in zip(named, rows, strict=True) if row == "tree")
    return next((one for one in there if _is_whole(git, one)), None)


def _is_whole(git: Git, *commits: Sha) -> bool:
    """Tell whether all that snapshots hold is there: a `git prune` takes what no ref kept when it looked."""
    trees = (f"{one}^{{tree}}" for one in commits)
    return git.run("rev-list", "--objects", "--quiet", *trees, accept=(0, 128)).returncode == 0


def _root(git: Git, slug: Slug) -> Sha:
    empty = Sha(git.text("mktree", stdin=b""))
    return git.commit_tree(empty, [], f"context of {slug}\n")


def _alone(index: Path, slug: Slug, patience: float = _PATIENCE) -> AbstractContextManager[None]:
    """Return the hold of a feature's snapshots, to be used with `with`; it waits for another one, but not for ever."""
    path = index.with_name(f"{index.name}.guard")
    who = f"a snapshot of {slug}"
    return queued(path, f"the context of {slug} is being kept", who, lambda: datetime.now().astimezone(), patience)


def _updated(git: Git, owner: Owner, index: Path) -> tuple[Sha, int]:
    known = _remembered(index)
    if not known:
        index.unlink(missing_ok=True)
    now = time.time_ns()
    found = dict(_walk(owner))
    stale = {name: status for name, status in found.items() if not _is_known(known.get(name), status)}
    gone = known.keys() - found.keys()
    seen = {name: one for name, one in known.items() if name in found} | _hashed(git, owner.directory, stale, now)
    changes = [f"0 {'0' * 40}\t{name}" for name in gone]
    changes += [f"{_mode(seen[name])} {seen[name].sha}\t{name}" for name in stale]
    tree = _written(git, index, changes)
    if changes:
        named = {os.fsencode(name).hex(): one for name, one in seen.items()}
        write_atomically(_memory(index), msgspec.json.encode(_Memory(index=_mark(index), files=named)), 0o600)
    return tree, len(seen)


def _memory(index: Path) -> Path:
    return index.with_name(f"{index.name}.seen")


def _remembered(index: Path) -> dict[str, _Seen]:
    try:
        stored = msgspec.json.decode(content_of(_memory(index)), type=_Memory)
        is_of_this_index = stored.index == _mark(index)
    except (OSError, ValueError):  # new, deleted, torn or another thing: all files are read again
        return {}
    return {os.fsdecode(bytes.fromhex(name)): one for name, one in stored.files.items()} if is_of_this_index else {}


def _mark(index: Path) -> tuple[int, int, int]:
    status = index.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _is_known(seen: _Seen | None, status: os.stat_result) -> bool:
    return seen is not None and not seen.is_fresh and seen == _look(status, seen.sha, is_fresh=False)


def _look(status: os.stat_result, sha: str, *, is_fresh: bool) -> _Seen:
    return _Seen(
        size=status.st_size,
        modified=status.st_mtime_ns,
        changed=status.st_ctime_ns,
        inode=status.st_ino,
        is_executable=bool(status.st_mode & stat.S_IXUSR),
        sha=sha,
        is_fresh=is_fresh,
    )


def _mode(seen: _Seen) -> str:
    return "100755" if seen.is_executable else "100644"


def _hashed(git: Git, directory: Path, files: Mapping[str, os.stat_result], now: int) -> dict[str, _Seen]:
    """Store the files' bytes as they are and return what was seen; `now` is from before the first look."""
    if not files:
        return {}
    # One path a line: where a line break is in a path, the bytes go another way.
    plain = [name for name in files if "\n" not in f"{directory}{name}"]
    command = (*_UNFLUSHED, "hash-object", "-w", "--no-filters", "--stdin-paths")
    listed = b"".join(os.fsencode(directory / name) + b"\n" for name in plain)
    written = git.run(*command, stdin=listed).stdout.decode().split() if plain else []
    shas = {name: Sha(sha) for name, sha in zip(plain, written, strict=True)}
    shas |= {name: git.write_blob((directory / name).read_bytes()) for name in files.keys() - shas.keys()}
    return {name: _look(one, shas[name], is_fresh=_is_fresh(one, now)) for name, one in files.items()}


def _is_fresh(status: os.stat_result, now: int) -> bool:
    latest = max(status.st_mtime_ns, status.st_ctime_ns)
    grain = _GRAIN if status.st_ctime_ns % 1_000_000_000 else _COARSE_GRAIN
    return latest + grain > now


def _written(git: Git, index: Path, changes: Sequence[str]) -> Sha:
    place = {"GIT_INDEX_FILE": str(index)}
    if changes:
        index.with_name(f"{index.name}.lock").unlink(missing_ok=True)  # a killed git's; we are alone here
        rows = b"".join(os.fsencode(row) + b"\0" for row in changes)
        command = ("-c", "core.protectNTFS=false", "-c", "core.protectHFS=false", *_UNFLUSHED, "update-index")
        git.run(*command, "--replace", "-z", "--index-info", stdin=rows, environment=place)
    return Sha(git.text(*_UNFLUSHED, "write-tree", environment=place))


def _walk(owner: Owner) -> Iterator[tuple[str, os.stat_result]]:
    pending = [""]
    while pending:
        folder = pending.pop()
        for entry in _entries(owner.directory / folder):
            name = folder + entry.name
            if not owns(owner, name):
                continue
            if entry.is_dir(follow_symlinks=False):
                pending.append(f"{name}/")
            elif entry.is_file(follow_symlinks=False):
                yield name, entry.stat(follow_symlinks=False)


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []


# --- the way back -------------------------------------------------------------------------------


def restore(git: Git, owner: Owner, commit: Sha, index: Path | None = None) -> Restored:
    """Bring the feature's context files back to a snapshot, in place; only files that differ are written.

    Take a snapshot first: a file that is to be replaced or removed must be in the newest one as it is now, else
    MoveRefused is raised before anything changes. Files that the newest snapshot does not know stay.
    `index` is the one given to `snapshot`: what it saw unchanged is not read again.
    """
    wanted = _blobs(git, commit)
    _check_entries(owner, wanted, commit)
    saved = _blobs(git, ref(owner.slug)) if git.ref(ref(owner.slug)) else {}
    known = _remembered(index) if index else {}
    there = {name: _present(owner, name, status, known.get(name), len(commit)) for name, status in _walk(owner)}
    written = sorted(name for name, blob in wanted.items() if there.get(name) != blob)
    removed = sorted(name for name in there if name not in wanted and name in saved)
    _check_saved(owner, [name for name in (*written, *removed) if name in there], there, saved)
    _check_way(owner.directory, written, frozenset(removed))
    with contextlib.closing(_Folder(owner.directory)) as folder:
        for name in removed:
            folder.remove(name)
        for one in _read(git, written, wanted):
            folder.replace(one)
    sync_filesystem(owner.directory)
    return Restored(written=tuple(written), removed=tuple(removed))


def replace(directory: Path, files: Iterable[Content]) -> None:
    """Write files below `directory`, each whole or not at all, through no symbolic link; durably.

    Raises MoveRefused where a link or another folder is in the way.
    """
    with contextlib.closing(_Folder(directory)) as folder:
        for one in files:
            folder.replace(one)
    sync_filesystem(directory)


def _check_entries(owner: Owner, wanted: Mapping[str, _Blob], commit: Sha) -> None:
    foreign = next((name for name in wanted if not owns(owner, name)), None)
    if foreign is not None:
        raise MoveRefused(f"{foreign!r} in snapshot {commit[:12]} is no context file of {owner.slug}")


def _check_saved(owner: Owner, names: Iterable[str], there: Mapping[str, _Blob], saved: Mapping[str, _Blob]) -> None:
    changed = next((name for name in names if saved.get(name) != there[name]), None)
    if changed is not None:
        raise MoveRefused(
            f"{owner.directory / changed} changed since the newest snapshot of {owner.slug}",
            "call the same command again",
        )


def _check_way(directory: Path, written: Iterable[str], removed: frozenset[str]) -> None:
    """Refuse what a file cannot be written over: links, other folders' files, sockets."""
    for name in written:
        for prefix in _prefixes(name):
            place = directory / prefix
            is_folder = place.is_dir() and not place.is_symlink()
            if prefix in removed or not os.path.lexists(place):
                break
            if (prefix != name and is_folder) or (prefix == name and _is_free(directory, place, removed)):
                continue
            raise MoveRefused(f"{place} is in the way", "move it elsewhere, then call the same command again")


def _prefixes(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _is_free(directory: Path, place: Path, removed: frozenset[str]) -> bool:
    """Tell whether a file can stand at `place` once `removed` are gone."""
    if place.is_symlink() or not place.is_dir():
        return stat.S_ISREG(place.lstat().st_mode)
    below = [path for path in place.rglob("*") if path.is_symlink() or not path.is_dir()]
    return bool(below) and all(str(path.relative_to(directory)) in removed for path in below)


def _blobs(git: Git, commit: str) -> dict[str, _Blob]:
    """Return the files of a snapshot; MoveRefused for an entry that is no plain file."""
    blobs = {}
    for row in git.names("ls-tree", "-r", "-z", "--full-tree", commit):
        head, name = row.split("\t", 1)
        mode, _, sha = head.split(" ")
        if mode not in _MODES:
            raise MoveRefused(f"{name!r} in snapshot {commit[:12]} is no plain file")
        blobs[name] = _Blob(sha=Sha(sha), is_executable=_MODES[mode])
    return blobs


def _present(owner: Owner, name: str, status: os.stat_result, seen: _Seen | None, digits: int) -> _Blob:
    if seen is not None and _is_known(seen, status):
        return _Blob(sha=Sha(seen.sha), is_executable=seen.is_executable)
    return _blob(owner.directory / name, status, digits)


def _blob(path: Path, status: os.stat_result, digits: int) -> _Blob:
    """Return under which name git would store a file; sha1 and sha256 repositories differ in the digits."""
    content = path.read_bytes()
    digest = hashlib.sha1(usedforsecurity=False) if digits == 40 else hashlib.sha256()
    digest.update(b"blob %d\0" % len(content))
    digest.update(content)
    return _Blob(sha=Sha(digest.hexdigest()), is_executable=bool(status.st_mode & stat.S_IXUSR))


def _read(git: Git, names: Sequence[str], blobs: Mapping[str, _Blob]) -> Iterator[Content]:
    for start in range(0, len(names), _AT_ONCE):
        batch = names[start : start + _AT_ONCE]
        asked = "".join(f"{blobs[name].sha}\n" for name in batch).encode()
        output = git.run("cat-file", "--batch", stdin=asked).stdout
        offset = 0
        for name in batch:
            header = output[offset : output.index(b"\n", offset)]
            begin = offset + len(header) + 1
            end = begin + _size(header, name)
            yield Content(name=name, is_executable=blobs[name].is_executable, content=output[begin:end])
            offset = end + 1


def _size(header: bytes, name: str) -> int:
    words = header.split()
    if len(words) != 3 or words[1] != b"blob":
        raise MoveRefused(f"the content of {name!r} is no longer in this repository", "its backup may hold it")
    return int(words[2])


class _Folder:
    """Writes and removes files below one folder, never through a symbolic link."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        if directory.is_symlink():
            raise MoveRefused(f"{directory} is a symbolic link", "make it a folder")
        self._top = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)

    def close(self) -> None:
        os.close(self._top)

    def replace(self, one: Content) -> None:
        """Put a file in place, whole or not at all; a file that was there keeps its permissions but for x."""
        with self._parent(one.name) as (parent, name):
            self._clear_way(parent, name, one.name)
            temporary = f"{TEMPORARY}{secrets.token_hex(8)}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(temporary, flags, 0o777 if one.is_executable else 0o666, dir_fd=parent)
            try:
                write_all(descriptor, one.content)
                _keep_permissions(parent, name, descriptor, is_executable=one.is_executable)
            finally:
                os.close(descriptor)
            os.replace(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)

    def remove(self, path: str) -> None:
        """Remove a file, and the folders that it leaves empty."""
        with self._parent(path) as (parent, name):
            os.unlink(name, dir_fd=parent)
        for folder in Path(path).parents:
            try:
                os.rmdir(folder, dir_fd=self._top)
            except OSError:  # not empty: somebody else's files are in it
                return

    def _clear_way(self, parent: int, name: str, path: str) -> None:
        try:
            mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISREG(mode):
            raise MoveRefused(f"{self._directory / path} is no plain file", "move it out of the way")

    @contextlib.contextmanager
    def _parent(self, path: str) -> Iterator[tuple[int, str]]:
        *folders, name = path.split("/")
        here = os.dup(self._top)
        try:
            for folder in folders:
                here = self._below(here, folder, path)
            yield here, name
        finally:
            os.close(here)

    def _below(self, here: int, folder: str, path: str) -> int:
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder, dir_fd=here)
            below = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
        except OSError as error:
            raise MoveRefused(
                f"{folder!r} in {self._directory / path} is no folder", "move it out of the way"
            ) from error
        os.close(here)
        return below


def _keep_permissions(parent: int, name: str, descriptor: int, *, is_executable: bool) -> None:
    try:
        mode = stat.S_IMODE(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return
    os.fchmod(descriptor, mode | (mode >> 2 & 0o111) | 0o100 if is_executable else mode & ~0o111)
