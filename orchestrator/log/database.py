"""The SQLite copy of the log, for people's own queries. Never read as truth: broken or gone, it is made again.

Imported late: sqlite3 takes 11 ms, and a hook's foreground has no use for it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path

import msgspec

from orchestrator.adapters.durable import TEMPORARY
from orchestrator.core.values import Value
from orchestrator.log.journal import Journal, StaleHead, Walk
from orchestrator.log.records import START, Head, Record

EVENTS = (
    "CREATE TABLE events(id INTEGER PRIMARY KEY, feature TEXT, event_type TEXT, "
    "workflow TEXT, phase TEXT, payload JSON, timestamp TEXT)"
)
_HEAD = "CREATE TABLE log_head(id INTEGER, hash TEXT, offset INTEGER, timestamp TEXT)"
_COLUMNS = "id, feature, event_type, workflow, phase, payload, timestamp"
_PATIENCE = 0.2  # seconds for whoever has it open; then it is caught up next time
# What is in the way and may be gone next time; anything else that SQLite says means that the file is no copy.
_IN_THE_WAY = frozenset({
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH,
})  # fmt: skip

Row = tuple[int, str | None, str, str | None, str | None, str, str]


class Difference(Value):
    """A row that is not what the log says; `id` 0 is the whole copy."""

    id: int
    what: str


class Database:
    """The copy at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def catch_up(self, journal: Journal) -> bool:
        """Bring the copy to the log's end; made anew where it does not fit the log.

        Returns whether it is there now: False where somebody has it locked, or it cannot be written.
        """
        try:
            with _opened(self._path) as connection:
                _write(connection, journal)
        except sqlite3.Error as error:
            return not _is_in_the_way(error) and self._replace(journal)
        return True

    def head(self) -> Head | None:
        """Return how far the copy goes; None when there is no usable one. Writes nothing."""
        try:
            with _opened_to_read(self._path) as connection:
                return _head(connection)
        except sqlite3.Error:
            return None

    def compare(self, journal: Journal) -> list[Difference]:
        """Return every row that differs from the log up to where the copy goes; writes nothing."""
        try:
            with _opened_to_read(self._path) as connection, journal.walk() as walk:
                head = _head(connection)
                if head is None:
                    return [Difference(0, "it is no copy of the log")]
                rows = connection.execute(f"SELECT {_COLUMNS} FROM events ORDER BY id")
                return [*_differing_rows(rows, takewhile(lambda record: record.id <= head.id, walk))]
        except sqlite3.Error as error:
            return [Difference(0, f"it cannot be read: {error}")]

    def _replace(self, journal: Journal) -> bool:
        """Put a new copy in the place of what SQLite cannot read."""
        new = self._path.with_name(f"{TEMPORARY}{os.urandom(8).hex()}")
        try:
            with _opened(new) as connection:
                connection.execute("PRAGMA journal_mode=OFF")
                _write(connection, journal)
            for leftover in ("-journal", "-wal", "-shm"):  # SQLite would play them into the new one
                self._path.with_name(self._path.name + leftover).unlink(missing_ok=True)
            new.replace(self._path)
        except (sqlite3.Error, OSError):
            new.unlink(missing_ok=True)
            return False
        return True


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    _refuse_what_is_no_file(path)
    with contextlib.closing(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")  # a copy that a power cut breaks is made again
        yield connection


@contextlib.contextmanager
def _opened_to_read(path: Path) -> Iterator[sqlite3.Connection]:
    _refuse_what_is_no_file(path)
    place = f"{path.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(place, timeout=_PATIENCE, isolation_level=None, uri=True)) as connection:
        yield connection


def _refuse_what_is_no_file(path: Path) -> None:
    if os.path.lexists(path) and not path.is_file():  # SQLite would wait for a fifo, and hear no signal
        raise sqlite3.DatabaseError("it is no plain file")


def _is_in_the_way(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _IN_THE_WAY


def _write(connection: sqlite3.Connection, journal: Journal) -> None:
    """Bring the tables to the log's end in one transaction; an error before its end leaves them as they were."""
    connection.execute("BEGIN IMMEDIATE")
    head = _head(connection)
    try:
        with journal.walk(head or START) as walk:
            if head is None:
                _make_tables(connection)
            _append(connection, walk, head)
    except StaleHead:
        with journal.walk() as walk:
            _make_tables(connection)
            _append(connection, walk, None)
    connection.execute("COMMIT")


def _make_tables(connection: sqlite3.Connection) -> None:
    for statement in ("DROP TABLE IF EXISTS events", "DROP TABLE IF EXISTS log_head", EVENTS, _HEAD):
        connection.execute(statement)


def _append(connection: sqlite3.Connection, walk: Walk, head: Head | None) -> None:
    connection.executemany(f"INSERT INTO events({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", map(_row, walk))
    if walk.head != head:
        connection.execute("DELETE FROM log_head")
        connection.execute("INSERT INTO log_head VALUES (?, ?, ?, ?)", msgspec.structs.astuple(walk.head))


def _head(connection: sqlite3.Connection) -> Head | None:
    """Return the copy's head if its tables are ours and its last row is the head's."""
    named = "SELECT sql FROM sqlite_master WHERE name IN ('events', 'log_head') ORDER BY name"
    if connection.execute(named).fetchall() != [(EVENTS,), (_HEAD,)]:
        return None
    row = connection.execute("SELECT id, hash, offset, timestamp FROM log_head").fetchone() or ()
    last = connection.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()[0]
    try:
        head = msgspec.convert(dict(zip(Head.__struct_fields__, row, strict=False)), Head)
    except msgspec.ValidationError:
        return None
    return head if head.id == last else None


def _row(record: Record) -> Row:
    actor = b'{"actor":' + msgspec.json.encode(record.actor)
    rest = bytes(record.payload)[1:].lstrip()
    payload = actor + (rest if rest == b"}" else b"," + rest)
    return (
        record.id,
        record.feature,
        record.event_type,
        record.workflow,
        record.phase,
        payload.decode(errors="replace"),
        record.timestamp,
    )


def _differing_rows(rows: Iterable[Row], records: Iterable[Record]) -> Iterator[Difference]:
    left = iter(rows)
    row = next(left, None)
    for record in records:
        while row and row[0] < record.id:
            yield Difference(row[0], "it is not in the log")
            row = next(left, None)
        if row is None or row[0] > record.id:
            yield Difference(record.id, "it is missing")
            continue
        if row != _row(record):
            yield Difference(record.id, "it is not what the log says")
        row = next(left, None)
    while row:
        yield Difference(row[0], "it is not in the log")
        row = next(left, None)
