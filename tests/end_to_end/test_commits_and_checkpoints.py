"""Commits, however they come to be, become checkpoints: neither lost nor doubled, and the commit is not held up."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from orchestrator.assets import HOOKS, hook
from tests.conftest import PROGRAM, Repo


def install_hooks(repo: Repo) -> None:
    """Write the kit's hooks as `init` does."""
    folder = repo.root / ".git/hooks"
    for name in HOOKS:
        path = folder / name
        path.write_bytes(hook(name, str(PROGRAM.with_name("python"))))
        path.chmod(0o755)


def own(repo: Repo, *words: str) -> str:
    """Call git in the feature's worktree."""
    return repo.git(*words, cwd=repo.worktree("payment"))


def begun(repo: Repo, hooks: bool = True) -> None:
    if hooks:
        install_hooks(repo)
    repo.run("start", "payment")
    repo.run("next")


def commits(repo: Repo) -> list[str]:
    """Return the commits of all checkpoints, in order, without the rollback points'."""
    return [one["payload"]["commit"] for one in repo.events("checkpoint_created") if "cause" not in one["payload"]]


def test_the_hook_records_a_commit_without_any_other_command(repo: Repo) -> None:
    begun(repo)
    own(repo, "commit", "-q", "--allow-empty", "-m", "mine")
    tip = own(repo, "rev-parse", "HEAD")
    assert commits(repo)[-1] == tip
    assert repo.events("checkpoint_created")[-1]["actor"] == "hook:post-commit"


def test_without_hooks_the_next_command_records_each_commit_once_and_marks_the_older_late(repo: Repo) -> None:
    begun(repo, hooks=False)
    made = []
    for number in range(3):
        own(repo, "commit", "-q", "--allow-empty", "-m", str(number))
        made.append(own(repo, "rev-parse", "HEAD"))
    repo.run("status")
    repo.run("status")
    assert commits(repo)[-3:] == made
    assert [one["late"] for one in repo.json("checkpoints", "payment")["checkpoints"]][-3:] == [True, True, False]


def test_amend_reset_cherry_pick_merge_rebase_and_am(repo: Repo, tmp_path: Path) -> None:
    begun(repo)
    own(repo, "commit", "-q", "--allow-empty", "-m", "one")
    own(repo, "commit", "-q", "--amend", "--allow-empty", "-m", "one again")
    amended = own(repo, "rev-parse", "HEAD")
    assert commits(repo)[-1] == amended
    count = len(commits(repo))

    own(repo, "reset", "-q", "--hard", "HEAD~1")
    repo.run("status")
    assert len(commits(repo)) == count
    own(repo, "reset", "-q", "--hard", amended)
    repo.run("status")
    assert len(commits(repo)) == count

    repo.write("elsewhere.txt", "x\n")
    pick = repo.commit("on main")
    own(repo, "cherry-pick", pick)
    assert commits(repo)[-1] == own(repo, "rev-parse", "HEAD")
    assert len(commits(repo)) == count + 1

    repo.write("second.txt", "x\n")
    repo.commit("also on main")
    own(repo, "merge", "-q", "--no-ff", "-m", "merge", "main")
    assert commits(repo)[-1] == own(repo, "rev-parse", "HEAD")

    repo.write("third.txt", "x\n")
    repo.commit("third on main")
    own(repo, "rebase", "-q", "main")
    repo.run("status")
    assert commits(repo)[-1] == own(repo, "rev-parse", "HEAD")
    count = len(commits(repo))

    patch = tmp_path / "patch"
    repo.write("fourth.txt", "x\n")
    repo.commit("fourth on main")
    patch.write_text(repo.git("format-patch", "-1", "--stdout") + "\n")
    own(repo, "am", "-q", str(patch))
    assert commits(repo)[-1] == own(repo, "rev-parse", "HEAD")
    assert len(commits(repo)) == count + 1
    assert len(set(commits(repo))) == len(commits(repo))


def test_plain_update_ref_and_commits_with_hooks_off_are_found_by_the_next_command(repo: Repo) -> None:
    begun(repo)
    own(repo, "-c", "core.hooksPath=/dev/null", "commit", "-q", "--allow-empty", "-m", "quiet")
    quiet = own(repo, "rev-parse", "HEAD")
    made = repo.git("commit-tree", "-p", quiet, "-m", "plumbing", f"{quiet}^{{tree}}")
    repo.git("update-ref", "refs/heads/feat/payment", made)
    repo.run("status")
    assert commits(repo)[-2:] == [quiet, made]


def test_without_reflogs_the_tip_alone_is_recorded(repo: Repo) -> None:
    begun(repo, hooks=False)
    repo.git("config", "core.logAllRefUpdates", "false")
    (repo.root / ".git/logs/refs/heads/feat/payment").unlink()
    own(repo, "commit", "-q", "--allow-empty", "-m", "one")
    own(repo, "commit", "-q", "--allow-empty", "-m", "two")
    repo.run("status")
    assert commits(repo)[-1] == own(repo, "rev-parse", "HEAD")
    assert own(repo, "log", "-1", "--format=%s", commits(repo)[-1]) == "two"


def test_a_branch_of_nobody_is_none_of_the_kits_business(repo: Repo) -> None:
    begun(repo)
    before = repo.events()
    repo.git("switch", "-q", "-c", "mine")
    repo.commit("mine")
    assert repo.events() == before


def test_detached_commits_start_one_job_after_another_and_all_are_recorded(repo: Repo) -> None:
    begun(repo)
    env = {**repo.env, "ORCHESTRATOR_HOOKS": ""}
    del env["ORCHESTRATOR_HOOKS"]
    tree = repo.worktree("payment")
    for number in range(20):
        subprocess.run(["git", "commit", "-q", "--allow-empty", "-m", str(number)], cwd=tree, env=env, check=True)
    wanted = own(repo, "rev-list", "--reverse", "HEAD~20..HEAD").split()
    deadline = time.monotonic() + 30
    while commits(repo)[-20:] != wanted and time.monotonic() < deadline:
        os.sched_yield()
    assert commits(repo)[-20:] == wanted


def test_a_commit_succeeds_and_prints_nothing_of_ours_where_the_log_cannot_be_written(repo: Repo) -> None:
    begun(repo)
    log = repo.root / ".git/orchestrator/events.jsonl"
    content = log.read_bytes()
    log.write_bytes(content[:200] + b"#" + content[201:])
    done = subprocess.run(
        ["git", "commit", "-q", "--allow-empty", "-m", "mine"], cwd=repo.worktree("payment"), env=repo.env,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_only_the_newest_tags_stay_and_every_checkpoint_keeps_its_ref(repo: Repo) -> None:
    text = (repo.root / "orchestrator.toml").read_text()
    repo.write("orchestrator.toml", text + "[checkpoints]\ntags = 3\n")
    begun(repo)
    for number in range(4):
        own(repo, "commit", "-q", "--allow-empty", "-m", str(number))
    numbers = sorted(int(name.rsplit("/", 1)[1]) for name in repo.git("tag", "--list", "checkpoint/payment/*").split())
    assert numbers == [4, 5, 6]
    assert len(repo.git("for-each-ref", "refs/orchestrator/checkpoint/payment/").splitlines()) == 6


def test_a_checkpoint_survives_a_deleted_tag_and_a_gc(repo: Repo) -> None:
    begun(repo)
    own(repo, "commit", "-q", "--allow-empty", "-m", "lost?")
    lost = own(repo, "rev-parse", "HEAD")
    own(repo, "reset", "-q", "--hard", "HEAD~1")
    repo.git("tag", "-d", "checkpoint/payment/3")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    assert repo.git("cat-file", "-t", lost) == "commit"
    repo.run("status")
    repo.run("rollback", "payment", "--to", "1")
    assert repo.state("payment")["status"] == "failed"


def test_a_checkpoint_by_hand_is_a_rollback_point_and_says_what_is_not_in_it(repo: Repo) -> None:
    begun(repo)
    (repo.worktree("payment") / "loose.txt").write_text("x\n")
    out = repo.run("checkpoint", "payment")
    assert out == (
        "payment: rollback point checkpoint/payment/3\n"
        "1 uncommitted file is not in it (loose.txt); commit it to keep it with it\n"
    )
    assert [one["n"] for one in repo.state("payment")["rollback_points"]] == [1, 3]


def test_pre_push_says_in_a_line_what_goes_out_behind_an_undecided_deploy_gate_and_never_blocks(
    repo: Repo, tmp_path: Path
) -> None:
    install_hooks(repo)
    repo.git("init", "--quiet", "--bare", str(tmp_path / "remote"))
    repo.git("remote", "add", "origin", str(tmp_path / "remote"))
    repo.run("start", "payment")
    repo.run("run", check=10)
    repo.sit("APPROVE ALL")
    repo.run("run", check=10)
    done = subprocess.run(["git", "push", "-q", "origin", "feat/payment", "--tags"], cwd=repo.root, env=repo.env,
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert "commits of payment, which waits at an undecided deploy gate: GATE 2: Production" in done.stderr
    assert "checkpoint/* tags" in done.stderr


def test_switched_off_a_hook_does_nothing_whoever_calls_it(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("next")
    repo.git("commit", "--quiet", "--allow-empty", "--message", "mine", cwd=repo.worktree("payment"))
    before = len(repo.events("checkpoint_created"))
    repo.env["ORCHESTRATOR_HOOKS"] = "off"  # the pre-commit framework calls the command, and no stub that looks first
    repo.run("hook", "post-commit")
    assert len(repo.events("checkpoint_created")) == before
    del repo.env["ORCHESTRATOR_HOOKS"]
    repo.run("hook", "post-commit")
    assert len(repo.events("checkpoint_created")) == before + 1
