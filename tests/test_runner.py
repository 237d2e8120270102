"""`run` inside one process: when a person is told."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from orchestrator.reconcile import reconcile
from orchestrator.runner import Runner
from orchestrator.workspace import Workspace
from tests.kit import CONFIGURATION, created

pytestmark = pytest.mark.usefixtures("env")

TOLD = """\
[notify]
command = ["sh", "-c", 'echo "$1" >>"$0"', "{told}"]
"""
GATE = "# Make it\n\n## Phase 1: Draw\n\nDraw.\n\n### GATE 1: Screens\n\nAPPROVE the screens? (yes/no)\n"


def test_gates_reached_one_after_the_other_are_told_once_a_round(tmp_path: Path, env: dict[str, str]) -> None:
    kit = created(tmp_path / "shop", env, hooks=False)
    kit.git("rm", "-q", "-r", "line")
    kit.write("line/add-feature-1-make.md", GATE)
    told = tmp_path / "told"
    kit.write("orchestrator.toml", CONFIGURATION + TOLD.format(told=told))
    kit.commit("a gate in the first phase")
    for name in ("payment", "login", "search", "news"):
        kit.do("start", name)
    workspace = Workspace.find(kit.root)
    reconcile(workspace, "kit", "kit")
    workspace.settle_line()
    Runner(workspace, 1, threading.Event(), lambda *_: None, gather=0.0).run(workspace.load)
    counts = [int(line.split()[1]) for line in told.read_text().splitlines()]
    assert (counts[0], counts[-1]) == (1, 4)
    assert 2 not in counts  # 3: where the last one takes its turn slowly, all have had one
