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


def test_a_document_under_another_spelling_of_its_id_takes_no_stop_away(repo: Repo) -> None:
    repo.run("start", "payment")
    (repo.root / "line/add-feature-2-show.md").unlink()
    repo.write("line/add-feature-02-show.md", "# Show it\n\n## Phase 1: Draw\n\nDraw the screen.\n")
    assert "GATE 1: Screens" in repo.call("workflows").stderr
    repo.run("start", "landing")
    repo.run("run", check=10)
    assert [repo.state(one)["current_phase"] for one in ("payment", "landing")] == ["GATE 1", "GATE 1"]


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


def test_the_gate_map_is_written_once_corrected_and_kept(repo: Repo) -> None:
    path = repo.root / "orchestrator-gates.toml"
    assert repo.run("workflows", "--write").startswith("wrote orchestrator-gates.toml: 2 gates, 2 new; ")
    before = path.read_bytes()
    assert repo.run("workflows", "--write") == "orchestrator-gates.toml is up to date: 2 gates\n"
    assert path.read_bytes() == before
    assert repo.json("workflows")["drift"] == []

    path.write_text(path.read_text().replace('type = "deploy"', 'type = "human"  # only a test shop'))
    assert (
        repo.run("workflows", "--write")
        == "wrote orchestrator-gates.toml: 2 gates, 0 new; correct a type where it is wrong, and commit it\n"
    )
    assert '# only a test shop\n[[gates]]\nworkflow = "3"' in path.read_text()
    (gate,) = repo.json("workflows")["workflows"][2]["gates"]
    assert (gate["type"], gate["why"].partition(":")[0]) == ("human", "orchestrator-gates.toml says so")


def test_what_lies_there_and_is_no_map_is_not_written_over(repo: Repo) -> None:
    path = repo.write("orchestrator-gates.toml", "gates = 3\n")
    said = repo.refused("workflows", "--write")
    assert said.startswith("orchestrator-gates.toml:1: gates: expected `array`, got `int`")
    assert path.read_text() == "gates = 3\n"
    (repo.root / "mine.toml").write_text("# mine\n")
    path.unlink()
    path.symlink_to("mine.toml")
    assert "orchestrator-gates.toml is a link" in repo.refused("workflows", "--write")
    assert path.is_symlink()


def test_drift_is_shown_by_workflows_status_and_verify_and_a_new_stop_stops(repo: Repo) -> None:
    repo.run("workflows", "--write")
    repo.commit("the map")
    repo.run("start", "payment")
    text = LINE["1-make"].replace("Look at it.", "Look at it.\n\n### Sign-off\n\nAPPROVE it? (yes/no)")
    repo.write("line/add-feature-1-make.md", text)
    repo.write("line/add-feature-2-show.md", LINE["2-show"].replace("both screens", "all screens"))
    said = "line/add-feature-2-show.md: the gate 'GATE 1: Screens' of workflow 2 differs: its section changed"
    assert said in repo.call("workflows").stderr
    assert repo.json("workflows")["drift"] == [
        {
            "workflow": "1",
            "heading": "Sign-off",
            "file": "line/add-feature-1-make.md",
            "what": "is new and not classified",
        },
        {
            "workflow": "2",
            "heading": "GATE 1: Screens",
            "file": "line/add-feature-2-show.md",
            "what": "differs: its section changed since it was classified",
        },
    ]
    assert repo.run("status").splitlines()[-2:] == [
        "2 gates differ from orchestrator-gates.toml (orchestrator workflows shows them)",
        "now: 1 can run: orchestrator run",
    ]
    found = repo.json("verify", check=None)["findings"]
    assert [one["where"] for one in found if one["id"] == "V806"] == [
        "line/add-feature-1-make.md",
        "line/add-feature-2-show.md",
    ]
    repo.run("run", check=10)
    assert (repo.state("payment")["current_workflow"], repo.state("payment")["status"]) == ("1", "paused")


def test_a_map_that_asks_less_waits_for_a_persons_yes(repo: Repo) -> None:
    path = repo.root / "orchestrator-gates.toml"
    repo.run("workflows", "--write")
    path.write_text(path.read_text() + '[[gates]]\nworkflow = "1"\nheading = "Phase 1: Write"\ntype = "human"\n')
    repo.run("workflows", "--write")
    repo.run("start", "payment")
    whole = path.read_text()
    path.write_text(whole.replace('type = "human"', 'type = "none"'))
    said = repo.call("workflows").stderr
    assert (
        "waits for a person's yes: line/add-feature-1-make.md: workflow 1: the human gate 'Phase 1: Write' is gone"
        in said
    )
    repo.run("run", check=10)
    assert (repo.state("payment")["current_workflow"], repo.state("payment")["status"]) == ("1", "paused")
    shown = repo.sit("line")
    assert "the human gate 'GATE 1: Screens' is gone" in shown
    assert "approved: line; not: payment" in shown

    path.unlink()  # what it called none stops again, what waits at a gate stays there
    repo.run("start", "landing")
    repo.run("run", check=10)
    assert repo.state("landing")["current_phase"] == "GATE 1"
    path.write_text(whole)
    repo.run("start", "search")
    repo.run("run", check=10)
    assert repo.state("search")["current_workflow"] == "1"
    path.unlink()
    assert "the human gate 'Phase 1: Write' is gone" in repo.call("workflows").stderr
