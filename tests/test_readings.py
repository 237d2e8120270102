"""How documents were read last: a cache that saves time, and decides nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from tests.conftest import Repo


def kept(repo: Repo) -> Path:
    return repo.root / ".git/orchestrator/line.json"


def read(repo: Repo) -> str:
    """Read the line in a process of its own; return how many documents it has, and whether the parser was loaded."""
    code = (
        "import sys; from orchestrator.workspace import Workspace; from pathlib import Path\n"
        "print(len(Workspace.find(Path.cwd()).line.documents), 'markdown_it' in sys.modules)"
    )
    command = [sys.executable, "-I", "-c", code]
    return subprocess.run(
        command, cwd=repo.root, env=repo.env, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_command_reads_no_document_that_was_read_before(repo: Repo) -> None:
    repo.run("start", "payment")
    assert read(repo) == "3 False"
    repo.write("line/add-feature-1-make.md", "# One\n\n## Phase 1: Build\n\nBuild it again.\n")
    assert read(repo) == "3 True"


def test_a_document_that_changed_is_read_anew_and_the_old_reading_goes(repo: Repo) -> None:
    repo.run("start", "payment")
    before = json.loads(kept(repo).read_bytes().partition(b"\n")[2])["documents"].keys()
    path = next(iter(sorted((repo.root / "line").glob("add-feature-1*"))))
    path.write_text(path.read_text() + "\n## GATE 9: Colours\n\nAsk the user: is it blue? (yes/no)\n")
    assert "GATE 9: Colours" in repo.run("workflows")
    repo.run("next")
    after = json.loads(kept(repo).read_bytes().partition(b"\n")[2])["documents"].keys()
    assert len(after - before) == 1


def test_a_broken_file_of_readings_is_made_again(repo: Repo) -> None:
    repo.run("start", "payment")
    whole = kept(repo).read_bytes()
    kept(repo).write_bytes(whole[:-9])
    repo.run("next")
    assert kept(repo).read_bytes() == whole


def test_workflows_shows_how_documents_are_read_and_not_how_they_were(repo: Repo) -> None:
    repo.run("start", "payment")
    shown = repo.run("workflows")
    content = kept(repo).read_bytes().partition(b"\n")[2].replace(b'"human"', b'"validation"')
    kept(repo).write_bytes(sha256(content).hexdigest().encode() + b"\n" + content)
    assert repo.run("workflows") == shown
    assert "V114" in repo.run("verify", check=1)
