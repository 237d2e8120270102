"""What happened outside is taken in once, and what another command wrote is no edit of a person's."""

from __future__ import annotations

import json

from orchestrator.core import decide
from orchestrator.core.values import feature_id, slug
from orchestrator.reconcile import adopt
from orchestrator.workspace import Workspace
from tests.conftest import Repo


def test_a_state_that_another_command_wrote_since_the_log_was_read_is_no_edit(repo: Repo) -> None:
    repo.run("start", "payment")
    feature = feature_id(slug("payment"))
    early = Workspace.find(repo.root)
    early.load()
    late = Workspace.find(repo.root)
    late.record(lambda world: decide.pause(world.features[feature], "lunch", "person:a@example.com"))

    adopt(early, feature, "person:a@example.com")

    assert repo.events("state_edited") == []
    assert early.world.features[feature].status == "paused"
    assert repo.state("payment")["status"] == "paused"


def test_an_event_number_that_somebody_made_up_does_not_hide_an_edit(repo: Repo) -> None:
    repo.run("start", "payment")
    state = repo.state("payment")
    state["event"]["id"] = 10_000
    state["status"] = "blocked"
    repo.state_file("payment").write_text(json.dumps(state))
    repo.run("status")
    assert repo.state("payment")["status"] == "blocked"
    assert len(repo.events("state_edited")) == 1


def test_many_features_at_once_leave_no_edit_behind(repo: Repo) -> None:
    for number in range(4):
        repo.run("start", f"f{number}")
    repo.run("run", "-j", "4", check=10)
    assert repo.events("state_edited") == []


def test_a_log_that_was_cut_is_said_and_no_state_is_taken_for_an_edit(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("next")
    log = repo.root / ".git/orchestrator/events.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:3]))
    assert "the log was cut or replaced; orchestrator verify" in repo.refused("next")
    assert log.read_bytes() == b"".join(lines[:3])


def test_a_log_that_is_gone_while_its_second_name_is_there_stops_every_writer(repo: Repo) -> None:
    repo.run("start", "payment")
    (repo.root / ".git/orchestrator/events.jsonl").unlink()
    for words in (("next",), ("start", "landing"), ("status",)):
        assert "is gone; its second name is there; orchestrator verify --repair" in repo.refused(*words)
    repo.run("verify", "--repair", check=None)
    assert repo.json("status")["features"][0]["feature"] == "feat-payment"


def test_an_edit_whose_adopter_was_killed_before_the_file_was_written_again_is_adopted_once(repo: Repo) -> None:
    repo.run("start", "payment")
    edited = json.dumps({**repo.state("payment"), "reviewer": "the shop", "current_workflow": "3"})
    repo.state_file("payment").write_text(edited)
    repo.run("status")
    repo.state_file("payment").write_text(edited)  # as it lay there when the adopter died
    repo.run("status")
    assert [one["payload"]["changes"] for one in repo.events("state_edited")] == [{"reviewer": [None, "the shop"]}]
    assert repo.state("payment")["reviewer"] == "the shop"


def test_an_edit_made_again_after_another_one_is_adopted_again(repo: Repo) -> None:
    repo.run("start", "payment")
    for value in ("the shop", "a friend", "the shop"):
        repo.state_file("payment").write_text(json.dumps({**repo.state("payment"), "reviewer": value}))
        repo.run("status")
    assert repo.state("payment")["reviewer"] == "the shop"
    assert len(repo.events("state_edited")) == 3
