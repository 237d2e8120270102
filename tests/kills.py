"""`make kills`: two that append to one log are killed at a random moment, over and over; what was acknowledged is there.

KILLS (processes killed) and SEED come from the environment.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from orchestrator.log.journal import Journal
from orchestrator.log.records import START, Draft
from tests.figures import keep

_PAIRS = 200  # killed over one log, before the next one is begun
_LONGEST = 0.08  # seconds until a pair is killed


class Tally(NamedTuple):
    """Of so many processes killed: events that they acknowledged, of these lost, and logs that do not hold."""

    kills: int
    acknowledged: int
    lost: int
    broken: int


def killed(place: Path, kills: int, seed: int) -> Tally:
    """Kill `kills` appenders, two at a time, in logs below the empty folder `place`."""
    chosen = random.Random(seed)
    told = lost = broken = 0
    for first in range(0, kills // 2, _PAIRS):
        journal = Journal(place / f"{first}" / "events.jsonl", _now, "kills")
        said: set[tuple[int, str]] = set()
        for _ in range(min(_PAIRS, kills // 2 - first)):
            said |= _kill_two(journal, chosen.uniform(0, _LONGEST))
        with journal.transaction(START) as transaction:  # sets a torn end aside
            kept = {(record.id, record.hash) for record in transaction.new}
        told, lost, broken = told + len(said), lost + len(said - kept), broken + bool(journal.verify())
    return Tally(kills // 2 * 2, told, lost, broken)


def _now() -> datetime:
    return datetime.now().astimezone()


def _kill_two(journal: Journal, after: float) -> set[tuple[int, str]]:
    """Return what two new processes acknowledged until they were killed."""
    ends = [_appending(journal) for _ in range(2)]
    time.sleep(after)
    said = set()
    for process, _ in ends:
        os.kill(process, signal.SIGKILL)
    for process, pipe in ends:
        with open(pipe, encoding="ascii") as told:  # noqa: PTH123 - a descriptor, not a path
            rows = [line.split() for line in told if line.endswith("\n")]
        said |= {(int(number), digest) for number, digest in rows}
        os.waitpid(process, 0)
    return said


def _appending(journal: Journal) -> tuple[int, int]:
    """Fork a process that appends until it is killed; return its id and where it acknowledges each event."""
    told, tells = os.pipe()
    process = os.fork()
    if process:
        os.close(tells)
        return process, told
    try:
        os.close(told)
        head = START
        while True:
            with journal.transaction(head) as transaction:
                [record] = transaction.append([Draft("feat-payment", "note_added", None, None, "kit", b"{}")])
                head = transaction.head
            os.write(tells, f"{record.id} {record.hash}\n".encode())
    finally:
        os._exit(1)  # of a child nothing else is to run: not the parent's handlers, nor its tests


def main() -> int:
    """Print the figures; return 1 where an acknowledged event was lost or a log does not hold."""
    kills, seed = int(os.environ.get("KILLS") or 10_000), int(os.environ.get("SEED") or 1)
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        tally = killed(Path(folder), kills, seed)
    sys.stdout.write("| processes killed | events acknowledged | of these lost | logs that do not hold |\n")
    sys.stdout.write("| --: | --: | --: | --: |\n")
    sys.stdout.write(f"| {' | '.join(map(str, tally))} |\n")
    reached = f"{tally.lost} of {tally.acknowledged:,} lost by {tally.kills:,} kills; {tally.broken} logs broken"
    what = "acknowledged events of appenders that are killed at random moments, two at a time"
    keep("kills", what, "0 of 50,000 lost by 10,000 kills", reached)
    return int(bool(tally.lost or tally.broken))


if __name__ == "__main__":
    sys.exit(main())
