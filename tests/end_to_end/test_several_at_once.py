"""Several features at once: turns, worktrees, what waits for what, and the main worktree."""

from __future__ import annotations

import subprocess
import threading
from typing import Any

from orchestrator.workspace import Workspace
from tests.conftest import LINE, PROGRAM, Repo


def turns(out: str) -> list[str]:
    return [line.split()[0] for line in out.splitlines() if "attempt" in line]


def test_turns_go_round_in_start_order_and_a_failed_attempt_keeps_its_turn(repo: Repo) -> None:
    for name in ("payment", "landing", "login"):
        repo.run("start", name)
    repo.script(
        "landing-1-1",
        'test -e "$ORCHESTRATOR_MAIN/../once" || { : >"$ORCHESTRATOR_MAIN/../once"; date +%N >broken; }\n'
        'test -e "$ORCHESTRATOR_MAIN/../twice" && rm -f broken; : >"$ORCHESTRATOR_MAIN/../twice"\n',
    )
    served = [turns(repo.run("next"))[0] for _ in range(7)]
    assert served == ["payment", "landing", "landing", "login", "payment", "landing", "login"]


def test_two_features_run_at_the_same_time_in_worktrees_of_their_own(repo: Repo) -> None:
    meet = 'touch "$ORCHESTRATOR_MAIN/../$slug"; until [ -e "$ORCHESTRATOR_MAIN/../payment" ] && [ -e "$ORCHESTRATOR_MAIN/../landing" ]; do sleep 0.05; done\n'
    repo.script("default", meet)
    repo.run("start", "payment")
    repo.run("start", "landing")
    repo.run("run", "-j", "2", check=10)
    assert repo.git("show", "feat/payment:work-payment.txt") == "1/1\n1/2\n2/1"
    assert repo.git("ls-tree", "--name-only", "feat/landing", "work-payment.txt") == ""


class Watched:
    """A journal that tells which features the other threads of its command know while it reads."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.journal, self.known = workspace, workspace.journal, [0]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.journal, name)

    def read(self, *since: Any) -> Any:
        self.known.append(len(self.workspace.world.features))
        return self.journal.read(*since)


def test_while_the_log_is_read_from_its_beginning_other_threads_know_what_they_knew(repo: Repo) -> None:
    repo.run("start", "payment")
    workspace = Workspace.find(repo.root)
    workspace.load()
    watched = Watched(workspace)
    workspace.journal = watched  # type: ignore[assignment]
    repo.run("start", "landing")
    (repo.root / ".git/orchestrator/fold.json").unlink()  # nothing vouches for what was read before
    assert (len(workspace.load().features), watched.known[1:]) == (2, [1])


def test_the_main_worktree_is_left_as_it_is(repo: Repo) -> None:
    before = (repo.git("rev-parse", "HEAD"), repo.git("status", "--porcelain"), repo.git("branch", "--show-current"))
    repo.run("start", "payment")
    repo.run("run", check=10)
    assert (
        repo.git("rev-parse", "HEAD"),
        repo.git("status", "--porcelain"),
        repo.git("branch", "--show-current"),
    ) == before


def test_a_feature_after_another_is_blocked_until_that_is_completed(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("start", "refund", "--after", "payment")
    state = repo.state("refund")
    assert state["status"] == "blocked"
    assert "waits for payment" in repo.run("status", "refund")
    for _ in range(2):
        repo.run("run", check=10)
        repo.sit("payment")
    repo.run("run", check=10)
    assert repo.state("payment")["status"] == "completed"
    assert repo.state("refund")["current_phase"] == "GATE 1"


def test_pause_resume_and_note(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("pause", "payment", "-m", "lunch")
    assert repo.state("payment")["status"] == "paused"
    assert "pause: lunch" in repo.run("next", check=10)
    assert repo.run("resume", "payment") == "payment: active, workflow 1, phase 1\n"
    repo.run("note", "payment", "ask", "legal")
    assert repo.state("payment")["notes"][-1]["note"] == "ask legal"
    repo.run("run", check=10)
    assert "waits at a gate" in repo.refused("resume", "payment")


def test_a_pause_until_a_time_ends_by_itself(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("pause", "payment", "--until", "2020-01-01T00:00:00+00:00")
    assert "attempt 1  passed" in repo.run("next")
    assert repo.events("feature_resumed")[0]["actor"] == "kit"
    repo.run("pause", "payment", "--until", "2999-01-01T00:00:00+00:00")
    repo.run("next", check=10)


def test_in_the_main_worktree_a_step_starts_on_a_clean_tree_only(repo: Repo) -> None:
    repo.run("start", "payment", "--checkout")
    repo.run("start", "landing")
    (repo.root / "loose.txt").write_text("mine\n")
    out = repo.run("run", check=10)
    assert set(turns(out)) == {"landing"}
    assert "the main worktree, where it runs, has uncommitted changes (loose.txt)" in repo.run("status")
    (repo.root / "loose.txt").unlink()
    assert "payment  1/1  attempt 1  passed" in repo.run("next", "payment")
    assert (repo.root / ".context/feat-payment_brief.md").exists()
    assert not repo.worktree("payment").exists()


MERGE = (
    "# Merge it\n\n## Phase 1: Rehearse\n\nRehearse the merge.\n\n## GATE 3: Merge into main\n\n"
    "APPROVE the merge? (yes/no)\n\n## Phase 2: Merge\n\nMerge it.\n"
)


def test_a_feature_may_be_called_like_what_the_kit_locks(repo: Repo) -> None:
    for path in (repo.root / "line").glob("*.md"):
        path.unlink()
    repo.write("line/add-feature-4-merge.md", MERGE)
    repo.commit("a line that merges")
    for name in ("main", "worktrees"):
        repo.run("start", name)
        assert "waits at a gate" in repo.run("next", name)


def test_a_step_that_merges_is_passed_over_while_the_main_tree_is_dirty_and_merges_there(repo: Repo) -> None:
    for path in (repo.root / "line").glob("*.md"):
        path.unlink()
    repo.write("line/add-feature-1-make.md", LINE["1-make"])
    repo.write("line/add-feature-4-merge.md", MERGE)
    repo.commit("another line")
    repo.script("payment-4-2", 'git -C "$ORCHESTRATOR_MAIN" merge -q --no-ff -m merge feat/payment; exit 0\n')
    repo.run("start", "payment")
    repo.run("next")
    repo.run("next")
    (repo.root / "README").write_text("edited\n")
    out = repo.run("next", check=10)
    assert "it merges, and the main worktree has uncommitted changes (README)" in out
    repo.git("checkout", "README")
    repo.run("run", check=10)
    repo.sit("APPROVE ALL")
    repo.run("run", check=11)
    assert repo.git("branch", "--merged", "main", "--list", "feat/payment") == "+ feat/payment"
    assert 'git -C "$ORCHESTRATOR_MAIN" merge' in repo.briefs("payment")[-1]


def test_two_at_once_on_one_feature_one_wins_and_the_other_says_who_has_it(repo: Repo) -> None:
    repo.script(
        "default", 'touch "$ORCHESTRATOR_MAIN/../there"; until [ -e "$ORCHESTRATOR_MAIN/../go" ]; do sleep 0.05; done\n'
    )
    repo.run("start", "payment")
    first = subprocess.Popen(
        [PROGRAM, "next"], cwd=repo.root, env=repo.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    there = repo.root.parent / "there"
    while not there.exists():
        threading.Event().wait(0.05)
    line = repo.refused("next", "payment")
    assert f"payment: worked on by `orchestrator next` (pid {first.pid}) since" in line
    assert "is worked on by" in repo.refused("rollback", "payment")
    (repo.root.parent / "go").touch()
    out, _ = first.communicate(timeout=30)
    assert "attempt 1  passed" in out


def test_run_wait_goes_on_after_a_decision_in_another_terminal(repo: Repo) -> None:
    repo.run("start", "payment")
    child = subprocess.Popen(
        [PROGRAM, "run", "--wait"],
        cwd=repo.root,
        env=repo.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    for gate in ("GATE 1", "GATE 2"):
        while repo.state("payment")["current_phase"] != gate:
            threading.Event().wait(0.1)
            assert child.poll() is None
        repo.sit("APPROVE ALL")
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 11
    assert "payment  3/1  attempt 1  passed" in out


def test_approve_run_goes_on_by_itself(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("run", check=10)
    shown = repo.sit("APPROVE ALL", "--run")
    assert "payment  3/1  attempt 1  waits at a gate: GATE 2: Production" in shown
    assert repo.sat == 10


def test_commands_work_from_any_folder_and_any_worktree(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("next")
    assert repo.run("status", cwd=repo.root / "line") == repo.run("status", cwd=repo.worktree("payment"))
    assert "payment  1/2  attempt 1  passed" in repo.run("next", cwd=repo.worktree("payment"))


def test_next_dry_run_shows_and_does_nothing(repo: Repo) -> None:
    repo.run("start", "payment")
    before = repo.events()
    out = repo.run("next", "--dry-run")
    assert out.startswith(
        "payment: workflow 1, phase 1, attempt 1\ncommand: sh agent.sh\nwhere:   " + str(repo.worktree("payment"))
    )
    assert "# payment: workflow 1, phase 1 (Write), attempt 1 of 3" in out
    assert repo.events() == before
    assert not repo.worktree("payment").exists()


def test_json_shapes(repo: Repo) -> None:
    repo.run("start", "payment")
    step = repo.json("next")
    assert step == {"feature": "payment", "workflow": "1", "phase": "1", "attempt": 1, "outcome": "passed", "why": ""}
    found = repo.json("run", check=10)
    assert [one["outcome"] for one in found["steps"]] == ["passed", "gate"]
    assert found["features"] == [repo.state("payment")]
    line = repo.json("workflows")["workflows"]
    assert [one["id"] for one in line] == ["1", "2", "3"]
    assert line[1]["gates"][0]["trigger"] == "APPROVE the screens? (yes/no)"
    events = repo.json("log", "payment", "--type", "gate_reached")["events"]
    assert events == repo.events("gate_reached")
    assert repo.run("log", "--jq", '.event_type | select(. == "gate_reached")') == '"gate_reached"\n'
