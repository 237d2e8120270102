"""Small numbers that no two attempts at work share, also across processes. Never frees one: its holder's end does."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from orchestrator.adapters.durable import content_of, opened_plain, said_in_one_line, write_atomically
from orchestrator.adapters.lock import try_lock


@contextlib.contextmanager
def held(folder: Path, name: str) -> Iterator[int]:
    """Hold a number for `name`: the one that it had last where that is free, else the lowest free one.

    The kernel frees it when this process dies. `folder` holds a lock for each number and what each name had last;
    one name is held once at a time (whoever performs has the feature's lock). Raises NotRecorded.
    """
    with said_in_one_line(folder):
        folder.mkdir(parents=True, exist_ok=True)
        number, descriptor = _taken(folder, last(folder, name))
    try:
        if number != last(folder, name):
            write_atomically(_last_file(folder, name), b"%d\n" % number, 0o600)
        yield number
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # closing is not enough while a child is between fork and exec
        os.close(descriptor)


def last(folder: Path, name: str) -> int | None:
    """Return the number that `name` holds, or held last; None where it never had one."""
    try:
        number = int(content_of(_last_file(folder, name)))
    except (OSError, ValueError):
        return None
    return number if number >= 0 and _lock_file(folder, number).exists() else None


def _taken(folder: Path, wanted: int | None) -> tuple[int, int]:
    """Return a number whose lock is held now, and the descriptor that holds it; raises OSError."""
    for number in itertools.chain([] if wanted is None else [wanted], itertools.count()):
        descriptor = opened_plain(_lock_file(folder, number), os.O_RDWR | os.O_CREAT)
        if try_lock(descriptor):
            return number, descriptor
        os.close(descriptor)
    raise AssertionError("the numbers do not end")


def _lock_file(folder: Path, number: int) -> Path:
    return folder / f"{number}.lock"


def _last_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.last"
