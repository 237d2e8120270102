"""The rows that each plot is drawn from: stretches, counts and sums of the log. Draws nothing, estimates nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from orchestrator.adapters.agent import one_line
from orchestrator.core import events as fact
from orchestrator.core.events import Event
from orchestrator.core.measure import DECIDED
from orchestrator.core.spans import Span
from orchestrator.core.telling import duration
from orchestrator.core.values import Value, natural_order

PASSED, FAILED, UNCOUNTED = "attempt passed", "attempt failed", "attempt not counted"
GATE, STOPPED = "waits at a gate", "paused or parked"
ROLLBACK, UNDO = "rollback", "rollback undone"
_DAYS = 21  # a log up to so long is counted by the day
_OUTCOMES = {"passed": PASSED, "gate": PASSED, "failed": FAILED}


class Stretch(Value):
    """A bar or a mark of a lane; times as in the log, `seconds` from the first one's beginning."""

    feature: str
    kind: str
    began: str
    ended: str
    first: float
    last: float
    says: str


class Bar(Value):
    """A named amount; `says` is what people read beside it or on it."""

    name: str
    amount: float
    says: str


def lanes(spans: Sequence[Span], events: Sequence[Event]) -> list[Stretch]:
    """Return the stretches, those of the feature that was started first first; what lasts ends with the last event."""
    if not spans:
        return []
    begin, end = min(_instant(one.began) for one in spans), events[-1].timestamp
    started = list(dict.fromkeys(one.feature for one in events))
    places = {feature: place for place, feature in enumerate(started)}
    return [_stretch(one, end, begin) for one in sorted(spans, key=lambda one: places[one.feature])]


def _stretch(span: Span, end: str, begin: datetime) -> Stretch:
    ended = span.ended or end
    name, kind = span.feature.removeprefix("feat-"), _kind(span)
    number = f" {span.number}" if span.number else ""
    place = f"{span.workflow}/{span.phase}"
    how = f", {span.outcome or 'lasts'}" if span.kind != "rollback" else ""
    what = f": {one_line(span.what)}" if span.what else ""
    words = ROLLBACK if span.kind == "rollback" else f"{span.kind}{number}"
    return Stretch(
        feature=name,
        kind=kind,
        began=span.began,
        ended=ended,
        first=(_instant(span.began) - begin).total_seconds(),
        last=(_instant(ended) - begin).total_seconds(),
        says=f"{name} {place}, {words if kind != UNDO else UNDO}{what}{how}, {duration(span.seconds)}",
    )


def _kind(span: Span) -> str:
    if span.kind == "attempt":
        return _OUTCOMES.get(span.outcome, UNCOUNTED)
    if span.kind == "rollback":
        return UNDO if span.outcome == "undone" else ROLLBACK
    return GATE if span.kind == "gate" else STOPPED


def throughput(events: Iterable[Event]) -> tuple[list[Bar], str]:
    """Return features completed, by day or week, those without any too, and which of the two it is."""
    found = list(events)
    if not found:
        return [], "day"
    first, last = _instant(found[0].timestamp).astimezone(), _instant(found[-1].timestamp).astimezone()
    step = 1 if (last - first).days <= _DAYS else 7
    begin = (first - timedelta(days=first.weekday() if step == 7 else 0)).date()
    completed = {one.feature: one for one in found if isinstance(one.payload, fact.FeatureCompleted)}
    days = [_instant(one.timestamp).astimezone().date() for one in completed.values()]
    counts = Counter((one - begin).days // step for one in days)
    bars = []
    for at in range((last.date() - begin).days // step + 1):
        day = begin + timedelta(days=at * step)
        bars.append(Bar(f"{day:%Y-%m-%d}", counts[at], f"{day:%Y-%m-%d}: {counts[at]} completed"))
    return bars, "day" if step == 1 else "week"


def gate_waits(spans: Iterable[Span]) -> list[Bar]:
    """Return how long each decided gate waited, in seconds, in the order of the line."""
    waits = [one for one in spans if one.kind == "gate" and one.outcome in DECIDED]
    return [
        Bar(
            name=one_line(f"{one.workflow} {one.what}"),
            amount=one.seconds,
            says=f"{one.feature.removeprefix('feat-')} {one.workflow}: {one.outcome} after {duration(one.seconds)}",
        )
        for one in sorted(waits, key=lambda one: natural_order(one.workflow))
    ]


def costs(events: Iterable[Event]) -> list[Bar]:
    """Return what clients said that their calls cost, in US dollars, by workflow."""
    sums: dict[str, float] = defaultdict(float)
    calls: Counter[str] = Counter()
    for one in events:
        if isinstance(one.payload, fact.AgentEnded) and one.payload.cost:
            sums[one.workflow or ""] += one.payload.cost
            calls[one.workflow or ""] += 1
    names = sorted(sums, key=natural_order)
    return [Bar(name, round(sums[name], 4), f"${sums[name]:.2f} in {calls[name]} calls") for name in names]


def failures(spans: Iterable[Span], most: int = 15) -> list[Bar]:
    """Return where attempts failed: workflow and phase, at most so many places, the worst first."""
    attempts = [one for one in spans if one.kind == "attempt"]
    begun = Counter(f"{one.workflow}/{one.phase}" for one in attempts)
    failed = Counter(f"{one.workflow}/{one.phase}" for one in attempts if one.outcome == "failed")
    return [Bar(one_line(name), count, f"{count} of {begun[name]}") for name, count in failed.most_common(most)]


def _instant(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp)
