"""The main job: features walk the line, stop at gates, are decided in one sitting, fail, go back, and end."""

from __future__ import annotations

import pytest

from tests.conftest import Repo


@pytest.fixture(autouse=True)
def the_program_itself(repo: Repo) -> None:
    repo.starts_anew = True


def test_three_features_walk_to_their_gates_and_on_to_the_end(repo: Repo) -> None:
    for name in ("payment", "landing", "magic-link"):
        repo.run("start", name)
    out = repo.run("run", "-j", "1", check=10)
    assert [line.split()[0] for line in out.splitlines() if "attempt" in line] == 3 * [
        "payment",
        "landing",
        "magic-link",
    ]
    assert [repo.state(name)["current_phase"] for name in ("payment", "landing", "magic-link")] == 3 * ["GATE 1"]

    shown = repo.sit("APPROVE ALL")
    assert repo.sat == 0
    assert shown.count("APPROVE the screens?") == 3
    repo.run("run", "-j", "2", check=10)
    assert {one["gate"]["type"] for one in repo.json("status")["features"]} == {"deploy"}
    assert "(3 of them go outside)" in repo.sit("APPROVE ALL")
    repo.run("run", check=11)

    states = repo.json("status")["features"]
    assert [one["feature"] for one in states] == ["feat-payment", "feat-landing", "feat-magic-link"]
    assert [(one["status"], one["current_workflow"], one["current_phase"]) for one in states] == 3 * [
        ("completed", "3", "done")
    ]
    assert [one["workflows_completed"] for one in states] == 3 * [["1", "2", "3"]]
    assert repo.run("next", check=11).startswith("nothing is left to do")


def test_every_commit_of_a_feature_is_a_checkpoint_with_its_ref_tag_snapshot_and_event(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("next")
    found = repo.json("checkpoints", "payment")["checkpoints"]
    assert [(one["n"], one["cause"]) for one in found] == [(1, "workflow"), (2, "commit")]
    tip = repo.git("rev-parse", "feat/payment")
    assert found[1]["commit"] == tip
    assert repo.git("rev-parse", "refs/orchestrator/checkpoint/payment/2", "checkpoint/payment/2").split() == [tip, tip]
    event = repo.events("checkpoint_created")[1]
    parents = repo.git("rev-parse", f"{event['payload']['snapshot']}^2")
    assert parents == tip
    assert repo.git("show", f"{event['payload']['snapshot']}:feat-payment_decisions.md").endswith("1/1")


def test_three_failed_validations_roll_the_feature_back_and_the_others_go_on(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("start", "landing")
    before = repo.git("rev-parse", "main")
    repo.script("payment-1-2", "date +%N >>broken\n")
    out = repo.run("run", "-j", "1", check=10)
    assert out.count("failed: the validation failed (exit 1)") == 2
    assert "payment  1/2  attempt 3  rolled back: the validation failed (exit 1)" in out
    state = repo.state("payment")
    assert (state["status"], state["current_workflow"], state["current_phase"]) == ("failed", "1", "1")
    assert (state["workflows_completed"], state["attempts"]) == ([], {})
    assert repo.git("rev-parse", "feat/payment") == before
    assert not (repo.worktree("payment") / "broken").exists()
    assert repo.state("landing")["status"] == "paused"

    kept = [one["payload"]["kept"] for one in repo.events("attempt_failed")]
    assert len(kept) == 3
    assert [repo.git("show", f"{ref}:work-payment.txt").count("\n") for ref in kept] == [1, 2, 3]
    brief = repo.briefs("payment")[-1]
    assert "Attempt 2 failed: the validation failed (exit 1)" in brief
    assert "`test ! -e broken`" in brief
    assert kept[1] in brief

    repo.run("rollback", "payment", "--undo")
    assert (repo.worktree("payment") / "broken").exists()
    state = repo.state("payment")
    assert (state["status"], state["notes"][-1]["note"]) == ("blocked", "rollback undone")
    repo.script("payment-1-2", "rm -f broken; git rm -q --cached broken 2>/dev/null; true\n")
    repo.run("resume", "payment")
    assert "attempt 1  passed" in repo.run("next", "payment")


def test_a_rollback_by_hand_brings_back_code_context_position_and_nothing_is_lost(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("run", check=10)
    tree = repo.worktree("payment")
    (tree / "loose.txt").write_text("not committed\n")
    (tree / ".context/notes.txt").write_text("a person's notes\n")
    (tree / "work-payment.txt").write_text("edited\n")
    tip = repo.git("rev-parse", "feat/payment")

    dry = repo.run("rollback", "payment", "--to", "1", "--dry-run")
    assert "uncommitted: ?? loose.txt" in dry
    assert repo.git("rev-parse", "feat/payment") == tip

    repo.run("rollback", "payment", "--to", "checkpoint/payment/1")
    state = repo.state("payment")
    assert (state["status"], state["current_workflow"], state["current_phase"]) == ("failed", "1", "1")
    assert not (tree / "loose.txt").exists()
    assert not (tree / "work-payment.txt").exists()
    assert not (tree / ".context/notes.txt").exists()

    repo.run("rollback", "payment", "--undo")
    assert repo.git("rev-parse", "feat/payment") == tip
    assert (tree / "loose.txt").read_text() == "not committed\n"
    assert (tree / "work-payment.txt").read_text() == "edited\n"
    assert (tree / ".context/notes.txt").read_text() == "a person's notes\n"
    assert repo.state("payment")["current_phase"] == "GATE 1"
    assert repo.state("payment")["status"] == "paused"


def test_replay_shows_any_moment_of_the_past(repo: Repo) -> None:
    repo.run("start", "payment")
    seen = {}
    for _ in range(3):
        repo.run("next", check=None)
        seen[repo.events()[-1]["id"]] = repo.state("payment")
    for event, state in seen.items():
        assert repo.json("replay", "--at", f"#{event}")["features"] == [state]
