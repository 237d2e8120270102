"""The scripts of the user's old setup: each calls the command that took its place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent.parent / "scripts"
FAKE = "#!{python} -I\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\nsys.exit(7)\n"


def run(tmp_path: Path, script: str, *arguments: str, by: str) -> subprocess.CompletedProcess[str]:
    program = tmp_path / "my bin" / by
    program.parent.mkdir(exist_ok=True)
    program.write_text(FAKE.format(python=sys.executable))
    program.chmod(0o755)
    named = {"ORCHESTRATOR": str(program)} if by != "orchestrator" else {}
    env = {"PATH": f"{program.parent}:{os.environ['PATH']}", **named}
    return subprocess.run(
        [str(SCRIPTS / script), *arguments], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("by", ["orchestrator", "another program"])
@pytest.mark.parametrize(
    ("script", "arguments", "words"),
    [
        ("orchestrator-rollback.sh", ["payment"], ["rollback", "payment"]),
        ("orchestrator-rollback.sh", ["payment", "--to", "3"], ["rollback", "payment", "--to", "3"]),
        ("feature-init.sh", ["payment"], ["start", "payment", "--checkout"]),
        ("feature-update-state.sh", ["payment", "phase", "GATE 1"], ["set", "--", "payment", "phase", "GATE 1"]),
        ("feature-update-state.sh", ["payment", "status", "-x"], ["set", "--", "payment", "status", "-x"]),
        ("feature-dashboard.sh", [], ["status"]),
        ("feature-dashboard.sh", ["payment"], ["status", "payment"]),
    ],
)
def test_an_old_script_calls_the_command_and_ends_with_its_status(
    tmp_path: Path, by: str, script: str, arguments: list[str], words: list[str]
) -> None:
    done = run(tmp_path, script, *arguments, by=by)
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (7, words, "")


@pytest.mark.parametrize(
    ("script", "arguments"),
    [
        ("orchestrator-rollback.sh", []),
        ("feature-init.sh", []),
        ("feature-update-state.sh", []),
        ("feature-update-state.sh", ["payment", "status"]),
        ("feature-update-state.sh", ["payment", "gate", "null"]),
        ("feature-update-state.sh", ["payment", "status", "a", "b"]),
    ],
)
def test_an_old_script_called_wrongly_says_how_and_ends_with_2(
    tmp_path: Path, script: str, arguments: list[str]
) -> None:
    done = run(tmp_path, script, *arguments, by="orchestrator")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"usage: {SCRIPTS / script} NAME")
