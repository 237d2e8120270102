"""A change that removes or weakens a stop, or changes a validation, waits for a person's yes while features are open."""

from __future__ import annotations

from tests.conftest import LINE, Repo


def configure(repo: Repo, old: str, new: str) -> None:
    text = (repo.root / "orchestrator.toml").read_text()
    assert old in text
    repo.write("orchestrator.toml", text.replace(old, new))


def test_a_removed_stop_still_stops_until_a_person_said_yes(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.write(
        "line/add-feature-2-show.md", "# Show it\n\n## Phase 1: Draw\n\nDraw.\n\n## Phase 2: File\n\nFile them.\n"
    )
    out = repo.run("run", check=10)
    assert "payment  2/1  attempt 1  waits at a gate: GATE 1: Screens" in out
    assert "GATE 1: Screens" in repo.call("workflows").stderr

    repo.run("start", "landing")
    shown = repo.sit("line")
    assert "a change removes or weakens a stop" in shown
    assert "approved: line; not: payment" in shown
    assert repo.events("line_accepted")[-1]["payload"]["door"] == "terminal"
    repo.run("run", check=10)
    assert repo.state("landing")["current_workflow"] == "3"
    assert repo.state("payment")["current_phase"] == "GATE 1"


def test_a_skipped_document_with_a_stop_stays_in_the_line_until_accepted(repo: Repo) -> None:
    repo.run("start", "payment")
    configure(repo, "[workflows]\n", '[workflows]\nskip = ["2"]\n')
    repo.run("run", check=10)
    assert repo.state("payment")["current_phase"] == "GATE 1"


def test_a_weaker_type_waits_and_a_stricter_one_holds_at_once(repo: Repo) -> None:
    repo.run("start", "payment")
    text = (repo.root / "orchestrator.toml").read_text()
    repo.write("orchestrator.toml", text + '[gates.types]\n"2: GATE 1" = "validation"\n')
    repo.run("run", check=10)
    assert repo.state("payment")["current_phase"] == "GATE 1"
    repo.write("orchestrator.toml", text + '[gates.types]\n"2: GATE 1" = "deploy"\n')
    repo.run("start", "landing")
    repo.run("run", check=10)
    assert repo.state("landing")["gate"]["type"] == "deploy"
    assert repo.state("payment")["gate"]["type"] == "human"


def test_a_changed_validation_is_in_effect_only_after_it_was_accepted(repo: Repo) -> None:
    repo.run("start", "payment")
    configure(repo, '"test ! -e broken"', '"true"')
    repo.script("payment-1-1", "date +%N >broken\n")
    assert "failed: the validation failed" in repo.run("next")
    shown = repo.sit("APPROVE ALL")
    assert "[validate] changed: test ! -e broken (3 attempts) -> true (3 attempts)" in shown
    assert "attempt 2  passed" in repo.run("next")


def test_a_shorter_pause_waits(repo: Repo) -> None:
    text = (repo.root / "orchestrator.toml").read_text()
    repo.write("orchestrator.toml", text + '[gates.pause]\n"2: GATE 1" = "24h"\n')
    repo.run("start", "payment")
    repo.write("orchestrator.toml", text)
    repo.run("run", check=10)
    assert repo.state("payment")["paused_until"] is not None


def test_all_else_takes_effect_at_once(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.write("line/add-feature-1-make.md", LINE["1-make"].replace("Write the file.", "Write two files."))
    repo.run("next")
    assert "Write two files." in repo.briefs("payment")[0]
    assert [one["payload"].get("changes") for one in repo.events("line_accepted")] == [None, None]


def test_with_no_feature_open_the_line_is_the_users_to_change(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("set", "payment", "status", "failed")
    repo.write("line/add-feature-2-show.md", "# Show it\n\n## Phase 1: Draw\n\nDraw.\n")
    repo.run("start", "landing")
    repo.run("run", check=10)
    assert repo.state("landing")["current_workflow"] == "3"
