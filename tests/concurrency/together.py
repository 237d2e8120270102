"""`make concurrency`: many at once in one repository. Prints a table, a row a kind, and each violation; exits 1 then."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.concurrency import storms
from tests.concurrency.arena import Arena
from tests.concurrency.races import AGAINST_ROLLBACK, RACES, Race
from tests.conftest import environment
from tests.figures import keep

Row = tuple[str, str, list[str]]
WHAT = "many at once in one repository, and named interleavings of two real processes, at any moment of each other"
GOAL = "16 x 1,000 events, 5 x 200 commits, 1,000 races of approve and rollback, 100 of each other; 0 violations"
_EVERY = 10  # rounds from one `verify` of the whole repository to the next


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="concurrency")
    parser.add_argument("--runs", type=int, default=100, help="rounds of each named interleaving")
    parser.add_argument("--races", type=int, default=1000, help="rounds of approve against rollback")
    parser.add_argument("--events", type=int, default=1000, help="of each of 16 processes")
    parser.add_argument("--commits", type=int, default=200, help="in each of 5 worktrees")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="a word of the rows wanted")
    options = parser.parse_args(arguments)
    rows = []
    sys.stdout.write("| what | size | violations | seconds |\n| --- | --- | --- | --- |\n")
    for what, size, do in _kinds(options):
        if options.only not in what:
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as top:
            found = do(Path(top))
        rows.append((what, size, found))
        sys.stdout.write(f"| {what} | {size} | {len(found)} | {time.monotonic() - began:.0f} |\n")
        sys.stdout.flush()
    wrong = [f"{what}: {one}" for what, _, found in rows for one in found]
    sys.stdout.write("".join(f"{one}\n" for one in wrong))
    keep(
        "concurrency", WHAT, GOAL, f"{'; '.join(f'{what}: {size}' for what, size, _ in rows)}; {len(wrong)} violations"
    )
    return 1 if wrong else 0


def _kinds(options: argparse.Namespace) -> list[tuple[str, str, Callable[[Path], list[str]]]]:
    def storm(do: Callable[..., list[str]], *sizes: int) -> Callable[[Path], list[str]]:
        return lambda top: do(top, environment(top), *sizes)

    def raced(begins: Sequence[list[str]], race: Race, count: int) -> Callable[[Path], list[str]]:
        return lambda top: rounds(top, begins, race, count, options.seed)

    races = {"approve against rollback": (*AGAINST_ROLLBACK, options.races)}
    races |= {name: (*one, options.runs) for name, one in RACES.items()}
    return [
        ("appenders", f"16 x {options.events:,}", lambda top: storms.appenders(top, 16, options.events)),
        ("commits while gc and pack-refs loop", f"5 x {options.commits:,}", storm(storms.commits, 5, options.commits)),
        ("two `run`s at once", "3 features", storm(storms.two_runs, 3)),
        *((name, f"{count:,}", raced(begins, race, count)) for name, (begins, race, count) in races.items()),
    ]


def rounds(top: Path, begins: Sequence[list[str]], race: Race, count: int, seed: int) -> list[str]:
    """Race `count` times from the same beginning; return what did not hold, with the round's number."""
    inner = top / "arena"
    arena = Arena(inner, environment(top), random.Random(seed))
    found = []
    try:
        arena.prepared(*begins)
        for number in range(count):
            arena.again()
            wrong = race(arena)
            if wrong or number % _EVERY == 0:
                wrong += arena.wrong()
            found += [f"round {number}: {one}" for one in wrong]
    finally:
        arena.close()
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
