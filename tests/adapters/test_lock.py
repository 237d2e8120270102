"""The run lock: one holder, named while alive, free as soon as he is dead."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import orchestrator
from orchestrator.adapters.lock import UNNAMED, Holder, RunLock, decoded, encoded, holder
from orchestrator.errors import Busy, NotRecorded

NOW = datetime(2025, 6, 1, 10, 32, tzinfo=timezone(timedelta(hours=2)))
HOLDING = """
import sys
from datetime import datetime
from pathlib import Path
from orchestrator.adapters.lock import RunLock
path, now = Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
with RunLock(path, "payment", "orchestrator run", lambda: now).acquire():
    sys.stdout.write("held\\n")
    sys.stdout.flush()
    sys.stdin.read()
"""


def run_lock(path: Path, now: datetime = NOW) -> RunLock:
    return RunLock(path, "payment", "orchestrator next", lambda: now)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "payment.lock"


@pytest.fixture
def other(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A real process that holds the lock until its input ends."""
    environment = {**os.environ, "PYTHONPATH": str(Path(orchestrator.__file__).parents[1])}
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", HOLDING, str(path), NOW.isoformat()]
    process = subprocess.Popen(command, env=environment, text=True, stdin=pipe, stdout=pipe)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_lock_that_was_never_taken_is_free(path: Path) -> None:
    assert (holder(path), path.exists()) == (None, False)


def test_who_holds_it_is_known_to_others(path: Path, other: subprocess.Popen[str]) -> None:
    assert holder(path) == Holder(other.pid, "orchestrator run", NOW)


def test_who_comes_second_is_told_who_has_it(path: Path, other: subprocess.Popen[str]) -> None:
    said = rf"^payment is worked on by `orchestrator run` \(pid {other.pid}\) since 10:32$"
    with pytest.raises(Busy, match=said), run_lock(path).acquire():
        pass


def test_the_day_is_named_when_it_is_not_todays(path: Path, other: subprocess.Popen[str]) -> None:
    tomorrow = run_lock(path, NOW + timedelta(days=1))
    with pytest.raises(Busy, match=r"since 2025-06-01 10:32$"), tomorrow.acquire():
        pass


def test_who_waits_gets_it_when_the_other_is_done(path: Path, other: subprocess.Popen[str]) -> None:
    assert other.stdin
    other.stdin.close()
    with run_lock(path).acquire(timeout=20):
        assert holder(path) == Holder(os.getpid(), "orchestrator next", NOW)


def test_a_holder_that_was_killed_holds_nothing(path: Path, other: subprocess.Popen[str]) -> None:
    other.kill()
    other.wait()
    assert holder(path) is None
    with run_lock(path).acquire():
        assert holder(path) == Holder(os.getpid(), "orchestrator next", NOW)


def test_released_the_lock_file_stays_the_same_file(path: Path) -> None:
    inodes = []
    for _ in range(2):
        with run_lock(path).acquire():
            inodes.append(path.stat().st_ino)
    assert (holder(path), [*inodes, path.stat().st_ino]) == (None, [path.stat().st_ino] * 3)


def test_it_cannot_be_taken_twice_by_one_process(path: Path) -> None:
    lock = run_lock(path)
    with lock.acquire():
        for second in (lock, run_lock(path)):
            with pytest.raises(Busy, match=f"pid {os.getpid()}"), second.acquire():
                pass
        assert holder(path) == Holder(os.getpid(), "orchestrator next", NOW)


def test_threads_exclude_each_other(path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(5):
            with run_lock(path).acquire(timeout=30):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 15


def test_a_command_that_fails_frees_the_lock(path: Path) -> None:
    with pytest.raises(KeyError), run_lock(path).acquire():
        raise KeyError
    assert holder(path) is None


def test_a_child_does_not_keep_the_lock_of_its_parent(path: Path) -> None:
    with run_lock(path).acquire():
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)
    found = holder(path)
    child.communicate(b"\n")
    assert found is None


def test_asking_who_holds_it_never_makes_a_command_fail(path: Path) -> None:
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            holder(path)

    with run_lock(path).acquire():
        asking = threading.Thread(target=ask)
    asking.start()
    for _ in range(10):
        with run_lock(path).acquire():
            pass
    is_over.set()
    asking.join()


def test_two_who_ask_do_not_see_each_other(path: Path) -> None:
    path.write_bytes(b"")
    with path.open("rb") as another_who_asks:
        fcntl.flock(another_who_asks, fcntl.LOCK_SH)
        assert holder(path) is None


def test_a_command_gives_whoever_only_asks_the_time_to_be_done(path: Path) -> None:
    path.write_bytes(b"")
    with path.open("rb") as who_asks:
        fcntl.flock(who_asks, fcntl.LOCK_SH)
        began = time.monotonic()
        with pytest.raises(Busy, match=r"^payment is worked on by another command$"), run_lock(path).acquire():
            pass
    assert time.monotonic() - began >= 0.2


def test_released_it_names_nobody_any_more(path: Path) -> None:
    with run_lock(path).acquire():
        assert {found.name for found in path.parent.iterdir()} == {path.name, f"{path.name}.holder"}
    assert [found.name for found in path.parent.iterdir()] == [path.name]


def test_what_is_half_written_names_nobody() -> None:
    whole = encoded("orchestrator run", NOW)
    assert decoded(whole) == Holder(os.getpid(), "orchestrator run", NOW)
    assert [decoded(whole[:cut]) for cut in range(len(whole) - 2)] == [UNNAMED] * (len(whole) - 2)
    assert UNNAMED.described(NOW) == "another command"


def test_a_command_with_bytes_that_are_no_text_can_hold_a_lock() -> None:
    assert decoded(encoded("orchestrator note \udcff", NOW)).command == "orchestrator note ?"


def test_where_no_lock_can_be_made_it_is_said_in_one_line(path: Path) -> None:
    path.write_bytes(b"")
    with pytest.raises(NotRecorded, match=r"^not recorded: [^\n]*$"), run_lock(path / "inside.lock").acquire():
        pass
