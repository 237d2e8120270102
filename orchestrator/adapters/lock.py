"""The lock of whoever performs: who holds it, since when, and whether he is still alive.

Never deletes a lock file (a second one could be taken beside it) and never asks a process id who is alive.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from orchestrator.adapters.durable import content_of, opened_plain, said_in_one_line, write_atomically
from orchestrator.core.values import Value
from orchestrator.errors import Busy

Clock = Callable[[], datetime]  # the present, with its offset
_LEAST_WAIT = 0.2  # seconds: `holder` takes a lock for an instant to ask, and that is nobody at work
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.0002, 0.005  # seconds between two tries; an append takes about 0.0005
_HELD = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES})


class Holder(Value):
    """Who holds a lock: its process, the command as typed, and since when."""

    pid: int
    command: str
    since: datetime | None

    def described(self, now: datetime) -> str:
        """Return the holder in words; the day is named when it is not today's."""
        if self.since is None:
            return self.command
        form = "%H:%M" if self.since.date() == now.date() else "%Y-%m-%d %H:%M"
        return f"`{self.command}` (pid {self.pid}) since {self.since.strftime(form)}"


UNNAMED = Holder(0, "another command", None)  # it died, or is only beginning to write who it is


def encoded(command: str, now: datetime) -> bytes:
    """Return this process as a holder, as it is written beside or into a lock."""
    typed = command.encode(errors="replace").decode()  # an argument may hold bytes that are no text
    return msgspec.json.encode(Holder(os.getpid(), typed, now)) + b"\n"


def decoded(content: bytes) -> Holder:
    """Return whom `content` names: UNNAMED where it is half-written or not there."""
    try:
        return msgspec.json.decode(content, type=Holder)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return UNNAMED


def try_lock(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Take the flock of an open file if nobody else has it; raises OSError where there are no locks."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            return False
        raise
    return True


@contextlib.contextmanager
def queued(path: Path, what: str, command: str, clock: Clock, patience: float) -> Iterator[None]:
    """Hold the flock of the file at `path`; wait up to `patience` seconds for whoever has it.

    Raises Busy, which begins with `what` ("checkpoints are being made") and names the holder, and NotRecorded.
    """
    with said_in_one_line(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = opened_plain(path, os.O_RDWR | os.O_CREAT)
    try:
        wait(descriptor, what, clock, patience)
        with contextlib.suppress(OSError):  # a full disk: only the name for who waits is missing
            os.ftruncate(descriptor, os.pwrite(descriptor, encoded(command, clock()), 0))
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # closing is not enough while a child is between fork and exec
        os.close(descriptor)


def wait(descriptor: int, what: str, clock: Clock, patience: float, kind: int = fcntl.LOCK_EX) -> None:
    """Take the flock of an open file in whose text its holders name themselves; raises Busy as `queued`."""
    deadline, pause = time.monotonic() + patience, _SHORTEST_PAUSE
    while not try_lock(descriptor, kind):
        if time.monotonic() >= deadline:
            who = decoded(os.pread(descriptor, 4096, 0)).described(clock())
            raise Busy(f"{what} by {who}", "see whether that process is stopped or hangs")
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


class RunLock:
    """The lock at `path` of one thing that is worked on, `what`: a feature, the main worktree.

    Between threads it works as between processes, and it cannot be taken twice.
    """

    def __init__(self, path: Path, what: str, command: str, clock: Clock) -> None:
        self._path = path
        self._what = what
        self._command = command
        self._clock = clock

    @contextlib.contextmanager
    def acquire(self, timeout: float = 0.0) -> Iterator[None]:
        """Hold the lock; wait up to `timeout` seconds for it. Raises Busy and NotRecorded."""
        from filelock import FileLock, Timeout  # here: 64 ms, and only who performs needs it

        # One object a hold: filelock counts what one object takes twice, and would let the second in.
        lock = FileLock(self._path, timeout=max(timeout, _LEAST_WAIT), thread_local=False)
        with said_in_one_line(self._path):
            try:
                lock.acquire(poll_interval=0.02)
            except Timeout as error:
                raise self._busy() from error
        try:
            with self._named():
                yield
        finally:
            lock.release()

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        write_atomically(_holder_file(self._path), encoded(self._command, self._clock()), 0o600)
        try:
            yield
        finally:  # while the lock is still held: afterwards the file is the next holder's
            with said_in_one_line(self._path):
                _holder_file(self._path).unlink(missing_ok=True)

    def _busy(self) -> Busy:
        who = _named_beside(self._path).described(self._clock())
        return Busy(f"{self._what} is worked on by {who}", "wait until it is done, then call the same command again")


def holder(path: Path) -> Holder | None:
    """Return who holds the lock at `path` now; None when it is free, also if its last holder died with it.

    Writes nothing. Holds the lock shared for an instant, so that two who ask do not see each other.
    """
    try:
        descriptor = opened_plain(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        if try_lock(descriptor, fcntl.LOCK_SH):
            return None
    finally:
        os.close(descriptor)
    return _named_beside(path)


def _holder_file(path: Path) -> Path:
    """Return where the holder of `path` is named: filelock empties, in some versions, the file it locks."""
    return path.with_name(f"{path.name}.holder")


def _named_beside(path: Path) -> Holder:
    try:
        return decoded(content_of(_holder_file(path)))
    except OSError:
        return UNNAMED
