"""Where features stand, in words: why each does or does not move, in which order they matter. Pure; draws nothing.

What lies outside the log (the clock, locks, working trees) comes as a `Sight`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal

from orchestrator.adapters.agent import one_line
from orchestrator.core.columns import cut
from orchestrator.core.events import RollbackOrdered
from orchestrator.core.schedule import next_turn
from orchestrator.core.state import Feature, Spent, World
from orchestrator.core.steps import label
from orchestrator.core.telling import duration
from orchestrator.core.values import FeatureId, Status, Value, slug_of
from orchestrator.rollback import stuck

Kind = Literal["gate", "trouble", "running", "ready", "held", "waits", "paused", "completed", "retired"]
KINDS: dict[Kind, str] = {  # the first matter most; as they are counted
    "gate": "wait for you",
    "trouble": "failed or parked",
    "running": "running",
    "ready": "ready",
    "held": "passed over",
    "waits": "waiting",
    "paused": "paused",
    "completed": "completed",
    "retired": "retired",
}
_LAST = 80  # columns of what a failed validation said at last
_ONE: dict[Kind, str] = {"gate": "waits for you"}
_MOVES: dict[Kind, str] = {
    "gate": "a person's decision moves it, nothing else",
    "trouble": "it goes on when a person resumes it",
    "running": "it moves when this attempt ends",
    "ready": "it moves with `orchestrator run`",
    "held": "it moves with `orchestrator run` once that is mended",
    "waits": "it goes on by itself with the first `orchestrator run` after that",
    "paused": "it goes on when a person resumes it",
    "completed": "there is nothing left to do",
    "retired": "there is nothing left to do",
}
_TURN = "its turn comes with the next step"


class Sight(Value):
    """What is looked at besides the log: the present, who works on what, and what holds features back.

    Of the past there is only the log, and `present` is the moment shown.
    """

    present: datetime
    busy: Mapping[FeatureId, str] = {}
    held: Mapping[FeatureId, str] = {}
    is_past: bool = False


class Row(Value):
    """One feature: `since` belongs to what it waits for or does; `turn` counts from 1, 0 where it has none."""

    name: str
    kind: Kind
    status: str
    workflow: str
    phase: str
    attempt: int
    completed: tuple[str, ...]
    started: int  # the event: the order of start
    why: str
    heading: str = ""  # of its gate
    is_outward: bool = False
    since: datetime | None = None
    turn: int = 0
    checkpoint: int = 0
    checkpointed: datetime | None = None
    spent: Spent = Spent()


def rows(world: World, features: Sequence[Feature], sight: Sight) -> list[Row]:
    """Return the rows of `features`: what waits for a person first, the oldest of it at the top."""
    turns = _turns(world, sight)
    found = [row(one, sight, turns.get(one.id, 0)) for one in features]
    ranks = {kind_: at for at, kind_ in enumerate(KINDS)}
    last = sight.present.timestamp()

    def rank(one: Row) -> tuple[int, int, float, int]:
        since = one.since.timestamp() if one.since is not None else last
        return ranks[one.kind], one.turn, since, one.started

    return sorted(found, key=rank)


def row(feature: Feature, sight: Sight, turn: int = 0) -> Row:
    """Return a feature's row; `turn` is its place in the order of turns."""
    kind_ = kind(feature, sight)
    gate = feature.gate
    return Row(
        name=feature.slug,
        kind=kind_,
        status="retired" if feature.retired else str(feature.status),
        workflow=feature.place.workflow,
        phase=one_line(label(feature)),
        attempt=feature.attempts.get(feature.place.workflow, 0),
        completed=feature.workflows_completed,
        started=feature.started,
        why=_in_turn(one_line(why(feature, sight)), turn),
        heading=one_line(gate.gate.heading) if gate is not None else "",
        is_outward=gate is not None and gate.gate.type == "deploy",
        since=_since(feature),
        turn=turn,
        checkpoint=feature.last_checkpoint,
        checkpointed=moment(feature.checkpointed_at),
        spent=feature.spent,
    )


def _in_turn(said: str, turn: int) -> str:
    return said if turn < 2 else said.replace(_TURN, f"{turn - 1} {'has' if turn == 2 else 'have'} a turn before it")


def _turns(world: World, sight: Sight) -> dict[FeatureId, int]:
    """Return the place of each ready feature in the order of turns, from 1."""
    ready = [one for one in world.features.values() if kind(one, sight) == "ready"]
    order = next_turn(ready, world.last_served)
    died = [one for one in order if one.attempt is not None]
    return {one.id: at for at, one in enumerate([*died, *(one for one in order if one.attempt is None)], 1)}


def kind(feature: Feature, sight: Sight) -> Kind:
    """Return what a feature does, or whom it waits for."""
    if feature.retired:
        return "retired"
    if feature.ordered is not None:
        return "running" if feature.id in sight.busy else "trouble"
    if feature.status is Status.FAILED:
        return "trouble"
    if feature.status is Status.COMPLETED:
        return "completed"
    if feature.gate is not None:
        return "waits" if _opens_later(feature, sight) else "gate"
    if feature.waits is not None:
        return _waiting(feature)
    if feature.status is not Status.ACTIVE:
        return "paused"
    if feature.id in sight.busy or (sight.is_past and feature.attempt is not None):
        return "running"
    return "held" if feature.id in sight.held else "ready"


def _waiting(feature: Feature) -> Kind:
    kind_ = feature.waits.kind if feature.waits is not None else ""
    if kind_ == "after" or feature.paused_until:
        return "waits"
    return "trouble" if kind_ == "parked" else "paused"


def _opens_later(feature: Feature, sight: Sight) -> bool:
    opens = moment(feature.gate.opens) if feature.gate is not None else None
    return opens is not None and opens > sight.present


def _since(feature: Feature) -> datetime | None:
    if feature.gate is not None:
        return moment(feature.gate.reached_at)
    if feature.waits is not None:
        return moment(feature.waits.since)
    if feature.attempt is not None:
        return moment(feature.attempt.started_at)
    return moment(feature.ended_at or "")


# --- why -------------------------------------------------------------------------------------------


def why(feature: Feature, sight: Sight) -> str:
    """Return in one line why a feature does not move, or that it will."""
    if feature.retired:
        return "retired"
    if feature.ordered is not None:
        return _ends_later(feature, feature.ordered)
    if feature.gate is not None:
        return _at_gate(feature, sight)
    if feature.status is Status.COMPLETED:
        return "completed"
    if feature.status is Status.FAILED:
        reason = feature.failure.reason if feature.failure else "rolled back" if feature.undo else ""
        after = f" ({one_line(reason)})" if reason else ""
        return f"failed{after}{_at_last(feature)}; `orchestrator resume {feature.slug}` starts it again"
    if feature.waits is not None:
        return _waits(feature, sight)
    return _past(feature, sight) if sight.is_past else _would_run(feature, sight)


def _at_last(feature: Feature) -> str:
    """Return the last line that a failed validation printed."""
    rows = one_line(feature.failure.tail.rstrip().rsplit("\n", 1)[-1]) if feature.failure else ""
    return f": {cut(rows, _LAST)}" if rows else ""


def _ends_later(feature: Feature, ordered: RollbackOrdered) -> str:
    last = feature.notes[-1].note if feature.notes else ""
    if last.startswith(stuck(ordered)):
        return f"{one_line(last)}; the next command tries it again"
    return "a rollback was interrupted; the next command that runs ends it"


def _at_gate(feature: Feature, sight: Sight) -> str:
    waits = feature.gate
    if waits is None:
        return ""
    who = "goes outside; a person approves" if waits.gate.type == "deploy" else "a person decides"
    opens = f"; offered after {waits.opens}" if _opens_later(feature, sight) else ""
    return f"waits at {one_line(waits.gate.heading)} since {ago(waits.reached_at, sight.present)} ({who}{opens})"


def _waits(feature: Feature, sight: Sight) -> str:
    waits = feature.waits
    if waits is None:
        return ""
    if waits.kind == "after":
        return one_line(waits.reason)
    until = f"; goes on after {feature.paused_until}" if feature.paused_until else ""
    back = "" if feature.paused_until else f"; `orchestrator resume {feature.slug}` goes on"
    return f"{waits.kind}: {one_line(waits.reason)} ({ago(waits.since, sight.present)}){until}{back}"


def _past(feature: Feature, sight: Sight) -> str:
    if feature.attempt is None:
        return str(feature.status)
    return f"attempt {feature.attempt.number} since {ago(feature.attempt.started_at, sight.present)}"


def _would_run(feature: Feature, sight: Sight) -> str:
    if feature.id in sight.busy:
        return sight.busy[feature.id]
    if feature.id in sight.held:
        return f"passed over: {sight.held[feature.id]}"
    failed = (
        f", after {feature.failed} failed ({one_line(feature.failure.reason)})"
        if feature.failure and feature.failed
        else ""
    )
    if feature.attempt is not None:
        return f"attempt {feature.attempt.number} was interrupted; the next step does it again"
    return f"ready: {_TURN}{failed}"


def account(world: World, feature: Feature, sight: Sight) -> Iterator[str]:
    """Give why a feature stands where it stands: since when, what has to happen, who is before it."""
    row_ = row(feature, sight)
    since = f", since {ago(row_.since.isoformat(), sight.present)}" if row_.since is not None else ""
    yield f"it is {row_.status}{since}; {_MOVES[row_.kind]}"
    turn = _turns(world, sight).get(feature.id, 0)
    order = {place: id_ for id_, place in _turns(world, sight).items()}
    before = [slug_of(order[place]) for place in range(1, turn)]
    if before:
        yield f"before it {'has' if len(before) == 1 else 'have'} a turn: {', '.join(before)}"
    other = world.feature(feature.waits.after) if feature.waits is not None and feature.waits.after else None
    if other is not None:
        yield f"{other.slug}: {one_line(why(other, sight))}"
    if feature.failure is not None and feature.failure.earlier:
        yield from (f"before that: {one_line(one)}" for one in feature.failure.earlier)


# --- all of them -----------------------------------------------------------------------------------


def counts(found: Sequence[Row]) -> str:
    """Return how many of which kind there are: `2 wait for you, 1 running`."""
    numbers = Counter(one.kind for one in found)
    return ", ".join(
        f"{numbers[kind_]} {_ONE.get(kind_, words) if numbers[kind_] == 1 else words}"
        for kind_, words in KINDS.items()
        if numbers[kind_]
    )


def to_do(found: Sequence[Row], *, is_blocked: bool, is_person: bool) -> str:
    """Return in one line what to do now. `is_blocked`: nothing runs before the line is mended.

    To an agent no command is named that decides.
    """
    of: dict[Kind, list[Row]] = {kind_: [one for one in found if one.kind == kind_] for kind_ in KINDS}
    steps = [_decide(of["gate"], is_person)] if of["gate"] else []
    if of["ready"] and not is_blocked:
        steps.append(f"{len(of['ready'])} can run: orchestrator run")
    if of["trouble"]:
        steps.append(f"see what went wrong: orchestrator status --why {of['trouble'][0].name}")
    if steps:
        return "; ".join(steps[:2])
    return _nothing(of)


def _decide(gates: Sequence[Row], is_person: bool) -> str:
    count = f"{len(gates)} wait{'s' if len(gates) == 1 else ''} for a person"
    return f"{count}: orchestrator approve" if is_person else count


def _nothing(of: Mapping[Kind, Sequence[Row]]) -> str:
    if of["running"]:
        return f"nothing; {len(of['running'])} at work"
    if of["held"]:
        return f"see why {of['held'][0].name} is passed over: orchestrator status --why {of['held'][0].name}"
    if of["waits"]:
        return (
            f"nothing; {len(of['waits'])} go on when their time has come"
            if len(of["waits"]) > 1
            else (f"nothing; {of['waits'][0].name} waits: {of['waits'][0].why}")
        )
    if of["paused"]:
        return f"nothing, unless a paused one is to go on: orchestrator resume {of['paused'][0].name}"
    if of["completed"]:
        return f"after the merge: orchestrator retire {of['completed'][0].name}"
    return "begin with one: orchestrator start NAME"


# --- time ------------------------------------------------------------------------------------------


def moment(text: str) -> datetime | None:
    """Return an ISO 8601 time as an instant; None for what is none, as an imported state may hold."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        return None


def ago(text: str, present: datetime) -> str:
    """Return a time as people say it: `10:32 (4 min ago)`."""
    then = moment(text)
    if then is None:
        return text
    stamp = f"{then:%H:%M}" if then.date() == present.date() else f"{then:%Y-%m-%d %H:%M}"
    return f"{stamp} ({age(then, present)} ago)"


def age(then: datetime, present: datetime) -> str:
    """Return how long ago a moment is, in words."""
    return duration(max(0.0, (present - then).total_seconds()))
