"""The SQLite copy: equal to the log after each catching up, whatever became of it meanwhile."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from orchestrator.log.database import Database, Difference
from orchestrator.log.journal import Journal
from orchestrator.log.records import START, Record

Append = Callable[..., list[Record]]
COLUMNS = [
    ("id", "INTEGER", 1), ("feature", "TEXT", 0), ("event_type", "TEXT", 0), ("workflow", "TEXT", 0),
    ("phase", "TEXT", 0), ("payload", "JSON", 0), ("timestamp", "TEXT", 0),
]  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "an odd ?place#" / "orchestrator-events.db"


@pytest.fixture
def database(place: Path) -> Database:
    place.parent.mkdir()
    return Database(place)


@contextlib.contextmanager
def opened(place: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(place, isolation_level=None)) as connection:
        yield connection


def rows(place: Path) -> list[tuple[object, ...]]:
    with opened(place) as connection:
        return connection.execute("SELECT * FROM events ORDER BY id").fetchall()


def is_the_log(database: Database, journal: Journal) -> bool:
    return (database.head(), database.compare(journal)) == (journal.read()[1], [])


def test_the_table_has_exactly_the_promised_columns(database: Database, journal: Journal, place: Path) -> None:
    database.catch_up(journal)
    with opened(place) as connection:
        described = connection.execute("PRAGMA table_info(events)").fetchall()
    assert [(name, kind, is_key) for _, name, kind, _, _, is_key in described] == COLUMNS


def test_a_row_is_the_event_with_its_actor_in_the_payload(
    database: Database, journal: Journal, append: Append, place: Path
) -> None:
    append(7)
    assert database.catch_up(journal)
    said = "2025-06-01T10:00:02.000+02:00"
    payload = '{"actor":"person:a@b.c","number":7}'
    assert rows(place) == [(1, "feat-payment", "note_added", "4.5a", "2", payload, said)]


def test_an_empty_payload_holds_the_actor_alone(database: Database, journal: Journal, place: Path, draft) -> None:
    with journal.transaction() as transaction:
        transaction.append([msgspec.structs.replace(draft(1), payload=b"{}", feature=None, actor='hook:"é"')])
    database.catch_up(journal)
    assert (rows(place)[0][1], rows(place)[0][5]) == (None, '{"actor":"hook:\\"é\\""}')


def test_it_is_caught_up_from_where_it_was(database: Database, journal: Journal, append: Append, place: Path) -> None:
    append(1, 2)
    database.catch_up(journal)
    with opened(place) as connection:
        connection.execute("UPDATE events SET phase = 'mine' WHERE id = 1")
    append(3)
    assert database.catch_up(journal)
    assert [row[4] for row in rows(place)] == ["mine", "2", "2"]


def test_it_is_made_anew_when_it_is_gone(database: Database, journal: Journal, append: Append, place: Path) -> None:
    append(1, 2)
    database.catch_up(journal)
    place.unlink()
    assert database.head() is None
    assert database.compare(journal)
    assert not place.exists()
    assert database.catch_up(journal)
    assert is_the_log(database, journal)


@pytest.mark.parametrize("content", [b"", b"garbage" * 999, b"SQLite format 3\0" + b"\xff" * 5000])
def test_it_is_made_anew_when_it_is_no_database(
    database: Database, journal: Journal, append: Append, place: Path, content: bytes
) -> None:
    append(1, 2)
    place.write_bytes(content)
    place.with_name(f"{place.name}-journal").write_bytes(b"left over")
    assert database.compare(journal)[0].id == 0
    assert database.catch_up(journal)
    assert is_the_log(database, journal)
    assert [found.name for found in place.parent.iterdir()] == [place.name]


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE events",
        "DROP TABLE log_head",
        "DELETE FROM log_head",
        "DELETE FROM events WHERE id = 2",
        "DELETE FROM events",
        "UPDATE log_head SET id = 1",
        "UPDATE log_head SET hash = 'x'",
        "UPDATE log_head SET offset = 'x'",
        "UPDATE log_head SET offset = 1000000",
        "ALTER TABLE events ADD COLUMN more",
        "DROP TABLE events; CREATE VIEW events AS SELECT 1",
    ],
)
def test_it_is_made_anew_when_it_does_not_fit_the_log(
    database: Database, journal: Journal, append: Append, place: Path, statement: str
) -> None:
    append(1, 2)
    database.catch_up(journal)
    with opened(place) as connection:
        connection.executescript(statement)
    append(3)
    assert database.catch_up(journal)
    assert is_the_log(database, journal)


def test_it_follows_a_log_that_was_cut_and_went_on_otherwise(
    database: Database, journal: Journal, append: Append, path: Path
) -> None:
    append(1)
    kept = path.read_bytes()
    append(2)
    database.catch_up(journal)
    path.write_bytes(kept)
    append(3)
    assert database.catch_up(journal)
    assert is_the_log(database, journal)


def test_it_ends_where_the_log_no_longer_holds(
    database: Database, journal: Journal, append: Append, path: Path
) -> None:
    append(1)
    path.write_bytes(path.read_bytes() + b"torn")
    assert database.catch_up(journal)
    assert is_the_log(database, journal)


def test_locked_it_is_passed_over_and_caught_up_next_time(
    database: Database, journal: Journal, append: Append, place: Path
) -> None:
    append(1)
    database.catch_up(journal)
    before = rows(place)
    append(2)
    with opened(place) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert not database.catch_up(journal)
    assert rows(place) == before
    assert database.catch_up(journal)
    assert is_the_log(database, journal)


def test_nobody_looks_how_far_it_goes_while_another_writes_it(
    database: Database, journal: Journal, append: Append, place: Path
) -> None:
    append(1)
    database.catch_up(journal)
    with opened(place) as other:
        other.execute("BEGIN IMMEDIATE")
        assert not database.catch_up(journal)


def test_where_it_cannot_be_written_nothing_is_raised(
    database: Database, journal: Journal, append: Append, place: Path, tmp_path: Path
) -> None:
    append(1)
    assert not Database(tmp_path / "nowhere" / "events.db").catch_up(journal)
    place.mkdir()
    assert not database.catch_up(journal)
    assert (place.is_dir(), list(place.iterdir())) == (True, [])


def test_comparing_names_every_row_that_is_not_the_logs(
    database: Database, journal: Journal, append: Append, place: Path
) -> None:
    append(1, 2, 3, 4)
    database.catch_up(journal)
    with opened(place) as connection:
        connection.executescript(
            "INSERT INTO events(id) VALUES (-5); DELETE FROM events WHERE id = 2; "
            "UPDATE events SET payload = '{}' WHERE id = 3"
        )
    append(5)
    assert database.compare(journal) == [
        Difference(-5, "it is not in the log"),
        Difference(2, "it is missing"),
        Difference(3, "it is not what the log says"),
    ]


def test_two_processes_that_catch_up_at_once_write_each_row_once(
    database: Database, journal: Journal, append: Append, place: Path, path: Path
) -> None:
    append(*range(200))
    program = (
        "import sys; from pathlib import Path; from datetime import datetime, timezone\n"
        "from orchestrator.log.database import Database; from orchestrator.log.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]), lambda: datetime.now(timezone.utc))\n"
        "sys.exit(not all([Database(Path(sys.argv[2])).catch_up(journal) for _ in range(20)]))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program, str(path), str(place)]
    processes = [subprocess.Popen(command, env=environment) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert is_the_log(database, journal)
    assert len(rows(place)) == 200


def test_an_empty_log_is_an_empty_copy(database: Database, journal: Journal, place: Path) -> None:
    assert database.catch_up(journal)
    assert (database.head(), rows(place)) == (START, [])
