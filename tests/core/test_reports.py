"""What a client printed, as it comes through a pipe: cut, mixed with stderr, with characters that lines break at."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.core import reports
from orchestrator.core.clients import CLIENTS, kind_of
from orchestrator.core.reports import Reported


def result(**more: Any) -> dict[str, Any]:
    row = {"type": "result", "subtype": "success", "is_error": False, "result": "done", "session_id": "s1"}
    return {**row, "num_turns": 3, "total_cost_usd": 0.5, **more}


def line(row: dict[str, Any]) -> str:
    """Return a row as node prints it: no character is escaped that need not be."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def read(output: str, code: int = 0, client: str = "claude") -> Reported:
    return reports.read(CLIENTS[client], output, code)


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\x0c", "\x1c"])
def test_a_line_ends_at_a_line_feed_alone(mark: str) -> None:
    row = line(result(result="one@two")).replace("@", mark if ord(mark) > 31 else f"\\u{ord(mark):04x}")
    assert read(row).text == f"one{mark}two"


def test_half_an_emoji_is_read_as_a_mark_that_every_encoding_takes() -> None:
    assert read(line(result(result="cut @")).replace("@", "\\ud83d")).text == "cut ?"


@pytest.mark.parametrize(
    "output",
    [
        "\ufeff" + line(result()),
        "Fetching... " + line(result()),
        line(result()) + "a warning\n",
        line(result()) + "\r\n",
        "  " + line(result()) + "\n\n",
    ],
    ids=["a mark of the encoding", "words before", "words behind", "a carriage return", "blanks"],
)
def test_a_row_is_found_beside_what_else_came_in_its_line(output: str) -> None:
    found = read(output)
    assert (found.is_over, found.text, found.session, found.turns, found.cost) == (True, "done", "s1", 3, 0.5)


def test_an_error_that_is_quoted_in_a_line_of_words_is_no_event() -> None:
    said = 'level=ERROR message="stream error" body={"type":"error","error":{"message":"rate limit"}}'
    found = read(said, 1, "opencode")
    assert found.kind == "quota"
    assert found.error.startswith('"stream error" body=')


def test_a_number_of_any_size_is_a_number_or_nothing() -> None:
    huge = line(result()).replace("0.5", "1" + "0" * 400)
    assert (read(huge).is_over, read(huge).cost) == (True, 0.0)


@pytest.mark.parametrize("subtype", ["error_max_turns", "error_max_budget_usd"])
def test_a_limit_of_its_own_is_known_by_the_subtype_alone(subtype: str) -> None:
    row = result(subtype=subtype, is_error=True)
    del row["result"]
    assert read(line(row), 1).kind == "limit"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("API Error: 429 slow down", "quota"),
        ("unexpected status 401 from the service", "login"),
        ("HTTP/1.1 503", "network"),
        ("Error code: 529", "quota"),
        ("src/http.py:502: an error of the work", None),
        ("expected 401, got 200", None),
        ("quota.py:12: in a test", None),
        ("tests/rate_limiter.py failed", None),
    ],
)
def test_a_bare_number_or_a_files_name_is_no_fault_of_the_service(said: str, kind: str | None) -> None:
    assert kind_of(CLIENTS["claude"], said) == kind
