"""A feature's whole story as Markdown, for a pull request: outcome, each workflow, rollbacks, timeline. Pure.

Times are in the log's own offsets. All that people, agents and documents wrote is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.core import events as fact
from orchestrator.core.events import Event
from orchestrator.core.graph import Move, tree
from orchestrator.core.markdown import code, escaped
from orchestrator.core.sentences import Quote
from orchestrator.core.spans import Span, spans
from orchestrator.core.state import Feature, World, fold
from orchestrator.core.story import instant, named, story
from orchestrator.core.telling import duration
from orchestrator.core.values import Status, Value

_OUTCOMES = {
    Status.COMPLETED: "Completed",
    Status.FAILED: "Failed",
    Status.PAUSED: "Paused",
    Status.BLOCKED: "Blocked",
    Status.ACTIVE: "Under way",
}


class _Record(Value):
    """A feature's events with their stretches and its state at their end."""

    events: tuple[Event, ...]
    spans: tuple[Span, ...]
    feature: Feature
    quote: Quote

    def payload(self, number: int) -> fact.AnyPayload:
        """Return the payload of an event of the feature by its number."""
        return next(one.payload for one in self.events if one.id == number)

    def of(self, kind: str, workflow: str) -> list[Span]:
        """Return the stretches of a kind in a workflow, in order."""
        return [one for one in self.spans if one.kind == kind and one.workflow == workflow]


def chronicle(events: Sequence[Event], cut: Quote) -> str:
    """Return the story of one feature's events as Markdown.

    `cut` makes a line of bearable length, without terminal escapes, out of foreign text.
    """
    feature = next(iter(fold(World(), events).features.values()))
    record = _Record(
        events=tuple(events),
        spans=tuple(spans(events)),
        feature=feature,
        quote=lambda text: escaped(cut(text)),
    )
    workflows = dict.fromkeys(one.workflow for one in record.spans if one.kind in ("attempt", "gate"))
    parts = [_head(record), *(_workflow(record, one) for one in workflows), _rollbacks(record), _timeline(record)]
    return "\n".join(line for part in parts for line in part)


# --- the head --------------------------------------------------------------------------------------


def _head(record: _Record) -> Iterator[str]:
    feature, events = record.feature, record.events
    yield f"# {record.quote(feature.slug)}"
    yield ""
    outcome = _OUTCOMES[feature.status] + (", retired" if feature.retired else "")
    took = duration((instant(feature.ended_at or events[-1].timestamp) - instant(events[0].timestamp)).total_seconds())
    yield f"**{outcome}** after {took}, on branch {code(feature.branch)}, {_at(events[0])} to {_at(events[-1])}."
    if feature.failure is not None and feature.status is Status.FAILED:
        yield f"The last failure: {record.quote(feature.failure.reason)}."
    yield ""
    yield from (f"- {one}" for one in _sums(record))
    yield ""


def _sums(record: _Record) -> Iterator[str]:
    feature = record.feature
    done = len(feature.workflows_completed)
    yield f"workflows: {done} done ({record.quote(', '.join(feature.workflows_completed))})" if done else "workflows: 0"
    attempts = [one for one in record.spans if one.kind == "attempt"]
    failed = sum(one.outcome == "failed" for one in attempts)
    worked = duration(sum(one.seconds for one in attempts))
    yield f"attempts: {len(attempts)}{f', {failed} of them failed' if failed else ''}, {worked} of work"
    gates = [one for one in record.spans if one.kind == "gate"]
    if gates:
        yield f"gates: {len(gates)}, which waited {duration(sum(one.seconds for one in gates))} in all"
    yield f"checkpoints: {feature.next_n - 1}"
    if feature.spent.calls:
        yield f"agents: {', '.join(_spent(feature))}"


def _spent(feature: Feature) -> Iterator[str]:
    spent = feature.spent
    yield f"{spent.calls} call{'' if spent.calls == 1 else 's'}"
    yield from [f"{spent.turns} turns"] if spent.turns else []
    yield from [f"{spent.tokens} tokens"] if spent.tokens else []
    yield from [f"${spent.cost:.2f}"] if spent.cost else []


def _at(event: Event) -> str:
    return f"{instant(event.timestamp):%Y-%m-%d %H:%M}"


# --- a workflow ------------------------------------------------------------------------------------


def _workflow(record: _Record, workflow: str) -> Iterator[str]:
    mine = [one for one in record.events if one.workflow == workflow]
    titles = [one.payload.title for one in mine if isinstance(one.payload, fact.WorkflowStarted)]
    yield f"## Workflow {record.quote(f'{workflow} {titles[-1] if titles else str()}'.strip())}"
    yield ""
    yield from (f"- {_attempt(record, one)}" for one in record.of("attempt", workflow))
    for gate in record.of("gate", workflow):
        yield from _gate(record, gate)
    points = [one.payload.n for one in mine if isinstance(one.payload, fact.CheckpointCreated)]
    if points:
        yield f"- checkpoints: {_ranges(points)}"
    cost = sum(one.payload.cost for one in mine if isinstance(one.payload, fact.AgentEnded))
    if cost:
        yield f"- agents: ${cost:.2f}"
    yield ""


def _attempt(record: _Record, span: Span) -> str:
    """Return an attempt: where, which, how long, what came of it and why."""
    where = record.quote(f"{span.phase} {span.what}".strip())
    if not span.last:
        return f"{where}, attempt {span.number}: under way for {duration(span.seconds)}"
    outcome = "reached a gate" if span.outcome == "gate" else span.outcome
    reason = getattr(record.payload(span.last), "reason", "")
    why = f": {record.quote(reason)}" if reason and span.outcome in ("failed", "interrupted", "parked") else ""
    return f"{where}, attempt {span.number}: {outcome} after {duration(span.seconds)}{why}"


def _gate(record: _Record, span: Span) -> Iterator[str]:
    reached = record.payload(span.first)
    gate = getattr(reached, "gate", None)
    kind = f" ({gate.type})" if gate is not None else ""
    yield f"- **{record.quote(span.what)}**{kind}"
    if gate is not None and gate.trigger and gate.trigger != gate.heading:
        yield f"  - asked: {record.quote(gate.trigger)}"
    if gate is not None and gate.note:
        yield f"  - the agent said: {record.quote(gate.note)}"
    if not span.last:
        yield f"  - waits since {duration(span.seconds)}"
        return
    event = next(one for one in record.events if one.id == span.last)
    yield f"  - {_decision(record, event)} after it waited {duration(span.seconds)}"
    answer = getattr(event.payload, "answer", "") or getattr(event.payload, "why", "")
    if answer:
        word = "reason" if isinstance(event.payload, fact.ApprovalRejected) else "answer"
        yield f"  - {word}: {record.quote(answer)}"


def _decision(record: _Record, event: Event) -> str:
    by = named(event.actor, "", record.quote)
    match event.payload:
        case fact.ApprovalGranted() as granted:
            signed = f", signed by {record.quote(granted.signer)}" if granted.signer else ""
            return f"{granted.verdict} by {by}, at the {record.quote(granted.door)}{signed},"
        case fact.ApprovalRejected() as rejected:
            back = record.quote(f"{rejected.place.workflow}/{rejected.place.phase}")
            return f"rejected by {by}, back to {back},"
        case fact.RollbackExecuted():
            return "taken away by a rollback"
        case _:
            return f"ended by {record.quote(event.event_type)}"


def _ranges(numbers: Sequence[int]) -> str:
    """Return numbers in a row as `1-3, 7`."""
    found: list[list[int]] = []
    for n in sorted(set(numbers)):
        if found and n == found[-1][-1] + 1:
            found[-1].append(n)
        else:
            found.append([n])
    return ", ".join(f"{one[0]}" if len(one) == 1 else f"{one[0]}-{one[-1]}" for one in found)


# --- all of it -------------------------------------------------------------------------------------


def _rollbacks(record: _Record) -> Iterator[str]:
    moves = [one for one in tree(record.events).moves if one.kind in ("rollback", "undo")]
    if not moves:
        return
    yield "## Rollbacks"
    yield ""
    yield from (f"- {_moved(record, one)}" for one in moves)
    yield ""


def _moved(record: _Record, move: Move) -> str:
    who = "by itself" if move.automatic else f"by {named(move.actor, '', record.quote)}"
    left = f", leaving {move.left} checkpoint{'' if move.left == 1 else 's'}" if move.left else ""
    why = f": {record.quote(move.why)}" if move.why else ""
    at = f"{instant(move.at):%Y-%m-%d %H:%M}"
    if move.kind == "undo":
        return f"{at} the rollback to {_named(move.begin)} was undone {who}, back at {_named(move.end)}{left}"
    return f"{at} rolled back {who} from {_named(move.begin)} to {_named(move.end)}{left}{why}"


def _named(n: int) -> str:
    return f"checkpoint {n}" if n else "the start"


def _timeline(record: _Record) -> Iterator[str]:
    yield "## Timeline"
    yield ""
    day = ""
    for line in story(record.events, record.quote):
        then = instant(line.at)
        if day != (day := f"{then:%Y-%m-%d}"):
            yield f"- {day}"
        yield f"  - {then:%H:%M} {line.who}: {line.text}"
    yield ""
