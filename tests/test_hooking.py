"""The job that a hook starts, in real repositories: that it misses no commit, waits for nobody, leaves no marker."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator import checkpoints
from orchestrator.assets import HOOKS, hook
from orchestrator.errors import Busy
from orchestrator.workspace import Workspace
from tests.conftest import Repo
from tests.kit import install

COMMITS = 100


@pytest.fixture
def hooked(repo: Repo) -> Repo:
    """A repository with the kit's hooks and a feature checked out, whose jobs run in the background."""
    for name in HOOKS:
        install(repo.root / ".git/hooks" / name, hook(name, sys.executable))
    repo.run("start", "payment", "--checkout")
    repo.env["ORCHESTRATOR_HOOKS"] = "detach"
    return repo


def marker(repo: Repo) -> Path:
    return repo.root / ".git/orchestrator/drain"


def recorded(repo: Repo) -> list[str]:
    return [one["payload"]["commit"] for one in repo.events("checkpoint_created")]


def commit(repo: Repo, *, inherits: int | None = None) -> None:
    """Commit; with `inherits` a descriptor is open in whatever the commit left behind."""
    subprocess.run(
        ["git", "commit", "--quiet", "--allow-empty", "-m", "work"],
        cwd=repo.root, env=repo.env, check=True, pass_fds=() if inherits is None else (inherits,),
    )  # fmt: skip


def committed(repo: Repo) -> str:
    """Commit, and return the commit when the job that this started has ended."""
    for _ in committing(repo, 1):
        pass
    return repo.git("rev-parse", "HEAD")


def committing(repo: Repo, count: int) -> Iterator[None]:
    """Commit `count` times, with a stop after each; ends when all that was started has."""
    ended, alive = os.pipe()
    with os.fdopen(ended, "rb") as every_child:
        try:
            for _ in range(count):
                commit(repo, inherits=alive)
                yield
        finally:
            os.close(alive)
        every_child.read()


def jobs(root: Path) -> set[int]:
    """Return the processes at work in a folder that are called as hooks call the kit."""
    import psutil

    found = set()
    for one in psutil.process_iter(["cmdline", "cwd"]):
        words = one.info["cmdline"] or []
        if one.info["cwd"] == str(root) and words[1:5] == ["-I", "-m", "orchestrator", "hook"]:
            found.add(one.pid)
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc here")
def test_a_hundred_commits_are_recorded_by_one_job_after_the_other(hooked: Repo) -> None:
    counts = [len(jobs(hooked.root)) for _ in committing(hooked, COMMITS)]
    shas = hooked.git("rev-list", "--reverse", f"HEAD~{COMMITS}..").split()
    assert recorded(hooked) == shas
    assert sum(counts) < COMMITS * 3, counts  # some are on their way out; an interpreter a commit would be ten at once
    assert not marker(hooked).exists()


def test_a_commit_while_the_job_records_is_recorded_by_the_same_job(hooked: Repo) -> None:
    workspace = Workspace.find(hooked.root)
    lock = hooked.root / ".git/orchestrator/events.jsonl.lock"
    with lock.open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # the job comes as far as its first event
        steps = committing(hooked, 2)
        next(steps)
        while checkpoints.unrecorded(workspace) == {} or not hooked.git("for-each-ref", "refs/tags/checkpoint"):
            continue
        next(steps)
        (job,) = jobs(hooked.root)
        assert marker(hooked).read_text() == f"{job}\n"
        fcntl.flock(held, fcntl.LOCK_UN)
        assert list(steps) == []
    assert recorded(hooked) == hooked.git("rev-list", "--reverse", "HEAD~2..").split()
    assert not marker(hooked).exists()


def test_where_nothing_was_started_the_job_takes_its_marker_away(repo: Repo) -> None:
    marker(repo).parent.mkdir()
    marker(repo).write_text("1\n")
    assert (repo.run("hook", "post-commit"), marker(repo).exists()) == ("", False)


def test_a_job_that_fails_takes_its_marker_away(hooked: Repo) -> None:
    hooked.write("orchestrator.toml", "broken")
    committed(hooked)
    assert not marker(hooked).exists()
    assert (marker(hooked).parent / "hook-trouble").read_text().startswith("post-commit: orchestrator.toml: ")


def test_a_job_that_nothing_tells_from_one_at_work_keeps_nobody_away_for_longer_than_to_the_next_command(
    hooked: Repo,
) -> None:
    with subprocess.Popen(["sh", "-c", "read -r _", "hook"], stdin=subprocess.PIPE) as other:
        marker(hooked).write_text(f"{other.pid}\n")
        first = committed(hooked)
        assert recorded(hooked) == []
        hooked.run("status")
        assert (recorded(hooked), marker(hooked).exists()) == ([first], False)
        marker(hooked).write_text(f"{other.pid}\n")
        hooked.run("status")  # also where nothing is to be recorded
        second = committed(hooked)
        other.communicate()
    assert recorded(hooked) == [first, second]


def test_a_job_waits_two_seconds_for_the_right_to_number_and_leaves_the_rest_to_the_next_command(hooked: Repo) -> None:
    with checkpoints.numbering(Workspace.find(hooked.root)):
        first = committed(hooked)
        assert (recorded(hooked), marker(hooked).exists()) == ([], False)
    assert hooked.call("status").stderr == ""
    assert recorded(hooked) == [first]
    assert "hook-trouble" not in hooked.run("verify")


def test_a_command_that_waits_for_the_right_to_number_says_in_the_end_who_has_it(repo: Repo) -> None:
    workspace = Workspace.find(repo.root, "orchestrator rollback payment")
    with checkpoints.numbering(workspace):
        with pytest.raises(Busy) as busy, checkpoints.numbering(Workspace.find(repo.root), patience=0.01):
            pytest.fail("two at once")
        begin = f"checkpoints are being made by `orchestrator rollback payment` (pid {os.getpid()}) since "
        assert str(busy.value).startswith(begin)
    with checkpoints.numbering(workspace, patience=0):
        pass


# --- pre-push --------------------------------------------------------------------------------------


@pytest.fixture
def gated(repo: Repo) -> Repo:
    """A repository in which a feature waits at its deploy gate."""
    repo.write("line/add-feature-1-make.md", "# Ship\n\n## Phase 1: Pack\n\nPack.\n\n## GATE 1: Production\n\nAPPROVE the deploy to production? (yes/no)\n")  # fmt: skip
    repo.commit("a deploy gate")
    repo.run("start", "payment")
    repo.run("next")
    return repo


def test_a_push_through_the_framework_is_told_from_what_the_framework_tells(gated: Repo) -> None:
    said = "orchestrator: this push carries commits of payment, which waits at an undecided deploy gate: GATE 1: Production\n"
    tip = gated.git("rev-parse", "feat/payment")
    name = "refs/heads/feat/payment"
    assert gated.run("hook", "pre-push", "origin", "url", PRE_COMMIT_LOCAL_BRANCH=name, PRE_COMMIT_TO_REF=tip) == said
    assert gated.run("hook", "pre-push", "origin", "url", PRE_COMMIT_LOCAL_BRANCH=name) == said  # a first push
    assert gated.run("hook", "pre-push", "origin", "url", PRE_COMMIT_LOCAL_BRANCH="refs/heads/main") == ""
    tagged = gated.run("hook", "pre-push", "origin", "url", PRE_COMMIT_LOCAL_BRANCH="refs/tags/checkpoint/payment/1")
    assert tagged == "orchestrator: this push carries 1 checkpoint/* tags, which are yours alone\n"
