"""Killed half way, and what does not end: a real SIGKILL as git works, then the next command."""

from __future__ import annotations

import os
import shutil
import subprocess

from tests.conftest import PROGRAM, Repo


def killed_in_checkout(repo: Repo, *words: str) -> None:
    """Call `orchestrator`; the first checkout of README kills the command and git as it writes files."""
    deadly = repo.root.parent / "deadly"
    deadly.touch()
    repo.git("config", "filter.deadly.smudge", f"! rm {deadly} 2>/dev/null || kill -9 0; cat")
    repo.write(".git/info/attributes", "README filter=deadly\n")
    _killed(repo, repo.env, *words)


def _killed(repo: Repo, env: dict[str, str], *words: str) -> None:
    null = subprocess.DEVNULL
    done = subprocess.run(
        [PROGRAM, *words], cwd=repo.root, env=env, stdin=null, capture_output=True, start_new_session=True, check=False
    )
    assert done.returncode == -9, done


def step(repo: Repo, *words: str) -> str:
    """Do a step that passes and return what was said beside it."""
    done = repo.call("next", *words)
    assert "attempt 1  passed" in done.stdout, (done.stdout, done.stderr)
    return done.stderr


# --- a worktree that git only half made ------------------------------------------------------------


def test_a_half_made_worktree_is_made_again_and_one_that_the_user_moved_is_not_forgotten(repo: Repo) -> None:
    moved = repo.root.parent / "moved"
    repo.git("worktree", "add", "-q", "-b", "mine", str(repo.root.parent / "mine"))
    (repo.root.parent / "mine").rename(moved)
    repo.run("start", "payment")
    killed_in_checkout(repo, "next")
    assert not (repo.worktree("payment") / "README").exists()
    assert "git had only half made is set aside as" in step(repo)
    assert repo.git("diff", "--name-status", "main", "feat/payment") == "A\twork-payment.txt"
    repo.git("worktree", "remove", "--force", str(repo.worktree("payment")))
    killed_in_checkout(repo, "run")  # made again, it is one that the log knows
    step(repo)
    assert repo.git("diff", "--name-status", "main", "feat/payment") == "A\twork-payment.txt"
    assert "\n1/1\n" in (repo.worktree("payment") / ".context/feat-payment_decisions.md").read_text()
    repo.git("worktree", "repair", str(moved))
    assert repo.git("branch", "--show-current", cwd=moved) == "mine"


def test_a_worktree_that_keeps_git_from_listing_any_is_cleared(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.git("worktree", "add", "-q", str(repo.worktree("payment")), "feat/payment")
    inside = repo.root / ".git/worktrees/payment"
    for name in ("index", "commondir", "HEAD"):  # as they are when git is killed a few writes in
        (inside / name).write_text("" if name == "commondir" else "0" * 40)
    (inside / "locked").write_text("initializing")
    os.utime(inside / "locked", ns=(0, 0))
    assert "`orchestrator status` sets a feature's aside" in repo.refused("verify")
    assert "set aside as" in repo.call("status").stderr
    step(repo)


def test_a_folder_that_is_not_gits_half_work_stays_where_it_is(repo: Repo) -> None:
    repo.run("start", "payment")
    mine = repo.worktree("payment") / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine\n")
    assert "is in the way of the worktree of payment" in repo.run("next")
    assert mine.read_text() == "mine\n"
    shutil.rmtree(mine.parent)
    repo.run("resume", "payment")
    step(repo)
    mine.write_text("mine\n")
    repo.git("worktree", "lock", "--reason", "initializing", str(mine.parent))
    assert "set aside" not in step(repo)
    assert mine.read_text() == "mine\n"
