"""What people met who used it: each once, so that nobody meets it again."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.announcing import announce
from orchestrator.attempts import Result
from orchestrator.sitting import understand
from orchestrator.workspace import Workspace
from tests.conftest import PROGRAM, Repo
from tests.end_to_end.test_several_at_once import MERGE
from tests.end_to_end.test_the_sitting import rows


def configure(repo: Repo, old: str, new: str) -> None:
    text = (repo.root / "orchestrator.toml").read_text()
    assert old in text
    repo.write("orchestrator.toml", text.replace(old, new))


def test_a_number_and_a_comma_inside_an_answer_belong_to_the_answer() -> None:
    found = understand("1 = sizes 1, 2; and blue", rows(), "")
    assert [(one.row.number, one.answer) for one in found] == [(1, "sizes 1, 2; and blue")]


def test_in_the_main_worktree_a_failed_attempt_is_tried_again_on_what_it_left_and_rolled_back(repo: Repo) -> None:
    repo.script("payment-1-1", "date +%N >broken; exit 0\n")
    repo.run("start", "payment", "--checkout")
    assert [repo.json("next")["outcome"] for _ in range(3)] == ["failed", "failed", "rolled_back"]
    assert not (repo.root / "broken").exists()


def test_in_the_main_worktree_what_a_person_wrote_since_holds_the_retry_back(repo: Repo) -> None:
    repo.script("payment-1-1", "date +%N >broken; exit 0\n")
    repo.run("start", "payment", "--checkout")
    repo.run("next")
    (repo.root / "mine.txt").write_text("mine\n")
    assert "has uncommitted changes" in repo.run("next", check=10)


def test_the_newest_backup_goes_back_with_a_branch_that_lost_its_last_rollback_point(repo: Repo) -> None:
    repo.run("start", "payment")
    for _ in range(3):
        repo.run("next")
    context = repo.root / ".context"
    before, *_, last = sorted(context.glob("backups/feat-payment_backup-*.tar.gz"))
    newest = context / "feat-payment_backup.tar.gz"
    assert newest.samefile(last)
    repo.git("reset", "--quiet", "--hard", "main", cwd=repo.worktree("payment"))
    repo.run("status")
    assert newest.samefile(before)
    assert "V50" not in repo.run("verify")


def test_a_folder_in_the_place_of_the_newest_backup_keeps_nothing_from_being_recorded(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("next")
    newest = repo.root / ".context/feat-payment_backup.tar.gz"
    newest.unlink()
    (newest / "mine").mkdir(parents=True)
    repo.git("commit", "--quiet", "--amend", "--allow-empty", "--message", "amended", cwd=repo.worktree("payment"))
    repo.run("status")
    assert repo.json("checkpoints", "payment")["checkpoints"][-1]["commit"] == repo.git("rev-parse", "feat/payment")


def test_the_main_index_cut_short_is_named_and_holds_back_only_what_works_there(repo: Repo) -> None:
    repo.run("start", "payment")
    index = repo.root / ".git/index"
    index.write_bytes(index.read_bytes()[:10])
    assert "V406" in repo.run("verify", check=1)
    assert "payment  active" in repo.run("status")
    assert "passed" in repo.run("next")


def test_two_rollbacks_are_undone_one_after_the_other(repo: Repo) -> None:
    repo.run("start", "payment")
    for _ in range(3):
        repo.run("next")
    tip = repo.git("rev-parse", "feat/payment")
    repo.run("rollback", "payment")
    middle = repo.git("rev-parse", "feat/payment")
    repo.run("rollback", "payment", "--to", "1")
    assert "is as it was at 1" in repo.refused("rollback", "payment", "--to", "1")
    repo.run("rollback", "payment", "--undo")
    assert repo.git("rev-parse", "feat/payment") == middle
    repo.run("rollback", "payment", "--undo")
    assert repo.git("rev-parse", "feat/payment") == tip
    assert repo.state("payment")["current_phase"] == "GATE 1"


def test_run_wait_ends_where_everything_is_parked(repo: Repo) -> None:
    repo.script("default", "exit 75\n")
    repo.run("start", "payment")
    done = subprocess.run(
        [PROGRAM, "run", "--wait"], cwd=repo.root, env=repo.env, stdin=subprocess.DEVNULL, timeout=30, check=False
    )
    assert done.returncode == 10


def test_a_retired_feature_is_not_changed_any_more(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("next")
    repo.run("set", "payment", "status", "failed")
    repo.run("retire", "payment")
    before = repo.events()
    for words in (
        ("rollback", "payment"),
        ("checkpoint", "payment"),
        ("resume", "payment"),
        ("brief", "payment"),
        ("set", "payment", "status", "active"),
        ("next", "payment"),
    ):
        assert repo.refused(*words).startswith("payment is retired"), words
    assert repo.events() == before


def test_a_checkout_that_git_refuses_leaves_nothing_started(repo: Repo) -> None:
    repo.write("README", "second\n")
    repo.commit("second")
    repo.write("README", "not committed\n")
    line = repo.refused("start", "payment", "--checkout", "--from", "HEAD~1")
    assert "feat/payment cannot be checked out: error: Your local changes" in line
    assert repo.git("branch", "--list", "feat/payment") == ""
    repo.run("start", "payment")


def test_the_start_line_is_in_the_copy_that_the_agent_reads(repo: Repo) -> None:
    repo.script("payment-1-1", 'cp "$ORCHESTRATOR_CONTEXT/feat-payment_attempts.log" "$ORCHESTRATOR_MAIN/../seen"\n')
    repo.run("start", "payment")
    repo.run("next")
    assert "WORKFLOW: 1 (Make it) - START" in (repo.root.parent / "seen").read_text()


def test_brief_keeps_the_rules_of_merging_too(repo: Repo) -> None:
    for path in (repo.root / "line").glob("*.md"):
        path.unlink()
    repo.write("line/add-feature-4-merge.md", MERGE)
    repo.commit("a line that merges")
    repo.run("start", "payment")
    repo.run("start", "landing")
    (repo.root / "README").write_text("edited\n")
    assert "it merges, and the main worktree has uncommitted changes (README)" in repo.refused("brief", "payment")
    repo.git("checkout", "README")
    repo.run("brief", "payment")
    assert "payment, which an agent drives by itself" in repo.refused("brief", "landing")


def test_an_agent_that_leaves_another_branch_checked_out_is_parked_with_the_way_back(repo: Repo) -> None:
    repo.script("payment-1-1", "git switch -qc other\n")
    repo.run("start", "payment")
    out = repo.run("next")
    tree = repo.worktree("payment")
    assert f"parked: {tree} has branch other checked out, not feat/payment; `git -C {tree} switch feat/payment`" in out
    repo.git("switch", "-q", "feat/payment", cwd=tree)
    (repo.root.parent / "agent/payment-1-1").unlink()
    repo.run("resume", "payment")
    assert "attempt 1  passed" in repo.run("next")


def test_a_named_feature_with_nothing_to_run_is_10_and_says_why(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("brief", "payment")
    assert "an agent drives it by itself" in repo.run("next", "payment", check=10)
    assert repo.json("next", "payment", check=10)["feature"] is None


def test_a_rollback_that_is_refused_says_so_before_it_shows_a_plan(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("next")
    repo.git("merge", "-q", "--no-ff", "-m", "merged", "feat/payment")
    for words in (("rollback", "payment", "--to", "1"), ("rollback", "payment", "--to", "1", "--dry-run")):
        assert "are merged into main" in repo.refused(*words)


def test_a_feature_whose_workflow_is_gone_holds_nobody_else_back(repo: Repo) -> None:
    repo.git("branch", "feat/old")
    state = {
        "feature": "feat-old", "branch": "feat/old", "status": "active", "current_workflow": "77",
        "started_at": "2025-11-20T08:00:00-03:00", "updated_at": "2025-11-20T08:00:00-03:00",
    }  # fmt: skip
    repo.write(".context/feat-old_orchestrator-state.json", json.dumps(state))
    repo.run("start", "payment")
    assert "payment  1/1  attempt 1  passed" in repo.run("next")
    assert "passed over: workflow 77 is not in the line" in repo.run("status")
    assert repo.refused("next", "old").startswith("workflow 77 is not in the line")


def test_a_filter_that_is_none_is_said_before_the_agent_works(repo: Repo) -> None:
    configure(repo, "[validate]\n", '[validate]\npass_when = "foo("\n')
    repo.run("start", "payment")
    for words in (("next",), ("run",)):
        assert "validate.pass_when: the filter 'foo(' is not jq" in repo.refused(*words)
    assert repo.events("phase_started") == []


def test_a_context_file_with_a_name_that_is_no_utf8(repo: Repo) -> None:
    repo.script("payment-1-1", "printf y >\"$ORCHESTRATOR_CONTEXT/$(printf 'n\\377o.md')\"\n")
    repo.run("start", "payment")
    repo.run("next")
    assert "attempt 1  passed" in repo.run("next")


def test_a_state_with_numbers_for_times_is_named_and_left_alone(repo: Repo) -> None:
    repo.git("branch", "feat/old")
    state = {
        "feature": "feat-old", "branch": "feat/old", "status": "paused", "current_workflow": "2", "current_phase": "GATE 1",
        "gate": {"type": "human", "trigger": "x", "reached_at": 1763645400},
        "started_at": "2025-11-20T08:00:00-03:00", "updated_at": "2025-11-20T08:00:00-03:00",
    }  # fmt: skip
    repo.write(".context/feat-old_orchestrator-state.json", json.dumps(state))
    repo.run("start", "payment")
    assert "not imported, left alone: gate.reached_at is no text" in repo.call("status").stderr


def test_with_both_names_of_the_log_gone_no_edited_state_comes_in(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("run", check=10)
    (repo.root / ".git/orchestrator/events.jsonl").unlink()
    (repo.root / ".context/orchestrator-events.jsonl").unlink()
    state = {**repo.state("payment"), "gate": None, "status": "active", "current_workflow": "3"}
    repo.state_file("payment").write_text(json.dumps(state))
    assert "not imported, left alone: the kit's own refs know this feature" in repo.call("status").stderr


def test_the_database_is_current_after_a_torn_end_was_set_aside(repo: Repo) -> None:
    import sqlite3

    repo.run("start", "payment")
    with (repo.root / ".git/orchestrator/events.jsonl").open("a") as log:
        log.write('{"x')
    assert "set aside" in repo.call("note", "payment", "one").stderr
    database = sqlite3.connect(repo.root / ".context/orchestrator-events.db")
    assert database.execute("SELECT max(id) FROM events").fetchone() == (repo.events()[-1]["id"],)
    assert [one["event_type"] for one in repo.events()][-2:] == ["log_repaired", "note_added"]


def test_context_files_that_are_all_gone_come_back_before_the_next_step_and_count_as_lost(repo: Repo) -> None:
    import shutil

    repo.run("start", "payment")
    repo.run("next")
    shutil.rmtree(repo.worktree("payment") / ".context")
    assert "are back from the newest snapshot" in repo.call("next").stderr
    assert (repo.worktree("payment") / ".context/feat-payment_decisions.md").read_text().endswith("\n1/1\n1/2\n")
    assert repo.json("metrics")["steps_with_missing_context"] == 1


def test_a_submodule_and_a_separate_git_directory_are_repositories_like_others(
    repo: Repo, make_repo: Callable[[str], Repo], tmp_path: Path
) -> None:
    outer = make_repo("outer")
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repo.root), "lib")
    inner = Repo(outer.root / "lib", repo.env)
    for name, value in (("user.name", "A Person"), ("user.email", "person@example.com")):
        inner.git("config", name, value)
    apart = Repo(tmp_path / "apart", repo.env)
    apart.git(
        "clone", "--quiet", f"--separate-git-dir={tmp_path / 'store'}", str(repo.root), str(apart.root), cwd=repo.root
    )
    for name, value in (("user.name", "A Person"), ("user.email", "person@example.com")):
        apart.git("config", name, value)
    for one in (inner, apart):
        one.run("start", "payment")
        assert "attempt 1  passed" in one.run("next")
        assert "attempt 1  passed" in one.run("next", cwd=one.worktree("payment"))
        assert one.run("status", cwd=one.worktree("payment")) == one.run("status")
        one.run("start", "landing", "--checkout")
        assert "landing  1/1  attempt 1" in one.run("next", "landing")


def test_a_second_state_on_a_branch_that_waits_at_a_gate_is_not_imported(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("run", check=10)
    state = {
        **repo.state("payment"),
        "feature": "feat-payment2",
        "gate": None,
        "status": "active",
        "current_workflow": "3",
    }
    del state["event"]
    repo.write(".context/feat-payment2_orchestrator-state.json", json.dumps(state))
    done = repo.call("run")
    assert "not imported, left alone: its branch belongs to feature payment" in done.stderr
    assert [one["feature"] for one in repo.json("status")["features"]] == ["feat-payment"]


def test_a_line_that_changes_while_the_question_is_open_is_not_accepted(repo: Repo) -> None:
    import pexpect

    repo.run("start", "payment")
    configure(repo, '"test ! -e broken"', '"true"')
    child = pexpect.spawn(str(PROGRAM), ["approve"], cwd=repo.root, env=repo.env, encoding="utf-8", timeout=30)
    child.expect_exact("anything else approves nothing: ")
    repo.write("line/add-feature-3-ship.md", "# Ship it\n\n## Phase 1: Pack\n\nPack it.\n")
    child.sendline("APPROVE ALL")
    child.expect(pexpect.EOF)
    assert "the line changed again since it was shown; nothing was approved" in str(child.before)
    assert len(repo.events("line_accepted")) == 1


def test_where_the_accepted_line_is_gone_nothing_runs_until_a_person_said_yes(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.write("line/add-feature-2-show.md", "# Show it\n\n## Phase 1: Draw\n\nDraw.\n")
    repo.git("update-ref", "-d", "refs/orchestrator/line")
    repo.git("gc", "-q", "--prune=now")
    assert "the line as it was last accepted is gone from git" in repo.refused("next")
    repo.sit("APPROVE ALL")
    assert "attempt 1  passed" in repo.run("next")


def test_with_no_feature_open_an_accepted_line_that_is_gone_holds_nothing_back(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("set", "payment", "status", "failed")
    repo.run("retire", "payment")
    repo.write("line/add-feature-2-show.md", "# Show it\n\n## Phase 1: Draw\n\nDraw.\n")
    repo.git("update-ref", "-d", "refs/orchestrator/line")
    repo.git("gc", "-q", "--prune=now")
    repo.run("start", "landing")
    assert "attempt 1  passed" in repo.run("next")


def test_a_context_log_that_is_no_file_stops_nobody(repo: Repo) -> None:
    log = '"$ORCHESTRATOR_CONTEXT/feat-payment_attempts.log"'
    repo.script("payment-1-1", f"rm -f {log}; mkdir {log}; date +%N >broken\n")
    repo.run("start", "payment")
    done = repo.call("next")
    assert "attempt 1  failed: the validation failed" in done.stdout
    assert "a line could not be added: Is a directory" in done.stderr


def test_after_the_last_failure_the_rollback_comes_even_if_the_kit_died_before_it_was_ordered(repo: Repo) -> None:
    repo.script("payment-1-1", "date +%N >>broken\n")
    repo.run("start", "payment")
    repo.run("next")
    repo.run("next")
    path = repo.root / ".git/orchestrator/events.jsonl"
    before = path.read_bytes()
    repo.run("next")
    events = repo.events()
    last = next(one["id"] for one in events if one["event_type"] == "rollback_ordered")
    cut = path.read_bytes().splitlines(keepends=True)[: last - 1]
    assert path.read_bytes().startswith(before)
    tip = repo.git("rev-parse", "feat/payment")
    path.write_bytes(b"".join(cut))
    (repo.root / ".git/orchestrator/fold.json").unlink()
    repo.run("verify", "--repair", check=None)
    assert repo.json("next")["outcome"] == "rolled_back"
    assert repo.git("rev-parse", "feat/payment") == tip
    assert len(repo.events("phase_started")) == 3


def test_a_log_that_was_changed_in_the_middle_stops_every_writer_and_readers_say_so(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("next")
    log = repo.root / ".git/orchestrator/events.jsonl"
    broken = log.read_bytes().replace(b"feature_created", b"feature_creaTed", 1)
    with log.open("r+b") as file:  # in place: no other file, no other length
        file.write(broken)
    for words in (["note", "payment", "x"], ["next"], ["start", "landing"]):
        assert f"the log {log} does not hold at line 2" in repo.refused(*words)
    for words in (["status"], ["log"], ["checkpoints", "payment"], ["metrics"]):
        assert "does not hold at line 2" in repo.call(*words).stderr
    assert log.read_bytes() == broken


def test_after_a_rollback_the_newest_backup_is_that_of_the_newest_point_that_is_left(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("next")
    repo.run("next")
    repo.run("checkpoint", "payment")
    repo.run("rollback", "payment", "--to", "1")
    assert "V504" not in repo.run("verify")
    assert [one["n"] for one in repo.state("payment")["rollback_points"]] == [1]


def test_in_a_repository_that_was_moved_verify_names_the_worktree(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("next")
    elsewhere = repo.root.with_name("elsewhere")
    repo.root.rename(elsewhere)
    found = repo.run("verify", cwd=elsewhere, check=None)
    assert "V401" in found
    assert "git worktree repair" in found


def test_after_the_automatic_rollback_the_brief_does_not_say_that_the_failed_work_is_still_there(repo: Repo) -> None:
    repo.script("payment-1-1", "date +%N >broken; exit 1\n")
    repo.run("start", "payment")
    repo.run("next")
    repo.run("next")
    assert "and is still in place here" in repo.briefs("payment")[-1]
    repo.run("next")
    repo.run("resume", "payment")
    brief = repo.run("next", "--dry-run")
    assert "here it was taken back" in brief
    assert "still in place" not in brief


def test_a_commit_on_main_is_named_when_the_attempt_fails(repo: Repo) -> None:
    commit = 'git -C "$ORCHESTRATOR_MAIN" commit --quiet --allow-empty -m strange'
    repo.script("payment-1-1", f"date +%N >broken; {commit}; exit 1\n")
    repo.run("start", "payment")
    assert "while payment ran, main went from" in repo.call("next").stderr


def test_the_log_is_shown_up_to_a_moment(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("next")
    assert len(repo.run("log", "--at", "#2").splitlines()) == 2
    assert "there is no event #999; the last one is #" in repo.refused("log", "--at", "#999")


def test_a_rollback_point_names_what_is_not_in_it(repo: Repo) -> None:
    repo.run("start", "payment", "--checkout")
    repo.write("a.txt", "a\n")
    assert "1 uncommitted file is not in it (a.txt); commit it to keep it" in repo.run("checkpoint", "payment")
    for name in ("b.txt", "c.txt", "d.txt", "e.txt"):
        repo.write(name, name)
    said = repo.run("checkpoint", "payment")
    assert "5 uncommitted files are not in it (a.txt, b.txt, c.txt and 2 more); commit them" in said


def test_next_of_a_named_feature_speaks_of_that_feature_only(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("start", "landing")
    repo.run("pause", "payment", "--until", "2999-01-01T00:00:00Z")
    for words in (("next", "payment"), ("next", "payment", "--dry-run")):
        said = repo.run(*words, check=10)
        assert said.startswith("payment: pause: paused by hand"), words
        assert said.count("\n") == 1, words


def test_a_resumed_feature_is_ready_after_nothing_that_failed(repo: Repo) -> None:
    repo.script("payment-1-1", "date +%N >broken\n")
    repo.run("start", "payment")
    repo.run("next")
    assert "ready: its turn comes with the next step, after 1 failed (" in repo.run("status")
    repo.run("next")
    repo.run("next")
    repo.run("resume", "payment")
    said = repo.run("status")
    assert "ready: its turn comes with the next step\n" in said
    assert "after 0 failed" not in said


def test_verify_says_of_a_state_without_a_branch_what_every_command_says(repo: Repo) -> None:
    repo.run("start", "payment")
    state = {**repo.state("payment"), "feature": "feat-old", "branch": "feat/old"}
    repo.write(".context/feat-old_orchestrator-state.json", json.dumps(state))
    why = "not imported, left alone: its branch feat/old is not there"
    mend = "make it: `git branch feat/old COMMIT`, or move the file away"
    assert f"{why}; {mend}\n" in repo.call("status").stderr
    found = [one for one in repo.json("verify")["findings"] if one["id"] == "V206"]
    assert [(one["what"], one["next"]) for one in found] == [(why, mend)]
    repo.git("branch", "feat/old")
    assert "the next command imports it" in repo.run("verify")
    assert "imported old at workflow" in repo.call("status").stderr


def test_a_filter_that_is_none_and_a_validation_of_no_workflow_are_named_before_anything_runs(repo: Repo) -> None:
    configure(repo, "[validate]\n", '[validate]\nworkflows = {"7" = "true"}\npass_when = ".["\n')
    shown = repo.call("workflows")
    assert shown.returncode == 1
    assert "orchestrator.toml: validate.pass_when: the filter '.[' is not jq" in shown.stderr
    idle = "validate.workflows: '7' is no workflow of the line; nothing runs it"
    assert f"orchestrator.toml: {idle}; write the id" in shown.stderr
    repo.write("orchestrator.toml", (repo.root / "orchestrator.toml").read_text().replace('".["', '"."'))
    assert "not jq" not in repo.call("workflows").stderr
    repo.run("start", "payment")
    found = repo.json("verify")["findings"]
    assert [(one["severity"], one["what"]) for one in found if one["id"] == "V805"] == [("warning", idle)]
    configure(repo, 'pass_when = "."', 'pass_when = ".["')
    found = repo.json("verify", check=1)["findings"]
    assert ["is not jq" in one["what"] for one in found if one["id"] == "V801"] == [True]


def test_what_a_run_told_a_person_it_does_not_tell_again(repo: Repo) -> None:
    told = repo.root.parent / "told"
    repo.write("notify.sh", f'printf "%s\\n" "$2" >>"{told}"\n')
    configure(repo, "[validate]\n", f'[notify]\ncommand = ["sh", "{repo.root}/notify.sh"]\n[validate]\n')
    repo.script("default", "exit 75\n")
    repo.run("start", "payment")
    repo.run("start", "landing")
    steps = [Result(**repo.json("next")) for _ in range(2)]
    workspace = Workspace.find(repo.root)
    for step in steps:
        announce(workspace, [step])
    assert told.read_text().count("payment (") == 2  # when it was parked, and when landing was
    assert told.read_text().count("landing (") == 1
    repo.run("resume", "payment")
    told.unlink()
    again = Result(**repo.json("next", "payment"))
    announce(workspace, [again])
    assert told.read_text().count("payment (") == 1


def test_status_of_one_feature_counts_no_other_and_a_retired_one_is_called_so(repo: Repo) -> None:
    repo.run("start", "payment")
    assert "can run" not in repo.run("status", "payment")
    repo.run("start", "landing")
    assert "2 can run: orchestrator run" in repo.run("status")
    assert "can run" not in repo.run("status", "payment")
    repo.run("set", "payment", "status", "failed")
    repo.run("retire", "payment")
    row = repo.run("status", "payment").splitlines()[1].split()
    assert (row[0], row[1], row[-1]) == ("payment", "retired", "retired")


def test_in_a_repository_that_was_moved_rollback_and_checkpoint_say_what_next_says(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("next")
    moved = Repo(repo.root.with_name("moved"), repo.env)
    repo.root.rename(moved.root)
    before = moved.events()
    said = moved.refused("next", "payment")
    assert " of payment is not there; moved: `git worktree repair ITS-NEW-PLACE`" in said
    for words in (("rollback", "payment", "--to", "1"), ("rollback", "payment"), ("checkpoint", "payment")):
        assert moved.refused(*words) == said, words
    assert moved.events() == before
    moved.git("worktree", "repair", str(repo.worktree("payment")))
    moved.run("checkpoint", "payment")
    moved.run("rollback", "payment", "--to", "1")


def test_a_message_names_its_feature_once(repo: Repo) -> None:
    repo.run("start", "payment")
    for _ in range(3):
        repo.run("next")
    repo.write(
        ".context/feat-payment_orchestrator-state.json", json.dumps({**repo.state("payment"), "current_workflow": "3"})
    )
    said = repo.call("status").stderr
    assert "orchestrator: payment waits at a gate; an edit of " in said
    assert "payment: payment" not in said


@pytest.fixture
def read_only(repo: Repo) -> Iterator[Repo]:
    """The repository on a file system that nobody can write."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    top = str(repo.root)
    for words in (["--bind", top, top], ["-o", "remount,ro,bind", top]):
        done = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            subprocess.run(["umount", top], capture_output=True, check=False)
            pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    yield repo
    subprocess.run(["umount", top], check=True)


def test_start_where_nothing_can_be_written_says_so_in_the_words_of_all_commands(read_only: Repo) -> None:
    said = read_only.refused("start", "payment")
    assert said.startswith(f"not recorded: {read_only.root}/.git: Read-only file system; make that place writable")


def test_a_name_that_is_no_text_is_printed_where_the_encoding_is_strict(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("next")
    name = repo.worktree("payment") / os.fsdecode(b"caf\xe9.txt")
    name.write_text("mine\n")
    done = repo.call("rollback", "payment", PYTHONIOENCODING="utf-8:strict")
    assert done.returncode == 0, done.stderr
    assert "caf\\udce9.txt" in done.stdout
    assert not name.exists()
