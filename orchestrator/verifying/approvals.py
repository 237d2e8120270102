"""Checks what people decided: that each approval is what was stated, and that no gate was passed without one.

Read from the log alone, event by event; no event's own word counts for what a gate is. Every approval is checked for
what it is bound to, a signature where one was given or needed (`statements.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from orchestrator.config import STOPPING
from orchestrator.core import events as fact
from orchestrator.core.events import Event, Place
from orchestrator.core.line import GateFound
from orchestrator.core.state import Feature, World, fold
from orchestrator.core.statement import Item
from orchestrator.core.steps import stops_between
from orchestrator.core.values import FeatureId, Status, Value, natural_order, slug_of
from orchestrator.verifying.findings import Found, error
from orchestrator.verifying.sight import Sight
from orchestrator.verifying.statements import LOOK, Statements, where

_BEYOND = 1 << 62  # behind every phase
_LEAVES = (
    fact.ApprovalGranted, fact.ApprovalRejected, fact.RollbackExecuted, fact.RollbackUndone, fact.FeatureFailed,
    fact.FeatureRetired,
)  # fmt: skip


class Passed(Value):
    """A gate that was decided as it had to be: its workflow, key, label, and where it lies."""

    workflow: str
    ordinal: int
    key: str
    label: str
    is_signed: bool
    type: str
    counts: bool  # a gate of the line then, and signed or of a type that needed no signature


def decisions(sight: Sight) -> Iterator[Found]:
    """Give what is wrong with what was decided."""
    yield from Audit(sight).findings()


class Audit:
    """One walk through the log."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight
        self._stated = Statements(sight.git)
        self._heads: dict[FeatureId, str] = {}
        self._features: dict[FeatureId, Feature] = {}
        self._passed: dict[FeatureId, list[Passed]] = {}
        self._before: dict[FeatureId, list[tuple[str, Place, list[Passed]]]] = {}  # by the rollback's operation

    def findings(self) -> Iterator[Found]:
        """Give the findings in the log's order."""
        for event in self._sight.workspace.events():
            yield from self._stated.read(event)
            if isinstance(event.payload, fact.LineAccepted):
                yield from self._renamed(event)
            if event.feature is not None:
                yield from self._of_feature(event.feature, event)
                self._heads[event.feature] = event.hash

    @property
    def _signed(self) -> frozenset[str]:
        return self._stated.signed

    def _of_feature(self, feature: FeatureId, event: Event) -> Iterator[Found]:
        before = self._features.get(feature)
        objection = ""
        if isinstance(event.payload, fact.ApprovalGranted):
            objection = self._objection(feature, before, event.payload)
            if objection:
                yield self._refused(feature, event, event.payload, objection)
        world = World(features={feature: before} if before else {})
        after = fold(world, (event,)).feature(feature)
        if after is None:
            return
        self._features[feature] = after
        if before is None:
            yield from self._begun(after, event)
            return
        if self._signed:
            yield from self._left(before, after, event)
        is_back = self._is_undone(before, after, event)
        self._keep(before, after, event, is_valid=not objection)
        if self._signed and not is_back:
            yield from self._passed_over(before, after, event)

    def _refused(self, feature: FeatureId, event: Event, granted: fact.ApprovalGranted, why: str) -> Found:
        gate = f"{event.workflow} {granted.gate.heading}"
        what = f"the approval of {slug_of(feature)} at {gate} (event #{event.id}) does not count: {why}"
        return error("V905", where(event), what, LOOK, of=feature)

    def _objection(self, feature: FeatureId, before: Feature | None, granted: fact.ApprovalGranted) -> str:
        """Return why an approval does not count, or nothing."""
        waits = before.gate if before is not None else None
        if waits is None or waits.gate.key != granted.gate.key:
            return "no such gate waited"
        needed = self._needs_signature(before, granted)
        if not granted.statement and granted.signer:
            return "it names a signer and no statement"
        if not granted.statement and not needed:
            return self._unasked(before, granted)  # of a version that stated nothing
        held = self._stated.get(granted.statement)
        if held is None:
            return "no statement of a person's says so" if granted.statement else "it carries no signature"
        item = next((one for one in held.says.items if one.bound.feature == feature), None)
        if item is None:
            return "its statement does not speak of that feature"
        if not self._stated.take(granted.statement, feature):
            return "its statement was used before"
        if changed := _unlike(item, granted, self._heads.get(feature, "")):
            return f"its statement says otherwise: {changed}"
        if needed and not held.signer:
            return held.why
        if granted.signer != held.signer:
            return "it names another signer than its statement has"
        return self._unasked(before, granted)

    def _unasked(self, before: Feature | None, granted: fact.ApprovalGranted) -> str:
        """Return why a gate is none at which anybody is asked so, or nothing."""
        if self._signed and granted.gate.type not in STOPPING:
            return f"nobody is asked at a {granted.gate.type} gate"
        gate = self._gate(before.place.workflow, granted.gate.key) if before is not None else None
        if granted.verdict == "skipped" and gate is not None and not gate.condition:
            return "its gate has no condition to skip it by"
        return ""

    def _needs_signature(self, before: Feature | None, granted: fact.ApprovalGranted) -> bool:
        """Tell whether a gate's approval had to be signed: by what the event, the gate and the line say of its type."""
        types = {granted.gate.type}
        if before is not None:
            gate = self._gate(before.place.workflow, granted.gate.key)
            types |= {str(gate.type)} if gate is not None else set()
            types |= {before.gate.gate.type} if before.gate is not None else set()
        return not self._signed.isdisjoint(types)

    def _begun(self, feature: Feature, event: Event) -> Iterator[Found]:
        """Give the stops before the place at which a feature begins, also an imported one."""
        if not self._signed:
            return
        beginning = self._stated.line.beginning()
        is_end = feature.status is Status.COMPLETED
        for workflow, gate in self._crossed(beginning, feature.place, is_end=is_end) if beginning is not None else ():
            yield from self._undecided(feature, event, workflow, gate)
        for key in feature.place.decided:
            yield self._without(feature, event, f"{feature.place.workflow} {key}")

    def _left(self, before: Feature, after: Feature, event: Event) -> Iterator[Found]:
        """Give a gate that needs a signature and waits no longer, though nobody decided it."""
        waits = before.gate
        if waits is None or waits.gate.type not in self._signed or isinstance(event.payload, _LEAVES):
            return
        is_over = after.status is Status.COMPLETED and before.status is not Status.COMPLETED
        if after.gate is None or after.gate.event != waits.event or is_over:
            yield self._without(before, event, f"{before.place.workflow} {waits.gate.heading}")

    def _keep(self, before: Feature, after: Feature, event: Event, *, is_valid: bool) -> None:
        """Remember which gates are decided; a rejection or a rollback lets those from its place on go."""
        passed = self._passed.setdefault(after.id, [])
        match event.payload:
            case fact.ApprovalGranted() as granted if is_valid and before.gate is not None:
                passed.append(self._decided(before, before.gate.gate.key, granted.statement))
            case fact.ApprovalUndone(gate=gate):
                self._passed[after.id] = [
                    one for one in passed if (one.workflow, one.key) != (event.workflow, gate.key)
                ]
                self._before.pop(after.id, None)  # what a person took back, no undo brings forward
            case fact.ApprovalRejected(place=place):
                self._passed[after.id] = _before_place(passed, place)
                self._before.pop(after.id, None)  # what a person sent back, no undo brings forward
            case fact.StateEdited(place=Place() as place) if not _is_forward(before.place, place):
                self._passed[after.id] = _before_place(passed, place)
            case fact.RollbackExecuted(operation=operation):
                if before.ordered is None or before.ordered.operation != operation:
                    return  # nobody ordered it, and nothing comes of it
                self._before.setdefault(after.id, []).append((operation, before.place, passed))
                self._passed[after.id] = _before_place(passed, after.place)
            case fact.RollbackUndone():
                if self._is_undone(before, after, event):
                    self._passed[after.id] = self._before[after.id].pop()[2]
                elif before.undo is not None:
                    self._before.pop(after.id, None)  # the fold took one back that is not the last one here
            case _:
                return

    def _is_undone(self, before: Feature, after: Feature, event: Event) -> bool:
        """Tell whether an event undoes the last rollback that stands: then the feature is where it was."""
        stack = self._before.get(before.id, [])
        undone, last = event.payload, before.undo
        if not isinstance(undone, fact.RollbackUndone) or last is None or not stack:
            return False
        return stack[-1][0] == undone.undoes == last.operation and stack[-1][1] == after.place

    def _decided(self, before: Feature, key: str, named: str) -> Passed:
        """Return a gate that was just decided: its number and type are those of its document, not the event's word."""
        is_reported = before.gate is not None and before.gate.gate.reported
        gate = self._gate(before.place.workflow, key) if not is_reported else None
        held = self._stated.get(named)
        is_signed = held is not None and bool(held.signer)
        is_free = not self._signed or (gate is not None and gate.stops and str(gate.type) not in self._signed)
        return Passed(
            workflow=before.place.workflow,
            ordinal=gate.ordinal if gate is not None else before.place.ordinal,
            key=key,
            label=gate.label if gate is not None else "",
            is_signed=is_signed,
            type=str(gate.type) if gate is not None else "",
            counts=(is_signed and gate is not None) or is_free,
        )

    def _passed_over(self, before: Feature, after: Feature, event: Event) -> Iterator[Found]:
        """Give the stops that need a signature and lie behind a feature now, though nobody decided them."""
        is_end = after.status is Status.COMPLETED and before.status is not Status.COMPLETED
        if before.place == after.place and not is_end:
            return
        passed = self._passed.get(after.id, [])
        known = {one.key for one in passed if one.workflow == after.place.workflow and (one.counts or one.is_signed)}
        for key in after.place.decided:
            if key not in known and key not in _decided_before(before.place, after.place):
                yield self._without(after, event, f"{after.place.workflow} {key}")
        for workflow, gate in self._crossed(before.place, after.place, is_end=is_end):
            yield from self._undecided(after, event, workflow, gate)

    def _crossed(self, here: Place, there: Place, *, is_end: bool) -> Iterator[tuple[str, GateFound]]:
        """Give the stops between two places, whatever the events say that was decided there."""
        bare = replace(here, decided=())
        last = self._stated.line.documents[-1:]
        end = Place(workflow=last[0].id, ordinal=_BEYOND) if is_end and last else there
        yield from ((place.workflow, gate) for place, gate in stops_between(self._stated.line, bare, end, ()))
        if not is_end:
            yield from ((there.workflow, gate) for gate in self._claimed(there))

    def _claimed(self, place: Place) -> Iterator[GateFound]:
        """Give the stops of a phase that a feature's place calls decided."""
        document = self._stated.document(place.workflow)
        for gate in document.gates if document is not None else ():
            if gate.key in place.decided and gate.ordinal == place.ordinal and gate.stops:
                yield gate

    def _renamed(self, event: Event) -> Iterator[Found]:
        """Give the stops of a new line that features call decided already, though nobody decided them."""
        for feature in self._features.values():
            for gate in self._claimed(feature.place):
                yield from self._undecided(feature, event, feature.place.workflow, gate)

    def _undecided(self, feature: Feature, event: Event, workflow: str, gate: GateFound) -> Iterator[Found]:
        """Give a stop that needs a signature, unless it was decided."""
        if str(gate.type) in self._signed and not self._is_among(self._passed.get(feature.id, []), workflow, gate):
            yield self._without(feature, event, f"{workflow} {gate.heading}")

    def _gate(self, workflow: str, key: str) -> GateFound | None:
        """Return a gate of the line by its key; None also where nothing of the line needs a signature."""
        document = self._stated.document(workflow)
        return next((one for one in document.gates if one.key == key), None) if document is not None else None

    def _is_among(self, passed: list[Passed], workflow: str, gate: GateFound) -> bool:
        """Tell whether a gate was decided: by its key, or by a number that it alone bears, where that was signed."""
        same = [one for one in passed if (one.workflow, one.key, one.ordinal) == (workflow, gate.key, gate.ordinal)]
        if any(one.counts and (one.is_signed or one.type in ("", str(gate.type))) for one in same):
            return True
        document = self._stated.document(workflow)
        gates = document.gates if document is not None else ()
        keys, labels = {one.key for one in gates}, [one.label for one in gates]
        return labels.count(gate.label) == 1 and any(
            one.is_signed and one.key not in keys and (one.workflow, one.label) == (workflow, gate.label)
            for one in passed
            if gate.label
        )

    def _without(self, feature: Feature, event: Event, gate: str) -> Found:
        what = f"{feature.slug} went past {gate} without a signed decision (event #{event.id}, {event.event_type})"
        return error("V906", where(event), what, LOOK, of=feature.id)


def _unlike(item: Item, granted: fact.ApprovalGranted, head: str) -> str:
    """Return the first thing in which an event differs from what was stated, or nothing."""
    bound = item.bound
    for name, stated, recorded in (
        ("head", bound.head, head),
        ("gate", bound.gate, granted.gate.key),
        ("type", bound.type, granted.gate.type),
        ("commit", bound.commit, granted.commit),
        ("verdict", item.verdict, granted.verdict),
        ("answer", item.answer, granted.answer),
    ):
        if stated != recorded:
            return name
    return ""


def _before_place(passed: list[Passed], place: Place) -> list[Passed]:
    here = (natural_order(place.workflow), place.ordinal)
    kept = [one for one in passed if (natural_order(one.workflow), one.ordinal) < here]
    same = [one for one in passed if one.workflow == place.workflow and one.key in place.decided]
    return list(dict.fromkeys([*kept, *same]))


def _decided_before(before: Place, after: Place) -> tuple[str, ...]:
    is_same = (before.workflow, before.ordinal) == (after.workflow, after.ordinal)
    return before.decided if is_same else ()


def _is_forward(here: Place, there: Place) -> bool:
    return (natural_order(there.workflow), there.ordinal) > (natural_order(here.workflow), here.ordinal)
