"""One sitting: what waits is shown, one line decides, anything else approves nothing; an agent has no door."""

from __future__ import annotations

import subprocess

import pexpect
import pytest

from orchestrator.core.events import Gate, Place
from orchestrator.core.state import Feature, Waiting
from orchestrator.core.values import FeatureId, Status
from orchestrator.errors import Refusal
from orchestrator.sitting import Row, understand
from tests.conftest import PROGRAM, Repo

QUESTION = "anything else approves nothing: "


def rows() -> list[Row]:
    """Four features at their gates."""

    def shown(number: int, name: str) -> Row:
        gate = Gate(key="GATE 1", type="human", trigger="?", heading="GATE 1")
        feature = Feature(
            id=FeatureId(f"feat-{name}"), branch=f"feat/{name}", status=Status.PAUSED, place=Place(workflow="1"), started=number,
            started_at="", updated_at="", last=number, last_hash="", gate=Waiting(gate=gate, ordinal=1, reached_at=""),
        )  # fmt: skip
        return Row(number=number, feature=feature)

    return [shown(number, name) for number, name in enumerate(("payment", "landing", "login", "search"), 1)]


@pytest.mark.parametrize(("line", "expected"), [
    ("APPROVE ALL", [(1, "approved", ""), (2, "approved", ""), (3, "approved", ""), (4, "approved", "")]),
    ("1 3", [(1, "approved", ""), (3, "approved", "")]),
    ("payment feat/login", [(1, "approved", ""), (3, "approved", "")]),
    ("2 = option B", [(2, "approved", "option B")]),
    ("1, 2 = option B, with red; skip 4", [(1, "approved", ""), (2, "approved", "option B, with red"), (4, "skipped", "")]),
    ("1 3 2 = yes", [(1, "approved", ""), (3, "approved", ""), (2, "approved", "yes")]),
    ("skip 4", [(4, "skipped", "")]),
    ("", []),
    ("   ", []),
])  # fmt: skip
def test_what_one_line_decides(line: str, expected: list[tuple[int, str, str]]) -> None:
    assert [(one.row.number, one.verdict, one.answer) for one in understand(line, rows(), "")] == expected


@pytest.mark.parametrize(
    "line", ["yes", "y", "approve all", "APPROVE ALL!", "all", "5", "0", "1 nobody", "1 1", "ok, go", "-1", "*"]
)
def test_any_other_line_approves_nothing(line: str) -> None:
    with pytest.raises(Refusal, match="nothing was approved"):
        understand(line, rows(), "")


def at_the_gate(repo: Repo, *names: str) -> None:
    for name in names:
        repo.run("start", name)
    repo.run("run", "-j", "1", check=10)


def test_numbers_and_names_decide_some_and_the_rest_goes_on_waiting(repo: Repo) -> None:
    at_the_gate(repo, "payment", "landing", "login")
    assert "approved: payment, login; not: landing" in repo.sit("1 login")
    assert [one["status"] for one in repo.json("status")["features"]] == ["active", "paused", "active"]
    granted = repo.events("approval_granted")
    assert {one["payload"]["door"] for one in granted} == {"terminal"}
    assert len({one["payload"]["batch"] for one in granted}) == 1
    assert {one["actor"] for one in granted} == {"person:person@example.com"}


def test_what_was_typed_before_the_question_is_dropped(repo: Repo) -> None:
    at_the_gate(repo, "payment")
    child = pexpect.spawn(str(PROGRAM), ["approve"], cwd=repo.root, env=repo.env, encoding="utf-8", timeout=30)
    child.sendline("APPROVE ALL")
    child.expect_exact(QUESTION)
    child.sendline("")
    child.expect(pexpect.EOF)
    assert "nothing was approved" in str(child.before)
    assert repo.events("approval_granted") == []


@pytest.mark.parametrize("key", ["\x04", "\x03"])
def test_the_end_of_input_and_ctrl_c_approve_nothing(repo: Repo, key: str) -> None:
    at_the_gate(repo, "payment")
    child = pexpect.spawn(str(PROGRAM), ["approve"], cwd=repo.root, env=repo.env, encoding="utf-8", timeout=30)
    child.expect_exact(QUESTION)
    child.send(key)
    child.expect(pexpect.EOF)
    assert repo.events("approval_granted") == []
    assert repo.state("payment")["status"] == "paused"


def test_without_a_terminal_there_is_no_door(repo: Repo) -> None:
    at_the_gate(repo, "payment")
    done = subprocess.run(
        [PROGRAM, "approve"],
        cwd=repo.root,
        env=repo.env,
        input="APPROVE ALL\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "this is no terminal; a gate is decided by a person at one" in done.stderr
    assert repo.events("approval_granted") == []


@pytest.mark.parametrize(
    "marker",
    ["CLAUDECODE", "CODEX_THREAD_ID", "GEMINI_CLI", "OPENCODE", "CURSOR_AGENT", "AI_AGENT", "ORCHESTRATOR_RUN_ID"],
)
def test_an_agents_marker_closes_the_door_even_on_a_terminal(repo: Repo, marker: str) -> None:
    at_the_gate(repo, "payment")
    env = {**repo.env, marker: "1"}
    for words in (["approve"], ["reject", "payment", "-m", "x"]):
        out, status = pexpect.run(
            f"{PROGRAM} {' '.join(words)}", cwd=repo.root, env=env, withexitstatus=True, encoding="utf-8"
        )
        assert status == 1
        assert "a person" in out
    assert repo.events("approval_granted", "approval_rejected") == []


def test_no_message_that_an_agent_reads_shows_a_command_that_approves(repo: Repo) -> None:
    at_the_gate(repo, "payment")
    seen = [repo.call(*words, AI_AGENT="x") for words in (
        ("status",), ("status", "--why"), ("next",), ("run",), ("approve",), ("resume", "payment"), ("brief", "payment"),
    )]  # fmt: skip
    for done in seen:
        assert "orchestrator approve" not in done.stdout + done.stderr
        assert "APPROVE ALL" not in done.stdout + done.stderr
    assert not any("orchestrator approve" in one or "APPROVE ALL" in one for one in repo.briefs("payment"))


def test_a_gate_that_changed_meanwhile_is_refused_alone(repo: Repo) -> None:
    at_the_gate(repo, "payment", "landing")
    child = pexpect.spawn(str(PROGRAM), ["approve"], cwd=repo.root, env=repo.env, encoding="utf-8", timeout=30)
    child.expect_exact(QUESTION)
    repo.run("reject", "landing", "-m", "not yet")
    child.sendline("APPROVE ALL")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
    assert "approved: payment\r\n" in str(child.before)
    assert "landing was not approved: the gate is not the one that was shown any more (reached)" in str(child.before)
    assert [one["feature"] for one in repo.events("approval_granted")] == ["feat-payment"]


def test_a_commit_since_the_question_refuses_its_gate_alone(repo: Repo) -> None:
    at_the_gate(repo, "payment", "landing")
    child = pexpect.spawn(str(PROGRAM), ["approve"], cwd=repo.root, env=repo.env, encoding="utf-8", timeout=30)
    child.expect_exact(QUESTION)
    repo.git("commit", "--allow-empty", "-m", "late", cwd=repo.worktree("landing"))
    child.sendline("APPROVE ALL")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
    assert "landing was not approved: its branch is not where it was when the gate was shown (commit)" in str(
        child.before
    )
    assert [one["feature"] for one in repo.events("approval_granted")] == ["feat-payment"]
    repo.sit("APPROVE ALL")
    granted = {one["feature"]: one["payload"]["commit"] for one in repo.events("approval_granted")}
    assert granted["feat-landing"] == repo.git("rev-parse", "feat/landing")


def test_control_characters_of_the_agent_are_not_shown(repo: Repo) -> None:
    said = '{"orchestrator": {"outcome": "gate", "trigger": "Blue?\\u001b[2J", "note": "\\u001b]0;owned\\u0007fine"}}'
    repo.script("payment-1-1", f"printf '%s\\n' '{said}'; exit 0\n")
    repo.run("start", "payment")
    repo.run("run", check=10)
    shown = repo.sit("")
    assert "\x1b[2J" not in shown
    assert "owned" not in shown
    assert "fine" in shown
