"""What the agent gets and gives, and what is not its fault."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import KILL_KIT, PROGRAM, Repo


def test_the_agent_gets_its_contract(repo: Repo) -> None:
    repo.script(
        "default", 'env | grep ^ORCHESTRATOR_ | sort >"$ORCHESTRATOR_MAIN/../env"; pwd >>"$ORCHESTRATOR_MAIN/../env"\n'
    )
    repo.run("start", "payment")
    repo.run("next", MAKEFLAGS="-j4", GIT_DIR="/nowhere", CLAUDE_CODE_SESSION_ID="")
    lines = (repo.root.parent / "env").read_text().splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    tree = repo.worktree("payment")
    assert found.pop("ORCHESTRATOR_RUN_ID") == repo.events("phase_started")[0]["payload"]["run"]
    assert found == {
        "ORCHESTRATOR_CONTEXT": str(tree / ".context"),
        "ORCHESTRATOR_FEATURE": "payment",
        "ORCHESTRATOR_HOOKS": "wait",
        "ORCHESTRATOR_MAIN": str(repo.root),
        "ORCHESTRATOR_PHASE": "1",
        "ORCHESTRATOR_SLOT": "0",
        "ORCHESTRATOR_WORKFLOW": "1",
    }
    assert lines[-1] == str(tree)


def test_what_is_left_uncommitted_after_a_pass_is_committed_with_trailers_and_the_users_identity(repo: Repo) -> None:
    repo.script("payment-1-1", "echo new >left.txt\nexit 0\n")
    repo.run("start", "payment")
    repo.run("next")
    message = repo.git("log", "-1", "--format=%an <%ae>%n%B", "feat/payment")
    assert message == ("A Person <person@example.com>\nfeat(payment): 1 1 Write\n\nFeature: payment\nWorkflow: 1")


def test_a_refusal_by_the_users_own_commit_hook_is_a_failed_attempt(repo: Repo) -> None:
    hook = repo.write(".git/hooks/pre-commit", "#!/bin/sh\necho tabs are not welcome\nexit 1\n")
    hook.chmod(0o755)
    repo.script("payment-1-1", "date +%N >left.txt\nexit 0\n")
    repo.run("start", "payment")
    assert "attempt 1  failed: the repository's own hooks refused" in repo.run("next")
    assert "tabs are not welcome" in repo.events("attempt_failed")[0]["payload"]["tail"]


def test_exit_75_parks_and_is_not_counted(repo: Repo) -> None:
    repo.script("payment-1-1", "echo the quota is used up; exit 75\n")
    repo.run("start", "payment")
    assert "parked: the agent says it is not its fault: the quota is used up" in repo.run("next")
    state = repo.state("payment")
    assert (state["status"], state["attempts"]) == ("blocked", {})
    assert state["notes"][-1]["note"].endswith("the quota is used up")
    assert repo.run("next", check=10).count("resume payment") == 1
    (repo.root.parent / "agent/payment-1-1").unlink()
    repo.run("resume", "payment")
    assert "attempt 1  passed" in repo.run("next")


def test_a_program_that_is_missing_parks_every_feature_and_the_run_ends(repo: Repo) -> None:
    text = (repo.root / "orchestrator.toml").read_text()
    repo.write("orchestrator.toml", text.replace('"sh", "agent.sh"', '"no-such-agent"'))
    for name in ("payment", "landing", "login"):
        repo.run("start", name)
    out = repo.run("run", check=10)
    assert out.count("parked: there is no program 'no-such-agent' on PATH") >= 3
    assert [one["attempts"] for one in repo.json("status")["features"]] == [{}, {}, {}]
    assert repo.events("attempt_failed") == []


def test_a_validation_that_is_missing_is_a_fault(repo: Repo) -> None:
    text = (repo.root / "orchestrator.toml").read_text()
    repo.write("orchestrator.toml", text.replace("test ! -e broken", "no-such-check"))
    repo.run("start", "payment")
    assert "parked: the validation `no-such-check` could not run (exit 127)" in repo.run("next")
    assert repo.events("attempt_failed") == []


def test_a_quick_failure_that_changed_no_byte_is_a_fault(repo: Repo) -> None:
    repo.write("fail.sh", "echo please log in; exit 1\n")
    text = (repo.root / "orchestrator.toml").read_text()
    repo.write("orchestrator.toml", text.replace("agent.sh", "fail.sh"))
    repo.commit("an agent that cannot log in")
    repo.run("start", "payment")
    assert "parked: it failed at once and changed nothing: the agent ended with exit status 1" in repo.run("next")
    assert repo.events("attempt_failed") == []


def test_the_agents_own_failure_counts_and_its_words_are_kept(repo: Repo) -> None:
    said = '{"orchestrator": {"outcome": "fail", "note": "the API is undocumented"}}'
    repo.script("payment-1-1", f"date +%N >try.txt; echo '{said}'; exit 0\n")
    repo.run("start", "payment")
    assert "attempt 1  failed: the agent says it failed: the API is undocumented" in repo.run("next")
    assert repo.state("payment")["attempts"] == {"1": 1}


def test_pass_when_decides_over_the_json_that_the_validation_prints(repo: Repo) -> None:
    text = (repo.root / "orchestrator.toml").read_text()
    repo.write(
        "orchestrator.toml",
        text.replace('"test ! -e broken"', '"cat result.json; exit 1"\npass_when = ".failed == 0"'),
    )
    repo.script("payment-1-1", """echo '{"failed": 1}' >result.json\n""")
    repo.script("payment-1-2", """echo '{"failed": 0}' >result.json\n""")
    repo.run("start", "payment")
    assert "failed: the validation's JSON does not satisfy .failed == 0" in repo.run("next")
    repo.script("payment-1-1", """echo '{"failed": 0}' >result.json\n""")
    assert "attempt 2  passed" in repo.run("next")


def test_a_killed_run_leaves_no_process_and_the_attempt_is_interrupted_and_not_counted(repo: Repo) -> None:
    repo.script("payment-1-1", 'echo $$ >"$ORCHESTRATOR_MAIN/../pid"; setsid sleep 300 & sleep 300\n')
    repo.run("start", "payment")
    child = subprocess.Popen([PROGRAM, "next"], cwd=repo.root, env=repo.env, stdin=subprocess.DEVNULL)
    pid = repo.root.parent / "pid"
    _until(lambda: pid.exists() and pid.read_text().strip() != "")
    run = repo.events("phase_started")[0]["payload"]["run"]
    child.send_signal(signal.SIGKILL)
    child.wait()
    (repo.root.parent / "agent/payment-1-1").unlink()
    done = repo.call("next")
    assert "attempt 1  passed" in done.stdout
    assert "attempt 1 was interrupted (the kit did not survive it); not counted" in done.stderr
    assert [one["event_type"] for one in repo.events("attempt_interrupted", "attempt_failed")] == [
        "attempt_interrupted"
    ]
    assert _carrying(run) == []


def test_the_lock_that_a_killed_attempt_left_is_set_aside_and_named(repo: Repo) -> None:
    repo.script("payment-1-1", 'touch "$(git rev-parse --git-dir)/index.lock"; ' + KILL_KIT)
    repo.run("start", "payment")
    repo.call("next")
    (repo.root.parent / "agent/payment-1-1").unlink()
    done = repo.call("next")
    assert "attempt 1  passed" in done.stdout
    assert "its index.lock set aside as" in done.stderr
    assert len([*(repo.root / ".git/worktrees/payment").glob("index.lock.aside-*")]) == 1


def test_the_locks_of_head_and_branch_that_a_killed_attempt_left_are_set_aside_too(repo: Repo) -> None:
    locks = '"$(git rev-parse --git-dir)/HEAD.lock" "$(git rev-parse --git-common-dir)/refs/heads/feat/payment.lock"'
    repo.script("payment-1-1", f"touch {locks}; {KILL_KIT}\n")
    repo.run("start", "payment")
    repo.call("next")
    (repo.root.parent / "agent/payment-1-1").unlink()
    done = repo.call("next")
    assert "attempt 1  passed" in done.stdout, done
    assert "its HEAD.lock set aside as" in done.stderr
    assert "its payment.lock set aside as" in done.stderr
    assert len([*(repo.root / ".git/worktrees/payment").glob("*.lock.aside-*")]) == 2


@pytest.mark.parametrize(
    "name", ["worktrees/payment/index.lock", "worktrees/payment/HEAD.lock", "refs/heads/feat/payment.lock"]
)
def test_a_lock_that_stays_parks_the_feature_and_counts_no_attempt(repo: Repo, name: str) -> None:
    repo.run("start", "payment")
    repo.run("next")
    lock = repo.root / ".git" / name
    lock.touch()
    done = repo.run("next")
    assert f"it cannot begin: git's lock {lock} stays" in done
    assert repo.state("payment")["status"] == "blocked"
    assert repo.events("attempt_failed") == []
    assert lock.exists()
    lock.unlink()
    repo.run("resume", "payment")
    assert "attempt 1  passed" in repo.run("next")


def test_a_commit_of_the_kits_own_that_is_killed_parks_the_feature_and_names_its_locks(repo: Repo) -> None:
    repo.script("payment-1-1", "echo mine >left.txt\n")
    deadly = '[ -n "$ORCHESTRATOR_RUN_ID" ] || [ "$1" != prepared ] || kill -9 $PPID\n'
    hook = repo.write(".git/hooks/reference-transaction", f"#!/bin/sh\n{deadly}")
    repo.run("start", "payment")
    hook.chmod(0o755)
    done = repo.run("next")
    hook.unlink()
    assert "parked: git's locks " in done
    assert f"git commit in {repo.worktree('payment')}: exit status -9" in done
    locks = [repo.root / ".git/worktrees/payment/HEAD.lock", repo.root / ".git/refs/heads/feat/payment.lock"]
    for lock in locks:
        assert str(lock) in done
        lock.unlink()
    repo.run("resume", "payment")
    assert "attempt 1  passed" in repo.run("next")


def test_ctrl_c_ends_the_run_cleanly_and_the_next_run_goes_on(repo: Repo) -> None:
    repo.script("payment-1-1", 'echo $$ >"$ORCHESTRATOR_MAIN/../pid"; sleep 300\n')
    repo.run("start", "payment")
    child = subprocess.Popen(
        [PROGRAM, "run"], cwd=repo.root, env=repo.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    pid = repo.root.parent / "pid"
    _until(lambda: pid.exists() and pid.read_text().strip() != "")
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=30)
    assert child.returncode == 130
    assert "payment  1/1  attempt 1  interrupted: it was stopped from the keyboard" in out
    (repo.root.parent / "agent/payment-1-1").unlink()
    assert "payment  1/1  attempt 1  passed" in repo.run("run", check=10)


def test_the_time_limit_ends_the_agent_and_counts(repo: Repo) -> None:
    text = (repo.root / "orchestrator.toml").read_text()
    repo.write("orchestrator.toml", text.replace("[agent]\n", '[agent]\ntimeout = "1s"\n'))
    repo.script("payment-1-1", "date +%N >half.txt; sleep 60\n")
    repo.run("start", "payment")
    assert "attempt 1  failed: the agent ran into its time limit" in repo.run("next")


def test_commits_on_main_during_a_step_are_named_and_not_counted(repo: Repo) -> None:
    repo.script("payment-1-1", 'git -C "$ORCHESTRATOR_MAIN" commit -q --allow-empty -m stray\n')
    repo.run("start", "payment")
    done = repo.call("next")
    assert "while payment ran, main went from" in done.stderr
    assert len(repo.events("checkpoint_created")) == 2


def test_commits_on_the_branch_of_another_feature_that_does_not_run_are_named(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("start", "landing")
    repo.run("pause", "landing")
    stray = 'git update-ref refs/heads/feat/landing "$(git commit-tree -p main -m stray "main^{tree}")"'
    repo.script("payment-1-1", f"{stray}\n")
    assert "while payment ran, feat/landing went from" in repo.call("next").stderr


def test_an_agent_that_drives_itself(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("start", "landing")
    brief = repo.run("brief", "payment")
    assert "# payment: workflow 1, phase 1 (Write), attempt 1 of 3" in brief
    assert "is open since" in repo.refused("brief", "payment")
    assert "landing" in repo.run("next")
    assert "an agent drives it by itself since" in repo.run("status", "payment")
    tree = repo.worktree("payment")
    (tree / "made.txt").write_text("by hand\n")
    assert repo.run("report", "payment", "--ok") == "payment  1/1  attempt 1  passed\n"
    assert repo.git("show", "feat/payment:made.txt") == "by hand"
    assert "no attempt of payment was opened by brief" in repo.refused("report", "payment", "--ok")
    repo.run("brief", "payment")
    (tree / "broken").write_text("x\n")
    assert "attempt 1  failed: the validation failed" in repo.run("report", "payment", "--ok")
    (tree / "broken").unlink()
    repo.run("brief", "payment")
    assert "waits at a gate: Which?" in repo.run("report", "payment", "--gate", "Which?")


def test_inside_a_run_no_command_meddles_with_it(repo: Repo) -> None:
    repo.run("start", "payment")
    for words in (("next",), ("run",), ("brief", "payment"), ("approve",), ("rollback", "payment"), ("start", "other")):
        line = repo.refused(*words, ORCHESTRATOR_RUN_ID="1")
        assert "a run" in line, line


def _until(is_so: object) -> None:
    deadline = time.monotonic() + 20
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < deadline
        os.sched_yield()


def _carrying(run: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            content = path.read_bytes()
        except OSError:
            continue
        if run.encode() in content:
            found.append(path.parent.name)
    return found
