"""Claude Code's own check of the agent that `init` writes, and what its permission rules let through."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from orchestrator.assets import asset
from tests.clients.harness import PROGRAMS, Place, environment
from tests.clients.script import Shell, Turn, does
from tests.clients.standin import StandIn
from tests.conftest import PROGRAM

REFUSED = (
    "orchestrator approve", "orchestrator rollback payment", "orchestrator reject payment", "orchestrator resume payment",
    "orchestrator init", "orchestrator verify --repair", "orchestrator workflows --write", "orchestrator statuses",
    "orchestrator next --no-sandbox", "orchestrator status && orchestrator pause payment", "orchestrator status > x",
    'orchestrator note payment "$(touch x)"', "orchestrator start mine",
)  # fmt: skip


def validated(folder: Path, text: bytes) -> dict[str, Any]:
    file = folder / ".claude/agents/workflow-orchestrator.md"
    file.parent.mkdir(parents=True)
    file.write_bytes(text)
    words = [PROGRAMS / "claude", "plugin", "validate", "--json", "--strict", file.parent.parent]
    env = environment(folder / "home", "http://127.0.0.1:9")
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=60)
    found: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode == 0) == found["success"]
    return found


def test_claude_finds_nothing_to_say_about_the_agent(tmp_path: Path) -> None:
    assert validated(tmp_path, asset("workflow-orchestrator.md")) | {"target": ""} == {
        "success": True,
        "strict": True,
        "target": "",
        "manifest": None,
        "contents": [],
        "provides": None,
        "hosts": None,
        "advice": [],
        "directory": None,
    }


def test_claude_would_have_said_that_the_agent_cannot_be_read(tmp_path: Path) -> None:
    assert not validated(tmp_path, b'---\nname: "workflow\n---\nbody\n')["success"]


@pytest.mark.parametrize(
    ("client", "words"),
    [("claude", ("claude", "-p")), ("codex", ("codex", "exec", "-")), ("opencode", ("opencode", "run"))],
)
def test_a_client_reads_the_block_in_agents_md(client: str, words: tuple[str, ...], tmp_path: Path) -> None:
    with StandIn({"go": [Turn("over")]}) as standin:
        place = Place(tmp_path, client, standin.url)
        (place.tree / "AGENTS.md").write_bytes(asset("agents-block.md"))
        place.run(words, "play: go\n")
    assert any("## Features built by `orchestrator`" in json.dumps(one.body) for one in standin.asked)


def test_claude_runs_the_agents_commands_unasked_and_no_other_and_a_rule_of_the_user_wins(tmp_path: Path) -> None:
    table = re.findall(r"^\| `(orchestrator [^`]*)` \|", asset("workflow-orchestrator.md").decode(), flags=re.MULTILINE)
    commands = [*table, "orchestrator status", "orchestrator next", "orchestrator approve --ask payment", *REFUSED]
    with StandIn({"go": [*(does(Shell(one)) for one in commands), Turn("over")]}) as standin:
        place = Place(tmp_path, "claude", standin.url)
        settings = place.root / ".claude/settings.json"
        settings.parent.mkdir()
        settings.write_text('{"permissions": {"deny": ["Bash(orchestrator start mine *)"]}}')
        outside = {name: value for name, value in place.env.items() if not name.startswith("ORCHESTRATOR_")}
        subprocess.run([PROGRAM, "init", "--agent", "claude"], cwd=place.root, env=outside, check=True)
        trusted = {"projects": {os.fspath(place.root): {"hasTrustDialogAccepted": True}}}  # else its rules do not count
        (Path(place.env["HOME"]) / ".claude.json").write_text(json.dumps(trusted))
        place.env["PATH"] = f"{PROGRAM.parent}:{place.env['PATH']}"
        place.tree = place.root
        words = ["claude", "-p", "--output-format", "stream-json", "--verbose", "--agent", "workflow-orchestrator"]
        ran = place.run(words, "play: go\n")
    denied = [one["tool_input"]["command"] for one in ran.last["permission_denials"]]
    assert denied == list(REFUSED)
    assert ran.code == 0
