"""Whose turn it is, and what for. Pure: locks and clocks come as arguments."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from orchestrator.core.state import Feature, World
from orchestrator.core.values import FeatureId, Status, Value


class EndRollback(Value):
    """A rollback was ordered and its end is not recorded: it comes before all else."""

    feature: FeatureId


class RunStep(Value):
    """One step of a feature, after what a dead attempt left was ended."""

    feature: FeatureId


class Rest(Value):
    """There is nothing to run: `waiting` are the open features, which wait for a gate, a time or a person."""

    waiting: tuple[FeatureId, ...]


Action = EndRollback | RunStep | Rest


def next_action(
    world: World, busy: Collection[FeatureId], blocked: Mapping[FeatureId, str], only: FeatureId | None = None
) -> Action:
    """Return what to do now.

    `busy` are the features that somebody works on this moment (their lock is held, or an agent drives
    itself within its deadline), `blocked` those that something outside their state holds back.
    """
    features = [one for one in world.features.values() if not one.retired and only in (None, one.id)]
    free = [one for one in features if one.id not in busy and one.id not in blocked]
    ordered = next((one for one in free if one.ordered is not None), None)
    if ordered is not None:
        return EndRollback(feature=ordered.id)
    ready = [one for one in features if is_ready(one) and one.id not in busy and one.id not in blocked]
    died = next((one for one in ready if one.attempt is not None), None)
    if died is not None:
        return RunStep(feature=died.id)
    turns = next_turn(ready, world.last_served)
    if turns:
        return RunStep(feature=turns[0].id)
    return Rest(waiting=tuple(one.id for one in features if one.is_open))


def is_ready(feature: Feature) -> bool:
    """Tell whether the feature's own state lets it run."""
    return feature.status is Status.ACTIVE and feature.gate is None and feature.ordered is None


def is_round_over(world: World, blocked: Collection[FeatureId], since: int) -> bool:
    """Tell whether each feature that could have a turn has had one since event `since`, or has one now."""
    waits = (one for one in world.features.values() if is_ready(one) and one.attempt is None and not one.retired)
    return all(one.served > since or one.id in blocked for one in waits)


def next_turn(features: Sequence[Feature], last_served: FeatureId | None) -> list[Feature]:
    """Return the ready features in the order in which they are to be served.

    Round-robin: whoever was served longest ago comes first, those that never were in the order of their start.
    So no other feature gets a second turn while one is ready, whatever was named, killed or held back between.
    A feature whose attempt just failed keeps its turn, so that its retry sees an unchanged tree.
    """
    order = sorted(features, key=lambda feature: (feature.served, feature.started))
    served = [feature for feature in order if feature.id == last_served and feature.failed]
    return [*served, *(feature for feature in order if feature not in served)]
