"""What a worktree gets before its first step: room, files that git ignores, a setup; and numbers of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.conftest import PROGRAM, Repo
from tests.end_to_end.test_agents_and_faults import _carrying, _until

SETUP = "echo go >>../../setups; cat ../../said; test ! -e ../../offline"
MEET = """\
echo "$ORCHESTRATOR_SLOT" >"$ORCHESTRATOR_MAIN/../slot-$slug"
until [ -e "$ORCHESTRATOR_MAIN/../all" ]; do sleep 0.05; done
"""
# Stands before git on PATH: two `git worktree add` at the same time leave a word.
WATCHED = """\
#!/bin/sh
case " $* " in *" worktree add "*) ;; *) exec "{git}" "$@" ;; esac
mkdir "{top}/adding" 2>/dev/null || echo overlap >>"{top}/overlaps"
echo one >>"{top}/added"
sleep 0.05
"{git}" "$@"; status=$?
rmdir "{top}/adding" 2>/dev/null
exit $status
"""


def configure(repo: Repo, *lines: str) -> None:
    """Put `[worktrees]` with these lines into the configuration, in place of what it said there."""
    path = repo.root / "orchestrator.toml"
    path.write_text("\n".join([path.read_text().partition("[worktrees]")[0], "[worktrees]", *lines, ""]))


def setups(repo: Repo) -> int:
    path = repo.root.parent / "setups"
    return path.read_text().count("go\n") if path.exists() else 0


def test_ignored_files_are_copied_once_and_what_is_not_is_named(repo: Repo) -> None:
    (repo.root / ".git/info/exclude").write_text(".context/\n.env*\n")
    repo.write(".env", "KEY=1\n").chmod(0o600)
    configure(repo, 'copy = [".env", "README", ".env.late"]')
    repo.run("start", "payment")
    said = repo.call("next").stderr
    tree = repo.worktree("payment")
    assert ((tree / ".env").read_text(), (tree / ".env").stat().st_mode & 0o777) == ("KEY=1\n", 0o600)
    assert "payment: [worktrees] copy: README not copied: git brings what is tracked\n" in said
    assert "there is no .env.late in the main worktree; it is copied as soon as there is\n" in said
    (tree / ".env").write_text("KEY=mine\n")
    repo.write(".env.late", "LATE=1\n")
    assert "[worktrees]" not in repo.call("next").stderr
    assert [(tree / name).read_text() for name in (".env", ".env.late")] == ["KEY=mine\n", "LATE=1\n"]
    assert repo.git("ls-tree", "-r", "--name-only", "feat/payment").count(".env") == 0


def test_a_setup_that_fails_parks_and_is_run_again_until_it_succeeded_once(repo: Repo) -> None:
    (repo.root.parent / "said").write_text("resolving\nno network\n")
    (repo.root.parent / "offline").touch()
    configure(repo, f'setup = "{SETUP}"')
    repo.run("start", "payment")
    output = repo.root / ".git/orchestrator/output/payment.setup.log"
    why = f"it cannot begin: the setup failed (exit 1): no network; its output is in {output}"
    assert repo.run("next").rstrip() == f"payment  1/1  attempt 1  parked: {why}"
    assert (output.read_text(), repo.state("payment")["attempts"]) == ("resolving\nno network\n", {})
    assert repo.events("phase_started", "attempt_failed") == []
    (repo.root.parent / "offline").unlink()
    repo.run("resume", "payment")
    assert ["attempt 1  passed" in repo.run("next") for _ in range(2)] == [True, True]
    assert setups(repo) == 2


def test_a_changed_setup_counts_at_once_and_a_worktree_made_anew_gets_it_again(repo: Repo) -> None:
    (repo.root.parent / "said").touch()
    configure(repo, f'setup = "{SETUP}"')
    repo.run("start", "payment")
    repo.run("next")
    configure(repo, f'setup = "{SETUP} && true"')
    repo.run("next")
    assert setups(repo) == 2
    shutil.rmtree(repo.worktree("payment"))
    repo.git("worktree", "prune")
    repo.run("next")
    assert setups(repo) == 3


def test_a_setup_has_the_environment_of_a_validation_and_changes_it_left_are_named(repo: Repo) -> None:
    configure(repo, 'setup = "env | grep ^ORCHESTRATOR_ >../../env; pwd >>../../env; echo 1 >lock.json"')
    repo.run("start", "payment")
    said = repo.call("next").stderr
    *lines, where = (repo.root.parent / "env").read_text().splitlines()
    found = dict(line.split("=", 1) for line in lines)
    assert found.pop("ORCHESTRATOR_RUN_ID") != repo.events("phase_started")[0]["payload"]["run"]
    assert where == str(repo.worktree("payment"))
    assert [found[f"ORCHESTRATOR_{name}"] for name in ("FEATURE", "WORKFLOW", "PHASE", "SLOT")] == [
        "payment",
        "1",
        "1",
        "0",
    ]
    assert "payment: the setup left changes that git does not ignore (lock.json); the first step commits them\n" in said


def test_a_setup_that_was_killed_with_the_kit_leaves_no_process_and_is_run_again(repo: Repo) -> None:
    pid = repo.root.parent / "pid"
    configure(repo, 'setup = "echo go >>../../setups; test -e ../../pid || { echo $$ >../../pid; setsid sleep 300; }"')
    repo.run("start", "payment")
    child = subprocess.Popen([PROGRAM, "next"], cwd=repo.root, env=repo.env, stdin=subprocess.DEVNULL)
    _until(lambda: pid.exists() and pid.read_text().strip() != "")
    mark = repo.root / ".git/worktrees/payment/orchestrator-furnished.json"
    run = json.loads(mark.read_text())["run"]
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert _carrying(run) != []
    assert "attempt 1  passed" in repo.run("next")
    assert (setups(repo), _carrying(run)) == (2, [])


def test_a_brief_is_handed_out_only_after_the_setup_succeeded(repo: Repo) -> None:
    configure(repo, 'setup = "echo no network; exit 3"')
    repo.run("start", "payment")
    assert repo.refused("brief", "payment").startswith("the setup failed (exit 3): no network; its output is in ")
    configure(repo, 'setup = "true"')
    assert "Write the file." in repo.run("brief", "payment")


def test_the_main_worktree_is_not_set_up(repo: Repo) -> None:
    configure(repo, 'setup = "exit 1"')
    repo.commit("a setup")
    repo.run("start", "payment", "--checkout")
    assert "attempt 1  passed" in repo.run("next")


def test_no_two_attempts_at_work_have_the_same_slot_in_one_process_and_across_processes(repo: Repo) -> None:
    names = ("payment", "landing", "login")
    configuration = (repo.root / "orchestrator.toml").read_text()
    checked = "echo $ORCHESTRATOR_SLOT >>$ORCHESTRATOR_MAIN/../checked-$ORCHESTRATOR_FEATURE"
    repo.write("orchestrator.toml", configuration.replace("test ! -e broken", checked))
    repo.script("default", MEET)
    for name in names:
        repo.run("start", name)
    top, quiet = repo.root.parent, subprocess.DEVNULL
    one = subprocess.Popen([PROGRAM, "next", "login"], cwd=repo.root, env=repo.env, stdin=quiet, stdout=quiet)
    _until(lambda: (top / "slot-login").exists())
    two = subprocess.Popen([PROGRAM, "run", "-j", "2"], cwd=repo.root, env=repo.env, stdin=quiet, stdout=quiet)
    _until(lambda: all((top / f"slot-{name}").exists() for name in names))
    given = {name: (top / f"slot-{name}").read_text() for name in names}
    (top / "all").touch()
    assert (one.wait(30), two.wait(60)) == (0, 10)
    assert sorted(given.values()) == ["0\n", "1\n", "2\n"]
    assert {name: (top / f"checked-{name}").read_text().splitlines()[0] + "\n" for name in names} == given


@pytest.mark.parametrize("small_disk", ["2m"], indirect=True)
def test_without_room_for_the_checkout_the_feature_is_parked_and_nothing_is_half_made(
    repo: Repo, small_disk: Path
) -> None:
    configure(repo, f'root = "{small_disk}"')
    repo.write("large.txt", "large\n" * 500_000)
    repo.commit("large")
    repo.run("start", "payment")
    out = repo.run("next")
    place = small_disk / "payment"
    assert f"parked: it cannot begin: there is no room for the worktree {place} of payment: it takes 3 MB, and " in out
    assert "MB are free; make room there, or set [worktrees] root to another disk" in out
    assert (list(small_disk.iterdir()), repo.git("worktree", "list").count("\n")) == ([], 0)
    subprocess.run(["mount", "-o", "remount,size=20m", small_disk], check=True)
    repo.run("resume", "payment")
    assert "attempt 1  passed" in repo.run("next")


def test_worktrees_are_made_one_at_a_time_also_by_two_runs_that_begin_many_at_once(repo: Repo) -> None:
    top = repo.root.parent
    git = repo.write("../bin/git", WATCHED.format(git=shutil.which("git"), top=top))
    git.chmod(0o755)
    names = [f"f{number}" for number in range(4)]
    for name in names:
        repo.run("start", name)
    env = {**repo.env, "PATH": f"{git.parent}{os.pathsep}{repo.env['PATH']}"}
    words, pipe = [PROGRAM, "run", "-j", "4"], subprocess.PIPE
    both = [
        subprocess.Popen(words, cwd=repo.root, env=env, stdin=subprocess.DEVNULL, stdout=pipe, text=True)
        for _ in range(2)
    ]
    said = [one.communicate(timeout=120)[0] for one in both]
    assert [one.returncode for one in both] == [10, 10], said
    assert (top / "added").read_text().count("one\n") == len(names)
    assert not (top / "overlaps").exists()
    assert {one["current_phase"] for one in repo.json("status")["features"]} == {"GATE 1"}
