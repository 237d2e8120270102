"""What the presets rest on, read off what the real clients said; `make test-clients` holds that against the programs."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.core import reports
from orchestrator.core.clients import CLIENTS
from tests.clients.cases import CASES
from tests.clients.recorded import RECORDED, TABLE, events, said, table

RESULT = '{"orchestrator": {"outcome": "ok", "note": "the note is written"}}'


def last(client: str, case: str) -> dict[str, Any]:
    return events(said(client, case))[-1]


def test_each_case_is_recorded_and_nothing_else_is() -> None:
    names = {f"{client}-{case}" for client, cases in CASES.items() for case in cases}
    assert set(table()) == names
    assert {path.stem for path in RECORDED.iterdir() if path != TABLE} == names


def test_no_recording_names_a_machine_a_key_or_a_registry() -> None:
    for path in RECORDED.iterdir():
        text = path.read_text().replace("$bunfs/root", "").replace("/PLACE/home", "")
        assert not any(word in text for word in ("/tmp/", "/root", "/home/", "registry.", "sk-", "Bearer")), path.name


def test_claude_counts_dollars_over_a_session_and_turns_and_tokens_over_a_process() -> None:
    first, second = last("claude", "work"), last("claude", "resumed")

    assert (first["num_turns"], second["num_turns"]) == (4, 2)
    assert (first["usage"]["output_tokens"], second["usage"]["output_tokens"]) == (200, 100)
    assert (first["total_cost_usd"], second["total_cost_usd"]) == (0.0056, 0.0084)
    assert sum(one["costUSD"] for one in second["model_usage_since_last_result"].values()) == 0.0028
    assert last("claude", "resumed-after-kill")["total_cost_usd"] == 0.0014  # what the killed one spent is forgotten


@pytest.mark.parametrize(
    ("case", "status", "told"),
    [
        ("work", 0, ("success", False, "completed", None)),
        ("question", 0, ("success", False, "completed", None)),
        ("refused", 0, ("success", False, "completed", None)),
        ("turns", 1, ("error_max_turns", True, "max_turns", None)),
        ("budget", 1, ("error_max_budget_usd", True, "budget_exhausted", None)),
        ("quota", 1, ("success", True, "api_error", 429)),
        ("plan", 1, ("success", True, "api_error", 429)),
        ("overloaded", 1, ("success", True, "api_error", 529)),
        ("login", 1, ("success", True, "api_error", 401)),
        ("no-login", 1, ("success", True, "api_error", None)),
        ("network", 1, ("success", True, "api_error", None)),
        ("unknown-session", 1, ("error_during_execution", True, None, None)),
    ],
)
def test_claude_says_how_it_ended_in_the_fields_beside_the_subtype(
    case: str, status: int, told: tuple[object, ...]
) -> None:
    ended = last("claude", case)

    assert table()[f"claude-{case}"]["status"] == status
    assert tuple(ended.get(name) for name in ("subtype", "is_error", "terminal_reason", "api_error_status")) == told


def test_claude_names_what_it_was_denied_and_does_not_offer_its_question() -> None:
    denied = last("claude", "refused")["permission_denials"]

    assert [one["tool_name"] for one in denied] == ["Bash", "Write"]
    assert "AskUserQuestion" not in events(said("claude", "question"))[0]["tools"]
    assert "AskUserQuestion is disabled for this session" in said("claude", "question")
    assert last("claude", "question")["permission_denials"] == []


def test_claude_tells_when_a_plan_goes_on() -> None:
    told = [one["rate_limit_info"] for one in events(said("claude", "plan")) if one["type"] == "rate_limit_event"]

    assert [(one["status"], one["resetsAt"]) for one in told] == [("rejected", 4102444800)]


def test_an_id_of_claude_is_taken_by_a_run_that_failed_and_resumes_it() -> None:
    assert "is already in use" in said("claude", "taken-session")
    for case in ("resumed", "resumed-after-kill", "resumed-after-quota"):
        assert last("claude", case)["is_error"] is False, case
    assert "No conversation found with session ID" in said("claude", "unknown-session")


def test_codex_ends_with_its_usage_or_with_what_failed() -> None:
    assert [last("codex", case)["type"] for case in ("work", "resumed", "question")] == ["turn.completed"] * 3
    for case, words in {
        "quota": "exceeded retry limit, last status: 429 Too Many Requests",
        "plan": "You’ve hit your usage limit.",
        "login": "unexpected status 401 Unauthorized: invalid x-api-key",
        "no-login": "Missing environment variable: `STANDIN_KEY`.",
    }.items():
        assert last("codex", case)["type"] == "turn.failed", case
        assert last("codex", case)["error"]["message"].startswith(words), case


def test_codex_counts_tokens_over_a_session() -> None:
    assert last("codex", "work")["usage"]["output_tokens"] == 200
    assert last("codex", "resumed")["usage"]["output_tokens"] == 300
    assert events(said("codex", "work"))[0]["thread_id"]


def test_codex_cannot_commit_in_a_linked_worktree_and_ends_as_if_it_had() -> None:
    assert table()["codex-work"]["status"] == table()["codex-refused"]["status"] == 0
    assert {last("codex", case)["type"] for case in ("work", "refused")} == {"turn.completed"}


def test_codex_waits_without_an_end_for_the_network_and_for_a_limit_with_a_date() -> None:
    assert last("codex", "network")["message"].startswith("Reconnecting... waiting for network (Connection failed")
    assert last("codex", "quota-later")["message"].startswith(
        "Reconnecting... 1/5 (exceeded retry limit, last status: 429"
    )
    assert "no rollout found for thread id" in said("codex", "unknown-session")


def test_opencode_prices_each_step_and_its_last_says_stop() -> None:
    steps = [one["part"] for one in events(said("opencode", "work")) if one["type"] == "step_finish"]

    assert [(one["cost"], one["reason"]) for one in steps] == [(0.15, "tool-calls")] * 3 + [(0.15, "stop")]
    assert len([one for one in events(said("opencode", "resumed")) if one["type"] == "step_finish"]) == 2


def test_opencode_stops_without_a_word_where_a_permission_would_be_asked_for() -> None:
    asked = events(said("opencode", "refused-outside"))
    denied = events(said("opencode", "refused"))

    assert [one["type"] for one in asked if one["type"] == "text"] == []
    assert asked[-1]["part"]["reason"] == "tool-calls"
    assert "auto-rejecting" in said("opencode", "refused-outside")
    assert any(one["type"] == "tool_use" and one["part"]["state"]["status"] == "error" for one in denied)


def test_opencode_says_a_limit_in_its_log_lines_alone_and_tries_for_ever() -> None:
    assert events(said("opencode", "quota")) == []
    assert 'error.error="AI_APICallError: This request would exceed your account\'s rate limit."' in said(
        "opencode", "quota"
    )
    assert last("opencode", "login")["error"]["data"]["statusCode"] == 401
    assert "Session not found" in said("opencode", "unknown-session")


@pytest.mark.parametrize("client", ["claude", "codex", "opencode"])
def test_the_result_line_stands_in_the_final_text_and_not_on_a_line_of_the_output(client: str) -> None:
    finals = {
        "claude": lambda one: one.get("result"),
        "codex": lambda one: one.get("item", {}).get("text"),
        "opencode": lambda one: one.get("part", {}).get("text"),
    }
    texts = [text for one in events(said(client, "work")) if (text := finals[client](one))]

    assert texts[-1].splitlines()[-1] == RESULT
    assert RESULT not in said(client, "work").splitlines()


# What a preset makes of a case: what stands in its way, or how it ended. None: the work's own fault.
READ: dict[str, dict[str, str | None]] = {
    "claude": {
        **dict.fromkeys(
            ("work", "resumed", "resumed-after-kill", "resumed-after-quota", "question", "refused"), "done"
        ),
        **dict.fromkeys(("quota", "quota-midway", "quota-later", "plan", "overloaded"), "quota"),
        **dict.fromkeys(("turns", "budget"), "limit"),
        **dict.fromkeys(("login", "no-login"), "login"),
        "network": "network",
        "unknown-session": "lost",
        **dict.fromkeys(("taken-session", "bad-option", "terminated", "killed")),
    },
    "codex": {
        **dict.fromkeys(("work", "resumed", "resumed-after-kill", "question", "refused"), "done"),
        **dict.fromkeys(("quota", "quota-midway", "quota-later", "plan"), "quota"),
        **dict.fromkeys(("login", "no-login"), "login"),
        "network": "network",
        "unknown-session": "lost",
        **dict.fromkeys(("bad-option", "terminated", "killed")),
    },
    "opencode": {
        **dict.fromkeys(("work", "resumed", "question", "refused"), "done"),
        **dict.fromkeys(("quota", "quota-midway", "plan"), "quota"),
        "login": "login",
        "unknown-session": "lost",
        **dict.fromkeys(("refused-outside", "bad-option", "terminated", "killed")),
    },
}


@pytest.mark.parametrize(("client", "case"), [(client, case) for client, cases in CASES.items() for case in cases])
def test_a_preset_reads_each_recording_for_what_it_is(client: str, case: str) -> None:
    status = table()[f"{client}-{case}"]["status"]

    read = reports.read(CLIENTS[client], said(client, case), status if status >= 0 else None)

    assert ("done" if read.is_over else read.kind) == READ[client][case], read


def test_a_preset_reads_when_a_plan_goes_on_and_who_was_denied_what() -> None:
    assert reports.read(CLIENTS["claude"], said("claude", "plan"), 1).until == 4102444800
    assert [one.split()[0] for one in reports.read(CLIENTS["claude"], said("claude", "refused"), 0).denied] == [
        "Bash",
        "Write",
    ]
    assert reports.read(CLIENTS["opencode"], said("opencode", "refused-outside"), 0).denied


def test_an_error_that_opencode_tries_to_outlast_is_not_the_works_fault_whatever_it_is_called() -> None:
    text = said("opencode", "quota").replace("This request would exceed your account's rate limit.", "Slow down.")

    assert reports.read(CLIENTS["opencode"], text, None).kind == "network"
