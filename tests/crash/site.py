"""One place with a repository in it, where commands are run in forked processes that the preloaded library fails.

The process that forks has the kit imported and does nothing else meanwhile; what is killed is a real process and what
it started.
"""

from __future__ import annotations

import ctypes
import io
import mmap
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MODES = ("killall", "killself", "torn", "eio", "enospc")
_HEAD = struct.Struct("7I")  # is_armed, mode, at, counted, owner, is_full, pids
_PIDS = 4000
SIZE = _HEAD.size + 4 * _PIDS + 64
_PATIENCE = 60.0  # seconds that a command may take
_QUESTION = b"anything else approves nothing: "
_SUBREAPER = 36


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status or minus a signal, what it said, how many steps it took, which failed."""

    status: int
    out: str
    err: str
    steps: int
    step: str


class Failpoint:
    """What the library shares with this process."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), SIZE)

    def arm(self, mode: str, at: int) -> None:
        """Let the step `at`, from 1, of what is forked from now on fail; 0 counts only."""
        self._map[_HEAD.size :] = bytes(SIZE - _HEAD.size)
        number = MODES.index(mode) + 1 if mode else 0
        self._map[: _HEAD.size] = _HEAD.pack(1, number, at, 0, os.getpid(), 0, 0)

    def disarm(self) -> tuple[int, str]:
        """Let nothing fail any more; return how many steps were counted, and the call that was failed."""
        counted = _HEAD.unpack(self._map[: _HEAD.size])[3]
        self._map[: _HEAD.size] = bytes(_HEAD.size)
        return counted, self._map[SIZE - 64 :].split(b"\0", 1)[0].decode()

    def pids(self) -> list[int]:
        """Return the processes that were started since it was armed."""
        rest = struct.unpack_from(f"{_PIDS}i", self._map, _HEAD.size)
        return [one for one in rest if one]


class Site:
    """The folder `top` with the repository `shop`, its worktrees and the agent's scripts."""

    def __init__(self, top: Path, failpoint: Failpoint, python: str) -> None:
        self.top = top
        self.shop = top / "shop"
        self.python = python
        self._failpoint = failpoint
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)  # what outlives a command is waited for here

    @property
    def log(self) -> Path:
        return self.shop / ".git/orchestrator/events.jsonl"

    def write(self, name: str, text: str) -> None:
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def git(self, *words: str, where: str = "shop") -> str:
        done = subprocess.run(["git", *words], cwd=self.top / where, capture_output=True, check=True)
        return os.fsdecode(done.stdout)

    def blob(self, name: str) -> bytes:
        """Return the bytes of a blob."""
        return subprocess.run(["git", "cat-file", "blob", name], cwd=self.shop, capture_output=True, check=True).stdout

    def do(self, *words: str) -> None:
        """Run a command that ends well."""
        done = self.run(words)
        if done.status not in (0, 10, 11):
            raise RuntimeError(f"{words}: {done}")

    def clear(self) -> None:
        """Take all away that lies in the site."""
        shutil.rmtree(self.top, ignore_errors=True)
        self.top.mkdir()

    def put(self, saved: Path) -> None:
        """Make the site what was saved."""
        shutil.rmtree(self.top, ignore_errors=True)
        subprocess.run(["cp", "-a", str(saved), str(self.top)], check=True)

    def save(self, to: Path) -> None:
        shutil.rmtree(to, ignore_errors=True)
        to.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", str(self.top), str(to)], check=True)

    def run(
        self,
        words: Sequence[str],
        mode: str = "",
        at: int = 0,
        *,
        git: bool = False,
        where: str = "shop",
        typed: str = "",
    ) -> Ended:
        """Run `orchestrator` (or `git`) with `words`; its step `at` fails as `mode` says. `typed` is typed at `approve`.

        Returns when it and all that it started have ended.
        """
        out, err = os.memfd_create("out"), os.memfd_create("err")
        terminal, other = pty.openpty() if typed else (-1, -1)
        self._failpoint.arm(mode, at)
        child = os.fork()
        if child == 0:
            _become(self.top / where, words, out, err, other, git=git)
        if typed:
            os.close(other)
        status = self._await(child, terminal, typed)
        steps, step = self._failpoint.disarm()
        self._reap()
        said = [os.pread(one, 1 << 20, 0).decode(errors="replace") for one in (out, err)]
        for one in (out, err, *([terminal] if typed else [])):
            os.close(one)
        return Ended(status, said[0], said[1], steps, step)

    def _await(self, child: int, terminal: int, typed: str) -> int:
        """Wait for the command, type at its question, read what a terminal shows so that it never blocks."""
        deadline, shown, answer, pause = time.monotonic() + _PATIENCE, b"", typed.encode(), 0.0005
        while True:
            found, status = os.waitpid(child, os.WNOHANG)
            if found:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > deadline:
                self._end_all()
                raise TimeoutError("a command does not end")
            if terminal < 0:
                time.sleep(pause)
                pause = min(pause * 1.5, 0.01)
                continue
            if select.select([terminal], [], [], 0.01)[0]:
                try:
                    shown += os.read(terminal, 4096)
                except OSError:
                    time.sleep(0.005)
            if answer and shown.endswith(_QUESTION):
                os.write(terminal, answer)
                answer = b""

    def _reap(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                found, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not found and time.monotonic() > deadline:
                self._end_all()
                raise TimeoutError("what a command started does not end")
            if not found:
                time.sleep(0.002)

    def _end_all(self) -> None:
        for pid in self._failpoint.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        while True:
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return


def _become(where: Path, words: Sequence[str], out: int, err: int, terminal: int, *, git: bool) -> None:
    """Be the command, in a session of its own; never returns."""
    status = 70
    try:
        os.setsid()
        os.chdir(where)
        if terminal >= 0:
            os.close(os.open(os.ttyname(terminal), os.O_RDWR))  # makes it the session's own
            os.dup2(terminal, 0)
            os.dup2(terminal, 1)
        else:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(out, 1)
        os.dup2(err, 2)
        if git:
            os.execvp("git", ["git", *words])
        from orchestrator import cli

        sys.argv = ["orchestrator", *words]
        sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False))
        sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), line_buffering=terminal >= 0)
        sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), line_buffering=True)
        cli._admit_any_name()
        status = cli._run(list(words))
        sys.stdout.flush()
    except BaseException:
        import traceback

        os.write(err, traceback.format_exc().encode())
    finally:
        os._exit(status)
