"""The log under real faults: many processes, kill -9, full disks, failed writes and flushes."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.log.journal import Journal
from orchestrator.log.records import Draft, Record

Started = Callable[..., "subprocess.Popen[str]"]
Append = Callable[..., list[Record]]


def acknowledged(output: str) -> set[tuple[int, str]]:
    """Return what an appender printed; a line that a kill cut off was not said."""
    lines = [line.split() for line in output.splitlines(keepends=True) if line.endswith("\n")]
    return {(int(number), digest) for number, digest in lines}


def in_the_log(records: list[Record]) -> set[tuple[int, str]]:
    return {(record.id, record.hash) for record in records}


def test_eight_processes_write_one_whole_chain(journal: Journal, path: Path, started: Started) -> None:
    processes = [started(path, f"p{number}", 50) for number in range(8)]
    outputs = [process.communicate() for process in processes]
    records, _, problem = journal.read()
    assert ([process.returncode for process in processes], problem) == ([0] * 8, None)
    assert set().union(*(acknowledged(output) for output, _ in outputs)) == in_the_log(records)
    assert [record.id for record in records] == list(range(1, 401))


def test_nothing_acknowledged_is_lost_by_kill_9(journal: Journal, path: Path, started: Started) -> None:
    chosen = random.Random(20250601)
    said: set[tuple[int, str]] = set()
    for turn in range(8):
        pair = [started(path, f"t{turn}-{number}", 10_000) for number in range(2)]
        heard = [pair[0].stdout.readline() for _ in range(chosen.randrange(1, 60))]
        for process in pair:
            process.kill()
        rest = "".join(process.stdout.read() for process in pair)  # communicate() would drop what is buffered
        said |= acknowledged("".join(heard) + rest)
    with journal.transaction() as transaction:
        kept = in_the_log(transaction.new)
    assert (said - kept, journal.verify()) == (set(), [])
    assert len(kept - said) <= 16  # of each process killed, at most the one that it was about to acknowledge


def test_a_write_that_the_system_cuts_short_is_taken_back(journal: Journal, path: Path, started: Started) -> None:
    limited = ("prlimit", "--fsize=2000")
    if not shutil.which("prlimit"):
        pytest.skip("needs prlimit")
    process = started(path, "limited", 100, limited)
    output, error = process.communicate()
    said = acknowledged(output)
    records, head, problem = journal.read()
    assert (in_the_log(records), problem, head.offset) == (said, None, path.stat().st_size)
    assert process.returncode == 1
    assert error.startswith(f"NotRecorded: not recorded: {path}: only ")
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("call", "code", "why"),
    [
        ("fsync", "EIO", "Input/output error"),
        ("write", "ENOSPC", "No space left on device"),
        ("write", "EROFS", "Read-only file system"),
    ],
)
def test_a_write_or_flush_that_fails_is_not_recorded_and_the_log_is_as_it_was(
    journal: Journal, append: Append, path: Path, started: Started, call: str, code: str, why: str
) -> None:
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    records = append(1, 2)
    content = path.read_bytes()
    wrapper = ("strace", "-f", "-qq", "-o", os.devnull, "-P", str(path), "-e", f"trace={call}",
               "-e", f"inject={call}:error={code}")  # fmt: skip
    process = started(path, "faulty", 1, wrapper)
    output, error = process.communicate()
    if "ptrace" in error:
        pytest.skip("strace may not trace here")
    assert (output, error) == ("", f"NotRecorded: not recorded: {path}: {why}\n")
    assert path.read_bytes() == content
    assert journal.read()[0] == records
    assert [record.id for record in append(3)] == [3]


def test_killed_between_write_and_flush_the_log_is_whole(
    journal: Journal, append: Append, path: Path, started: Started
) -> None:
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    append(1)
    wrapper = ("strace", "-f", "-qq", "-o", os.devnull, "-P", str(path), "-e", "trace=fsync",
               "-e", "inject=fsync:signal=KILL")  # fmt: skip
    process = started(path, "killed", 1, wrapper)
    output, error = process.communicate()
    if "ptrace" in error:
        pytest.skip("strace may not trace here")
    assert (output, journal.verify()) == ("", [])
    assert [record.id for record in journal.read()[0]] == [1, 2]


TRACE = "trace=write,fsync,fdatasync,rename,ftruncate"


def calls(tmp_path: Path, path: Path, started: Started, count: int) -> list[str]:
    """Append in a real process and return its calls on what lies beside the log, each with the file's name."""
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    trace = tmp_path / "calls"
    process = started(path, "traced", count, ("strace", "-y", "-qq", "-o", str(trace), "-e", TRACE))
    _, error = process.communicate()
    if "ptrace" in error:
        pytest.skip("strace may not trace here")
    assert error == ""
    found = re.findall(rf'^(\w+)\([^<"]*[<"]{re.escape(str(tmp_path))}/?([^>"]*)', trace.read_text(), re.MULTILINE)
    return [f"{call} {re.sub('[0-9a-f]{16}', 'N', name)}" for call, name in found if not name.endswith(".lock")]


def test_an_append_is_one_write_and_one_flush_and_the_first_makes_the_names_durable(
    tmp_path: Path, path: Path, started: Started
) -> None:
    log = "orchestrator/events.jsonl"
    one = [f"write {log}", f"fsync {log}"]
    assert calls(tmp_path, path, started, 3) == [*one, "fsync orchestrator", "fsync ", *one, *one]


def test_a_torn_tail_is_durable_beside_the_log_before_it_is_cut_off(
    tmp_path: Path, append: Append, path: Path, started: Started
) -> None:
    append(1)
    path.write_bytes(path.read_bytes() + b"torn")
    aside, log = "orchestrator/.orchestrator-N", "orchestrator/events.jsonl"
    assert calls(tmp_path, path, started, 1) == [
        *2 * [f"write {aside}", f"fsync {aside}", f"rename {aside}", "fsync orchestrator"],  # the piece; what it was
        f"ftruncate {log}", f"fsync {log}", f"write {log}", f"fsync {log}",
    ]  # fmt: skip


def killed_as_it_repairs(path: Path, started: Started, call: str) -> None:
    """Tear the log's end and kill a writer at its first `call` on the log."""
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    path.write_bytes(path.read_bytes() + b"torn")
    wrapper = ("strace", "-f", "-qq", "-o", os.devnull, "-P", str(path), "-e", f"trace={call}",
               "-e", f"inject={call}:error=EIO:signal=KILL")  # fmt: skip
    _, error = started(path, "killed", 1, wrapper).communicate()
    if "ptrace" in error:
        pytest.skip("strace may not trace here")


def test_killed_while_it_repairs_the_next_writer_repairs(
    journal: Journal, append: Append, path: Path, started: Started
) -> None:
    append(1)
    content = path.read_bytes()
    killed_as_it_repairs(path, started, "ftruncate")
    assert path.read_bytes() == content + b"torn"
    with journal.transaction() as transaction:
        (torn,) = transaction.repaired
    assert (path.read_bytes(), path.with_name(torn.name).read_bytes()) == (content, b"torn")


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_killed_before_it_records_a_repair_the_next_writer_is_told_of_it_and_the_one_after_is_not(
    journal: Journal, append: Append, path: Path, started: Started, call: str
) -> None:
    append(1)
    content = path.read_bytes()
    killed_as_it_repairs(path, started, call)
    assert path.read_bytes() == content
    with journal.transaction() as transaction:
        (torn,) = transaction.repaired
        transaction.append([Draft(None, "log_repaired", None, None, "kit", b'{"aside":"%s"}' % torn.name.encode())])
    assert path.with_name(torn.name).read_bytes() == b"torn"
    with journal.transaction() as transaction:
        assert transaction.repaired == []


def test_a_repair_whose_own_record_is_torn_is_still_to_be_recorded(
    journal: Journal, append: Append, path: Path
) -> None:
    append(1)
    whole = path.read_bytes()
    path.write_bytes(whole + b"torn")
    with journal.transaction() as transaction:
        (first,) = transaction.repaired
    path.write_bytes(whole + b'{"id":2,"event_type":"log_repaired","payload":{"aside":"%s"}' % first.name.encode())
    with journal.transaction() as transaction:
        assert [one.name for one in transaction.repaired][:1] == [first.name]
        assert len(transaction.repaired) == 2


@pytest.mark.parametrize("small_disk", ["64k"], indirect=True)
def test_a_full_disk_loses_nothing_and_room_is_enough_to_go_on(small_disk: Path, clock, started: Started) -> None:
    path = small_disk / "events.jsonl"
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 40_000)
    process = started(path, "full", 1000)
    output, error = process.communicate()
    journal = Journal(path, clock)
    said = acknowledged(output)
    assert (in_the_log(journal.read()[0]), journal.verify(), process.returncode) == (said, [], 1)
    assert error.startswith("NotRecorded: not recorded: ")
    filler.unlink()
    again = started(path, "again", 1)
    assert (again.communicate()[1], again.returncode) == ("", 0)
    assert (len(journal.read()[0]), journal.verify()) == (len(said) + 1, [])


@pytest.mark.parametrize("small_disk", ["64k"], indirect=True)
def test_a_read_only_disk_shows_the_log_and_refuses_to_write(small_disk: Path, clock, started: Started) -> None:
    path = small_disk / "events.jsonl"
    assert started(path, "first", 2).wait() == 0
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    refused = started(path, "second", 1)
    assert refused.communicate()[1] == f"NotRecorded: not recorded: {path}.lock: Read-only file system\n"
    journal = Journal(path, clock)
    assert (len(journal.read()[0]), journal.verify()) == (2, [])
