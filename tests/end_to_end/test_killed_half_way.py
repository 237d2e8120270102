"""Killed half way, and what does not end: a real SIGKILL at a chosen call of git, then the next command."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

from tests.conftest import PROGRAM, Repo

# Where a rollback is killed: it is ordered and what was there is rescued; refs are locked, then files are written.
BEGINS = "core.filesRefLockTimeout=1000"
MOVES = "read-tree -m -u"


def killed(repo: Repo, at: str, *words: str) -> None:
    """Call `orchestrator`; the first git that is called with the words `at` kills the command, its group and itself."""
    with_git(repo, f'case " $* " in *" {at} "*) kill -9 0 ;; esac\n', *words)


def with_git(repo: Repo, script: str, *words: str) -> None:
    """Call `orchestrator`, to be killed, with a git that does `script` first."""
    bin_ = repo.root.parent / "bin"
    bin_.mkdir(exist_ok=True)
    git = bin_ / "git"
    git.write_text(f'#!/bin/sh\n{script}exec {shutil.which("git")} "$@"\n')
    git.chmod(0o755)
    _killed(repo, {**repo.env, "PATH": f"{bin_}{os.pathsep}{repo.env['PATH']}"}, *words)


def killed_in(repo: Repo, what: str, *words: str) -> None:
    """Call `orchestrator`; git is killed with it as it checks README out ("smudge") or adds it to the kit's index ("clean")."""
    deadly = repo.root.parent / "deadly"
    deadly.touch()
    repo.git(
        "config",
        f"filter.deadly.{what}",
        f"case {what}$GIT_INDEX_FILE in smudge|clean*.tree) ! rm {deadly} || kill -9 0 ;; esac 2>&-; cat",
    )
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


def killed_holding_refs(repo: Repo, what: str, *words: str) -> None:
    """Call `orchestrator`; its first transaction that is to `what` refs is killed when all of them are locked."""
    script = f"""
case " $* " in *" update-ref "*" --stdin ")
    cat >"$0.in"
    if grep -q "^{what}" "$0.in"; then
        {{ echo start; cat "$0.in"; echo prepare; sleep 9; }} | {shutil.which("git")} "$@" | {{ read a; read b; kill -9 0; }}
    fi
    exec {shutil.which("git")} "$@" <"$0.in"
esac
"""
    with_git(repo, script, *words)


# --- a worktree that git only half made ------------------------------------------------------------


def test_a_half_made_worktree_is_made_again_and_one_that_the_user_moved_is_not_forgotten(repo: Repo) -> None:
    moved = repo.root.parent / "moved"
    repo.git("worktree", "add", "-q", "-b", "mine", str(repo.root.parent / "mine"))
    (repo.root.parent / "mine").rename(moved)
    repo.run("start", "payment")
    killed_in(repo, "smudge", "next")
    assert not (repo.worktree("payment") / "README").exists()
    assert "git had only half made is set aside as" in step(repo)
    assert repo.git("diff", "--name-status", "main", "feat/payment") == "A\twork-payment.txt"
    (aside,) = repo.worktree("payment").parent.glob("payment.half-made-*")
    assert not (aside / ".git").exists()  # it named what is the new worktree's by now: git would act on that
    repo.git("worktree", "remove", "--force", str(repo.worktree("payment")))
    killed_in(repo, "smudge", "run")  # made again, it is one that the log knows
    step(repo)
    assert repo.git("diff", "--name-status", "main", "feat/payment") == "A\twork-payment.txt"
    assert "\n1/1\n" in (repo.worktree("payment") / ".context/feat-payment_decisions.md").read_text()
    repo.git("worktree", "repair", str(moved))
    assert repo.git("branch", "--show-current", cwd=moved) == "mine"


@pytest.mark.parametrize("emptied", [(".git",), ("gitdir",), ("HEAD", "locked"), (".git", "gitdir", "HEAD", "locked")])
def test_a_new_worktree_that_a_power_cut_emptied_is_set_aside_and_made_again(
    repo: Repo, emptied: tuple[str, ...]
) -> None:
    repo.run("start", "payment")
    place = repo.worktree("payment")
    repo.git("worktree", "add", "-q", str(place), "feat/payment")
    (place / "mine.txt").write_text("mine\n")
    for name in emptied:
        (place / name if name == ".git" else repo.root / ".git/worktrees/payment" / name).write_text("")
    step(repo)
    (aside,) = place.parent.glob("payment.half-made-*")
    assert (aside / "mine.txt").read_text() == "mine\n"


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


# --- locks that a killed git leaves ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "left"),
    [("update refs/orchestrator/checkpoint/", "refs/tags/checkpoint/payment"), ("delete", "packed-refs.lock")],
)
def test_locks_of_the_kits_own_refs_that_a_killed_git_left_stop_nobody(repo: Repo, what: str, left: str) -> None:
    toml = (repo.root / "orchestrator.toml").read_text()
    repo.write("orchestrator.toml", f"{toml}[checkpoints]\ntags = 1\n")
    repo.run("start", "payment")
    killed_holding_refs(repo, what, "next")
    found = [str(one.relative_to(repo.root / ".git")) for one in (repo.root / ".git").rglob("*.lock")]
    assert any(one.startswith(left) for one in found), found
    step(repo)
    assert repo.run("verify").endswith("everything else is as it says\n")


def test_a_lock_of_the_kits_own_index_that_a_killed_git_left_stops_nobody(repo: Repo) -> None:
    repo.run("start", "payment")
    killed_in(repo, "clean", "next")
    assert (repo.root / ".git/orchestrator/index/payment.tree.lock").exists()
    step(repo)


def test_a_lock_of_the_branch_that_a_killed_start_left_stops_no_second_start(repo: Repo) -> None:
    repo.write(".git/refs/heads/feat/payment.lock", "")
    assert "payment: branch feat/payment made" in repo.run("start", "payment")
    assert not (repo.root / ".git/refs/heads/feat/payment.lock").exists()


def test_a_lock_of_the_branch_that_a_killed_worktree_add_left_stops_no_second_one(repo: Repo) -> None:
    repo.run("start", "payment")
    lock = repo.write(".git/refs/heads/feat/payment.lock", "")
    step(repo, "payment")
    assert not lock.exists()


def test_a_lock_that_a_killed_commit_left_parks_its_feature_and_no_other(repo: Repo) -> None:
    two_features(repo)
    hook = repo.write(".git/hooks/pre-commit", "#!/bin/sh\nkill -9 0\n")
    hook.chmod(0o755)
    words = ["git", "commit", "--all", "--allow-empty", "-qm", "mine"]
    tree, lock = repo.worktree("payment"), repo.root / ".git/worktrees/payment/index.lock"
    subprocess.run(words, cwd=tree, env=repo.env, start_new_session=True, check=False)
    hook.unlink()
    assert repo.run("next").startswith("landing  1/1  attempt 1  passed")
    assert f"parked: it cannot begin: git's lock {lock} stays" in repo.run("next", "payment")
    assert repo.events("attempt_failed") == []
    lock.unlink()
    repo.run("resume", "payment")
    step(repo, "payment")


# --- a rollback that cannot end --------------------------------------------------------------------


def two_features(repo: Repo) -> None:
    """Start payment and landing; payment has done a step."""
    repo.run("start", "payment")
    repo.run("start", "landing")
    step(repo)


def test_a_rollback_that_cannot_end_holds_only_itself_back_and_ends_when_its_cause_is_gone(repo: Repo) -> None:
    two_features(repo)
    killed(repo, BEGINS, "rollback", "payment")
    lock = repo.write(".git/refs/heads/feat/payment.lock", "another git's\n")
    done = repo.call("next")
    assert done.stdout.startswith("landing  1/1  attempt 1  passed")
    assert done.stderr.count("payment: its rollback does not end: git update-ref:") == 1
    done = repo.call("run", "-j", "2")
    assert "landing  2/1  attempt 1  waits at a gate" in done.stdout
    assert "payment: git update-ref:" in done.stderr
    assert "does not end: git update-ref: fatal: prepare: cannot lock ref" in repo.run("status", "--why")
    assert len(repo.events("note_added", "rollback_ordered")) == 2
    lock.unlink()
    assert "payment: ended a rollback that had been interrupted" in repo.call("next").stderr
    assert repo.git("rev-parse", "feat/payment") == repo.git("rev-parse", "checkpoint/payment/1")


def test_a_rollback_whose_git_dies_as_it_moves_files_is_not_called_off_and_the_next_command_ends_it(repo: Repo) -> None:
    two_features(repo)
    git = repo.root.parent / "bin/git"
    git.parent.mkdir()
    git.write_text(f'#!/bin/sh\ncase " $* " in *" {MOVES} "*) kill -9 $$ ;; esac\nexec {shutil.which("git")} "$@"\n')
    git.chmod(0o755)
    done = repo.call("rollback", "payment", PATH=f"{git.parent}{os.pathsep}{repo.env['PATH']}")
    assert (done.returncode, "exit status -9" in done.stderr) == (1, True), done
    assert repo.events("rollback_aborted") == []
    assert "ended what had been interrupted" in repo.run("rollback", "payment")
    assert repo.git("rev-parse", "feat/payment") == repo.git("rev-parse", "checkpoint/payment/1")


def test_a_rollback_whose_branch_moved_meanwhile_is_called_off_and_the_commit_stays(repo: Repo) -> None:
    two_features(repo)
    killed(repo, BEGINS, "rollback", "payment")
    (repo.root / ".git/worktrees/payment/index.lock").unlink()  # git tells whoever commits to remove it
    later = repo.commit("by hand", cwd=repo.worktree("payment"))
    done = repo.call("next")
    assert done.stdout.startswith("landing  1/1  attempt 1  passed")
    assert "payment: its rollback does not end: feat/payment has moved on since" in done.stderr
    assert [len(repo.events(one)) for one in ("rollback_ordered", "rollback_aborted", "rollback_executed")] == [1, 1, 0]
    assert repo.git("rev-parse", "feat/payment") == later


# --- a rollback that was killed, called again by the person ----------------------------------------


def test_a_killed_rollback_called_again_ends_the_one_ordered_and_is_no_second(repo: Repo) -> None:
    repo.run("start", "payment")
    step(repo)
    tip, tree = repo.git("rev-parse", "feat/payment"), repo.worktree("payment")
    (tree / "loose.txt").write_text("mine\n")
    killed(repo, MOVES, "rollback", "payment", "--to", "1")
    assert repo.refused("resume", "payment").startswith("a rollback of payment is under way")
    assert repo.run("rollback", "payment", "--dry-run").startswith("payment: a rollback was interrupted")
    assert repo.run("rollback", "payment") == "payment: ended what had been interrupted; workflow 1, phase 1, failed\n"
    assert repo.git("rev-parse", "feat/payment") == repo.git("rev-parse", "checkpoint/payment/1")
    assert not (tree / "loose.txt").exists()

    killed(repo, MOVES, "rollback", "payment", "--undo")
    assert repo.run("rollback", "payment", "--undo").startswith("payment: ended what had been interrupted")
    assert repo.git("rev-parse", "feat/payment") == tip
    assert (tree / "loose.txt").read_text() == "mine\n"
    kinds = ("rollback_ordered", "rollback_executed", "rollback_undone")
    assert [len(repo.events(one)) for one in kinds] == [2, 1, 1]


# --- the line, read while steps run ----------------------------------------------------------------


# Both first steps run at once. Payment's edits the line and looks on; landing's then leaves what the validation
# refuses, once, and goes on while payment's still looks.
EDITS_THE_LINE = r"""
here=$PWD
cd "$ORCHESTRATOR_MAIN/.."
touch there-$slug
until [ -e there-payment ] && [ -e there-landing ]; do sleep 0.02; done
if [ $slug = payment ] && [ ! -e edited ]; then
    cp -R edit/. shop/
    touch edited
    for n in 1 2 3; do (cd shop && orchestrator status) >>seen 2>&1 || echo FAILED >>seen; done
fi
until [ -e edited ]; do sleep 0.02; done
cd "$here"
[ $slug = payment ] || if [ -e broken ]; then rm broken; elif ! [ -e work-landing.txt ]; then touch broken; fi
"""


def test_a_line_edited_during_steps_is_in_effect_from_the_next_one_on_but_for_what_waits_for_a_yes(repo: Repo) -> None:
    repo.script("default", EDITS_THE_LINE)
    edits = {"line/add-feature-1-make.md": "Look twice", "line/add-feature-2-show.md": "", "orchestrator.toml": "true"}
    for name, new in edits.items():
        old = re.compile(r"Look at it|^#+ GATE.*|^APPROVE.*|test ! -e broken", re.MULTILINE)
        repo.write(f"../edit/{name}", old.sub(new, (repo.root / name).read_text()))
    repo.run("start", "payment")
    repo.run("start", "landing")
    done = repo.call("run", "-j", "2")
    assert done.returncode == 10, done
    assert "landing  1/1  attempt 1  failed: the validation failed" in done.stdout
    assert "changes of the line that wait for a person's yes" in done.stderr
    for name in ("payment", "landing"):
        first, *_, second, third = repo.briefs(name)
        assert "Write the file." in first
        assert "Look twice." in second
        assert "Draw the screen." in third
        assert repo.state(name)["current_phase"] == "GATE 1"
    seen = (repo.root.parent / "seen").read_text()
    assert seen.count("worked on by `orchestrator run") >= 3
    assert "FAILED" not in seen


def test_a_log_torn_between_two_checkpoints_of_one_drain_loses_neither_of_the_commits(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("next")
    contexts = (repo.root / ".context", repo.worktree("payment") / ".context")
    states = [path for one in contexts for path in one.glob("feat-payment_orchestrator-*")]
    there = {path: path.read_bytes() for path in states}
    for name in ("one", "two", "three"):
        repo.git("commit", "--quiet", "--allow-empty", "--message", name, cwd=repo.worktree("payment"))
    log = repo.root / ".git/orchestrator/events.jsonl"
    size = len(log.read_bytes())
    repo.run("status")
    first = log.read_bytes().index(b"\n", size) + 1
    os.truncate(log, first + 20)  # as a power cut leaves it: the first event whole, the second in part, nothing else
    (repo.root / ".git/orchestrator/fold.json").unlink()
    (repo.root / ".context/orchestrator-events.db").unlink()
    done = repo.call("status")
    assert (done.returncode, "shown is the state up to it" in done.stderr) == (0, True)  # the states know of more
    for path, content in there.items():
        path.write_bytes(content)
    assert "torn line" in repo.call("status").stderr
    taken = [one["commit"] for one in repo.json("checkpoints", "payment")["checkpoints"]]
    made = repo.git("log", "--format=%H", "-3", "feat/payment").split()
    assert [taken.count(commit) for commit in made] == [1, 1, 1]


def test_a_torn_end_that_a_killed_command_set_aside_is_told_and_recorded_by_the_next(repo: Repo) -> None:
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    repo.run("start", "payment")
    log = repo.root / ".git/orchestrator/events.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole + b'{"id":99,"torn')
    words = ["strace", "-f", "-qq", "-o", os.devnull, "-P", str(log), "-e", "trace=write",
             "-e", "inject=write:error=EIO:signal=KILL", str(PROGRAM), "note", "payment", "-m", "lost"]  # fmt: skip
    done = subprocess.run(words, cwd=repo.root, env=repo.env, capture_output=True, text=True, check=False)
    if "ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    assert (done.returncode != 0, log.read_bytes()) == (True, whole)

    said = repo.call("note", "payment", "-m", "kept").stderr
    (event,) = repo.events("log_repaired")
    aside = log.with_name(event["payload"]["aside"])
    assert aside.read_bytes() == b'{"id":99,"torn'
    assert f"the log ended in a torn line; it is set aside in {aside}" in said
    repo.run("note", "payment", "-m", "and no second time")
    assert len(repo.events("log_repaired")) == 1
