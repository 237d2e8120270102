"""A small share of `make powercut`, and the order of flushes that it depends on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROGRAM, Repo
from tests.powercut.disk import obstacle

TOP = Path(__file__).parents[2]


@pytest.mark.skipif(bool(obstacle("ext4")), reason=obstacle("ext4"))
def test_what_was_acknowledged_is_there_after_the_power_was_cut_and_what_was_open_ends() -> None:
    seed = subprocess.run(
        ["git", "rev-list", "--count", "HEAD"], cwd=TOP, capture_output=True, text=True
    ).stdout.strip()
    words = ["--file-systems", "ext4", "--cuts", "2", "--seed", seed or "1"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.powercut.cuts", *words], cwd=TOP, capture_output=True, text=True, check=False
    )
    if done.returncode == 3:
        pytest.skip(done.stdout.splitlines()[-1])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| ext4 | 2 | " in done.stdout


def test_what_git_wrote_is_flushed_before_the_log_is(repo: Repo, tmp_path: Path) -> None:
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    repo.run("start", "payment")
    trace = tmp_path / "calls"
    words = ["strace", "-f", "-y", "-qq", "-o", str(trace), "-e", "trace=syncfs,fsync", str(PROGRAM)]
    done = subprocess.run(
        [*words, "note", "payment", "a note"], cwd=repo.root, env=repo.env, capture_output=True, text=True
    )
    if "ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    calls = re.findall(r"(\w+)\(\d+<([^>]*)>", trace.read_text())
    git = os.path.realpath(repo.root / ".git")
    assert (done.returncode, calls) == (0, [("syncfs", git), ("fsync", f"{git}/orchestrator/events.jsonl")])
