"""Each preset as the kit calls it, by a fake of its client: its words, sessions, results, what is not its fault, budgets.

The fakes print what the real clients print (`tests/clients` has their recordings); the real ones are tried there too.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pexpect
import pytest

from orchestrator.adapters import warden
from tests.conftest import PROGRAM, Repo

FAKE = """#!/bin/sh
here=$(dirname "$0")/../fake
number=$(($(cat "$here/count" 2>/dev/null || echo 0) + 1))
echo $number >"$here/count"
printf '%s\\n' "$@" >"$here/words-$number"
cat >"$here/stdin-$number"
case=$here/case-$number
[ -e "$case" ] || case=$here/case
. "$case"
"""
WORK = 'echo "work $number" >>work.txt\n'
LINE = {
    "1-show": (
        "# Show it\n\n## Phase 1: Draw\n\nDraw the screen.\n\n### GATE 1: Screens\n\nAPPROVE the screens? (yes/no)\n\n"
        "## Phase 2: File\n\nFile them.\n"
    ),
    "2-tell": "# Tell it\n\n## Phase 1: Write\n\nWrite to them.\n",
}
_HEARS = (
    "import os, signal, sys\nfor one in (1, 2): signal.signal(one, signal.SIG_DFL)\nos.execv(sys.argv[1], sys.argv[1:])"
)
SESSION = "0b9d1f2e-1111-4222-8333-444455556666"


def claude(text: str = "done", session: str = "", **more: Any) -> str:
    """Return a shell line that prints the last line of Claude Code's stream."""
    row = {
        "type": "result", "subtype": "success", "is_error": False, "result": text, "num_turns": 3,
        "total_cost_usd": 0.1, "terminal_reason": "completed", "session_id": session,
        "usage": {"input_tokens": 100, "output_tokens": 20}, "permission_denials": [], **more,
    }  # fmt: skip
    return said(row)


def said(*rows: dict[str, Any]) -> str:
    lines = "\n".join(json.dumps(row) for row in rows)
    return f"cat <<'END'\n{lines}\nEND\n"


@pytest.fixture
def shop(repo: Repo) -> Repo:
    for path in (repo.root / "line").iterdir():
        path.unlink()
    for name, text in LINE.items():
        repo.write(f"line/add-feature-{name}.md", text)
    (repo.root.parent / "fake").mkdir()
    preset(repo, "claude")
    case(repo, WORK + claude())
    repo.commit("a line for a client")
    repo.run("start", "payment")
    return repo


def preset(repo: Repo, name: str, program: str = "", more: str = "") -> None:
    """Configure a preset, and put a fake of its client on PATH."""
    found = re.sub(r"\[agent\]\n(?:.+\n)*", "", (repo.root / "orchestrator.toml").read_text())
    found = re.sub(r"\[validate\]\n(?:.+\n)*", "", found)
    repo.write("orchestrator.toml", f'{found}\n[agent]\npreset = "{name}"\n{more}')
    folder = repo.root.parent / "bin"
    folder.mkdir(exist_ok=True)
    fake = folder / (program or name)
    fake.write_text(FAKE)
    fake.chmod(0o755)
    repo.env["PATH"] = (
        f"{folder}{os.pathsep}{repo.env['PATH']}" if str(folder) not in repo.env["PATH"] else repo.env["PATH"]
    )


def case(repo: Repo, text: str, number: int = 0) -> None:
    """Say what the fake does at its call of that number, or at all others."""
    (repo.root.parent / "fake" / (f"case-{number}" if number else "case")).write_text(text)


def called(repo: Repo, number: int) -> list[str]:
    return (repo.root.parent / f"fake/words-{number}").read_text().splitlines()


def handed(repo: Repo, number: int) -> str:
    return (repo.root.parent / f"fake/stdin-{number}").read_text()


def ended(repo: Repo) -> list[dict[str, Any]]:
    return [one["payload"] for one in repo.events("agent_ended")]


# --- sessions --------------------------------------------------------------------------------------


def test_a_session_goes_on_through_a_gate_and_a_phase_and_ends_with_its_workflow(shop: Repo) -> None:
    for number, total in enumerate((0.1, 0.25, 0.05), 1):
        case(shop, WORK + claude(total_cost_usd=total, session=SESSION if number < 3 else ""), number)
    shop.run("run", check=10)
    assert called(shop, 1)[-2] == "--session-id"
    shop.sit("APPROVE ALL")
    shop.run("run", check=11)
    assert called(shop, 2)[-2:] == ["--resume", SESSION]
    assert called(shop, 3)[-2] == "--session-id"
    assert "# payment: workflow 1, phase 2" in handed(shop, 2)
    assert [(one["ended"], one.get("resumed", False), one["cost"], one["turns"]) for one in ended(shop)] == [
        ("done", False, 0.1, 3), ("done", True, 0.15, 3), ("done", False, 0.05, 3),
    ]  # fmt: skip
    assert ended(shop)[2]["session"] == called(shop, 3)[-1]
    assert "its agent was called 3 times: 9 turns, 360 tokens, $0.30" in shop.run("status", "payment")
    figures = shop.json("metrics")
    assert (figures["cost"], figures["turns"]) == (0.3, 9)


def test_a_session_that_the_client_has_lost_is_begun_anew_in_the_same_attempt(shop: Repo) -> None:
    case(shop, WORK + claude(session=SESSION), 1)
    lost = claude(subtype="error_during_execution", is_error=True, errors=[f"No conversation found: {SESSION}"])
    case(shop, lost.replace('"result": "done", ', "") + "exit 1\n", 2)
    shop.run("run", check=10)
    shop.sit("APPROVE ALL")
    assert "attempt 1  passed" in shop.run("next")
    assert [(one["ended"], one.get("resumed", False)) for one in ended(shop)] == [
        ("done", False),
        ("lost", True),
        ("done", False),
    ]
    assert shop.state("payment")["attempts"] == {}


def test_a_retry_begins_another_session_and_its_brief_says_what_was_tried(shop: Repo) -> None:
    case(
        shop,
        WORK + 'git add work.txt; git commit -qm "draw half of it"\n' + claude("x", session=SESSION) + "exit 1\n",
        1,
    )
    case(shop, WORK + claude('{"orchestrator": {"outcome": "fail", "note": "too dark"}}', session=SESSION), 2)
    assert "attempt 1  failed: Claude Code failed: exit status 1" in shop.run("next").replace("it ended with ", "")
    assert "attempt 2  failed: the agent says it failed: too dark" in shop.run("next")
    second, third = handed(shop, 2), handed(shop, 3) if "attempt 3" in shop.run("next") else ""
    assert called(shop, 2)[-2] == "--session-id"
    assert "What it committed:\n\n- draw half of it" in second
    assert "What it changed (lines added, removed):\n\n- 1 0 work.txt" in second
    assert "Before it, attempt 1: Claude Code failed" in third
    assert "## Attempt 2 failed: the agent says it failed: too dark" in third


def test_a_name_that_is_no_text_stands_in_the_next_brief_as_it_can_be_written(shop: Repo) -> None:
    case(shop, 'printf x >"$(printf "caf\\351.txt")"\n' + claude("x") + "exit 1\n", 1)
    out = shop.run("next")
    assert "attempt 1  failed" in out, out
    shop.run("next")
    found = shop.events("attempt_failed")[0]["payload"]
    assert found["changed"] == ["1 0 caf\\xe9.txt"]
    assert "- 1 0 caf\\xe9.txt" in handed(shop, 2)


@pytest.mark.parametrize("name", ["--dangerously-bypass-approvals-and-sandbox", "-x", "a b", "", "x" * 101])
def test_what_would_be_an_option_or_words_is_no_session_to_go_on_with(shop: Repo, name: str) -> None:
    preset(shop, "codex")
    case(shop, WORK + CODEX.replace(SESSION, name))
    shop.run("next")
    shop.sit("APPROVE ALL")
    shop.run("next")
    assert "resume" not in called(shop, 2)


# --- not its fault ---------------------------------------------------------------------------------

QUOTA = claude("API Error: Request rejected (429) · slow down", is_error=True, api_error_status=429) + "exit 1\n"
LOGIN = claude("Not logged in · Please run /login", is_error=True) + "exit 1\n"
NETWORK = claude("API Error: Connection refused (ECONNREFUSED)", is_error=True) + "exit 1\n"
TURNS = (
    claude(subtype="error_max_turns", is_error=True, terminal_reason="max_turns", errors=["Reached maximum"])
    + "exit 1\n"
)


@pytest.mark.parametrize(
    ("does", "why", "goes_on"),
    [
        pytest.param(QUOTA, "Claude Code has used up its quota: API Error", True, id="a quota"),
        pytest.param(NETWORK, "Claude Code does not reach its service: API Error", True, id="no network"),
        pytest.param(LOGIN, "Claude Code is not logged in: Not logged in", False, id="no login"),
        pytest.param(TURNS, "Claude Code reached a limit of its own", False, id="its turn limit"),
    ],
)
def test_what_is_not_its_fault_is_parked_uncounted_and_tried_again_where_time_mends_it(
    shop: Repo, does: str, why: str, goes_on: bool
) -> None:
    case(shop, WORK + does)
    out = shop.run("next")
    assert f"attempt 1  parked: {why}" in out
    state = shop.state("payment")
    assert (state["status"], state["attempts"], bool(state["paused_until"])) == ("blocked", {}, goes_on)
    assert shop.events("attempt_failed") == []


def test_what_waits_for_a_quota_goes_on_by_itself_and_with_its_session(shop: Repo) -> None:
    preset(shop, "claude", more='retry_after = "1s"\n')
    case(shop, WORK + QUOTA.replace('"session_id": ""', f'"session_id": "{SESSION}"'), 1)
    out = shop.run("run", "--for", "5s", "--json", check=10)
    assert [one["outcome"] for one in json.loads(out)["steps"]] == ["parked", "gate"]
    assert called(shop, 2)[-2:] == ["--resume", SESSION]


def test_the_time_at_which_a_plan_goes_on_is_the_clients_own(shop: Repo) -> None:
    limit = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 4102444800}}
    case(shop, WORK + said(limit) + QUOTA)
    shop.run("next")
    assert shop.state("payment")["paused_until"].startswith("2100-01-01T")


def test_a_program_that_is_not_there_is_said_and_nothing_is_counted(shop: Repo) -> None:
    (shop.root.parent / "bin/claude").unlink()
    shop.env["PATH"] = os.pathsep.join(
        one for one in shop.env["PATH"].split(os.pathsep) if not (Path(one) / "claude").exists()
    )
    assert "parked: there is no program 'claude' on PATH" in shop.run("next")


def test_a_client_that_was_refused_a_tool_passes_only_where_it_says_that_it_is_done(shop: Repo) -> None:
    denied = [{"tool_name": "Bash", "tool_input": {"command": "npm test"}}]
    case(shop, WORK + claude("I could not run the tests.", permission_denials=denied), 1)
    case(shop, WORK + claude('{"orchestrator": {"outcome": "ok", "note": "fine"}}', permission_denials=denied), 2)
    assert "parked: Claude Code was refused Bash npm test; allow it in its settings" in shop.run("next")
    shop.run("resume", "payment")
    assert "waits at a gate" in shop.run("next")


@pytest.mark.skipif(warden.landlock() < warden.HOLDS_SIGNALS, reason="needs Linux 6.12: Landlock")
def test_a_client_that_cannot_have_its_folder_in_a_sandbox_is_parked_with_the_reason(shop: Repo) -> None:
    (Path(shop.env["HOME"]) / ".claude").write_text("")
    shop.run("start", "landing")
    out = shop.run("run", "--sandbox", check=10)
    assert out.count("parked: Claude Code cannot keep things in ") == 4  # each when it was, and in the summary
    (Path(shop.env["HOME"]) / ".claude").unlink()
    shop.run("resume", "payment")
    shop.env["CLAUDE_CONFIG_DIR"] = ""  # as good as not there: the home folder is not the client's
    assert "waits at a gate" in shop.run("next", "--sandbox")


# --- budgets ---------------------------------------------------------------------------------------


def test_what_is_left_of_a_budget_is_told_to_the_client_and_no_more_is_begun(shop: Repo) -> None:
    preset(shop, "claude", more="max_turns = 8\nmax_cost = 0.25\n")
    case(shop, WORK + claude(session=SESSION))
    shop.run("run", check=10)
    assert called(shop, 1)[-4:] == ["--max-turns", "8", "--max-budget-usd", "0.2500"]
    shop.sit("APPROVE ALL")
    case(shop, WORK + claude(total_cost_usd=0.26))
    shop.run("next")
    assert called(shop, 2)[-4:] == ["--max-turns", "5", "--max-budget-usd", "0.1500"]
    assert "parked: its budget is used up: [agent] max_cost is 0.25, it had 0.26" in shop.run("next")
    assert shop.state("payment")["paused_until"] is None


def test_a_days_budget_stops_all_features_until_the_next_day(shop: Repo) -> None:
    preset(shop, "claude", more="max_cost_day = 0.05\n")
    shop.run("start", "landing")
    shop.run("next")
    assert "[agent] max_cost_day is 0.05, all features had today 0.1" in shop.run("next")
    assert shop.state("landing")["paused_until"][11:19] == "00:00:00"


def test_a_run_begins_nothing_beyond_its_cost_and_says_what_the_night_came_to(shop: Repo) -> None:
    for name in ("landing", "search"):
        shop.run("start", name)
    out = shop.run("run", "-j", "1", "--max-cost", "0.15", check=10)
    assert "2 steps in " in out
    assert "moved: payment 1/1 -> 1/GATE 1, landing 1/1 -> 1/GATE 1" in out
    assert "used: 6 turns, 240 tokens, $0.20" in out
    assert "ended: it used $0.20 of $0.15; 3 open, the next run goes on" in out
    assert shop.state("search")["current_phase"] == "1"


def test_what_a_session_cost_is_not_counted_again_after_a_call_that_was_ended(shop: Repo) -> None:
    case(shop, WORK + claude(total_cost_usd=1.0, session=SESSION), 1)
    begun = said({"type": "system", "subtype": "init", "session_id": SESSION})
    case(shop, WORK + begun + 'touch "$here/begun"\nsleep 60\n', 2)
    case(shop, WORK + claude(total_cost_usd=1.1, session=SESSION))
    shop.run("next")
    shop.sit("APPROVE ALL")
    quiet = subprocess.DEVNULL
    run = subprocess.Popen([PROGRAM, "next"], cwd=shop.root, env=shop.env, stdin=quiet, stdout=quiet, stderr=quiet)
    while not (shop.root.parent / "fake/begun").exists():
        assert run.poll() is None
        time.sleep(0.05)
    run.terminate()
    assert run.wait(30) == 130
    shop.run("next")
    assert called(shop, 3)[-2:] == ["--resume", SESSION]
    assert [(one["ended"], one["cost"]) for one in ended(shop)] == [("done", 1.0), ("stopped", 0.0), ("done", 0.1)]


def test_what_an_agent_told_is_counted_once_also_where_the_kit_was_killed(shop: Repo) -> None:
    preset(shop, "claude", more="max_cost = 7.0\n")
    case(shop, WORK + claude(total_cost_usd=7.0, session=SESSION) + 'touch "$here/begun"\nsleep 60\n', 1)
    quiet = subprocess.DEVNULL
    run = subprocess.Popen([PROGRAM, "next"], cwd=shop.root, env=shop.env, stdin=quiet, stdout=quiet, stderr=quiet)
    while not (shop.root.parent / "fake/begun").exists():
        assert run.poll() is None
        time.sleep(0.05)
    run.kill()
    run.wait(30)
    assert "parked: its budget is used up: [agent] max_cost is 7, it had 7" in shop.run("next")
    shop.run("resume", "payment")
    shop.run("next")
    assert [(one["ended"], one["cost"], one["turns"]) for one in ended(shop)] == [("killed", 7.0, 3)]


def test_each_step_of_a_long_output_is_counted(shop: Repo) -> None:
    preset(shop, "opencode")
    step = {"type": "step_finish", "sessionID": "ses_1", "part": {"reason": "stop", "cost": 0.1}}
    (shop.root.parent / "fake/long").write_text(f"{'x' * 50_000}\n{json.dumps(step)}\n" * 60)
    case(shop, WORK + 'cat "$here/long"\n')
    shop.run("next")
    assert (ended(shop)[0]["turns"], ended(shop)[0]["cost"]) == (60, 6.0)


# --- each client -----------------------------------------------------------------------------------

CODEX = said(
    {"type": "thread.started", "thread_id": SESSION},
    {"type": "item.completed", "item": {"type": "command_execution", "command": "ls", "exit_code": 0}},
    {"type": "item.completed", "item": {"type": "agent_message", "text": "drawn"}},
    {"type": "turn.completed", "usage": {"input_tokens": 300, "output_tokens": 30}},
)
OPENCODE = said(
    {"type": "step_start", "sessionID": "ses_1", "part": {}},
    {"type": "text", "sessionID": "ses_1", "part": {"type": "text", "text": "drawn"}},
    {"type": "step_finish", "sessionID": "ses_1",
     "part": {"reason": "stop", "cost": 0.02, "tokens": {"input": 300, "output": 30}}},
)  # fmt: skip
GEMINI = said(
    {"type": "init", "session_id": SESSION, "model": "m"},
    {"type": "message", "role": "assistant", "content": "dra", "delta": True},
    {"type": "message", "role": "assistant", "content": "wn", "delta": True},
    {"type": "result", "status": "success", "stats": {"total_tokens": 330}},
)
AIDER = "cat <<'END'\ndrawn\nTokens: 4.2k sent, 150 received. Cost: $0.01 message, $0.02 session.\nEND\n"
OTHERS = [
    ("codex", "codex", CODEX, ("exec", "--json", "-s", "workspace-write"), SESSION, 330, 0.0),
    ("opencode", "opencode", OPENCODE, ("run", "--format", "json"), "ses_1", 330, 0.02),
    ("gemini", "gemini", GEMINI, ("-o", "stream-json", "--approval-mode", "auto_edit"), SESSION, 330, 0.0),
    ("aider", "aider", AIDER, ("--message-file",), "", 0, 0.02),
    (
        "cursor",
        "cursor-agent",
        claude("drawn", session=SESSION),
        ("-p", "--output-format", "stream-json"),
        SESSION,
        120,
        0.1,
    ),
]


@pytest.mark.parametrize(
    ("name", "program", "prints", "begins", "session", "tokens", "cost"), OTHERS, ids=[one[0] for one in OTHERS]
)
def test_a_phase_by(
    shop: Repo,
    name: str,
    program: str,
    prints: str,
    begins: tuple[str, ...],
    session: str,
    tokens: int,
    cost: float,
) -> None:
    preset(shop, name, program)
    case(shop, WORK + prints)
    assert "waits at a gate" in shop.run("next")
    words = called(shop, 1)
    assert tuple(words[: len(begins)]) == begins
    brief = {"aider": lambda: Path(words[1]).read_text(), "cursor": lambda: "\n".join(words)}
    text = brief.get(name, lambda: handed(shop, 1))()
    assert "# payment: workflow 1, phase 1 (Draw), attempt 1 of 3" in text
    assert ("Do not commit" in text) == (name == "codex")
    payload = ended(shop)[0]
    assert (payload["client"], payload["ended"], payload.get("session", "")) == (name, "done", session)
    assert (payload.get("tokens", 0), payload.get("cost", 0.0)) == (tokens, cost)
    assert "drawn" in payload["summary"]
    assert shop.git("status", "--porcelain", cwd=shop.worktree("payment")) == ""
    shop.sit("APPROVE ALL")
    shop.run("next")
    assert (session in called(shop, 2)) == bool(session)


def gemini(type_: str, message: str, code: int = 1) -> str:
    rows = [
        {"type": "init", "session_id": SESSION},
        {"type": "result", "status": "error", "error": {"type": type_, "message": message}},
    ]
    return said(*rows) + f"exit {code}\n"


IN_THE_WAY = [
    ("codex", "codex", said({"type": "turn.failed", "error": {"message": "You’ve hit your usage limit."}}) + "exit 1\n", "quota"),
    ("codex", "codex", said({"type": "turn.failed", "error": {"message": "unexpected status 401 Unauthorized"}}) + "exit 1\n", "login"),
    ("opencode", "opencode", "echo 'level=ERROR message=\"stream error\" error.error=\"AI_APICallError: rate limit\"'\nexit 1\n", "quota"),
    ("opencode", "opencode", said({"type": "error", "sessionID": "ses_1", "error": {"name": "APIError", "data": {"message": "invalid x-api-key", "statusCode": 401}}}) + "exit 1\n", "login"),
    ("gemini", "gemini", gemini("ApiError", "429 RESOURCE_EXHAUSTED: Quota exceeded"), "quota"),
    ("gemini", "gemini", gemini("FatalAuthenticationError", "it cannot tell who you are", 41), "login"),
    ("gemini", "gemini", gemini("FatalTurnLimitedError", "Reached max session turns", 53), "limit"),
    ("aider", "aider", "echo 'litellm.RateLimitError: The API provider has rate limited you.'\nexit 1\n", "quota"),
    ("aider", "aider", "echo 'litellm.AuthenticationError: The API provider is not able to authenticate you.'\n", "login"),
    ("cursor", "cursor-agent", QUOTA, "quota"),
    ("cursor", "cursor-agent", "echo 'Error: Not logged in' >&2\nexit 1\n", "login"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "program", "prints", "kind"), IN_THE_WAY, ids=[f"{one[0]} {one[3]}" for one in IN_THE_WAY]
)
def test_what_stands_in_the_way_of(shop: Repo, name: str, program: str, prints: str, kind: str) -> None:
    preset(shop, name, program)
    case(shop, WORK + prints)
    assert "attempt 1  parked: " in shop.run("next")
    assert ended(shop)[0]["ended"] == kind
    assert shop.state("payment")["attempts"] == {}
    assert bool(shop.state("payment")["paused_until"]) == (kind == "quota")


@pytest.mark.parametrize(
    ("name", "program", "prints"),
    [
        ("claude", "claude", claude("", subtype="error_during_execution", is_error=True, errors=["it broke"])),
        ("codex", "codex", said({"type": "turn.failed", "error": {"message": "it broke"}})),
        (
            "opencode",
            "opencode",
            said({"type": "error", "error": {"name": "UnknownError", "data": {"message": "it broke"}}}),
        ),
        ("gemini", "gemini", gemini("Error", "it broke")),
        ("aider", "aider", "echo 'it broke'\n"),
        ("cursor", "cursor-agent", "echo 'it broke' >&2\n"),
    ],
    ids=["claude", "codex", "opencode", "gemini", "aider", "cursor"],
)
def test_a_failure_of_the_work_counts_and_keeps_what_was_left_of(
    shop: Repo, name: str, program: str, prints: str
) -> None:
    preset(shop, name, program)
    case(shop, WORK + prints + "exit 1\n")
    assert "attempt 1  failed: " in shop.run("next")
    assert "it broke" in shop.events("attempt_failed")[0]["payload"]["reason"]
    assert ended(shop)[0]["ended"] == "failed"


def test_a_client_that_hangs_is_ended_at_the_time_limit_and_one_that_waits_for_a_quota_is_parked(shop: Repo) -> None:
    preset(shop, "opencode", more='timeout = "2s"\n')
    case(shop, WORK + "sleep 60\n", 1)
    case(shop, WORK + 'echo \'level=ERROR message="x" error.error="AI_APICallError: rate limit"\'\nsleep 60\n', 2)
    assert "failed: opencode ran into its time limit" in shop.run("next")
    assert "parked: opencode has used up its quota" in shop.run("next")


def test_a_brief_too_long_for_an_argument_lies_in_a_file(shop: Repo) -> None:
    preset(shop, "cursor", "cursor-agent")
    text = LINE["1-show"].replace("Draw the screen.", ("Draw the screen. " * 60 + "\n\n") * 110)
    shop.write("line/add-feature-1-show.md", text)
    shop.run("next")
    found = re.fullmatch(r"Read the file (.+) and do what it says, all of it\.", called(shop, 1)[-1])
    assert found
    assert Path(found[1]).read_text().count("Draw the screen.") == 6_600


def test_an_agent_is_followed_as_it_works(shop: Repo) -> None:
    spoken = {"type": "assistant", "message": {"content": [{"type": "text", "text": "I draw it now."}]}}
    case(shop, said(spoken) + 'until [ -e "$here/go" ]; do sleep 0.1; done\n' + WORK + claude())
    quiet = subprocess.DEVNULL
    run = subprocess.Popen([PROGRAM, "next"], cwd=shop.root, env=shop.env, stdin=quiet, stdout=quiet, stderr=quiet)
    while not (shop.root.parent / "fake/count").exists():
        assert run.poll() is None
        time.sleep(0.05)
    follow = pexpect.spawn(
        str(PROGRAM), ["attach", "payment"], cwd=shop.root, env=shop.env, encoding="utf-8", timeout=30
    )
    follow.expect_exact("I draw it now.")
    assert run.poll() is None
    (shop.root.parent / "fake/go").touch()
    follow.expect_exact("payment: ")
    follow.expect(pexpect.EOF)
    assert run.wait(30) == 0


def test_a_night_has_a_length(shop: Repo) -> None:
    assert "--for 'soon' is no time" in shop.refused("run", "--for", "soon", status=2)
    assert "--for '0s' is no time to work in" in shop.refused("run", "--for", "0s", status=2)


def test_a_night_that_is_over_says_what_waits(shop: Repo) -> None:
    out = shop.run("run", "--for", "2s", check=10)
    assert "ended: its time is over; 1 open, the next run goes on\n  payment: waits at GATE 1: Screens since " in out
    shop.sit("APPROVE ALL")
    case(shop, WORK + claude(total_cost_usd=5.0))
    out = shop.run("run", "--max-cost", "9", check=11)
    assert out.endswith("nothing is left to do: every feature is completed or failed\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda one: one.name)
def test_a_run_that_is_asked_to_stop_ends_its_agents_and_says_what_waits(shop: Repo, number: signal.Signals) -> None:
    case(shop, 'touch "$here/begun"\nsleep 60\n')
    words = [sys.executable, "-c", _HEARS, PROGRAM, "run"]
    quiet = subprocess.DEVNULL
    run = subprocess.Popen(words, cwd=shop.root, env=shop.env, stdin=quiet, stdout=subprocess.PIPE, text=True)
    while not (shop.root.parent / "fake/begun").exists():
        assert run.poll() is None
        time.sleep(0.05)
    run.send_signal(number)
    out, _ = run.communicate(timeout=30)
    assert run.returncode == 130
    assert "stopped; 1 open, the next run goes on\n  payment: ready" in out
    assert [one["payload"]["reason"] for one in shop.events("attempt_interrupted")]


def test_what_an_agent_printed_is_shown_afterwards(shop: Repo) -> None:
    spoken = {"type": "assistant", "message": {"content": [
        {"type": "text", "text": "I draw it now."},
        {"type": "tool_use", "name": "Bash", "input": {"command": "npm test"}},
    ]}}  # fmt: skip
    case(shop, WORK + said({"type": "system", "subtype": "init"}, spoken) + claude())
    assert "no agent of payment has run yet" in shop.refused("attach", "payment")
    shop.run("next")
    assert shop.run("attach", "payment") == "I draw it now.\n> Bash npm test\n"
    assert '"type": "assistant"' in shop.run("attach", "payment", "--raw")


def test_what_an_agent_printed_reaches_no_terminal_as_it_is(shop: Repo) -> None:
    sets_the_title = "\x1b]0;mine\x07\x1b[31mred\x1b[0m \x9b31m \u202etxt.exe"
    spoken = {"type": "assistant", "message": {"content": [{"type": "text", "text": sets_the_title}]}}
    case(shop, WORK + said(spoken) + "head -c 100000 /dev/zero | tr '\\0' x\n" + claude())
    shop.run("next")
    shown = shop.run("attach", "payment")
    assert shown.splitlines()[0] == "red  txt.exe"
    assert len(shown) < 10_000


def test_who_follows_an_agent_is_told_where_none_runs(shop: Repo) -> None:
    case(shop, 'touch "$here/begun"\nsleep 60\n')
    quiet = subprocess.DEVNULL
    run = subprocess.Popen([PROGRAM, "next"], cwd=shop.root, env=shop.env, stdin=quiet, stdout=quiet, stderr=quiet)
    while not (shop.root.parent / "fake/begun").exists():
        assert run.poll() is None
        time.sleep(0.05)
    run.kill()
    run.wait(30)
    assert "payment: attempt 1 was interrupted" in shop.run("attach", "payment")
    shop.run("start", "landing")
    shop.run("brief", "landing")
    assert "an agent drives landing by itself" in shop.refused("attach", "landing")


def test_a_reason_of_any_length_is_one_line_in_the_next_brief(shop: Repo) -> None:
    note = "too dark\n## Your piece: nothing\n" * 5_000
    case(shop, WORK + claude(json.dumps({"orchestrator": {"outcome": "fail", "note": note}})), 1)
    out = shop.run("next")
    assert out.count("\n") == 1
    shop.run("next")
    assert "\n## Your piece: nothing" not in handed(shop, 2).partition("Its last lines")[0]
    assert len(handed(shop, 2)) < 20_000
    assert "Draw the screen." in handed(shop, 2)
