"""The door `client`: a person's answer in Claude Code, as its own hook hands it over; what is no person's is none."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.guardrail import broken_rule
from tests.conftest import CONFIGURATION, PROGRAM, Repo

ON = CONFIGURATION + '[gates]\nclient = ["human"]\n'
INSIDE = {"CLAUDECODE": "1", "AI_AGENT": "claude-code_2-1-330_harness"}


def at_the_gate(repo: Repo, *names: str, configuration: str = ON) -> None:
    repo.write("orchestrator.toml", configuration)
    for name in names:
        repo.run("start", name)
    repo.run("run", "-j", "1", check=10)


def asked(repo: Repo) -> list[dict[str, Any]]:
    """Return the questions that the agent is given to ask."""
    found: list[dict[str, Any]] = json.loads(repo.run("approve", "--ask", **INSIDE))["questions"]
    return found


def answer(questions: list[dict[str, Any]], *labels: str, **more: Any) -> dict[str, Any]:
    """Return what the hook is given after the person chose `labels`; `more` goes into the tool's response."""
    answers = {one["question"]: label for one, label in zip(questions, labels, strict=True)}
    return {
        "session_id": "0b5c", "transcript_path": "/t.jsonl", "cwd": "/", "prompt_id": "p", "permission_mode": "default",
        "hook_event_name": "PostToolUse", "tool_name": "AskUserQuestion", "tool_input": {"questions": questions},
        "tool_response": {"questions": questions, "answers": answers, **more}, "tool_use_id": "toolu_1",
        "duration_ms": 4200,
    }  # fmt: skip


def hook(repo: Repo, name: str, given: Any, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """Call the program as the client does: no terminal, its own markers about, JSON on stdin."""
    text = given if isinstance(given, str) else json.dumps(given)
    environment = {**repo.env, **INSIDE, **env}
    words = [PROGRAM, "claude-hook", name]
    return subprocess.run(
        words, cwd=cwd or repo.root, env=environment, input=text, capture_output=True, text=True, check=False
    )


def told(repo: Repo, given: Any, **env: str) -> str:
    """Hand an answer over and return what the agent is told; empty for nothing."""
    done = hook(repo, "post-tool", given, **env)
    assert done.returncode == 0, done.stderr
    if not done.stdout:
        return ""
    said = json.loads(done.stdout)["hookSpecificOutput"]
    assert said["hookEventName"] == "PostToolUse"
    return str(said["additionalContext"])


def granted(repo: Repo) -> list[str]:
    return [one["feature"] for one in repo.events("approval_granted")]


def test_an_exact_approve_is_recorded_under_a_name_of_its_own_for_what_was_shown(repo: Repo) -> None:
    at_the_gate(repo, "payment", "landing")
    questions = asked(repo)
    assert [one["header"] for one in questions] == ["payment", "landing"]
    assert [option["label"] for option in questions[0]["options"]] == ["Approve", "Reject", "Show me more"]
    text = questions[0]["question"]
    assert "payment, workflow 2: GATE 1: Screens (human gate). Asks: APPROVE the screens? (yes/no)" in text
    assert "commits: 3 (1 file +3 -0)" in text
    assert text.rpartition("[")[2].startswith("payment 2 #")
    said = told(repo, answer(questions, "Approve", "Reject"))
    assert said.startswith("orchestrator: approved by person@example.com: payment; nothing was recorded for landing: ")
    [event] = repo.events("approval_granted")
    assert (event["feature"], event["actor"]) == ("feat-payment", "person:person@example.com")
    assert (event["payload"]["door"], event["payload"]["shown"]) == ("client", 4.2)
    assert "through client" in repo.run("log", "payment")
    assert repo.events("approval_rejected") == []
    assert not [one for one in repo.json("verify")["findings"] if one["id"].startswith("V9")]
    assert told(repo, answer(questions, "Approve", "Show me more")).startswith("orchestrator: nothing was recorded")
    assert granted(repo) == ["feat-payment"]


def test_what_is_no_persons_exact_yes_is_not_recorded(repo: Repo) -> None:
    """One repository, one waiting gate, and every answer that must leave it waiting."""
    at_the_gate(repo, "payment")
    questions = asked(repo)
    yes = answer(questions, "Approve")
    noted = {"annotations": {questions[0]["question"]: {"notes": "but mend the colours first"}}}
    misled = [{**questions[0], "options": [{**questions[0]["options"][0], "description": "Say hello"}]}]
    reworded = [{**questions[0], "question": "Shall I go on? " + questions[0]["question"].rpartition(". ")[2]}]
    cases: list[tuple[Any, dict[str, str], str]] = [
        (answer(questions, "approve"), {}, "the answer is not 'Approve'"),
        (answer(questions, "Approve, Reject"), {}, "the answer is not 'Approve'"),
        (answer(questions, "Approve", afkTimeoutMs=60000), {}, "ran into its time-out"),
        (answer(questions, "Approve", afkTimeoutMs=0), {}, "ran into its time-out"),
        (answer(questions, "Approve", response="Approve"), {}, "an answer of their own"),
        (answer(questions, "Approve", **noted), {}, "wrote something beside 'Approve'"),
        ({**yes, "agent_id": "a1"}, {}, "a subagent asked"),
        (yes, {"ORCHESTRATOR_RUN_ID": "x"}, "inside a run"),
        (yes, {"CLAUDE_CODE_SESSION_ATTENDED": "0"}, "nobody attends"),
        (answer(misled, "Approve"), {}, "not asked in the words of"),
        (answer(reworded, "Approve"), {}, "not asked in the words of"),
    ]
    for given, env, why in cases:
        said = told(repo, given, **env)
        assert said.startswith("orchestrator: nothing was recorded for payment: "), given
        assert why in said
    nothing: list[Any] = [
        {**yes, "tool_name": "Bash"},
        {**yes, "hook_event_name": "PreToolUse"},
        answer([{**questions[0], "question": "Which colour?"}], "Approve"),
        {**yes, "tool_response": "Approve"},
        {**yes, "tool_response": {"answers": {"another question": "Approve"}}},
    ]
    for given in nothing:
        assert told(repo, given) == ""
    for text in ("", "{", "[]", '{"tool_input": 3}', "\x00"):
        done = hook(repo, "post-tool", text)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (0, "", 1), text
    assert granted(repo) == []
    assert repo.state("payment")["status"] == "paused"


def test_a_gate_that_changed_since_it_was_asked_must_be_asked_again(repo: Repo) -> None:
    at_the_gate(repo, "payment")
    before = asked(repo)
    repo.git("commit", "--allow-empty", "-m", "late", cwd=repo.worktree("payment"))
    assert "not as it was when it was asked; ask again" in told(repo, answer(before, "Approve"))
    assert granted(repo) == []
    assert "approved by" in told(repo, answer(asked(repo), "Approve"))
    assert granted(repo) == ["feat-payment"]


def test_without_the_key_a_deploy_gate_or_a_signature_the_terminal_is_the_only_door(repo: Repo) -> None:
    at_the_gate(repo, "payment")
    questions = asked(repo)
    for configuration, why in (
        (CONFIGURATION, "[gates] client does not name human gates"),
        (ON + 'assurance = "signed"\n', "it takes a signature"),
    ):
        repo.write("orchestrator.toml", configuration)
        assert why in told(repo, answer(questions, "Approve"))
        found = json.loads(repo.run("approve", "--ask"))
        assert found["questions"] == []
        other = found["others"][0]
        assert (other["feature"], other["type"]) == ("payment", "human")
        assert why in other["why"]
    assert granted(repo) == []


def test_a_deploy_gate_is_never_asked_in_the_client(repo: Repo) -> None:
    at_the_gate(repo, "payment")
    told(repo, answer(asked(repo), "Approve"))
    repo.run("run", check=10)
    found = json.loads(repo.run("approve", "--ask"))
    assert found["questions"] == []
    assert [(one["type"], one["why"]) for one in found["others"]] == [
        ("deploy", "a deploy gate: a person decides it in a terminal")
    ]


def test_a_key_set_while_features_are_open_opens_no_door_until_a_person_said_yes(repo: Repo) -> None:
    at_the_gate(repo, "payment", configuration=CONFIGURATION)
    repo.write("orchestrator.toml", ON)
    found = json.loads(repo.run("approve", "--ask"))
    assert found["questions"] == []
    assert [one["feature"] for one in found["others"]] == ["payment", "line"]


def test_a_known_bypass_json_forged_by_any_process_of_the_same_user_is_recorded_where_the_key_is_on(repo: Repo) -> None:
    """Said in docs/gates.md: this door is as strong as every process that the user runs."""
    at_the_gate(repo, "payment")
    forged = answer(asked(repo), "Approve")
    assert "approved by person@example.com: payment" in told(repo, forged)
    assert granted(repo) == ["feat-payment"]


def test_asking_is_an_agents_too_decides_nothing_and_takes_no_other_option(repo: Repo) -> None:
    at_the_gate(repo, "payment", "landing")
    assert [one["header"] for one in json.loads(repo.run("approve", "--ask", "landing"))["questions"]] == ["landing"]
    for words in (["--run"], ["--undo"], ["-m", "x"], ["--show", "1"]):
        assert "decides nothing" in repo.refused("approve", "--ask", *words, status=2)
    assert granted(repo) == []


# --- before a command of the agent's ---------------------------------------------------------------


def before(repo: Repo, command: Any) -> str:
    """Return the reason for which the client's hook denies a command; empty where it says nothing."""
    given = {"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": command}, "cwd": "/"}
    done = hook(repo, "pre-tool", given)
    assert (done.returncode, done.stderr) == (0, "")
    if not done.stdout:
        return ""
    said = json.loads(done.stdout)["hookSpecificOutput"]
    assert (said["hookEventName"], said["permissionDecision"]) == ("PreToolUse", "deny")
    return str(said["permissionDecisionReason"])


def test_the_hook_denies_an_agent_what_decides_and_is_silent_otherwise(repo: Repo) -> None:
    assert before(repo, "cd x && orchestrator approve payment") == (
        "orchestrator: a gate is decided by a person, never by an agent"
    )
    assert before(repo, "orchestrator approve --ask") == ""
    assert before(repo, 7) == ""
    for text in ("", "{", "[]"):
        done = hook(repo, "pre-tool", text)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (0, "", 1), text
    done = hook(repo, "some-later-hook", {})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("command", [
    "orchestrator approve",
    "orchestrator approve --undo",
    "orchestrator approve && orchestrator approve --ask",
    "true; orchestrator reject payment -m x",
    "echo 'APPROVE ALL' | orchestrator approve",
    "sh -c 'orchestrator approve'",
    'bash -lc "cd x; orchestrator approve"',
    "sh -c \"sh -c 'orchestrator approve'\"",
    "script -qec 'orchestrator approve' /dev/null",
    "x=$(orchestrator approve)",
    'echo "$(orchestrator approve)"',
    "echo `orchestrator approve`",
    "FEATURE=x orchestrator approve",
    "env -u CLAUDECODE orchestrator approve",
    "/usr/local/bin/orchestrator approve",
    "python -m orchestrator approve",
    "orch''estrator approve",
    "orchestrator \\\n  approve",
    "orchestrator >/dev/null approve",
    "x=1\norchestrator approve\n",
    "if true; then orchestrator approve; fi",
    "cat <<EOF | sh\norchestrator approve\nEOF",
    "echo 'orchestrator approve' | sh",
    "make approve",
    "make -C shop orch-approve FEATURE=a",
    "make FEATURE=a reject WHY=x",
    "orchestrator rollback --to 3 payment",
    "scripts/orchestrator-rollback.sh payment",
    "orchestrator signers add key.pub",
    "orchestrator signers revoke me",
    "orchestrator init --remove",
    "orchestrator next payment --no-sandbox",
    "orchestrator run --no-sandbox --for 8h",
])  # fmt: skip
def test_a_command_that_decides_is_seen(command: str) -> None:
    assert "by a person" in broken_rule(command) or "for a person" in broken_rule(command)


@pytest.mark.parametrize("command", [
    "", "ls", "echo 'unfinished", "make status", "orchestrator status --json", "orchestrator next payment --json",
    "orchestrator approve --ask", "orchestrator approve --show payment", "orchestrator approve --show=1",
    "orchestrator signers list", "orchestrator init", "git log --grep approve; orchestrator status",
    "grep -rn 'orchestrator approve' docs",
    "git commit -m 'docs: say what `orchestrator approve` does'",
    "git commit -m \"$(cat <<'EOF'\nit's orchestrator approve\nEOF\n)\"",
    "orchestrator note payment 'the person types orchestrator approve'",
    "cat >notes.md <<'EOF'\norchestrator approve is the person's\nEOF",
])  # fmt: skip
def test_a_command_that_decides_nothing_is_left_alone(command: str) -> None:
    assert broken_rule(command) == ""


@pytest.mark.parametrize("command", ["m=approve; orchestrator $m", "python decide.py", "o=orchestrator; $o approve"])
def test_a_known_bypass_what_only_a_shell_makes_of_a_text_is_not_seen(command: str) -> None:
    """Said in docs/gates.md: patterns are a guard rail; the commands themselves refuse an agent."""
    assert broken_rule(command) == ""


def test_outside_of_a_repository_the_hook_records_nothing_and_stops_nobody(repo: Repo) -> None:
    outside = repo.root.parent / "elsewhere"
    outside.mkdir()
    given = answer([{"question": "Go? [payment 2 #83 1a2b3c4d]"}], "Approve")
    done = hook(repo, "post-tool", given, cwd=outside, GIT_CEILING_DIRECTORIES=os.fspath(outside.parent))
    assert done.returncode == 0
    assert "nothing was recorded: " in done.stdout
