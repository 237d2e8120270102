"""How a document is cut into pieces, what is handed out after a decision, and what a phase's end is."""

from __future__ import annotations

from tests.conftest import Repo


def to_the_gate(repo: Repo, document: str, name: str = "1-one", others: bool = False) -> None:
    """Make `document` the first of the line (and the only one), start payment and run to its gate."""
    if not others:
        for path in (repo.root / "line").glob("*.md"):
            path.unlink()
    repo.write(f"line/add-feature-{name}.md", document)
    repo.commit("another line")
    repo.run("start", "payment")
    repo.run("run", check=10)


def test_the_first_piece_ends_at_the_block_of_the_trigger_and_says_to_stop(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("run", check=10)
    brief = repo.briefs("payment")[2]
    assert "APPROVE the screens? (yes/no)" in brief
    assert "Afterwards file them." not in brief
    assert "## Stop at the gate: GATE 1: Screens" in brief
    assert "Read this first." in repo.briefs("payment")[0]
    assert "Read this first." in repo.briefs("payment")[1]


def test_a_stop_that_is_said_in_everyday_speech_stops_and_goes_on_after_the_decision(repo: Repo) -> None:
    to_the_gate(repo, "# One\n\n## Fase 1: Tela\n\nFaz a tela.\n\nMostra pra Ana e espera ela decidir.\n")
    assert "waits at Fase 1: Tela" in repo.run("status", "payment", "--why")
    repo.sit("APPROVE ALL")
    assert repo.state("payment")["status"] == "completed"


def test_after_a_human_gate_its_section_comes_once_more_with_the_next_phase(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("run", check=10)
    repo.sit("1 = the left one")
    assert [one["phase"] for one in repo.events("phase_completed")] == ["1", "2", "1"]
    repo.run("next")
    brief = repo.briefs("payment")[3]
    assert (
        brief.index("A person approved: GATE 1: Screens")
        < brief.index("Afterwards file them.")
        < brief.index("## Phase 2: File")
    )
    assert "> the left one" in brief
    assert [one["phase"] for one in repo.events("phase_completed")] == ["1", "2", "1", "2"]


def test_a_human_gate_without_a_phase_behind_it_spends_no_step_and_heads_the_next_workflow(repo: Repo) -> None:
    for path in (repo.root / "line").glob("*.md"):
        path.unlink()
    repo.write("line/add-feature-2-next.md", "# Next\n\n## Phase 7: Go\n\nGo on.\n")
    to_the_gate(repo, "# One\n\n## Phase 1: Ask\n\nPrepare.\n\n## GATE 5: Owner\n\nApprove it? (yes/no)\n", others=True)
    repo.sit("payment = as drawn")
    assert repo.state("payment")["workflows_completed"] == ["1"]
    assert repo.state("payment")["current_workflow"] == "2"
    repo.run("run", check=11)
    briefs = repo.briefs("payment")
    assert len(briefs) == 2
    assert "A person approved: GATE 5: Owner" in briefs[1]
    assert "> as drawn" in briefs[1]
    assert "## Phase 7: Go" in briefs[1]


def test_a_deploy_gate_without_a_phase_behind_it_is_handed_out_once_more_and_not_reached_again(repo: Repo) -> None:
    to_the_gate(
        repo,
        "# Ship\n\n## Phase 1: Pack\n\nPack.\n\n## GATE 2: Production\n\n"
        "APPROVE the deploy to production? (yes/no)\n\n- yes: run `./ship`\n",
    )
    repo.sit("APPROVE ALL")
    assert repo.events("phase_completed") == []
    repo.run("run", check=11)
    briefs = repo.briefs("payment")
    assert len(briefs) == 2
    assert "`./ship`" in briefs[1]
    assert "`./ship`" not in briefs[0]
    assert len(repo.events("gate_reached")) == 1
    assert len(repo.events("phase_completed")) == 1


def test_two_gates_in_one_phase_are_reached_one_after_the_other(repo: Repo) -> None:
    to_the_gate(
        repo,
        "# Two\n\n## Phase 1: Both\n\nA.\n\n### GATE 1: First\n\nApprove the first? (yes/no)\n\nB.\n\n"
        "### GATE 2: Second\n\nApprove the second? (yes/no)\n\nC.\n\n## Phase 2: End\n\nD.\n",
    )
    repo.sit("APPROVE ALL")
    repo.run("run", check=10)
    assert repo.state("payment")["current_phase"] == "GATE 2"
    repo.sit("APPROVE ALL")
    repo.run("run", check=11)
    briefs = repo.briefs("payment")
    assert len(briefs) == 3
    assert ["B." in one for one in briefs] == [False, True, False]
    assert ["\nC." in one for one in briefs] == [False, False, True]
    assert len(repo.events("phase_completed")) == 2


def test_a_stop_before_the_first_phase_is_a_piece_of_its_own(repo: Repo) -> None:
    to_the_gate(
        repo,
        "# Asked first\n\nWhat it is about.\n\n## Before all\n\nMay we begin? Approve? (yes/no)\n\n"
        "## Phase 1: Go\n\nGo.\n",
    )
    assert repo.events("gate_reached")[0]["payload"]["ordinal"] == 0
    assert repo.state("payment")["current_phase"] == "0"
    repo.sit("APPROVE ALL")
    repo.run("run", check=11)
    assert len(repo.briefs("payment")) == 2


def test_a_conditional_gate_always_stops_and_may_be_skipped(repo: Repo) -> None:
    to_the_gate(
        repo,
        "# Maybe\n\n## Phase 1: Look\n\nLook.\n\n### GATE 3: Schema (IF there is a migration)\n\n"
        "Approve the schema? (yes/no)\n\n## Phase 2: Go\n\nGo.\n",
    )
    assert "skip 1" in repo.sit("skip 1")
    assert repo.events("approval_granted")[0]["payload"]["verdict"] == "skipped"
    repo.run("run", check=11)
    assert "the condition does not hold, skip: GATE 3" in repo.briefs("payment")[1]


def test_a_gate_without_a_condition_cannot_be_skipped(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("run", check=10)
    assert "has no condition to skip it by" in repo.sit("skip 1")
    assert repo.sat == 1
    assert repo.events("approval_granted") == []


def test_a_gate_that_the_agent_reports_is_answered_into_the_same_phase_and_attempt(repo: Repo) -> None:
    asks = '{"orchestrator": {"outcome": "gate", "trigger": "Which colour?", "note": "both are there"}}'
    repo.script(
        "payment-1-2",
        f"grep -q 'blue' \"$ORCHESTRATOR_CONTEXT/feat-payment_brief.md\" || {{ echo '{asks}'; exit 0; }}\n",
    )
    repo.run("start", "payment")
    repo.run("run", check=10)
    state = repo.state("payment")
    assert (state["gate"]["type"], state["gate"]["trigger"], state["current_phase"]) == ("human", "Which colour?", "2")
    shown = repo.sit("1 = blue")
    assert "both are there" in shown
    repo.run("next")
    assert [(one["phase"], one["payload"]["attempt"]) for one in repo.events("phase_started")] == [
        ("1", 1),
        ("2", 1),
        ("2", 1),
    ]
    assert [one["phase"] for one in repo.events("phase_completed")] == ["1", "2"]


def test_reject_runs_the_gates_phase_again_with_the_reason(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("run", check=10)
    assert repo.run("reject", "payment", "-m", "too dark").startswith("payment: rejected")
    assert repo.state("payment")["status"] == "active"
    repo.run("next")
    brief = repo.briefs("payment")[3]
    assert "A person rejected: GATE 1: Screens" in brief
    assert "> too dark" in brief
    assert repo.state("payment")["current_phase"] == "GATE 1"


def test_reject_goes_back_in_the_line_with_attempts_at_zero_and_the_tree_as_it_is(repo: Repo) -> None:
    repo.run("start", "payment")
    repo.run("run", check=10)
    tip = repo.git("rev-parse", "feat/payment")
    repo.run("reject", "payment", "-m", "from the start", "--to", "1/2")
    state = repo.state("payment")
    assert (state["current_workflow"], state["current_phase"], state["workflows_completed"]) == ("1", "2", [])
    assert state["attempts"] == {}
    assert repo.git("rev-parse", "feat/payment") == tip
    repo.run("run", check=10)
    assert "lies ahead" in repo.refused("reject", "payment", "-m", "x", "--to", "3")


def test_with_granularity_workflow_one_call_goes_up_to_the_next_gate(repo: Repo) -> None:
    text = (repo.root / "orchestrator.toml").read_text()
    repo.write("orchestrator.toml", text.replace("[agent]\n", '[agent]\ngranularity = "workflow"\n'))
    repo.run("start", "payment")
    repo.run("run", check=10)
    briefs = repo.briefs("payment")
    assert len(briefs) == 2
    assert "## Phase 1: Write" in briefs[0]
    assert "## Phase 2: Check" in briefs[0]
    assert [(one["workflow"], one["phase"]) for one in repo.events("phase_completed")] == [("1", "1"), ("1", "2")]


def test_the_pause_of_a_gate_must_be_over_before_it_is_offered_and_opens_nothing(repo: Repo) -> None:
    text = (repo.root / "orchestrator.toml").read_text()
    repo.write("orchestrator.toml", text + '[gates.pause]\n"2: GATE 1" = "24h"\n')
    repo.run("start", "payment")
    repo.run("run", check=10)
    state = repo.state("payment")
    assert state["paused_until"] is not None
    assert state["paused_until"][:10] > state["gate"]["reached_at"][:10]
    repo.run("next", check=10)
    assert repo.state("payment")["current_phase"] == "GATE 1"
