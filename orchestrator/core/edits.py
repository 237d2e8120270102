"""What people write into a state file: which of it the log takes over, and what only a gate may change. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from orchestrator.core import events as fact
from orchestrator.core.decide import of
from orchestrator.core.events import Fact, Gate, Place
from orchestrator.core.state import KNOWN, Feature
from orchestrator.core.steps import Line, find_place, reached, start, stops_between
from orchestrator.core.values import Status, natural_order
from orchestrator.errors import Refusal

REQUIRED = ("feature", "branch", "status", "current_workflow", "started_at", "updated_at")
_NEVER = (
    "feature",
    "branch",
    "gate",
    "rollback_points",
    "event",
    "version",
    "updated_at",
    "current_workflow",
    "current_phase",
)


def problem(state: Any) -> str:
    """Return what makes `state` no state file, or an empty string."""
    if not isinstance(state, dict):
        return "it is no JSON object"
    missing = [key for key in REQUIRED if not isinstance(state.get(key), str)]
    if missing:
        return f"{missing[0]} is missing or no text"
    if state["status"] not in tuple(Status):
        return f"status {state['status']!r} is none of {', '.join(Status)}"
    return _shape(state)


def _shape(state: Mapping[str, Any]) -> str:
    attempts = state.get("attempts") or {}
    if not isinstance(attempts, dict) or not all(isinstance(count, int) and count >= 0 for count in attempts.values()):
        return "attempts is no table of whole numbers"
    for key in ("workflows_completed", "notes"):
        if not isinstance(state.get(key) or [], list):
            return f"{key} is no list"
    if not isinstance(state.get("paused_until"), str | None):
        return "paused_until is no text"
    return _texts(state)


def _texts(state: Mapping[str, Any]) -> str:
    """Return what is no text, or no time, where the schema has one."""
    gate = state.get("gate")
    if not isinstance(gate, dict | None):
        return "gate is no object"
    for key, value in (gate or {}).items():
        if key in _GATE_TEXTS and not isinstance(value, str | None):
            return f"gate.{key} is no text"
    for row in state.get("notes") or []:
        if isinstance(row, dict) and not all(isinstance(row.get(key), str) for key in ("timestamp", "note")):
            return "a note lacks its timestamp or its text"
    if not all(isinstance(one, str | int | float) for one in state.get("workflows_completed") or []):
        return "workflows_completed holds what is no workflow id"
    if not isinstance(state.get("current_phase"), str | int | float | None):
        return "current_phase is no text"
    times = (("started_at", state["started_at"]), ("paused_until", state.get("paused_until")))
    return next((f"{key} is no time: {value!r}" for key, value in times if value and not _is_time(value)), "")


_GATE_TEXTS = ("type", "trigger", "reached_at", "approved_at", "approved_by")
_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?\s?(Z|[+-]\d\d:?\d\d)?)?")


def _is_time(text: str) -> bool:
    return _TIME.fullmatch(text.strip()) is not None


def imported_place(line: Line, state: Mapping[str, Any]) -> tuple[Place, Gate | None]:
    """Return the place of a state the kit has never seen, and the gate it waits at, if any."""
    workflow, phase = str(state["current_workflow"]), str(state.get("current_phase") or "")
    gate = state.get("gate") or None
    try:
        place, found = find_place(line, workflow, phase)
    except Refusal:
        document = line.document(workflow)
        place, found = (
            (start(document) if document else Place(workflow=workflow, ordinal=1, phase=phase)),
            None,
        )
    if gate is None:
        return place, None
    known = reached(found) if found is not None else _unknown_gate(gate, phase)
    if gate.get("approved_at"):
        return msgspec.structs.replace(place, decided=(known.key,)), None
    return place, known


def _unknown_gate(gate: Mapping[str, Any], phase: str) -> Gate:
    trigger = str(gate.get("trigger") or phase)
    kind = gate.get("type") if gate.get("type") in ("human", "deploy") else "human"
    return Gate(key="", type=str(kind), trigger=trigger, heading=trigger, label=phase, reported=True)


def edited(
    feature: Feature, line: Line, old: Mapping[str, Any], new: Mapping[str, Any], actor: str, file: str = ""
) -> list[Fact]:
    """Return the facts of an edit: `old` is the state as the kit wrote it, `new` as it was found.

    A gate is not passed by an edit, and an edit that goes forward over an undecided stop stops there.
    """
    changed = {key: [old.get(key), new.get(key)] for key in {**old, **new} if old.get(key) != new.get(key)}
    changed.pop("event", None)
    changed.pop("version", None)
    changed.pop("updated_at", None)
    if not changed:
        return []
    fixed = ("feature", "branch", "rollback_points", *(() if feature.gate else ("gate",)))
    refused = [f"{key} is not changed by an edit" for key in fixed if key in changed]
    if feature.gate is not None:
        return _at_a_gate(feature, changed, refused, actor, file)
    place, stop, said = _moved(feature, line, changed)
    taken = {**_taken(changed, stop), **_before_the_stop(changed, stop, place)}
    rest = {key: change for key, change in changed.items() if taken.get(key) != change}
    edit = fact.StateEdited(changes=taken, wanted=rest, place=place, refused=(*refused, *said), file=file)
    facts = [of(feature, edit, actor)]
    if stop is not None and place is not None:
        reach = fact.GateReached(ordinal=place.ordinal, gate=stop)
        facts.append(of(feature, reach, place=place))
    elif new.get("status") == Status.COMPLETED != old.get("status"):
        facts.append(of(feature, fact.FeatureCompleted(), actor))
    return facts


def _at_a_gate(feature: Feature, changed: dict[str, Any], refused: list[str], actor: str, file: str) -> list[Fact]:
    passing = {"gate", "status", "current_workflow", "current_phase", "workflows_completed", "paused_until"}
    held = [key for key in changed if key in passing]
    if held:
        refused = [
            *refused,
            f"{feature.slug} waits at a gate; an edit of {', '.join(sorted(held))} does not pass it",
        ]
    taken = {key: change for key, change in changed.items() if key not in passing and key not in _NEVER}
    rest = {key: change for key, change in changed.items() if key not in taken}
    return [of(feature, fact.StateEdited(changes=taken, wanted=rest, refused=tuple(refused), file=file), actor)]


def _taken(changed: Mapping[str, Any], stop: Gate | None) -> dict[str, Any]:
    held = {"status", "workflows_completed", "paused_until"} if stop is not None else set()
    if changed.get("status", ["", ""])[1] == Status.COMPLETED:
        held = held | {"status"}  # completing is a fact of its own
    kept = {key: change for key, change in changed.items() if key not in _NEVER and key not in held}
    return {
        key: change
        for key, change in kept.items()
        if key not in KNOWN or change[1] is not None or key == "paused_until"
    }


def _before_the_stop(changed: Mapping[str, Any], stop: Gate | None, place: Place | None) -> dict[str, Any]:
    """Return the completed workflows that an edit names and that lie before the stop it met."""
    if stop is None or place is None or "workflows_completed" not in changed:
        return {}
    old, new = changed["workflows_completed"]
    here = natural_order(place.workflow)
    kept = [str(one) for one in new or () if natural_order(str(one)) < here]
    return {} if kept == list(old or ()) else {"workflows_completed": [old, kept]}


def _moved(feature: Feature, line: Line, changed: Mapping[str, Any]) -> tuple[Place | None, Gate | None, list[str]]:
    """Return where an edit puts the feature, the stop it met on the way, and what was not done."""
    target, said = _target(feature, line, changed)
    end = changed.get("status", ["", ""])[1] == Status.COMPLETED
    completed = changed.get("workflows_completed", [(), feature.workflows_completed])[1] or ()
    reach = _end(line) if end else _farthest(line, feature.place, target, completed)
    met = next(stops_between(line, feature.place, reach, feature.workflows_completed), None)
    if met is not None:
        place, gate = met
        begun = feature.place.begun and place.workflow == feature.place.workflow
        stop = f"{gate.heading} ({place.workflow}) is undecided; the feature stops there"
        return msgspec.structs.replace(place, begun=begun), reached(gate), [*said, stop]
    return target, None, said


def _target(feature: Feature, line: Line, changed: Mapping[str, Any]) -> tuple[Place | None, list[str]]:
    if "current_workflow" not in changed and "current_phase" not in changed:
        return None, []
    workflow = str(changed.get("current_workflow", ["", feature.place.workflow])[1])
    phase = str(changed["current_phase"][1]) if "current_phase" in changed else ""
    try:
        place, _ = find_place(line, workflow, phase)
    except Refusal as refusal:
        return None, [str(refusal)]
    same = place.workflow == feature.place.workflow
    return msgspec.structs.replace(place, begun=feature.place.begun and same), []


def _farthest(line: Line, here: Place, target: Place | None, completed: Any) -> Place:
    """Return the farther of the target and the place behind the last workflow said to be completed."""
    reach = target or here
    for workflow in completed:
        document = line.document(str(workflow))
        if document is None:
            continue
        behind = line.following(document.id) or _end(line)
        reach = max(reach, behind, key=_order)
    return reach


def _end(line: Line) -> Place:
    return Place(workflow="999999999", ordinal=0)


def _order(place: Place) -> Any:
    return natural_order(place.workflow), place.ordinal
