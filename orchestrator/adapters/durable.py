"""Bytes that stay: flushes to the disk, and files replaced whole or not at all. Never appends.

After a flush that failed nothing may be called written: the kernel drops the pages and reports it once.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from orchestrator.errors import NotRecorded

TEMPORARY = ".orchestrator-"  # how a half-written file's name begins; litter once its writer is gone


@contextlib.contextmanager
def said_in_one_line(path: Path) -> Iterator[None]:
    """Turn what the system refuses while `path` is written into NotRecorded."""
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else error.strerror or str(error)
        raise NotRecorded(f"not recorded: {path}: {why}", mend(error.errno)) from error


def mend(code: int | None) -> str:
    """Return what a person can do about a refusal of the system's; an empty string where none is to blame."""
    match code:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return "make room on that file system, then call the same command again"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return "make that place writable for you, then call the same command again"
        case errno.EIO:
            return "look at the health of that disk, then call the same command again"
        case errno.EISDIR | errno.ENOTDIR | errno.ELOOP | errno.EEXIST:
            return "put what lies there out of the way, then call the same command again"
        case _:
            return ""


def refuse_unwritable(folder: Path) -> None:
    """Raise NotRecorded where nothing can be written into a folder; what was written to try it is gone again."""
    import tempfile  # here: only after something else was refused

    with said_in_one_line(folder), tempfile.TemporaryFile(dir=folder) as file:
        write_all(file.fileno(), bytes(4096))


def opened_plain(path: Path, flags: int, mode: int = 0o600) -> int:
    """Return a descriptor of a plain file; raises OSError, also for what else lies there: nobody waits for a fifo."""
    descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, mode)
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(0, "it is no plain file", str(path))


def content_of(path: Path) -> bytes:
    """Return the bytes of a plain file; raises OSError, as `opened_plain` does."""
    with open(opened_plain(path, os.O_RDONLY), "rb") as file:
        return file.read()


def flush(descriptor: int) -> None:
    """Return when an open file's bytes are on the disk itself; raises OSError."""
    if sys.platform == "darwin":
        import fcntl  # here: only macOS needs it; its fsync leaves the bytes in the drive's cache

        with contextlib.suppress(OSError):  # a network file system knows no F_FULLFSYNC; fsync below decides
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def fsync_directory(path: Path) -> None:
    """Return when the names in directory `path` are on the disk; raises NotRecorded."""
    with said_in_one_line(path), _opened(path) as descriptor:
        flush(descriptor)


def sync_filesystem(path: Path) -> None:
    """Return when all that was written to the file system of `path` is on the disk; raises NotRecorded.

    git flushes nothing by default: its objects and refs must be durable before the log names them.
    """
    with said_in_one_line(path), _opened(path) as descriptor:
        if sys.platform == "linux":
            _syncfs(descriptor)
        else:
            os.sync()  # hands everything to the drive; the flush then empties the drive's cache
            flush(descriptor)


def write_durably(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace `path` by `content`; when this returns, a power cut cannot take it back. Raises NotRecorded."""
    with said_in_one_line(path):
        temporary = _written_beside(path, content, mode, is_flushed=True)
        _take_place(temporary, path)
    fsync_directory(path.parent)


def write_atomically(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Replace `path` by `content`, whole or not at all; a power cut may undo it. Raises NotRecorded.

    `mode` is reduced by the user's umask.
    """
    with said_in_one_line(path):
        temporary = _written_beside(path, content, mode, is_flushed=False)
        _take_place(temporary, path)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _syncfs(descriptor: int) -> None:
    import ctypes  # here: 10 ms, and only a writer that names git objects needs it; Python 3.11 has no syncfs

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syncfs(descriptor) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _written_beside(path: Path, content: bytes, mode: int, *, is_flushed: bool) -> Path:
    temporary = path.parent / f"{TEMPORARY}{os.urandom(8).hex()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        write_all(descriptor, content)
        if is_flushed:
            flush(descriptor)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    return temporary


def write_new(path: Path, content: bytes, mode: int = 0o666) -> bool:
    """Make `path` with `content`, whole or not at all; False where something lies there already. Raises NotRecorded."""
    with said_in_one_line(path):
        if os.path.lexists(path):
            return False
        temporary = _written_beside(path, content, mode, is_flushed=False)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            temporary.unlink()
        return True


def _take_place(temporary: Path, path: Path) -> None:
    try:
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of `content`, in as many calls as the system wants; raises OSError."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
