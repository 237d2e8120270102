"""The log on disk: the only room that opens it for writing, one lock, one write and one flush a transaction.

Never changes a line that holds, and never goes on after one in the middle that does not.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from itertools import chain
from pathlib import Path

import msgspec
from msgspec import structs

from orchestrator.adapters.durable import (
    content_of,
    flush,
    fsync_directory,
    opened_plain,
    said_in_one_line,
    write_durably,
)
from orchestrator.adapters.lock import Clock, encoded, wait
from orchestrator.core.values import Value
from orchestrator.errors import BrokenLog, NotRecorded
from orchestrator.log.records import (
    GENESIS,
    START,
    BadLine,
    Draft,
    Head,
    Record,
    decode,
    hash_before,
    line,
    place,
)

_HASH_TAIL = 67  # bytes before a head's offset that hold its hash
_UNLINKED = "it does not follow the line before it"
_ASK_VERIFY = "`orchestrator verify` names every line that does not hold; nothing was written"


class StaleHead(BrokenLog):
    """The log is not the one that a head was read from: it was cut or replaced; read it from the start."""


class Problem(Value):
    """A piece that does not hold: `line` from 1, `offset` its first byte.

    `is_tail`: nothing whole follows, as a power cut leaves it, or a write that is just going on.
    """

    offset: int
    line: int
    why: str
    is_tail: bool


class Torn(Value):
    """What a writer found torn at the end of the log and set aside, in the file `name` beside it."""

    offset: int
    size: int
    name: str
    why: str


class Walk:
    """The records of an open log that follow a head, in constant memory; to be walked once.

    `head` is that of the record given last, `problem` what ended the walk early.
    """

    def __init__(self, lines: Iterable[bytes], since: Head) -> None:
        self._lines = iter(lines)
        self._id = since.id
        self._hash = since.hash
        self._offset = since.offset
        self._timestamp = since.timestamp
        self.problem: Problem | None = None

    @property
    def head(self) -> Head:
        """Return the head at the record that was given last."""
        return Head(self._id, self._hash, self._offset, self._timestamp)

    def __iter__(self) -> Iterator[Record]:
        for piece in self._lines:
            try:
                record = decode(piece)
                self._link(record)
            except BadLine as error:
                is_tail = not any(map(_is_whole, chain((piece,), self._lines)))
                self.problem = Problem(self._offset, self._id + 1, str(error), is_tail)
                return
            self._id, self._hash, self._timestamp = record.id, record.hash, record.timestamp
            self._offset += len(piece)
            yield record

    def _link(self, record: Record) -> None:
        if record.prev != self._hash or record.id != self._id + 1:
            raise BadLine(_UNLINKED)


class Transaction:
    """The log while nobody else writes it: `new` is what was recorded since the caller's head.

    `repaired` is what was torn at the end and set aside, now or by a writer who was killed; the caller records that.
    """

    def __init__(self, log: int, path: Path, walk: Walk, clock: Clock) -> None:
        self._log = log
        self._path = path
        self._clock = clock
        self._is_spent = False
        self.new = list(walk)
        self.head = walk.head
        self.repaired = self._unrecorded()
        if walk.problem:
            self._repair(walk.problem)

    def append(self, drafts: Sequence[Draft]) -> list[Record]:
        """Record `drafts`, all or none, and return them when they are on the disk; once a transaction.

        Raises NotRecorded, after which the log is as it was.
        """
        if self._is_spent:
            raise RuntimeError("one transaction is one append")
        self._is_spent = True
        records = self._placed(drafts)
        if records:
            content = _content(records)
            with said_in_one_line(self._path):
                self._write(content)
            last = records[-1]
            self.head = Head(last.id, last.hash, self.head.offset + len(content), last.timestamp)
            if self.repaired:
                self._forget()
        return records

    def _placed(self, drafts: Sequence[Draft]) -> list[Record]:
        timestamp = self._present()
        head, records = self.head, []
        for draft in drafts:
            record = place(draft, head, timestamp)
            head = Head(record.id, record.hash, head.offset, timestamp)
            records.append(record)
        return records

    def _present(self) -> str:
        """Return the time, but never one before the last record's: a clock may have been set back."""
        now = self._clock()
        try:
            last = datetime.fromisoformat(self.head.timestamp).astimezone(now.tzinfo) if self.head.id else now
        except ValueError as error:
            raise BrokenLog(f"the log {self._path} has no time at line {self.head.id}", _ASK_VERIFY) from error
        return max(now, last).isoformat(timespec="milliseconds")

    def _write(self, content: bytes) -> None:
        try:
            taken = os.write(self._log, content)
            if taken != len(content):
                raise NotRecorded(
                    f"not recorded: {self._path}: only {taken} of {len(content)} bytes were taken",
                    "make room on that file system, then call the same command again",
                )
            flush(self._log)
            if self.head.offset == 0:  # the names on the way to it are new, too
                fsync_directory(self._path.parent)
                fsync_directory(self._path.parent.parent)
        except BaseException:  # an interrupt too: what was not acknowledged is not to be found later
            self._cut()
            raise

    def _cut(self) -> None:
        """Cut the log back to its head. A failed flush is never tried again: it would call the loss good."""
        try:
            os.ftruncate(self._log, self.head.offset)
        except OSError as error:
            what = f"not recorded, and {self._path} could not be cut back to byte {self.head.offset}"
            raise NotRecorded(f"{what}: {error.strerror}", "`orchestrator verify` says how it ends now") from error

    def _repair(self, problem: Problem) -> None:
        if not problem.is_tail:
            where = f"at line {problem.line}, byte {problem.offset}"
            raise BrokenLog(f"the log {self._path} does not hold {where}: {problem.why}", _ASK_VERIFY)
        piece = b"".join(_pieces(self._log, problem.offset))
        name = f"{self._path.stem}.torn-{problem.offset}-{sha256(piece).hexdigest()[:8]}"
        write_durably(self._path.with_name(name), piece)
        torn = Torn(problem.offset, len(piece), name, problem.why)
        self.repaired = [*(one for one in self.repaired if one != torn), torn]
        write_durably(_unnamed(self._path), msgspec.json.encode(self.repaired))  # after the cut only this tells of it
        with said_in_one_line(self._path):
            self._cut()
            flush(self._log)

    def _unrecorded(self) -> list[Torn]:
        """Return what a killed writer set aside and did not live to record; what is recorded is forgotten."""
        path = _unnamed(self._path)
        if not path.exists():
            return []
        with said_in_one_line(path):
            content = content_of(path)
            try:
                found = msgspec.json.decode(content, type=list[Torn])
            except (ValueError, RecursionError, msgspec.MsgspecError):  # somebody else's
                path.rename(path.with_name(f"{path.name}.aside-{sha256(content).hexdigest()[:8]}"))
                return []
        repairs = (
            one for one in _walk(self._log, START) if one.event_type == "log_repaired" and one.id <= self.head.id
        )
        named = {msgspec.json.decode(one.payload).get("aside") for one in repairs}
        left = [one for one in found if one.name not in named]
        if not left:
            self._forget()
        return left

    def _forget(self) -> None:
        with contextlib.suppress(OSError):  # the next writer sees that all of it is recorded
            _unnamed(self._path).unlink(missing_ok=True)


class Journal:
    """The log at `path`. `command`: who writes, for others to see; `patience`: seconds to wait for them."""

    def __init__(self, path: Path, clock: Clock, command: str = "orchestrator", patience: float = 30.0) -> None:
        self._path = path
        self._lock = path.with_name(f"{path.name}.lock")  # beside it, never deleted: two could hold two
        self._clock = clock
        self._name = encoded(command, clock())
        self._patience = patience

    @property
    def has_unrecorded(self) -> bool:
        """Whether a writer who was killed set something aside that is not recorded yet."""
        return _unnamed(self._path).exists()

    @contextlib.contextmanager
    def transaction(self, since: Head = START) -> Iterator[Transaction]:
        """Hold the log for one append; what is torn at its end is set aside first.

        Raises Busy, StaleHead, BrokenLog where it does not hold before its end, and NotRecorded.
        """
        with self._locked(), _opened(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT) as log:
            yield Transaction(log, self._path, _walk(log, since), self._clock)

    def records(self, since: Head = START) -> Iterator[Record]:
        """Give the records after `since`, in constant memory, up to the first piece that does not hold."""
        with self.walk(since) as walk:
            yield from walk

    def naming(self, words: Collection[str]) -> list[Record]:
        """Return the records in whose line any of `words` stands, in order; a line that does not hold is left out."""
        wanted = [word.encode() for word in words]
        with _opened_to_read(self._path) as log:
            lines = [piece for piece in _pieces(log, 0) if any(word in piece for word in wanted)]
        return [decode(piece) for piece in lines if _is_whole(piece)]

    def read(self, since: Head = START) -> tuple[list[Record], Head, Problem | None]:
        """Return the records after `since`, the head of the last one, and what ended the reading early.

        Takes no lock and writes nothing. Raises StaleHead. A problem at the tail may be a write going on.
        """
        with self.walk(since) as walk:
            return list(walk), walk.head, walk.problem

    @contextlib.contextmanager
    def walk(self, since: Head = START) -> Iterator[Walk]:
        """Open the log for reading: as `read`, but one record at a time. A log that is not there is empty."""
        with _opened_to_read(self._path) as log:
            yield _walk(log, since)

    def verify(self) -> list[Problem]:
        """Return every piece of the log that does not hold; waits for a write that is going on."""
        with self._undisturbed(), _opened_to_read(self._path) as log:
            return _problems(_pieces(log, 0))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with said_in_one_line(self._lock):
            descriptor = _opened_lock(self._lock)
        try:
            self._wait(descriptor, fcntl.LOCK_EX)
            self._sign(descriptor)
            yield
        finally:
            _unlock(descriptor)

    @contextlib.contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """Hold the lock shared, which needs no right to write; without a lock file nobody writes."""
        try:
            descriptor = opened_plain(self._lock, os.O_RDONLY)
        except OSError:
            yield
            return
        try:
            self._wait(descriptor, fcntl.LOCK_SH)
            yield
        finally:
            _unlock(descriptor)

    def _wait(self, descriptor: int, kind: int) -> None:
        wait(descriptor, "the log is being written", self._clock, self._patience, kind)

    def _sign(self, descriptor: int) -> None:
        """Say in the lock who has it, unless it says so: a changed file would slow the flush of the log."""
        if os.pread(descriptor, 4096, 0) == self._name:
            return
        with contextlib.suppress(OSError):  # a full disk: only the name for who waits is missing
            os.ftruncate(descriptor, os.pwrite(descriptor, self._name, 0))


def _unnamed(log: Path) -> Path:
    """Return the file beside the log that says what was set aside and is not recorded yet."""
    return log.with_name("torn.json")


def _content(records: Sequence[Record]) -> bytes:
    """Return the lines of `records`; raises ValueError for one that could not be read back."""
    lines = [line(record) for record in records]
    content = b"".join(lines)
    content.decode()
    if content.count(b"\n") != len(lines) or [decode(piece) for piece in lines] != list(records):
        raise ValueError("a record that could not be read back is not written")
    return content


def _is_whole(piece: bytes) -> bool:
    """Tell whether a line holds by itself, wherever it stands: no torn write leaves such a one."""
    try:
        decode(piece)
    except BadLine:
        return False
    return True


def _walk(log: int, since: Head) -> Walk:
    if since.offset:
        tail = os.pread(log, _HASH_TAIL, max(0, since.offset - _HASH_TAIL))
        if len(tail) < _HASH_TAIL or not tail.endswith(b"\n") or hash_before(tail) != since.hash:
            raise StaleHead("the log is not the one that was read before: it was cut or replaced", _ASK_VERIFY)
    return Walk(_pieces(log, since.offset), since)


def _pieces(log: int, offset: int) -> Iterator[bytes]:
    """Give the lines of an open file from `offset` on, each with its newline if it has one."""
    if os.fstat(log).st_size <= offset:
        return
    with os.fdopen(log, "rb", closefd=False) as file:
        file.seek(offset)
        yield from file


def _problems(log: Iterable[bytes]) -> list[Problem]:
    """Return what does not hold; after a piece that does not, the next whole line is taken as it is."""
    found: list[Problem] = []
    expected: tuple[int, str] | None = (1, GENESIS)
    offset = last_whole = 0
    for number, piece in enumerate(log, 1):
        try:
            record = decode(piece)
        except BadLine as error:
            found.append(Problem(offset, number, str(error), False))
            expected = None
        else:
            if expected and (record.id, record.prev) != expected:
                found.append(Problem(offset, number, _UNLINKED, False))
            expected, last_whole = (record.id + 1, record.hash), number
        offset += len(piece)
    return [structs.replace(problem, is_tail=problem.line > last_whole) for problem in found]


@contextlib.contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    with said_in_one_line(path):
        descriptor = opened_plain(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _opened_to_read(path: Path) -> Iterator[int]:
    try:
        descriptor = opened_plain(path, os.O_RDONLY)
    except FileNotFoundError:
        descriptor = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise BrokenLog(f"the log {path} cannot be read: {error.strerror or error}", _ASK_VERIFY) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _opened_lock(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT
    try:
        return opened_plain(path, flags)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return opened_plain(path, flags)


def _unlock(descriptor: int) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_UN)  # closing is not enough while a child is between fork and exec
    os.close(descriptor)
