"""One message for the set that waits, and when it is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.core.telling import CLAIM, Due, Member, Told, due, duration, message, one_line, rolled_back

NOW = datetime(2026, 1, 31, 10, 32, tzinfo=UTC)
EARLIER = NOW - timedelta(hours=1)


def gate(name: str, workflow: str, minutes: float) -> Member:
    return Member(key=name, name=name, workflow=workflow, since=NOW - timedelta(minutes=minutes))


def parked(name: str, reason: str) -> Member:
    return Member(key=name, name=name, workflow="1", since=NOW, reason=reason)


def test_the_gates_are_one_line_the_oldest_first() -> None:
    found = message([gate("search", "4.5", 12), gate("payment", "2a", 40), gate("login", "12", 3)], (), NOW)
    assert found.title == "orchestrator: 3 gates wait"
    assert found.text == "3 gates wait: payment 2a, search 4.5, login 12; the oldest 40 min"


def test_one_gate_is_told_since_when() -> None:
    found = message([gate("payment", "2a", 4)], (), NOW)
    assert (found.title, found.text) == ("orchestrator: 1 gate waits", "1 gate waits: payment 2a; since 4 min")


def test_what_is_parked_and_rolled_back_is_a_sentence_each_below() -> None:
    members = [parked("search", "quota"), gate("payment", "2a", 4)]
    found = message(members, [rolled_back("login", "3 attempts failed")], NOW)
    assert found.title == "orchestrator: 1 gate waits, 1 parked, 1 rolled back"
    assert found.text.splitlines() == [
        "1 gate waits: payment 2a; since 4 min",
        "parked: search (quota)",
        "rolled back: login, 3 attempts failed",
    ]


def test_a_message_stays_short() -> None:
    members = [*(gate(f"g{n}", "1", 60 - n) for n in range(30)), *(parked(f"p{n}", "x") for n in range(30))]
    lines = message(members, (), NOW).text.splitlines()
    assert lines[0].startswith("30 gates wait: g0 1, g1 1, ")
    assert lines[0].endswith(", g18 1, and 11 more; the oldest 60 min")
    assert (len(lines), lines[-1]) == (21, "and 11 more")
    assert one_line("two\nlines\tand " + "x" * 999) == "two lines and " + "x" * 145 + "…"


@pytest.mark.parametrize(
    ("told", "keys", "repeat", "expected"),
    [
        (Told(), "", 0, "no"),
        (Told(), "a", 0, "all"),
        (Told(("a",), EARLIER), "a", 0, "no"),
        (Told(("a",), EARLIER), "ab", 0, "all"),
        (Told(("a", "b"), EARLIER), "a", 0, "no"),
        (Told(("a",), EARLIER), "a", 3600, "all"),
        (Told(("a",), EARLIER), "a", 3601, "no"),
        (Told(("a",), EARLIER), "", 3600, "no"),
        (Told(("a",), NOW + timedelta(hours=2)), "a", 3600, "all"),  # the clock was set back
    ],
)
def test_a_set_is_told_once_again_after_its_time_and_whole_where_somebody_joins(
    told: Told, keys: str, repeat: float, expected: Due
) -> None:
    assert due(told, keys, (), NOW, repeat) == expected


@pytest.mark.parametrize(
    ("minutes", "keys", "rest", "repeat", "expected"),
    [
        (4, "a", (), 0, "no"),
        (5, "a", (), 0, "failed"),
        (5, "a", (), 14400, "failed"),
        (1, "a", (), 60, "all"),
        (5, "", (), 0, "no"),  # nothing waits any more
        (5, "", ("rolled back: login, x",), 0, "failed"),
        (0, "ab", (), 0, "all"),
    ],
)
def test_what_was_not_delivered_is_tried_again_by_the_ways_that_failed(
    minutes: float, keys: str, rest: tuple[str, ...], repeat: float, expected: Due
) -> None:
    told = Told(("a",), NOW - timedelta(minutes=minutes), failures={"command": "x"}, rest=rest)
    assert due(told, keys, (), NOW, repeat) == expected


def test_what_another_command_tells_this_moment_is_left_to_it_until_it_must_be_dead() -> None:
    told = Told(("a",), NOW, NOW + CLAIM)
    assert due(told, "a", (), NOW, 0) == "no"
    assert due(told, "ab", (), NOW, 0) == "all"
    assert due(told, "a", (), NOW + CLAIM, 0) == "all"
    assert due(told, "a", (), NOW - timedelta(hours=1), 0) == "all"  # the clock was set back


def test_a_rollback_is_told_though_nothing_waits() -> None:
    assert due(Told(), (), ("rolled back: login, x",), NOW, 0) == "all"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (89, "89 s"), (90, "1 min"), (2400, "40 min"), (7500, "2 h 5 min"), (266400, "3 d 2 h")],
)
def test_a_duration_in_its_two_largest_units(seconds: float, said: str) -> None:
    assert duration(seconds) == said
