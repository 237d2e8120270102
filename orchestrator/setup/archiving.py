"""Saves the kit's data in one tar (files, and a git bundle of refs), reads it back, and only then removes it.

Never removes a worktree, a branch, or a file that is not byte for byte in the archive.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from orchestrator.adapters.durable import TEMPORARY, flush, fsync_directory, said_in_one_line
from orchestrator.adapters.git import Git
from orchestrator.adapters.lock import holder
from orchestrator.core.values import Sha, Value
from orchestrator.errors import BadBackup, Busy, Refusal
from orchestrator.setup.remaining import Remains
from orchestrator.workspace import Workspace, now

BUNDLE = "orchestrator.bundle"
_LOG = "git-common-dir/orchestrator"
_CONTEXT = ".context"
_CHUNK = 1024 * 1024


class Saved(Value):
    """An archive that was read back: `digests` by absolute path, bytes."""

    path: Path
    bytes: int
    digests: dict[str, str]
    refs: int


def refuse_busy(workspace: Workspace) -> None:
    """Raise Busy while anybody works on a feature."""
    for lock in sorted((workspace.home / "locks").glob("*.lock")):
        who = holder(lock)
        if who is not None:
            raise Busy(f"{lock.stem} is worked on by {who.described(now())}", "wait until it is done")


def refuse_place(workspace: Workspace, target: Path) -> None:
    """Raise Refusal where an archive cannot lie."""
    if os.path.lexists(target):
        raise Refusal(f"{target} is there already", "name a file that is not there yet")
    if not target.parent.is_dir():
        raise Refusal(f"there is no folder {target.parent}", "make it, or name another file")
    for folder in (workspace.home, workspace.context):
        if target.is_relative_to(folder):
            raise Refusal(f"{target} lies in {folder}, which is saved", "name a file outside of it")


def save(workspace: Workspace, remains: Remains, target: Path) -> Saved:
    """Write the archive and read it back. Raises Refusal, BadBackup, NotRecorded; then there is none."""
    refs = {**remains.refs, **remains.tags, **remains.branches}
    with said_in_one_line(target), tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=target.parent) as folder:
        bundle = Path(folder) / BUNDLE
        if refs:
            listed = "".join(f"{name}\n" for name in refs).encode()
            workspace.git.run("bundle", "create", "--quiet", str(bundle), "--stdin", stdin=listed)
        draft = Path(folder) / "archive"
        members = dict(_members(workspace, bundle))
        digests = _packed(draft, members, is_gzip=target.suffix in (".gz", ".tgz"))
        _read_back(draft, digests, Path(folder) / "read-back")
        _verify_bundle(workspace.git, Path(folder) / "read-back", refs)
        draft.chmod(0o600)  # as the log is
        with draft.open("rb") as file:
            flush(file.fileno())
        size = draft.stat().st_size
        _take_place(draft, target)
    fsync_directory(target.parent)
    by_path = {str(members[name]): value for name, value in digests.items() if members[name] != bundle}
    return Saved(path=target, bytes=size, digests=by_path, refs=len(refs))


def _members(workspace: Workspace, bundle: Path) -> Iterator[tuple[str, Path]]:
    """Give what goes into the archive: its name there, where it lies."""
    if bundle.exists():
        yield BUNDLE, bundle
    for name, folder in ((_LOG, workspace.home), (_CONTEXT, workspace.context)):
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or path.is_file():
                yield f"{name}/{path.relative_to(folder).as_posix()}", path


class _Hashing:
    """A file that is hashed as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self.digest.update(piece)
        return piece


def _packed(draft: Path, members: dict[str, Path], *, is_gzip: bool) -> dict[str, str]:
    """Write the tar and return the sha256 of what went in, by member."""
    digests: dict[str, str] = {}
    with tarfile.open(draft, "w:gz" if is_gzip else "w", format=tarfile.PAX_FORMAT) as tar:
        for name, path in members.items():
            member = tar.gettarinfo(path, name)
            if member.issym():
                tar.addfile(member)
                digests[name] = _of_link(member.linkname)
                continue
            member.type, member.linkname, member.size = tarfile.REGTYPE, "", path.stat().st_size  # no hard links
            with path.open("rb") as file:
                hashing = _Hashing(file)
                tar.addfile(member, hashing)
            digests[name] = hashing.digest.hexdigest()
    return digests


def _read_back(draft: Path, digests: dict[str, str], bundle: Path) -> None:
    """Read every member as it was written, and put the bundle aside. Raises BadBackup."""
    read: dict[str, str] = {}
    with tarfile.open(draft, "r:*") as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            if content is None:
                read[member.name] = _of_link(member.linkname)
            elif member.name == BUNDLE:
                with bundle.open("wb") as copy:
                    read[member.name] = _hashed(content, copy)
            else:
                read[member.name] = _hashed(content)
    if read != digests:
        wrong = sorted(name for name in {*read, *digests} if read.get(name) != digests.get(name))
        raise BadBackup(f"the archive does not read back: {wrong[0]}", "nothing was removed; look at that disk")


def _hashed(content: IO[bytes], copy: IO[bytes] | None = None) -> str:
    digest = hashlib.sha256()
    while piece := content.read(_CHUNK):
        digest.update(piece)
        if copy is not None:
            copy.write(piece)
    return digest.hexdigest()


def _of_link(target: str) -> str:
    return hashlib.sha256(b"link " + os.fsencode(target)).hexdigest()


def _verify_bundle(git: Git, bundle: Path, refs: dict[str, Sha]) -> None:
    """Raise BadBackup unless git reads every ref out of the bundle, with all its history."""
    if not refs:
        return
    git.run("bundle", "verify", "--quiet", str(bundle))
    rows = (row.split(" ", 1) for row in git.lines("bundle", "list-heads", str(bundle)))
    heads = {name: Sha(sha) for sha, name in rows}
    if heads != refs:
        raise BadBackup("the bundle does not hold every ref", "nothing was removed; call the same command again")


def _take_place(draft: Path, target: Path) -> None:
    """Give the archive its name, never over another file."""
    try:
        os.link(draft, target)
    except FileExistsError as error:
        raise Refusal(f"{target} is there already", "name a file that is not there yet") from error
    except OSError:  # no hard links on that file system
        draft.rename(target)


# --- removing what is saved -----------------------------------------------------------------------


def remove(workspace: Workspace, remains: Remains, saved: Saved) -> None:
    """Remove the kit's refs, tags and files. Raises Refusal, and removes nothing, where one is not what was saved."""
    changed = [name for name in remains.files if not _is_saved(name, saved)]
    if changed:
        hint = f"what {saved.path} holds stays good; call it again with another archive"
        raise Refusal(f"{changed[0]} changed while it was saved, so nothing of the data was removed", hint)
    doomed = {**remains.refs, **remains.tags}
    workspace.git.update_refs([f"delete {name} {sha}" for name, sha in doomed.items()])
    for name in remains.files:
        Path(name).unlink(missing_ok=True)
    for folder in (workspace.home, workspace.context):
        _remove_empty(folder)


def _is_saved(name: str, saved: Saved) -> bool:
    path = Path(name)
    if path.is_symlink():
        return saved.digests.get(name) == _of_link(str(path.readlink()))
    with path.open("rb") as file:
        return saved.digests.get(name) == _hashed(file)


def _remove_empty(folder: Path) -> None:
    for top, _, _ in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):  # not empty
            Path(top).rmdir()
