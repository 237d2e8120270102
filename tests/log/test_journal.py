"""The log on disk: appending, reading on, what is torn at its end, what is broken before it."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from orchestrator.errors import BrokenLog, Busy, NotRecorded
from orchestrator.log.journal import Journal, Problem, StaleHead, Torn
from orchestrator.log.records import GENESIS, START, Draft, Head, Record, line, place

Append = Callable[..., list[Record]]
Drafts = Callable[[int], Draft]


def beside(path: Path) -> set[str]:
    return {found.name for found in path.parent.iterdir()} - {path.name, f"{path.name}.lock"}


def test_a_log_that_is_not_there_is_empty(journal: Journal, path: Path) -> None:
    assert (journal.read(), journal.verify(), path.exists()) == (([], START, None), [], False)


def test_what_was_appended_is_read_back(journal: Journal, append: Append, path: Path) -> None:
    records = [*append(1), *append(2, 3)]
    head = Head(3, records[-1].hash, path.stat().st_size, "2025-06-01T10:00:03.000+02:00")
    assert journal.read() == (records, head, None)
    assert [(record.id, record.prev) for record in records] == [
        (1, GENESIS),
        (2, records[0].hash),
        (3, records[1].hash),
    ]


def test_the_log_is_its_owners_alone(append: Append, path: Path) -> None:
    append(1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_lock_stays_the_same_file(append: Append, path: Path) -> None:
    append(1)
    lock = path.with_name(f"{path.name}.lock")
    before = lock.stat()
    append(2)
    assert os.path.samestat(before, lock.stat())


def test_a_transaction_gives_what_others_recorded_since(journal: Journal, append: Append) -> None:
    append(1)
    head = journal.read()[1]
    others = append(2, 3)
    with journal.transaction(head) as transaction:
        assert (transaction.new, transaction.head) == (others, journal.read()[1])


def test_reading_goes_on_where_it_stopped(journal: Journal, append: Append) -> None:
    append(1, 2)
    head = journal.read()[1]
    others = append(3)
    assert (journal.read(head)[0], list(journal.records(head))) == (others, others)


def test_a_transaction_appends_once(journal: Journal, draft: Drafts) -> None:
    with journal.transaction() as transaction:
        transaction.append([draft(1)])
        with pytest.raises(RuntimeError, match="one transaction is one append"):
            transaction.append([draft(2)])


def test_a_transaction_that_fails_records_nothing_and_frees_the_log(journal: Journal, append: Append) -> None:
    append(1)
    with pytest.raises(KeyError), journal.transaction():
        raise KeyError
    assert [record.id for record in append(2)] == [2]


@pytest.mark.parametrize("payload", [b"", b"[1]", b'{"a":\n1}', b'{"a":1', b'{"a":"\xff"}', b'{},"id":9'])
def test_what_could_not_be_read_back_is_never_written(journal: Journal, path: Path, payload: bytes) -> None:
    with journal.transaction() as transaction, pytest.raises(ValueError):
        transaction.append([Draft(None, "note_added", None, None, "kit", payload)])
    assert path.read_bytes() == b""


def test_time_never_runs_backwards_and_keeps_the_zone_of_whoever_writes(append: Append, clock) -> None:
    append(1)
    clock.now = datetime(2025, 6, 1, 5, 0, tzinfo=timezone(timedelta(hours=-3)))  # one second before the first
    [a_second_early] = append(2)
    clock.now -= timedelta(days=3)
    [set_back] = append(3)
    assert (a_second_early.timestamp, set_back.timestamp) == (
        "2025-06-01T05:00:02.000-03:00",
        "2025-06-01T05:00:02.000-03:00",
    )


def test_an_hour_that_comes_twice_is_told_apart_by_its_offset(append: Append, clock) -> None:
    clock.now = datetime(2025, 10, 26, 2, 59, 58, tzinfo=timezone(timedelta(hours=2)))
    [summer] = append(1)
    clock.now = datetime(2025, 10, 26, 1, 59, 59, tzinfo=timezone(timedelta(hours=1)))
    [winter] = append(2)
    assert (summer.timestamp, winter.timestamp) == (
        "2025-10-26T02:59:59.000+02:00",
        "2025-10-26T02:00:00.000+01:00",
    )


def test_a_log_that_was_cut_or_replaced_makes_a_head_stale(journal: Journal, append: Append, path: Path) -> None:
    append(1)
    whole = path.read_bytes()
    append(2)
    head = journal.read()[1]
    for content in (whole, b"", whole * 9):
        path.write_bytes(content)
        with pytest.raises(StaleHead):
            journal.read(head)
        with pytest.raises(StaleHead), journal.transaction(head):
            pass
    path.unlink()
    with pytest.raises(StaleHead):
        journal.read(head)


def test_cut_at_every_byte_of_its_last_lines_it_keeps_the_whole_ones_and_sets_the_rest_aside(
    journal: Journal, append: Append, path: Path, draft: Drafts
) -> None:
    append(1, 2)
    starts = [journal.read()[1]]
    for number in (3, 4, 5):
        append(number)
        starts.append(journal.read()[1])
    content = path.read_bytes()
    for cut in range(starts[0].offset, len(content)):
        path.write_bytes(content[:cut])
        last = max((head for head in starts if head.offset <= cut), key=lambda head: head.offset)
        with journal.transaction() as transaction:
            assert transaction.head == last
            torn = transaction.repaired
            transaction.append([draft(6)])
        assert journal.verify() == []
        if cut == last.offset:
            assert torn == []
            continue
        assert [(one.offset, one.size) for one in torn] == [(last.offset, cut - last.offset)]
        aside = path.with_name(torn[0].name)
        assert aside.read_bytes() == content[last.offset : cut]
        aside.unlink()


@pytest.mark.parametrize(
    "tail",
    [b"\0" * 5000, b"\0" * 300 + b"\n", b'{"id":3', b"half\n\0\0\n\nhalf", b"\n", b"\xff\xfe"],
)
def test_a_tail_that_does_not_hold_is_set_aside_and_named(
    journal: Journal, append: Append, path: Path, tail: bytes
) -> None:
    append(1, 2)
    content = path.read_bytes()
    path.write_bytes(content + tail)
    with journal.transaction() as transaction:
        (torn,) = transaction.repaired
    assert torn == Torn(len(content), len(tail), torn.name, torn.why)
    assert path.read_bytes() == content
    assert path.with_name(torn.name).read_bytes() == tail
    assert beside(path) == {torn.name, "torn.json"}  # it was not recorded yet


def test_a_torn_tail_is_a_readers_problem_and_changed_by_no_reader(
    journal: Journal, append: Append, path: Path
) -> None:
    records = append(1, 2)
    content = path.read_bytes() + b'{"id":3'
    path.write_bytes(content)
    problem = Problem(len(content) - 7, 3, "it does not end in a newline", True)
    assert (journal.read()[0], journal.read()[2], journal.verify()) == (records, problem, [problem])
    assert (path.read_bytes(), beside(path)) == (content, set())


def test_any_flipped_byte_before_the_end_stops_writers_and_shows_readers_what_is_before(
    journal: Journal, append: Append, path: Path
) -> None:
    records = append(1, 2, 3)
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    for place_of_byte in range(0, len(content) - len(lines[2]), 7):
        broken = bytearray(content)
        broken[place_of_byte] ^= 0x11
        path.write_bytes(broken)
        number = 1 if place_of_byte < len(lines[0]) else 2
        offset = 0 if number == 1 else len(lines[0])
        shown, _, problem = journal.read()
        assert (shown, problem and (problem.line, problem.offset, problem.is_tail)) == (
            records[: number - 1],
            (number, offset, False),
        )
        said = f"does not hold at line {number}, byte {offset}: "
        with pytest.raises(BrokenLog, match=said), journal.transaction():
            pass
        assert (path.read_bytes(), beside(path)) == (bytes(broken), set())


@pytest.mark.parametrize(
    ("kept", "number"), [((1, 2), 1), ((0, 2), 2), ((0, 1, 1, 2), 3), ((0, 2, 1), 2), ((0, 1, 0), 3)]
)
def test_a_line_that_is_missing_doubled_or_moved_stops_writers(
    journal: Journal, append: Append, path: Path, kept: tuple[int, ...], number: int
) -> None:
    append(1, 2, 3)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[index] for index in kept))
    said = rf"at line {number}, byte \d+: it does not follow the line before it"
    with pytest.raises(BrokenLog, match=said), journal.transaction():
        pass
    assert journal.verify()[0].line == number


@pytest.mark.parametrize(
    "after", [Head(1, "f" * 64, 0, ""), Head(2, "", 0, "")], ids=["another hash", "another number"]
)
def test_a_line_links_by_its_number_and_by_the_hash_before_it(
    journal: Journal, append: Append, path: Path, draft: Drafts, after: Head
) -> None:
    [first] = append(1)
    forged = place(draft(2), Head(after.id, after.hash or first.hash, 0, ""), first.timestamp)
    offset = path.stat().st_size
    path.write_bytes(path.read_bytes() + line(forged))
    problem = Problem(offset, 2, "it does not follow the line before it", False)
    assert (journal.read()[0], journal.read()[2], journal.verify()) == ([first], problem, [problem])


def test_verify_names_every_piece_that_does_not_hold(journal: Journal, append: Append, path: Path) -> None:
    append(*range(1, 8))
    lines = path.read_bytes().splitlines(keepends=True)
    size = len(lines[0])
    lines[1] = b"x" * (size - 1) + b"\n"
    del lines[4]
    path.write_bytes(b"".join(lines) + b"\0\0")
    assert journal.verify() == [
        Problem(size, 2, "it is not JSON: JSON is malformed: invalid character (byte 0)", False),
        Problem(4 * size, 5, "it does not follow the line before it", False),
        Problem(6 * size, 7, "it does not end in a newline", True),
    ]


def test_who_waits_too_long_is_told_who_writes(journal: Journal, path: Path, clock) -> None:
    other = Journal(path, clock, "orchestrator run", patience=5)
    said = rf"being written by `orchestrator run` \(pid {os.getpid()}\) since 10:00"
    with other.transaction(), pytest.raises(Busy, match=said), journal.transaction():
        pass
    with journal.transaction():
        pass


def test_readers_need_no_lock(journal: Journal, append: Append) -> None:
    records = append(1)
    with journal.transaction():
        assert journal.read()[0] == records


def test_threads_of_one_process_keep_the_chain_whole(path: Path, clock, draft: Drafts) -> None:
    journal = Journal(path, clock)

    def work() -> None:
        for number in range(25):
            with journal.transaction() as transaction:
                transaction.append([draft(number)])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    records, _, problem = journal.read()
    assert (len(records), problem) == (100, None)


def test_a_log_without_a_time_is_refused_and_not_written_on(journal: Journal, path: Path, draft: Drafts) -> None:
    path.parent.mkdir()
    path.write_bytes(line(place(draft(1), START, "yesterday")))
    with journal.transaction() as transaction, pytest.raises(BrokenLog, match="has no time at line 1"):
        transaction.append([draft(2)])


def test_a_log_that_cannot_be_opened_says_so_in_one_line(journal: Journal, path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(NotRecorded, match=r"not recorded: .*: Is a directory"), journal.transaction():
        pass
