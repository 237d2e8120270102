"""What a command names in the log is on the disk by then, and what it shows comes after the log: seen by strace."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence

import pytest

from tests.conftest import PROGRAM, Repo

CALLS = "trace=write,fsync,syncfs,rename,renameat,renameat2,link,linkat"
# What is seen, in the words of the tests; the first pattern that a call matches is its name.
SEEN = {
    "log written": r"write\(\d+<[^>]*/events\.jsonl>",
    "log flushed": r"fsync\(\d+<[^>]*/events\.jsonl>",
    "all flushed": r"syncfs\(",
    "state": r"rename\w*\(.*_orchestrator-state\.json\"",
    "rescue named": r"rename\w*\(.*refs/orchestrator/rescue/[^\"]*\"",
    "git wrote": r"(?:rename|link)\w*\(.*[\"/](?:objects|refs)/[^\"]*\"(?:, 0)?\)",
    "tar": r"rename\w*\(.*/backups/[^\"]*\.tar\.gz\"",
}


def seen(repo: Repo, *words: str) -> list[str]:
    """Run a command and return what it and its children did that lasts, in order, repetitions left out."""
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    trace = repo.root.parent / "calls"
    command = ["strace", "-f", "-y", "-qq", "-s", "200", "-o", str(trace), "-e", CALLS, PROGRAM, *words]
    done = subprocess.run(
        command, cwd=repo.root, env=repo.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if "ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    named = [name for line in trace.read_text(errors="replace").splitlines() if (name := _name(line))]
    return [name for place, name in enumerate(named) if place == 0 or name != named[place - 1]]


def _name(line: str) -> str | None:
    return next((name for name, pattern in SEEN.items() if re.search(pattern, line)), None)


def unflushed(calls: Sequence[str]) -> list[int]:
    """Return the places of the writes to the log before which something of git's or a tar was not flushed."""
    found, is_flushed = [], True
    for place, name in enumerate(calls):
        if name in ("git wrote", "rescue named", "tar"):
            is_flushed = False
        elif name == "all flushed":
            is_flushed = True
        elif name == "log written" and not is_flushed:
            found.append(place)
    return found


@pytest.fixture
def begun(repo: Repo) -> Repo:
    """A feature after its first step, with a commit that nobody recorded yet."""
    repo.run("start", "payment")
    repo.run("next")
    return repo


def test_a_commit_is_flushed_before_its_checkpoint_is_recorded(begun: Repo) -> None:
    begun.git("commit", "-q", "--allow-empty", "-m", "by hand", cwd=begun.worktree("payment"))
    calls = seen(begun, "status")
    assert calls.count("log written") == 1
    assert unflushed(calls) == []
    assert begun.events("checkpoint_created")[-1]["payload"]["action"] == "commit: by hand"


def test_refs_snapshot_and_tar_are_flushed_before_their_rollback_point_is_recorded(begun: Repo) -> None:
    calls = seen(begun, "checkpoint", "payment")
    assert ("tar" in calls, calls.count("log written"), unflushed(calls)) == (True, 1, [])


def test_a_new_branch_is_flushed_before_its_feature_is_recorded(repo: Repo) -> None:
    calls = seen(repo, "start", "payment")
    assert ("git wrote" in calls, unflushed(calls)) == (True, [])
    assert repo.events("feature_created") != []


def test_what_a_rollback_wrote_is_flushed_before_each_of_its_events(begun: Repo) -> None:
    (begun.worktree("payment") / "mine.txt").write_text("mine\n")
    calls = seen(begun, "rollback", "payment")
    assert (calls.count("log written"), unflushed(calls)) == (2, [])
    assert calls[calls.index("rescue named") - 1] == "all flushed"


def test_a_state_shows_what_is_in_the_log_already(begun: Repo) -> None:
    calls = seen(begun, "note", "payment", "seen")
    assert calls == ["all flushed", "log written", "log flushed", "state"]


def test_a_log_that_takes_nothing_leaves_the_states_as_they_are(begun: Repo) -> None:
    if not shutil.which("prlimit"):
        pytest.skip("needs prlimit")
    size = (begun.root / ".git/orchestrator/events.jsonl").stat().st_size
    before = begun.state_file("payment").read_bytes()
    assert len(before) < size
    done = subprocess.run(
        ["prlimit", f"--fsize={size + 10}", PROGRAM, "note", "payment", "unheard"],
        cwd=begun.root, env=begun.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert "not recorded" in done.stderr
    assert begun.state_file("payment").read_bytes() == before
    assert begun.state("payment")["notes"] == []
