"""Every lock of the kit: who waits is told who has it and since when; the dead hold nothing, the stopped all."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from orchestrator.errors import Busy
from orchestrator.workspace import Workspace
from tests.concurrency.holding import KINDS, held
from tests.conftest import Repo

TOP = Path(__file__).parents[2]


@contextmanager
def holding(repo: Repo, kind: str) -> Iterator[subprocess.Popen[str]]:
    """Have another process hold a lock until the end, or until it is killed."""
    pipe = subprocess.PIPE
    words = [sys.executable, "-m", "tests.concurrency.holding", kind, str(repo.root)]
    with subprocess.Popen(words, cwd=TOP, env=repo.env, text=True, stdin=pipe, stdout=pipe) as other:
        try:
            assert other.stdout
            assert other.stdout.readline() == "held\n"
            yield other
        finally:
            other.kill()


def waited(repo: Repo, kind: str) -> str:
    """Return what is said to whoever waits for a lock, and does not get it."""
    with pytest.raises(Busy) as busy, held(kind, Workspace.find(repo.root, "orchestrator waits"), 0.3):
        pytest.fail("two at once")
    return str(busy.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_lock_is_robbed_from_no_one_alive_and_from_everyone_dead_and_its_file_stays(repo: Repo, kind: str) -> None:
    repo.run("start", "payment")
    path = repo.root / ".git/orchestrator" / KINDS[kind]
    with holding(repo, kind) as other:
        file = path.stat().st_ino
        who = "a snapshot of payment" if kind == "a snapshot" else "orchestrator holds"
        said = re.compile(rf"by `{who}` \(pid {other.pid}\) since \d\d:\d\d$")
        assert said.search(waited(repo, kind))

        other.send_signal(signal.SIGSTOP)
        while psutil.Process(other.pid).status() != psutil.STATUS_STOPPED:
            os.sched_yield()
        assert said.search(waited(repo, kind))
        assert path.stat().st_ino == file

        other.kill()
        other.wait()
        with held(kind, Workspace.find(repo.root, "orchestrator waits"), 0.0):
            assert path.stat().st_ino == file
    assert path.stat().st_ino == file


def test_a_command_says_who_keeps_it_waiting_and_is_the_next_when_that_one_is_killed(repo: Repo) -> None:
    repo.run("start", "payment")
    with holding(repo, "a feature") as other:
        said = repo.refused("rollback", "payment")
        assert f"feature payment is worked on by `orchestrator holds` (pid {other.pid}) since " in said
        other.send_signal(signal.SIGSTOP)
        assert repo.refused("rollback", "payment") == said
        assert f"worked on by `orchestrator holds` (pid {other.pid})" in repo.run("status")
        other.kill()
        other.wait()
        assert "rollback point checkpoint/payment/1" in repo.run("checkpoint", "payment")
