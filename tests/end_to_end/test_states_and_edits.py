"""State files as people have them: imported, edited by hand, broken, deleted, in conflict; and `set`."""

from __future__ import annotations

import json
from typing import Any

from tests.conftest import Repo


def edit(repo: Repo, name: str, **changes: Any) -> None:
    """Edit a feature's state by hand, as `jq ... >tmp && mv tmp` does."""
    state = {**repo.state(name), **changes}
    repo.state_file(name).write_text(json.dumps(state, indent=2))


def old_state(**changes: Any) -> dict[str, Any]:
    """Return a state file of the scripts that the kit replaces."""
    return {
        "feature": "feat-search",
        "branch": "feature/4.3.3-search-by-type",
        "status": "active",
        "current_workflow": "2",
        "current_phase": "1",
        "gate": None,
        "workflows_completed": ["1"],
        "attempts": {"2": 1},
        "started_at": "2025-11-20T08:00:00-03:00",
        "updated_at": "2025-11-20T10:30:00-03:00",
        "notes": [{"timestamp": "2025-11-20T08:00:00-03:00", "note": "from before"}],
        "reviewer": "the shop",
        **changes,
    }


def test_the_state_file_has_the_users_own_schema(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("run", check=10)
    state = repo.state("payment")
    assert list(state)[:13] == [
        "feature", "branch", "status", "current_workflow", "current_phase", "gate", "workflows_completed",
        "attempts", "started_at", "updated_at", "paused_until", "notes", "rollback_points",
    ]  # fmt: skip
    assert (state["feature"], state["branch"], state["status"]) == ("feat-payment", "feat/payment", "paused")
    assert state["gate"] == {
        "type": "human", "trigger": "GATE 1: Screens", "reached_at": state["gate"]["reached_at"],
        "approved_at": None, "approved_by": None,
    }  # fmt: skip
    point = state["rollback_points"][-1]
    assert list(point) == ["n", "tag", "commit", "workflow", "phase", "at", "backup"]
    assert len(point["commit"]) == 40
    own = json.loads((repo.worktree("payment") / ".context/feat-payment_orchestrator-state.json").read_text())
    assert own == state


def test_the_newest_tar_belongs_to_the_last_rollback_point_also_after_a_rollback(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("run", check=10)
    newest = repo.root / ".context/feat-payment_backup.tar.gz"
    assert newest.read_bytes() == (repo.root / repo.state("payment")["rollback_points"][-1]["backup"]).read_bytes()
    repo.run("rollback", "payment", "--to", "1")
    points = repo.state("payment")["rollback_points"]
    assert [one["n"] for one in points] == [1]
    assert newest.read_bytes() == (repo.root / points[-1]["backup"]).read_bytes()


def test_a_state_that_the_kit_never_saw_is_imported_with_everything_in_it(repo: Repo) -> None:
    repo.git("branch", "feature/4.3.3-search-by-type")
    repo.write(".context/feat-search_orchestrator-state.json", json.dumps(old_state()))
    assert "imported search at workflow 2" in repo.call("status").stderr
    state = repo.state("search")
    for key, value in old_state().items():
        if key not in ("updated_at",):
            assert state[key] == value, key
    out = repo.run("run", check=10)
    assert "search  2/1  attempt 2  waits at a gate: GATE 1: Screens" in out


def test_an_import_that_was_killed_before_it_wrote_the_state_is_no_edit(repo: Repo) -> None:
    repo.git("branch", "feature/4.3.3-search-by-type")
    gate = {"type": "human", "trigger": "screens", "reached_at": "2025-11-20T10:30:00-03:00", "approved_at": None}
    state = json.dumps(old_state(status="paused", current_phase="GATE 1", gate=gate, rollback_points=["1"]))
    path = repo.write(".context/feat-search_orchestrator-state.json", state)
    repo.run("status")
    written = path.read_text()
    path.write_text(state)  # as it is when the command is killed right after it recorded
    assert repo.call("status").stderr == ""
    assert path.read_text() == written
    path.write_text(state)
    sha = repo.git("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "a commit since")
    repo.git("update-ref", "refs/heads/feature/4.3.3-search-by-type", sha)
    repo.run("hook", "post-commit")
    assert repo.call("status").stderr == ""
    assert "state_edited" not in repo.run("log")


def test_an_imported_gate_waits_and_is_not_passed_by_the_import(repo: Repo) -> None:
    repo.git("branch", "feature/4.3.3-search-by-type")
    gate = {"type": "human", "trigger": "screens", "reached_at": "2025-11-20T10:30:00-03:00", "approved_at": None}
    state = old_state(status="paused", current_phase="GATE 1", gate=gate)
    repo.write(".context/feat-search_orchestrator-state.json", json.dumps(state))
    repo.run("next", check=10)
    assert repo.state("search")["gate"]["trigger"] == "GATE 1: Screens"
    repo.sit("APPROVE ALL")
    assert "search  2/2  attempt 1  passed" in repo.run("next")


def test_a_broken_state_that_the_log_does_not_know_is_named_and_left_alone(repo: Repo) -> None:
    path = repo.write(".context/feat-search_orchestrator-state.json", '{\n  "feature": "feat-search",\n  oops\n}')
    repo.run("start", "payment")
    done = repo.call("status")
    assert f"{path}: not imported, left alone: line 3: " in done.stderr
    assert path.read_text().endswith("oops\n}")


def test_a_broken_state_that_the_log_knows_is_set_aside_and_rebuilt(repo: Repo) -> None:
    repo.run("start", "payment")
    before = repo.state("payment")
    repo.state_file("payment").write_text('{"feature": "feat-pay')
    assert "set aside as feat-payment_orchestrator-state.json.broken-" in repo.call("status").stderr
    assert repo.state("payment") == before
    aside = list((repo.root / ".context").glob("*.broken-*"))
    assert [one.read_text() for one in aside] == ['{"feature": "feat-pay']


def test_deleted_states_log_link_and_database_come_back(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("next")
    before = repo.state("payment")
    for path in (repo.root / ".context").glob("*"):
        if path.is_file():
            path.unlink()
    repo.run("status")
    assert repo.state("payment") == before
    assert (repo.root / ".context/orchestrator-events.jsonl").samefile(repo.root / ".git/orchestrator/events.jsonl")
    assert (repo.root / ".context/orchestrator-events.db").exists()


def test_an_edit_is_adopted_as_an_event_and_unknown_keys_are_kept(repo: Repo) -> None:
    repo.run("start", "payment")
    edit(repo, "payment", ticket="SHOP-7", status="blocked")
    done = repo.call("status")
    assert "payment: adopted the edit of status, ticket" in done.stderr
    event = repo.events("state_edited")[0]
    assert event["payload"]["changes"] == {"status": ["active", "blocked"], "ticket": [None, "SHOP-7"]}
    assert event["actor"] == "person:person@example.com"
    assert (repo.state("payment")["ticket"], repo.state("payment")["status"]) == ("SHOP-7", "blocked")
    own = repo.events("state_edited")
    repo.run("status")
    assert repo.events("state_edited") == own


def test_a_gate_is_not_passed_by_an_edit(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("run", check=10)
    before = repo.state("payment")
    edit(repo, "payment", gate=None, status="active", current_phase="2")
    done = repo.call("status")
    assert "payment waits at a gate; an edit of current_phase, gate, status does not pass it" in done.stderr
    after = repo.state("payment")
    assert {**after, "event": 0, "updated_at": 0} == {**before, "event": 0, "updated_at": 0}
    repo.run("next", check=10)


def test_an_edit_that_goes_forward_over_an_undecided_stop_stops_there(repo: Repo) -> None:
    repo.run("start", "payment")
    edit(repo, "payment", current_workflow="3", current_phase="1", workflows_completed=["1", "2"])
    done = repo.call("status")
    assert "GATE 1: Screens (2) is undecided; the feature stops there" in done.stderr
    state = repo.state("payment")
    assert (state["status"], state["current_workflow"], state["current_phase"]) == ("paused", "2", "GATE 1")


def test_an_edit_may_go_back_and_forward_where_nothing_stops(repo: Repo) -> None:
    repo.run("start", "payment")
    edit(repo, "payment", current_phase="2")
    repo.run("status")
    assert "payment  1/2  attempt 1  passed" in repo.run("next")
    edit(repo, "payment", current_workflow="1", current_phase="1")
    assert "payment  1/1  attempt 1  passed" in repo.run("next")


def test_completing_by_an_edit_stops_at_the_first_undecided_stop(repo: Repo) -> None:
    repo.run("start", "payment")
    edit(repo, "payment", status="completed")
    repo.run("status")
    assert (repo.state("payment")["status"], repo.state("payment")["current_phase"]) == ("paused", "GATE 1")


def test_of_two_different_edits_the_main_worktrees_counts_and_the_other_is_set_aside(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("next")
    own = repo.worktree("payment") / ".context/feat-payment_orchestrator-state.json"
    own.write_text(json.dumps({**json.loads(own.read_text()), "owner": "theirs"}))
    edit(repo, "payment", owner="ours")
    assert "was edited differently from" in repo.call("status").stderr
    assert repo.state("payment")["owner"] == "ours"
    assert [json.loads(one.read_text())["owner"] for one in own.parent.glob("*.conflict-*")] == ["theirs"]


def test_an_edit_in_the_features_own_worktree_is_adopted_too(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("next")
    own = repo.worktree("payment") / ".context/feat-payment_orchestrator-state.json"
    own.write_text(json.dumps({**json.loads(own.read_text()), "owner": "the agent"}))
    repo.run("status")
    assert repo.state("payment")["owner"] == "the agent"


def test_a_state_of_a_newer_version_is_refused_and_left_as_it_is(repo: Repo) -> None:
    repo.run("start", "payment")
    edit(repo, "payment", version=99)
    before = repo.state_file("payment").read_bytes()
    assert "was written by a newer version (schema 99" in repo.refused("next")
    assert repo.state_file("payment").read_bytes() == before


def test_set_does_what_jq_did(repo: Repo) -> None:
    repo.run("start", "payment")
    assert repo.run("set", "payment", "phase", "2") == "payment: workflow 1, phase 2, active\n"
    assert repo.run("set", "payment", "complete-workflow", "1") == "payment: workflow 2, phase 1, active\n"
    assert repo.state("payment")["workflows_completed"] == ["1"]
    assert repo.run("set", "payment", "status", "paused") == "payment: workflow 2, phase 1, paused\n"
    assert "there is no workflow '9' in the line" in repo.refused("set", "payment", "workflow", "9")
    done = repo.call("set", "payment", "workflow", "3")
    assert (done.returncode, "is undecided; the feature stops there" in done.stderr) == (1, True)
    assert repo.state("payment")["current_phase"] == "GATE 1"


def test_the_log_is_asked_with_plain_sql(repo: Repo) -> None:
    import sqlite3

    repo.run("start", "payment")
    repo.run("next")
    database = sqlite3.connect(repo.root / ".context/orchestrator-events.db")
    columns = [row[1:3] for row in database.execute("PRAGMA table_info(events)")]
    assert columns == [
        ("id", "INTEGER"), ("feature", "TEXT"), ("event_type", "TEXT"), ("workflow", "TEXT"), ("phase", "TEXT"),
        ("payload", "JSON"), ("timestamp", "TEXT"),
    ]  # fmt: skip
    rows = database.execute(
        "SELECT id, event_type, json_extract(payload, '$.actor') FROM events ORDER BY id"
    ).fetchall()
    assert rows == [(one["id"], one["event_type"], one["actor"]) for one in repo.events()]
