"""What one run came to: who moved, what its steps ended with, what its agents used. Changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator import render
from orchestrator.attempts import Result
from orchestrator.core.state import Feature, Spent
from orchestrator.core.steps import label
from orchestrator.core.telling import duration
from orchestrator.core.values import FeatureId, Status, Value
from orchestrator.workspace import Workspace


class Night(Value):
    """One `run`: the features as they were when it began, what its steps came to, how many seconds it took."""

    before: dict[FeatureId, Feature]
    results: list[Result]
    seconds: float


def shape(workspace: Workspace, found: Night) -> dict[str, Any]:
    """Return a run's summary: who moved from where to where, seconds, turns, tokens and US dollars."""
    then, now_ = found.before, workspace.world.features
    moved = {
        one.slug: {"from": _where(then[one.id]) if one.id in then else "", "to": _where(one)}
        for one in now_.values()
        if one.id not in then or _where(then[one.id]) != _where(one)
    }
    used_ = _used_since(then, now_)
    return {
        "moved": moved,
        "seconds": round(found.seconds, 3),
        "turns": used_.turns,
        "tokens": used_.tokens,
        "cost": round(used_.cost, 4),
    }


def summary(workspace: Workspace, found: Night) -> Iterator[str]:
    """Give the lines that sum a run up; none where it did nothing."""
    if not found.results:
        return
    counts = Counter(one.outcome for one in found.results)
    words = ", ".join(f"{count} {render.MARKS.get(name, name)}" for name, count in counts.items())
    yield f"{len(found.results)} step{'' if len(found.results) == 1 else 's'} in {duration(found.seconds)}: {words}"
    moved = shape(workspace, found)["moved"]
    if moved:
        yield "moved: " + ", ".join(f"{name} {one['from']} -> {one['to']}" for name, one in moved.items())
    used_ = _used_since(found.before, workspace.world.features)
    if used_.calls:
        yield f"used: {render.used(used_)}"


def _where(feature: Feature) -> str:
    if feature.status is Status.COMPLETED:
        return "completed"
    return f"{feature.place.workflow}/{label(feature)}"


def _used_since(then: Mapping[FeatureId, Feature], now_: Mapping[FeatureId, Feature]) -> Spent:
    pairs = [(then[one.id].spent if one.id in then else Spent(), one.spent) for one in now_.values()]
    return Spent(
        calls=sum(after.calls - before.calls for before, after in pairs),
        turns=sum(after.turns - before.turns for before, after in pairs),
        cost=sum(after.cost - before.cost for before, after in pairs),
        tokens=sum(after.tokens - before.tokens for before, after in pairs),
    )
