"""What features may spend: which budget is used up, and what is left for one call."""

from __future__ import annotations

import pytest

from orchestrator.core.budget import Budget, left, reached
from orchestrator.core.state import Spent, is_same_day

SPENT, TODAY = Spent(calls=2, turns=5, cost=0.4), Spent(calls=9, turns=40, cost=3.0)


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (Budget(), ("", False)),
        (Budget(turns=6, cost=0.5, turns_day=41, cost_day=3.1), ("", False)),
        (Budget(turns=5), ("its budget is used up: [agent] max_turns is 5, it had 5", False)),
        (Budget(cost=0.3), ("its budget is used up: [agent] max_cost is 0.3, it had 0.4", False)),
        (Budget(turns_day=40), ("its budget is used up: [agent] max_turns_day is 40, all features had today 40", True)),
        (Budget(cost_day=2.0), ("its budget is used up: [agent] max_cost_day is 2, all features had today 3", True)),
    ],
)
def test_the_first_budget_that_is_used_up_is_named(budget: Budget, said: tuple[str, bool]) -> None:
    assert reached(budget, SPENT, TODAY) == said


def test_a_call_may_use_what_the_nearest_budget_leaves() -> None:
    assert left(Budget(), SPENT, TODAY) == (0, 0.0)
    assert left(Budget(turns=20, turns_day=44), SPENT, TODAY) == (4, 0.0)
    assert left(Budget(cost=0.5, cost_day=9.0), SPENT, TODAY) == (0, pytest.approx(0.1))


@pytest.mark.parametrize(
    ("timestamp", "is_same"),
    [
        ("2026-03-01T08:00:00+01:00", True),
        ("2026-02-28T23:00:00-08:00", True),  # somewhere else the day before is not over
        ("2026-03-02T00:00:01+01:00", False),
        ("2026-02-27T08:00:00+01:00", False),  # a clock that was wrong by days
        ("no time", False),
    ],
)
def test_a_days_budget_does_not_begin_anew_with_each_time_zone(timestamp: str, is_same: bool) -> None:
    assert is_same_day(timestamp, "2026-03-01") == is_same
    assert not is_same_day(timestamp, "")
