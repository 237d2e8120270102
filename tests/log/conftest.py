"""A clock that ticks, a journal in a temporary directory, and real processes that append to it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import orchestrator
from orchestrator.log.journal import Journal
from orchestrator.log.records import Draft, Head, Record

APPENDER = Path(__file__).with_name("appender.py")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(orchestrator.__file__).parents[1])}


class Clock:
    """The present, one second later each time it is asked; `now` may be set."""

    def __init__(self) -> None:
        self.now = datetime(2025, 6, 1, 10, 0, tzinfo=timezone(timedelta(hours=2)))

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def draft() -> Callable[[int], Draft]:
    """Make a draft that is told apart by its number."""
    return lambda number: Draft("feat-payment", "note_added", "4.5a", "2", "person:a@b.c", b'{"number":%d}' % number)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orchestrator" / "events.jsonl"


@pytest.fixture
def journal(path: Path, clock: Clock) -> Journal:
    return Journal(path, clock, "orchestrator test", patience=0.05)


@pytest.fixture
def append(journal: Journal, draft: Callable[[int], Draft]) -> Callable[..., list[Record]]:
    """Append drafts with the given numbers in one transaction, seen from `since` or from the log's head."""

    def _append(*numbers: int, since: Head | None = None) -> list[Record]:
        head = journal.read()[1] if since is None else since
        with journal.transaction(head) as transaction:
            return transaction.append([draft(number) for number in numbers])

    return _append


@pytest.fixture
def started() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `appender.py LOG NAME COUNT`, behind a wrapper command where one is given; none outlives the test."""
    processes = []

    def _started(path: Path, name: str, count: int, wrapper: Sequence[str] = ()) -> subprocess.Popen[str]:
        command = [*wrapper, sys.executable, str(APPENDER), str(path), name, str(count)]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, env=ENVIRONMENT, text=True, stdout=pipe, stderr=pipe)
        processes.append(process)
        return process

    yield _started
    for process in processes:
        process.kill()
        process.communicate()
