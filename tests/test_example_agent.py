"""examples/agent.py keeps the contract that it explains."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

AGENT = Path(__file__).parent.parent / "examples/agent.py"
BRIEF = "\n## Phase 2: Build\n\nBuild it.\n"


class Place:
    """A worktree on a feature's branch, with a context folder, where the agent is called as the kit would."""

    def __init__(self, base: Path) -> None:
        self.tree = base / "tree"
        self.context = base / "context"
        self.script = base / "script.json"
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(base), "LC_ALL": "C",
            "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
            "GIT_AUTHOR_NAME": "Ana", "GIT_AUTHOR_EMAIL": "ana@example.com",
            "GIT_COMMITTER_NAME": "Ana", "GIT_COMMITTER_EMAIL": "ana@example.com",
            "ORCHESTRATOR_FEATURE": "payment", "ORCHESTRATOR_WORKFLOW": "5", "ORCHESTRATOR_PHASE": "2",
            "ORCHESTRATOR_CONTEXT": str(self.context), "ORCHESTRATOR_MAIN": str(base),
        }  # fmt: skip
        self.tree.mkdir()
        self.git("init", "-q", "-b", "feat/payment")
        self.git("commit", "-q", "--allow-empty", "-m", "first")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.tree, env=self.environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    def scripted(self, *actions: str) -> None:
        self.script.write_text(json.dumps({"payment 5 2": actions, "payment 5 3": ["fail"]}))
        self.environment["EXAMPLE_AGENT_SCRIPT"] = str(self.script)

    def command(self) -> list[str]:
        return [sys.executable, "-I", str(AGENT)]

    def call(self) -> tuple[int, object]:
        """Return the exit status and what the last line of the output reports."""
        done = subprocess.run(
            self.command(),
            cwd=self.tree,
            env=self.environment,
            input=BRIEF,
            capture_output=True,
            text=True,
            check=False,
        )
        lines = done.stdout.splitlines()
        return done.returncode, json.loads(lines[-1])["orchestrator"] if lines else None

    def commits(self) -> list[str]:
        return self.git("log", "--format=%s").splitlines()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


DONE = (0, {"outcome": "ok", "note": "5 2 is done"})


def test_without_a_script_it_works_commits_and_says_so(place: Place) -> None:
    assert place.call() == DONE
    assert place.commits() == ["payment: 5 2", "first"]
    assert (place.tree / "src/payment.txt").read_text() == "5 2: Phase 2: Build\n"
    assert (place.context / "feat-payment_temp-memory.md").read_text() == "- 5 2: Phase 2: Build\n"
    assert place.git("status", "--porcelain") == ""


def test_the_script_says_what_each_call_does_and_then_all_is_well(place: Place) -> None:
    place.scripted("fail", "gate:Which one: a or b?", "nothing")
    notes = str(place.context / "feat-payment_temp-memory.md")
    assert [place.call() for _ in range(4)] == [
        (0, {"outcome": "fail", "note": "I could not do it"}),
        (0, {"outcome": "gate", "trigger": "Which one: a or b?", "evidence": [notes]}),
        (0, {"outcome": "ok", "note": "there was nothing to do"}),
        DONE,
    ]
    assert place.commits() == ["payment: 5 2"] * 3 + ["first"]


def test_what_breaks_is_found_by_a_validation_and_mended_by_the_next_attempt(place: Place) -> None:
    place.scripted("break")
    assert place.call() == (0, {"outcome": "ok", "note": "a claim that the validation refutes"})
    assert (place.tree / "BROKEN").exists()
    assert place.call() == DONE
    assert not (place.tree / "BROKEN").exists()


def test_quota_is_exit_status_75_and_changes_nothing(place: Place) -> None:
    place.scripted("quota")
    assert place.call() == (75, None)
    assert place.commits() == ["first"]


def test_an_action_that_does_not_exist_is_named(place: Place) -> None:
    place.scripted("dance")
    assert place.call() == (1, None)


def test_a_hanging_agent_ends_by_a_signal_only(place: Place) -> None:
    place.scripted("hang")
    agent = subprocess.Popen(place.command(), cwd=place.tree, env=place.environment, stdin=subprocess.DEVNULL)
    with pytest.raises(subprocess.TimeoutExpired):
        agent.wait(timeout=0.5)
    agent.terminate()
    assert agent.wait() == -15
