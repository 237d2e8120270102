"""What goes on in the repository while the power is lost: commits, steps, rollbacks, decisions, at random.

What a command said before it returned is kept here, outside of the disk: that is what must not be lost.
"""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pexpect

from tests.conftest import PROGRAM, Repo

ENDS = (0, 1, 10, 11)  # done, refused, waits, nothing left
ASKS = "anything else approves nothing: "
USUAL = 0.5  # seconds of a command that was not called yet
MOST = 3  # features at a time


class PowerWentError(Exception):
    """The moment of the cut is here: what was begun goes on, on a disk that is about to be copied."""


class Work:
    """The work in `repo`, chosen by `chance`. `events`: id to hash, as acknowledged; `files`: path to bytes flushed."""

    def __init__(self, repo: Repo, chance: random.Random, talk: Path) -> None:
        self.repo = repo
        self.events: dict[int, str] = {}
        self.files: dict[Path, bytes] = {}
        self.done: dict[str, int] = {}
        self.odd: list[str] = []
        self.deadline = 0.0
        self.under_way = ""
        self.story: list[str] = []
        self._chance = chance
        self._talk = talk
        self._number = 0
        self._took: dict[str, float] = {}
        self._slugs: list[str] = []

    def go_on(self, commands: int, fraction: float) -> None:
        """Work until the power goes: in the last of so many commands, after that part of what one like it took.

        With a `fraction` of 1 right after it returned.
        """
        for number in range(commands):
            kind = self._chosen()
            is_cut = number == commands - 1 and fraction < 1
            self.deadline = time.monotonic() + fraction * self._took.get(kind, USUAL) if is_cut else float("inf")
            try:
                self._one(kind)
            except PowerWentError:
                return

    def acknowledge(self) -> None:
        """Note what the log says now that the command that wrote it has returned."""
        log = self.repo.root / ".git/orchestrator/events.jsonl"
        for line in log.read_text().splitlines() if log.exists() else ():
            event = json.loads(line)
            self.events[event["id"]] = event["hash"]

    def _chosen(self) -> str:
        kinds = {
            "start": 1, "next": 4, "run": 1, "commit": 5, "checkpoint": 2, "rollback": 4, "undo": 3, "approve": 3,
            "reject": 1, "note": 2, "pause": 1, "retire": 1, "gc": 1,
        }  # fmt: skip
        return self._chance.choices(list(kinds), list(kinds.values()))[0] if self._slugs else "start"

    def _one(self, kind: str) -> None:
        self.under_way = kind
        self.story.append(kind)
        began = time.monotonic()
        status = getattr(self, f"_{kind}")()
        self._took[kind] = time.monotonic() - began
        self.under_way = ""
        self.done[kind] = self.done.get(kind, 0) + (status == 0)
        self.acknowledge()

    # --- the kinds of work -------------------------------------------------------------------------

    def _slug(self) -> str:
        return self._chance.choice(self._slugs)

    def _tree(self, slug: str) -> Path:
        found = self.repo.worktree(slug)
        return found if (found / ".git").exists() else self.repo.root

    def _start(self) -> int:
        if len(self._slugs) >= MOST:
            return self._next()
        self._number += 1
        slug = f"f{self._number}"
        status = self._call("start", slug)
        self._slugs += [slug] if status == 0 else []
        return status

    def _next(self) -> int:
        return self._call("next", *self._chance.choice([[], [self._slug()]]))

    def _run(self) -> int:
        return self._call("run", "-j", "2")

    def _commit(self) -> int:
        tree = self._tree(self._slug())
        self._write(tree)
        self._spawn(["git", "add", "--all"], tree)
        return self._spawn(["git", "commit", "--quiet", "-m", "by hand"], tree)

    def _checkpoint(self) -> int:
        return self._call("checkpoint", self._slug())

    def _rollback(self) -> int:
        slug = self._slug()
        self._write(self._tree(slug))
        to = self._chance.choice([[], ["--to", str(self._chance.randint(1, 6))]])
        return self._call("rollback", slug, *to)

    def _undo(self) -> int:
        return self._call("rollback", "--undo", self._slug())

    def _approve(self) -> int:
        child = pexpect.spawn(str(PROGRAM), ["approve"], cwd=self.repo.root, env=self.repo.env, encoding="utf-8")
        found = child.expect_exact([ASKS, pexpect.EOF, pexpect.TIMEOUT], timeout=self._left())
        if found == 0:
            child.sendline("APPROVE ALL")
            found = 1 + child.expect_exact([pexpect.EOF, pexpect.TIMEOUT], timeout=self._left())
        if found == 2:
            raise PowerWentError
        child.close()
        self._note_end(["approve"], child.exitstatus if child.exitstatus is not None else -1, str(child.before))
        return child.exitstatus or 0

    def _reject(self) -> int:
        return self._call("reject", "-mno", self._slug())

    def _note(self) -> int:
        return self._call("note", self._slug(), "a note")

    def _pause(self) -> int:
        slug = self._slug()
        self._call("pause", slug)
        return self._call("resume", slug)

    def _retire(self) -> int:
        slug = self._slug()
        status = self._call("retire", slug)
        if status == 0:
            self._slugs.remove(slug)
        return status

    def _gc(self) -> int:
        """Collect garbage, flushed: by default git's own gc can lose every ref, as it flushes packs and not refs."""
        return self._spawn(["git", "-c", "core.fsync=all", "gc", "--quiet", "--prune=now"], self.repo.root)

    # --- how it is done ----------------------------------------------------------------------------

    def _write(self, tree: Path) -> None:
        """Write a file of a person's and flush the disk: from then on its bytes are there, in place or in git.

        A flush of the file alone would make git's names durable before what git wrote under them.
        """
        self._number += 1
        path = tree / f"mine-{self._chance.randrange(4)}.txt"
        content = f"{self._number} {self._chance.random()}\n".encode()
        path.write_bytes(content)
        subprocess.run(["sync", "--file-system", str(tree)], check=True)
        self.files[path] = content

    def _left(self) -> float | None:
        return None if self.deadline == float("inf") else max(0.0, self.deadline - time.monotonic())

    def _call(self, *words: str) -> int:
        return self._spawn([str(PROGRAM), *words], self.repo.root)

    def _spawn(self, words: Sequence[str], where: Path) -> int:
        with self._talk.open("wb") as talk:
            child = subprocess.Popen(
                words, cwd=where, env=self.repo.env, stdin=subprocess.DEVNULL, stdout=talk, stderr=talk
            )
        try:
            status = child.wait(self._left())
        except subprocess.TimeoutExpired as error:
            raise PowerWentError from error
        self._note_end(words, status, self._talk.read_text(errors="replace"))
        return status

    def _note_end(self, words: Sequence[str], status: int, said: str) -> None:
        if words[0] == "git" and "File exists" in said:
            return  # a lock that a killed git left: git says itself what a person is to do
        if status not in ENDS or "Traceback" in said or "a bug" in said.lower():
            self.odd.append(f"{' '.join(words)}: {status}: {said.strip()}")
