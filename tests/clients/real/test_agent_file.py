"""Claude Code's own check of the agent that `init` writes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from orchestrator.assets import asset
from tests.clients.harness import PROGRAMS, environment


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
