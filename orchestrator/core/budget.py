"""What features may spend on agents: turns and dollars, each feature and each day. Pure."""

from __future__ import annotations

from orchestrator.core.state import Spent
from orchestrator.core.values import Value


class Budget(Value):
    """What may be spent: `turns` and `cost` (US dollars) by a feature, `_day` by all in one day; 0: any amount."""

    turns: int = 0
    cost: float = 0.0
    turns_day: int = 0
    cost_day: float = 0.0


def reached(budget: Budget, spent: Spent, today: Spent) -> tuple[str, bool]:
    """Return which budget is used up, in words, and whether tomorrow has a new one; an empty text where none is."""
    for used, limit, key, is_daily in (
        (spent.turns, budget.turns, "max_turns", False),
        (spent.cost, budget.cost, "max_cost", False),
        (today.turns, budget.turns_day, "max_turns_day", True),
        (today.cost, budget.cost_day, "max_cost_day", True),
    ):
        if limit and used >= limit:
            whose = "all features had today" if is_daily else "it had"
            return f"its budget is used up: [agent] {key} is {limit:g}, {whose} {used:g}", is_daily
    return "", False


def left(budget: Budget, spent: Spent, today: Spent) -> tuple[int, float]:
    """Return how many turns and dollars one call may use; 0 where any amount."""
    turns = [limit - used for limit, used in ((budget.turns, spent.turns), (budget.turns_day, today.turns)) if limit]
    cost = [limit - used for limit, used in ((budget.cost, spent.cost), (budget.cost_day, today.cost)) if limit]
    return max(1, min(turns)) if turns else 0, max(0.0001, min(cost)) if cost else 0.0
