"""Checks what people decided: statements and signatures, who may sign, changes of the line, and gates passed without.

Read from the log alone, with whose signature counted at that time. Terminal approvals are checked for what they are
bound to; signatures only where one was given or needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache

from msgspec.structs import replace

from orchestrator import config, documents
from orchestrator.adapters import signing
from orchestrator.core import events as fact
from orchestrator.core import statement
from orchestrator.core.events import Event, Place
from orchestrator.core.line import GateFound
from orchestrator.core.state import Feature, Signer, World, fold
from orchestrator.core.statement import Item, SignerItem, Statement
from orchestrator.core.steps import Line, stops_between
from orchestrator.core.values import FeatureId, Sha, Status, Value, natural_order, slug_of
from orchestrator.documents import Source
from orchestrator.errors import BadConfiguration, BadStatement, GitFailed, OrchestratorError
from orchestrator.verifying.findings import Found, error
from orchestrator.verifying.sight import Sight

_LOOK = "a person looks at that event (orchestrator log), and decides the gate anew where it should not have passed"
_OF_A_SITTING = (
    fact.SittingHeld, fact.ApprovalGranted, fact.PhaseCompleted, fact.WorkflowCompleted, fact.FeatureCompleted,
    fact.LineAccepted, fact.SignerAdded, fact.SignerRevoked,
)  # fmt: skip
_NAME = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_BEYOND = "999999999"  # an id behind every workflow's
_LEAVES = (
    fact.ApprovalGranted, fact.ApprovalRejected, fact.RollbackExecuted, fact.RollbackUndone, fact.FeatureFailed,
    fact.FeatureRetired,
)  # fmt: skip


class Held(Value):
    """A statement of the log: what it says, whose valid signature it bears, or why none."""

    says: Statement
    signer: str
    why: str


class Passed(Value):
    """A gate that was decided as it had to be: its workflow, key, label, and where it lies."""

    workflow: str
    ordinal: int
    key: str
    label: str
    is_signed: bool
    counts: bool  # signed, or of a type that needed no signature then


def decisions(sight: Sight) -> Iterator[Found]:
    """Give what is wrong with what was decided."""
    yield from Audit(sight).findings()


class Audit:
    """One walk through the log."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight
        self._identity = ""
        self._held: dict[str, Held] = {}
        self._used: set[tuple[str, str]] = set()
        self._open = ""  # the statement of the sitting that is being recorded
        self._heads: dict[FeatureId, str] = {}
        self._signers: tuple[Signer, ...] = ()
        self._had_signers = False
        self._tree: Sha | None = None
        self._signed: frozenset[str] = frozenset()
        self._features: dict[FeatureId, Feature] = {}
        self._passed: dict[FeatureId, list[Passed]] = {}
        self._before: dict[FeatureId, list[tuple[str, Place, list[Passed]]]] = {}  # by the rollback's operation
        self._source = cache(self._read_source)
        self._line = cache(self._read_line)

    def findings(self) -> Iterator[Found]:
        """Give the findings in the log's order."""
        for event in self._sight.workspace.events():
            self._identity = self._identity or event.hash
            yield from self._shared(event)
            if not isinstance(event.payload, _OF_A_SITTING):
                self._open = ""
            if event.feature is not None:
                yield from self._of_feature(event.feature, event)
                self._heads[event.feature] = event.hash

    # --- statements, signers, the line -----------------------------------------------------------

    def _shared(self, event: Event) -> Iterator[Found]:
        match event.payload:
            case fact.SittingHeld() as sitting:
                yield from self._take(event, sitting)
            case fact.SignerAdded(name=name, key=key, statement=named):
                new = Signer(name=name, key=key)
                first = () if self._had_signers else (new,)
                yield from self._change_of_signers(event, named, "add", new, self._signers or first)
                self._signers, self._had_signers = (*self._signers, new), True
                if self._tree is not None:  # the line that holds is believed no longer where it is gone
                    yield from self._lost_line(event, self._tree)
                    self._signed = self._signed_by(self._tree)
            case fact.SignerRevoked(name=name, key=key, statement=named):
                yield from self._change_of_signers(event, named, "revoke", Signer(name=name, key=key), self._signers)
                self._signers = tuple(one for one in self._signers if one.key != key)
            case fact.LineAccepted(tree=tree, statement=named):
                if not _NAME.fullmatch(tree):  # what git would look up is another thing each time
                    yield error("V904", "refs/orchestrator/line", f"event #{event.id} names no tree", _LOOK)
                    return
                yield from self._change_of_line(event, tree, named)
                self._tree = tree
                yield from self._lost_line(event, tree)
                self._signed = self._signed_by(tree)
            case _:
                return

    def _take(self, event: Event, sitting: fact.SittingHeld) -> Iterator[Found]:
        try:
            says = statement.read(sitting.statement)
            self._refuse_foreign(event, says)
        except BadStatement as wrong:
            yield error("V901", _where(event), f"the statement of event #{event.id} does not count: {wrong}", _LOOK)
            return
        named = statement.digest(sitting.statement)
        if named in self._held:
            yield error("V901", _where(event), f"the statement of event #{event.id} was used before", _LOOK)
            return
        self._open = named
        signer, why = "", "it carries no signature"
        if sitting.signature:
            signers = self._signers or (() if self._had_signers else _own(says))
            try:
                signer, why = signing.check(sitting.statement, sitting.signature, signers), ""
            except OrchestratorError as wrong:
                why = str(wrong)
                yield error("V902", _where(event), f"the signature of event #{event.id} does not count: {wrong}", _LOOK)
        self._held[named] = Held(says=says, signer=signer, why=why)

    def _refuse_foreign(self, event: Event, says: Statement) -> None:
        if says.repository != ("" if event.id == 1 else self._identity):
            raise BadStatement("it was made for another repository")
        if not statement.is_current(says, datetime.fromisoformat(event.timestamp)):
            raise BadStatement(f"it was made at {says.issued} and recorded at {event.timestamp}")

    def _change_of_signers(
        self, event: Event, named: str, action: str, of: Signer, may: tuple[Signer, ...]
    ) -> Iterator[Found]:
        held = self._once(named, "signer")
        wanted = SignerItem(action=action, name=of.name, key=of.key)
        if held is None or held.says.signer != wanted:
            why = "no statement says so"
        elif held.signer not in {one.name for one in may}:
            why = held.why or "who signed it may not"
        else:
            return
        what = f"the signer {of.name} was {'added' if action == 'add' else 'revoked'} by event #{event.id}: {why}"
        yield error("V903", _where(event), what, _LOOK)

    def _change_of_line(self, event: Event, tree: Sha, named: str) -> Iterator[Found]:
        if not self._signed or self._tree in (None, tree):
            return
        held = self._once(named, "line")
        said = held.says.line if held is not None and held.signer else None
        if said is not None and (said.tree, said.before) == (tree, self._tree):
            return
        lost = self._weaker(tree)
        if lost:
            what = f"event #{event.id} accepted a weaker line without a valid signature: {lost}"
            yield error("V904", "refs/orchestrator/line", what, _LOOK)

    def _once(self, named: str, what: str) -> Held | None:
        """Return the statement of the sitting that is being recorded, the first time that it is asked for this."""
        if named != self._open or (named, what) in self._used:
            return None
        self._used.add((named, what))
        return self._held.get(named)

    def _weaker(self, tree: Sha) -> str:
        """Return the first thing in which an accepted line asks less than the one before it."""
        old, new = self._source(self._tree), self._source(tree)
        if old is None or new is None:
            return ""  # which is said of its own
        try:
            return next(iter(documents.effective(new, old).pending), "")
        except BadConfiguration as wrong:
            return str(wrong)

    def _signed_by(self, tree: Sha) -> frozenset[str]:
        """Return the types that need a signature by an accepted line; where it is gone, all once somebody signs."""
        try:
            return config.parse(self._sight.git.unaltered().blob(f"{tree}:{config.FILE}")).gates.signed
        except (GitFailed, BadConfiguration):
            return frozenset(config.STOPPING) if self._had_signers else self._signed

    def _lost_line(self, event: Event, tree: Sha) -> Iterator[Found]:
        if self._had_signers and self._source(tree) is None:
            what = f"the line that event #{event.id} accepted is gone from git: what it asked for is not known"
            yield error("V904", "refs/orchestrator/line", what, _LOOK)

    def _read_source(self, tree: Sha | None) -> Source | None:
        if tree is None:
            return None
        try:
            return documents.accepted_source(self._sight.git.unaltered(), tree)
        except GitFailed:
            return None

    def _read_line(self, tree: Sha | None) -> Line:
        found = self._source(tree)
        try:
            return documents.reading(found).line if found is not None else Line()
        except BadConfiguration:
            return Line()

    # --- gates -----------------------------------------------------------------------------------

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
        return error("V905", _where(event), what, _LOOK, of=feature)

    def _objection(self, feature: FeatureId, before: Feature | None, granted: fact.ApprovalGranted) -> str:
        """Return why an approval does not count, or nothing."""
        waits = before.gate if before is not None else None
        if waits is None or waits.gate.key != granted.gate.key:
            return "no such gate waited"
        needed = self._needs_signature(before, granted)
        if not granted.statement and granted.signer:
            return "it names a signer and no statement"
        if not granted.statement and not needed:
            return ""  # of a version that stated nothing
        held = self._held.get(granted.statement)
        if held is None:
            return "no statement of a person's says so" if granted.statement else "it carries no signature"
        item = next((one for one in held.says.items if one.bound.feature == feature), None)
        if item is None:
            return "its statement does not speak of that feature"
        if (granted.statement, feature) in self._used:
            return "its statement was used before"
        self._used.add((granted.statement, feature))
        if changed := _unlike(item, granted, self._heads.get(feature, "")):
            return f"its statement says otherwise: {changed}"
        if needed and not held.signer:
            return held.why
        if granted.signer != held.signer:
            return "it names another signer than its statement has"
        return ""

    def _needs_signature(self, before: Feature | None, granted: fact.ApprovalGranted) -> bool:
        """Tell whether a gate's approval had to be signed: by what the event, the gate and the line say of its type."""
        types = {granted.gate.type}
        if before is not None:
            document = self._line(self._tree).document(before.place.workflow) if self._signed else None
            types |= {str(one.type) for one in (document.gates if document else ()) if one.key == granted.gate.key}
            types |= {before.gate.gate.type} if before.gate is not None else set()
        return not self._signed.isdisjoint(types)

    def _begun(self, feature: Feature, event: Event) -> Iterator[Found]:
        """Give the stops before the place at which a feature begins, also an imported one."""
        if not self._signed:
            return
        beginning = self._line(self._tree).beginning()
        is_end = feature.status is Status.COMPLETED
        for workflow, gate in self._crossed(beginning, feature.place, is_end=is_end) if beginning is not None else ():
            if str(gate.type) in self._signed:
                yield self._without(feature, event, f"{workflow} {gate.heading}")

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
        document = self._line(self._tree).document(before.place.workflow) if self._signed else None
        gate = next((one for one in document.gates if one.key == key), None) if document is not None else None
        held = self._held.get(named)
        is_signed = held is not None and bool(held.signer)
        is_free = not self._signed or (gate is not None and gate.stops and str(gate.type) not in self._signed)
        return Passed(
            workflow=before.place.workflow,
            ordinal=before.gate.ordinal if before.gate is not None else 0,
            key=key,
            label=gate.label if gate is not None else "",
            is_signed=is_signed,
            counts=is_signed or is_free,
        )

    def _passed_over(self, before: Feature, after: Feature, event: Event) -> Iterator[Found]:
        """Give the stops that need a signature and lie behind a feature now, though nobody decided them."""
        is_end = after.status is Status.COMPLETED and before.status is not Status.COMPLETED
        if before.place == after.place and not is_end:
            return
        passed = self._passed.get(after.id, [])
        known = {one.key for one in passed if one.workflow == after.place.workflow}
        for key in after.place.decided:
            if key not in known and key not in _decided_before(before.place, after.place):
                yield self._without(after, event, f"{after.place.workflow} {key}")
        for workflow, gate in self._crossed(before.place, after.place, is_end=is_end):
            if str(gate.type) in self._signed and not self._is_among(passed, workflow, gate):
                yield self._without(after, event, f"{workflow} {gate.heading}")

    def _crossed(self, here: Place, there: Place, *, is_end: bool) -> Iterator[tuple[str, GateFound]]:
        """Give the stops between two places, whatever the events say that was decided there."""
        line = self._line(self._tree)
        bare = replace(here, decided=())
        end = Place(workflow=_BEYOND) if is_end else there
        yield from ((place.workflow, gate) for place, gate in stops_between(line, bare, end, ()))
        document = line.document(there.workflow)
        for gate in document.gates if document is not None and not is_end else ():
            if gate.key in there.decided and gate.ordinal == there.ordinal and gate.stops:
                yield there.workflow, gate

    def _is_among(self, passed: list[Passed], workflow: str, gate: GateFound) -> bool:
        """Tell whether a gate was decided: by its key, or by a number that it alone bears, where that was signed."""
        if any(one.counts and (one.workflow, one.key) == (workflow, gate.key) for one in passed):
            return True
        document = self._line(self._tree).document(workflow)
        gates = document.gates if document is not None else ()
        keys, labels = {one.key for one in gates}, [one.label for one in gates]
        return labels.count(gate.label) == 1 and any(
            one.is_signed and one.key not in keys and (one.workflow, one.label) == (workflow, gate.label)
            for one in passed
            if gate.label
        )

    def _without(self, feature: Feature, event: Event, gate: str) -> Found:
        what = f"{feature.slug} went past {gate} without a signed decision (event #{event.id}, {event.event_type})"
        return error("V906", _where(event), what, _LOOK, of=feature.id)


def _own(says: Statement) -> tuple[Signer, ...]:
    """Return the signer that a first statement vouches for: themselves."""
    one = says.signer
    return (Signer(name=one.name, key=one.key),) if one is not None and one.action == "add" else ()


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


def _where(event: Event) -> str:
    return f"events.jsonl:{event.id}"
