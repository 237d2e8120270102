"""What `init` writes: the twelve documents as the kit reads them, configuration, agent, hook lists."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from orchestrator.assets import asset, names
from orchestrator.config import parse
from orchestrator.core.line import (
    Document,
    Rules,
    gate_section,
    is_step,
    order,
    piece,
    read_document,
    section_headings,
    workflow_id,
)
from orchestrator.core.values import GateType
from orchestrator.setup.claude import RULES
from orchestrator.setup.lining import with_pause

ROOT = Path(__file__).parent.parent
KEYWORDS = ("GATE 1", "screenshot", "staging")
DECIDES = r"\borchestrator\s+(approve(?! --(ask|show)\b)|reject|resume|rollback|retire|review|pause|set)\b|--undo|--repair|APPROVE ALL"


def document(name: str, keywords: tuple[str, ...] = KEYWORDS) -> Document:
    workflow = workflow_id(name.removeprefix("add-feature-").removesuffix(".md"))
    assert workflow is not None
    return read_document(asset("workflows", name).decode(), name, workflow, Rules(keywords=keywords))


def line(keywords: tuple[str, ...] = KEYWORDS) -> list[Document]:
    return list(order(document(name, keywords) for name in names("workflows")))


def configuration() -> str:
    text = asset("orchestrator.toml").decode()
    return text.replace("@GLOB@", "docs/workflows/add-feature-*.md").replace("@TAGS@", "20")


def frontmatter(text: str) -> dict[str, str]:
    head: dict[str, str] = yaml.safe_load(text.split("---\n")[1])
    return head


def test_the_line_is_twelve_documents_of_several_phases_in_order() -> None:
    found = line()
    assert [one.id for one in found] == [str(number) for number in range(1, 13)]
    assert all(len(one.phases) >= 2 and is_step(one) for one in found)
    ids = [[phase.id for phase in one.phases] for one in found]
    assert ids == [[str(number + 1) for number in range(len(of_one))] for of_one in ids]


@pytest.mark.parametrize("keywords", [KEYWORDS, ()])
def test_five_gates_need_a_person_and_no_other_stops_anybody(keywords: tuple[str, ...]) -> None:
    stops = [(one.id, gate.heading, gate.type) for one in line(keywords) for gate in one.gates if gate.stops]
    assert stops == [
        ("1", "GATE 1: Reframing", GateType.HUMAN),
        ("8", "GATE 9: Screenshot validation", GateType.HUMAN),
        ("10", "GATE 11: Staging review of 24 h", GateType.DEPLOY),
        ("11", "GATE 12: Production approval", GateType.DEPLOY),
        ("12", "GATE 15: Merge approval", GateType.DEPLOY),
    ]


def test_gates_are_numbered_through_the_line_and_the_others_are_decided_by_a_command_or_a_list() -> None:
    labels = [(gate.label, gate.type) for one in line() for gate in one.gates]
    assert [label for label, _ in labels] == [f"GATE {number}" for number in range(1, 16)]
    validations = [label for label, kind in labels if kind is GateType.VALIDATION]
    assert validations == [f"GATE {number}" for number in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14)]


def test_only_the_merge_gate_merges() -> None:
    assert [gate.heading for one in line() for gate in one.gates if gate.merges] == ["GATE 15: Merge approval"]


@pytest.mark.parametrize(
    ("workflow", "early", "late"),
    [
        ("1", "Show the person", "Keep the answer"),
        ("8", "Show the person the list", "Apply what was said"),
        ("10", "is used. When the day is over, show:", "makes a new\ncandidate"),
        ("11", "Show the person, on one screen", "run the commands of the list"),
        ("12", "Collect what the person needs", 'git -C "$ORCHESTRATOR_MAIN" merge --no-ff'),
    ],
)
def test_what_a_gate_asks_about_comes_only_after_the_question(workflow: str, early: str, late: str) -> None:
    one = next(one for one in line() if one.id == workflow)
    gate = next(gate for gate in one.gates if gate.stops)
    before = piece(one, gate.ordinal, ())
    assert before.stop == gate
    assert early in before.text
    assert late not in before.text
    after = one.text[one.text.index("⏸️") :]
    assert late in after
    assert "Wait for the person's decision" in before.text


def test_the_merge_document_merges_from_outside_or_by_pull_request() -> None:
    section = gate_section(document("add-feature-12-merge.md"), "GATE 15: Merge approval")
    assert 'git -C "$ORCHESTRATOR_MAIN" merge --no-ff' in section
    assert "pull request" in section


def test_the_documents_are_short_and_carry_what_they_are_for() -> None:
    for name in names("workflows"):
        text = asset("workflows", name).decode()
        assert 45 <= len(text.splitlines()) <= 110, name
        assert frontmatter(text)["description"], name


def test_the_configuration_as_written_sets_the_glob_and_the_tags_alone() -> None:
    said = {table: keys for table, keys in tomllib.loads(configuration()).items() if keys}
    assert said == {
        "workflows": {"glob": "docs/workflows/add-feature-*.md"},
        "checkpoints": {"tags": 20},
    }


def uncommented(text: str) -> str:
    """Return a configuration's text with every default and example in effect."""
    return re.sub(r"^# (?=\[|\"[^\"]+\" = |[a-z_]+ = )", "", text, flags=re.MULTILINE)


def test_every_key_is_shown_and_what_is_shown_is_valid() -> None:
    assert tomllib.loads(uncommented(configuration())) == {
        "workflows": {
            "glob": "docs/workflows/add-feature-*.md",
            "skip": ["11c1b"],
            "phase_words": ["Fase", "Phase"],
        },
        "agent": {
            "preset": "claude",
            "arguments": ["--model", "opus"],
            "command": ["sh", "agent.sh"],
            "retry_after": "15m",
            "max_turns": 0,
            "max_cost": 0.0,
            "max_turns_day": 0,
            "max_cost_day": 0.0,
            "timeout": "45m",
            "granularity": "phase",
        },
        "validate": {
            "command": "npm test",
            "attempts": 3,
            "pass_when": ".numFailedTests == 0",
            "workflows": {"5a": "npm run build && npm test"},
        },
        "gates": {
            "keywords": list(KEYWORDS),
            "assurance": "terminal",
            "batch": ["human"],
            "client": ["human"],
            "evidence": ["screenshots/*.png"],
            "types": {"4.5: GATE 2": "validation"},
            "pause": {"11a: Staging": "24h"},
        },
        "run": {"parallel": 3, "sign": False, "sandbox": False, "writable": ["~/.npm"]},
        "worktrees": {"root": "../REPO.worktrees", "copy": [".env"], "setup": "npm ci"},
        "checkpoints": {"tags": 20},
        "backups": {"keep": 50},
        "hooks": {"wait": False, "trailers": False},
        "notify": {
            "command": ["notify-send"],
            "urls": ["ntfys://ntfy.sh/my-topic"],
            "terminal": ["bell", "osc9"],
            "repeat": "4h",
        },
        "lint": {"accept": ["L101-3f9c2a10"]},
    }


def test_every_example_can_be_uncommented_also_where_init_wrote_a_pause_and_the_kit_takes_it() -> None:
    for text in (configuration(), with_pause(configuration())):
        shown = uncommented(text)
        assert parse(shown.encode()).gates.pause


def test_the_pause_of_the_staging_review_names_one_heading_and_fits_into_the_configuration() -> None:
    both = tomllib.loads(with_pause(configuration()))
    assert both["gates"] == {"pause": {"10: Staging review of 24 h": "24h"}}
    headings = section_headings(document("add-feature-10-staging.md"))
    assert [text for text in headings if "Staging review of 24 h" in text] == ["GATE 11: Staging review of 24 h"]


def test_the_agent_has_the_fields_of_a_main_session_agent() -> None:
    head = frontmatter(asset("workflow-orchestrator.md").decode())
    description = head.pop("description")
    assert "claude --agent workflow-orchestrator" in description
    assert head == {
        "name": "workflow-orchestrator",
        "tools": "Bash, Read, Grep, Glob, AskUserQuestion",
        "model": "inherit",
        "color": "cyan",
    }


def test_the_agent_is_told_every_key_of_a_state() -> None:
    text = asset("workflow-orchestrator.md").decode()
    state = json.loads(text.split("```json\n")[1].split("```")[0])
    assert list(state) == [
        "feature", "branch", "status", "current_workflow", "current_phase", "gate", "workflows_completed",
        "attempts", "rollback_points", "started_at", "updated_at", "paused_until", "notes",
    ]  # fmt: skip
    assert list(state["gate"]) == ["type", "trigger", "reached_at", "approved_at", "approved_by"]


def test_nothing_that_an_agent_reads_shows_a_command_that_decides_or_destroys() -> None:
    texts = {name: asset("workflows", name).decode() for name in names("workflows")}
    texts["agent"] = asset("workflow-orchestrator.md").decode()
    texts["block"] = asset("agents-block.md").decode()
    assert {name: re.findall(DECIDES, text) for name, text in texts.items() if re.search(DECIDES, text)} == {}


def agents_commands() -> list[str]:
    """Return the commands of the agent's table."""
    return re.findall(r"^\| `(orchestrator [^`]*)` \|", asset("workflow-orchestrator.md").decode(), flags=re.MULTILINE)


def allowing(command: str) -> list[str]:
    """Return the permission rules that cover one plain command, as Claude Code reads them."""
    words = [(rule, rule.removeprefix("Bash(").removesuffix(")")) for rule in RULES]
    return [
        rule for rule, word in words
        if command == word.removesuffix(" *") or (word.endswith(" *") and command.startswith(word[:-1]))
    ]  # fmt: skip


def test_the_agents_commands_are_plain_enough_for_a_permission_rule() -> None:
    assert len(agents_commands()) == 18
    assert [command for command in agents_commands() if re.search(r"[$|;&<>`=]", command)] == []


def test_the_permission_rules_allow_the_agents_commands_and_nothing_that_decides_or_undoes() -> None:
    used = [allowing(command) for command in agents_commands()]
    assert {len(rules) for rules in used} == {1}
    assert sorted({rule for (rule,) in used}) == sorted(RULES)
    others = (
        "approve", "approve payment", "approve --undo", "reject payment", "rollback payment", "resume payment", "init",
        "pause payment", "set payment status active", "retire payment", "signers add key", "checkpoint payment", "review",
        "verify --repair", "workflows --write", "replay --write", "publish", "brief payment", "report payment --ok",
    )  # fmt: skip
    assert [words for words in others if allowing(f"orchestrator {words}")] == []


def test_the_agent_begins_what_the_person_ordered_by_name_and_nothing_else() -> None:
    text = asset("workflow-orchestrator.md").decode()
    for words in (
        '"orchestrate 2 features: payment, landing"', '"orquestre 2 features: payment, landing"',
        "Never start a feature that the person did not order by name", "Load all features", "Keep the active",
        "round-robin", "(at most four) to AskUserQuestion", "Rolled back after three failures",
    ):  # fmt: skip
        assert words in text
    assert 180 <= len(text.splitlines()) <= 220


def test_the_block_for_other_clients_is_short() -> None:
    text = asset("agents-block.md").decode()
    assert len(text.splitlines()) <= 30
    assert text.startswith("## ")


def test_the_hooks_for_pre_commit_call_the_command_at_their_own_stage() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    stages = ["post-commit", "post-merge", "post-rewrite", "pre-push", "prepare-commit-msg"]
    assert [(hook["id"], hook["entry"], hook["stages"]) for hook in hooks] == [
        (f"orchestrator-{stage}", f"orchestrator hook {stage}", [stage]) for stage in stages
    ]
    for hook in hooks:
        assert (hook["language"], hook["always_run"]) == ("python", True)
        assert hook.get("pass_filenames", True) == (hook["stages"] == ["prepare-commit-msg"])


def test_the_local_pre_commit_configuration_has_the_same_hooks() -> None:
    snippet = yaml.safe_load(asset("pre-commit-config.yaml"))
    shipped = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    (local,) = snippet["repos"]
    assert local["repo"] == "local"
    stages = [hook["stages"][0] for hook in local["hooks"]]
    assert snippet["default_install_hook_types"] == ["pre-commit", *stages]
    for hook in local["hooks"]:
        assert hook == {
            key: "system" if key == "language" else value
            for key, value in shipped[hook["id"]].items()
            if key not in ("description", "minimum_pre_commit_version")
        }
