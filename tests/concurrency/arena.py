"""A prepared repository that is put back before each round, and two real processes that race in it."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestrator.log.journal import Journal
from orchestrator.workspace import now
from tests.conftest import Repo
from tests.kit import Kit, copied, created

LINE = {
    "1-make": "# Make it\n\n## Phase 1: Write\n\nWrite the file.\n",
    "2-show": (
        "# Show it\n\n## Phase 1: Draw\n\nDraw the screen.\n\n### GATE 1: Screens\n\nShow both screens.\n\n"
        "APPROVE the screens? (yes/no)\n\n## Phase 2: File\n\nFile them.\n"
    ),
}
Words = Sequence[str]


class Player:
    """A process of its own that runs commands when told."""

    def __init__(self, repo: Repo) -> None:
        command = [sys.executable, "-m", "tests.concurrency.player", str(repo.root)]
        top = Path(__file__).parents[2]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=top, env=repo.env, text=True, stdin=pipe, stdout=pipe)

    def begin(self, words: Words) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(list(words)) + "\n")
        self._process.stdin.flush()

    def end(self) -> dict[str, Any]:
        """Wait for what was begun and return how it ended: `status`, `out`, `err`, `shown`."""
        assert self._process.stdout
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def play(self, words: Words) -> dict[str, Any]:
        self.begin(words)
        return self.end()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


class Git:
    """The side of a person or an agent that calls git."""

    def __init__(self, repo: Repo, where: Path) -> None:
        self._repo, self._where = repo, where

    def begin(self, words: Words) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            ["git", *words],
            cwd=self._where,
            env=self._repo.env,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
        )

    def end(self) -> dict[str, Any]:
        out, err = self._process.communicate()
        return {"status": self._process.returncode, "out": out, "err": err, "shown": []}


class Arena:
    """A repository below `top`, and the two players; `chance` says who begins, and how much later the other does."""

    def __init__(self, top: Path, env: dict[str, str], chance: random.Random) -> None:
        self.kit: Kit = created(top / "shop", env)
        for name, text in LINE.items():
            self.kit.write(f"line/add-feature-{name}.md", text)
        self.kit.commit("a line with a gate")
        self.chance = chance
        self._top = top
        self._saved = top.with_name(f"{top.name}-saved")
        self.first, self.second = Player(self.kit), Player(self.kit)
        self._longest = 0.0  # seconds of the round before

    def prepared(self, *commands: Words) -> None:
        """Run commands; what they leave is where each round begins."""
        for words in commands:
            end = self.first.play(words)
            assert end["status"] in (0, 10, 11), (words, end)
        copied(self._top, self._saved)

    def again(self) -> None:
        """Put everything back."""
        copied(self._saved, self._top)

    def race(self, one: tuple[Any, Words], other: tuple[Any, Words]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Let both sides do their words at once and return how each ended.

        One begins, the other at once or at any moment of as long as the round before took.
        """
        sides = [one, other]
        self.chance.shuffle(sides)
        began = time.monotonic()
        for (player, words), later in zip(sides, (0.0, self.chance.choice([0.0, self._longest])), strict=True):
            _pass(self.chance.uniform(0, later))
            player.begin(words)
        ends = one[0].end(), other[0].end()
        self._longest = time.monotonic() - began
        return ends

    def wrong(self) -> list[str]:
        """Return what does not hold afterwards: the log, and what `verify` finds once a command ended what was open."""
        problems = Journal(self.kit.log, now).verify()
        found = [f"the log does not hold: {one}" for one in problems]
        for words in (["status"], ["verify"]):
            end = self.first.play(words)
            if end["status"] != 0:
                found.append(f"{' '.join(words)}: {end['status']}: {end['out'][-500:]}{end['err']}")
        return found

    def close(self) -> None:
        self.first.close()
        self.second.close()


def _pass(seconds: float) -> None:
    """Let so much time go by, to the tenth of a millisecond: the moment is what is tried."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        continue


def refusal(end: dict[str, Any]) -> bool:
    """Tell whether a side was refused in one line that says why."""
    return end["status"] == 1 and end["err"].startswith("orchestrator: ") and "this is a bug" not in end["err"]


def blob(content: bytes) -> str:
    """Return the name that git gives to these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
