"""`make verify-soak`: healthy repositories after random journeys; `verify` finds nothing in any and changes nothing.

RUNS, SEED and STEPS (commands and git operations of one journey) come from the environment.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.conftest import sealed
from tests.figures import keep
from tests.kit import Kit, created

NAMES = ("payment", "landing", "search")
# What a healthy repository may be told: that no hooks call the kit, where `init` was never run.
EXPECTED = {"V701"}


class Alarm(NamedTuple):
    """A journey after which `verify` said or changed what it should not have."""

    seed: int
    journey: tuple[str, ...]
    what: str


class Journey:
    """Random things that people, agents and git do, one after the other, in one repository."""

    def __init__(self, kit: Kit, chosen: random.Random) -> None:
        self._kit = kit
        self._chosen = chosen
        self._name = "payment"
        self.told: list[str] = []

    def step(self) -> None:
        """Do one thing to one feature; a command that refuses is one that was called at the wrong moment."""
        self._name = self._chosen.choice(NAMES)
        does = self._chosen.choice(DOINGS)
        self.told.append(f"{does.__name__} {self._name}")
        does(self)

    def _call(self, *words: str) -> None:
        status, _, err = self._kit.inside(*words)
        if status not in (0, 1, 10, 11) or "this is a bug" in err:
            raise AssertionError(f"{words}: {status} {err}")

    def _git(self, *words: str) -> None:
        """Call git in the feature's worktree, where it has one."""
        tree = self._kit.worktree(self._name)
        if tree.is_dir():
            self._kit.git(*words, cwd=tree)

    def start(self) -> None:
        self._call("start", self._name)

    def next(self) -> None:
        self._call("next", self._name)

    def fail(self) -> None:
        self._kit.write(".git/fail", "")
        self._call("next", self._name)

    def run(self) -> None:
        self._call("run", "-j", "1")

    def checkpoint(self) -> None:
        self._call("checkpoint", self._name)

    def rollback(self) -> None:
        self._call("rollback", self._name)

    def undo(self) -> None:
        self._call("rollback", self._name, "--undo")

    def pause(self) -> None:
        self._call("pause", self._name)

    def resume(self) -> None:
        self._call("resume", self._name)

    def note(self) -> None:
        self._call("note", self._name, f"seen {self._chosen.random()}")

    def retire(self) -> None:
        self._call("retire", self._name)

    def edit(self) -> None:
        path = self._kit.state_file(self._name)
        if path.exists():
            path.write_text(json.dumps({**json.loads(path.read_text()), "owner": self._chosen.random()}))

    def commit(self) -> None:
        self._git("commit", "-q", "--allow-empty", "-m", f"by hand {self._chosen.random()}")

    def amend(self) -> None:
        self._git("commit", "-q", "--amend", "--allow-empty", "-m", f"amended {self._chosen.random()}")

    def write(self) -> None:
        tree = self._kit.worktree(self._name)
        if tree.is_dir():
            (tree / "mine.txt").write_text(f"{self._chosen.random()}\n")

    def tidy(self) -> None:
        self._kit.git("gc", "--quiet", "--prune=now")

    def pack(self) -> None:
        self._kit.git("pack-refs", "--all", "--prune")

    def forget(self) -> None:
        """Delete what the next command makes again."""
        for path in (self._kit.home / "fold.json", self._kit.context / "orchestrator-events.db"):
            path.unlink(missing_ok=True)


_ONCE: tuple[Callable[[Journey], None], ...] = (
    Journey.fail, Journey.run, Journey.undo, Journey.pause, Journey.resume, Journey.retire, Journey.tidy, Journey.forget,
)  # fmt: skip
_OFTEN: tuple[Callable[[Journey], None], ...] = (
    Journey.start, Journey.next, Journey.next, Journey.checkpoint, Journey.rollback, Journey.note, Journey.edit,
    Journey.commit, Journey.amend, Journey.write, Journey.pack,
)  # fmt: skip
DOINGS = (*_ONCE, *_OFTEN, *_OFTEN)


def soaked(base: Path, env: dict[str, str], seed: int, steps: int) -> Alarm | None:
    """Go one journey and look; return what was wrong about the look, or None."""
    kit = created(base / "shop", env, hooks=False)
    journey = Journey(kit, random.Random(seed))
    kit.do("start", "payment")
    for _ in range(steps):
        journey.step()
    kit.inside("status")  # takes in what happened last: until then it is news, and no finding
    before = kit.digest()
    status, out, err = kit.inside("verify", "--json")
    after = kit.digest()
    found = {one["id"]: one["what"] for one in json.loads(out)["findings"] if one["id"] not in EXPECTED}
    if status or err or found:
        return Alarm(seed, tuple(journey.told), f"status {status}, {err!r}, {found}")
    if before != after:
        changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        return Alarm(seed, tuple(journey.told), f"verify changed {changed}")
    return None


def main() -> int:
    """Print the figures; return 1 for a false alarm or a change."""
    runs, seed, steps = (int(os.environ.get(name) or by) for name, by in (("RUNS", 1000), ("SEED", 1), ("STEPS", 12)))
    alarms = []
    for number in range(seed, seed + runs):
        with tempfile.TemporaryDirectory(prefix="verify-soak-") as folder, sealed(Path(folder)) as env:
            alarm = soaked(Path(folder) / "place", env, number, steps)
        alarms += [alarm] if alarm else []
    sys.stdout.write("| healthy repositories | steps in each | false alarms, or changes |\n| --- | --- | --- |\n")
    sys.stdout.write(f"| {runs} | {steps} | {len(alarms)} |\n")
    sys.stdout.writelines(f"seed {one.seed}: {one.what}\n  after {', '.join(one.journey)}\n" for one in alarms)
    what = "`verify` in healthy repositories after random journeys"
    keep("verify-soak", what, "0 false alarms, nothing changed", f"{len(alarms)} in {runs:,} repositories")
    return int(bool(alarms))


if __name__ == "__main__":
    sys.exit(main())
