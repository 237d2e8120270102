"""A feature's context files as a `.tar.gz` that ordinary tar can unpack, and a strict way back out of one.

Never holds the log, the database, states or other backups. What comes out of an archive is plain files inside
the folder it is unpacked into, or nothing at all.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence, Set
from pathlib import Path
from typing import BinaryIO, cast

from orchestrator.adapters.durable import (
    TEMPORARY,
    flush,
    fsync_directory,
    opened_plain,
    said_in_one_line,
    sync_filesystem,
)
from orchestrator.adapters.snapshots import Content, Owner, owned
from orchestrator.core.values import PREFIX, Slug, Value, longest_owner
from orchestrator.errors import BadBackup

CONTEXT = ".context"
FOLDER = f"{CONTEXT}/backups"
_MEMBERS = 100_000
_BYTES = 2 * 1024**3
_PARTS = 16
_NAME = 255  # bytes of one part of a name
_CHUNK = 1024 * 1024
_PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE)
_HINT = "`orchestrator verify` names what is damaged; the snapshot holds the same files"


class Backup(Value):
    """One archive: `path` is relative to the folder that holds `.context/`, sizes in bytes."""

    path: str
    sha256: str
    files: int
    bytes: int


class _Member(Value):
    name: str  # relative to .context/
    offset: int  # in the decompressed archive
    size: int
    is_executable: bool


def newest(slug: Slug) -> str:
    """Return where the newest backup of a feature lies, relative to the folder that holds `.context/`."""
    return f"{CONTEXT}/{PREFIX}{slug}_backup.tar.gz"


def numbered(slug: Slug, n: int) -> str:
    """Return where the backup of rollback point `n` lies; this name stays when a newer one is made."""
    return f"{FOLDER}/{PREFIX}{slug}_backup-{n}.tar.gz"


# --- writing one ----------------------------------------------------------------------------------


def write(owner: Owner, root: Path, n: int) -> Backup:
    """Pack the feature's context files as they are now, for rollback point `n`; `root` holds `.context/`.

    The archive is whole, read back and durable when it gets its name, and is the newest one after that.
    Raises NotRecorded where it cannot be written, BadBackup where it does not read back.
    """
    return archive(owner.slug, root, n, _on_disk(owner))


def archive(slug: Slug, root: Path, n: int, contents: Iterable[Content]) -> Backup:
    """Pack `contents` (as `snapshots.contents` gives them); of these only what bears the feature's name."""
    backup = write_again(slug, root, n, contents)
    _become_newest(root / backup.path, root / newest(slug))
    return backup


def write_again(slug: Slug, root: Path, n: int, contents: Iterable[Content]) -> Backup:
    """Pack `contents` for rollback point `n`, and leave alone which backup is the newest."""
    path = root / numbered(slug, n)
    named = (one for one in contents if one.name.startswith(f"{PREFIX}{slug}_"))
    with said_in_one_line(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=TEMPORARY, dir=path.parent)
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
                written = _pack(file, named)
                file.flush()
                flush(file.fileno())
            backup = _read_back(Path(temporary), path.relative_to(root), written)
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)
    fsync_directory(path.parent)
    return backup


def _on_disk(owner: Owner) -> Iterator[Content]:
    for name in owned(owner):
        if longest_owner(name, owner.slugs | {owner.slug}) == owner.slug:
            path = owner.directory / name
            is_executable = bool(path.stat().st_mode & 0o100)
            yield Content(name=name, is_executable=is_executable, content=path.read_bytes())


def _pack(file: BinaryIO, contents: Iterable[Content]) -> dict[str, str]:
    """Write the archive; equal contents make equal bytes. Return the digest of each member."""
    digests: dict[str, str] = {}
    compressed = gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=6)
    with compressed, tarfile.open(fileobj=compressed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for one in sorted(contents, key=lambda one: os.fsencode(one.name)):
            member = tarfile.TarInfo(f"{CONTEXT}/{one.name}")
            member.size = len(one.content)
            member.mode = 0o755 if one.is_executable else 0o644
            tar.addfile(member, io.BytesIO(one.content))
            digests[one.name] = hashlib.sha256(one.content).hexdigest()
    return digests


def _read_back(path: Path, final: Path, written: dict[str, str]) -> Backup:
    sha256 = _digest(path)
    with tarfile.open(path, mode="r:gz") as tar:
        read = {member.name.removeprefix(f"{CONTEXT}/"): _member_digest(tar, member) for member in tar}
    if read != written:
        raise BadBackup(f"{final} does not read back as it was written", "look at the health of that disk")
    return Backup(path=str(final), sha256=sha256, files=len(written), bytes=path.stat().st_size)


def _member_digest(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    file = tar.extractfile(member)
    return hashlib.sha256(file.read() if file else b"").hexdigest()


def name_newest(slug: Slug, root: Path, points: Sequence[int]) -> None:
    """Let the backup of the last of these rollback points be the newest one: a branch went back behind later ones."""
    path, place = (root / numbered(slug, points[-1]) if points else None), root / newest(slug)
    if path is not None and path.exists() and not (place.exists() and path.samefile(place)):
        _become_newest(path, place)


def _become_newest(path: Path, place: Path) -> None:
    beside = place.with_name(f"{TEMPORARY}{place.name}")
    with said_in_one_line(place):
        beside.unlink(missing_ok=True)
        try:
            os.link(path, beside)
        except OSError:  # a file system without hard links
            shutil.copyfile(path, beside)
        beside.replace(place)
        beside.unlink(missing_ok=True)  # two names of one file: then rename does nothing
    fsync_directory(place.parent)


# --- keeping and checking -------------------------------------------------------------------------


def retain(root: Path, slug: Slug, keep: int, needed: Collection[str]) -> list[str]:
    """Remove a feature's numbered backups but the `keep` newest and the `needed` paths; return the removed."""
    pattern = re.compile(re.escape(f"{PREFIX}{slug}_backup-") + r"(\d+)\.tar\.gz")
    folder = root / FOLDER
    found = [pattern.fullmatch(one.name) for one in (folder.iterdir() if folder.is_dir() else ())]
    by_number = sorted((int(match[1]) for match in found if match), reverse=True)
    removed = [path for path in (numbered(slug, n) for n in by_number[max(keep, 1) :]) if path not in needed]
    for path in removed:
        (root / path).unlink()
    return removed


def check(path: Path, sha256: str) -> None:
    """Raise BadBackup where the archive is missing or is not the one with that digest."""
    try:
        found = _digest(path)
    except OSError as error:
        raise BadBackup(f"backup {path} cannot be read: {error.strerror or error}", _HINT) from error
    if found != sha256:
        raise BadBackup(f"backup {path} is not what was written: its sha256 differs", _HINT)


def _digest(path: Path) -> str:
    with open(opened_plain(path, os.O_RDONLY), "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- the way back ---------------------------------------------------------------------------------


def unpack(
    path: Path,
    sha256: str,
    into: Path,
    owns: Callable[[str], bool],
    *,
    most: int = _BYTES,
    most_files: int = _MEMBERS,
) -> list[str]:
    """Unpack into the new or empty folder `into`, and return the names, relative to `.context/`, of its files.

    Nothing is written before the whole archive was looked at. Raises BadBackup, naming the member, for anything
    but plain files `.context/NAME` that `owns(NAME)`, each once (also where case does not count), at most 16
    folders deep, at most `most_files` of `most` bytes together.
    """
    check(path, sha256)
    with tempfile.TemporaryFile() as plain:
        _decompress(path, cast(BinaryIO, plain), most)
        members = _members(path, cast(BinaryIO, plain), owns, most_files)
        _make_empty(into)
        with said_in_one_line(into):
            for member in members:
                plain.seek(member.offset)
                _write_inside(into, member, plain.read(member.size))
    sync_filesystem(into)
    return [member.name for member in members]


def _decompress(path: Path, plain: BinaryIO, most: int) -> None:
    """Decompress up to `most` bytes; what claims less than it holds is noticed too."""
    size = 0
    try:
        with gzip.open(path) as compressed:
            while chunk := compressed.read(_CHUNK):
                size += len(chunk)
                if size > most:
                    raise BadBackup(f"backup {path} holds more than {most} bytes", _HINT)
                plain.write(chunk)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadBackup(f"backup {path} is no whole gzip file: {error}", _HINT) from error
    plain.seek(0)


def _members(path: Path, plain: BinaryIO, owns: Callable[[str], bool], most: int) -> list[_Member]:
    members: list[_Member] = []
    names: set[str] = set()
    try:
        with tarfile.open(fileobj=plain, mode="r:") as tar:
            for one in tar:
                reason = _fault(one, owns, names) or (f"comes after {most} others" if len(members) >= most else "")
                if reason:
                    raise BadBackup(f"backup {path}: member {one.name!r} {reason}", _HINT)
                names |= {one.name.casefold(), *(f"{above}/" for above in _above(one.name))}
                members.append(_member(one))
    except (tarfile.TarError, ValueError, EOFError, OverflowError) as error:
        raise BadBackup(f"backup {path} is no whole tar file: {error}", _HINT) from error
    _check_whole(path, plain, members)
    return members


def _member(one: tarfile.TarInfo) -> _Member:
    name = one.name.removeprefix(f"{CONTEXT}/")
    return _Member(name=name, offset=one.offset_data, size=one.size, is_executable=bool(one.mode & 0o100))


def _fault(one: tarfile.TarInfo, owns: Callable[[str], bool], names: Set[str]) -> str:
    """Return what is wrong with a member, or nothing."""
    if one.type not in _PLAIN:
        return "is no plain file"
    if one.pax_headers:
        return "has headers that no backup of ours has"  # another path, or a sparse file of any size
    parts = one.name.split("/")
    if parts[0] != CONTEXT or len(parts) < 2 or len(parts) > _PARTS or one.size < 0:
        return "does not belong into .context/"
    if any(_is_bad(part) for part in parts):
        return "has a name that leads elsewhere"
    if not owns("/".join(parts[1:])):
        return "belongs to somebody else"
    own = one.name.casefold()
    if names & {own, f"{own}/"} or any(above in names for above in _above(one.name)):
        return "is there twice"
    return ""


def _above(name: str) -> list[str]:
    """Return the folders of a name, so that a file and a folder of one name are told apart from two folders."""
    parts = name.casefold().split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


def _is_bad(part: str) -> bool:
    is_elsewhere = part in ("", ".", "..") or part.lower() == ".git"
    return is_elsewhere or "\0" in part or "\\" in part or len(os.fsencode(part)) > _NAME


def _check_whole(path: Path, plain: BinaryIO, members: Iterable[_Member]) -> None:
    # tarfile takes a cut archive for a short one: its end must be the two empty blocks that tar writes.
    size = plain.seek(0, os.SEEK_END)
    end = max((one.offset + -(-one.size // 512) * 512 for one in members), default=0)
    plain.seek(end)
    if size - end < 1024 or plain.read(size - end).strip(b"\0"):
        raise BadBackup(f"backup {path} is cut, or holds something after its end", _HINT)


def _make_empty(into: Path) -> None:
    with said_in_one_line(into):
        into.mkdir(mode=0o700, exist_ok=True)
        if into.is_symlink() or any(into.iterdir()):
            raise BadBackup(f"{into} is not an empty folder")


def _write_inside(into: Path, member: _Member, content: bytes) -> None:
    *folders, name = member.name.split("/")
    here = os.open(into, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for folder in folders:
            here = _below(here, folder)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, flags, 0o755 if member.is_executable else 0o644, dir_fd=here)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(content)
    finally:
        os.close(here)


def _below(here: int, folder: str) -> int:
    if folder not in os.listdir(here):
        os.mkdir(folder, 0o700, dir_fd=here)
    below = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
    os.close(here)
    return below
