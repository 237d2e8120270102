"""A log in memory and lines out of a few words, for the tests of the core."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from orchestrator.core.decide import Outcome, Sitting, approve, number, passed, start, start_phase
from orchestrator.core.events import AnyPayload, Event, Fact, FeatureCreated, PhaseStarted, Place, WorkflowStarted
from orchestrator.core.line import Document, Rules, read_document
from orchestrator.core.state import Feature, World, evolve
from orchestrator.core.statement import Bound, Item
from orchestrator.core.steps import Line, Step, next_step
from orchestrator.core.values import Sha, feature_id, slug

PERSON = "person:ana@example.org"
HEAD = Sha("a" * 40)
NEXT = Sha("b" * 40)
CONTEXT = Sha("c" * 40)

PHASES = "# Make it\n\nRead this first.\n\n## Phase 1: Write\n\nWrite it.\n\n## Phase 2: Check\n\nCheck it.\n"
HUMAN = (
    "# Show it\n\nRead that first.\n\n## Phase 1: Draw\n\nDraw the screen.\n\n### GATE 1: Screens\n\n"
    "Show both screens.\n\nAPPROVE the screens? (yes/no)\n\nAfterwards file them.\n\n## Phase 2: File\n\nFile them.\n"
)
DEPLOY = (
    "# Ship it\n\n## Phase 1: Pack\n\nPack it.\n\n### GATE 2: Production\n\nShow the version.\n\n"
    "APPROVE the deploy to production? (yes/no)\n\nThen run the ship script.\n"
)


@cache
def document(text: str, workflow: str) -> Document:
    """Return a document as it is read where nothing is configured."""
    return read_document(text, f"docs/add-feature-{workflow}-x.md", workflow, Rules())


def line(**texts: str) -> Line:
    """Return the line of `w1=..., w2b=...`, in that order; it pauses nowhere."""
    return Line(documents=tuple(document(text, name.removeprefix("w")) for name, text in texts.items()))


LINE = line(w1=PHASES, w2=HUMAN, w3=DEPLOY)


class History:
    """What was recorded; `world` is its fold. An event comes each second, its hash is its number's."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.world = World()

    def record(self, facts: Sequence[Fact]) -> list[Event]:
        """Append facts and return them in their places."""
        new = [event(fact, len(self.events) + at) for at, fact in enumerate(facts, 1)]
        for one in new:
            self.world = evolve(self.world, one)
        self.events += new
        return new

    def of(self, name: str = "payment") -> Feature:
        """Return a feature's state."""
        return self.world.features[feature_id(slug(name))]

    def say(self, payload: AnyPayload, name: str = "payment", actor: str = "kit") -> Feature:
        """Record a fact about a feature where it stands; return its state after it."""
        place = self.of(name).place
        self.record([Fact(payload, self.of(name).id, place.workflow, place.phase, actor)])
        return self.of(name)

    def start(self, name: str = "payment", at: Place | None = None, after: str = "") -> Feature:
        """Begin a feature at the line's beginning, or elsewhere."""
        other = feature_id(slug(after)) if after else None
        created = FeatureCreated(branch=f"feat/{name}", commit=HEAD, place=at or Place("1", 1, "1"), after=other)
        self.record(start(self.world, slug(name), created, PERSON))
        return self.of(name)

    def begin(self, name: str = "payment", run: str = "r") -> Feature:
        """Open an attempt, of a workflow that is begun where it was not."""
        if not self.of(name).place.begun:
            self.say(WorkflowStarted(title=""), name)
        feature = self.of(name)
        opened = PhaseStarted(ordinal=feature.place.ordinal, attempt=number(feature), run=run, worktree="/tree")
        self.record(start_phase(feature, opened))
        return self.of(name)

    def work(self, line: Line, name: str = "payment", whole: bool = False) -> Step:
        """Pass one step; return what was handed out."""
        step = next_step(line, self.of(name).place, whole)
        self.begin(name)
        self.record(passed(self.of(name), line, step, Outcome(run="r"), ""))
        return step

    def approve(self, line: Line, name: str = "payment", verdict: str = "approved", answer: str = "") -> Feature:
        """Decide the gate at which a feature waits."""
        item = Item(bound=bound(self.of(name)), verdict=verdict, answer=answer)
        facts, refused = approve(self.world, line, [item], Sitting(door="terminal", actor=PERSON, batch="b"))
        assert refused == {}
        self.record(facts)
        return self.of(name)

    def types(self, since: int = 0) -> list[str]:
        """Return the types of what was recorded after event `since`."""
        return [one.event_type for one in self.events[since:]]


def bound(feature: Feature) -> Bound:
    """Return what a decision about a feature's gate is bound to; what lies outside the log is not looked at here."""
    assert feature.gate is not None
    return Bound(
        feature=feature.id, branch=feature.branch, workflow=feature.place.workflow, phase=feature.place.phase,
        gate=feature.gate.gate.key, type=feature.gate.gate.type, reached=feature.gate.event, commit=feature.tip,
        tree=None, document="", context="", evidence="", head=feature.last_hash,
    )  # fmt: skip


def event(fact: Fact, number: int) -> Event:
    """Return a fact in its place."""
    return Event(
        id=number,
        timestamp=at(number),
        feature=fact.feature,
        workflow=fact.workflow,
        phase=fact.phase,
        actor=fact.actor,
        payload=fact.payload,
        hash=f"{number:064x}",
    )


def at(number: int) -> str:
    """Return the time of event `number`."""
    return f"2025-11-20T{8 + number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}-03:00"
